-- Tables of schema staging: raw landings, load bookkeeping and leftovers of loads.
CREATE SCHEMA staging;
CREATE TABLE staging.stg_shop_orders (id VARCHAR, created_at VARCHAR, customer_email VARCHAR, total VARCHAR, payload VARCHAR,
  _loaded_at TIMESTAMP, _file VARCHAR);
CREATE TABLE staging.stg_shop_order_lines (order_id VARCHAR, line VARCHAR, sku VARCHAR, quantity VARCHAR, price VARCHAR,
  _loaded_at TIMESTAMP, _file VARCHAR);
CREATE TABLE staging.stg_pos_journal (till VARCHAR, receipt_no VARCHAR, raw_line VARCHAR, business_date VARCHAR,
  _loaded_at TIMESTAMP, _file VARCHAR);
CREATE TABLE staging.stg_crm_contacts (contact_id VARCHAR, fname VARCHAR, lname VARCHAR, mail VARCHAR, mobile VARCHAR,
  optin VARCHAR, _loaded_at TIMESTAMP, _file VARCHAR);
CREATE TABLE staging.stg_carrier_scans (tracking VARCHAR, code VARCHAR, ts VARCHAR, hub VARCHAR, _loaded_at TIMESTAMP,
  _file VARCHAR);
CREATE TABLE staging.stg_supplier_price_feed (supplier VARCHAR, part_no VARCHAR, ean VARCHAR, cost VARCHAR, ccy VARCHAR,
  _loaded_at TIMESTAMP, _file VARCHAR);
CREATE TABLE staging.stg_web_clicks (cookie VARCHAR, url VARCHAR, referrer VARCHAR, ua VARCHAR, ts VARCHAR,
  _loaded_at TIMESTAMP, _file VARCHAR);
CREATE TABLE staging.orders (order_id BIGINT, cust_id BIGINT, ord_dt DATE, net_amt DECIMAL(12, 2), row_hash VARCHAR,
  _loaded_at TIMESTAMP);
CREATE TABLE staging.customers (cust_id BIGINT, full_nm VARCHAR, email VARCHAR, row_hash VARCHAR, _loaded_at TIMESTAMP);
CREATE TABLE staging.load_audit (load_id BIGINT PRIMARY KEY, job_nm VARCHAR, target_tbl VARCHAR, rows_in INTEGER,
  rows_rejected INTEGER, started_at TIMESTAMP, ended_at TIMESTAMP, state VARCHAR);
CREATE TABLE staging.reject_rows (load_id BIGINT NOT NULL REFERENCES staging.load_audit (load_id), row_no INTEGER,
  col_nm VARCHAR, bad_value VARCHAR, rule_nm VARCHAR);
CREATE TABLE staging.tmp_dedupe_contacts (contact_id VARCHAR, dup_of VARCHAR, score DECIMAL(4, 3));
