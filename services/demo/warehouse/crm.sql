-- Tables of schema crm: who the customers are, what they agreed to and what they ask for.
CREATE SCHEMA crm;
CREATE TABLE crm.customers (
  cust_id BIGINT PRIMARY KEY, first_nm VARCHAR, last_nm VARCHAR NOT NULL, email VARCHAR, phone VARCHAR, dob DATE,
  joined_on DATE NOT NULL, home_store_id INTEGER, cust_type VARCHAR, is_active BOOLEAN DEFAULT TRUE);
CREATE TABLE crm.customer_addr (
  addr_id BIGINT PRIMARY KEY, cust_id BIGINT NOT NULL REFERENCES crm.customers (cust_id), addr_type VARCHAR, line1 VARCHAR,
  town VARCHAR, postcode VARCHAR, country_cd VARCHAR, valid_from DATE, valid_to DATE);
CREATE TABLE crm.consents (
  cust_id BIGINT NOT NULL REFERENCES crm.customers (cust_id), medium VARCHAR NOT NULL, opted_in BOOLEAN NOT NULL,
  changed_at TIMESTAMP, captured_via VARCHAR, PRIMARY KEY (cust_id, medium));
CREATE TABLE crm.segments (segment_id INTEGER PRIMARY KEY, segment_nm VARCHAR, rule_txt VARCHAR, owner_team VARCHAR);
CREATE TABLE crm.customer_segment (
  cust_id BIGINT NOT NULL REFERENCES crm.customers (cust_id),
    segment_id INTEGER NOT NULL REFERENCES crm.segments (segment_id),
  assigned_at DATE, PRIMARY KEY (cust_id, segment_id));
CREATE TABLE crm.loyalty_tiers (tier_cd VARCHAR PRIMARY KEY, min_pts INTEGER, perks VARCHAR);
CREATE TABLE crm.loyalty_acct (
  loyalty_no VARCHAR PRIMARY KEY, cust_id BIGINT NOT NULL REFERENCES crm.customers (cust_id),
  tier_cd VARCHAR REFERENCES crm.loyalty_tiers (tier_cd), pts_balance INTEGER, enrolled_on DATE);
CREATE TABLE crm.loyalty_txn (
  ltxn_id BIGINT PRIMARY KEY, loyalty_no VARCHAR NOT NULL REFERENCES crm.loyalty_acct (loyalty_no), pts INTEGER,
  txn_type VARCHAR, posted_at TIMESTAMP, order_id BIGINT);
CREATE TABLE crm.tickets (
  ticket_id BIGINT PRIMARY KEY, cust_id BIGINT REFERENCES crm.customers (cust_id), opened_at TIMESTAMP, closed_at TIMESTAMP,
  topic_cd VARCHAR, priority INTEGER, assigned_emp_id INTEGER, order_id BIGINT, csat INTEGER);
CREATE TABLE crm.ticket_msgs (
  msg_id BIGINT PRIMARY KEY, ticket_id BIGINT NOT NULL REFERENCES crm.tickets (ticket_id), direction VARCHAR,
    sent_at TIMESTAMP,
  body VARCHAR);
CREATE TABLE crm.nps_survey (
  response_id BIGINT PRIMARY KEY, cust_id BIGINT REFERENCES crm.customers (cust_id), asked_on DATE, score INTEGER,
    verbatim VARCHAR);
CREATE TABLE crm.erasure_requests (
  req_id BIGINT PRIMARY KEY, cust_id BIGINT, received_on DATE, deadline_on DATE, done_on DATE, handled_by INTEGER);
CREATE TABLE crm.customer_merge_map (old_cust_id BIGINT PRIMARY KEY, new_cust_id BIGINT, merged_at TIMESTAMP);
CREATE TABLE crm.customers_old (
  cust_id BIGINT, name VARCHAR, email VARCHAR, joined_on DATE, store VARCHAR);
