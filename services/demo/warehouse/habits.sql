-- Who asks the warehouse what, and when. A line that starts with two dashes and a colon opens a person or a bot; what follows
-- is what they run, the most usual first. {day} {month} {period} {store} {cust} {order} {sku} {camp} {supp} are filled in.

--: una.ogden person hours=8-17 days=12345 share=80 schema=finance
SELECT i.inv_id, i.supp_id, i.due_dt, i.total_amt FROM ap_invoices i LEFT JOIN payments p ON p.inv_id = i.inv_id WHERE p.pay_id IS NULL AND i.due_dt < '{day}' ORDER BY i.due_dt;
SELECT s.supp_nm, sum(v.open_amt) AS owed FROM finance.v_ap_ageing v JOIN inventory.suppliers s ON s.supp_id = v.supp_id GROUP BY s.supp_nm ORDER BY owed DESC;
SELECT j.period, e.acct_no, sum(e.dr_amt) - sum(e.cr_amt) AS bal FROM gl_entries e JOIN gl_journals j ON j.jnl_id = e.jnl_id WHERE j.period = '{period}' GROUP BY j.period, e.acct_no;
SELECT * FROM v_trial_balance WHERE period = '{period}' ORDER BY acct_no;
SELECT b.value_dt, b.amt, s.net_amt FROM bank_stmt_lines b JOIN psp_settlements s ON b.ref_txt = 'PAYWICK ' || upper(s.payout_id) WHERE b.matched_jnl_id IS NULL;
SELECT cc.cc_nm, v.acct_no, v.var_amt FROM v_budget_vs_actual v JOIN cost_centres cc ON cc.cc_cd = v.cc_cd WHERE v.period = '{period}' AND abs(v.var_amt) > 5000;
SELECT i.supp_ref, i.total_amt * coalesce(f.rate, 1) AS gbp FROM ap_invoices i LEFT JOIN fx_rates f ON f.ccy_from = i.ccy AND f.ccy_to = 'GBP' AND f.rate_dt = i.inv_dt WHERE i.supp_id = {supp};
SELECT period, country_cd, output_vat - input_vat AS due FROM vat_returns WHERE filed_on IS NULL;

--: marek.kowal person hours=9-18 days=12345 share=85 schema=mart
SELECT rev_mth, cust_id, net_amt FROM cust_revenue_mth WHERE rev_mth >= DATE '{month}' ORDER BY net_amt DESC LIMIT 100;
SELECT r.rfm_cd, avg(c.prob) AS churn_p, count(*) AS n FROM cust_rfm_snapshot r JOIN churn_scores c ON c.cust_id = r.cust_id WHERE r.snap_dt = DATE '2026-06-30' GROUP BY r.rfm_cd ORDER BY churn_p DESC;
SELECT d.mth_start, c.tier_cd, sum(f.net_amt) AS rev FROM fct_sales f JOIN dim_customer c ON c.cust_key = f.cust_key JOIN dim_date d ON d.date_key = f.date_key GROUP BY 1, 2 ORDER BY 1, 2;
SELECT p.dept_nm, p.cat_nm, sum(f.net_amt - f.cost_amt) AS margin FROM fct_sales f JOIN dim_product p ON p.prod_key = f.prod_key JOIN dim_date d ON d.date_key = f.date_key WHERE d.cal_dt >= DATE '{month}' GROUP BY 1, 2;
SELECT l.cust_id, l.ltv_amt, c.tier_cd FROM cust_lifetime_value l JOIN dim_customer c ON c.cust_id = l.cust_id WHERE l.order_cnt >= 4 ORDER BY l.ltv_amt DESC LIMIT 50;
SELECT s.segment_nm, count(*) AS n, avg(l.ltv_amt) AS ltv FROM crm.customer_segment cs JOIN crm.segments s ON s.segment_id = cs.segment_id JOIN mart.cust_lifetime_value l ON l.cust_id = cs.cust_id GROUP BY s.segment_nm;
CREATE OR REPLACE TABLE scratch.top_cust_20251130 AS SELECT row_number() OVER (ORDER BY sum(net_amt) DESC) AS rnk, cust_id, sum(net_amt)::DOUBLE AS spend FROM sales.orders GROUP BY cust_id LIMIT 100;
SELECT a.product_nm, b.product_nm, v.together_cnt FROM v_basket_pairs v JOIN dim_product a ON a.prod_key = v.prod_key_a JOIN dim_product b ON b.prod_key = v.prod_key_b ORDER BY v.together_cnt DESC LIMIT 30;

--: priya.mistry person hours=8-17 days=12345 share=80 schema=inventory
SELECT w.sku, p.product_nm, sum(w.units) AS units, sum(w.margin_amt) AS margin FROM mart.agg_sku_sales_wkly w JOIN mart.dim_product p ON p.sku = w.sku WHERE w.wk_start >= '{month}' GROUP BY 1, 2 ORDER BY units DESC LIMIT 40;
SELECT * FROM mart.v_slow_movers ORDER BY stock_value DESC LIMIT 50;
SELECT k.sku, l.price, k.unit_cost, l.price / 1.2 - k.unit_cost AS margin FROM skus k JOIN sales.price_list l ON l.sku = k.sku AND l.price_type = 'RRP' AND l.valid_to IS NULL JOIN products p ON p.product_id = k.product_id WHERE p.cat_id = 14;
SELECT c.cat_nm, pc.promo_dt, pc.mechanic FROM marketing.promo_calendar pc JOIN inventory.categories c ON c.cat_id = pc.cat_id WHERE pc.promo_dt >= '{month}' ORDER BY pc.promo_dt;
SELECT s.supp_nm, ss.cost_price, ss.moq FROM supplier_sku ss JOIN suppliers s ON s.supp_id = ss.supp_id WHERE ss.sku = '{sku}';
SELECT sku, product_nm, rate FROM mart.v_return_rate_sku WHERE sold_qty > 20 ORDER BY rate DESC LIMIT 25;
SELECT p.product_nm, avg(r.stars) AS stars, count(*) AS n FROM web.reviews r JOIN inventory.products p ON p.product_id = r.product_id WHERE r.moderated GROUP BY p.product_nm HAVING count(*) > 3 ORDER BY stars;
SELECT q_txt, times FROM web.v_zero_hit_searches ORDER BY times DESC;

--: joyce.brockbank person hours=9-17 days=1245 share=75 schema=marketing
SELECT c.camp_nm, e.variant, e.opened * 1.0 / e.sent AS open_rate, e.clicked * 1.0 / e.sent AS ctr FROM v_email_engagement e JOIN campaigns c ON c.camp_id = e.camp_id ORDER BY c.starts_on DESC;
SELECT m.cust_id, m.first_nm, m.email FROM crm.v_mailable m JOIN crm.customer_segment cs ON cs.cust_id = m.cust_id JOIN crm.segments s ON s.segment_id = cs.segment_id WHERE s.segment_nm = 'Lapsed';
SELECT r.coupon_code, count(*) AS used, sum(r.disc_amt) AS given FROM coupon_redemptions r JOIN coupons k ON k.coupon_code = r.coupon_code WHERE k.camp_id = {camp} GROUP BY r.coupon_code;
SELECT camp_nm, cost_amt, rev_amt, roi FROM v_campaign_roi WHERE roi IS NOT NULL ORDER BY roi DESC;
SELECT spend_dt, platform, sum(spend_amt) AS spend, sum(clicks) AS clicks FROM ad_spend_dly WHERE camp_id = {camp} GROUP BY spend_dt, platform ORDER BY spend_dt;
SELECT x.event_type, count(*) FROM email_sends s JOIN email_events x ON x.send_id = s.send_id WHERE s.camp_id = {camp} GROUP BY x.event_type;
SELECT d.handle, d.fee_amt, d.posts_due - d.posts_done AS missing FROM influencer_deals d JOIN campaigns c ON c.camp_id = d.camp_id WHERE d.posts_done < d.posts_due;
SELECT la.tier_cd, count(*) FROM crm.loyalty_acct la JOIN crm.consents p ON p.cust_id = la.cust_id WHERE p.medium = 'sms' AND p.opted_in GROUP BY la.tier_cd;

--: callum.haddow person hours=7-15 days=12345 share=90 schema=inventory
SELECT depot_cd, sku, product_nm, ats_qty, suggest_qty FROM v_below_min ORDER BY depot_cd, suggest_qty DESC;
SELECT h.po_no, s.supp_nm, h.due_on, sum(l.qty_ord - l.qty_recd) AS to_come FROM purchase_orders h JOIN po_lines l ON l.po_no = h.po_no JOIN suppliers s ON s.supp_id = h.supp_id WHERE h.status = 'OPEN' GROUP BY 1, 2, 3 ORDER BY h.due_on;
SELECT s.loc_cd, s.qty_on_hand, s.qty_reserved, r.min_qty, r.max_qty FROM stock_on_hand s LEFT JOIN reorder_rules r ON r.depot_cd = s.loc_cd AND r.sku = s.sku WHERE s.sku = '{sku}';
SELECT f.sku, sum(f.fcst_units) AS need, max(s.qty_on_hand) AS have FROM mart.demand_forecast f JOIN inventory.stock_on_hand s ON s.sku = f.sku AND s.loc_cd = 'DTN' GROUP BY f.sku HAVING sum(f.fcst_units) > max(s.qty_on_hand);
SELECT supp_nm, on_time_pct, in_full_pct FROM v_supplier_otif ORDER BY on_time_pct;
SELECT g.po_no, g.received_at, g.damaged_qty FROM goods_receipts g JOIN purchase_orders h ON h.po_no = g.po_no WHERE h.supp_id = {supp} ORDER BY g.received_at DESC;
SELECT m.to_loc, sum(m.qty) AS moved FROM stock_moves m WHERE m.move_type = 'REPLEN' AND m.moved_at >= '{month}' GROUP BY m.to_loc;
SELECT k.sku, t.loc_cd, l.variance FROM stocktake_lines l JOIN stocktakes t ON t.count_id = l.count_id JOIN skus k ON k.sku = l.sku WHERE abs(l.variance) > 2;

--: niamh.corrigan person hours=8-19 days=123456 share=80 schema=crm
SELECT t.ticket_id, t.opened_at, t.topic_cd, c.first_nm, c.last_nm FROM tickets t JOIN customers c ON c.cust_id = t.cust_id WHERE t.closed_at IS NULL ORDER BY t.priority, t.opened_at;
SELECT o.order_id, o.status, s.track_no, s.promised_dt, s.delivered_at FROM sales.orders o LEFT JOIN logistics.shipments s ON s.order_id = o.order_id WHERE o.cust_id = {cust} ORDER BY o.ord_dt DESC;
SELECT l.line_no, l.sku, l.qty, r.received_dt, f.amt FROM sales.order_lines l LEFT JOIN sales.returns r ON r.order_id = l.order_id AND r.line_no = l.line_no LEFT JOIN sales.refunds f ON f.return_id = r.return_id WHERE l.order_id = {order};
SELECT m.sent_at, m.direction, m.body FROM ticket_msgs m JOIN tickets t ON t.ticket_id = m.ticket_id WHERE t.order_id = {order} ORDER BY m.sent_at;
SELECT topic_cd, count(*) AS n, avg(csat) AS csat FROM tickets WHERE opened_at >= '{month}' GROUP BY topic_cd;
SELECT * FROM v_customer_360 WHERE cust_id = {cust};
SELECT p.payment_id, p.amt, f.amt AS back FROM sales.payments p LEFT JOIN sales.refunds f ON f.payment_id = p.payment_id WHERE p.order_id = {order};
SELECT req_id, cust_id, deadline_on FROM erasure_requests WHERE done_on IS NULL ORDER BY deadline_on;
SELECT x.scan_cd, x.hub, x.scanned_at FROM logistics.parcel_scans x JOIN logistics.shipments s ON s.shpmt_id = x.shpmt_id WHERE s.order_id = {order};

--: rhys.tregenza person hours=11-22 days=12345 share=75 schema=web
select visit_dt, visits, with_cart, with_checkout, converted from v_funnel_dly where visit_dt >= '{month}' order by 1;
select a.arm, count(distinct a.visitor_id) as n, count(distinct case when o.completed then s.sess_id end) as conv from ab_assignments a join sessions s on s.visitor_id = a.visitor_id left join web.orders o on o.sess_id = s.sess_id where a.test_cd = 'AB-045' group by a.arm;
select m.camp_id, count(*) as visits, avg(s.bounced::int) as bounce from sessions s join marketing.utm_map m on m.utm_source = s.utm_source and m.utm_medium = s.utm_medium and m.utm_campaign = s.utm_campaign group by m.camp_id;
select q_txt, count(*) as n, avg(hits) as hits from search_log where searched_at >= '{month}' group by q_txt order by n desc;
select v.device, quantile_cont(p.load_ms, 0.75) as p75 from page_views p join sessions s on s.sess_id = p.sess_id join visitors v on v.visitor_id = s.visitor_id group by v.device;
select e.path, e.http_status, count(*) from error_log e join sessions s on s.sess_id = e.sess_id where e.logged_at >= '{day}' group by all;
select c.sku, count(*) filter (where c.action = 'add') as adds, count(*) filter (where c.action = 'remove') as removes from cart_events c join sessions s on s.sess_id = c.sess_id group by c.sku order by adds desc limit 20;
select i.sku, count(*) as wished from wishlists w join wishlist_items i on i.wl_id = w.wl_id group by i.sku order by wished desc limit 20;

--: saoirse.quigley person hours=9-16 days=1234 share=75 schema=hr
SELECT d.dept_nm, count(*) AS heads, sum(e.fte) AS fte FROM employees e JOIN departments d ON d.dept_id = e.dept_id WHERE e.left_on IS NULL GROUP BY d.dept_nm;
SELECT e.emp_id, e.last_nm, c.title, max(a.attended_on) AS last_done FROM course_attendance a JOIN employees e ON e.emp_id = a.emp_id JOIN courses c ON c.course_cd = a.course_cd WHERE c.mandatory GROUP BY 1, 2, 3;
SELECT a.kind, count(*) AS spells, sum(a.to_dt - a.from_dt + 1) AS days FROM absences a JOIN employees e ON e.emp_id = a.emp_id WHERE a.from_dt >= '{month}' GROUP BY a.kind;
SELECT v.vac_id, p.title, count(x.appl_id) AS applied FROM vacancies v JOIN positions p ON p.pos_cd = v.pos_cd LEFT JOIN applicants x ON x.vac_id = v.vac_id WHERE v.filled_on IS NULL GROUP BY v.vac_id, p.title;
SELECT r.period, r.total_gross, sum(s.net_amt) AS net FROM payroll_runs r JOIN payslips s ON s.run_id = r.run_id GROUP BY r.period, r.total_gross ORDER BY r.period;
SELECT e.emp_id, s.annual_amt, p.max_salary FROM salaries s JOIN employees e ON e.emp_id = s.emp_id JOIN positions p ON p.pos_cd = e.pos_cd WHERE s.annual_amt > p.max_salary;
SELECT h.emp_id, h.entitled_days - h.taken_days AS left_days FROM holiday_balances h JOIN employees e ON e.emp_id = h.emp_id WHERE h.leave_yr = 2026 AND e.store_id = {store};
SELECT rating, count(*) FROM hr.reviews WHERE review_yr = 2025 GROUP BY rating;

--: hamish.dunmore person hours=6-14 days=12345 share=85 schema=logistics
SELECT carrier_nm, count(*) AS late, avg(days_late) AS avg_days FROM v_late_parcels WHERE promised_dt >= '{month}' GROUP BY carrier_nm;
SELECT s.carrier_cd, count(*) AS parcels, sum(s.cost_amt) AS cost FROM shipments s JOIN carriers c ON c.carrier_cd = s.carrier_cd WHERE s.dispatched_at >= '{month}' GROUP BY s.carrier_cd;
SELECT r.run_dt, r.reg_no, count(t.stop_no) AS stops, r.actual_km - r.planned_km AS extra_km FROM routes r LEFT JOIN route_stops t ON t.route_id = r.route_id WHERE r.run_dt = '{day}' GROUP BY 1, 2, 4;
SELECT c.claim_id, c.claimed_amt, s.carrier_cd FROM damage_claims c JOIN shipments s ON s.shpmt_id = c.shpmt_id WHERE c.verdict IS NULL;
SELECT slot_dt, from_hr, capacity - booked AS free FROM delivery_slots WHERE depot_cd = 'GLA' AND slot_dt >= '{day}';
SELECT f.reg_no, sum(f.litres) AS l, sum(f.cost_amt) AS cost FROM fuel_log f JOIN vehicles v ON v.reg_no = f.reg_no GROUP BY f.reg_no;
SELECT i.sku, sum(i.qty) AS sent FROM shipment_items i JOIN shipments s ON s.shpmt_id = i.shpmt_id WHERE s.dispatched_at >= '{day}' GROUP BY i.sku;

--: gwen.penhallow person hours=8-18 days=123456 share=80 schema=sales
SELECT store_nm, mth, net_amt, pos FROM mart.v_store_league WHERE mth = DATE '{month}' ORDER BY pos;
SELECT s.store_nm, a.sales_dt, a.net_amt FROM mart.agg_store_sales_dly a JOIN sales.stores s ON s.store_id = a.store_id WHERE a.store_id = {store} AND a.sales_dt >= DATE '{month}';
SELECT t.store_id, c.business_dt, sum(c.diff_amt) AS diff FROM till_cash_counts c JOIN pos_tills t ON t.till_no = c.till_no WHERE c.diff_amt <> 0 GROUP BY 1, 2 ORDER BY diff;
SELECT t.store_id, x.rung_at::DATE AS d, sum(x.total_amt) AS takings FROM pos_txn x JOIN pos_tills t ON t.till_no = x.till_no WHERE NOT x.voided AND t.store_id = {store} GROUP BY 1, 2 ORDER BY 2;
SELECT store_id, mth, labour_amt / nullif(net_amt, 0) AS pct FROM mart.v_labour_pct_store WHERE mth >= DATE '{month}';
SELECT sh.starts_at, sh.ends_at, d.first_nm, d.last_nm FROM hr.shifts sh JOIN hr.v_staff_directory d ON d.emp_id = sh.emp_id WHERE sh.store_id = {store} AND sh.starts_at::DATE = '{day}';
SELECT i.sku, sum(i.qty) AS sold FROM pos_txn_item i JOIN pos_txn x ON x.txn_id = i.txn_id JOIN pos_tills t ON t.till_no = x.till_no WHERE t.store_id = {store} GROUP BY i.sku ORDER BY sold DESC LIMIT 20;
SELECT w.loc_cd, w.cause, sum(w.value_amt) AS lost FROM inventory.write_offs w WHERE w.written_on >= '{month}' GROUP BY w.loc_cd, w.cause;

--: pawel.kowal person hours=18-24 days=1234567 share=60 schema=staging
SELECT job_nm, state, count(*) AS n, max(ended_at) AS last_end FROM load_audit WHERE started_at >= '{day}' GROUP BY job_nm, state;
SELECT a.job_nm, r.col_nm, r.rule_nm, count(*) AS n FROM reject_rows r JOIN load_audit a ON a.load_id = r.load_id GROUP BY 1, 2, 3 ORDER BY n DESC;
SELECT count(*) FROM staging.orders s LEFT JOIN sales.orders o ON o.order_id = s.order_id WHERE o.order_id IS NULL OR o.net_amt <> s.net_amt;
SELECT f.part_no, f.cost, x.cost_price FROM stg_supplier_price_feed f JOIN inventory.supplier_sku x ON x.supp_part_no = f.part_no WHERE f.cost <> x.cost_price::VARCHAR;
CREATE OR REPLACE TABLE scratch.tmp_jb_margin_check AS SELECT k.sku, l.price, k.unit_cost AS cost, 1 - k.unit_cost / l.price AS margin FROM inventory.skus k JOIN sales.price_list l ON l.sku = k.sku WHERE l.valid_to IS NULL AND l.price_type = 'RRP';
SELECT d.contact_id, d.dup_of, a.mail, b.mail FROM tmp_dedupe_contacts d JOIN stg_crm_contacts a ON a.contact_id = d.contact_id JOIN stg_crm_contacts b ON b.contact_id = d.dup_of WHERE d.score > 0.95;

--: yusuf.iqbal person hours=7-9 days=15 share=90 schema=mart
SELECT * FROM v_exec_summary ORDER BY mth DESC LIMIT 6;
SELECT kpi_cd, mth, actual_val, target_val FROM kpi_mthly WHERE mth >= DATE '{month}';
SELECT rev_mth, new_amt, repeat_amt FROM v_new_vs_repeat_mth ORDER BY rev_mth DESC LIMIT 12;

--: zofia.lamming person hours=10-16 days=234 share=70 schema=sales
SELECT * FROM orders LIMIT 100;
SELECT * FROM orders_bak LIMIT 100;
SELECT o.*, c.first_nm FROM orders o JOIN crm.customers c ON c.cust_id = o.cust_id LIMIT 50;
SELECT * FROM scratch.cust_revenue_2024_old LIMIT 10;
SELECT count(*) FROM orders_20250131;
SELECT "custName", "totOpen" FROM erp."vwCustBalance" ORDER BY "totOpen" DESC LIMIT 10;
SELECT h."ordNo", c."custName", sum(d."qtyShip" * d."unitPrice") AS val FROM erp."orderHdr" h JOIN erp."orderDtl" d ON d."ordNo" = h."ordNo" JOIN erp."custMaster" c ON c."custNo" = h."custNo" GROUP BY 1, 2 ORDER BY val DESC LIMIT 10;

--: svc_dash bot hours=7-19 days=1234567 every=60 back=10 schema=mart
SELECT sum(net_amt) AS today_net FROM agg_store_sales_dly WHERE sales_dt = DATE '{day}';
SELECT status, count(*) FROM sales.orders WHERE ord_dt >= DATE '{day}' GROUP BY status;
SELECT count(*) AS open_orders, sum(net_amt) AS value FROM sales.v_open_orders;
SELECT carrier_nm, count(*) FROM logistics.v_late_parcels WHERE promised_dt = DATE '{day}' GROUP BY carrier_nm;
SELECT count(*) FROM crm.tickets WHERE closed_at IS NULL;
SELECT visits, converted FROM web.v_funnel_dly WHERE visit_dt = DATE '{day}';

--: svc_etl bot hours=2-3 days=1234567 every=60 back=28 schema=staging
INSERT OR IGNORE INTO sales.orders (order_id, cust_id, channel_cd, ord_dt, net_amt) SELECT CAST(substr(s.id, 3) AS BIGINT), c.cust_id, 'WEB', CAST(strptime(s.created_at, '%d/%m/%Y %H:%M') AS DATE), CAST(s.total AS DECIMAL(12, 2)) FROM staging.stg_shop_orders s JOIN crm.customers c ON s.customer_email = concat('shopper', c.cust_id, '@inbox.example');
INSERT INTO staging.orders SELECT order_id, cust_id, ord_dt, net_amt, md5(concat(order_id, net_amt)), now() FROM sales.orders WHERE ord_dt = DATE '{day}';
CREATE OR REPLACE TABLE staging.tmp_dedupe_contacts AS SELECT a.contact_id, b.contact_id AS dup_of, jaro_winkler_similarity(a.fname, b.fname) AS score FROM staging.stg_crm_contacts a JOIN staging.stg_crm_contacts b ON b.mobile = a.mobile AND b.contact_id > a.contact_id;
INSERT OR REPLACE INTO inventory.supplier_sku SELECT s.supp_id, k.sku, f.part_no, CAST(f.cost AS DECIMAL(10, 2)), 10 FROM staging.stg_supplier_price_feed f JOIN inventory.suppliers s ON s.supp_nm = f.supplier JOIN inventory.skus k ON k.ean13 = f.ean;
INSERT OR IGNORE INTO logistics.parcel_scans SELECT 900000000 + row_number() OVER (), s.shpmt_id, x.code, x.hub, CAST(x.ts AS TIMESTAMP) FROM staging.stg_carrier_scans x JOIN logistics.shipments s ON s.track_no = x.tracking;
INSERT INTO mart.fct_sales SELECT d.date_key, c.cust_key, p.prod_key, s.store_key, o.order_id, l.line_no, o.channel_cd, l.qty, l.qty * l.unit_price, l.disc_amt, l.line_total, l.qty * p.unit_cost FROM sales.order_lines l JOIN sales.orders o ON o.order_id = l.order_id JOIN mart.dim_date d ON d.cal_dt = o.ord_dt JOIN mart.dim_customer c ON c.cust_id = o.cust_id JOIN mart.dim_product p ON p.sku = l.sku LEFT JOIN mart.dim_store s ON s.store_id = o.store_id WHERE o.ord_dt = DATE '{day}';
INSERT INTO mart.fct_returns SELECT d.date_key, p.prod_key, s.store_key, r.return_id, r.qty, f.amt, r.reason_cd FROM sales.returns r JOIN sales.orders o ON o.order_id = r.order_id JOIN sales.order_lines l ON l.order_id = r.order_id AND l.line_no = r.line_no JOIN mart.dim_product p ON p.sku = l.sku JOIN mart.dim_date d ON d.cal_dt = r.received_dt LEFT JOIN mart.dim_store s ON s.store_id = o.store_id LEFT JOIN sales.refunds f ON f.return_id = r.return_id WHERE r.received_dt = DATE '{day}';
INSERT OR REPLACE INTO mart.agg_store_sales_dly SELECT o.store_id, o.ord_dt, count(DISTINCT o.order_id), sum(l.qty), sum(l.line_total), now() FROM sales.orders o JOIN sales.order_lines l ON l.order_id = o.order_id WHERE o.store_id IS NOT NULL AND o.status <> 'CANCELLED' AND o.ord_dt = DATE '{day}' GROUP BY o.store_id, o.ord_dt;
INSERT OR REPLACE INTO mart.agg_sku_sales_wkly SELECT p.sku, CAST(date_trunc('week', d.cal_dt) AS DATE), sum(f.qty), sum(f.net_amt), sum(f.net_amt - f.cost_amt) FROM mart.fct_sales f JOIN mart.dim_product p ON p.prod_key = f.prod_key JOIN mart.dim_date d ON d.date_key = f.date_key WHERE d.cal_dt >= DATE '{month}' GROUP BY 1, 2;
INSERT INTO mart.fct_stock_wkly SELECT d.date_key, p.prod_key, s.loc_cd, s.qty_on_hand, s.qty_on_hand * p.unit_cost FROM inventory.stock_on_hand s JOIN mart.dim_product p ON p.sku = s.sku JOIN mart.dim_date d ON d.cal_dt = CAST(s.as_of AS DATE) WHERE s.loc_cd = 'DTN';
INSERT OR REPLACE INTO mart.kpi_mthly SELECT 'NET_REV', CAST(date_trunc('month', ord_dt) AS DATE), sum(net_amt), NULL FROM sales.orders WHERE status <> 'CANCELLED' AND ord_dt >= DATE '{month}' GROUP BY 2;
INSERT OR REPLACE INTO mart.cust_rfm_snapshot SELECT o.cust_id, DATE '{day}', CAST(DATE '{day}' - max(o.ord_dt) AS INTEGER), count(*), sum(o.net_amt), NULL FROM sales.orders o JOIN crm.customers c ON c.cust_id = o.cust_id WHERE o.ord_dt <= DATE '{day}' GROUP BY o.cust_id;
