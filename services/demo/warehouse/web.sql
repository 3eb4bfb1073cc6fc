-- Tables of schema web: visits, baskets, on-site search, experiments and product reviews.
CREATE SCHEMA web;
CREATE TABLE web.visitors (visitor_id VARCHAR PRIMARY KEY, first_seen TIMESTAMP, device VARCHAR, country_cd VARCHAR,
  cust_id BIGINT);
CREATE TABLE web.sessions (
  sess_id BIGINT PRIMARY KEY, visitor_id VARCHAR NOT NULL REFERENCES web.visitors (visitor_id), started_at TIMESTAMP,
    ended_at TIMESTAMP, utm_source VARCHAR,
  utm_medium VARCHAR, utm_campaign VARCHAR, landing_path VARCHAR, bounced BOOLEAN);
CREATE TABLE web.page_views (
  pv_id BIGINT PRIMARY KEY, sess_id BIGINT NOT NULL REFERENCES web.sessions (sess_id), path VARCHAR, viewed_at TIMESTAMP,
    load_ms INTEGER, product_id INTEGER);
CREATE TABLE web.cart_events (
  ce_id BIGINT PRIMARY KEY, sess_id BIGINT NOT NULL REFERENCES web.sessions (sess_id), sku VARCHAR, action VARCHAR,
    qty INTEGER, happened_at TIMESTAMP);
CREATE TABLE web.orders (
  checkout_id BIGINT PRIMARY KEY, sess_id BIGINT NOT NULL REFERENCES web.sessions (sess_id), order_id BIGINT,
    step_reached VARCHAR, basket_amt DECIMAL(10, 2), completed BOOLEAN);
CREATE TABLE web.search_log (
  q_id BIGINT PRIMARY KEY, sess_id BIGINT REFERENCES web.sessions (sess_id), q_txt VARCHAR, hits INTEGER,
    clicked_sku VARCHAR, searched_at TIMESTAMP);
CREATE TABLE web.ab_tests (test_cd VARCHAR PRIMARY KEY, hypothesis VARCHAR, started_on DATE, stopped_on DATE,
  winner VARCHAR);
CREATE TABLE web.ab_assignments (
  test_cd VARCHAR NOT NULL REFERENCES web.ab_tests (test_cd),
    visitor_id VARCHAR NOT NULL REFERENCES web.visitors (visitor_id), arm VARCHAR, assigned_at TIMESTAMP,
  PRIMARY KEY (test_cd, visitor_id));
CREATE TABLE web.reviews (
  review_id BIGINT PRIMARY KEY, product_id INTEGER NOT NULL, cust_id BIGINT, stars INTEGER, title VARCHAR, body VARCHAR,
    posted_at TIMESTAMP, moderated BOOLEAN);
CREATE TABLE web.wishlists (wl_id BIGINT PRIMARY KEY, cust_id BIGINT, wl_nm VARCHAR, shared BOOLEAN, created_at TIMESTAMP);
CREATE TABLE web.wishlist_items (wl_id BIGINT NOT NULL REFERENCES web.wishlists (wl_id), sku VARCHAR NOT NULL,
  added_at TIMESTAMP, PRIMARY KEY (wl_id, sku));
CREATE TABLE web.back_in_stock_alerts (alert_id BIGINT PRIMARY KEY, sku VARCHAR, email VARCHAR, asked_at TIMESTAMP,
  notified_at TIMESTAMP);
CREATE TABLE web.error_log (err_id BIGINT PRIMARY KEY, sess_id BIGINT, http_status INTEGER, path VARCHAR, msg VARCHAR,
  logged_at TIMESTAMP);
CREATE TABLE web.page_views_old (pv_id BIGINT, sess_id BIGINT, url VARCHAR, ts TIMESTAMP);
