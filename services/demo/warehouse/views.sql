-- All views, in the order in which they build on each other.
CREATE VIEW sales.v_open_orders AS
  SELECT o.order_id, o.cust_id, o.ord_dt, o.status, o.net_amt, date_diff('day', o.ord_dt, DATE '2026-06-30') AS age_days
  FROM sales.orders o WHERE o.status IN ('NEW', 'PICKING', 'SENT');
CREATE VIEW sales.orders_v1 AS
  SELECT order_id AS id, cust_id AS customer, ord_dt AS date, net_amt AS total FROM sales.orders_bak;
CREATE VIEW crm.v_mailable AS
  SELECT c.cust_id, c.first_nm, c.email FROM crm.customers c
  JOIN crm.consents p ON p.cust_id = c.cust_id AND p.medium = 'email' WHERE p.opted_in AND c.is_active;
CREATE VIEW crm.v_customer_360 AS
  SELECT c.cust_id, c.first_nm || ' ' || c.last_nm AS full_nm, a.loyalty_no, a.tier_cd, a.pts_balance, o.orders_ever,
    o.last_ord_dt, t.open_tickets
  FROM crm.customers c
  LEFT JOIN crm.loyalty_acct a ON a.cust_id = c.cust_id
  LEFT JOIN (SELECT cust_id, count(*) AS orders_ever, max(ord_dt) AS last_ord_dt FROM sales.orders
    GROUP BY cust_id) o ON o.cust_id = c.cust_id
  LEFT JOIN (SELECT cust_id, count(*) AS open_tickets FROM crm.tickets WHERE closed_at IS NULL
    GROUP BY cust_id) t ON t.cust_id = c.cust_id;
CREATE VIEW inventory.v_available_to_sell AS
  SELECT s.loc_cd, s.sku, p.product_nm, s.qty_on_hand - s.qty_reserved AS ats_qty
  FROM inventory.stock_on_hand s JOIN inventory.skus k ON k.sku = s.sku
    JOIN inventory.products p ON p.product_id = k.product_id;
CREATE VIEW inventory.v_below_min AS
  SELECT r.depot_cd, r.sku, a.product_nm, a.ats_qty, r.min_qty, r.max_qty - a.ats_qty AS suggest_qty
  FROM inventory.reorder_rules r JOIN inventory.v_available_to_sell a ON a.loc_cd = r.depot_cd AND a.sku = r.sku
    WHERE a.ats_qty < r.min_qty;
CREATE VIEW inventory.v_supplier_otif AS
  SELECT s.supp_id, s.supp_nm, count(*) AS po_cnt,
    avg(CASE WHEN g.received_at::DATE <= p.due_on THEN 1.0 ELSE 0.0 END) AS on_time_pct,
      sum(l.recd) * 1.0 / nullif(sum(l.ord), 0) AS in_full_pct
  FROM inventory.purchase_orders p JOIN inventory.suppliers s ON s.supp_id = p.supp_id
    JOIN inventory.goods_receipts g ON g.po_no = p.po_no
  JOIN (SELECT po_no, sum(qty_ord) AS ord, sum(qty_recd) AS recd FROM inventory.po_lines
    GROUP BY po_no) l ON l.po_no = p.po_no
  GROUP BY s.supp_id, s.supp_nm;
CREATE VIEW finance.v_trial_balance AS
  SELECT j.period, e.acct_no, a.acct_nm, sum(e.dr_amt) AS dr_amt, sum(e.cr_amt) AS cr_amt,
    sum(e.dr_amt - e.cr_amt) AS bal_amt
  FROM finance.gl_entries e JOIN finance.gl_journals j ON j.jnl_id = e.jnl_id
    JOIN finance.gl_accounts a ON a.acct_no = e.acct_no
  GROUP BY j.period, e.acct_no, a.acct_nm;
CREATE VIEW finance.v_ap_ageing AS
  SELECT i.supp_id, i.inv_id, i.due_dt, i.total_amt - coalesce(p.paid, 0) AS open_amt,
    CASE WHEN i.due_dt >= DATE '2026-06-30' THEN 'not due' WHEN i.due_dt >= DATE '2026-05-31' THEN '1-30'
      WHEN i.due_dt >= DATE '2026-05-01' THEN '31-60' ELSE '60+' END AS bucket
  FROM finance.ap_invoices i LEFT JOIN (SELECT inv_id, sum(amt) AS paid FROM finance.payments
    GROUP BY inv_id) p ON p.inv_id = i.inv_id
  WHERE i.total_amt > coalesce(p.paid, 0);
CREATE VIEW finance.v_budget_vs_actual AS
  SELECT b.period, b.cc_cd, b.acct_no, b.amt AS budget_amt, coalesce(x.actual_amt, 0) AS actual_amt,
    coalesce(x.actual_amt, 0) - b.amt AS var_amt
  FROM finance.budgets b LEFT JOIN (
    SELECT j.period, e.cc_cd, e.acct_no, sum(e.dr_amt - e.cr_amt) AS actual_amt FROM finance.gl_entries e
      JOIN finance.gl_journals j ON j.jnl_id = e.jnl_id
    GROUP BY j.period, e.cc_cd, e.acct_no) x ON x.period = b.period AND x.cc_cd = b.cc_cd AND x.acct_no = b.acct_no;
CREATE VIEW hr.v_staff_directory AS
  SELECT e.emp_id, e.first_nm, e.last_nm, p.title, d.dept_nm, e.store_id, e.work_email, m.last_nm AS mgr_last_nm
  FROM hr.employees e JOIN hr.positions p ON p.pos_cd = e.pos_cd JOIN hr.departments d ON d.dept_id = e.dept_id
  LEFT JOIN hr.employees m ON m.emp_id = e.mgr_emp_id WHERE e.left_on IS NULL;
CREATE VIEW logistics.v_late_parcels AS
  SELECT s.shpmt_id, s.order_id, c.carrier_nm, s.promised_dt, s.delivered_at,
    date_diff('day', s.promised_dt, coalesce(s.delivered_at::DATE, DATE '2026-06-30')) AS days_late
  FROM logistics.shipments s JOIN logistics.carriers c ON c.carrier_cd = s.carrier_cd
    WHERE coalesce(s.delivered_at::DATE, DATE '2026-06-30') > s.promised_dt;
CREATE VIEW web.v_funnel_dly AS
  SELECT s.started_at::DATE AS visit_dt, count(DISTINCT s.sess_id) AS visits, count(DISTINCT c.sess_id) AS with_cart,
    count(DISTINCT o.sess_id) AS with_checkout,
    count(DISTINCT CASE WHEN o.completed THEN o.sess_id END) AS converted
  FROM web.sessions s LEFT JOIN web.cart_events c ON c.sess_id = s.sess_id LEFT JOIN web.orders o ON o.sess_id = s.sess_id
    GROUP BY s.started_at::DATE;
CREATE VIEW web.v_zero_hit_searches AS
  SELECT lower(q_txt) AS q_txt, count(*) AS times, max(searched_at) AS last_seen FROM web.search_log WHERE hits = 0
    GROUP BY lower(q_txt);
CREATE VIEW marketing.v_campaign_roi AS
  SELECT c.camp_id, c.camp_nm, x.cost_amt, r.rev_amt, r.rev_amt / nullif(x.cost_amt, 0) AS roi
  FROM marketing.campaigns c
  LEFT JOIN (SELECT camp_id, sum(amt) AS cost_amt FROM marketing.campaign_costs GROUP BY camp_id) x ON x.camp_id = c.camp_id
  LEFT JOIN (SELECT k.camp_id, sum(o.net_amt) AS rev_amt FROM marketing.coupon_redemptions d
    JOIN marketing.coupons k ON k.coupon_code = d.coupon_code
    JOIN sales.orders o ON o.order_id = d.order_id GROUP BY k.camp_id) r ON r.camp_id = c.camp_id;
CREATE VIEW marketing.v_email_engagement AS
  SELECT s.camp_id, s.variant, count(DISTINCT s.send_id) AS sent,
    count(DISTINCT CASE WHEN e.event_type = 'open' THEN s.send_id END) AS opened,
    count(DISTINCT CASE WHEN e.event_type = 'click' THEN s.send_id END) AS clicked,
      count(DISTINCT CASE WHEN e.event_type = 'unsub' THEN s.send_id END) AS unsubbed
  FROM marketing.email_sends s LEFT JOIN marketing.email_events e ON e.send_id = s.send_id GROUP BY s.camp_id, s.variant;
CREATE VIEW erp."vwCustBalance" AS
  SELECT m."custNo", m."custName", m."crLimit", sum(a."openAmt") AS "totOpen", m."crLimit" - sum(a."openAmt") AS "headroom"
  FROM erp."custMaster" m JOIN erp."arOpenItems" a ON a."custNo" = m."custNo" GROUP BY m."custNo", m."custName", m."crLimit";
CREATE VIEW mart.cust_revenue_mth AS
  SELECT c.cust_id, c.full_nm, d.mth_start AS rev_mth, count(DISTINCT f.order_id) AS order_cnt, sum(f.qty) AS units,
    sum(f.gross_amt) AS gross_amt, sum(f.net_amt) AS net_amt
  FROM mart.fct_sales f JOIN mart.dim_customer c ON c.cust_key = f.cust_key JOIN mart.dim_date d ON d.date_key = f.date_key
  GROUP BY c.cust_id, c.full_nm, d.mth_start;
CREATE VIEW mart.cust_lifetime_value AS
  SELECT cust_id, min(rev_mth) AS first_mth, max(rev_mth) AS last_mth, sum(order_cnt) AS order_cnt, sum(net_amt) AS ltv_amt
    FROM mart.cust_revenue_mth GROUP BY cust_id;
CREATE VIEW mart.v_new_vs_repeat_mth AS
  SELECT r.rev_mth, sum(CASE WHEN r.rev_mth = l.first_mth THEN r.net_amt ELSE 0 END) AS new_amt,
    sum(CASE WHEN r.rev_mth > l.first_mth THEN r.net_amt ELSE 0 END) AS repeat_amt
  FROM mart.cust_revenue_mth r JOIN mart.cust_lifetime_value l ON l.cust_id = r.cust_id GROUP BY r.rev_mth;
CREATE VIEW mart.v_store_league AS
  SELECT s.store_id, s.store_nm, s.region_cd, date_trunc('month', a.sales_dt)::DATE AS mth, sum(a.net_amt) AS net_amt,
    rank() OVER (PARTITION BY date_trunc('month', a.sales_dt) ORDER BY sum(a.net_amt) DESC) AS pos
  FROM mart.agg_store_sales_dly a JOIN mart.dim_store s ON s.store_id = a.store_id GROUP BY s.store_id, s.store_nm,
    s.region_cd, date_trunc('month', a.sales_dt);
CREATE VIEW mart.v_margin_by_cat AS
  SELECT p.dept_nm, p.cat_nm, d.mth_start AS mth, sum(f.net_amt) AS net_amt, sum(f.net_amt - f.cost_amt) AS margin_amt,
    sum(f.net_amt - f.cost_amt) / nullif(sum(f.net_amt), 0) AS margin_pct
  FROM mart.fct_sales f JOIN mart.dim_product p ON p.prod_key = f.prod_key JOIN mart.dim_date d ON d.date_key = f.date_key
    GROUP BY p.dept_nm, p.cat_nm, d.mth_start;
CREATE VIEW mart.v_return_rate_sku AS
  SELECT p.sku, p.product_nm, s.sold_qty, coalesce(r.back_qty, 0) AS back_qty,
    coalesce(r.back_qty, 0) * 1.0 / nullif(s.sold_qty, 0) AS rate
  FROM mart.dim_product p JOIN (SELECT prod_key, sum(qty) AS sold_qty FROM mart.fct_sales
    GROUP BY prod_key) s ON s.prod_key = p.prod_key
  LEFT JOIN (SELECT prod_key, sum(qty) AS back_qty FROM mart.fct_returns GROUP BY prod_key) r ON r.prod_key = p.prod_key;
CREATE VIEW mart.v_basket_pairs AS
  SELECT a.prod_key AS prod_key_a, b.prod_key AS prod_key_b, count(DISTINCT a.order_id) AS together_cnt
  FROM mart.fct_sales a JOIN mart.fct_sales b ON b.order_id = a.order_id AND b.prod_key > a.prod_key GROUP BY a.prod_key,
    b.prod_key;
CREATE VIEW mart.v_slow_movers AS
  SELECT p.sku, p.product_nm, w.closing_qty, w.stock_value, coalesce(s.units_90d, 0) AS units_90d
  FROM mart.fct_stock_wkly w JOIN mart.dim_product p ON p.prod_key = w.prod_key
  LEFT JOIN (SELECT sku, sum(units) AS units_90d FROM mart.agg_sku_sales_wkly WHERE wk_start >= DATE '2026-04-01'
    GROUP BY sku) s ON s.sku = p.sku
  WHERE w.date_key = (SELECT max(date_key) FROM mart.fct_stock_wkly) AND coalesce(s.units_90d, 0) < 10;
CREATE VIEW mart.v_labour_pct_store AS
  SELECT e.store_id, date_trunc('month', t.work_dt)::DATE AS mth, sum(t.hrs + t.overtime_hrs) AS hrs,
    sum((t.hrs + t.overtime_hrs) * p.min_salary / 1950) AS labour_amt, max(l.net_amt) AS net_amt
  FROM hr.timesheets t JOIN hr.employees e ON e.emp_id = t.emp_id JOIN hr.positions p ON p.pos_cd = e.pos_cd
  LEFT JOIN mart.v_store_league l ON l.store_id = e.store_id AND l.mth = date_trunc('month', t.work_dt)::DATE
  WHERE e.store_id IS NOT NULL GROUP BY e.store_id, date_trunc('month', t.work_dt);
CREATE VIEW mart.v_exec_summary AS
  SELECT n.rev_mth AS mth, n.new_amt + n.repeat_amt AS net_amt, n.new_amt, m.margin_amt, l.late_cnt,
    k.target_val AS rev_target
  FROM mart.v_new_vs_repeat_mth n
  LEFT JOIN (SELECT mth, sum(margin_amt) AS margin_amt FROM mart.v_margin_by_cat GROUP BY mth) m ON m.mth = n.rev_mth
  LEFT JOIN (SELECT date_trunc('month', promised_dt)::DATE AS mth, count(*) AS late_cnt FROM logistics.v_late_parcels
    GROUP BY 1) l ON l.mth = n.rev_mth
  LEFT JOIN mart.kpi_mthly k ON k.kpi_cd = 'NET_REV' AND k.mth = n.rev_mth;
