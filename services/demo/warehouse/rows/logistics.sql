-- Rows of schema logistics: a parcel for every order that was sent, van runs and claims.
INSERT INTO logistics.carriers VALUES ('SWB', 'Swiftbird', 2, 30.0), ('PKM', 'Parcelmoor', 3, 25.0),
  ('IPO', 'Island Post', 5, 20.0), ('OWN', 'Own vans', 4, 900.0);
INSERT INTO logistics.rate_card SELECT c.carrier_cd, z, kg,
  round((3.1 + kg * 0.22) * CASE z WHEN 'IRE' THEN 1.7 WHEN 'ISLES' THEN 2.1 ELSE 1 END, 2) FROM logistics.carriers c,
  unnest(['MAIN', 'IRE', 'ISLES']) t (z), unnest([2.0, 5.0, 10.0, 20.0]) u (kg) WHERE c.carrier_cd <> 'OWN';
INSERT INTO logistics.vehicles SELECT printf('LF%02d %s', 60 + i % 14,
  ['HWK', 'JTR', 'MPL', 'NRB', 'OXC', 'PDV', 'RGS', 'SYT', 'TNE', 'UKB', 'VLD', 'WFA', 'XRM', 'YCP'][i % 14 + 1]),
  ['DTN', 'GLA', 'DUB'][rnd(i, 'vd', 3) + 1],
  pick(i, 'vm', ['Transporter L', 'Boxer 35', 'eSprint']), [900, 1200, 750][rnd(i, 'vm', 3) + 1],
    today() + rnd(i, 'mot', 360), CASE WHEN rnd(i, 'vm', 3) = 2 THEN 'ELECTRIC' ELSE 'DIESEL' END FROM range(14) t (i);
INSERT INTO logistics.delivery_slots SELECT row_number() OVER (ORDER BY d, s, h), d, today() - 20 + s::INTEGER, h, h + 3, 18,
  4 + rnd(s * 100 + h, 'slot' || d, 15) FROM unnest(['DTN', 'GLA', 'DUB']) t (d), range(34) u (s),
  unnest([8, 11, 14, 17]) v (h);
CREATE TEMP TABLE sh AS
  SELECT order_id, 200000 + row_number() OVER (ORDER BY order_id) AS shpmt_id, ord_dt, status,
    pick(order_id, 'car', ['SWB', 'SWB', 'PKM', 'PKM', 'IPO', 'OWN']) AS carrier_cd, updated_at + to_hours(30) AS sent_at
    FROM sales.orders WHERE status IN ('SENT', 'DELIVERED') AND channel_cd IN ('WEB', 'APP', 'TEL');
INSERT INTO logistics.shipments
  SELECT sh.shpmt_id, sh.order_id, sh.carrier_cd, pick(sh.order_id, 'sdep', ['DTN', 'DTN', 'GLA', 'DUB']), sh.sent_at,
    sh.sent_at::DATE + c.sla_days, CASE WHEN sh.status = 'DELIVERED' THEN sh.sent_at + to_hours(20 + rnd(sh.order_id, 'del',
    26 * c.sla_days)) END,
    sh.carrier_cd || printf('%010d', 3000000 + sh.order_id * 13), pounds(sh.order_id, 'scost', 2.8, 9.5) FROM sh
      JOIN logistics.carriers c ON c.carrier_cd = sh.carrier_cd ORDER BY sh.shpmt_id;
INSERT INTO logistics.shipment_items SELECT sh.shpmt_id, l.line_no, l.sku, l.qty FROM sh
  JOIN sales.order_lines l ON l.order_id = sh.order_id ORDER BY ALL;
INSERT INTO logistics.parcel_scans
  SELECT row_number() OVER (ORDER BY s.shpmt_id, k.pos), s.shpmt_id, k.cd,
    pick(s.shpmt_id * 10 + k.pos, 'hub', ['Daventry', 'Preston', 'Livingston', 'Athlone', 'Exeter']),
    s.dispatched_at + to_hours(k.pos * 9) FROM logistics.shipments s,
    (VALUES ('COLL', 0), ('HUB', 1), ('VAN', 2), ('DLVD', 3)) k (cd, pos)
  WHERE s.dispatched_at >= TIMESTAMP '2025-12-01' AND (k.pos < 3 OR s.delivered_at IS NOT NULL);
INSERT INTO logistics.routes
  SELECT i + 1, v.reg_no, 1000 + 183 + 8 * (1 + rnd(i, 'drv', 6)), today() - (i // 6)::INTEGER, km,
    km + rnd(i, 'kmx', 30) - 8 FROM range(540) t (i)
    JOIN (SELECT reg_no, row_number() OVER (ORDER BY reg_no) - 1 AS n FROM logistics.vehicles) v ON v.n = i % 14,
    LATERAL (SELECT 40 + rnd(i, 'km', 160) AS km) x;
INSERT INTO logistics.route_stops
  SELECT r.route_id, s.n, s.shpmt_id, r.run_dt + to_minutes(480 + s.n * 35),
    r.run_dt + to_minutes(470 + s.n * 35 + rnd(r.route_id * 20 + s.n, 'arr', 50)),
    pick(r.route_id * 20 + s.n, 'out', ['DONE', 'DONE', 'DONE', 'DONE', 'NO ANSWER', 'REFUSED'])
  FROM logistics.routes r JOIN (SELECT shpmt_id, 1 + row_number() OVER (ORDER BY shpmt_id DESC) % 5 AS n,
    (row_number() OVER (ORDER BY shpmt_id DESC) - 1) // 5 + 1 AS rid FROM logistics.shipments
    WHERE carrier_cd = 'OWN') s ON s.rid = r.route_id;
INSERT INTO logistics.damage_claims SELECT row_number() OVER (ORDER BY shpmt_id), shpmt_id, dispatched_at::DATE + 9, c,
  CASE v WHEN 'PAID' THEN c WHEN 'PART' THEN round(c / 2, 2) WHEN 'DENIED' THEN 0 END, v
  FROM logistics.shipments, LATERAL (SELECT pounds(shpmt_id, 'clm', 9, 160) AS c,
    pick(shpmt_id, 'clv', ['PAID', 'PART', 'DENIED', NULL]) AS v) x WHERE rnd(shpmt_id, 'claim', 22) = 0;
INSERT INTO logistics.fuel_log SELECT row_number() OVER (ORDER BY d, reg_no), reg_no,
  at_clock(today() - (d * 6)::INTEGER, reg_no || d, 'fl', 5, 20), l, round(l * 1.46, 2),
  90000 - (d * 700)::INTEGER + rnd(reg_no, 'odo', 20000) FROM logistics.vehicles, range(40) t (d),
  LATERAL (SELECT pounds(reg_no || d, 'lit', 22, 71) AS l) x WHERE fuel = 'DIESEL';
DROP TABLE sh;
