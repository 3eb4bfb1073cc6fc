"""What counts as a secret and what does not, shape by shape, and that masking takes time in proportion to the text."""

from __future__ import annotations

import pytest
import sqlglot

from services.common.model import sql_tokens
from services.common.model.assets import SQL_UNREADABLE, Column, Found, Index
from services.common.model.names import canonical_namespace, from_catalog
from services.common.model.secret_text import is_secret_name, masked_text
from services.indexer.sources.secret_sql import masked_literals, masked_sql
from services.indexer.sources.secrets import masked
from tests.support.growth import SIXTEEN_TIMES, growth

SHOP = canonical_namespace("postgresql://db1")


@pytest.mark.parametrize(
    ("dialect", "written", "kept"),
    [
        # PostgreSQL prints casts, arrays and brackets around what people wrote
        ("postgres", "SELECT 1 WHERE ((t.password)::text = 'hunter2'::text)", "SELECT 1 WHERE ((t.password)::text = '***'::text)"),
        ("postgres", "x.token = ANY (ARRAY['a'::text, 'b'::text]) AND c = 'x'", "x.token = ANY (ARRAY['***'::text, '***'::text]) AND c = 'x'"),
        ("postgres", "dblink('host=h password=x dbname=d'::text, 'select 1')", "dblink('host=h password=*** dbname=d'::text, 'select 1')"),
        ("postgres", "dblink('host=h password=''a b'' dbname=d')", "dblink('host=h password=''***'' dbname=d')"),
        ("postgres", "OPTIONS (user 'bob', password 'x')", "OPTIONS (user 'bob', password '***')"),
        ("postgres", "pgp_sym_decrypt(t.a, 'k'::text)", "pgp_sym_decrypt(t.a, '***'::text)"),
        # MySQL prints character sets and escapes with a backslash
        ("mysql", "(`t`.`password` = _utf8mb4'a\\'b')", "(`t`.`password` = '***')"),
        ("mysql", "IDENTIFIED WITH mysql_native_password BY 'x'", "IDENTIFIED WITH mysql_native_password BY '***'"),
        ("mysql", "SET PASSWORD FOR 'u'@'h' = 'x'", "SET PASSWORD FOR 'u'@'h' = '***'"),
        ("mysql", 'password = "x" AND b = "c"', "password = '***' AND b = \"c\""),
        # a letter before double quotes is a word, before single ones it begins a literal; what stands side by side stays two
        ("mysql", 'password = n"x" ', "password = n '***' "),
        ("bigquery", "SELECT 'a'r'b' AS x, \"c\"'d' AS y, \"e\"'f' AS password", "SELECT 'a'r'b' AS x, \"c\"'d' AS y, \"e\"'***' AS password"),
        ("tsql", "ENCRYPTBYPASSPHRASE('a'N'b')", "ENCRYPTBYPASSPHRASE('***' '***')"),
        ("oracle", "CREATE USER u IDENTIFIED BY tiger", "CREATE USER u IDENTIFIED BY '***'"),
        ("oracle", "password = q'[it's]'", "password = '***'"),
        ("tsql", "WITH PASSWORD = 0xDEADBEEF HASHED", "WITH PASSWORD = '***' HASHED"),
        ("snowflake", "CREDENTIALS=(AWS_KEY_ID='a' AWS_SECRET_KEY='b') X='c'", "CREDENTIALS=(AWS_KEY_ID='***' AWS_SECRET_KEY='***') X='c'"),
        ("redshift", "CREDENTIALS 'aws_access_key_id=a;aws_secret_access_key=b' CSV", "CREDENTIALS '***' CSV"),
        ("bigquery", "SELECT '''it's x''' AS password", "SELECT '***' AS password"),
        ("duckdb", "CREATE SECRET s (TYPE s3, SECRET 'x')", "CREATE SECRET s (TYPE s3, SECRET '***')"),
        ("duckdb", "{'password': 'x', 'b': 'y'}", "{'password': '***', 'b': 'y'}"),
        ("clickhouse", "SELECT 'a' FROM mysql('h:1', 'd', 't', 'u', 'x')", "SELECT 'a' FROM mysql('***', '***', '***', '***', '***')"),
        ("postgres", "COPY t FROM PROGRAM 'curl -u me:x https://h'", "COPY t FROM PROGRAM 'curl -u me:*** https://h'"),
        ("", "'password=' || 'a' || ' host=x'", "'password=' || '***' || '***'"),
        ("", "password = X'0abc' AND a = X'0abc'", "password = '***' AND a = X'0abc'"),
        ("", "f('postgres://u:p@ss/w@h:5432/d')", "f('postgres://u:***@h:5432/d')"),
        ("", "f('https://a/b?sv=1&sig=abc%2B&se=2')", "f('https://a/b?sv=1&sig=***&se=2')"),
        ("", "-- token=abc\nSELECT 1 /* pwd=x */", "-- token=***\nSELECT 1 /* pwd=*** */"),
    ],
)  # fmt: skip
def test_a_secret_becomes_a_literal_of_three_stars(dialect: str, written: str, kept: str) -> None:
    """Only it; everything around it is as it was."""
    assert masked_sql(written, dialect) == kept
    assert masked_sql(kept, dialect) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("password=hunter2, then go", "password=*** then go"),
        ("Server=s;Password=my own;Database=d", "Server=s;Password=***;Database=d"),
        ("AccountName=n;AccountKey=abc==;EndpointSuffix=e", "AccountName=n;AccountKey=***;EndpointSuffix=e"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": "***", "n": 1}'),
        ('{\\"apiKey\\": \\"abc\\"}', '{\\"apiKey\\": \\"***\\"}'),
        ("send Authorization: Bearer abcdef123456ghi", "send Authorization: Bearer ***"),
        ("call ghp_0123456789abcdefABCDEF0123456789abcd now", "call *** now"),
        ("jdbc:oracle:thin:scott/tiger@//h:1521/x", "jdbc:oracle:thin:scott/***@//h:1521/x"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- end", "*** end"),
        ("-----BEGIN RSA PRIVATE KEY-----\ncut off", "***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_-9 end", "*** end"),
    ],
)
def test_a_secret_in_plain_text_becomes_three_stars(written: str, kept: str) -> None:
    """Descriptions and comments: only it, whatever stands around it."""
    assert masked_text(written, prose=True) == kept
    assert masked_text(kept, prose=True) == kept


@pytest.mark.parametrize(
    "text",
    [
        "The password is hashed with bcrypt; the token = id of the session, see https://example.com:8443/a@b.",
        "Password: the user's own. Tokens are counted. Secret: no. 'password' is the column's name.",
        "key=value pairs, primary_key=id, is_secret=yes, token_count=3",
        "password=$1, token={{ env_var('T') }}, secret=${S}, pwd=?",
        "mail me: a@b.example, or http://host:8080/x?page=2&sort=key",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """A word is not yet a secret, nor is what only stands for a value."""
    assert masked_text(text, prose=True) == text


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "userPwd", "apiKey", "x-api-key", "aws_secret_access_key", "token2"]
)
def test_names_of_secrets(name: str) -> None:
    """In snake, camel and kebab case, with what stands before."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["passenger", "token_count", "primary_key", "is_secret", "key", "keyword", "secretary", "author"]
)
def test_names_of_no_secrets(name: str) -> None:
    """What only begins so, counts them or says whether there is one."""
    assert not is_secret_name(name)


def test_every_text_of_a_table_is_masked_and_names_are_kept() -> None:
    """SQL, descriptions, defaults, index expressions, properties at any depth; a table without secrets is the same value."""
    found = Found(
        from_catalog(SHOP, ("shop", "public", "password")),
        description="ask for password=hunter2",
        columns=(
            Column("password", "text", default="'changeme'::text", description="hashed"),
            Column("kind", "text", default="'new'::text"),
        ),
        indexes=(Index("i", ("password", "hmac(password, 'k'::text)")),),
        sql="SELECT '1' AS token",
        tags=("token",),
        properties={
            SQL_UNREADABLE: "needs SHOW VIEW on shop.v",
            "types": {"password": "text"},
            "dbt": {
                "meta": {"password": "x", "tokens": [{"url": "pg://u:p@h/d"}], "n": 1},
                "tests": [{"column": "password"}],
            },
        },
    )
    after = masked(found)
    assert after.description == "ask for password=***"
    assert after.columns[0] == Column("password", "text", default="'***'::text", description="hashed")
    assert after.columns[1] == found.columns[1]
    assert after.indexes == (Index("i", ("password", "hmac(password, '***'::text)")),)
    assert after.sql == "SELECT '***' AS token"
    assert (after.name, after.tags) == (found.name, found.tags)
    assert after.properties == {
        SQL_UNREADABLE: "needs SHOW VIEW on shop.v",
        "types": {"password": "text"},
        "dbt": {
            "meta": {"password": "***", "tokens": [{"url": "pg://u:***@h/d"}], "n": 1},
            "tests": [{"column": "password"}],
        },
    }
    assert masked(after) is after


def test_every_literal_of_a_secrets_default_is_masked() -> None:
    """Whatever the expression; an empty one says nothing."""
    assert masked_literals("concat('a', b, '') || E'c'", "postgres") == "concat('***', b, '') || '***'"


@pytest.mark.parametrize(
    "dialect",
    ["", "postgres", "mysql", "duckdb", "sqlite", "snowflake", "bigquery", "redshift", "trino", "tsql", "oracle", "databricks",
     "hive", "spark", "athena", "clickhouse", "teradata"],
)  # fmt: skip
def test_quotes_and_escapes_are_those_of_the_parser(dialect: str) -> None:
    """Else what we take for a literal would not be one for whoever reads the masked SQL."""
    tokenizer = sqlglot.Dialect.get_or_raise(dialect or None).tokenizer_class
    assert (dialect in sql_tokens.BACKSLASH) == ("\\" in tokenizer.STRING_ESCAPES)
    assert (dialect in sql_tokens.DOUBLE_IS_TEXT) == ('"' in tokenizer.QUOTES)
    assert (dialect in sql_tokens.HASH_COMMENTS) == ("#" in tokenizer.COMMENTS)


HOSTILE = (
    "password='", "token:token:", "password=\\'", "$a$ password=", "://a:", "://a:b@", "?token", "q'[", "/* password=", "E'\\",
    "identified by ", "password ", "eyJ.eyJ.", "a-key-", "SELECT token FROM t WHERE a = 'x'\n", "((", "token=f(", '"token": "',
    "-----BEGIN PRIVATE KEY-----", "'", "thin:a", "password = a.b ", "secret=x;", "x",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_the_time_is_in_proportion_to_the_text(unit: str) -> None:
    """Whatever is repeated in it."""

    def text(kib: int) -> str:
        return "token " + unit * (kib * 1024 // len(unit))

    def mask(given: str) -> None:
        for dialect in ("postgres", "mysql", "oracle"):
            masked_sql(given, dialect)
        masked_text(given, prose=True)

    assert growth(mask, text(16), text(256)) < SIXTEEN_TIMES


@pytest.mark.parametrize("name", ["pw", "dbPw", "user_sas", "MYPW"])
def test_a_default_below_a_secret_s_name_is_masked_although_no_text_hints_at_one(name: str) -> None:
    """The name alone says it; a table without such a column is handed back as it is."""
    columns = (Column("id", default="nextval('s')"), Column(name, default="'hunter2'::text"))
    table = Found(from_catalog(SHOP, ("db", "s", "t")), columns=columns)
    expected = masked_literals("'hunter2'::text") if is_secret_name(name) else "'hunter2'::text"
    assert masked(table).columns[1].default == expected
    plain = Found(table.name, columns=columns[:1], description="orders", properties={"owner_role": "shop"})
    assert masked(plain) is plain


@pytest.mark.parametrize("where", ["sql", "description", "column", "default", "index", "key", "value"])
def test_a_secret_is_seen_wherever_a_table_holds_text(where: str) -> None:
    """One look at all texts of a table leaves none of them out."""
    secret = "dblink('password=hunter2')"
    table = Found(
        from_catalog(SHOP, ("db", "s", "t")),
        description=secret if where == "description" else "orders",
        columns=(
            Column("a", description=secret if where == "column" else None, default=secret if where == "default" else "1"),
        ),
        indexes=(Index("i", ("a", secret if where == "index" else "lower(a)")),),
        sql=secret if where == "sql" else "SELECT 1",
        properties={"x": [{secret if where == "key" else "y": secret if where == "value" else "z"}]},
    )
    assert "hunter2" in repr(table)
    assert "hunter2" not in repr(masked(table))
