-- case: a path in one pair of backticks, dashes, wildcards
-- reads: "my-project"."sales"."orders", my-project.sales.items, "sales"."events_*"
SELECT * FROM `my-project.sales.orders`, my-project.sales.items, `sales.events_*`

-- case: arrays of a row are no tables
-- reads: "p"."d"."t"
SELECT (SELECT max(q.price) FROM t.items AS q), i FROM `p.d.t` AS t, t.lines AS i, UNNEST(t.tags) AS tag

-- case: an alias with a dataset's name does not hide the dataset in its own FROM
-- reads: orders.orders, sales.s
SELECT * FROM orders.orders WHERE a IN (SELECT y FROM orders.lines, sales.s)

-- case: models are no tables, what they are asked about is
-- reads: d.t, u
SELECT * FROM ML.PREDICT(MODEL `p.d.m`, TABLE d.t) JOIN ML.PREDICT(MODEL m2, (SELECT * FROM u)) ON true

-- case: functions before the query
-- reads: lookup, t
CREATE TEMP FUNCTION f(x INT64) AS ((SELECT max(n) FROM lookup WHERE id = x));
SELECT f(a) FROM t

-- case: a view with options
-- reads: "p"."d"."t"
-- target: "p"."d"."v"
CREATE OR REPLACE VIEW `p.d.v` OPTIONS (description = 'from nowhere') AS SELECT * EXCEPT (a) FROM `p.d.t`

-- case: WITH RECURSIVE sees later ones, names compare without case
-- reads: t
WITH RECURSIVE a AS (SELECT * FROM B), b AS (SELECT * FROM t) SELECT * FROM A
