-- case: comments and strings that look like SQL
-- dialect: postgres
-- reads: t
-- direct: t.a > a identity
-- decides: t.c filter, t.d filter
SELECT /* FROM nothing */ a -- , b FROM other
FROM t WHERE c = 'SELECT x FROM y; DROP TABLE z' AND d = $q$ FROM v $q$

-- case: names in brackets and quotes, three and four parts
-- dialect: sqlserver
-- reads: srv.db.dbo.Order Details
-- direct: srv.db.dbo.Order Details.Full Name > n identity
-- direct: srv.db.dbo.Order Details.my col > my col identity
SELECT [o].[Full Name] AS n, [my col] FROM [srv].[db].[dbo].[Order Details] AS [o] (NOLOCK)

-- case: a word of the language as a name
-- reads: select
-- direct: select.host > host identity
-- direct: select.order > o identity
SELECT host, "order" AS o FROM "select"

-- case: names with dashes
-- dialect: bigquery
-- reads: my-project.sets.table_1
-- direct: my-project.sets.table_1.a > a identity
SELECT a FROM my-project.sets.table_1

-- case: Teradata's phrases
-- dialect: teradata
-- reads: people
-- direct: people.name > name identity
-- direct: people.born > born identity
SELECT name, born (TITLE 'Birthday') FROM people

-- case: MariaDB and ANSI by their names
-- dialect: mariadb
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
INSERT t (a) SELECT `x` FROM `s`

-- case: an unknown dialect is read as generic SQL
-- dialect: nosuchdialect
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
INSERT INTO t (a) SELECT x FROM s

-- case: Db2's tail
-- dialect: db2
-- reads: t
-- direct: t.a > a identity
SELECT a FROM t WITH UR

-- case: backticks in a dialect without them
-- dialect: athena
-- reads: t
-- direct: t.a > a identity
SELECT a FROM `t`

-- case: Vertica's functions that move partitions
-- dialect: vertica
-- reads: staging
-- writes: target
SELECT swap_partitions_between_tables('staging', 'a', 'b', 'target')

-- case: time travel and samples
-- dialect: snowflake
-- reads: t
-- direct: t.a > a identity
SELECT a FROM t AT (TIMESTAMP => '2030-01-01'::timestamp) TABLESAMPLE (10)

-- case: dialects' pseudo-columns
-- dialect: oracle
-- reads: t
-- direct: t.a > a identity
SELECT SYSDATE AS now, t.a FROM t WHERE ROWNUM < 10

-- case: the engine's row is no table
-- dialect: oracle
-- writes: t
-- decides: t.id join
MERGE INTO t USING dual ON (t.id = 1) WHEN MATCHED THEN UPDATE SET a = 2

-- case: words around a table
-- dialect: clickhouse
-- reads: s, u
-- direct: s.a > a identity
-- direct: s.b > x transformation
-- decides: s.b join, s.c filter, u.d filter
SELECT a, x FROM s FINAL ARRAY JOIN b AS x WHERE c GLOBAL IN (SELECT d FROM u)

-- case: a task is what it runs
-- dialect: snowflake
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
CREATE OR REPLACE TASK nightly WAREHOUSE = w SCHEDULE = '60 MINUTE' AS INSERT INTO t (a) SELECT x FROM s

-- case: what a web page asks for
-- dialect: tsql
-- reads: t
-- direct: t.a > a identity
-- decides: t.d filter
SELECT TOP ##n:int?10## a, ##b:string## AS c FROM t WHERE d LIKE '%##tag##%'

-- case: a division alone on its line
-- dialect: postgres
-- reads: t
-- direct: t.a > c transformation
-- direct: t.b > c transformation
SELECT a
/
b AS c FROM t

-- case: a WITH that is changed stands for its table
-- dialect: tsql
-- writes: s
-- decides: s.b filter, s.d filter
WITH c AS (SELECT a, row_number() OVER (PARTITION BY b ORDER BY d) AS n FROM s) DELETE FROM c WHERE n > 1

-- case: a function that is a query reads its tables
-- dialect: bigquery
-- types: CREATE_FUNCTION SELECT
-- reads: rates, t
-- direct: t.a > b transformation
CREATE TEMP FUNCTION best(x INT64) AS ((WITH r AS (SELECT max(v) AS v FROM rates) SELECT v FROM r)); SELECT best(a) AS b FROM t

-- case: functions that read files
-- dialect: duckdb
-- reads: s3://bucket/*.parquet
-- writes: t
-- direct: s3://bucket/*.parquet.x > t.x identity
CREATE TABLE t AS SELECT x FROM read_parquet('s3://bucket/*.parquet')

-- case: Dremio's virtual data sets
-- dialect: dremio
-- reads: s
-- writes: v
-- direct: s.a > v.a identity
CREATE VDS v AS SELECT a FROM s

-- case: rows that are moved and given back
-- dialect: postgres
-- reads: a
-- writes: b, a
-- direct: a.id > b.id identity
-- direct: a.v > b.v identity
-- decides: a.old filter
WITH moved AS (DELETE FROM a WHERE old RETURNING id, v) INSERT INTO b (id, v) SELECT id, v FROM moved

-- case: quoted names with dots
-- reads: a.b
-- direct: a.b.x.y > x.y identity
SELECT "a.b"."x.y" FROM "a.b"

-- case: what BigQuery asks of another database
-- dialect: bigquery
-- reads: shop.orders
-- writes: shop.known
-- decides: shop.orders.customer join
-- error: it asks another system, and what that reads is not known
CREATE TABLE shop.known AS SELECT c.name FROM EXTERNAL_QUERY('eu.main', 'SELECT id, name FROM crm.customers') AS c JOIN shop.orders o ON o.customer = c.id

-- case: what a linked server is asked
-- dialect: tsql
-- reads: dbo.orders
-- writes: dbo.known
-- direct: dbo.orders.total > dbo.known.total identity
-- decides: dbo.orders.customer join
-- error: it asks another system, and what that reads is not known
INSERT INTO dbo.known (id, total) SELECT c.id, o.total FROM OPENQUERY(crm, 'SELECT id FROM dbo.customers') AS c JOIN dbo.orders AS o ON o.customer = c.id

-- case: what another server is asked by its address
-- dialect: tsql
-- error: it asks another system, and what that reads is not known
SELECT c.id FROM OPENROWSET('MSOLEDBSQL', 'Server=crm;Trusted_Connection=yes', 'SELECT id FROM dbo.customers') AS c

-- case: a file that OPENROWSET reads
-- dialect: tsql
-- reads: https://lake/days/*.parquet
-- direct: https://lake/days/*.parquet.day > day identity
SELECT d.day FROM OPENROWSET(BULK 'https://lake/days/*.parquet', FORMAT = 'PARQUET') AS d

-- case: what PostgreSQL asks of another database
-- dialect: postgres
-- error: it asks another system, and what that reads is not known
SELECT c.id, c.name FROM dblink('dbname=crm', 'SELECT id, name FROM customers') AS c (id int, name text)

-- case: what another database is asked inside WITH
-- dialect: postgres
-- writes: kept
-- error: it asks another system, and what that reads is not known
WITH k AS (INSERT INTO kept (id) SELECT c.id FROM dblink('dbname=crm', 'SELECT id FROM customers') AS c (id int) RETURNING id) SELECT 1
