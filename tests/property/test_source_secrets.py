"""Secrets planted anywhere never survive masking; SQL without secrets, and what is left of the rest, is as it was."""

from __future__ import annotations

import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.errors import SqlglotError

from services.common.model.assets import Column, Found, Index
from services.common.model.names import Namespace, from_catalog
from services.common.model.platforms import platform_named
from services.common.model.secret_text import masked_text
from services.indexer.sources.secret_sql import masked_sql
from services.indexer.sources.secrets import masked

MARK = "CANARY"
DIALECTS = ("postgres", "mysql", "duckdb", "sqlite", "snowflake", "bigquery", "redshift", "trino", "tsql", "oracle", "")
BACKSLASH = ("mysql", "snowflake", "bigquery", "redshift")
# what a password may be made of: every quote, escapes, spaces, signs of URLs and of connection strings
anything = st.text(st.sampled_from("aZ09'\"\\$ ;=&,()-*/#%@:.\n\té😀"), max_size=12)
one_word = st.text(st.sampled_from("aZ09-_~!^+é"), max_size=12)
names = st.sampled_from(
    (
        "password",
        "PASSWORD",
        "Pwd",
        "passwd",
        "secret",
        "client_secret",
        "api_key",
        "apiKey",
        "token",
        "aws_secret_access_key",
    )
)


def literal(text: str, dialect: str) -> str:
    """`text` as a string literal of the dialect."""
    if dialect in BACKSLASH:
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("'", "\\'")
        return f"'{text}'"
    return "'" + text.replace("'", "''") + "'"


def planted(text: str) -> str:
    return f"{MARK}{text}{MARK}"


CODE = (
    "SELECT a FROM t WHERE {name} = {lit} AND b = 'x'",
    "SELECT a FROM t WHERE t.{name}={lit}",
    "SELECT a FROM t WHERE b = 'x' AND t.{name} <> {lit} OR c",
    "SELECT a FROM t WHERE t.{name} IN ('x', {lit}, 'y')",
    "SELECT a FROM t WHERE {lit} = t.{name}",
    "SELECT {lit} AS {name}, 'x' AS y",
    "SELECT f({name} => {lit}), 'x'",
    "CREATE USER u {name} {lit}",
    "CREATE USER u IDENTIFIED BY {lit}",
    "ALTER USER u IDENTIFIED WITH caching_sha2_password AS {lit}",
    "SET PASSWORD FOR 'u'@'h' = {lit}",
    "COPY t FROM 's3://b/c' CREDENTIALS {lit} CSV",
    "COPY INTO t FROM 's3://b/c' CREDENTIALS=(AWS_KEY_ID={lit} AWS_SECRET_KEY={lit} AWS_TOKEN = {lit})",
    "COPY t FROM 's3://b' ACCESS_KEY_ID {lit} SECRET_ACCESS_KEY {lit} SESSION_TOKEN {lit}",
    "CREATE SECRET IF NOT EXISTS s (TYPE s3, KEY_ID {lit}, SECRET {lit}, REGION 'x')",
    "CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'x', {name} {lit})",
    "SELECT pgp_sym_decrypt(t.a, {lit}), aes_encrypt(b, unhex({lit}))",
    "SELECT * FROM t WITH ('{name}' = {lit}, 'x' = 'y')",
    "SELECT map {{'{name}': {lit}, 'x': 'y'}}",
    "SELECT f('host=x {name}=' || {lit} || ' dbname=y')",
    "SELECT concat('{name}=', {lit})",
    "SELECT 1 FROM t WHERE {name} = /* why */ {lit}\n-- end",
)
INSIDE = (
    "host=h {name}={word} dbname=d",
    "{name}={word}",
    "Server=s;{name}={word};Database=d",
    "aws_access_key_id=x;{name}={word}",
    "postgresql://u:{word}@h:5432/d?a=b",
    "https://h/p?x=1&{name}={word}&y=2",
    "https://a.blob.core.windows.net/c?sv=2022&ss=b&sig={word}",
    '{{"{name}": "{word}", "x": 1}}',
    '{{\\"{name}\\": \\"{word}\\"}}',
    "CREATE USER u PASSWORD '{word}'",
    "IDENTIFIED BY {word}",
    "-----BEGIN RSA PRIVATE KEY-----\n{word}\n-----END RSA PRIVATE KEY-----",
    "see AKIA{mark}0123456789AB and ghp_{mark}0123456789012345678901234567890",
    "xoxb-123456-{mark}abcdef, sk_live_{mark}01234567, AIza{mark}0123456789012345678901234567",
    "eyJhbGciOiJIUzI1NiJ9.{mark}.{mark}sig",
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CODE), st.sampled_from(DIALECTS), names, anything)
def test_a_secret_in_code_never_survives(template: str, dialect: str, name: str, text: str) -> None:
    """Whatever it is made of, wherever a literal can be one; masking again changes nothing."""
    query = template.format(name=name, lit=literal(planted(text), dialect))
    once = masked_sql(query, dialect)
    assert MARK not in once
    assert masked_sql(once, dialect) == once


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(INSIDE),
    st.sampled_from(DIALECTS),
    names,
    one_word,
    st.sampled_from(("lit", "E", "$$", "$q$", "--", "/*")),
)
def test_a_secret_inside_a_literal_or_comment_never_survives(
    template: str, dialect: str, name: str, text: str, how: str
) -> None:
    """Connection strings, URLs, JSON, SQL in SQL, keys and tokens: in single quotes, E'', dollar quotes and comments."""
    inner = template.format(name=name, word=planted(text), mark=MARK)
    wrapped = {
        "lit": literal(inner, dialect),
        "E": "E" + literal(inner, "mysql"),
        "$$": f"$${inner}$$",
        "$q$": f"$q${inner}$q$",
        "--": "-- " + inner.replace("\n", " ") + "\n'y'",
        "/*": f"/* {inner} */ 'y'",
    }[how]
    query = f"SELECT f({wrapped}), 'x' AS y"
    once = masked_sql(query, dialect)
    assert MARK not in once
    assert masked_sql(once, dialect) == once


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(INSIDE), names, one_word)
def test_a_secret_in_a_description_never_survives(template: str, name: str, text: str) -> None:
    """Text for people is masked too, and masking it again changes nothing."""
    once = masked_text("it's so: " + template.format(name=name, word=planted(text), mark=MARK), prose=True)
    assert MARK not in once
    assert masked_text(once, prose=True) == once


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([one for one in CODE if one.startswith("SELECT")]), st.sampled_from(DIALECTS), names, anything)
def test_masked_sql_parses_as_the_original_did(template: str, dialect: str, name: str, text: str) -> None:
    """Where sqlglot reads the original it reads the masked one, with as many statements."""
    query = template.format(name=name, lit=literal(planted(text), dialect))
    try:
        before = sqlglot.parse(query, dialect=dialect or None)
    except SqlglotError:
        return
    assert len(sqlglot.parse(masked_sql(query, dialect), dialect=dialect or None)) == len(before)


_WORDS = """
select from where password token secret api_key status users u . , ( ) = <> 'x' 'it''s' as and or is null not in 1 ::
text "Key" count order by -- /* */ + ' " $$ E' \\ é identified // #
"""
words = st.sampled_from([*_WORDS.split(), "\n"])


@settings(max_examples=500, deadline=None)
@given(st.lists(words, max_size=40), st.sampled_from(DIALECTS))
def test_masking_is_idempotent_on_any_tokens(tokens: list[str], dialect: str) -> None:
    """Even on what is no SQL at all: quotes that are never closed, comments in the middle."""
    once = masked_sql(" ".join(tokens), dialect)
    assert masked_sql(once, dialect) == once


plain = st.sampled_from(
    (
        "SELECT password, u.token FROM users u WHERE status = 'x' AND password IS NOT NULL",
        "SELECT a.secret FROM a JOIN b ON a.token = b.token WHERE b.kind IN ('password', 'token')",
        "SELECT count(password) AS n, 'password' AS kind, lower(api_key) FROM users GROUP BY 2",
        "SELECT CASE WHEN password = '' THEN 'none' ELSE 'some' END AS has_password FROM users",
        "SELECT * FROM users WHERE is_secret = 'Y' AND primary_key = 'id' AND token_count > 3 AND author = 'Key West'",
        "CREATE TABLE t (password varchar(20) NOT NULL, token text, c text DEFAULT 'x')",
        "SELECT 'https://example.com:8080/a@b' AS url, 'ask-me' AS k -- tokens are counted, see the key",
        "SELECT json_extract(doc, '$.token') FROM t /* the secret = none of yours */",
    )
)


@given(plain, st.sampled_from(("postgres", "mysql", "duckdb", "snowflake", "bigquery", "")))
def test_sql_without_secrets_is_unchanged(query: str, dialect: str) -> None:
    """Columns called password or token are columns; an ordinary literal is an ordinary literal."""
    assert masked_sql(query, dialect) == query


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "tests", "meta")), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(json_values, names, anything, st.sampled_from(DIALECTS[:6]))
def test_a_secret_in_any_field_of_a_table_never_survives(value: object, name: str, text: str, platform: str) -> None:
    """SQL, descriptions, defaults, index expressions and properties at any depth; names stay."""
    secret = planted(text)
    lit = literal(secret, platform_named(platform).dialect)
    found = Found(
        from_catalog(Namespace(f"{platform}://h"), ("d", "s", "t")),
        description=f"{name}='{planted('')}'",
        sql=f"SELECT {lit} AS {name}",
        columns=(Column(name, default=lit), Column("a", default=f"f({name} => {lit})", description=f"{name}={planted('')}")),
        indexes=(Index("i", (name, f"hmac({name}, {lit})")),),
        properties={"dbt": {"meta": {"x": value, "deep": [{name: secret}, {"url": f"pg://u:{planted('')}@h/d"}]}}},
    )
    once = masked(found)
    assert MARK not in repr(once)
    assert (once.columns[0].name, once.indexes[0].columns[0]) == (name, name)
    assert masked(once) == once
