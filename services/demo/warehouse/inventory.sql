-- Tables of schema inventory: the range, the depots, stock, suppliers and what was bought from them.
CREATE SCHEMA inventory;
CREATE TABLE inventory.categories (
  cat_id INTEGER PRIMARY KEY, parent_cat_id INTEGER REFERENCES inventory.categories (cat_id), cat_nm VARCHAR NOT NULL,
    buyer_emp_id INTEGER);
CREATE TABLE inventory.brands (brand_id INTEGER PRIMARY KEY, brand_nm VARCHAR NOT NULL, own_label BOOLEAN);
CREATE TABLE inventory.products (
  product_id INTEGER PRIMARY KEY, product_nm VARCHAR NOT NULL,
    cat_id INTEGER NOT NULL REFERENCES inventory.categories (cat_id),
  brand_id INTEGER REFERENCES inventory.brands (brand_id), launched_on DATE, discontinued_on DATE, hazmat_flg VARCHAR);
CREATE TABLE inventory.skus (
  sku VARCHAR PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES inventory.products (product_id), colour VARCHAR,
    size_cd VARCHAR,
  ean13 VARCHAR, unit_cost DECIMAL(10, 2), weight_g INTEGER, pack_qty INTEGER);
CREATE TABLE inventory.depots (depot_cd VARCHAR PRIMARY KEY, depot_nm VARCHAR, town VARCHAR, pallet_cap INTEGER);
CREATE TABLE inventory.bins (
  bin_cd VARCHAR PRIMARY KEY, depot_cd VARCHAR NOT NULL REFERENCES inventory.depots (depot_cd), aisle VARCHAR, lvl INTEGER,
    zone VARCHAR);
CREATE TABLE inventory.stock_on_hand (
  loc_cd VARCHAR NOT NULL, sku VARCHAR NOT NULL REFERENCES inventory.skus (sku), qty_on_hand INTEGER, qty_reserved INTEGER,
    as_of TIMESTAMP,
  PRIMARY KEY (loc_cd, sku));
CREATE TABLE inventory.stock_moves (
  move_id BIGINT PRIMARY KEY, sku VARCHAR NOT NULL REFERENCES inventory.skus (sku), from_loc VARCHAR, to_loc VARCHAR,
    qty INTEGER,
  move_type VARCHAR, moved_at TIMESTAMP, emp_id INTEGER);
CREATE TABLE inventory.suppliers (
  supp_id INTEGER PRIMARY KEY, supp_nm VARCHAR NOT NULL, country_cd VARCHAR, lead_days INTEGER, rating VARCHAR,
    pay_terms VARCHAR, vat_no VARCHAR);
CREATE TABLE inventory.supplier_sku (
  supp_id INTEGER NOT NULL REFERENCES inventory.suppliers (supp_id), sku VARCHAR NOT NULL REFERENCES inventory.skus (sku),
  supp_part_no VARCHAR, cost_price DECIMAL(10, 2), moq INTEGER, PRIMARY KEY (supp_id, sku));
CREATE TABLE inventory.purchase_orders (
  po_no VARCHAR PRIMARY KEY, supp_id INTEGER NOT NULL REFERENCES inventory.suppliers (supp_id),
  depot_cd VARCHAR NOT NULL REFERENCES inventory.depots (depot_cd), raised_on DATE, due_on DATE, status VARCHAR,
    buyer_emp_id INTEGER);
CREATE TABLE inventory.po_lines (
  po_no VARCHAR NOT NULL REFERENCES inventory.purchase_orders (po_no), line_no INTEGER NOT NULL,
  sku VARCHAR NOT NULL REFERENCES inventory.skus (sku), qty_ord INTEGER, qty_recd INTEGER, unit_cost DECIMAL(10, 2),
    PRIMARY KEY (po_no, line_no));
CREATE TABLE inventory.goods_receipts (
  grn_no VARCHAR PRIMARY KEY, po_no VARCHAR NOT NULL REFERENCES inventory.purchase_orders (po_no), received_at TIMESTAMP,
    pallets INTEGER,
  damaged_qty INTEGER);
CREATE TABLE inventory.stocktakes (count_id INTEGER PRIMARY KEY, loc_cd VARCHAR, counted_on DATE, led_by INTEGER,
  status VARCHAR);
CREATE TABLE inventory.stocktake_lines (
  count_id INTEGER NOT NULL REFERENCES inventory.stocktakes (count_id), sku VARCHAR NOT NULL REFERENCES inventory.skus (sku),
  system_qty INTEGER, counted_qty INTEGER, variance INTEGER, PRIMARY KEY (count_id, sku));
CREATE TABLE inventory.reorder_rules (
  depot_cd VARCHAR NOT NULL REFERENCES inventory.depots (depot_cd), sku VARCHAR NOT NULL REFERENCES inventory.skus (sku),
  min_qty INTEGER, max_qty INTEGER, reviewed_on DATE, PRIMARY KEY (depot_cd, sku));
CREATE TABLE inventory.write_offs (
  wo_id BIGINT PRIMARY KEY, loc_cd VARCHAR, sku VARCHAR REFERENCES inventory.skus (sku), qty INTEGER, cause VARCHAR,
    value_amt DECIMAL(10, 2),
  written_on DATE);
CREATE TABLE inventory.product_recalls (
  recall_no VARCHAR PRIMARY KEY, product_id INTEGER REFERENCES inventory.products (product_id), announced_on DATE,
    hazard VARCHAR, units_out INTEGER,
  units_back INTEGER);
CREATE TABLE inventory.stock_on_hand_20260331 (loc_cd VARCHAR, sku VARCHAR, qty_on_hand INTEGER, qty_reserved INTEGER,
  as_of TIMESTAMP);
CREATE TABLE inventory.products_bak (product_id INTEGER, product_nm VARCHAR, cat_id INTEGER, brand_id INTEGER,
  launched_on DATE);
