-- Tables of schema mart: conformed dimensions, facts and stored summaries; its views are in views.sql.
CREATE SCHEMA mart;
CREATE TABLE mart.dim_date (date_key INTEGER PRIMARY KEY, cal_dt DATE NOT NULL, iso_wk INTEGER, mth_start DATE, qtr VARCHAR,
  fy INTEGER, is_bank_hol BOOLEAN);
CREATE TABLE mart.dim_customer (cust_key INTEGER PRIMARY KEY, cust_id BIGINT NOT NULL, full_nm VARCHAR,
  postcode_area VARCHAR, tier_cd VARCHAR, first_ord_dt DATE, eff_from DATE, eff_to DATE, is_current BOOLEAN);
CREATE TABLE mart.dim_product (prod_key INTEGER PRIMARY KEY, sku VARCHAR NOT NULL, product_nm VARCHAR, brand_nm VARCHAR,
  cat_nm VARCHAR, dept_nm VARCHAR, unit_cost DECIMAL(10, 2));
CREATE TABLE mart.dim_store (store_key INTEGER PRIMARY KEY, store_id INTEGER NOT NULL, store_nm VARCHAR, region_cd VARCHAR,
  size_band VARCHAR, open_flg VARCHAR);
CREATE TABLE mart.fct_sales (
  date_key INTEGER NOT NULL REFERENCES mart.dim_date (date_key), cust_key INTEGER REFERENCES mart.dim_customer (cust_key),
    prod_key INTEGER NOT NULL REFERENCES mart.dim_product (prod_key),
  store_key INTEGER REFERENCES mart.dim_store (store_key), order_id BIGINT, line_no INTEGER, channel_cd VARCHAR, qty INTEGER,
    gross_amt DECIMAL(12, 2), disc_amt DECIMAL(12, 2), net_amt DECIMAL(12, 2),
  cost_amt DECIMAL(12, 2));
CREATE TABLE mart.fct_returns (
  date_key INTEGER NOT NULL REFERENCES mart.dim_date (date_key),
    prod_key INTEGER NOT NULL REFERENCES mart.dim_product (prod_key),
    store_key INTEGER REFERENCES mart.dim_store (store_key),
  return_id BIGINT, qty INTEGER, refund_amt DECIMAL(12, 2), reason_cd VARCHAR);
CREATE TABLE mart.fct_stock_wkly (
  date_key INTEGER NOT NULL REFERENCES mart.dim_date (date_key),
    prod_key INTEGER NOT NULL REFERENCES mart.dim_product (prod_key), loc_cd VARCHAR, closing_qty INTEGER,
    stock_value DECIMAL(12, 2));
CREATE TABLE mart.agg_store_sales_dly (store_id INTEGER NOT NULL, sales_dt DATE NOT NULL, order_cnt INTEGER,
  unit_cnt INTEGER, net_amt DECIMAL(14, 2), refreshed_at TIMESTAMP, PRIMARY KEY (store_id, sales_dt));
CREATE TABLE mart.agg_sku_sales_wkly (sku VARCHAR NOT NULL, wk_start DATE NOT NULL, units INTEGER, net_amt DECIMAL(14, 2),
  margin_amt DECIMAL(14, 2), PRIMARY KEY (sku, wk_start));
CREATE TABLE mart.cust_rfm_snapshot (cust_id BIGINT NOT NULL, snap_dt DATE NOT NULL, recency_days INTEGER, frequency INTEGER,
  monetary_amt DECIMAL(12, 2), rfm_cd VARCHAR, PRIMARY KEY (cust_id, snap_dt));
CREATE TABLE mart.kpi_mthly (kpi_cd VARCHAR NOT NULL, mth DATE NOT NULL, actual_val DECIMAL(16, 2),
  target_val DECIMAL(16, 2), PRIMARY KEY (kpi_cd, mth));
CREATE TABLE mart.demand_forecast (sku VARCHAR NOT NULL, wk_start DATE NOT NULL, fcst_units DECIMAL(10, 1),
  lo80 DECIMAL(10, 1), hi80 DECIMAL(10, 1), model_ver VARCHAR, PRIMARY KEY (sku, wk_start));
CREATE TABLE mart.churn_scores (cust_id BIGINT NOT NULL, scored_on DATE NOT NULL, prob DECIMAL(5, 4), decile INTEGER,
  model_ver VARCHAR, PRIMARY KEY (cust_id, scored_on));
CREATE TABLE mart.fct_sales_bak (date_key INTEGER, cust_key INTEGER, prod_key INTEGER, store_key INTEGER, qty INTEGER,
  net_amt DECIMAL(12, 2));
