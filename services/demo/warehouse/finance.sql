-- Tables of schema finance: the ledger, what is owed and paid, money at the bank and plans.
CREATE SCHEMA finance;
CREATE TABLE finance.cost_centres (cc_cd VARCHAR PRIMARY KEY, cc_nm VARCHAR, store_id INTEGER, owner_emp_id INTEGER);
CREATE TABLE finance.gl_accounts (acct_no VARCHAR PRIMARY KEY, acct_nm VARCHAR NOT NULL, acct_class VARCHAR,
  is_control BOOLEAN);
CREATE TABLE finance.acct_periods (period VARCHAR PRIMARY KEY, starts_on DATE, ends_on DATE, state VARCHAR,
  closed_by INTEGER, closed_at TIMESTAMP);
CREATE TABLE finance.gl_journals (
  jnl_id BIGINT PRIMARY KEY, period VARCHAR NOT NULL REFERENCES finance.acct_periods (period), posted_on DATE, src VARCHAR,
    narrative VARCHAR);
CREATE TABLE finance.gl_entries (
  jnl_id BIGINT NOT NULL REFERENCES finance.gl_journals (jnl_id), seq INTEGER NOT NULL,
  acct_no VARCHAR NOT NULL REFERENCES finance.gl_accounts (acct_no), cc_cd VARCHAR REFERENCES finance.cost_centres (cc_cd),
  dr_amt DECIMAL(14, 2), cr_amt DECIMAL(14, 2), PRIMARY KEY (jnl_id, seq));
CREATE TABLE finance.ap_invoices (
  inv_id BIGINT PRIMARY KEY, supp_id INTEGER NOT NULL, supp_ref VARCHAR, po_no VARCHAR, inv_dt DATE, due_dt DATE,
    total_amt DECIMAL(12, 2),
  ccy VARCHAR, hold_flg VARCHAR);
CREATE TABLE finance.ap_invoice_lines (
  inv_id BIGINT NOT NULL REFERENCES finance.ap_invoices (inv_id), line_no INTEGER NOT NULL,
    acct_no VARCHAR REFERENCES finance.gl_accounts (acct_no),
  descr VARCHAR, amt DECIMAL(12, 2), PRIMARY KEY (inv_id, line_no));
CREATE TABLE finance.payments (
  pay_id BIGINT PRIMARY KEY, inv_id BIGINT NOT NULL REFERENCES finance.ap_invoices (inv_id), paid_on DATE,
    amt DECIMAL(12, 2), run_no INTEGER, bacs_ref VARCHAR);
CREATE TABLE finance.fx_rates (ccy_from VARCHAR NOT NULL, ccy_to VARCHAR NOT NULL, rate_dt DATE NOT NULL,
  rate DECIMAL(12, 6), PRIMARY KEY (ccy_from, ccy_to, rate_dt));
CREATE TABLE finance.tax_codes (tax_cd VARCHAR PRIMARY KEY, descr VARCHAR, pct DECIMAL(5, 2), country_cd VARCHAR);
CREATE TABLE finance.vat_returns (period VARCHAR NOT NULL, country_cd VARCHAR NOT NULL, output_vat DECIMAL(14, 2),
  input_vat DECIMAL(14, 2), filed_on DATE, PRIMARY KEY (period, country_cd));
CREATE TABLE finance.budgets (
  fy INTEGER NOT NULL, period VARCHAR NOT NULL, cc_cd VARCHAR NOT NULL REFERENCES finance.cost_centres (cc_cd),
  acct_no VARCHAR NOT NULL REFERENCES finance.gl_accounts (acct_no), amt DECIMAL(14, 2),
    PRIMARY KEY (period, cc_cd, acct_no));
CREATE TABLE finance.bank_stmt_lines (
  stmt_line_id BIGINT PRIMARY KEY, bank_acct VARCHAR, value_dt DATE, amt DECIMAL(14, 2), ref_txt VARCHAR,
    matched_jnl_id BIGINT);
CREATE TABLE finance.psp_settlements (
  payout_id VARCHAR PRIMARY KEY, psp VARCHAR, payout_dt DATE, gross_amt DECIMAL(12, 2), fee_amt DECIMAL(12, 2),
    chargeback_amt DECIMAL(12, 2), net_amt DECIMAL(12, 2));
CREATE TABLE finance.fixed_assets (
  asset_tag VARCHAR PRIMARY KEY, descr VARCHAR, store_id INTEGER, bought_on DATE, cost_amt DECIMAL(12, 2), life_yrs INTEGER,
    nbv_amt DECIMAL(12, 2));
CREATE TABLE finance.leases (
  lease_id INTEGER PRIMARY KEY, store_id INTEGER, landlord VARCHAR, starts_on DATE, ends_on DATE, annual_rent DECIMAL(12, 2),
    break_on DATE);
CREATE TABLE finance.gl_entries_old (jnl_id BIGINT, seq INTEGER, acct_no VARCHAR, amt DECIMAL(14, 2), drcr VARCHAR);
