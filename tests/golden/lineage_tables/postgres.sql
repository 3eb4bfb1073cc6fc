-- case: a bare query as pg_get_viewdef prints it
-- reads: sales.orders, sales.customers
 SELECT o.id,
    c.name
   FROM sales.orders o
     JOIN sales.customers c ON c.id = o.customer_id;

-- case: quoted names keep their capitals, unquoted ones are kept as written
-- reads: "Sales"."Order Lines", Public.Items
SELECT * FROM "Sales"."Order Lines" JOIN Public.Items ON true

-- case: a CTE shadows a table, inside its own body the table is meant
-- reads: orders
WITH orders AS (SELECT * FROM orders WHERE paid) SELECT count(*) FROM orders

-- case: a qualified name is never a CTE
-- reads: sales.orders
WITH orders AS (SELECT 1 AS id) SELECT * FROM orders JOIN sales.orders USING (id)

-- case: CTE names fold like other names, quoted ones do not
-- reads: "Recent", raw.events
WITH Recent AS (SELECT * FROM raw.events) SELECT * FROM recent UNION ALL SELECT * FROM "Recent"

-- case: a later CTE sees an earlier one, an earlier one does not see a later one
-- reads: b, base
WITH a AS (SELECT * FROM b), b AS (SELECT * FROM base) SELECT * FROM a JOIN b ON true

-- case: WITH RECURSIVE sees itself and later ones
-- reads: staff
WITH RECURSIVE chain AS (
  SELECT id, boss FROM staff
  UNION ALL
  SELECT s.id, s.boss FROM bosses s JOIN chain ON chain.boss = s.id
), bosses AS (SELECT * FROM staff WHERE is_boss)
SELECT * FROM chain

-- case: a nested WITH shadows the outer one and ends with its query
-- reads: outer_source, inner_source, late
WITH x AS (SELECT * FROM outer_source)
SELECT * FROM (WITH x AS (SELECT * FROM inner_source), y AS (SELECT 1) SELECT * FROM x, y) q
WHERE EXISTS (SELECT 1 FROM x) AND q.a IN (SELECT a FROM late)

-- case: a CTE inside a subquery is not seen outside it
-- reads: t, y
SELECT * FROM (WITH y AS (SELECT * FROM t) SELECT * FROM y) q, y

-- case: set operations on every side
-- reads: a, b, c, d
SELECT 1 FROM a UNION (SELECT 2 FROM b EXCEPT SELECT 3 FROM c) INTERSECT ALL SELECT 4 FROM d

-- case: subqueries in every clause
-- reads: t, s1, s2, s3, s4, s5, s6
SELECT (SELECT max(x) FROM s1), sum(y) FILTER (WHERE y > (SELECT 1 FROM s2))
FROM t JOIN LATERAL (SELECT * FROM s3 WHERE s3.id = t.id) l ON true
WHERE a = ANY (SELECT b FROM s4) GROUP BY 1 HAVING count(*) > (SELECT 5 FROM s5) ORDER BY (SELECT 6 FROM s6)

-- case: table functions, values and columns of functions are no tables
-- reads: limits
SELECT * FROM generate_series(1, (SELECT max(n) FROM limits)) g(n), my_function(3) AS f(a int, b text),
  ROWS FROM (unnest(ARRAY[1, 2]), json_to_recordset('[]') AS (a int)) u, (VALUES (1, 'x')) v(i, t)

-- case: an alias is no table
-- reads: sales.orders
SELECT orders.id FROM sales.orders AS orders WHERE orders.id > 0

-- case: ONLY, TABLESAMPLE and parenthesised joins
-- reads: parents, big, a, b
SELECT * FROM ONLY parents, big TABLESAMPLE system (1), (a JOIN b USING (id)) AS j

-- case: the TABLE command
-- reads: sales.orders
TABLE sales.orders

-- case: a view with head
-- reads: public.t
-- target: public.v
CREATE OR REPLACE VIEW public.v (a, b) AS SELECT x, y FROM public.t WITH LOCAL CHECK OPTION

-- case: a materialized view with head and WITH NO DATA
-- reads: t
-- target: mart."Daily"
CREATE MATERIALIZED VIEW IF NOT EXISTS mart."Daily" TABLESPACE fast AS SELECT * FROM t WITH NO DATA;

-- case: CREATE TABLE AS
-- reads: b
-- target: a
CREATE TABLE a AS SELECT * FROM b

-- case: the columns and keys of a table are not read
-- reads:
-- target: a
CREATE TABLE a (id int PRIMARY KEY, b_id int REFERENCES b (id), CHECK (id > 0))

-- case: SELECT INTO
-- reads: y
-- target: x
SELECT * INTO x FROM y

-- case: what looks like SQL in text and comments is none
-- reads: t
SELECT 'from fake1', $$ from fake2 $$, E'\' from fake3' /* from fake4 /* nested */ from fake5 */ FROM t -- from fake6

-- case: a locked alias is no table
-- reads: accounts
SELECT * FROM accounts a FOR UPDATE OF a

-- case: syntax that is not SQL
-- reads:
-- problem: SYNTAX
SELECT a FRM (t WHERE

-- case: an open quote
-- reads:
-- problem: SYNTAX
SELECT 'never closed FROM t

-- case: a statement that is no query
-- reads:
-- problem: NOT_A_QUERY
DELETE FROM t WHERE x = 1

-- case: two queries
-- reads:
-- problem: SEVERAL
SELECT 1 FROM a; SELECT 2 FROM b

-- case: a comment only
-- reads:
-- problem: EMPTY
-- nothing here
