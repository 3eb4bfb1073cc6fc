-- case: T-SQL names in brackets, a schema left out, a temporary table
-- dialect: tsql
-- reads: "dbo"."Orders", master..spt_values
SELECT TOP 5 * FROM [dbo].[Orders] o WITH (NOLOCK) CROSS APPLY dbo.split(o.tags) s, master..spt_values

-- case: T-SQL bodies name themselves without a keyword
-- dialect: tsql
-- reads: staff
WITH c AS (SELECT id FROM staff UNION ALL SELECT s.id FROM staff s JOIN c ON c.id = s.boss) SELECT * FROM c

-- case: an Oracle table behind a database link belongs to another database
-- dialect: oracle
-- reads: hr.staff
SELECT * FROM hr.staff, remote_table@link, dual

-- case: a Spark path is no table
-- dialect: spark
-- reads: db.t
SELECT * FROM parquet.`/data/x`, db.t LATERAL VIEW explode(xs) e AS x

-- case: Hive puts WITH before CREATE
-- dialect: hive
-- reads: z
-- target: t
WITH q AS (SELECT 1 FROM z) CREATE TABLE t AS SELECT * FROM q

-- case: a ClickHouse materialized view, FINAL, scalars in WITH
-- dialect: clickhouse
-- reads: events
-- target: mv
CREATE MATERIALIZED VIEW mv TO totals AS WITH 5 AS n SELECT count() FROM events FINAL WHERE a > n

-- case: a Redshift late-binding view, and an array in a row
-- dialect: redshift
-- reads: spectrum.t
-- target: v
CREATE VIEW v AS SELECT i FROM spectrum.t AS t, t.items AS i WITH NO SCHEMA BINDING

-- case: four parts are kept
-- dialect: trino
-- reads: a.b.c.d
SELECT * FROM a.b.c.d

-- case: an unknown dialect is read generically
-- dialect: nobodys
-- reads: a.b
SELECT * FROM a.b

-- case: a quote that the dialect does not have is no name
-- dialect: athena
-- reads:
-- problem: SYNTAX
SELECT * FROM `tab1`

-- case: INTO belongs to the whole set operation
-- dialect: tsql
-- reads: a, b
-- target: c
SELECT * INTO c FROM a UNION ALL SELECT * FROM b

-- case: a function of the user's with the name of a known one
-- dialect: snowflake
-- reads: t
SELECT util.split(a) FROM t

-- case: a script's settings and comments beside its one query
-- dialect: snowflake
-- reads: t
-- target: v
USE SCHEMA mart; CREATE VIEW v AS SELECT * FROM t; COMMENT ON VIEW v IS 'from fake'
