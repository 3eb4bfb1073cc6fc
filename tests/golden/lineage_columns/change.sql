-- case: UPDATE from another table
-- dialect: postgres
-- reads: arrivals
-- writes: inv
-- direct: inv.qty > inv.qty transformation
-- direct: arrivals.qty > inv.qty transformation
-- decides: arrivals.product filter, inv.product filter
UPDATE inv AS i SET qty = i.qty + n.qty, seen = true FROM arrivals AS n WHERE i.product = n.product

-- case: UPDATE over a join
-- dialect: mysql
-- reads: b
-- writes: a
-- direct: b.y > a.x identity
-- decides: a.id join, b.id join, b.k filter
UPDATE a JOIN b ON a.id = b.id SET a.x = b.y, a.z = 1 WHERE b.k > 0

-- case: T-SQL names the table by its alias, and adds in place
-- dialect: tsql
-- reads: dbo.parts
-- writes: dbo.totals
-- direct: dbo.totals.total > dbo.totals.total transformation
-- direct: dbo.parts.part > dbo.totals.total transformation
-- decides: dbo.parts.id join, dbo.totals.id join
UPDATE t SET t.total += s.part FROM dbo.totals AS t JOIN dbo.parts AS s ON s.id = t.id

-- case: a list set by one query
-- dialect: postgres
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
-- direct: s.y > t.b aggregation
-- decides: s.id filter, s.x group, t.id filter
UPDATE t SET (a, b) = (SELECT x, max(y) FROM s WHERE s.id = t.id GROUP BY x)

-- case: DELETE USING
-- dialect: postgres
-- reads: b
-- writes: a
-- decides: a.id filter, b.gone filter, b.id filter
DELETE FROM a USING b WHERE a.id = b.id AND b.gone

-- case: DELETE with a join
-- dialect: mysql
-- reads: b
-- writes: a
-- decides: a.id join, b.id join
DELETE a FROM a JOIN b ON a.id = b.id

-- case: MERGE, all its branches
-- reads: stage
-- writes: dim
-- direct: stage.name > dim.name transformation
-- direct: dim.name > dim.old identity
-- direct: stage.id > dim.id identity
-- decides: dim.at filter, dim.id join, stage.at filter, stage.id join, stage.ok filter
MERGE INTO dim AS d USING (SELECT id, upper(name) AS name, at FROM stage WHERE ok) AS s ON d.id = s.id WHEN MATCHED AND s.at > d.at THEN UPDATE SET name = s.name, old = d.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, coalesce(s.name, '-'))

-- case: MERGE of whole rows
-- dialect: databricks
-- schema: s(id, x)
-- reads: s
-- writes: t
-- direct: s.id > t.id identity
-- direct: s.x > t.x identity
-- decides: s.id join, t.id join
MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *

-- case: MERGE without a list of columns
-- schema: t(a, b)
-- reads: s
-- writes: t
-- direct: s.k > t.a identity
-- direct: s.v > t.b identity
-- decides: s.k join, t.a join
MERGE INTO t USING s ON t.a = s.k WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v)

-- case: TRUNCATE
-- writes: a.t
TRUNCATE TABLE a.t

-- case: swap
-- dialect: snowflake
-- reads: b
-- writes: a
-- direct: b.* > a.* identity
ALTER TABLE a SWAP WITH b

-- case: exchange of partitions
-- dialect: hive
-- reads: b
-- writes: a
-- direct: b.* > a.* identity
ALTER TABLE a EXCHANGE PARTITION (day = 'x') WITH TABLE b

-- case: a column more
-- writes: a
ALTER TABLE a ADD COLUMN x int
