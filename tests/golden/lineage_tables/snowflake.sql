-- case: three parts, and a schema left out
-- reads: RAW.shop.orders, RAW..customers, "lower"."Case"
SELECT * FROM RAW.shop.orders, RAW..customers, "lower"."Case"

-- case: flatten, stages and table functions are no tables
-- reads: raw.events
SELECT f.value FROM raw.events e, LATERAL FLATTEN(INPUT => e.items) f, @stage/file.csv s, TABLE(my_function(1)) t

-- case: CTE names fold to upper case
-- reads: "recent", base
WITH recent AS (SELECT * FROM base) SELECT * FROM RECENT, "RECENT", "recent"

-- case: a body with UNION names itself without RECURSIVE
-- reads: staff
WITH c AS (SELECT id FROM staff UNION ALL SELECT s.id FROM staff s JOIN c ON c.id = s.boss) SELECT * FROM c

-- case: a view with comments on columns
-- reads: t
-- target: db.s.v
create or replace secure view db.s.v (a comment 'x', b) comment = 'c' as select * from t

-- case: a clone reads what it clones
-- reads: b
-- target: a
CREATE TABLE a CLONE b

-- case: a dynamic table
-- reads: x
-- target: d
CREATE DYNAMIC TABLE d TARGET_LAG = '1 minute' WAREHOUSE = w AS SELECT * FROM x

-- case: dual has one row and no data
-- reads:
SELECT 1 FROM dual
