"""Laws of identity: one canonical spelling, one id, however a table is named and in whatever script."""

from __future__ import annotations

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.common.model.names import (
    DatasetName,
    Namespace,
    Namespaces,
    SqlPart,
    asset_of,
    canonical_namespace,
    from_catalog,
    from_openlineage,
    from_sql,
    lower_each,
    parse_asset_id,
    parse_name,
    platform_of,
    scope_path,
)
from services.common.model.platforms import Case

NAMESPACES = st.sampled_from(
    [
        Namespace("postgres://db1:5432"),
        Namespace("mysql://db1:3306"),
        Namespace("snowflake://org-account"),
        Namespace("duckdb:///data/shop.duckdb"),
        Namespace("sqlite:///data/shop.db"),
        Namespace("mssql://db1:1433"),
        Namespace("metadata://spider"),
        Namespace("bigquery"),
        Namespace("elsewhere://x"),
    ]
)
AWKWARD = st.text(alphabet="aAbB.\"`[]/ \t\n\\'%_-ßİΣςéÉК🛒\ud800", min_size=1, max_size=6)
PART = st.one_of(
    AWKWARD, st.text(min_size=1, max_size=12), st.sampled_from(["orders", "Orders", "ORDERS", "select", "2024"])
)
PARTS = st.lists(PART, min_size=1, max_size=4).map(tuple)
URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["postgres", "PostgreSQL+psycopg", "mariadb", "snowflake", "duckdb", "sqlite", "metadata", "s3", "X"]),
    st.sampled_from(["", "u@", "u:p@", "u:p%40@"]),
    st.one_of(
        st.sampled_from(
            ["DB1", "db1:5432", "db1:", "db1::", "[::1]", "[FE80::1]:6000", "fe80::1", "a:1,b:2", " db1 : ", ""]
        ),
        st.text(alphabet="aB1:[]@.,- ", max_size=8),
    ),
    st.one_of(st.sampled_from(["", "/", "/shop", "//x/../y/", "?a=b", "/x?a#b"]), st.text(alphabet="a/. ?#@", max_size=6)),
)


@given(raw=st.one_of(URLS, st.text(max_size=30)))
@example("duckdb://a /")
@example("duckdb:///a/.. ")
@example("snowflake://a::")
@example("postgres://u:p@[::1]/shop?x=y")
def test_a_namespace_has_one_spelling(raw):
    """The canonical spelling of a canonical spelling is itself; text that has none is refused, never guessed at."""
    try:
        once = canonical_namespace(raw)
    except ValueError:
        return
    assert canonical_namespace(once) == once
    assert platform_of(once) == platform_of(raw.strip())


@given(host=st.text(alphabet="abcXYZ019.-", min_size=1, max_size=12), user=st.text(alphabet="us:%.-", max_size=8))
def test_a_namespace_keeps_nothing_but_scheme_host_and_port(host, user):
    """However a server is reached: with another driver, user, password, database or parameter."""
    plain = canonical_namespace(f"postgres://{host}")
    assert plain == f"postgres://{host.lower()}:5432"
    for url in (
        f"postgresql+psycopg://{user}@{host}/shop",
        f"POSTGRES://{host}:5432?sslmode=require",
        f" pg://{user}:S3CR3T@{host}:05432/a/b#c",
    ):
        assert canonical_namespace(url) == plain


@given(password=st.text(alphabet="aZ9/:@#?%[] ", min_size=1, max_size=12))
def test_a_refused_namespace_repeats_nothing(password):
    """A password with an unescaped slash ends up where the port belongs; the message must not show it."""
    said = ""
    try:
        canonical_namespace(f"postgres://u:S3CR3T{password}@db1/shop")
    except ValueError as error:
        said = str(error)
    assert said in ("", "the port is not a number")


@given(namespace=NAMESPACES, parts=PARTS)
def test_the_canonical_name_can_be_read_back(namespace, parts):
    """`key` quotes what needs quotes, so parsing it gives the parts, folded only where the engine folds."""
    name = DatasetName(namespace, parts)
    read = tuple(part.text for part in parse_name(name.key))
    platform = platform_of(namespace)
    assert read == (tuple(map(platform.lower, parts)) if platform.case is Case.INSENSITIVE else parts)
    assert DatasetName(namespace, read).key == name.key


@given(parts=PARTS, data=st.data())
def test_quotes_of_every_kind_give_back_what_they_hold(parts, data):
    """A doubled closing quote is one; each part may have its own kind of quotes, or none where it needs none."""
    spelled, quoted = [], []
    for part in parts:
        plain = "." not in part and part[0] not in '"`['
        opening = data.draw(st.sampled_from(['"', "`", "[", *([""] if plain else [])]))
        closing = {"[": "]"}.get(opening, opening)
        spelled.append(opening + (part.replace(closing, closing * 2) if closing else part) + closing)
        quoted.append(bool(opening))
    assert parse_name(".".join(spelled)) == tuple(map(SqlPart, parts, quoted))


@given(text=st.text(alphabet='ab."`[] ', max_size=10))
def test_parsing_refuses_or_loses_nothing(text):
    """Whatever can be parsed has no empty part, and its canonical text is read as the same parts."""
    try:
        parts = tuple(part.text for part in parse_name(text))
    except ValueError:
        return
    assert all(parts)
    key = DatasetName(Namespace("postgres://db1:5432"), parts).key
    assert tuple(part.text for part in parse_name(key)) == parts


@given(namespace=NAMESPACES, parts=PARTS)
def test_an_id_follows_from_the_name_alone(namespace, parts):
    """The same each time, safe in a URL, and recognised; a column's id leads back to its table."""
    name = from_catalog(namespace, parts)
    assert name.id == from_catalog(Namespace("".join(namespace)), list(parts)).id
    assert re.fullmatch(r"d[a-z2-7]{26}", name.id)
    assert parse_asset_id(name.id) == asset_of(name.id) == asset_of(name.column_id("total")) == name.id
    assert parse_asset_id(name.column_id("total")) is None


@given(namespace=NAMESPACES, one=PARTS, other=PARTS)
@example(Namespace("postgres://db1:5432"), ("a.b", "c"), ("a", "b.c"))
@example(Namespace("postgres://db1:5432"), ('"a"',), ("a",))
def test_two_names_are_one_dataset_only_where_the_engine_says_so(namespace, one, other):
    """No dot, quote or line break lets two tables of one namespace run together."""
    platform = platform_of(namespace)
    same = one == other
    if platform.case is Case.INSENSITIVE:
        same = tuple(map(platform.lower, one)) == tuple(map(platform.lower, other))
    assert (DatasetName(namespace, one).id == DatasetName(namespace, other).id) is same


@given(namespaces=st.lists(NAMESPACES, min_size=2, max_size=2, unique=True), parts=PARTS)
def test_equal_names_in_two_namespaces_are_two_datasets(namespaces, parts):
    """Development and production do not run together."""
    one, other = namespaces
    assert DatasetName(one, parts).id != DatasetName(other, parts).id


@given(namespace=NAMESPACES, parts=PARTS)
def test_an_openlineage_name_is_the_crawled_table(namespace, parts):
    """The canonical text always is; the plain dotted one is where no part holds a dot or begins with a quote."""
    crawled = from_catalog(namespace, parts)
    among = Namespaces()
    assert from_openlineage(namespace, crawled.key, among=among).id == crawled.id
    if all("." not in part and part[0] not in '"`[' for part in parts):
        assert from_openlineage(namespace, crawled.qualified, among=among).id == crawled.id


@given(namespace=NAMESPACES, name=st.text(alphabet='ab."`[] ', max_size=10))
def test_every_openlineage_name_has_an_id(namespace, name):
    """A name that cannot be split is kept whole, and is then one with the canonical text of itself."""
    found = from_openlineage(namespace, name, among=Namespaces())
    assert found.id
    assume(name)
    assert from_openlineage(namespace, found.key, among=Namespaces()).id == found.id


@given(namespace=NAMESPACES, parts=PARTS)
def test_a_quoted_reference_is_the_crawled_table(namespace, parts):
    """Quotes in SQL keep every letter: a full name in quotes has the table's own id, whatever it is made of."""
    quoted = [SqlPart(part, quoted=True) for part in parts]
    platform = platform_of(namespace)
    if len(parts) >= platform.levels and not (platform.name == "sqlite" and parts[0].lower() == "main"):
        assert from_sql(namespace, quoted, database="db", schema="s").id == from_catalog(namespace, parts).id


@given(text=st.text(alphabet="AbΣσςİßÉ.*", max_size=12), cut=st.integers(0, 12))
def test_lower_case_of_a_piece_is_a_piece_of_the_lower_case(text, cut):
    """Otherwise a glob with a capital sigma before its `*` would miss what it names, and a deny rule would leak."""
    assert lower_each(text[:cut]) + lower_each(text[cut:]) == lower_each(text)
    assert scope_path("WH", [text]) == "wh." + lower_each(text)
