-- case: a view as sqlite_master holds it
-- reads: orders, "Order Lines"
-- target: v
CREATE VIEW v AS SELECT * FROM orders o, [Order Lines] l WHERE l.order_id = o.id

-- case: RECURSIVE need not be said
-- reads: edges
WITH reach(n) AS (SELECT 1 UNION SELECT target FROM edges JOIN reach ON reach.n = edges.source) SELECT * FROM reach

-- case: an earlier CTE sees a later one
-- reads:
WITH a AS (SELECT * FROM b), b AS (SELECT 7 AS n) SELECT * FROM a

-- case: the database's own name, and an attached one
-- reads: main.t, other.u
SELECT * FROM main.t, other.u

-- case: table-valued functions
-- reads: docs
SELECT * FROM docs, json_each(docs.body), generate_series(1, 3)
