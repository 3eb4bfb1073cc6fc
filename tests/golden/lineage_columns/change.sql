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

-- case: OUTPUT of an INSERT into a second table
-- dialect: tsql
-- reads: dbo.walkers
-- writes: dbo.visits, dbo.log
-- direct: dbo.walkers.name > dbo.visits.visitor identity
-- direct: dbo.walkers.name > dbo.log.who identity
INSERT INTO dbo.visits (visitor) OUTPUT inserted.visitor, GETDATE() INTO dbo.log (who, at) SELECT w.name FROM dbo.walkers w

-- case: OUTPUT of a DELETE into an archive
-- dialect: tsql
-- reads: dbo.visits
-- writes: dbo.visits, dbo.archive
-- direct: dbo.visits.visitor > dbo.archive.visitor identity
-- direct: dbo.visits.day > dbo.archive.day identity
-- decides: dbo.visits.day filter
DELETE FROM dbo.visits OUTPUT deleted.visitor, deleted.day INTO dbo.archive WHERE day < 5

-- case: OUTPUT of an UPDATE: before and after
-- dialect: tsql
-- reads: dbo.walkers, dbo.visits
-- writes: dbo.visits, dbo.moved
-- direct: dbo.walkers.day > dbo.visits.day identity
-- direct: dbo.visits.day > dbo.moved.was identity
-- direct: dbo.walkers.day > dbo.moved.is_now identity
-- decides: dbo.visits.id join, dbo.walkers.id join
UPDATE v SET v.day = w.day OUTPUT deleted.day, inserted.day INTO dbo.moved (was, is_now) FROM dbo.visits v JOIN dbo.walkers w ON w.id = v.id

-- case: OUTPUT of a MERGE
-- dialect: tsql
-- reads: dbo.walkers, dbo.visits
-- writes: dbo.visits, dbo.moved
-- direct: dbo.walkers.day > dbo.visits.day identity
-- direct: dbo.walkers.id > dbo.visits.id identity
-- direct: dbo.walkers.id > dbo.moved.id identity
-- direct: dbo.visits.day > dbo.moved.was identity
-- decides: dbo.visits.id join, dbo.walkers.id join
MERGE dbo.visits AS v USING dbo.walkers AS w ON v.id = w.id WHEN MATCHED THEN UPDATE SET v.day = w.day WHEN NOT MATCHED THEN INSERT (id, day) VALUES (w.id, w.day) OUTPUT $action, inserted.id, deleted.day INTO dbo.moved (what, id, was);

-- case: some rows only
-- dialect: tsql
-- reads: dbo.walkers
-- writes: dbo.visits
-- direct: dbo.walkers.day > dbo.visits.day identity
-- decides: dbo.visits.id filter, dbo.walkers.id filter
UPDATE TOP (10) dbo.visits SET day = w.day FROM dbo.walkers w WHERE w.id = visits.id

-- case: a variable is no column
-- dialect: tsql
-- writes: dbo.visits
-- direct: dbo.visits.next_day > dbo.visits.day identity
-- direct: dbo.visits.total > dbo.visits.total transformation
UPDATE dbo.visits SET day = next_day, @seen = total = total + 1

-- case: rows that are deleted by a MERGE, and errors put aside
-- dialect: oracle
-- reads: walkers
-- writes: visits
-- direct: walkers.day > visits.day identity
-- direct: walkers.id > visits.id identity
-- decides: visits.day filter, visits.id join, walkers.day filter, walkers.id join
MERGE INTO visits v USING walkers w ON (v.id = w.id) WHEN MATCHED THEN UPDATE SET v.day = w.day WHERE w.day > 1 DELETE WHERE v.day = 9 WHEN NOT MATCHED THEN INSERT (id) VALUES (w.id) LOG ERRORS INTO bad REJECT LIMIT 9

-- case: a MERGE that may add columns
-- dialect: databricks
-- reads: walkers
-- writes: visits
-- direct: walkers.id > visits.id identity
-- decides: visits.id join, walkers.id join
MERGE WITH SCHEMA EVOLUTION INTO visits USING walkers ON visits.id = walkers.id WHEN NOT MATCHED THEN INSERT (id) VALUES (walkers.id)

-- case: changes applied by a pipeline
-- dialect: databricks
-- reads: live.changes
-- writes: live.visits
-- direct: live.changes.* > live.visits.* identity
APPLY CHANGES INTO live.visits FROM STREAM(live.changes) KEYS (id) SEQUENCE BY at

-- case: partitions replaced by those of another table
-- dialect: clickhouse
-- reads: web.staged
-- writes: web.visits
-- direct: web.staged.* > web.visits.* identity
ALTER TABLE web.visits REPLACE PARTITION 202603 FROM web.staged

-- case: rows changed in place
-- dialect: clickhouse
-- writes: web.visits
ALTER TABLE web.visits UPDATE day = day + 1 WHERE visitor = 'x'

-- case: rows of two tables go
-- dialect: mysql
-- reads: days, walkers, visits
-- writes: visits, days
-- decides: days.day filter, visits.day filter, visits.id filter, walkers.id filter
DELETE LOW_PRIORITY QUICK IGNORE FROM visits, days USING visits INNER JOIN days INNER JOIN walkers WHERE visits.day = days.day AND walkers.id = visits.id

-- case: a row that a cursor is at
-- dialect: postgres
-- writes: visits
-- direct: visits.next_day > visits.day identity
UPDATE visits SET day = next_day WHERE CURRENT OF walk

-- case: rows of a table that FROM does not name
-- dialect: tsql
-- reads: days, walkers
-- writes: visits
-- decides: days.id filter, days.walker join, visits.day filter, walkers.id join
DELETE visits FROM days JOIN walkers ON walkers.id = days.walker WHERE visits.day = days.id

-- case: FROM twice
-- dialect: tsql
-- reads: days
-- writes: dbo.visits
-- decides: days.gone filter, days.id join, dbo.visits.day join
DELETE FROM dbo.visits FROM dbo.visits JOIN days ON days.id = visits.day WHERE days.gone = 1

-- case: two tables exchanged
-- dialect: clickhouse
-- reads: web.staged
-- writes: web.visits
-- direct: web.staged.* > web.visits.* identity
EXCHANGE TABLES web.visits AND web.staged ON CLUSTER main

-- case: dictionaries exchanged are no tables
-- dialect: clickhouse
EXCHANGE DICTIONARIES web.codes AND web.new_codes
