-- Rows of schema inventory: 260 products in about 620 variants, three depots and the stock rooms of the stores.
INSERT INTO inventory.categories VALUES (1, NULL, 'Garden', 1179), (2, NULL, 'Kitchen', 1187), (3, NULL, 'Living', 1195),
  (4, NULL, 'Outdoor leisure', 1203);
INSERT INTO inventory.categories
  SELECT 10 + row_number() OVER (), parent, nm, 1179 + 8 * (parent - 1)
  FROM (VALUES (1, 'Planters'), (1, 'Hand tools'), (1, 'Seeds and bulbs'), (1, 'Compost'), (2, 'Cookware'),
    (2, 'Storage jars'), (2, 'Linen'), (3, 'Lamps'), (3, 'Cushions'), (3, 'Rugs'), (4, 'Barbecues'),
    (4, 'Hammocks')) t (parent, nm);
INSERT INTO inventory.brands
  SELECT row_number() OVER (), nm, own FROM (VALUES ('Larkfield', TRUE), ('Moss & Marrow', FALSE), ('Tolland', FALSE),
    ('Kettlewick', FALSE), ('Brindle', FALSE), ('Nordhavn', FALSE), ('Pitchfork Lane', TRUE), ('Oxbow', FALSE)) t (nm, own);
INSERT INTO inventory.products
  SELECT i + 1,
    pick(i, 'pa', ['Hardy', 'Classic', 'Folding', 'Glazed', 'Woven', 'Heritage', 'Slim', 'Everyday', 'Coastal',
      'Large']) || ' ' ||
    ['planter', 'trowel', 'seed tin', 'compost bag', 'skillet', 'jar', 'tea towel', 'table lamp', 'cushion', 'runner rug',
      'kettle grill', 'hammock'][i % 12 + 1] || ' ' || (10 + rnd(i, 'pn', 80)),
    11 + i % 12, 1 + skew(i, 'pb', 8), today() - (60 + rnd(i, 'pl', 1500)),
      CASE WHEN rnd(i, 'pd', 12) = 0 THEN today() - rnd(i, 'pdd', 60) END,
      CASE WHEN i % 12 IN (3, 10) AND rnd(i, 'hz', 3) = 0 THEN 'Y' ELSE 'N' END
  FROM range(260) t (i);
INSERT INTO inventory.skus
  SELECT printf('LF%04d-%02d', p.product_id, v), p.product_id,
    pick(p.product_id * 10 + v, 'col', ['sage', 'slate', 'cream', 'rust', 'navy', 'natural']), ['S', 'M', 'L'][v::INTEGER],
    printf('50%011d', p.product_id * 7919 + v * 31), pounds(p.product_id * 10 + v, 'cost', 1.4, 58.0),
      80 + rnd(p.product_id * 10 + v, 'wt', 9000), [1, 1, 6, 12][rnd(p.product_id, 'pk', 4) + 1]
  FROM inventory.products p, range(1, 4) t (v) WHERE v <= 1 + rnd(p.product_id, 'variants',
    3) + CASE WHEN p.product_id % 4 = 0 THEN 1 ELSE 0 END;
INSERT INTO inventory.depots VALUES ('DTN', 'Daventry main', 'Daventry', 9200), ('GLA', 'Glasgow north', 'Glasgow', 3100),
  ('DUB', 'Dublin', 'Dublin', 2400);
INSERT INTO inventory.bins
  SELECT printf('%s-%s%02d-%d', d, a, b, l), d, a, l, CASE WHEN l = 1 THEN 'PICK' ELSE 'BULK' END
    FROM unnest(['DTN', 'GLA', 'DUB']) t (d), unnest(['A', 'B', 'C', 'D']) u (a), range(1, 11) v (b), range(1, 4) w (l);
CREATE TEMP TABLE k AS SELECT sku, product_id, unit_cost, row_number() OVER (ORDER BY sku) - 1 AS n FROM inventory.skus;
INSERT INTO inventory.stock_on_hand
  SELECT d, k.sku, rnd(k.n, 'q' || d, 400), rnd(k.n, 'r' || d, 12), TIMESTAMP '2026-06-30 04:10:00' FROM k,
    unnest(['DTN', 'GLA', 'DUB']) t (d);
INSERT INTO inventory.stock_on_hand
  SELECT 'S' || s, k.sku, rnd(k.n * 1000 + s, 'qs', 24), rnd(k.n * 1000 + s, 'rs', 3), TIMESTAMP '2026-06-30 05:25:00'
    FROM k, range(101, 121) t (s) WHERE rnd(k.n * 1000 + s, 'ranged', 3) = 0;
INSERT INTO inventory.stock_moves
  SELECT i + 1, k.sku, CASE WHEN rnd(i, 'mt', 4) = 0 THEN NULL ELSE pick(i, 'mf', ['DTN', 'GLA', 'DUB']) END,
    'S' || (101 + rnd(i, 'mto', 20)), 1 + rnd(i, 'mq', 30),
    pick(i, 'mk', ['REPLEN', 'REPLEN', 'REPLEN', 'XFER', 'ADJ', 'RTV']),
    at_clock(today() - rnd(i, 'md', 180), i, 'mc', 5, 22), staff(i, 'me')
  FROM range(4200) t (i) JOIN k ON k.n = skew(i, 'ms', 560);
INSERT INTO inventory.suppliers
  SELECT i + 1, pick(i, 'sn1', ['Alder', 'Bramley', 'Castellan', 'Dovetail', 'Eiderline', 'Fennimore', 'Gallow',
    'Hazelmere']) || ' ' || pick(i, 'sn2', ['Trading', 'Ceramics', 'Mills', 'Imports', 'Forge',
    'Nurseries']) || ' ' || (i + 1),
    pick(i, 'sc', ['GB', 'GB', 'IE', 'PT', 'PL', 'NL', 'VN', 'IN', 'CN']), 4 + rnd(i, 'sl', 60),
      pick(i, 'sr', ['A', 'A', 'B', 'B', 'C', NULL]), pick(i, 'sp', ['NET30', 'NET30', 'NET60', 'PREPAY']),
      printf('XX%09d', 100000 + rnd(i, 'vat', 800000000))
  FROM range(64) t (i);
INSERT INTO inventory.supplier_sku
  SELECT DISTINCT ON (supp_id, sku) 1 + rnd(k.product_id, 'sup' || c, 64) AS supp_id, k.sku,
    printf('%s/%d', pick(k.n, 'spn', ['AB', 'TR', 'QX', 'M']), 1000 + k.n), round(k.unit_cost * (0.94 + 0.1 * c), 2),
    [10, 25, 50, 100][rnd(k.n, 'moq', 4) + 1]
  FROM k, range(2) t (c) WHERE c = 0 OR k.n % 3 = 0;
CREATE TEMP TABLE po AS SELECT i, printf('PO%06d', 20400 + i) AS po_no, 1 + rnd(i, 'pos', 64) AS supp_id,
  today() - (720 - i * 720 // 900)::INTEGER AS raised_on FROM range(900) t (i);
INSERT INTO inventory.purchase_orders
  SELECT po.po_no, po.supp_id, pick(po.i, 'pod', ['DTN', 'DTN', 'DTN', 'GLA', 'DUB']), po.raised_on,
    po.raised_on + s.lead_days, CASE WHEN po.raised_on + s.lead_days > today() THEN 'OPEN' WHEN rnd(po.i, 'can',
    25) = 0 THEN 'CANCELLED' ELSE 'CLOSED' END,
    1179 + 8 * rnd(po.i, 'pob', 4) FROM po JOIN inventory.suppliers s ON s.supp_id = po.supp_id;
INSERT INTO inventory.po_lines
  SELECT x.po_no, x.ln, k.sku, x.q, CASE WHEN x.status = 'CLOSED' THEN x.q - x.short ELSE 0 END, k.unit_cost
  FROM (SELECT po.po_no, h.status, ln, 20 + 5 * rnd(po.i * 10 + ln, 'poq', 40) AS q,
    CASE WHEN rnd(po.i * 10 + ln, 'short', 9) = 0 THEN 5 ELSE 0 END AS short, rnd(po.i * 10 + ln, 'pok', 500) AS pos
    FROM po JOIN inventory.purchase_orders h ON h.po_no = po.po_no, range(1, 5) t (ln) WHERE ln <= 1 + rnd(po.i, 'pol', 4)) x
      JOIN k ON k.n = x.pos;
INSERT INTO inventory.goods_receipts
  SELECT printf('GRN%05d', row_number() OVER (ORDER BY po_no)), po_no,
    at_clock(least(today(), due_on + rnd(po_no, 'late', 7) - 4), po_no, 'grn', 6, 15), 1 + rnd(po_no, 'pal', 8),
    CASE WHEN rnd(po_no, 'dmg', 10) = 0 THEN 1 + rnd(po_no, 'dmq', 9) ELSE 0 END
  FROM inventory.purchase_orders WHERE status = 'CLOSED';
INSERT INTO inventory.stocktakes SELECT i + 1, 'S' || (101 + i % 20), today() - (15 + (i // 20) * 180)::INTEGER,
  1001 + i % 20, 'POSTED' FROM range(40) t (i);
INSERT INTO inventory.stocktake_lines
  SELECT c.count_id, k.sku, s.q, greatest(0, s.q + s.v), greatest(0, s.q + s.v) - s.q FROM inventory.stocktakes c
    JOIN k ON rnd(k.n * 100 + c.count_id, 'counted', 12) = 0,
    LATERAL (SELECT rnd(k.n * 100 + c.count_id, 'sysq', 24) AS q,
      CASE WHEN rnd(k.n * 100 + c.count_id, 'var', 4) = 0 THEN rnd(k.n * 100 + c.count_id, 'varq', 7) - 4 ELSE 0 END AS v) s;
INSERT INTO inventory.reorder_rules SELECT d, k.sku, 20 + rnd(k.n, 'mn' || d, 60), 200 + rnd(k.n, 'mx' || d, 300),
  today() - rnd(k.n, 'rv', 400) FROM k, unnest(['DTN', 'GLA', 'DUB']) t (d);
INSERT INTO inventory.write_offs
  SELECT i + 1, 'S' || (101 + rnd(i, 'wl', 20)), k.sku, 1 + rnd(i, 'wq', 5),
    pick(i, 'wc', ['damaged', 'dead plant', 'past date', 'theft', 'unknown']), (1 + rnd(i, 'wq', 5)) * k.unit_cost,
    today() - rnd(i, 'wd', 700)
  FROM range(680) t (i) JOIN k ON k.n = rnd(i, 'wk', 560);
INSERT INTO inventory.product_recalls VALUES ('RC-2024-03', 11, DATE '2024-11-04', 'gas hose may split', 410, 322),
  ('RC-2025-01', 88, DATE '2025-02-17', 'lead in glaze', 1260, 640),
  ('RC-2025-02', 140, DATE '2025-08-29', 'plug overheats', 95, 91),
  ('RC-2026-01', 203, DATE '2026-05-12', 'strap tears under load', 377, 58);
INSERT INTO inventory.stock_on_hand_20260331 SELECT loc_cd, sku, rnd(sku || loc_cd, 'mar', 40), qty_reserved,
  TIMESTAMP '2026-03-31 04:12:00' FROM inventory.stock_on_hand WHERE loc_cd IN ('DTN', 'GLA', 'DUB');
INSERT INTO inventory.products_bak SELECT product_id, product_nm, cat_id, brand_id, launched_on FROM inventory.products
  WHERE product_id <= 214;
DROP TABLE po;
