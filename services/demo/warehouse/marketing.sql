-- Tables of schema marketing: campaigns, mailings, vouchers and what they cost.
CREATE SCHEMA marketing;
CREATE TABLE marketing.campaigns (
  camp_id INTEGER PRIMARY KEY, camp_nm VARCHAR NOT NULL, channel VARCHAR, starts_on DATE, ends_on DATE, goal VARCHAR,
    owner_emp_id INTEGER);
CREATE TABLE marketing.campaign_costs (
  camp_id INTEGER NOT NULL REFERENCES marketing.campaigns (camp_id), cost_dt DATE NOT NULL, vendor VARCHAR,
    amt DECIMAL(10, 2));
CREATE TABLE marketing.ad_spend_dly (
  spend_dt DATE NOT NULL, platform VARCHAR NOT NULL, camp_id INTEGER NOT NULL REFERENCES marketing.campaigns (camp_id),
    impressions INTEGER, clicks INTEGER,
  spend_amt DECIMAL(10, 2), PRIMARY KEY (spend_dt, platform, camp_id));
CREATE TABLE marketing.segments (seg_cd VARCHAR PRIMARY KEY, seg_nm VARCHAR, est_size INTEGER, ad_platform VARCHAR);
CREATE TABLE marketing.email_sends (
  send_id BIGINT PRIMARY KEY, camp_id INTEGER REFERENCES marketing.campaigns (camp_id), cust_id BIGINT, sent_at TIMESTAMP,
    subject VARCHAR, variant VARCHAR);
CREATE TABLE marketing.email_events (
  event_id BIGINT PRIMARY KEY, send_id BIGINT NOT NULL REFERENCES marketing.email_sends (send_id), event_type VARCHAR,
    occurred_at TIMESTAMP, link_url VARCHAR);
CREATE TABLE marketing.coupons (
  coupon_code VARCHAR PRIMARY KEY, camp_id INTEGER REFERENCES marketing.campaigns (camp_id), disc_pct DECIMAL(5, 2),
    min_spend DECIMAL(8, 2), valid_from DATE, valid_to DATE);
CREATE TABLE marketing.coupon_redemptions (
  coupon_code VARCHAR NOT NULL REFERENCES marketing.coupons (coupon_code), order_id BIGINT NOT NULL, disc_amt DECIMAL(8, 2),
    redeemed_at TIMESTAMP, PRIMARY KEY (coupon_code, order_id));
CREATE TABLE marketing.promo_calendar (promo_dt DATE NOT NULL, cat_id INTEGER NOT NULL, mechanic VARCHAR, funded_by VARCHAR,
  PRIMARY KEY (promo_dt, cat_id));
CREATE TABLE marketing.influencer_deals (
  deal_id INTEGER PRIMARY KEY, handle VARCHAR, platform VARCHAR, camp_id INTEGER REFERENCES marketing.campaigns (camp_id),
    fee_amt DECIMAL(10, 2), posts_due INTEGER, posts_done INTEGER);
CREATE TABLE marketing.utm_map (utm_source VARCHAR NOT NULL, utm_medium VARCHAR NOT NULL, utm_campaign VARCHAR NOT NULL,
  camp_id INTEGER, PRIMARY KEY (utm_source, utm_medium, utm_campaign));
CREATE TABLE marketing.tmp_mailing_xmas25 (cust_id BIGINT, email VARCHAR, salutation VARCHAR, picked_by VARCHAR);
