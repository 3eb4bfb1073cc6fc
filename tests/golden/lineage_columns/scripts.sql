-- case: a temporary table is thought away
-- dialect: postgres
-- types: CREATE_TABLE INSERT DROP_TABLE
-- reads: orders
-- writes: mart.sales
-- direct: orders.total > mart.sales.gross aggregation
-- decides: orders.at filter
CREATE TEMP TABLE recent AS SELECT id, total * 1.2 AS gross FROM orders WHERE at > '2030-01-01'; INSERT INTO mart.sales (gross) SELECT sum(gross) FROM recent; DROP TABLE recent

-- case: a star of a table of the script
-- types: CREATE_TABLE CREATE_TABLE
-- reads: s
-- writes: b
-- direct: s.x > b.x identity
-- direct: s.y > b.z transformation
CREATE TABLE a AS SELECT x, y + 1 AS z FROM s; CREATE TABLE b AS SELECT * FROM a

-- case: through a table whose columns are not known
-- types: CREATE_TABLE INSERT
-- reads: s
-- writes: t
-- direct: s.x > t.x identity
CREATE TABLE a AS SELECT * FROM s; INSERT INTO t SELECT x FROM a

-- case: a new table put in the place of the old one
-- types: CREATE_TABLE RENAME RENAME DROP_TABLE
-- reads: s
-- writes: t
-- direct: s.x > t.x identity
CREATE TABLE t_new AS SELECT x FROM s; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t; DROP TABLE t_old

-- case: swapped in
-- dialect: snowflake
-- types: CREATE_TABLE SWAP
-- reads: s
-- writes: t
-- direct: s.x > t.x identity
CREATE TABLE t_new AS SELECT x FROM s; ALTER TABLE t_new SWAP WITH t

-- case: a rename alone moves a name, no data
ALTER TABLE a RENAME TO b

-- case: rows from nowhere stand for nothing
-- types: INSERT INSERT
-- reads: a
-- writes: a, b
-- direct: a.x > b.x identity
INSERT INTO a VALUES (1); INSERT INTO b SELECT x FROM a

-- case: USE is in force until the next one
-- dialect: mysql
-- types: USE INSERT USE INSERT
-- reads: shop.s, shop.v
-- writes: shop.t, mart.u
-- direct: shop.s.x > shop.t.x identity
-- direct: shop.v.y > mart.u.y identity
USE shop; INSERT INTO t SELECT x FROM s; USE mart; INSERT INTO u SELECT y FROM shop.v

-- case: no semicolons
-- dialect: tsql
-- types: INSERT INSERT UPDATE GO
-- reads: s, t
-- writes: a, b, c
-- direct: s.x > a.x identity
-- direct: t.y > b.y identity
INSERT INTO a SELECT x FROM s INSERT INTO b SELECT y FROM t UPDATE c SET z = 1 GO

-- case: a procedure is one statement, and its tables are not thought away
-- dialect: tsql
-- reads: a, b
-- writes: b, c
-- direct: a.x > b.x identity
-- direct: b.y > c.y identity
-- decides: a.d filter
CREATE PROCEDURE dbo.load @d date AS BEGIN SET NOCOUNT ON; IF @d IS NULL SET @d = GETDATE(); INSERT INTO b (x) SELECT x FROM a WHERE d = @d; INSERT INTO c (y) SELECT y FROM b; END

-- case: PL/SQL fills variables, a cursor reads
-- dialect: oracle
-- reads: s, a, ids
-- writes: b
-- direct: s.y > b.x identity
-- direct: a.* > count(*) aggregation
CREATE OR REPLACE PROCEDURE load IS n NUMBER; CURSOR c IS SELECT id FROM ids; BEGIN SELECT count(*) INTO n FROM a; FOR r IN c LOOP INSERT INTO b (x) SELECT y FROM s; END LOOP; EXCEPTION WHEN OTHERS THEN NULL; END;

-- case: a body in dollars
-- dialect: postgres
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
CREATE FUNCTION f() RETURNS void AS $$ BEGIN INSERT INTO t (a) SELECT x FROM s; END; $$ LANGUAGE plpgsql

-- case: a block outside of a procedure
-- dialect: bigquery
-- types: CREATE_TABLE INSERT
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
BEGIN CREATE TEMP TABLE q AS SELECT x FROM s; INSERT INTO t (a) SELECT x FROM q; END

-- case: what is run from a string
-- dialect: bigquery
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
EXECUTE IMMEDIATE 'INSERT INTO t (a) SELECT x FROM s'

-- case: one statement that is not understood costs only its columns
-- types: SELECT INSERT INSERT
-- reads: t, x
-- writes: u, w
-- direct: x.e > w.d identity
-- direct: t.a > a identity
-- error: its syntax is not understood at line 1, column 36
SELECT a FROM t; INSERT INTO u (b) SELEKT c FRM (((v; INSERT INTO w (d) SELECT e FROM x

-- case: words that move nothing
-- dialect: spark
-- types: SET SHOW REFRESH ADD GRANT DESCRIBE
SET x = 1; SHOW TABLES; REFRESH TABLE t; ADD JAR /tmp/x.jar; GRANT SELECT ON t TO r; DESCRIBE t

-- case: a line that only clients understand
-- dialect: mysql
-- reads: s, r
-- writes: t, u
-- direct: s.x > t.a identity
-- direct: r.y > u.b identity
DELIMITER //
CREATE PROCEDURE p() BEGIN INSERT INTO t (a) SELECT x FROM s; END //
DELIMITER ;
INSERT INTO u (b) SELECT y FROM r

-- case: statements inside WITH change tables too
-- dialect: postgres
-- reads: visits
-- writes: walkers, visits, archive
-- direct: visits.visitor > walkers.last_seen identity
-- direct: visits.visitor > archive.who identity
-- direct: visits.day > archive.day identity
-- decides: visits.day filter, visits.visitor filter, walkers.name filter
WITH moved AS (DELETE FROM visits WHERE day < 5 RETURNING visitor, day), kept AS (INSERT INTO archive (who, day) SELECT visitor, day FROM moved RETURNING who) UPDATE walkers SET last_seen = kept.who FROM kept WHERE walkers.name = kept.who

-- case: a block in dollars
-- dialect: postgres
-- reads: days
-- writes: visits
-- direct: days.day > visits.day identity
-- decides: days.id filter, visits.id filter
DO LANGUAGE plpgsql $body$ BEGIN UPDATE visits SET day = d.day FROM days d WHERE d.id = visits.id; END $body$

-- case: texts that a block executes
-- dialect: oracle
-- types: INSERT INSERT
-- reads: walkers, visitors
-- writes: visits, archive
-- direct: walkers.name > visits.name identity
-- direct: visitors.who > archive.who identity
BEGIN
  INSERT INTO visits SELECT name FROM walkers;
  EXECUTE IMMEDIATE 'INSERT INTO archive SELECT who FROM visitors';
  COMMIT;
END;

-- case: texts that a procedure executes
-- dialect: tsql
-- reads: dbo.walkers, dbo.visitors
-- writes: dbo.visits, dbo.archive
-- direct: dbo.walkers.name > dbo.visits.name identity
-- direct: dbo.visitors.who > dbo.archive.who identity
CREATE PROCEDURE dbo.fill AS BEGIN
  EXEC('INSERT INTO dbo.visits SELECT name FROM dbo.walkers');
  EXEC sp_executesql N'INSERT INTO dbo.archive SELECT who FROM dbo.visitors';
  EXEC dbo.tell_everybody;
END

-- case: a loop's row
-- dialect: oracle
-- types: SELECT INSERT
-- reads: walkers
-- writes: visits
-- direct: walkers.id > visits.id identity
-- direct: walkers.name > visits.visitor transformation
BEGIN
  FOR w IN (SELECT id, name FROM walkers WHERE active = 1) LOOP
    INSERT INTO visits (id, visitor) VALUES (w.id, upper(w.name));
  END LOOP;
END;

-- case: a cursor's row in a loop
-- dialect: oracle
-- reads: walkers
-- writes: visits
-- direct: walkers.day > visits.day identity
-- decides: visits.id filter, walkers.id filter
CREATE PROCEDURE fill IS CURSOR c IS SELECT id, day FROM walkers; BEGIN FOR w IN c LOOP UPDATE visits SET day = w.day WHERE id = w.id; END LOOP; END;

-- case: a loop over a query in a block in dollars
-- dialect: postgres
-- types: SELECT INSERT
-- reads: walkers
-- writes: visits
-- direct: walkers.name > visits.visitor identity
DO $$ DECLARE w record; BEGIN FOR w IN SELECT name FROM walkers LOOP INSERT INTO visits (visitor) VALUES (w.name); END LOOP; END $$

-- case: a loop over a query
-- dialect: bigquery
-- types: SELECT INSERT END
-- reads: web.walkers, web.days
-- writes: web.visits
-- direct: web.walkers.id > web.visits.id identity
-- direct: web.days.name > web.visits.visitor identity
FOR w IN (SELECT id, name FROM web.walkers) DO INSERT INTO web.visits (id, visitor) SELECT w.id, d.name FROM web.days d; END FOR

-- case: the new row in a trigger
-- dialect: mysql
-- reads: web.visits
-- writes: web.log
-- direct: web.visits.visitor > web.log.who identity
CREATE TRIGGER kept AFTER INSERT ON web.visits FOR EACH ROW INSERT INTO web.log (who) VALUES (NEW.visitor)

-- case: the table of new rows in a trigger
-- dialect: tsql
-- reads: dbo.visits
-- writes: dbo.log
-- direct: dbo.visits.visitor > dbo.log.who identity
CREATE TRIGGER kept ON dbo.visits AFTER INSERT AS BEGIN INSERT INTO dbo.log (who) SELECT i.visitor FROM inserted i; END

-- case: the old row in a trigger
-- dialect: oracle
-- reads: web.visits
-- writes: web.log
-- direct: web.visits.visitor > web.log.who identity
CREATE TRIGGER kept BEFORE DELETE ON web.visits FOR EACH ROW BEGIN INSERT INTO web.log (who) VALUES (:OLD.visitor); END;

-- case: the row that a cursor gives
-- dialect: postgres
-- reads: web.walkers
-- writes: web.visits
-- direct: web.walkers.id > web.visits.id identity
-- direct: web.walkers.name > web.visits.visitor identity
CREATE FUNCTION walk() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c CURSOR FOR SELECT id, name FROM web.walkers;
  n int := 0;
  w record;
BEGIN
  OPEN c;
  LOOP
    FETCH c INTO w;
    EXIT WHEN NOT FOUND;
    INSERT INTO web.visits (id, visitor) VALUES (w.id, w.name);
  END LOOP;
  CLOSE c;
END $$

-- case: the row of a cursor that is opened for a query
-- dialect: oracle
-- reads: web.walkers
-- writes: web.visits
-- direct: web.walkers.id > web.visits.id identity
CREATE PROCEDURE walk AS c SYS_REFCURSOR; w web.walkers%ROWTYPE; BEGIN OPEN c FOR SELECT id, name FROM web.walkers; FETCH c INTO w; INSERT INTO web.visits (id) VALUES (w.id); CLOSE c; END;

-- case: a cursor into several variables
-- dialect: postgres
-- types: SELECT INSERT
-- reads: web.walkers
-- writes: web.visits
-- direct: web.walkers.id > id identity
DO $$ DECLARE c CURSOR FOR SELECT id FROM web.walkers; a int; b int; BEGIN FETCH NEXT FROM c INTO a, b; INSERT INTO web.visits (id) VALUES (1); END $$

-- case: variables declared one after the other
-- dialect: postgres
-- reads: web.walkers
-- writes: web.visits
-- direct: web.walkers.id > web.visits.id identity
DO $$ DECLARE a int; b text := 'x'; c web.walkers%ROWTYPE; BEGIN INSERT INTO web.visits (id) SELECT id FROM web.walkers; END $$

-- case: declarations that no block follows
-- dialect: bigquery
-- types: DECLARE DECLARE SELECT
-- reads: web.walkers
-- direct: web.walkers.id > id identity
DECLARE a INT64; DECLARE b INT64; SELECT id FROM web.walkers
