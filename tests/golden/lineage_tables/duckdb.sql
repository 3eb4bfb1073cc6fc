-- case: a view as duckdb_views prints it
-- reads: main.orders, crm.customers
-- target: main.v
CREATE VIEW main.v AS SELECT o.id, c."name" FROM main.orders AS o INNER JOIN crm.customers AS c ON ((o.customer_id = c.id));

-- case: FROM first
-- reads: t
FROM t SELECT a

-- case: files and readers are no tables
-- reads: lookup
SELECT * FROM 'events/*.parquet', "daily.csv.gz", read_csv('x.csv'), range(3), lookup

-- case: names compare without case, quoted or not
-- reads: base
WITH "Recent" AS (SELECT * FROM base) SELECT * FROM recent

-- case: without UNION in it, and without RECURSIVE, a body that names itself means the table
-- reads: t
WITH t AS (SELECT * FROM t) SELECT * FROM t

-- case: catalog, schema and table
-- reads: wh.sales.orders, wh.items
SELECT * FROM wh.sales.orders, wh.items

-- case: unnest, pivot and list comprehension
-- reads: t, months
SELECT [x * 2 FOR x IN xs] FROM (PIVOT t ON month IN (SELECT m FROM months) USING sum(v)), unnest([1, 2]) u(x)
