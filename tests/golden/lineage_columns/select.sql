-- case: columns as they are, changed, aggregated, and what decides about rows
-- reads: shop.orders
-- direct: shop.orders.id > id identity
-- direct: shop.orders.price > total transformation
-- direct: shop.orders.qty > total transformation
-- direct: shop.orders.paid_at > last_paid aggregation
-- decides: shop.orders.created_at sort, shop.orders.id group, shop.orders.price group, shop.orders.qty group, shop.orders.status filter
SELECT o.id, o.price * o.qty AS total, max(o.paid_at) AS last_paid FROM shop.orders AS o WHERE o.status = 'open' GROUP BY o.id, o.price * o.qty ORDER BY o.created_at

-- case: CASE conditions and OVER clauses are read in the expression
-- reads: t
-- direct: t.a > picked conditional
-- direct: t.b > picked conditional
-- direct: t.c > picked transformation
-- direct: t.p > place window
-- direct: t.q > place window
-- direct: t.v > running aggregation
-- direct: t.g > running window
-- direct: t.h > running window
SELECT CASE WHEN a > b THEN c ELSE 0 END AS picked, rank() OVER (PARTITION BY p ORDER BY q) AS place, sum(v) OVER w AS running FROM t WINDOW w AS (PARTITION BY g ORDER BY h)

-- case: a CTE of a CTE, an unused one, and a table called like one elsewhere
-- reads: t1, t2, db.a
-- direct: t1.x > y identity
WITH a AS (SELECT x FROM t1), b AS (SELECT x AS y FROM a), unused AS (SELECT 1 AS one FROM t2) SELECT b.y FROM b CROSS JOIN db.a

-- case: a recursive CTE
-- dialect: postgres
-- reads: staff
-- direct: staff.id > id identity
-- direct: staff.name > name identity
-- decides: staff.boss filter, staff.boss join, staff.id join
WITH RECURSIVE chain AS (SELECT id, boss, name FROM staff WHERE boss IS NULL UNION ALL SELECT s.id, s.boss, c.name FROM staff s JOIN chain c ON c.id = s.boss) SELECT id, name FROM chain

-- case: subqueries in FROM, in the select list, in conditions
-- reads: facts, rates, holidays, flags
-- direct: facts.v > total aggregation
-- direct: rates.rate > rate aggregation
-- decides: facts.day filter, facts.day group, flags.day filter, holidays.day filter, rates.day filter
SELECT d.total, (SELECT max(r.rate) FROM rates r WHERE r.day = d.day) AS rate FROM (SELECT day, sum(v) AS total FROM facts GROUP BY day) AS d WHERE d.day IN (SELECT h.day FROM holidays h) AND EXISTS (SELECT 1 FROM flags f WHERE f.day = d.day)

-- case: UNION by place, ALL and not; EXCEPT only decides
-- reads: t1, t2, t3, t4
-- direct: t1.a > x identity
-- direct: t2.b > x identity
-- direct: t3.c > x identity
-- decides: t1.a filter, t1.a group, t2.b filter, t2.b group, t3.c filter, t3.c group, t4.d filter
SELECT a AS x FROM t1 UNION ALL SELECT b FROM t2 UNION SELECT c FROM t3 EXCEPT SELECT d FROM t4

-- case: a star against a known schema, with columns left out, replaced and renamed
-- dialect: snowflake
-- schema: db.s.t(id, name, secret, amount)
-- reads: db.s.t
-- direct: db.s.t.id > id identity
-- direct: db.s.t.name > label identity
-- direct: db.s.t.amount > amount identity
-- direct: db.s.t.amount > more transformation
SELECT * EXCLUDE (secret) RENAME (name AS label), t.amount + 1 AS more FROM db.s.t

-- case: REPLACE in BigQuery
-- dialect: bigquery
-- schema: t(id, name, amount)
-- reads: t
-- direct: t.id > id identity
-- direct: t.amount > amount transformation
SELECT * EXCEPT (name) REPLACE (amount * 2 AS amount) FROM t

-- case: a star of tables that nobody knows
-- reads: t1, t2
-- direct: t1.* > * identity
-- direct: t2.* > * identity
-- decides: t1.id join, t2.id join
SELECT *, 1 AS one FROM t1 JOIN t2 ON t1.id = t2.id

-- case: a column in one of two tables, found by what is known
-- schema: a(id, x), b(id, y)
-- reads: a, b
-- direct: a.x > x identity
-- direct: b.y > y identity
-- decides: a.id join, b.id join
SELECT x, y FROM a JOIN b ON a.id = b.id

-- case: a column of one of two unknown tables has no table
-- reads: a, b
-- direct: ?.x > x identity
-- decides: a.id join, b.id join
SELECT x FROM a JOIN b ON a.id = b.id

-- case: USING gives one column of two
-- schema: a(id, x), b(id, y)
-- reads: a, b
-- direct: a.id > id identity
-- direct: b.id > id identity
-- direct: a.x > x identity
-- direct: b.y > y identity
-- decides: a.id join, b.id join
SELECT * FROM a FULL JOIN b USING (id)

-- case: NATURAL JOIN shares what both have
-- schema: a(id, k, x), b(id, k, y)
-- reads: a, b
-- direct: a.id > id identity
-- direct: b.id > id identity
-- direct: a.x > x identity
-- direct: b.y > y identity
-- decides: a.id join, a.k join, b.id join, b.k join
SELECT id, x, y FROM a NATURAL JOIN b

-- case: a semi-join gives nothing and decides
-- dialect: spark
-- schema: a(id, x), b(id, y)
-- reads: a, b
-- direct: a.id > id identity
-- direct: a.x > x identity
-- decides: a.id join, b.id join
SELECT * FROM a LEFT SEMI JOIN b ON a.id = b.id

-- case: an alias of the same list, where the engine allows it
-- dialect: snowflake
-- reads: orders
-- direct: orders.price > gross transformation
-- direct: orders.qty > gross transformation
-- direct: orders.price > net transformation
-- direct: orders.qty > net transformation
SELECT price * qty AS gross, gross * 0.8 AS net FROM orders

-- case: where it does not, it is a column
-- dialect: mysql
-- reads: orders
-- direct: orders.price > gross transformation
-- direct: orders.qty > gross transformation
-- direct: orders.gross > net transformation
SELECT price * qty AS gross, gross * 0.8 AS net FROM orders

-- case: counting rows, and counting rows that fit
-- reads: orders
-- direct: orders.* > n aggregation
-- direct: orders.paid > n_paid conditional
SELECT count(*) AS n, count(*) FILTER (WHERE paid) AS n_paid FROM orders

-- case: DISTINCT, HAVING, QUALIFY
-- dialect: snowflake
-- reads: t
-- direct: t.a > a identity
-- direct: t.b > b identity
-- decides: t.a group, t.b group, t.c filter, t.d filter, t.e filter
SELECT DISTINCT a, b FROM t GROUP BY a, b HAVING max(c) > 1 QUALIFY row_number() OVER (PARTITION BY d ORDER BY e) = 1

-- case: columns without names are called as they are written
-- reads: t
-- direct: t.a > max(a) aggregation
-- direct: t.b > b + 1 transformation
-- direct: t.* > count(*) aggregation
-- direct: t.c > c transformation
SELECT max( a ), b+1 , count(*), c::int FROM t

-- case: and numbered where the engine calls all of them alike
-- dialect: postgres
-- reads: t
-- direct: t.a > a identity
-- direct: t.a > _0 aggregation
-- direct: t.b > _1 transformation
SELECT a, max(a), b + 1 FROM t

-- case: brackets around joins, an alias around them
-- reads: a, b
-- direct: ?.x > x identity
-- direct: ?.y > y identity
-- decides: a.id join, b.id join
SELECT j.x, j.y FROM ((a JOIN b ON a.id = b.id)) AS j

-- case: a table named in full where it has an alias
-- dialect: mysql
-- reads: shop.orders
-- direct: shop.orders.total > total identity
-- direct: shop.orders.id > id identity
SELECT shop.orders.total, o.id FROM shop.orders AS o

-- case: SELECT INTO makes a table
-- dialect: tsql
-- reads: dbo.products
-- writes: #top
-- direct: dbo.products.title > #top.name identity
-- direct: dbo.products.price > #top.price identity
-- decides: dbo.products.price filter
SELECT TOP 10 name = p.title, p.price INTO #top FROM dbo.products AS p WHERE p.price > 5

-- case: user's functions, lambdas, intervals and units are no columns
-- dialect: duckdb
-- reads: bills
-- direct: bills.net > gross transformation
-- direct: bills.parts > raised transformation
-- direct: bills.extra > raised transformation
-- direct: bills.at > next transformation
SELECT my.tax(net) AS gross, list_transform(parts, p -> p + extra) AS raised, date_trunc('day', at) + INTERVAL 1 DAY AS next FROM bills

-- case: FROM first
-- dialect: duckdb
-- reads: t
-- direct: t.a > a identity
-- direct: t.b > b identity
-- decides: t.c filter
FROM t SELECT a, b WHERE c = 1

-- case: a correlated column without a name of its table
-- schema: a(id, x), b(k, y)
-- reads: a, b
-- direct: b.y > best aggregation
-- decides: a.x filter, b.k filter
SELECT (SELECT max(y) FROM b WHERE k = x) AS best FROM a

-- case: CONNECT BY decides
-- dialect: oracle
-- reads: emp
-- direct: emp.name > name identity
-- decides: emp.boss filter, emp.boss join, emp.id join
SELECT LEVEL, e.name, SYSDATE AS today FROM emp e START WITH e.boss IS NULL CONNECT BY PRIOR e.id = e.boss

-- case: MATCH_RECOGNIZE gives its measures
-- dialect: snowflake
-- reads: ticks
-- direct: ticks.symbol > symbol identity
-- direct: ticks.price > low aggregation
-- decides: ticks.at sort, ticks.price filter, ticks.symbol group
SELECT m.symbol, m.low FROM ticks MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY at MEASURES min(price) AS low PATTERN (a b+) DEFINE b AS price < 10) AS m

-- case: grouped by the place of a subquery: what it filters by decides about groups too
-- reads: customers, returns
-- direct: customers.* > n aggregation
-- direct: customers.region > region identity
-- direct: returns.product_id > best aggregation
-- decides: customers.age filter, customers.region group, returns.id filter, returns.product_id group
SELECT c.region, (SELECT max(r.product_id) FROM returns r WHERE r.id = c.age) AS best, count(*) AS n FROM customers AS c GROUP BY 1, 2

-- case: brackets around a query and the tables that are joined to it
-- reads: first_one, second_one, third_one
-- direct: first_one.x > x identity
-- direct: second_one.y > y identity
-- direct: third_one.z > z identity
-- decides: first_one.id join, second_one.id join, third_one.id join
SELECT a.x, b.y, c.z FROM (((SELECT x, id FROM first_one) a JOIN second_one b ON b.id = a.id) LEFT JOIN third_one c ON c.id = b.id)

-- case: rows of a pattern
-- dialect: snowflake
-- reads: prices
-- direct: prices.name > name identity
-- direct: prices.price > low transformation
-- decides: prices.day sort, prices.name group, prices.price filter
SELECT * FROM prices MATCH_RECOGNIZE (PARTITION BY name ORDER BY day MEASURES LAST(falling.price) AS low PATTERN (start falling+) DEFINE falling AS falling.price < LAG(price))

-- case: a semantic view
-- dialect: snowflake
-- reads: mart.sales
-- direct: mart.sales.area > region identity
-- direct: mart.sales.total > total identity
-- decides: mart.sales.active filter
SELECT region, total FROM SEMANTIC_VIEW(mart.sales METRICS orders.total DIMENSIONS clients.area AS region WHERE clients.active)

-- case: what dictionaries say
-- dialect: clickhouse
-- reads: visits, geo.towns, geo.lands, geo.banned
-- direct: geo.towns.name > town transformation
-- direct: visits.town > town transformation
-- direct: geo.lands.iso > land transformation
-- direct: visits.land > land transformation
-- decides: visits.town filter
SELECT dictGet('geo.towns', 'name', v.town) AS town, dictGetOrDefault(geo.lands, 'iso', v.land, '-') AS land FROM visits v WHERE dictHas('geo.banned', v.town) = 0

-- case: a value defined by WITH
-- dialect: clickhouse
-- reads: days, visits
-- direct: visits.id > id identity
-- direct: days.day > last_day aggregation
-- decides: days.day filter, visits.day filter
WITH (SELECT max(day) FROM days) AS last_day SELECT v.id, last_day FROM visits v WHERE v.day < last_day

-- case: tables of other servers
-- dialect: clickhouse
-- reads: web.visits, web.days
-- direct: web.visits.id > id identity
-- direct: web.days.day > day identity
-- decides: web.days.id join, web.visits.id join
SELECT a.id, b.day FROM remote('far:9000', web, visits) a JOIN cluster('all', web.days) b ON b.id = a.id

-- case: a variable gets a value, nothing is given out
-- dialect: tsql
-- reads: dbo.visits, dbo.days
SELECT @last = max(v.day), @first = (SELECT min(day) FROM dbo.days) FROM dbo.visits v

-- case: tables as arguments
-- reads: visits
-- direct: visits.at > window_start transformation
-- direct: visits.* > n aggregation
-- decides: visits.at group
SELECT w.window_start, count(*) AS n FROM TABLE(TUMBLE(TABLE visits, DESCRIPTOR(at), INTERVAL '1' MINUTE)) w GROUP BY w.window_start

-- case: a lock before the query
-- dialect: teradata
-- reads: web.visits
-- direct: web.visits.visitor > visitor identity
LOCKING TABLE web.visits FOR ACCESS SELECT visitor FROM web.visits

-- case: rows of a pattern that lasts no longer than an hour, all of them
-- reads: prices
-- direct: prices.price > low transformation
-- direct: prices.* > * identity
-- decides: prices.day sort, prices.name group, prices.price filter
SELECT * FROM prices MATCH_RECOGNIZE (PARTITION BY name ORDER BY day MEASURES LAST(f.price) AS low ALL ROWS PER MATCH PATTERN (s f+) WITHIN INTERVAL '1' HOUR DEFINE f AS f.price < 5)

-- case: values for variables, and a word about caches
-- dialect: mysql
-- reads: walkers
-- direct: walkers.name > name identity
-- decides: walkers.id filter
SELECT SQL_CACHE name FROM walkers WHERE id = 1 INTO @name
