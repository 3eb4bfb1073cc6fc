-- Rows of schema hr: 176 people in 22 stores, 64 at head office.
INSERT INTO hr.departments VALUES (1, 'Stores', 'CC100'), (2, 'Finance', 'CC200'), (3, 'Buying', 'CC210'),
  (4, 'Marketing', 'CC220'), (5, 'Digital', 'CC230'), (6, 'People', 'CC240'),
  (7, 'IT', 'CC250'), (8, 'Logistics', 'CC260'), (9, 'Customer Care', 'CC270');
INSERT INTO hr.positions VALUES ('SM', 'Store manager', 6, 34000, 46000), ('SUP', 'Supervisor', 4, 26500, 31000),
  ('SA', 'Sales assistant', 2, 22400, 24800), ('HOD', 'Head of department', 8, 58000, 84000),
  ('ANL', 'Analyst', 5, 33000, 47000), ('EXE', 'Executive', 5, 29000, 39000), ('DRV', 'Van driver', 3, 25000, 29500),
    ('AGT', 'Care agent', 3, 23500, 27000);
CREATE TEMP TABLE e AS
  SELECT i, 1001 + i AS emp_id, CASE WHEN i < 176 THEN 1 ELSE 2 + (i - 176) % 8 END AS dept_id,
    CASE WHEN i < 22 THEN 'SM' WHEN i < 66 THEN 'SUP' WHEN i < 176 THEN 'SA' WHEN i < 184 THEN 'HOD'
      WHEN i % 8 = 6 THEN 'DRV' WHEN i % 8 = 7 THEN 'AGT' WHEN i % 2 = 0 THEN 'ANL' ELSE 'EXE' END AS pos_cd,
    CASE WHEN i < 176 THEN 101 + i % 22 END AS store_id, today() - (40 + rnd(i, 'hired', 3600)) AS hired_on
  FROM range(240) t (i);
INSERT INTO hr.employees
  SELECT emp_id, pick(i, 'efn', first_names()), pick(i, 'eln', last_names()), dept_id, pos_cd, store_id,
    CASE WHEN i < 22 THEN 1183 WHEN i < 176 THEN 1001 + i % 22 WHEN i < 184 THEN NULL ELSE 1177 + (i - 176) % 8 END,
      hired_on,
    CASE WHEN i > 30 AND i < 176 AND rnd(i, 'left', 9) = 0 THEN least(today() - 5, hired_on + 30 + rnd(i, 'leftd', 900)) END,
      CASE WHEN i % 5 = 4 THEN 0.60 ELSE 1.00 END,
    lower(concat(left(pick(i, 'efn', first_names()), 1), '.', pick(i, 'eln', last_names()), i, '@larkfield.example'))
  FROM e;
INSERT INTO hr.salaries
  SELECT e.emp_id, e.hired_on, round(p.min_salary + (p.max_salary - p.min_salary) * unit(e.i, 'sal'), -2), 'START' FROM e
    JOIN hr.positions p ON p.pos_cd = e.pos_cd;
INSERT INTO hr.salaries
  SELECT s.emp_id, y.eff_from, round(s.annual_amt * y.uplift, -1), 'ANNUAL' FROM hr.salaries s,
    (VALUES (DATE '2025-04-01', 1.031), (DATE '2026-04-01', 1.058)) y (eff_from, uplift)
  WHERE s.eff_from < y.eff_from;
INSERT INTO hr.shifts
  SELECT row_number() OVER (ORDER BY d, e.emp_id), e.store_id, e.emp_id,
    (today() - d::INTEGER) + to_hours(8 + rnd(e.i * 100 + d, 'shs', 4)),
    (today() - d::INTEGER) + to_hours(15 + rnd(e.i * 100 + d, 'she', 5)),
    CASE e.pos_cd WHEN 'SM' THEN 'DUTY' WHEN 'SUP' THEN 'TILL' ELSE pick(e.i * 100 + d, 'role',
      ['TILL', 'FLOOR', 'STOCK', 'PLANTS']) END
  FROM e, range(28) t (d) WHERE e.store_id IS NOT NULL AND rnd(e.i * 100 + d, 'on', 7) < 5;
INSERT INTO hr.timesheets
  SELECT e.emp_id, today() - d::INTEGER, 6 + rnd(e.i * 200 + d, 'hrs', 9) * 0.25,
    CASE WHEN rnd(e.i * 200 + d, 'ot', 11) = 0 THEN 1.5 ELSE 0 END, 1001 + e.i % 22
  FROM e, range(120) t (d) WHERE e.store_id IS NOT NULL AND e.hired_on < today() - d::INTEGER AND rnd(e.i * 200 + d,
    'worked', 7) < 4;
INSERT INTO hr.absences
  SELECT i + 1, staff(i, 'abe'), pick(i, 'abk', ['SICK', 'SICK', 'SICK', 'UNPAID', 'PARENTAL', 'COMPASSIONATE', 'JURY']),
    today() - (30 + rnd(i, 'abf', 690)), NULL, rnd(i, 'abc', 3) = 0 FROM range(430) t (i);
UPDATE hr.absences SET to_dt = from_dt + CASE kind WHEN 'PARENTAL' THEN 120 ELSE rnd(absence_id, 'abl', 6) END;
INSERT INTO hr.holiday_balances SELECT e.emp_id, y, 28 + rnd(e.i, 'ent', 6), 8 + rnd(e.i * 10 + y, 'tak', 20) FROM e,
  (VALUES (2025), (2026)) t (y);
INSERT INTO hr.payroll_runs SELECT m + 1, strftime(DATE '2024-07-01' + to_months(m::INTEGER), '%Y-%m'),
  (DATE '2024-07-28' + to_months(m::INTEGER))::DATE, 0, 0 FROM range(24) t (m);
CREATE TEMP TABLE slip AS
  SELECT r.run_id, s.emp_id, round(arg_max(s.annual_amt, s.eff_from) / 12, 2) AS gross_amt FROM hr.payroll_runs r
    JOIN hr.salaries s ON s.eff_from <= r.paid_on JOIN hr.employees x ON x.emp_id = s.emp_id
  WHERE x.left_on IS NULL OR x.left_on >= r.paid_on GROUP BY r.run_id, s.emp_id;
UPDATE hr.payroll_runs SET headcount = t.n, total_gross = t.g
  FROM (SELECT run_id, count(*) AS n, sum(gross_amt) AS g FROM slip GROUP BY run_id) t WHERE t.run_id = payroll_runs.run_id;
INSERT INTO hr.payslips SELECT run_id, emp_id, gross_amt, round(gross_amt * 0.124, 2), round(gross_amt * 0.061, 2),
  round(gross_amt * 0.05, 2), round(gross_amt * 0.765, 2) FROM slip ORDER BY run_id, emp_id;
INSERT INTO hr.courses VALUES ('FIRE', 'Fire marshal basics', TRUE, 12), ('LIFT', 'Lifting and carrying', TRUE, 24),
  ('DATA', 'Handling personal details', TRUE, 12), ('AGE', 'Age-restricted sales', TRUE, 12),
  ('FORK', 'Forklift licence', FALSE, 36), ('PLANT', 'Know your perennials', FALSE, NULL),
    ('CASH', 'Cashing up', FALSE, NULL), ('FAID', 'First aid at work', FALSE, 36);
INSERT INTO hr.course_attendance
  SELECT DISTINCT pick(i, 'crs', ['FIRE', 'LIFT', 'DATA', 'AGE', 'FORK', 'PLANT', 'CASH', 'FAID']), staff(i, 'cre'),
    today() - rnd(i, 'crd', 700), TRUE FROM range(700) t (i);
UPDATE hr.course_attendance SET passed = FALSE WHERE rnd(emp_id, course_cd, 14) = 0;
INSERT INTO hr.vacancies SELECT i + 1, pick(i, 'vp', ['SA', 'SA', 'SUP', 'ANL', 'DRV', 'AGT', 'SM']), 101 + rnd(i, 'vs', 22),
  today() - (10 + rnd(i, 'vo', 500)), NULL FROM range(70) t (i);
UPDATE hr.vacancies SET filled_on = least(today(), opened_on + 14 + rnd(vac_id, 'vf', 60)) WHERE vac_id % 6 <> 0;
INSERT INTO hr.applicants
  SELECT i + 1, 1 + i % 70, pick(i, 'afn', first_names()) || ' ' || pick(i, 'aln', last_names()),
    pick(i, 'as', ['jobs board', 'window poster', 'referral', 'careers page', 'agency']), today() - rnd(i, 'aa', 500),
    CASE WHEN i < 58 THEN 'HIRED' ELSE pick(i, 'ast',
      ['APPLIED', 'SCREEN', 'INTERVIEW', 'REJECTED', 'REJECTED', 'WITHDRAWN']) END, NULL FROM range(520) t (i);
UPDATE hr.applicants SET reject_reason = pick(appl_id, 'rr',
  ['no right to work', 'weekend availability', 'stronger candidate', 'no show']) WHERE stage = 'REJECTED';
INSERT INTO hr.reviews
  SELECT row_number() OVER (ORDER BY y, e.emp_id), e.emp_id, 1001 + e.i % 22, y, 1 + rnd(e.i * 10 + y, 'rat', 5),
    pick(e.i, 'sum', ['meets what we ask', 'ready for a step up', 'needs a plan', 'strong with regulars', NULL])
  FROM e, (VALUES (2024), (2025)) t (y) WHERE year(e.hired_on) <= y;
INSERT INTO hr.accident_book
  SELECT i + 1, 101 + rnd(i, 'acs', 22), staff(i, 'ace'), at_clock(today() - rnd(i, 'acd', 720), i, 'act', 8, 19),
    pick(i, 'acb', ['finger', 'back', 'ankle', 'eye', 'hand', 'knee']),
    pick(i, 'acv', ['minor', 'minor', 'minor', 'lost time', 'hospital']),
    CASE WHEN rnd(i, 'acr', 8) = 0 THEN 'Y' ELSE 'N' END FROM range(64) t (i);
INSERT INTO hr.employees_20251231 SELECT emp_id, first_nm, last_nm, dept_id, pos_cd, store_id, hired_on FROM hr.employees
  WHERE hired_on <= DATE '2025-12-31';
DROP TABLE e;
DROP TABLE slip;
