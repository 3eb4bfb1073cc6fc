-- Rows of schema staging: the last days of each landing as text, and the log of the loads.
CREATE TEMP MACRO landed() AS TIMESTAMP '2026-06-30 02:15:00';
INSERT INTO staging.stg_shop_orders SELECT 'S-' || order_id, strftime(updated_at, '%d/%m/%Y %H:%M'),
  'shopper' || cust_id || '@inbox.example', net_amt::VARCHAR, '{"channel": "' || channel_cd || '"}', landed(),
  strftime(ord_dt, 'shop_orders_%Y%m%d.csv') FROM sales.orders
  WHERE ord_dt >= DATE '2026-06-01' AND channel_cd IN ('WEB', 'APP');
INSERT INTO staging.stg_shop_order_lines SELECT 'S-' || l.order_id, l.line_no::VARCHAR, l.sku, l.qty::VARCHAR,
  l.unit_price::VARCHAR, landed(), strftime(o.ord_dt, 'shop_lines_%Y%m%d.csv') FROM sales.order_lines l
  JOIN sales.orders o ON o.order_id = l.order_id WHERE o.ord_dt >= DATE '2026-06-01' AND o.channel_cd IN ('WEB', 'APP');
INSERT INTO staging.stg_pos_journal SELECT till_no, txn_id::VARCHAR,
  concat_ws('|', 'SALE', tender, total_amt, coalesce(loyalty_no, '')), strftime(rung_at, '%y%m%d'), landed(),
  'journal_' || till_no || '.txt' FROM sales.pos_txn WHERE rung_at >= TIMESTAMP '2026-06-15';
INSERT INTO staging.stg_crm_contacts SELECT 'C' || cust_id, first_nm, last_nm, email, phone,
  CASE WHEN is_active THEN 'y' ELSE '' END, landed(), 'contacts_full.csv' FROM crm.customers;
INSERT INTO staging.stg_carrier_scans SELECT s.track_no, p.scan_cd, p.scanned_at::VARCHAR, upper(p.hub), landed(),
  lower(s.carrier_cd) || '_scans.json' FROM logistics.parcel_scans p JOIN logistics.shipments s ON s.shpmt_id = p.shpmt_id
  WHERE p.scanned_at >= TIMESTAMP '2026-06-10';
INSERT INTO staging.stg_supplier_price_feed SELECT s.supp_nm, x.supp_part_no, k.ean13, x.cost_price::VARCHAR,
  CASE s.country_cd WHEN 'GB' THEN 'GBP' ELSE 'EUR' END, landed(), 'feed_' || s.supp_id || '.xlsx'
  FROM inventory.supplier_sku x JOIN inventory.suppliers s ON s.supp_id = x.supp_id JOIN inventory.skus k ON k.sku = x.sku;
INSERT INTO staging.stg_web_clicks SELECT s.visitor_id, 'https://www.larkfield.example' || p.path, NULL,
  pick(p.pv_id, 'ua', ['Mobile Safari', 'Chrome', 'Firefox']), epoch(p.viewed_at)::BIGINT::VARCHAR, landed(), 'clicks.ndjson'
  FROM web.page_views p JOIN web.sessions s ON s.sess_id = p.sess_id WHERE p.viewed_at >= TIMESTAMP '2026-06-20';
INSERT INTO staging.orders SELECT order_id, cust_id, ord_dt, net_amt, md5(concat(order_id, net_amt)), landed()
  FROM sales.orders WHERE ord_dt >= DATE '2026-05-01';
INSERT INTO staging.customers SELECT cust_id, first_nm || ' ' || last_nm, email, md5(concat(cust_id, email)), landed()
  FROM crm.customers;
INSERT INTO staging.load_audit
  SELECT row_number() OVER (ORDER BY d, j.nm), j.nm, j.tgt, n,
    CASE WHEN rnd(d, j.nm || 'rj', 9) = 0 THEN 1 + rnd(d, j.nm || 'rjn', 12) ELSE 0 END, s,
    s + to_seconds(20 + rnd(d, j.nm || 'sec', 400)), CASE WHEN rnd(d, j.nm || 'st', 40) = 0 THEN 'FAILED' ELSE 'OK' END
  FROM range(90) t (d), (VALUES ('load_shop_orders', 'sales.orders', 0), ('load_pos', 'sales.pos_txn', 15),
    ('load_contacts', 'crm.customers', 30), ('load_scans', 'logistics.parcel_scans', 45),
    ('load_feeds', 'inventory.supplier_sku', 60), ('build_mart', 'mart.fct_sales', 90)) j (nm, tgt, mins),
    LATERAL (SELECT 100 + rnd(d, j.nm, 2000) AS n, (today() - d::INTEGER) + to_minutes(120 + j.mins) AS s) x;
INSERT INTO staging.reject_rows SELECT load_id, 10 * n,
  pick(load_id * 20 + n, 'rc', ['mail', 'price', 'ean', 'ts', 'total']),
  pick(load_id * 20 + n, 'rv', ['n/a', '', '12,50', '0000-00-00', '#REF!']),
  pick(load_id * 20 + n, 'rl', ['not_null', 'is_number', 'is_date']) FROM staging.load_audit, range(1, 13) t (n)
  WHERE n <= rows_rejected;
INSERT INTO staging.tmp_dedupe_contacts SELECT 'C' || (50001 + i * 9), 'C' || (50004 + i * 9),
  round(0.8 + unit(i, 'dd') * 0.2, 3) FROM range(160) t (i);
