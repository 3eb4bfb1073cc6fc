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
-- reads: s, ids, a
-- writes: b
-- direct: s.y > b.x identity
-- direct: ids.id > id identity
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
