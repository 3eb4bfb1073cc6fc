-- Rows of schema marketing: 36 campaigns, their mailings, adverts and vouchers.
INSERT INTO marketing.campaigns
  SELECT i + 1, strftime(d, '%b %y') || ' ' || pick(i, 'cn',
    ['bulb push', 'grill season', 'kitchen refresh', 'trade day', 'lights on', 'store birthday', 'sale']),
    pick(i, 'cch', ['email', 'paid search', 'social', 'door drop', 'radio']),
    d, d + 20, pick(i, 'cg', ['new customers', 'win back', 'clear stock', 'footfall', NULL]), 1179 + 8 * rnd(i, 'cow', 6)
  FROM range(36) t (i), LATERAL (SELECT DATE '2024-07-04' + (i * 20)::INTEGER AS d) x;
INSERT INTO marketing.campaign_costs
  SELECT camp_id, starts_on + (n * 4)::INTEGER, pick(camp_id * 10 + n, 'ven',
    ['Pigeon Print', 'Loud & Clear Radio', 'Adfern', 'in-house', 'Meadow Studio']), pounds(camp_id * 10 + n, 'cc', 80, 2600)
  FROM marketing.campaigns, range(5) t (n) WHERE n <= 1 + rnd(camp_id, 'ccn', 4);
INSERT INTO marketing.ad_spend_dly
  SELECT starts_on + n::INTEGER, p, camp_id, im, im // (30 + rnd(camp_id * 100 + n, 'ctr' || p, 60)), round(im * 0.0041, 2)
  FROM marketing.campaigns, range(20) t (n), unnest(['Findly', 'Chatterbox', 'PixBoard']) u (p),
    LATERAL (SELECT 900 + rnd(camp_id * 100 + n, 'imp' || p, 22000) AS im) x WHERE channel IN ('paid search', 'social');
INSERT INTO marketing.segments VALUES ('LAL-GDN', 'Lookalike gardeners', 184000, 'Chatterbox'),
  ('RTG-CART', 'Left a basket in 14 days', 3900, 'Findly'), ('RTG-VIEW', 'Viewed 3+ lamps', 7200, 'PixBoard'),
  ('CRM-LAPS', 'Upload of lapsed', 2600, 'Findly'), ('GEO-STORE', 'Within 15 km of a store', 510000, 'Chatterbox');
INSERT INTO marketing.email_sends
  SELECT row_number() OVER (ORDER BY g.camp_id, v.cust_id), g.camp_id, v.cust_id, g.starts_on + INTERVAL 7 HOUR,
    g.camp_nm || ' is here', CASE WHEN v.cust_id % 2 = 0 THEN 'A' ELSE 'B' END
  FROM marketing.campaigns g JOIN crm.v_mailable v ON rnd(v.cust_id * 100 + g.camp_id, 'mail', 5) = 0
    WHERE g.camp_id % 2 = 0;
INSERT INTO marketing.email_events
  SELECT row_number() OVER (ORDER BY send_id, k.pos), send_id, k.kind,
    sent_at + to_minutes(k.pos * 45 + rnd(send_id, 'evm', 900)),
    CASE WHEN k.kind = 'click' THEN pick(send_id, 'url',
    ['/sale', '/garden/planters', '/outdoor/barbecues', '/living/lamps']) END
  FROM marketing.email_sends JOIN (VALUES ('open', 1, 38), ('click', 2, 9), ('unsub', 3, 1), ('bounce', 0, 2)) k (kind, pos,
    pct) ON rnd(send_id, 'ev' || k.kind, 100) < k.pct;
INSERT INTO marketing.coupons SELECT printf('LARK%02d', i), 1 + rnd(i, 'cpc', 36), 10, [0, 20, 40][rnd(i, 'cpm', 3) + 1],
  DATE '2024-07-01', DATE '2026-12-31' FROM range(1, 31) t (i);
INSERT INTO marketing.coupon_redemptions SELECT coupon_code, order_id, disc_amt, updated_at FROM sales.orders
  WHERE coupon_code IS NOT NULL AND status <> 'CANCELLED';
INSERT INTO marketing.promo_calendar
  SELECT today() - (400 - d * 3)::INTEGER, 11 + rnd(d, 'pcat', 12),
    pick(d, 'mech', ['3 for 2', '20% off', 'half price', 'gift with purchase', 'multibuy']),
    pick(d, 'fund', ['supplier', 'us', 'shared']) FROM range(160) t (d);
INSERT INTO marketing.influencer_deals
  SELECT i + 1, '@' || lower(pick(i, 'ih', ['mossyboots', 'thepottingshed', 'kitchenwren', 'lampandlark', 'plotnineteen',
    'slowsunday'])) || i, pick(i, 'ip', ['PixBoard', 'Chatterbox', 'ReelHouse']), 1 + rnd(i, 'ic', 36),
    pounds(i, 'if', 150, 4000), 2 + rnd(i, 'ipd', 6), rnd(i, 'ipx', 7)
  FROM range(44) t (i);
INSERT INTO marketing.utm_map SELECT CASE channel WHEN 'email' THEN 'newsletter' WHEN 'paid search' THEN 'findly'
  ELSE 'chatterbox' END, CASE channel WHEN 'email' THEN 'email' ELSE 'cpc' END, printf('lk%03d', camp_id), camp_id
  FROM marketing.campaigns WHERE channel IN ('email', 'paid search', 'social');
INSERT INTO marketing.tmp_mailing_xmas25 SELECT cust_id, email, 'Dear ' || first_nm, 'jb' FROM crm.v_mailable
  WHERE cust_id % 4 = 0;
