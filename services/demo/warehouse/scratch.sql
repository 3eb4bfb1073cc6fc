-- Tables of schema scratch: what analysts left behind.
CREATE SCHEMA scratch;
CREATE TABLE scratch.cust_revenue_2024_old (cust_id BIGINT, mth VARCHAR, revenue DOUBLE);
CREATE TABLE scratch.customers (cust_id BIGINT, email VARCHAR, grp VARCHAR);
CREATE TABLE scratch.tmp_jb_margin_check (sku VARCHAR, price DOUBLE, cost DOUBLE, margin DOUBLE);
CREATE TABLE scratch.top_cust_20251130 (rnk INTEGER, cust_id BIGINT, spend DOUBLE);
CREATE TABLE scratch.pk_store_visits_import (store VARCHAR, visit_day VARCHAR, footfall INTEGER);
