-- Rows of schema scratch: copies and half-done work.
INSERT INTO scratch.cust_revenue_2024_old SELECT cust_id, strftime(ord_dt, '%Y%m'), sum(gross_amt)::DOUBLE FROM sales.orders
  WHERE ord_dt < DATE '2025-01-01' GROUP BY 1, 2 ORDER BY 1, 2;
INSERT INTO scratch.customers SELECT cust_id, email, CASE WHEN rnd(cust_id, 'grp', 2) = 0 THEN 'test' ELSE 'control' END
  FROM crm.customers WHERE rnd(cust_id, 'scr', 6) = 0;
INSERT INTO scratch.tmp_jb_margin_check SELECT sku, floor(unit_cost * 2.3) + 0.99, unit_cost,
  1 - unit_cost / (floor(unit_cost * 2.3) + 0.99) FROM k WHERE n % 5 = 0;
INSERT INTO scratch.top_cust_20251130 SELECT *
  FROM (SELECT row_number() OVER (ORDER BY sum(net_amt) DESC, cust_id) AS rnk, cust_id, sum(net_amt)::DOUBLE
  FROM sales.orders WHERE ord_dt <= DATE '2025-11-30' GROUP BY cust_id) WHERE rnk <= 100 ORDER BY rnk;
INSERT INTO scratch.pk_store_visits_import SELECT town, strftime(DATE '2026-01-01' + d::INTEGER, '%d.%m.%y'),
  90 + rnd(store_id * 100 + d, 'foot', 700) FROM sales.stores, range(60) t (d);
