-- Rows of schema web: 2,600 visitors, their visits in the last year, baskets, searches and reviews.
INSERT INTO web.visitors
  SELECT left(md5('v' || i), 16), at_clock(today() - (200 + rnd(i, 'vf', 400)), i, 'vt', 6, 23),
    pick(i, 'dev', ['mobile', 'mobile', 'mobile', 'desktop', 'tablet']), pick(i, 'vc', ['GB', 'GB', 'GB', 'GB', 'IE']),
    CASE WHEN rnd(i, 'known', 3) = 0 THEN shopper(i, 'vcu') END FROM range(2600) t (i);
CREATE TEMP TABLE ws AS
  SELECT i, 8000001 + i AS sess_id, left(md5('v' || rnd(i, 'sv', 2600)), 16) AS visitor_id,
    at_clock(today() - (i * 365 // 7000)::INTEGER, i, 'st', 6, 24) AS started_at, rnd(i, 'bnc', 10) < 4 AS bounced,
    rnd(i, 'src', 10) AS src FROM range(7000) t (i);
INSERT INTO web.sessions
  SELECT sess_id, visitor_id, started_at, started_at + to_seconds(CASE WHEN bounced THEN 4 ELSE 60 + rnd(i, 'dur',
    1500) END), u.utm_source, u.utm_medium, u.utm_campaign,
    pick(i, 'land', ['/', '/', '/sale', '/garden/planters', '/kitchen/jars', '/stores']), bounced
  FROM ws LEFT JOIN (SELECT *, row_number() OVER (ORDER BY camp_id) - 1 AS n
    FROM marketing.utm_map) u ON ws.src < 4 AND u.n = rnd(ws.i, 'utm', 12) ORDER BY sess_id;
INSERT INTO web.page_views
  SELECT row_number() OVER (ORDER BY sess_id, p), sess_id,
    CASE WHEN p = 0 THEN '/' WHEN p % 2 = 1 THEN '/p/' || pr ELSE pick(i * 10 + p, 'pvp',
    ['/garden', '/kitchen', '/living', '/basket', '/stores', '/help/delivery']) END, started_at + to_seconds(p * 40),
    180 + skew(i * 10 + p, 'ld', 2400), CASE WHEN p % 2 = 1 THEN pr END
  FROM ws, range(6) t (p), LATERAL (SELECT 1 + skew(i * 10 + p, 'pvpr', 260) AS pr) x
    WHERE p = 0 OR (NOT bounced AND p <= rnd(i, 'pvs', 6));
INSERT INTO web.cart_events
  SELECT row_number() OVER (ORDER BY x.sess_id, x.n), x.sess_id, k.sku,
    pick(x.i * 10 + x.n, 'ca', ['add', 'add', 'add', 'remove', 'qty']), 1 + rnd(x.i, 'cq', 3),
    x.started_at + to_seconds(90 + x.n * 30)
  FROM (SELECT ws.*, n, skew(i * 10 + n, 'cek', 560) AS pos FROM ws, range(4) t (n)
    WHERE NOT bounced AND rnd(i, 'cart', 3) = 0 AND n <= rnd(i, 'cn', 4)) x JOIN k ON k.n = x.pos;
INSERT INTO web.orders
  SELECT 400000 + row_number() OVER (ORDER BY s.sess_id), s.sess_id, CASE WHEN s.done THEN o.order_id END,
    CASE WHEN s.done THEN 'CONFIRMED' ELSE pick(s.i, 'step', ['BASKET', 'ADDRESS', 'DELIVERY', 'PAYMENT']) END,
    pounds(s.i, 'ba', 8, 180), s.done
  FROM (SELECT ws.*, rnd(i, 'done', 5) < 3 AS done, row_number() OVER (ORDER BY sess_id DESC) AS n FROM ws
    WHERE NOT bounced AND rnd(i, 'cart', 3) = 0 AND rnd(i, 'chk', 2) = 0) s
  LEFT JOIN (SELECT order_id, row_number() OVER (ORDER BY order_id) AS n FROM sales.orders
    WHERE channel_cd IN ('WEB', 'APP') AND ord_dt >= DATE '2025-07-01') o ON o.n = s.n;
INSERT INTO web.search_log
  SELECT row_number() OVER (ORDER BY ws.sess_id), ws.sess_id, q.txt,
    CASE WHEN q.found THEN 3 + rnd(ws.i, 'hit', 60) ELSE 0 END, CASE WHEN q.found AND rnd(ws.i, 'clk', 2) = 0 THEN k.sku END,
    ws.started_at + to_seconds(30)
  FROM ws JOIN (SELECT row_number() OVER () - 1 AS n, *
    FROM (VALUES ('tall planter', TRUE), ('hammock', TRUE), ('Gift card', FALSE), ('lamp shade', TRUE),
    ('peat free compost', TRUE), ('solar lights', FALSE), ('trowel', TRUE), ('bbq cover', FALSE), ('jam jars', TRUE),
    ('tea towl', FALSE), ('rug 200x300', TRUE), ('click and collect', FALSE)) t (txt, found)) q
    ON q.n = skew(ws.i, 'q', 12) JOIN k ON k.n = rnd(ws.i, 'qk', 560) WHERE NOT ws.bounced AND rnd(ws.i, 'srch', 3) = 0;
INSERT INTO web.ab_tests VALUES ('AB-041', 'Bigger photos sell more planters', DATE '2025-09-01', DATE '2025-10-12', 'B'),
  ('AB-042', 'Delivery date on the product page', DATE '2025-11-03', DATE '2025-12-01', 'A'),
  ('AB-043', 'Guest checkout first', DATE '2026-02-09', DATE '2026-03-23', 'B'),
  ('AB-044', 'Points shown in the basket', DATE '2026-04-20', DATE '2026-06-01', NULL),
    ('AB-045', 'Shorter menu', DATE '2026-06-08', NULL, NULL);
INSERT INTO web.ab_assignments SELECT t.test_cd, v.visitor_id,
  CASE WHEN rnd(v.visitor_id, t.test_cd || 'arm', 2) = 0 THEN 'A' ELSE 'B' END,
  t.started_on + to_minutes(rnd(v.visitor_id, t.test_cd || 'at', 20000)) FROM web.ab_tests t
  JOIN web.visitors v ON rnd(v.visitor_id, t.test_cd, 4) = 0;
INSERT INTO web.reviews
  SELECT i + 1, 1 + skew(i, 'rvp', 260), shopper(i, 'rvc'), s,
    pick(i, 'rvt' || (s > 3), CASE WHEN s > 3 THEN ['Lovely', 'Sturdy', 'As pictured', 'Would buy again'] ELSE ['Cracked',
    'Smaller than expected', 'Meh', 'Sent it back'] END),
    pick(i, 'rvb', ['Looks good by the door.', 'My sister wants one.', 'The colour is not like the photo.', NULL]),
    at_clock(today() - rnd(i, 'rvd', 600), i, 'rvt', 7, 23), rnd(i, 'mod', 12) > 0 FROM range(1300) t (i),
      LATERAL (SELECT [5, 5, 4, 4, 3, 2, 1, 5][rnd(i, 'stars', 8) + 1] AS s) x;
INSERT INTO web.wishlists SELECT i + 1, shopper(i, 'wl'),
  pick(i, 'wln', ['Garden', 'Wedding', 'New flat', 'Birthday', 'Later']), rnd(i, 'wls', 4) = 0,
  at_clock(today() - rnd(i, 'wld', 500), i, 'wlt', 7, 23) FROM range(420) t (i);
INSERT INTO web.wishlist_items SELECT DISTINCT ON (w.wl_id, k.sku) w.wl_id, k.sku, w.created_at + to_minutes(w.n * 7)
  FROM (SELECT *, skew(wl_id * 10 + n, 'wlk', 560) AS pos FROM web.wishlists, range(4) t (n)) w JOIN k ON k.n = w.pos
  ORDER BY w.wl_id, k.sku, w.n;
INSERT INTO web.back_in_stock_alerts
  SELECT i + 1, k.sku, lower(pick(i, 'bfn', first_names())) || i || '@inbox.example',
    at_clock(today() - rnd(i, 'bd', 120), i, 'bt', 7, 23),
    CASE WHEN rnd(i, 'bn', 2) = 0 THEN at_clock(today() - rnd(i, 'bd', 120) + 2, i, 'bnt', 7, 8) END FROM range(380) t (i)
    JOIN k ON k.n = skew(i, 'bk', 560);
INSERT INTO web.error_log SELECT row_number() OVER (ORDER BY sess_id), sess_id, pick(i, 'eh', [404, 404, 404, 500, 503]),
  pick(i, 'ep', ['/p/999', '/checkout/pay', '/old-catalogue.pdf', '/api/stock']),
  pick(i, 'em', ['not found', 'timeout from psp', 'stock service busy']), started_at + INTERVAL 20 SECOND FROM ws
  WHERE rnd(i, 'err', 20) = 0;
INSERT INTO web.page_views_old SELECT i, 6000000 + i // 3, '/p/' || rnd(i, 'pvo', 260),
  at_clock(DATE '2024-02-01' + (i // 40)::INTEGER, i, 'pvot', 6, 23) FROM range(2400) t (i);
DROP TABLE ws;
