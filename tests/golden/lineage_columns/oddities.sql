-- case: comments and strings that look like SQL
-- dialect: postgres
-- reads: t
-- direct: t.a > a identity
-- decides: t.c filter, t.d filter
SELECT /* FROM nothing */ a -- , b FROM other
FROM t WHERE c = 'SELECT x FROM y; DROP TABLE z' AND d = $q$ FROM v $q$

-- case: names in brackets and quotes, three and four parts
-- dialect: sqlserver
-- reads: srv.db.dbo.Order Details
-- direct: srv.db.dbo.Order Details.Full Name > n identity
-- direct: srv.db.dbo.Order Details.my col > my col identity
SELECT [o].[Full Name] AS n, [my col] FROM [srv].[db].[dbo].[Order Details] AS [o] (NOLOCK)

-- case: a word of the language as a name
-- reads: select
-- direct: select.host > host identity
-- direct: select.order > o identity
SELECT host, "order" AS o FROM "select"

-- case: names with dashes
-- dialect: bigquery
-- reads: my-project.sets.table_1
-- direct: my-project.sets.table_1.a > a identity
SELECT a FROM my-project.sets.table_1

-- case: Teradata's phrases
-- dialect: teradata
-- reads: people
-- direct: people.name > name identity
-- direct: people.born > born identity
SELECT name, born (TITLE 'Birthday') FROM people

-- case: MariaDB and ANSI by their names
-- dialect: mariadb
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
INSERT t (a) SELECT `x` FROM `s`

-- case: an unknown dialect is read as generic SQL
-- dialect: nosuchdialect
-- reads: s
-- writes: t
-- direct: s.x > t.a identity
INSERT INTO t (a) SELECT x FROM s

-- case: Db2's tail
-- dialect: db2
-- reads: t
-- direct: t.a > a identity
SELECT a FROM t WITH UR

-- case: backticks in a dialect without them
-- dialect: athena
-- reads: t
-- direct: t.a > a identity
SELECT a FROM `t`

-- case: Vertica's functions that move partitions
-- dialect: vertica
-- reads: staging
-- writes: target
SELECT swap_partitions_between_tables('staging', 'a', 'b', 'target')

-- case: time travel and samples
-- dialect: snowflake
-- reads: t
-- direct: t.a > a identity
SELECT a FROM t AT (TIMESTAMP => '2030-01-01'::timestamp) TABLESAMPLE (10)

-- case: dialects' pseudo-columns
-- dialect: oracle
-- reads: t
-- direct: t.a > a identity
SELECT SYSDATE AS now, t.a FROM t WHERE ROWNUM < 10
