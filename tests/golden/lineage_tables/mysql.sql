-- case: a view as SHOW CREATE VIEW prints it
-- reads: "shop"."orders", "crm"."customers"
-- target: "v"
CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` SQL SECURITY DEFINER VIEW `v` AS select `o`.`id` AS `id` from (`shop`.`orders` `o` join `crm`.`customers` `c` on((`c`.`id` = `o`.`customer_id`)))

-- case: a check option after the query
-- reads: t
-- target: v
CREATE VIEW v AS SELECT * FROM t WHERE a > 0 WITH CASCADED CHECK OPTION

-- case: names keep their case, so these are a CTE and a table
-- reads: base, Recent
WITH recent AS (SELECT * FROM base) SELECT * FROM recent, Recent

-- case: JSON_TABLE and dual are no tables
-- reads: docs
SELECT * FROM docs, JSON_TABLE(docs.body, '$[*]' COLUMNS (a INT PATH '$.a')) j, (SELECT 1 FROM DUAL) d

-- case: LIKE takes a shape and no data
-- reads:
-- target: a
CREATE TABLE a LIKE b

-- case: escaped quotes in text
-- reads: t
SELECT 'it\'s from fake', "also from fake" FROM t
