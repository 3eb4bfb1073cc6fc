-- case: LATERAL looks at the tables before it
-- dialect: postgres
-- reads: customers, orders
-- direct: customers.name > name identity
-- direct: orders.price > total aggregation
-- decides: customers.id filter, orders.customer filter
SELECT c.name, l.total FROM customers c CROSS JOIN LATERAL (SELECT sum(o.price) AS total FROM orders o WHERE o.customer = c.id) AS l

-- case: unnest with ordinality
-- dialect: postgres
-- reads: posts
-- direct: posts.id > id identity
-- direct: posts.tags > tag transformation
-- decides: posts.tags join
SELECT t.id, u.tag, u.n FROM posts t, unnest(t.tags) WITH ORDINALITY AS u(tag, n)

-- case: BigQuery's arrays of structs
-- dialect: bigquery
-- reads: shop.orders
-- direct: shop.orders.id > id identity
-- direct: shop.orders.items > sku transformation
-- direct: shop.orders.items > total transformation
-- decides: shop.orders.items filter, shop.orders.items join
SELECT o.id, i.sku, i.price * i.qty AS total, off FROM shop.orders AS o, UNNEST(o.items) AS i WITH OFFSET AS off WHERE i.qty > 0

-- case: an array of a row in FROM
-- dialect: redshift
-- reads: customers
-- direct: customers.id > id identity
-- direct: customers.orders > total transformation
-- decides: customers.orders join
SELECT c.id, o.total FROM customers AS c, c.orders AS o

-- case: LATERAL VIEW
-- dialect: spark
-- reads: posts
-- direct: posts.id > id identity
-- direct: posts.tags > tag transformation
-- direct: posts.tags > pos transformation
-- decides: posts.tags filter, posts.tags join
SELECT id, tag, pos FROM posts LATERAL VIEW posexplode(tags) x AS pos, tag WHERE tag <> ''

-- case: Snowflake's FLATTEN and paths into JSON
-- dialect: snowflake
-- reads: raw.events
-- direct: raw.events.id > id identity
-- direct: raw.events.doc > name transformation
-- direct: raw.events.doc > city transformation
-- decides: raw.events.doc join
SELECT e.id, f.value:name::string AS name, e.doc:address.city AS city FROM raw.events e, LATERAL FLATTEN(input => e.doc:items) f

-- case: struct fields with and without the table's name
-- dialect: bigquery
-- reads: visits
-- direct: visits.who > a transformation
-- direct: visits.who > b transformation
-- direct: visits.payload > payload identity
SELECT t.who.name AS a, who.age AS b, payload FROM visits AS t

-- case: fields in brackets and JSON operators
-- dialect: postgres
-- reads: t
-- direct: t.addr > city transformation
-- direct: t.doc > b transformation
-- direct: t.doc > c transformation
SELECT (t.addr).city, doc -> 'a' ->> 'b' AS b, (doc #>> '{x,y}')::int AS c FROM t

-- case: PIVOT
-- dialect: snowflake
-- schema: sales(region, quarter, amount)
-- reads: sales
-- direct: sales.region > region identity
-- direct: sales.quarter > first conditional
-- direct: sales.amount > first aggregation
-- direct: sales.quarter > second conditional
-- direct: sales.amount > second aggregation
-- decides: sales.quarter group, sales.region group
SELECT * FROM sales PIVOT (SUM(amount) FOR quarter IN ('q1', 'q2')) AS p (region, first, second)

-- case: UNPIVOT
-- dialect: snowflake
-- schema: sales(region, jan, feb)
-- reads: sales
-- direct: sales.region > region identity
-- direct: sales.jan > month conditional
-- direct: sales.feb > month conditional
-- direct: sales.jan > amount identity
-- direct: sales.feb > amount identity
-- decides: sales.feb filter, sales.jan filter
SELECT region, month, amount FROM sales UNPIVOT (amount FOR month IN (jan, feb))

-- case: DuckDB's PIVOT statement
-- dialect: duckdb
-- reads: cities
-- direct: cities.country > country identity
-- direct: cities.year > * conditional
-- direct: cities.population > * aggregation
-- decides: cities.country group
PIVOT cities ON year USING sum(population) GROUP BY country

-- case: rows written out
-- dialect: postgres
-- reads: t, u
-- direct: t.x > y transformation
-- direct: u.z > y aggregation
-- decides: t.k join
SELECT v.k, t.x + v.w AS y FROM t JOIN (VALUES (1, 10), (2, (SELECT max(z) FROM u))) AS v(k, w) ON v.k = t.k

-- case: a function that gives rows
-- dialect: postgres
-- reads: sales
-- direct: sales.total > total identity
-- decides: sales.day join
SELECT g.day, s.total FROM generate_series(1, 10) AS g(day) LEFT JOIN sales s ON s.day = g.day

-- case: files are sources
-- dialect: duckdb
-- reads: data/in.parquet
-- direct: data/in.parquet.x > x identity
SELECT a.x FROM 'data/in.parquet' AS a

-- case: a path into JSON that looks like a lambda
-- dialect: postgres
-- reads: t
-- direct: t.doc > item transformation
SELECT jsonb_array_elements(doc -> 'items') AS item FROM t

-- case: columns of a file by their place
-- dialect: snowflake
-- reads: @stage/in
-- direct: @stage/in.1 > id identity
-- direct: @stage/in.2 > name transformation
SELECT $1 AS id, f.$2:name::string AS name FROM @stage/in (FILE_FORMAT => 'json') AS f
