-- case: rows go from a table that is called like a modifier, by an alias
-- reads: s
-- writes: quick
-- decides: quick.id filter, s.id filter
DELETE FROM quick q WHERE q.id IN (SELECT id FROM s)

-- case: a modifier between a verb and FROM
-- dialect: mysql
-- reads: s
-- writes: t
-- decides: s.id filter, t.id filter
DELETE LOW_PRIORITY QUICK FROM t WHERE t.id IN (SELECT id FROM s)

-- case: a modifier, and a column that is called so
-- dialect: mysql
-- writes: t
-- decides: t.quick filter
DELETE QUICK FROM t WHERE t.quick = 1 AND quick > 0

-- case: a modifier in a text of which no dialect is known
-- reads: s
-- writes: t
-- decides: s.id filter, t.id filter
DELETE QUICK FROM t WHERE t.id IN (SELECT id FROM s)

-- case: a modifier before the tables whose rows go
-- dialect: mysql
-- reads: b
-- writes: a
-- decides: a.x join, b.x join
DELETE IGNORE a FROM a JOIN b ON a.x = b.x

-- case: rows of one table of a join go, and it is called like a modifier
-- dialect: mysql
-- reads: t
-- writes: ignore
-- decides: ignore.a join, t.a join
DELETE ignore FROM t JOIN ignore ON t.a = ignore.a

-- case: rows go from a table that is no part of FROM
-- dialect: tsql
-- reads: s
-- writes: quick
-- decides: s.id filter
DELETE quick FROM s WHERE s.id = 1

-- case: a row that a cursor is at goes
-- dialect: postgres
-- writes: quick
DELETE FROM quick WHERE CURRENT OF walk

-- case: modifiers of an INSERT
-- dialect: mysql
-- reads: t
-- writes: ignore
-- direct: t.a > ignore.a identity
INSERT LOW_PRIORITY IGNORE INTO ignore SELECT a FROM t

-- case: modifiers of an INSERT without INTO
-- dialect: mysql
-- reads: t
-- writes: quick
-- direct: t.a > quick.a identity
INSERT DELAYED IGNORE quick SELECT a FROM t

-- case: modifiers of a REPLACE
-- dialect: mysql
-- reads: t
-- writes: delayed
-- direct: t.a > delayed.a identity
REPLACE DELAYED INTO delayed SELECT a FROM t

-- case: modifiers of an UPDATE
-- dialect: mysql
-- writes: t
-- direct: t.b > t.a identity
UPDATE LOW_PRIORITY IGNORE t SET a = b

-- case: modifiers of a SELECT, one of them another's
-- dialect: mysql
-- reads: t
-- direct: t.a > a identity
-- decides: t.a group
SELECT DISTINCT SQL_CACHE a FROM t INTO @name
