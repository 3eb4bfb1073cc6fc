-- Tables of schema hr: staff, rotas, pay, absence, training and hiring.
CREATE SCHEMA hr;
CREATE TABLE hr.departments (dept_id INTEGER PRIMARY KEY, dept_nm VARCHAR NOT NULL, cc_cd VARCHAR);
CREATE TABLE hr.positions (pos_cd VARCHAR PRIMARY KEY, title VARCHAR NOT NULL, grade INTEGER, min_salary DECIMAL(10, 2),
  max_salary DECIMAL(10, 2));
CREATE TABLE hr.employees (
  emp_id INTEGER PRIMARY KEY, first_nm VARCHAR, last_nm VARCHAR NOT NULL,
    dept_id INTEGER NOT NULL REFERENCES hr.departments (dept_id),
  pos_cd VARCHAR NOT NULL REFERENCES hr.positions (pos_cd), store_id INTEGER, mgr_emp_id INTEGER, hired_on DATE NOT NULL,
    left_on DATE, fte DECIMAL(3, 2),
  work_email VARCHAR);
CREATE TABLE hr.salaries (
  emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id), eff_from DATE NOT NULL, annual_amt DECIMAL(10, 2),
    chg_reason VARCHAR, PRIMARY KEY (emp_id, eff_from));
CREATE TABLE hr.shifts (
  shift_id BIGINT PRIMARY KEY, store_id INTEGER, emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id),
    starts_at TIMESTAMP, ends_at TIMESTAMP, role_cd VARCHAR);
CREATE TABLE hr.timesheets (
  emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id), work_dt DATE NOT NULL, hrs DECIMAL(5, 2),
    overtime_hrs DECIMAL(5, 2), approved_by INTEGER, PRIMARY KEY (emp_id, work_dt));
CREATE TABLE hr.absences (
  absence_id BIGINT PRIMARY KEY, emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id), kind VARCHAR, from_dt DATE,
    to_dt DATE, certified BOOLEAN);
CREATE TABLE hr.holiday_balances (emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id), leave_yr INTEGER NOT NULL,
  entitled_days DECIMAL(5, 1), taken_days DECIMAL(5, 1), PRIMARY KEY (emp_id, leave_yr));
CREATE TABLE hr.payroll_runs (run_id INTEGER PRIMARY KEY, period VARCHAR, paid_on DATE, headcount INTEGER,
  total_gross DECIMAL(14, 2));
CREATE TABLE hr.payslips (
  run_id INTEGER NOT NULL REFERENCES hr.payroll_runs (run_id), emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id),
    gross_amt DECIMAL(10, 2), tax_amt DECIMAL(10, 2),
  ni_amt DECIMAL(10, 2), pension_amt DECIMAL(10, 2), net_amt DECIMAL(10, 2), PRIMARY KEY (run_id, emp_id));
CREATE TABLE hr.courses (course_cd VARCHAR PRIMARY KEY, title VARCHAR, mandatory BOOLEAN, valid_months INTEGER);
CREATE TABLE hr.course_attendance (
  course_cd VARCHAR NOT NULL REFERENCES hr.courses (course_cd), emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id),
    attended_on DATE NOT NULL, passed BOOLEAN,
  PRIMARY KEY (course_cd, emp_id, attended_on));
CREATE TABLE hr.vacancies (vac_id INTEGER PRIMARY KEY, pos_cd VARCHAR REFERENCES hr.positions (pos_cd), store_id INTEGER,
  opened_on DATE, filled_on DATE);
CREATE TABLE hr.applicants (
  appl_id INTEGER PRIMARY KEY, vac_id INTEGER NOT NULL REFERENCES hr.vacancies (vac_id), full_nm VARCHAR, source VARCHAR,
    applied_on DATE, stage VARCHAR, reject_reason VARCHAR);
CREATE TABLE hr.reviews (
  review_id INTEGER PRIMARY KEY, emp_id INTEGER NOT NULL REFERENCES hr.employees (emp_id), reviewer_emp_id INTEGER,
    review_yr INTEGER, rating INTEGER, summary VARCHAR);
CREATE TABLE hr.accident_book (
  acc_id INTEGER PRIMARY KEY, store_id INTEGER, emp_id INTEGER, happened_at TIMESTAMP, body_part VARCHAR, severity VARCHAR,
    riddor_flg VARCHAR);
CREATE TABLE hr.employees_20251231 (emp_id INTEGER, first_nm VARCHAR, last_nm VARCHAR, dept_id INTEGER, pos_cd VARCHAR,
  store_id INTEGER, hired_on DATE);
