-- Tables of schema sales: the shop's orders, tills, payments and what comes back.
CREATE SCHEMA sales;
CREATE TABLE sales.channels (channel_cd VARCHAR PRIMARY KEY, channel_nm VARCHAR NOT NULL, is_digital BOOLEAN);
CREATE TABLE sales.stores (
  store_id INTEGER PRIMARY KEY, store_nm VARCHAR NOT NULL, region_cd VARCHAR, town VARCHAR, postcode VARCHAR,
  opened_on DATE, closed_on DATE, sq_m INTEGER, mgr_emp_id INTEGER);
CREATE TABLE sales.store_hours (
  store_id INTEGER NOT NULL REFERENCES sales.stores (store_id), weekday INTEGER NOT NULL, opens_at TIME, closes_at TIME,
  PRIMARY KEY (store_id, weekday));
CREATE TABLE sales.orders (
  order_id BIGINT PRIMARY KEY, cust_id BIGINT NOT NULL, store_id INTEGER REFERENCES sales.stores (store_id),
  channel_cd VARCHAR NOT NULL REFERENCES sales.channels (channel_cd), ord_dt DATE NOT NULL,
    status VARCHAR NOT NULL DEFAULT 'NEW',
  currency VARCHAR, gross_amt DECIMAL(12, 2), disc_amt DECIMAL(12, 2), tax_amt DECIMAL(12, 2), ship_amt DECIMAL(12, 2),
  net_amt DECIMAL(12, 2), coupon_code VARCHAR, updated_at TIMESTAMP);
CREATE TABLE sales.order_lines (
  order_id BIGINT NOT NULL REFERENCES sales.orders (order_id), line_no INTEGER NOT NULL, sku VARCHAR NOT NULL,
  qty INTEGER NOT NULL, unit_price DECIMAL(10, 2), disc_amt DECIMAL(10, 2), line_total DECIMAL(12, 2),
  PRIMARY KEY (order_id, line_no));
CREATE TABLE sales.order_status_hist (
  order_id BIGINT NOT NULL REFERENCES sales.orders (order_id), status VARCHAR NOT NULL, changed_at TIMESTAMP NOT NULL,
    changed_by VARCHAR);
CREATE TABLE sales.payments (
  payment_id BIGINT PRIMARY KEY, order_id BIGINT NOT NULL REFERENCES sales.orders (order_id), method VARCHAR,
  amt DECIMAL(12, 2), captured_at TIMESTAMP, psp_ref VARCHAR, card_last4 VARCHAR);
CREATE TABLE sales.return_reasons (reason_cd VARCHAR PRIMARY KEY, descr VARCHAR);
CREATE TABLE sales.returns (
  return_id BIGINT PRIMARY KEY, order_id BIGINT NOT NULL, line_no INTEGER NOT NULL, qty INTEGER,
  reason_cd VARCHAR REFERENCES sales.return_reasons (reason_cd), received_dt DATE, restock_flg VARCHAR,
  FOREIGN KEY (order_id, line_no) REFERENCES sales.order_lines (order_id, line_no));
CREATE TABLE sales.refunds (
  refund_id BIGINT PRIMARY KEY, payment_id BIGINT NOT NULL REFERENCES sales.payments (payment_id),
  return_id BIGINT REFERENCES sales.returns (return_id), amt DECIMAL(12, 2), refunded_at TIMESTAMP, approved_by INTEGER);
CREATE TABLE sales.pos_tills (
  till_no VARCHAR PRIMARY KEY, store_id INTEGER NOT NULL REFERENCES sales.stores (store_id), model VARCHAR,
    installed_on DATE);
CREATE TABLE sales.pos_txn (
  txn_id BIGINT PRIMARY KEY, till_no VARCHAR NOT NULL REFERENCES sales.pos_tills (till_no), rung_at TIMESTAMP,
  cashier_emp_id INTEGER, loyalty_no VARCHAR, total_amt DECIMAL(10, 2), tender VARCHAR, voided BOOLEAN);
CREATE TABLE sales.pos_txn_item (
  txn_id BIGINT NOT NULL REFERENCES sales.pos_txn (txn_id), seq INTEGER NOT NULL, sku VARCHAR, qty INTEGER,
    price DECIMAL(10, 2),
  PRIMARY KEY (txn_id, seq));
CREATE TABLE sales.till_cash_counts (
  till_no VARCHAR NOT NULL REFERENCES sales.pos_tills (till_no), business_dt DATE NOT NULL, expected_amt DECIMAL(10, 2),
  counted_amt DECIMAL(10, 2), diff_amt DECIMAL(10, 2), counted_by INTEGER, PRIMARY KEY (till_no, business_dt));
CREATE TABLE sales.gift_cards (
  card_no VARCHAR PRIMARY KEY, issued_on DATE, face_amt DECIMAL(8, 2), balance_amt DECIMAL(8, 2), buyer_cust_id BIGINT,
    expires_on DATE);
CREATE TABLE sales.gift_card_ledger (
  entry_id BIGINT PRIMARY KEY, card_no VARCHAR NOT NULL REFERENCES sales.gift_cards (card_no), entry_type VARCHAR,
  amt DECIMAL(8, 2), posted_at TIMESTAMP);
CREATE TABLE sales.price_list (
  sku VARCHAR NOT NULL, price_type VARCHAR NOT NULL, valid_from DATE NOT NULL, valid_to DATE, price DECIMAL(10, 2),
  PRIMARY KEY (sku, price_type, valid_from));
CREATE TABLE sales.quotes (
  quote_id BIGINT PRIMARY KEY, cust_id BIGINT, quoted_on DATE, valid_until DATE, total_amt DECIMAL(12, 2), stage VARCHAR,
  won_order_id BIGINT, rep_emp_id INTEGER);
CREATE TABLE sales.orders_bak (
  order_id BIGINT, cust_id BIGINT, store_id INTEGER, ord_dt DATE, status VARCHAR, gross_amt DECIMAL(12, 2),
    net_amt DECIMAL(12, 2));
CREATE TABLE sales.orders_20250131 (
  order_id BIGINT, cust_id BIGINT, store_id INTEGER, channel_cd VARCHAR, ord_dt DATE, status VARCHAR,
    gross_amt DECIMAL(12, 2),
  net_amt DECIMAL(12, 2));
CREATE TABLE sales.tmp_order_fix (order_id BIGINT, old_status VARCHAR, new_status VARCHAR, who VARCHAR);
