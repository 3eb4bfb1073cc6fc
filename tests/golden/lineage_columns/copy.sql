-- case: from a file
-- dialect: redshift
-- reads: s3://bucket/in
-- writes: sales
COPY sales FROM 's3://bucket/in' IAM_ROLE 'arn:aws:iam::1:role/r'

-- case: from a stage, by query
-- dialect: snowflake
-- reads: @stage/in
-- writes: t
-- direct: @stage/in.1 > t.a identity
-- direct: @stage/in.2 > t.b identity
COPY INTO t (a, b) FROM (SELECT s.$1, s.$2 FROM @stage/in s)

-- case: out of a query
-- dialect: duckdb
-- reads: t
-- writes: out.parquet
-- direct: t.a > out.parquet.a identity
-- direct: t.b > out.parquet.c transformation
-- decides: t.d filter
COPY (SELECT a, b + 1 AS c FROM t WHERE d) TO 'out.parquet' (FORMAT parquet)

-- case: UNLOAD
-- dialect: redshift
-- reads: t
-- writes: s3://bucket/out
-- direct: t.a > s3://bucket/out.a identity
-- decides: t.b filter
UNLOAD ('SELECT a FROM t WHERE b = ''x''') TO 's3://bucket/out' IAM_ROLE 'r'

-- case: LOAD DATA
-- dialect: hive
-- reads: /in/x
-- writes: t
LOAD DATA INPATH '/in/x' OVERWRITE INTO TABLE t

-- case: into a stage
-- dialect: snowflake
-- reads: t
-- writes: @stage/out
-- direct: t.a > @stage/out.a identity
COPY INTO @stage/out FROM (SELECT a FROM t)

-- case: EXPORT DATA
-- dialect: bigquery
-- reads: t
-- writes: gs://bucket/out/*.csv
-- direct: t.a > gs://bucket/out/*.csv.a identity
EXPORT DATA OPTIONS (uri = 'gs://bucket/out/*.csv', format = 'CSV') AS SELECT a FROM t

-- case: a stage in a schema called like a word of the language
-- dialect: snowflake
-- reads: @load.drop_box/web/2026/03/part-7.csv
-- writes: load.visits
-- direct: @load.drop_box/web/2026/03/part-7.csv.* > load.visits.* identity
COPY INTO load.visits FROM (SELECT * FROM @load.drop_box/web/2026/03/part-7.csv) PATTERN = '.*[.]csv' ON_ERROR = CONTINUE

-- case: BULK INSERT
-- dialect: tsql
-- reads: d:\in\visits.csv
-- writes: dbo.visits
BULK INSERT dbo.visits FROM 'd:\in\visits.csv' WITH (FIELDTERMINATOR = ';', FIRSTROW = 2)

-- case: a file as rows
-- dialect: tsql
-- reads: https://lake/visits.parquet
-- direct: https://lake/visits.parquet.visitor > visitor identity
SELECT f.visitor FROM OPENROWSET(BULK 'https://lake/visits.parquet', FORMAT = 'PARQUET') AS f

-- case: LOAD DATA of MySQL
-- dialect: mysql
-- reads: /in/visits.csv
-- writes: web.visits
LOAD DATA LOCAL INFILE '/in/visits.csv' INTO TABLE web.visits FIELDS TERMINATED BY ';' (visitor, @day) SET day = @day

-- case: a query into a file, as MySQL writes it
-- dialect: mysql
-- reads: web.visits
-- writes: /out/visits.csv
-- direct: web.visits.visitor > /out/visits.csv.visitor identity
-- direct: web.visits.day > /out/visits.csv.day identity
-- decides: web.visits.day filter
SELECT visitor, day INTO OUTFILE '/out/visits.csv' FIELDS TERMINATED BY ';' FROM web.visits WHERE day > 0

-- case: EXPORT and IMPORT of Hive
-- dialect: hive
-- types: COPY COPY
-- reads: web.visits, /in/visits
-- writes: /out/visits, web.old_visits
-- direct: web.visits.* > /out/visits.* identity
EXPORT TABLE web.visits TO '/out/visits';
IMPORT TABLE web.old_visits FROM '/in/visits'

-- case: a file format of another schema
-- dialect: snowflake
-- reads: @drop_box/web/part.csv
-- writes: visits
COPY INTO visits FROM @drop_box/web/part.csv FILE_FORMAT = formats.plain_csv ON_ERROR = CONTINUE
