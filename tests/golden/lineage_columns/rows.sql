-- case: a loop's row is no table, neither in the loop nor behind it
-- dialect: oracle
-- types: SELECT UPDATE INSERT
-- reads: open_orders, orders
-- writes: stats, kept
-- direct: orders.* > stats.n aggregation
-- direct: orders.b > kept.b identity
-- decides: open_orders.id filter, stats.id filter
BEGIN
  FOR orders IN (SELECT id FROM open_orders) LOOP
    UPDATE stats SET n = (SELECT count(*) FROM orders) WHERE stats.id = orders.id;
  END LOOP;
END;
INSERT INTO kept SELECT b FROM orders

-- case: a row's name is another's behind its loop
-- dialect: oracle
-- reads: s2, s, r
-- writes: u, v, w
-- direct: s2.b > u.c identity
-- direct: s.a > v.c identity
-- direct: r.z > w.z identity
CREATE PROCEDURE p AS BEGIN
  FOR r IN (SELECT a FROM s) LOOP
    FOR r IN (SELECT b FROM s2 WHERE s2.x = r.a) LOOP INSERT INTO u (c) VALUES (r.b); END LOOP;
    INSERT INTO v (c) VALUES (r.a);
  END LOOP;
  INSERT INTO w SELECT z FROM r;
END;

-- case: a loop without a block around it
-- dialect: bigquery
-- types: SELECT INSERT INSERT END INSERT
-- reads: s, r
-- writes: u, v, w
-- direct: s.a > u.a identity
-- direct: s.a > v.a identity
-- direct: r.b > w.b identity
FOR r IN (SELECT a FROM s) DO INSERT INTO u SELECT r.a; INSERT INTO v SELECT r.a; END FOR; INSERT INTO w SELECT b FROM r

-- case: two cursors under one name
-- dialect: oracle
-- reads: s, s2
-- writes: u, v
-- direct: s.a > u.x identity
-- direct: s2.b > v.x identity
CREATE PROCEDURE p AS
  CURSOR c IS SELECT a FROM s;
  CURSOR d IS SELECT b FROM s2;
BEGIN
  FOR r IN c LOOP INSERT INTO u (x) VALUES (r.a); END LOOP;
  FOR r IN d LOOP INSERT INTO v (x) VALUES (r.b); END LOOP;
END;

-- case: a trigger that names its rows
-- dialect: oracle
-- reads: t
-- writes: log
-- direct: t.a > log.x identity
-- direct: t.b > log.y identity
CREATE TRIGGER g AFTER UPDATE ON t REFERENCING OLD AS o NEW AS n FOR EACH ROW BEGIN INSERT INTO log (x, y) VALUES (:n.a, :o.b); END;

-- case: a trigger that names its tables of rows
-- dialect: db2
-- reads: t
-- writes: log
-- direct: t.a > log.a identity
CREATE TRIGGER g AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT BEGIN INSERT INTO log SELECT a FROM n; END

-- case: a trigger on a table in brackets
-- reads: dbo.t
-- writes: log
-- direct: dbo.t.a > log.a identity
CREATE TRIGGER g ON [dbo].[t] AFTER INSERT AS BEGIN INSERT INTO log SELECT a FROM inserted; END

-- case: OUTPUT into a table that is called like a function
-- dialect: tsql
-- reads: t
-- writes: u, log
-- direct: t.a > u.a identity
-- direct: t.b > u.b identity
-- direct: t.a > log.x identity
-- direct: t.b > log.y identity
INSERT INTO u (a, b) OUTPUT inserted.a, inserted.b INTO log (x, y) SELECT a, b FROM t

-- case: OUTPUT of an UPDATE into listed columns
-- dialect: tsql
-- reads: t, u
-- writes: u, audit
-- direct: t.a > u.a identity
-- direct: t.a > audit.x identity
UPDATE u SET a = t.a OUTPUT inserted.a INTO [audit] (x) FROM t

-- case: OUTPUT of a DELETE into listed columns
-- dialect: tsql
-- reads: u
-- writes: u, log
-- direct: u.a > log.x identity
DELETE u OUTPUT deleted.a INTO log (x) FROM u

-- case: OUTPUT of a MERGE into listed columns
-- dialect: tsql
-- reads: t
-- writes: u, log
-- direct: t.a > u.a identity
-- direct: t.a > log.x identity
-- decides: t.id join, u.id join
MERGE INTO u USING t ON u.id = t.id WHEN MATCHED THEN UPDATE SET a = t.a OUTPUT inserted.a INTO log (x);

-- case: OUTPUT into a name that the dialect takes for a comment
-- dialect: mysql
-- writes: u
INSERT INTO u (a) OUTPUT inserted.a INTO #v (x) SELECT a FROM t

-- case: the key that an INSERT inside WITH generates
-- dialect: postgres
-- reads: s, t
-- writes: u, t
-- direct: t.id > u.tid identity
-- direct: s.a > t.a identity
WITH ins AS (INSERT INTO t (a) SELECT a FROM s RETURNING id) UPDATE u SET tid = ins.id FROM ins

-- case: the key that an INSERT generates in a table that is known
-- dialect: postgres
-- schema: t(a, id)
-- reads: s, t
-- writes: u, t
-- direct: s.b > u.a identity
-- direct: t.id > u.tid identity
-- direct: s.b > t.a identity
WITH ins AS (INSERT INTO t SELECT b FROM s RETURNING a, id) INSERT INTO u (a, tid) SELECT a, id FROM ins

-- case: a statement inside WITH that reads another one
-- dialect: postgres
-- reads: t
-- writes: t, u
-- direct: t.a > u.a identity
WITH del AS (DELETE FROM t RETURNING a), ins AS (INSERT INTO u SELECT a FROM del) SELECT 1

-- case: a statement inside WITH that counts the rows of another name
-- dialect: postgres
-- reads: t
-- writes: u
WITH c AS (SELECT a FROM t), ins AS (INSERT INTO u SELECT count(*) FROM c) SELECT 1

-- case: a statement inside WITH in a loop
-- dialect: postgres
-- types: SELECT SELECT
-- reads: s
-- writes: u
-- direct: s.a > u.a identity
BEGIN FOR r IN (SELECT a FROM s) LOOP WITH ins AS (INSERT INTO u SELECT r.a) SELECT 1; END LOOP; END

-- case: a dictionary whose name is put together
-- dialect: clickhouse
-- reads: t
-- direct: t.k > x transformation
SELECT dictGet(concat('a', 'b'), 'x', k) AS x FROM t

-- case: rows that an INSERT has added
-- dialect: db2
-- reads: staged
-- writes: orders
-- direct: staged.k > id identity
-- direct: staged.v > worth transformation
-- direct: staged.k > orders.id identity
-- direct: staged.v > orders.amount identity
SELECT id, amount * 2 AS worth FROM FINAL TABLE (INSERT INTO orders (id, amount) SELECT k, v FROM staged)

-- case: rows as they were, into another table
-- dialect: db2
-- reads: orders, codes
-- writes: log, orders
-- direct: orders.id > log.id identity
-- direct: codes.name > log.what identity
-- decides: codes.id join, orders.day filter, orders.state join
INSERT INTO log (id, what) SELECT o.id, c.name FROM codes c JOIN OLD TABLE (DELETE FROM orders WHERE day < 1) AS o ON o.state = c.id

-- case: rows that were changed, beside WITH
-- dialect: db2
-- reads: limits, orders
-- writes: orders
-- direct: orders.id > id identity
-- direct: limits.most > most identity
-- decides: orders.paid filter
WITH l AS (SELECT most FROM limits) SELECT f.id, l.most FROM FINAL TABLE (UPDATE orders SET state = 1 WHERE paid = 0) AS f, l

-- case: a table called final
-- reads: final
-- direct: final.a > a identity
SELECT a FROM final

-- case: a program's columns
-- dialect: spark
-- reads: visits
-- writes: scored
-- direct: visits.who > scored.name transformation
-- direct: visits.who > scored.score transformation
-- direct: visits.pages > scored.name transformation
-- direct: visits.pages > scored.score transformation
-- decides: visits.day filter
INSERT OVERWRITE TABLE scored SELECT TRANSFORM (who, pages) USING 'score.py' AS (name STRING, score INT) FROM visits WHERE day > 1

-- case: a program's columns without a list
-- dialect: hive
-- reads: visits
-- direct: visits.who > key transformation
-- direct: visits.who > value transformation
SELECT TRANSFORM (who) USING 'score.py' FROM visits
