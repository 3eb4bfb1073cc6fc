-- case: a table from a query
-- reads: b.s
-- writes: a.t
-- direct: b.s.x > a.t.x identity
-- direct: b.s.y > a.t.n aggregation
-- decides: b.s.x group
CREATE TABLE a.t AS SELECT x, sum(y) AS n FROM b.s GROUP BY x

-- case: a view's own names
-- reads: s
-- writes: v
-- direct: s.x > v.p identity
-- direct: s.y > v.q identity
CREATE OR REPLACE VIEW v (p, q) AS (SELECT x, y FROM s)

-- case: names with types
-- dialect: spark
-- reads: s
-- writes: t
-- direct: s.x > t.p identity
-- direct: s.y > t.q identity
CREATE TABLE t (p STRING, q STRING) USING delta AS SELECT x, y FROM s

-- case: like another table, and its clone
-- dialect: snowflake
-- schema: s(a, b)
-- types: CREATE_TABLE CREATE_TABLE
-- reads: s
-- writes: t, u
-- direct: s.a > t.a identity
-- direct: s.b > t.b identity
-- direct: s.a > u.a identity
-- direct: s.b > u.b identity
CREATE TABLE t CLONE s; CREATE TABLE u LIKE s

-- case: the shape in brackets
-- dialect: postgres
-- reads: s
-- writes: t
-- direct: s.* > t.* identity
CREATE TABLE t (LIKE s INCLUDING ALL, extra int)

-- case: ClickHouse feeds another table
-- dialect: clickhouse
-- reads: events
-- writes: mv, totals
-- direct: events.k > mv.k identity
-- direct: events.v > mv.n aggregation
-- direct: events.k > totals.k identity
-- direct: events.v > totals.n aggregation
-- decides: events.k group
CREATE MATERIALIZED VIEW mv TO totals AS SELECT k, sum(v) AS n FROM events GROUP BY k

-- case: a head that the parser does not know
-- dialect: oracle
-- reads: s
-- writes: v
-- direct: s.x > v.p identity
CREATE OR REPLACE FORCE EDITIONABLE VIEW v (p) AS SELECT x FROM s WITH READ ONLY

-- case: columns written out read nothing
-- writes: t
CREATE TABLE t (id int PRIMARY KEY, other int REFERENCES u (id))

-- case: a table for the session that is cached, and used
-- dialect: spark
-- types: CACHE INSERT
-- reads: s
-- writes: t
-- direct: s.x > t.x identity
CACHE TABLE c AS SELECT x FROM s; INSERT INTO t SELECT x FROM c

-- case: a stream of a table's changes, and what reads it
-- dialect: snowflake
-- reads: raw.visits
-- writes: raw.visit_changes
-- direct: raw.visits.* > raw.visit_changes.* identity
CREATE OR REPLACE STREAM raw.visit_changes ON TABLE raw.visits APPEND_ONLY = TRUE

-- case: names given as texts
-- dialect: snowflake
-- reads: raw.days, raw.visits
-- writes: mart.days
-- direct: raw.days.day > mart.days.day identity
-- decides: raw.days.day join, raw.visits.day join
CREATE TABLE IDENTIFIER('mart.days') AS SELECT d.day FROM IDENTIFIER('raw.days') d JOIN TABLE('raw.visits') v ON v.day = d.day

-- case: a snapshot of a moment
-- dialect: bigquery
-- reads: mart.visits
-- writes: mart.before
-- direct: mart.visits.* > mart.before.* identity
CREATE SNAPSHOT TABLE mart.before CLONE mart.visits FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01'

-- case: a deep clone of a version
-- dialect: databricks
-- reads: mart.visits
-- writes: mart.copied
-- direct: mart.visits.* > mart.copied.* identity
CREATE OR REPLACE TABLE mart.copied DEEP CLONE mart.visits VERSION AS OF 12

-- case: a model learns from rows
-- dialect: bigquery
-- reads: web.days
CREATE OR REPLACE MODEL web.guess OPTIONS (model_type = 'linear_reg') AS SELECT day, visitors FROM web.days
