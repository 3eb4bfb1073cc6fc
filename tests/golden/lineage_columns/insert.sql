-- case: columns in another order
-- reads: s
-- writes: t
-- direct: s.x > t.b identity
-- direct: s.y > t.a identity
INSERT INTO t (b, a) SELECT x, y FROM s

-- case: no list, a known table
-- schema: t(a, b, c)
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
-- direct: s.y > t.b identity
INSERT INTO t SELECT x AS q, y AS r FROM s

-- case: no list, an unknown table
-- reads: s
-- writes: t
-- direct: s.x > t.q identity
-- direct: s.y > t.y identity
INSERT INTO t SELECT x AS q, y FROM s

-- case: a star into a list
-- reads: s
-- writes: t
-- direct: s.* > t.a identity
-- direct: s.* > t.b identity
INSERT INTO t (a, b) SELECT * FROM s

-- case: partitions that the statement sets are no place for a column, those that it does not come last
-- dialect: hive
-- schema: t(a, b, country, day)
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
-- direct: s.y > t.b identity
-- direct: s.c > t.country identity
INSERT OVERWRITE TABLE t PARTITION (day = '2030-01-01', country) SELECT x, y, c FROM s

-- case: rows with a subquery
-- reads: s
-- writes: t
-- direct: s.x > t.b aggregation
INSERT INTO t (a, b) VALUES (1, (SELECT max(x) FROM s))

-- case: WITH before and inside
-- reads: s
-- writes: t
-- direct: s.x > t.a transformation
WITH q AS (SELECT x FROM s) INSERT INTO t (a) WITH r AS (SELECT x + 1 AS y FROM q) SELECT y FROM r

-- case: what happens on a conflict
-- dialect: postgres
-- reads: s
-- writes: t
-- direct: s.id > t.id identity
-- direct: s.v > t.n transformation
-- direct: t.n > t.n transformation
INSERT INTO t (id, n) SELECT id, v FROM s ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n, at = now()

-- case: a condition of what happens on a conflict
-- dialect: postgres
-- schema: t(id, n, at), s(id, v, k)
-- reads: s
-- writes: t
-- direct: s.id > t.id identity
-- direct: s.v > t.n identity
-- decides: s.id filter, t.at filter
INSERT INTO t AS old (id, n) SELECT id, v FROM s ON CONFLICT (id) WHERE n > 5 DO UPDATE SET n = excluded.n WHERE old.at < excluded.id

-- case: two columns at once on a conflict
-- dialect: sqlite
-- reads: s
-- writes: t
-- direct: s.id > t.id identity
-- direct: s.v > t.n identity
-- direct: s.id > t.m identity
INSERT INTO t (id, n) SELECT id, v FROM s WHERE true ON CONFLICT (id) DO UPDATE SET (n, m) = (excluded.n, excluded.id)

-- case: a key that is there twice, with the new row's values and the query's own
-- dialect: mysql
-- reads: s
-- writes: t
-- direct: s.a > t.id identity
-- direct: s.b > t.n transformation
-- direct: t.n > t.n transformation
-- direct: s.z > t.m identity
-- direct: s.a > t.o identity
INSERT INTO t (id, n) SELECT s.a, s.b FROM s ON DUPLICATE KEY UPDATE n = t.n + VALUES(n), m = s.z, o = VALUES(id)

-- case: a key that is there twice, from the second table of the query
-- dialect: mysql
-- schema: t(id, n, m), s(a, b), u(i, y)
-- reads: s, u
-- writes: t
-- direct: s.a > t.id identity
-- direct: s.b > t.n identity
-- direct: u.y > t.m conditional
-- direct: t.m > t.m transformation
-- decides: s.a join, u.i join
INSERT INTO t (id, n) SELECT x.a, x.b FROM s AS x JOIN u ON u.i = x.a ON DUPLICATE KEY UPDATE m = IF(y > 0, m, 0)

-- case: each target by its condition
-- dialect: oracle
-- schema: s(a, z, k)
-- reads: s
-- writes: one, two, three, rest
-- direct: s.a > one.p identity
-- direct: s.z > two.q identity
-- direct: s.a > three.r identity
-- direct: s.a > rest.f identity
-- decides: s.k filter, s.z filter
INSERT ALL WHEN k > 1 THEN INTO one (p) VALUES (a) WHEN z = 3 THEN INTO two (q) VALUES (z) INTO three (r) VALUES (a) ELSE INTO rest (f) VALUES (a) SELECT a, z, k FROM s

-- case: several targets of one source in Hive
-- dialect: hive
-- reads: src
-- writes: a, b
-- direct: src.x > a.x identity
-- direct: src.y > b.y identity
-- decides: src.z filter
FROM src s INSERT OVERWRITE TABLE a SELECT s.x INSERT INTO TABLE b SELECT s.y WHERE s.z = 1

-- case: INSERT ALL
-- dialect: snowflake
-- reads: s
-- writes: a, b
-- direct: s.x > a.p identity
-- direct: s.y > b.q identity
-- direct: s.x > b.r identity
INSERT ALL INTO a (p) VALUES (x) INTO b (q, r) VALUES (y, x) SELECT x, y FROM s

-- case: by name
-- dialect: duckdb
-- reads: s
-- writes: t
-- direct: s.b > t.b identity
-- direct: s.a > t.a identity
INSERT INTO t BY NAME SELECT b, a FROM s

-- case: a folder
-- dialect: spark
-- reads: s
-- writes: hdfs://out/x
-- direct: s.a > hdfs://out/x.a identity
INSERT OVERWRITE DIRECTORY 'hdfs://out/x' USING parquet SELECT a FROM s

-- case: REPLACE INTO
-- dialect: mysql
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
REPLACE INTO t (a) SELECT x FROM s

-- case: into a partition by its name
-- dialect: bigquery
-- reads: shop.web.walkers
-- writes: shop.web.visits
-- direct: shop.web.walkers.name > shop.web.visits.visitor identity
INSERT INTO `shop.web.visits$20260301` (visitor) SELECT name FROM `shop.web.walkers$20260301`

-- case: all of a view
-- dialect: spark
-- types: CREATE_VIEW INSERT
-- reads: walkers
-- writes: visits
-- direct: walkers.name > visits.name identity
CREATE TEMPORARY VIEW recent AS SELECT name FROM walkers;
INSERT INTO visits TABLE recent

-- case: columns that VALUES names
-- dialect: oracle
-- reads: visits
-- writes: late, early
-- direct: visits.visitor > late.visitor identity
-- direct: visits.day > late.day identity
-- direct: visits.visitor > early.who identity
-- decides: visits.day filter
INSERT FIRST WHEN day > 1 THEN INTO late VALUES (visitor, day) ELSE INTO early (who) VALUES (visitor) SELECT visitor, day FROM visits

-- case: given values for columns that count by themselves
-- dialect: postgres
-- reads: walkers
-- writes: visits
-- direct: walkers.id > visits.id identity
-- direct: walkers.day > visits.day identity
INSERT INTO visits (id, day) OVERRIDING SYSTEM VALUE SELECT w.id, w.day FROM walkers w

-- case: into a partition that is not there yet
-- dialect: hive
-- reads: walkers
-- writes: visits
-- direct: walkers.name > visits.name identity
INSERT OVERWRITE TABLE visits PARTITION (day = 1) IF NOT EXISTS SELECT name FROM walkers
