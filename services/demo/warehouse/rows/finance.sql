-- Rows of schema finance: a balanced ledger over 24 periods, supplier invoices, settlements, budgets and leases.
INSERT INTO finance.cost_centres SELECT 'CC' || (200 + 10 * (d - 2)), nm, NULL, 1177 + d - 2
  FROM (VALUES (2, 'Finance'), (3, 'Buying'), (4, 'Marketing'), (5, 'Digital'), (6, 'People'), (7, 'IT'), (8, 'Logistics'),
  (9, 'Care')) t (d, nm);
INSERT INTO finance.cost_centres SELECT 'ST' || store_id, store_nm, store_id, mgr_emp_id FROM sales.stores;
INSERT INTO finance.gl_accounts VALUES ('1000', 'Cash at bank', 'ASSET', TRUE),
  ('1100', 'Card money in transit', 'ASSET', TRUE), ('1200', 'Stock', 'ASSET', TRUE),
  ('1500', 'Fixtures at cost', 'ASSET', FALSE), ('2000', 'Trade creditors', 'LIAB', TRUE),
  ('2200', 'VAT control', 'LIAB', TRUE), ('2300', 'Gift card liability', 'LIAB', TRUE),
  ('4000', 'Shop takings', 'INCOME', FALSE), ('4010', 'Online takings', 'INCOME', FALSE),
    ('4900', 'Returns and allowances', 'INCOME', FALSE), ('5000', 'Cost of goods', 'COST', FALSE),
    ('5100', 'Carriage out', 'COST', FALSE), ('5200', 'Shrinkage', 'COST', FALSE), ('6000', 'Wages', 'COST', FALSE),
    ('6100', 'Rent', 'COST', FALSE), ('6200', 'Heat and light', 'COST', FALSE), ('6300', 'Advertising', 'COST', FALSE),
    ('6400', 'Software', 'COST', FALSE), ('6900', 'Sundry', 'COST', FALSE);
CREATE TEMP TABLE pr AS SELECT m, (DATE '2024-07-01' + to_months(m::INTEGER))::DATE AS d,
  strftime(DATE '2024-07-01' + to_months(m::INTEGER), '%Y-%m') AS period FROM range(24) t (m);
INSERT INTO finance.acct_periods SELECT period, d, last_day(d),
  CASE WHEN m < 22 THEN 'CLOSED' WHEN m = 22 THEN 'SOFT' ELSE 'OPEN' END, CASE WHEN m < 22 THEN 1177 END,
  CASE WHEN m < 22 THEN last_day(d) + INTERVAL '5 days 16 hours' END FROM pr;
INSERT INTO finance.gl_journals
  SELECT row_number() OVER (ORDER BY m, cc.cc_cd, s.pos), period, last_day(d) - (s.pos * 3)::INTEGER, s.src,
    s.txt || ' ' || cc.cc_nm || ' ' || strftime(d, '%b') FROM pr, finance.cost_centres cc,
    (VALUES ('PAYROLL', 'wages', 1), ('AP', 'overheads', 2), ('SALES', 'takings', 3)) s (src, txt, pos)
    WHERE s.src <> 'SALES' OR cc.store_id IS NOT NULL;
CREATE TEMP TABLE je AS
  SELECT j.jnl_id, j.period, cc.cc_cd, CASE j.src WHEN 'PAYROLL' THEN '6000' WHEN 'AP' THEN pick(j.jnl_id, 'apa',
    ['6100', '6200', '6300', '6400', '6900']) ELSE '1100' END AS dr_acct,
    CASE j.src WHEN 'PAYROLL' THEN '1000' WHEN 'AP' THEN '2000' ELSE '4000' END AS cr_acct,
    pounds(j.jnl_id, 'jamt', 1800, 26000) AS amt
  FROM finance.gl_journals j JOIN finance.cost_centres cc ON j.narrative LIKE '% ' || cc.cc_nm || ' ' || '___';
INSERT INTO finance.gl_entries SELECT jnl_id, 1, dr_acct, cc_cd, amt, 0 FROM je;
INSERT INTO finance.gl_entries SELECT jnl_id, 2, cr_acct, CASE WHEN cr_acct = '4000' THEN cc_cd END, 0, amt FROM je;
INSERT INTO finance.ap_invoices
  SELECT row_number() OVER (ORDER BY p.po_no), p.supp_id, 'INV' || (3000 + rnd(p.po_no, 'iv', 90000)), p.po_no, p.due_on + 2,
    p.due_on + 2 + CASE s.pay_terms WHEN 'NET60' THEN 60 WHEN 'NET30' THEN 30 ELSE 0 END, t.a,
    CASE s.country_cd WHEN 'GB' THEN 'GBP' WHEN 'CN' THEN 'USD' ELSE 'EUR' END,
    CASE WHEN rnd(p.po_no, 'hold', 30) = 0 THEN 'Y' ELSE 'N' END
  FROM inventory.purchase_orders p JOIN inventory.suppliers s ON s.supp_id = p.supp_id
    JOIN (SELECT po_no, sum(qty_recd * unit_cost) AS a FROM inventory.po_lines GROUP BY po_no) t ON t.po_no = p.po_no
    WHERE p.status = 'CLOSED';
INSERT INTO finance.ap_invoice_lines SELECT inv_id, 1, '1200', 'goods per ' || po_no, total_amt - 15
  FROM finance.ap_invoices;
INSERT INTO finance.ap_invoice_lines SELECT inv_id, 2, '5100', 'carriage', 15 FROM finance.ap_invoices;
INSERT INTO finance.payments SELECT row_number() OVER (ORDER BY due_dt, inv_id), inv_id, due_dt + rnd(inv_id, 'pd', 9),
  total_amt, 100 + (due_dt - DATE '2024-07-01') // 7, printf('BACS%06d', 5000 + inv_id) FROM finance.ap_invoices
  WHERE due_dt < DATE '2026-06-20' AND hold_flg = 'N' AND rnd(inv_id, 'unpaid', 13) > 0;
INSERT INTO finance.fx_rates SELECT f, 'GBP', (DATE '2024-07-01' + d::INTEGER),
  round(CASE f WHEN 'EUR' THEN 0.845 ELSE 0.772 END + sin(d / 41.0) * 0.014 + unit(d, 'fx' || f) * 0.004, 6)
  FROM unnest(['EUR', 'USD']) t (f), range(730) u (d);
INSERT INTO finance.tax_codes VALUES ('S20', 'Standard', 20.00, 'GB'), ('R5', 'Reduced', 5.00, 'GB'),
  ('Z0', 'Zero (seeds, books)', 0.00, 'GB'), ('IE23', 'Standard Ireland', 23.00, 'IE'),
  ('IE13', 'Reduced Ireland', 13.50, 'IE'), ('EX', 'Exempt', 0.00, NULL);
INSERT INTO finance.vat_returns SELECT period, c, o, round(o * 0.6, 2),
  CASE WHEN m < 21 THEN (d + INTERVAL '4 months 4 days')::DATE END FROM pr, unnest(['GB', 'IE']) t (c),
  LATERAL (SELECT pounds(m, 'vat' || c, 2000, 9000) AS o) x WHERE m % 3 = 2;
INSERT INTO finance.budgets SELECT CASE WHEN m < 9 THEN 2025 WHEN m < 21 THEN 2026 ELSE 2027 END, period, cc_cd, a,
  round(pounds(cc_cd, 'bud' || a, 2000, 21000), -2) FROM pr, finance.cost_centres, unnest(['6000', '6100', '6300']) t (a);
INSERT INTO finance.psp_settlements
  SELECT 'po_' || left(md5('po' || d), 10), 'Paywick', d, g, round(g * 0.0149, 2), cb, g - round(g * 0.0149, 2) - cb
    FROM (SELECT captured_at::DATE + 2 AS d, sum(amt) AS g FROM sales.payments WHERE psp_ref IS NOT NULL GROUP BY 1) t,
    LATERAL (SELECT CASE WHEN rnd(d, 'cb', 17) = 0 THEN 35.00 ELSE 0 END AS cb) x;
INSERT INTO finance.bank_stmt_lines SELECT row_number() OVER (ORDER BY payout_dt, payout_id), '20-44-81 *6620', payout_dt,
  net_amt, 'PAYWICK ' || upper(payout_id), CASE WHEN rnd(payout_id, 'mj', 6) > 0 THEN 1 + rnd(payout_id, 'mjn', 1700) END
  FROM finance.psp_settlements;
INSERT INTO finance.bank_stmt_lines SELECT 5000 + row_number() OVER (ORDER BY pay_id), '20-44-81 *6620', paid_on, -amt,
  bacs_ref, NULL FROM finance.payments;
INSERT INTO finance.fixed_assets SELECT printf('FA%04d', i),
  pick(i, 'fa', ['tills', 'racking', 'walk-in cooler', 'shop fit', 'pallet truck', 'polytunnel']), 101 + rnd(i, 'fas', 22),
  b, c, l, round(c * greatest(0, 1 - (today() - b) / (365.0 * l)), 2) FROM range(1, 261) t (i),
  LATERAL (SELECT today() - rnd(i, 'fad', 3000) AS b, pounds(i, 'fac', 400, 42000) AS c,
  [5, 7, 10][rnd(i, 'fal', 3) + 1] AS l) x;
INSERT INTO finance.leases SELECT store_id - 100, store_id,
  pick(store_id, 'll', ['Weir Estates', 'Castlegate Property', 'Borough Council', 'Fallow & Sons']), opened_on,
  (opened_on + INTERVAL 25 YEAR)::DATE, round(sq_m * 118.0, -2), (opened_on + INTERVAL 22 YEAR)::DATE FROM sales.stores;
INSERT INTO finance.gl_entries_old SELECT 900000 + i, 1 + i % 2, pick(i, 'glo', ['4000', '5000', '6000']),
  pounds(i // 2, 'gloa', 20, 9000), CASE i % 2 WHEN 0 THEN 'D' ELSE 'C' END FROM range(1200) t (i);
DROP TABLE je;
