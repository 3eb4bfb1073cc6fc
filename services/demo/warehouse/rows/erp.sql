-- Rows of schema erp: trade accounts up to the switch-over in March 2025.
INSERT INTO erp."salesRep" VALUES ('R01', 'G. Haddow', 'NTH', 2.50), ('R02', 'P. Sandhu', 'STH', 2.50),
  ('R03', 'O. Quigley', 'IRL', 3.00), ('R99', 'HOUSE', 'ALL', 0);
INSERT INTO erp."custMaster" SELECT 1000 + i, upper(pick(i, 'eln', last_names())) || pick(i, 'ekd',
  [' LANDSCAPES', ' HOTELS', ' & CO', ' NURSERY', ' CATERING']), pick(i, 'erp', ['R01', 'R02', 'R03', 'R99']),
  1000 * (1 + rnd(i, 'crl', 20)), 0, pick(i, 'trm', ['N30', 'N60', 'COD']), DATE '2009-02-01' + rnd(i, 'edc', 5400),
  CASE WHEN rnd(i, 'stp', 14) = 0 THEN 'Y' ELSE 'N' END FROM range(240) t (i);
INSERT INTO erp."itemMaster" SELECT printf('%06d', 100000 + n * 7), upper(replace(sku, '-', ' ')) || ' TRADE PK', unit_cost,
  round(unit_cost * 1.7, 2), pick(n, 'uom', ['EA', 'BX', 'PAL']), pick(n, 'abc', ['A', 'B', 'B', 'C', 'C', 'C']) FROM k
  WHERE n % 2 = 0;
INSERT INTO erp."orderHdr" SELECT 30000 + i, 1000 + rnd(i, 'eoc', 240), d, d + 7, 0,
  pick(i, 'eos', ['INV', 'INV', 'INV', 'BO', 'CAN']) FROM range(1500) t (i),
  LATERAL (SELECT DATE '2022-01-03' + (i * 1150 // 1500)::INTEGER AS d) x;
INSERT INTO erp."orderDtl" SELECT x.o, x.n, printf('%06d', 100000 + x.pos * 14), x.q,
  x.q - CASE WHEN rnd(x.o * 10 + x.n, 'bo', 8) = 0 THEN 1 ELSE 0 END, round(k.unit_cost * 1.7, 2)
  FROM (SELECT 30000 + i AS o, n, rnd(i * 10 + n, 'epos', 280) AS pos, 1 + rnd(i * 10 + n, 'eq', 24) AS q
  FROM range(1500) t (i), range(1, 4) u (n) WHERE n <= 1 + rnd(i, 'en', 3)) x JOIN k ON k.n = x.pos * 2;
UPDATE erp."orderHdr" SET "ordTotal" = t.s FROM (SELECT "ordNo" AS o, sum("qtyShip" * "unitPrice") AS s FROM erp."orderDtl"
  GROUP BY 1) t WHERE t.o = "ordNo";
INSERT INTO erp."whseQty" SELECT w, "itemNo", rnd("itemNo", 'oh' || w, 200), rnd("itemNo", 'al' || w, 20), DATE '2025-03-28'
  FROM erp."itemMaster", unnest(['01', '02']) t (w);
INSERT INTO erp."arOpenItems" SELECT 77000 + i, 1000 + rnd(i, 'arc', 240), k, d, d + 30,
  CASE k WHEN 'CN' THEN -1 ELSE 1 END * pounds(i, 'ara', 20, 2400) FROM range(420) t (i),
  LATERAL (SELECT pick(i, 'ark', ['IN', 'IN', 'IN', 'CN']) AS k, DATE '2024-11-01' + rnd(i, 'ard', 150) AS d) x;
UPDATE erp."custMaster" SET "acctBal" = t.b FROM (SELECT "custNo" AS c, sum("openAmt") AS b FROM erp."arOpenItems"
  GROUP BY 1) t WHERE t.c = "custNo";
