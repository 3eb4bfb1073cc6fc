-- Rows of schema mart: everything here is derived from the other schemas, as the nightly build would.
INSERT INTO mart.dim_date SELECT strftime(d, '%Y%m%d')::INTEGER, d, weekofyear(d), date_trunc('month', d)::DATE,
  'Q' || quarter(d), CASE WHEN month(d) >= 4 THEN year(d) + 1 ELSE year(d) END,
  strftime(d, '%m-%d') IN ('12-25', '12-26', '01-01')
  FROM (SELECT DATE '2024-01-01' + i::INTEGER AS d FROM range(1096) t (i));
INSERT INTO mart.dim_customer
  SELECT row_number() OVER (ORDER BY c.cust_id), c.cust_id, c.first_nm || ' ' || c.last_nm, split_part(a.postcode, ' ', 1),
    l.tier_cd, o.f, c.joined_on, NULL, TRUE FROM crm.customers c
    JOIN crm.customer_addr a ON a.cust_id = c.cust_id AND a.addr_type = 'HOME'
  LEFT JOIN crm.loyalty_acct l ON l.cust_id = c.cust_id
    LEFT JOIN (SELECT cust_id, min(ord_dt) AS f FROM sales.orders GROUP BY cust_id) o ON o.cust_id = c.cust_id;
INSERT INTO mart.dim_product
  SELECT row_number() OVER (ORDER BY s.sku), s.sku, p.product_nm, b.brand_nm, c.cat_nm, d.cat_nm, s.unit_cost
    FROM inventory.skus s JOIN inventory.products p ON p.product_id = s.product_id
    JOIN inventory.brands b ON b.brand_id = p.brand_id JOIN inventory.categories c ON c.cat_id = p.cat_id
    JOIN inventory.categories d ON d.cat_id = c.parent_cat_id;
INSERT INTO mart.dim_store SELECT store_id - 100, store_id, store_nm, region_cd,
  CASE WHEN sq_m < 900 THEN 'S' WHEN sq_m < 1900 THEN 'M' ELSE 'L' END, CASE WHEN closed_on IS NULL THEN 'Y' ELSE 'N' END
  FROM sales.stores;
INSERT INTO mart.fct_sales
  SELECT strftime(o.ord_dt, '%Y%m%d')::INTEGER, c.cust_key, p.prod_key, o.store_id - 100, o.order_id, l.line_no,
    o.channel_cd, l.qty, l.qty * l.unit_price, l.disc_amt, l.line_total, l.qty * p.unit_cost
  FROM sales.order_lines l JOIN sales.orders o ON o.order_id = l.order_id JOIN mart.dim_product p ON p.sku = l.sku
    JOIN mart.dim_customer c ON c.cust_id = o.cust_id WHERE o.status <> 'CANCELLED' ORDER BY l.order_id, l.line_no;
INSERT INTO mart.fct_returns
  SELECT strftime(r.received_dt, '%Y%m%d')::INTEGER, p.prod_key, o.store_id - 100, r.return_id, r.qty, coalesce(f.amt, 0),
    r.reason_cd FROM sales.returns r JOIN sales.orders o ON o.order_id = r.order_id
  JOIN sales.order_lines l ON l.order_id = r.order_id AND l.line_no = r.line_no JOIN mart.dim_product p ON p.sku = l.sku
    LEFT JOIN sales.refunds f ON f.return_id = r.return_id ORDER BY r.return_id;
INSERT INTO mart.fct_stock_wkly SELECT strftime(d.cal_dt, '%Y%m%d')::INTEGER, p.prod_key, 'DTN', q, q * p.unit_cost
  FROM mart.dim_product p, mart.dim_date d, LATERAL (SELECT rnd(p.prod_key * 1000 + d.iso_wk, 'clo', 300) AS q) x
  WHERE d.cal_dt BETWEEN DATE '2026-05-01' AND DATE '2026-06-30' AND isodow(d.cal_dt) = 7;
INSERT INTO mart.agg_store_sales_dly SELECT o.store_id, o.ord_dt, count(DISTINCT o.order_id), sum(l.qty), sum(l.line_total),
  TIMESTAMP '2026-06-30 03:52:00' FROM sales.orders o JOIN sales.order_lines l ON l.order_id = o.order_id
  WHERE o.store_id IS NOT NULL AND o.status <> 'CANCELLED' GROUP BY o.store_id, o.ord_dt ORDER BY ALL;
INSERT INTO mart.agg_sku_sales_wkly SELECT p.sku, date_trunc('week', d.cal_dt)::DATE, sum(f.qty), sum(f.net_amt),
  sum(f.net_amt - f.cost_amt) FROM mart.fct_sales f JOIN mart.dim_product p ON p.prod_key = f.prod_key
  JOIN mart.dim_date d ON d.date_key = f.date_key GROUP BY 1, 2 ORDER BY 1, 2;
INSERT INTO mart.cust_rfm_snapshot SELECT cust_id, s, r, n, a,
  concat(CASE WHEN r < 60 THEN 3 WHEN r < 200 THEN 2 ELSE 1 END, CASE WHEN n > 5 THEN 3 WHEN n > 2 THEN 2 ELSE 1 END,
  CASE WHEN a > 300 THEN 3 WHEN a > 90 THEN 2 ELSE 1 END)
  FROM (SELECT cust_id, s, (s - max(ord_dt))::INTEGER AS r, count(*) AS n, sum(net_amt) AS a FROM sales.orders,
    (VALUES (DATE '2026-03-31'), (DATE '2026-06-30')) t (s) WHERE ord_dt <= s GROUP BY cust_id, s) ORDER BY cust_id, s;
INSERT INTO mart.kpi_mthly SELECT 'NET_REV', date_trunc('month', ord_dt)::DATE, sum(net_amt), round(sum(net_amt) * 1.04, -3)
  FROM sales.orders WHERE status <> 'CANCELLED' GROUP BY 2 ORDER BY 2;
INSERT INTO mart.kpi_mthly SELECT 'ORDERS', date_trunc('month', ord_dt)::DATE, count(*), 300 FROM sales.orders GROUP BY 2
  ORDER BY 2;
INSERT INTO mart.kpi_mthly SELECT 'NPS', date_trunc('month', asked_on)::DATE,
  100.0 * avg(CASE WHEN score >= 9 THEN 1 WHEN score <= 6 THEN -1 ELSE 0 END), 35 FROM crm.nps_survey GROUP BY 2 ORDER BY 2;
INSERT INTO mart.demand_forecast SELECT k.sku, DATE '2026-06-29' + (7 * w)::INTEGER, f, round(f * 0.7, 1), round(f * 1.4, 1),
  'ets-0.9' FROM k, range(8) t (w), LATERAL (SELECT round(0.5 + unit(k.n * 10 + w, 'fc') * 9, 1) AS f) x;
INSERT INTO mart.churn_scores SELECT cust_id, DATE '2026-06-28', p, 1 + floor(p * 9.999)::INTEGER, 'gbm-2026-05'
  FROM (SELECT cust_id, round(unit(cust_id, 'churn'), 4) AS p FROM crm.customers WHERE is_active);
INSERT INTO mart.fct_sales_bak SELECT date_key, cust_key, prod_key, store_key, qty, net_amt FROM mart.fct_sales
  WHERE date_key < 20250401;
