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
