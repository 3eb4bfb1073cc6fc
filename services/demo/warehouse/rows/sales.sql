-- Rows of schema sales: two years of orders with a spring and a Christmas peak, till trade, returns and cards.
INSERT INTO sales.channels VALUES ('STORE', 'In-store order', FALSE), ('WEB', 'Web shop', TRUE), ('APP', 'Phone app', TRUE),
  ('CC', 'Click and collect', TRUE), ('TEL', 'Telephone', FALSE);
INSERT INTO sales.stores
  SELECT 101 + i, towns()[i + 1] || CASE WHEN i % 5 = 0 THEN ' Garden Centre' ELSE '' END,
    ['NORTH', 'WEST', 'SCOT', 'IRE', 'EAST'][i % 5 + 1], towns()[i + 1], postcode(i, 'stpc'),
    DATE '2004-05-01' + rnd(i, 'sto', 6200),
    CASE WHEN i >= 20 THEN DATE '2025-01-31' + (i * 11)::INTEGER END, 240 + 10 * rnd(i, 'sqm', 260), 1001 + i
      FROM range(22) t (i);
INSERT INTO sales.store_hours SELECT s, d, CASE d WHEN 7 THEN TIME '10:00' ELSE TIME '09:00' END,
  CASE d WHEN 7 THEN TIME '16:00' WHEN 4 THEN TIME '19:30' ELSE TIME '18:00' END FROM range(101, 123) t (s),
  range(1, 8) u (d);
CREATE TEMP TABLE o AS
  SELECT 700000 + row_number() OVER (ORDER BY ord_dt, i) AS order_id, i, ord_dt,
    50001 + skew(i, 'oc', (1800 * (ord_dt - DATE '2019-03-01') // 2678)::INTEGER) AS cust_id, ch AS channel_cd,
    CASE WHEN ch IN ('STORE', 'CC') THEN 101 + rnd(i, 'os', 20) END AS store_id, rnd(i, 'ocur', 9) = 0 AS is_eur,
    CASE WHEN rnd(i, 'coup', 12) = 0 THEN printf('LARK%02d', 1 + rnd(i, 'coupn', 30)) END AS coupon_code
  FROM (SELECT i, DATE '2024-07-01' + floor(730 * power(unit(i, 'od'), 0.85))::INTEGER AS ord_dt,
    pick(i, 'och', ['WEB', 'WEB', 'WEB', 'WEB', 'APP', 'CC', 'CC', 'STORE', 'STORE', 'TEL']) AS ch FROM range(9600) t (i))
  WHERE rnd(i, 'keep', 100) < [42, 40, 58, 84, 96, 88, 60, 52, 50, 54, 80, 100][month(ord_dt)];
CREATE TEMP TABLE l AS
  SELECT x.order_id, x.ln AS line_no, k.sku, x.q AS qty, (floor(k.unit_cost * 2.3) + 0.99)::DECIMAL(10, 2) AS unit_price,
    round(CASE WHEN x.has_coupon THEN x.q * (floor(k.unit_cost * 2.3) + 0.99) * 0.1 ELSE 0 END, 2)::DECIMAL(10,
    2) AS disc_amt
  FROM (SELECT o.order_id, ln, 1 + skew(o.i * 10 + ln, 'lq', 5) AS q, skew(o.i * 10 + ln, 'lk', 560) AS pos,
    o.coupon_code IS NOT NULL AS has_coupon FROM o, range(1, 6) t (ln) WHERE ln <= 1 + skew(o.i, 'lines', 5)) x
    JOIN k ON k.n = x.pos;
INSERT INTO sales.orders
  SELECT o.order_id, o.cust_id, o.store_id, o.channel_cd, o.ord_dt,
    CASE WHEN today() - o.ord_dt < 3 THEN 'NEW' WHEN today() - o.ord_dt < 6 THEN 'PICKING'
      WHEN today() - o.ord_dt < 12 THEN 'SENT' WHEN rnd(o.i, 'ocx', 18) = 0 THEN 'CANCELLED' ELSE 'DELIVERED' END,
    CASE WHEN o.is_eur THEN 'EUR' ELSE 'GBP' END, t.g, t.d, round((t.g - t.d) / 6, 2),
      CASE WHEN t.g > 60 OR o.store_id IS NOT NULL THEN 0 ELSE 4.95 END, t.g - t.d, o.coupon_code,
      at_clock(o.ord_dt, o.i, 'oup', 6, 24)
  FROM o JOIN (SELECT order_id, sum(qty * unit_price)::DECIMAL(12, 2) AS g, sum(disc_amt) AS d FROM l
    GROUP BY order_id) t ON t.order_id = o.order_id ORDER BY o.order_id;
INSERT INTO sales.order_lines SELECT order_id, line_no, sku, qty, unit_price, disc_amt, qty * unit_price - disc_amt FROM l
  ORDER BY order_id, line_no;
INSERT INTO sales.order_status_hist
  SELECT o.order_id, s.st, o.updated_at + to_hours(s.h), s.who FROM sales.orders o
    JOIN (VALUES ('NEW', 0, 'shop', 0), ('PICKING', 20, 'wms', 1), ('SENT', 40, 'wms', 2),
    ('DELIVERED', 96, 'carrier', 3)) s (st, h, who, pos)
  ON s.pos <= CASE o.status WHEN 'NEW' THEN 0 WHEN 'PICKING' THEN 1 WHEN 'CANCELLED' THEN 0 WHEN 'SENT' THEN 2 ELSE 3 END
    WHERE o.ord_dt >= DATE '2025-07-01';
INSERT INTO sales.order_status_hist SELECT order_id, 'CANCELLED', updated_at + to_hours(9), 'care' FROM sales.orders
  WHERE status = 'CANCELLED';
INSERT INTO sales.payments
  SELECT 300000 + row_number() OVER (ORDER BY order_id), order_id, m, net_amt + ship_amt, updated_at + to_minutes(2),
    CASE WHEN m IN ('CARD', 'WALLET') THEN 'ch_' || left(md5(order_id::VARCHAR), 14) END,
    CASE WHEN m = 'CARD' THEN printf('%04d', rnd(order_id, 'l4', 10000)) END
  FROM (SELECT *, pick(order_id, 'pm', ['CARD', 'CARD', 'CARD', 'CARD', 'WALLET', 'GIFT', 'ACCOUNT']) AS m FROM sales.orders
    WHERE status <> 'CANCELLED');
INSERT INTO sales.return_reasons VALUES ('SIZE', 'too big or small'), ('DMG', 'arrived damaged'), ('CHG', 'changed mind'),
  ('DEAD', 'plant died'), ('WRONG', 'not what was ordered'), ('QUAL', 'poor finish'), ('GIFT', 'unwanted present');
INSERT INTO sales.returns
  SELECT 90000 + row_number() OVER (ORDER BY l.order_id, l.line_no), l.order_id, l.line_no, 1,
    pick(l.order_id, 'rr', ['SIZE', 'DMG', 'DMG', 'CHG', 'CHG', 'CHG', 'DEAD', 'WRONG', 'QUAL', 'GIFT']),
    o.ord_dt + 6 + rnd(l.order_id, 'rd', 30), pick(l.order_id, 'rs', ['Y', 'Y', 'N'])
  FROM sales.order_lines l JOIN sales.orders o ON o.order_id = l.order_id
    WHERE o.status = 'DELIVERED' AND o.ord_dt < DATE '2026-05-20' AND rnd(l.order_id * 10 + l.line_no, 'ret', 14) = 0;
INSERT INTO sales.refunds
  SELECT 60000 + row_number() OVER (ORDER BY r.return_id), p.payment_id, r.return_id, least(p.amt, l.unit_price),
    at_clock(r.received_dt + 1, r.return_id, 'rf', 8, 18), 1184 + 8 * rnd(r.return_id, 'ra', 7)
  FROM sales.returns r JOIN sales.payments p ON p.order_id = r.order_id
    JOIN sales.order_lines l ON l.order_id = r.order_id AND l.line_no = r.line_no WHERE rnd(r.return_id, 'norf', 12) > 0;
INSERT INTO sales.pos_tills SELECT printf('T%d-%d', s, t), s,
  pick(s * 10 + t, 'tm', ['Orbis 4', 'Orbis 4', 'Counter+', 'Handy M']), DATE '2018-01-10' + rnd(s, 'ti', 2400)
  FROM range(101, 123) a (s), range(1, 4) b (t);
CREATE TEMP TABLE pt AS SELECT i, 5000001 + i AS txn_id,
  printf('T%d-%d', 101 + skew(i, 'pts', 20), 1 + rnd(i, 'ptt', 3)) AS till_no, today() - (i * 180 // 4200)::INTEGER AS d
  FROM range(4200) t (i);
CREATE TEMP TABLE pi AS
  SELECT x.txn_id, x.seq, k.sku, x.q AS qty, (floor(k.unit_cost * 2.3) + 0.99)::DECIMAL(10, 2) AS price
  FROM (SELECT pt.txn_id, seq, 1 + skew(pt.i * 10 + seq, 'piq', 4) AS q, skew(pt.i * 10 + seq, 'pik', 560) AS pos FROM pt,
    range(1, 5) t (seq) WHERE seq <= 1 + rnd(pt.i, 'pin', 4)) x JOIN k ON k.n = x.pos;
INSERT INTO sales.pos_txn
  SELECT pt.txn_id, pt.till_no, at_clock(pt.d, pt.i, 'ptc', 9, 18), 1001 + rnd(pt.i, 'pte', 176),
    CASE WHEN rnd(pt.i, 'ptl', 2) = 0 THEN la.loyalty_no END, x.t,
    pick(pt.i, 'ptn', ['CARD', 'CARD', 'CARD', 'CASH', 'CASH', 'GIFT']), rnd(pt.i, 'ptv', 60) = 0
  FROM pt JOIN (SELECT txn_id, sum(qty * price) AS t FROM pi GROUP BY txn_id) x ON x.txn_id = pt.txn_id
    LEFT JOIN la ON la.n = skew(pt.i, 'ptla', 1200) ORDER BY pt.txn_id;
INSERT INTO sales.pos_txn_item SELECT txn_id, seq, sku, qty, price FROM pi ORDER BY txn_id, seq;
INSERT INTO sales.till_cash_counts
  SELECT t.till_no, today() - d::INTEGER, e, e + v, v, 1001 + t.store_id - 101 FROM sales.pos_tills t, range(45) r (d),
    LATERAL (SELECT pounds(t.till_no || d, 'cash', 120, 900) AS e,
    CASE WHEN rnd(t.till_no || d, 'cv', 5) = 0 THEN (rnd(t.till_no || d, 'cvv', 41) - 22) / 2.0 ELSE 0 END AS v) x
  WHERE t.store_id < 121;
INSERT INTO sales.gift_cards
  SELECT printf('6335%012d', 81000000 + i * 97), today() - rnd(i, 'gci', 700), f,
    round(f * [0, 0, 0.35, 1][rnd(i, 'gcb', 4) + 1], 2), CASE WHEN rnd(i, 'gcc', 3) > 0 THEN shopper(i, 'gcs') END,
    today() - rnd(i, 'gci', 700) + 730
  FROM range(620) t (i), LATERAL (SELECT [10, 20, 25, 50, 100][rnd(i, 'gcf', 5) + 1] AS f) x;
INSERT INTO sales.gift_card_ledger SELECT row_number() OVER (ORDER BY card_no), card_no, 'ISSUE', face_amt,
  at_clock(issued_on, card_no, 'gl', 9, 18) FROM sales.gift_cards;
INSERT INTO sales.gift_card_ledger SELECT 10000 + row_number() OVER (ORDER BY card_no), card_no, 'SPEND',
  balance_amt - face_amt, at_clock(least(today(), issued_on + 1 + rnd(card_no, 'gld', 120)), card_no, 'gl2', 9, 18)
  FROM sales.gift_cards WHERE balance_amt < face_amt;
INSERT INTO sales.price_list SELECT sku, 'RRP', DATE '2025-02-01', NULL, floor(unit_cost * 2.3) + 0.99 FROM k;
INSERT INTO sales.price_list SELECT sku, 'RRP', DATE '2023-09-01', DATE '2025-01-31', floor(unit_cost * 2.15) + 0.99 FROM k
  WHERE n % 4 <> 0;
INSERT INTO sales.price_list SELECT sku, 'TRADE', DATE '2025-02-01', NULL, round(unit_cost * 1.7, 2) FROM k WHERE n % 3 = 0;
INSERT INTO sales.quotes
  SELECT i + 1, 50001 + 16 * rnd(i, 'qc', 110), d, d + 30, pounds(i, 'qa', 300, 9000), s,
    CASE WHEN s = 'WON' THEN 700001 + rnd(i, 'qo', 5000) END, 1179 + 8 * rnd(i, 'qr', 4)
  FROM range(260) t (i), LATERAL (SELECT today() - rnd(i, 'qd', 600) AS d,
    pick(i, 'qs', ['OPEN', 'WON', 'WON', 'LOST', 'LOST', 'EXPIRED']) AS s) x;
INSERT INTO sales.orders_bak SELECT order_id, cust_id, store_id, ord_dt, status, gross_amt, net_amt FROM sales.orders
  WHERE ord_dt < DATE '2025-10-06';
INSERT INTO sales.orders_20250131 SELECT order_id, cust_id, store_id, channel_cd, ord_dt, status, gross_amt, net_amt
  FROM sales.orders WHERE ord_dt <= DATE '2025-01-31';
INSERT INTO sales.tmp_order_fix SELECT order_id, 'SENT', 'CANCELLED', 'mk' FROM sales.orders
  WHERE status = 'CANCELLED' AND order_id % 9 = 0;
DROP TABLE o;
DROP TABLE l;
DROP TABLE pt;
DROP TABLE pi;
