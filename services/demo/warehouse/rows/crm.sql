-- Rows of schema crm: 1,800 shoppers, a few of them trade accounts.
CREATE TEMP TABLE c AS SELECT i, 50001 + i AS cust_id, DATE '2019-03-01' + (i * 2678 // 1800)::INTEGER AS joined_on,
  pick(i, 'cfn', first_names()) AS fn, pick(i, 'cln', last_names()) AS ln FROM range(1800) t (i);
INSERT INTO crm.customers
  SELECT cust_id, fn, ln, CASE WHEN rnd(i, 'noem',
    14) > 0 THEN lower(concat(fn, '.', ln, i, '@',
    pick(i, 'dom', ['postbox.example', 'homemail.example', 'inbox.example']))) END,
    CASE WHEN rnd(i, 'noph', 3) > 0 THEN printf('07%09d', 100000000 + rnd(i, 'ph', 800000000)) END,
      CASE WHEN rnd(i, 'nodob', 2) = 0 THEN DATE '1948-01-01' + rnd(i, 'dob', 20000) END, joined_on,
    101 + rnd(i, 'home', 22), CASE WHEN rnd(i, 'ct', 16) = 0 THEN 'TRADE' ELSE 'RETAIL' END, rnd(i, 'act', 15) > 0 FROM c;
INSERT INTO crm.customer_addr
  SELECT row_number() OVER (ORDER BY cust_id, a), cust_id, CASE a WHEN 0 THEN 'HOME' ELSE 'DELIV' END,
    (1 + rnd(i, 'no' || a, 140)) || ' ' || pick(i, 'st' || a,
    ['Mill Lane', 'Station Road', 'The Green', 'Quay Street', 'Abbey Close', 'Beech Avenue']),
    towns()[rnd(i, 'pc' || a, 22) + 1], postcode(i, 'pc' || a),
      CASE WHEN towns()[rnd(i, 'pc' || a, 22) + 1] IN ('Galway', 'Kilkenny', 'Cork') THEN 'IE' ELSE 'GB' END, joined_on, NULL
  FROM c, range(2) t (a) WHERE a = 0 OR rnd(i, 'second', 4) = 0;
INSERT INTO crm.consents
  SELECT cust_id, m, rnd(i, 'opt' || m, 10) < 6, at_clock(joined_on + rnd(i, 'optd' || m, 90), i, 'optt', 7, 22),
    pick(i, 'optv', ['till', 'signup form', 'preference centre', 'phone']) FROM c, unnest(['email', 'sms', 'post']) t (m)
    WHERE m <> 'post' OR i % 2 = 0;
INSERT INTO crm.segments VALUES (1, 'Keen gardeners', 'garden spend > 150 in 12m', 'CRM'),
  (2, 'Gift buyers', 'bought only in Nov-Dec', 'CRM'), (3, 'Lapsed', 'no order for 400 days', 'CRM'),
  (4, 'Trade regulars', 'cust_type = TRADE and 4+ orders', 'Trade desk'),
  (5, 'New movers', 'address changed in 90 days', NULL), (6, 'Big baskets', 'average order > 120', 'Insight');
INSERT INTO crm.customer_segment SELECT DISTINCT ON (cust_id, s) cust_id, s, today() - rnd(i * 10 + s, 'seg', 300) FROM c,
  range(1, 7) t (s) WHERE rnd(i * 10 + s, 'inseg', 5) = 0;
INSERT INTO crm.loyalty_tiers VALUES ('SEED', 0, 'birthday treat'), ('SPROUT', 500, 'free tea'),
  ('BLOOM', 1500, 'early sale access'), ('OAK', 4000, 'free delivery');
INSERT INTO crm.loyalty_acct
  SELECT printf('LC%07d', 4000000 + i * 37), cust_id,
    CASE WHEN p < 500 THEN 'SEED' WHEN p < 1500 THEN 'SPROUT' WHEN p < 4000 THEN 'BLOOM' ELSE 'OAK' END, p,
    joined_on + rnd(i, 'enr', 60)
  FROM (SELECT c.*, skew(i, 'pts', 6000) AS p FROM c WHERE rnd(i, 'loyal', 10) < 7);
CREATE TEMP TABLE la AS SELECT loyalty_no, row_number() OVER (ORDER BY loyalty_no) - 1 AS n FROM crm.loyalty_acct;
INSERT INTO crm.loyalty_txn
  SELECT i + 1, la.loyalty_no, CASE WHEN rnd(i, 'ltk', 6) = 0 THEN -100 * (1 + rnd(i, 'ltb', 5)) ELSE 5 + rnd(i, 'ltp',
    160) END, CASE WHEN rnd(i, 'ltk', 6) = 0 THEN 'BURN' ELSE 'EARN' END,
    at_clock(today() - rnd(i, 'ltd', 700), i, 'ltt', 8, 21),
      CASE WHEN rnd(i, 'lto', 3) > 0 THEN 700001 + rnd(i, 'ltord', 5000) END
  FROM range(3600) t (i) JOIN la ON la.n = skew(i, 'lta', 1200);
INSERT INTO crm.tickets
  SELECT i + 1, shopper(i, 'tc'), at_clock(today() - rnd(i, 'td', 600), i, 'tt', 8, 20), NULL,
    pick(i, 'tp', ['LATE', 'DAMAGED', 'REFUND', 'STOCK', 'LOYALTY', 'WEBSITE', 'OTHER']), 1 + rnd(i, 'tpr', 4),
    1184 + 8 * rnd(i, 'ta', 7),
    CASE WHEN rnd(i, 'tor', 4) > 0 THEN 700001 + rnd(i, 'tord', 5000) END, NULL FROM range(1100) t (i);
UPDATE crm.tickets SET closed_at = opened_at + to_hours(1 + rnd(ticket_id, 'tcl', 140)),
  csat = CASE WHEN rnd(ticket_id, 'cs', 2) = 0 THEN 1 + rnd(ticket_id, 'csv', 5) END WHERE rnd(ticket_id, 'open', 11) > 0;
INSERT INTO crm.ticket_msgs
  SELECT row_number() OVER (ORDER BY ticket_id, m), ticket_id, CASE m % 2 WHEN 0 THEN 'IN' ELSE 'OUT' END,
    opened_at + to_minutes(m * 95 + rnd(ticket_id, 'tm', 60)),
    CASE m % 2 WHEN 0 THEN pick(ticket_id * 10 + m, 'tmi',
      ['Where is my parcel?', 'The pot arrived in pieces.', 'I was charged twice.', 'When will it be back?',
      'My points are missing.'])
      ELSE pick(ticket_id * 10 + m, 'tmo', ['We are looking into it.', 'A new one goes out today.',
        'The money is on its way back.', 'Please send us a photo.']) END
  FROM crm.tickets, range(4) t (m) WHERE m <= 1 + rnd(ticket_id, 'tms', 3);
INSERT INTO crm.nps_survey
  SELECT i + 1, shopper(i, 'nc'), today() - rnd(i, 'nd', 500), least(10, 3 + rnd(i, 'ns', 5) + rnd(i, 'ns2', 5)),
    pick(i, 'nv', [NULL, NULL, NULL, 'lovely staff', 'delivery was slow', 'prices went up', 'good plants'])
    FROM range(900) t (i);
INSERT INTO crm.erasure_requests
  SELECT i + 1, 50001 + rnd(i, 'erc', 1800), today() - rnd(i, 'erd', 500), today() - rnd(i, 'erd', 500) + 30,
    CASE WHEN rnd(i, 'erd', 500) > 30 THEN today() - rnd(i, 'erd', 500) + 3 + rnd(i, 'erx', 25) END,
    1184 + 8 * rnd(i, 'erh', 7) FROM range(48) t (i);
INSERT INTO crm.customer_merge_map SELECT 40001 + i, 50001 + rnd(i, 'mm', 1800),
  at_clock(DATE '2025-09-14' + (i // 40)::INTEGER, i, 'mmt', 9, 17) FROM range(210) t (i);
INSERT INTO crm.customers_old SELECT 40001 + i, concat(ln, ', ', fn), lower(concat(fn, i, '@homemail.example')), joined_on,
  pick(i, 'cos', towns()) FROM c WHERE i < 900;
DROP TABLE c;
