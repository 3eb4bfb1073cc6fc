"""One table, one asset: however it is reached and spelled, under the case rules of its engine."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from services.common.model.names import (
    UNLISTED,
    DatasetName,
    Namespace,
    Namespaces,
    SqlPart,
    asset_of,
    canonical_namespace,
    from_catalog,
    from_openlineage,
    from_sql,
    parse_asset_id,
    parse_name,
    platform_of,
    scope_path,
)
from services.common.model.platforms import Case, platform_named

POSTGRES = Namespace("postgres://db1:5432")
MARIADB = Namespace("mysql://db1:3306")
SNOWFLAKE = Namespace("snowflake://org-account")
DUCKDB = Namespace("duckdb:///data/shop.duckdb")
SQLITE = Namespace("sqlite:///data/shop.db")


def in_sql(namespace: Namespace, reference: str, *, database: str, schema: str | None = None) -> DatasetName:
    """The dataset that `reference` names in a query on an engine, read by the parser of the engine's dialect."""
    query = sqlglot.parse_one(f"SELECT 1 FROM {reference}", dialect=platform_of(namespace).dialect)
    table = query.find(exp.Table)
    assert table is not None
    parts = [SqlPart(part.name, quoted=bool(part.args.get("quoted"))) for part in table.parts]
    return from_sql(namespace, parts, database=database, schema=schema)


STORIES = [
    pytest.param(
        POSTGRES,
        ("postgres://lb.example:5432", "PostgreSQL://REPLICA.example"),
        ("shop", "public", "orders"),
        "shop.public.orders",
        ("orders", "ORDERS", 'Public."orders"', '"shop".PUBLIC.Orders'),
        id="postgresql",
    ),
    pytest.param(
        MARIADB,
        ("mariadb://lb.example", "mysql+pymysql://root@127.0.0.1:13306/shop"),
        ("shop", "Orders"),
        "shop.Orders",
        ("Orders", "`Orders`", "shop.Orders", "`shop`.`Orders`"),
        id="mariadb",
    ),
    pytest.param(
        SNOWFLAKE,
        ("snowflake://org-account.privatelink", "snowflake://ORG-OLD"),
        ("SHOP", "PUBLIC", "ORDERS"),
        "SHOP.PUBLIC.ORDERS",
        ("orders", "Public.Orders", '"SHOP".public."ORDERS"', "shop.PUBLIC.ORDERS"),
        id="snowflake",
    ),
    pytest.param(
        DUCKDB,
        ("duckdb:///mnt/copy/shop.duckdb", "duckdb:////backup/../mirror/shop.duckdb?access_mode=read_only"),
        ("shop", "main", "Orders"),
        "shop.main.Orders",
        ("orders", "ORDERS", 'MAIN."orders"', '"Shop".main.Orders'),
        id="duckdb",
    ),
    pytest.param(
        SQLITE,
        ("sqlite:///mnt/copy/shop.db", "sqlite:////mirror//shop.db"),
        ("shop", "Orders"),
        "shop.Orders",
        ("orders", "[ORDERS]", '"orders"', "main.Orders"),
        id="sqlite",
    ),
]


@pytest.mark.parametrize(("namespace", "other_names", "parts", "openlineage", "spellings"), STORIES)
def test_one_table_is_one_asset(namespace, other_names, parts, openlineage, spellings):
    """Through two more host names, by an OpenLineage name and by four spellings in SQL: one id."""
    among = Namespaces(aliases={canonical_namespace(raw): namespace for raw in other_names}, sources={namespace: "wh"})
    crawled = from_catalog(namespace, parts)
    ids = {crawled.id}
    ids |= {from_catalog(among.resolve(raw), parts).id for raw in other_names}
    ids |= {from_openlineage(raw, openlineage, among=among).id for raw in (namespace, *other_names)}
    schema = parts[1] if len(parts) == 3 else None
    for raw in (namespace, *other_names):
        ids |= {in_sql(among.resolve(raw), text, database=parts[0], schema=schema).id for text in spellings}
    assert len(set(spellings)) == 4
    assert ids == {crawled.id}
    assert {among.source_of(among.resolve(raw)) for raw in other_names} == {"wh"}


@pytest.mark.parametrize(
    ("namespace", "folded", "plain"),
    [(POSTGRES, ("shop", "public", "orders"), "ORDERS"), (SNOWFLAKE, ("SHOP", "PUBLIC", "ORDERS"), "orders")],
)
def test_quoted_names_stay_two_tables_where_the_engine_keeps_case(namespace, folded, plain):
    """PostgreSQL folds what has no quotes down, Snowflake up; neither is the table called "Orders"."""
    database, schema, _ = folded
    mixed = from_catalog(namespace, (database, schema, "Orders"))
    assert in_sql(namespace, '"Orders"', database=database, schema=schema).id == mixed.id
    assert in_sql(namespace, plain, database=database, schema=schema).id == from_catalog(namespace, folded).id
    assert mixed.id != from_catalog(namespace, folded).id


@pytest.mark.parametrize(("namespace", "parts"), [(DUCKDB, ("shop", "main")), (SQLITE, ("shop",))])
def test_quoted_names_are_one_table_where_the_engine_has_no_case(namespace, parts):
    """DuckDB and SQLite compare the letters A to Z without case, quoted or not; `É` and `é` are two to both."""
    ids = {from_catalog(namespace, (*parts, spelled)).id for spelled in ("Orders", "ORDERS", "orders")}
    assert len(ids) == 1
    assert in_sql(namespace, '"oRDERS"', database="shop", schema="main").id in ids
    assert from_catalog(namespace, (*parts, "É")).id != from_catalog(namespace, (*parts, "é")).id


def test_mariadb_keeps_the_case_of_tables():
    """As on Linux, where each table is a file."""
    assert from_catalog(MARIADB, ("shop", "Orders")).id != from_catalog(MARIADB, ("shop", "orders")).id
    assert in_sql(MARIADB, "shop.ORDERS", database="shop").parts == ("shop", "ORDERS")


def test_postgresql_folds_only_the_letters_a_to_z():
    """`SELECT FROM ÉTAT` reads `État` where the database is UTF-8, and not `état`."""
    assert in_sql(POSTGRES, "ÉTAT", database="shop", schema="public").parts == ("shop", "public", "État")


def test_development_and_production_stay_two():
    """Equal names on two servers, two ports of one, or two files are different tables."""
    raws = ["postgres://dev/x", "postgres://prod/x", "postgres://prod:5433/x", "mysql://prod", "duckdb:///a", "duckdb:///b"]
    ids = {from_openlineage(raw, "shop.public.orders", among=Namespaces()).id for raw in raws}
    assert len(ids) == len(raws)


def test_an_alias_moves_only_its_own_namespace():
    """Not another port of the same host, and not a host that begins alike."""
    among = Namespaces(aliases={canonical_namespace("postgres://lb"): POSTGRES})
    assert among.resolve("postgresql://LB:5432/shop") == POSTGRES
    assert among.resolve("postgres://lb:5433") == "postgres://lb:5433"
    assert among.resolve("postgres://lb2") == "postgres://lb2:5432"
    assert among.source_of(Namespace("postgres://lb2:5432")) == UNLISTED


@pytest.mark.parametrize(
    ("namespace", "reference", "parts"),
    [
        ("mssql://db1:1433", "srv.shop.dbo.orders", ("srv", "shop", "dbo", "orders")),
        ("mssql://db1:1433", "[srv].[shop].[dbo].[orders]", ("srv", "shop", "dbo", "orders")),
        ("trino://db1:8080", "hive.shop.orders", ("hive", "shop", "orders")),
        ("mysql://db1:3306", "a.b.orders", ("a", "b", "orders")),
    ],
)
def test_names_of_three_and_four_parts_are_kept_as_written(namespace, reference, parts):
    """More parts than the engine usually has are not cut, and resolve to the id of the table that a crawl shows so."""
    name = in_sql(Namespace(namespace), reference, database="other", schema="other")
    assert name.parts == parts
    crawled = from_catalog(Namespace(namespace), parts)
    assert name.id == crawled.id == from_openlineage(namespace, ".".join(parts), among=Namespaces()).id


def test_short_names_are_completed_with_what_is_known():
    """Database and schema where both are, else what there is; nothing is made up."""
    part = [SqlPart("orders")]
    assert from_sql(POSTGRES, part, database="shop", schema="public").parts == ("shop", "public", "orders")
    assert from_sql(POSTGRES, [SqlPart("S"), *part], database="shop", schema="public").parts == ("shop", "s", "orders")
    assert from_sql(POSTGRES, part).parts == ("orders",)
    assert from_sql(MARIADB, part, schema="shop").parts == ("shop", "orders")
    assert from_sql(SQLITE, [SqlPart("MAIN"), *part], database="shop").parts == ("shop", "orders")
    assert from_sql(SQLITE, [SqlPart("aux"), *part], database="shop").parts == ("aux", "orders")


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("postgresql://User:S3CR3T@DB1/shop?sslmode=require", "postgres://db1:5432"),
        ("postgresql+psycopg://db1:6000", "postgres://db1:6000"),
        ("pg://u:a@b@db1", "postgres://db1:5432"),
        ("mariadb://db1", "mysql://db1:3306"),
        ("sqlserver://DB1", "mssql://db1:1433"),
        ("redshift://c.example.com/x", "redshift://c.example.com:5439"),
        ("postgres://db1:", "postgres://db1:5432"),
        ("postgres://db1:05432", "postgres://db1:5432"),
        ("postgres://[FE80::1]", "postgres://[fe80::1]:5432"),
        ("postgres://u:p@[::1]:6000/shop", "postgres://[::1]:6000"),
        ("postgres://fe80::1", "postgres://[fe80::1]:5432"),
        ("kafka://A:9092,b:9093", "kafka://a:9092,b:9093"),
        ("snowflake://Org-Account", "snowflake://org-account"),
        ("s3://bucket/folder/", "s3://bucket"),
        ("duckdb:///data//x/../shop.duckdb?a=b", "duckdb:///data/shop.duckdb"),
        ("duckdb:////data/Shop.duckdb", "duckdb:///data/Shop.duckdb"),
        ("duckdb:///data/a#1.duckdb", "duckdb:///data/a#1.duckdb"),
        ("duckdb+native:///data/shop.duckdb/", "duckdb:///data/shop.duckdb"),
        (r"sqlite://C:\data\shop.db", r"sqlite://C:\data\shop.db"),
        ("sqlite:///C:/data/shop.db", "sqlite:///C:/data/shop.db"),
        ("sqlite:///data/user@home.db", "sqlite:///data/user@home.db"),
        ("metadata://spider/", "metadata://spider"),
        (" bigquery ", "bigquery"),
        ("arn:aws:glue:eu-west-1:1", "arn:aws:glue:eu-west-1:1"),
    ],
)
def test_the_canonical_spelling_of_a_namespace(raw, canonical):
    """Scheme and host in lower case, the default port written out; a file's path keeps its case."""
    assert canonical_namespace(raw) == canonical
    assert canonical_namespace(canonical) == canonical


@pytest.mark.parametrize("raw", ["", "  ", "\n", "postgres://db1:port", "postgres://u:S3CR3T/x@db1", "postgres://db1:५४३२"])
def test_what_is_no_namespace_is_refused(raw):
    """And the message repeats nothing: what stands where the port belongs may be half of a password."""
    with pytest.raises(ValueError, match=r"empty|port") as caught:
        canonical_namespace(raw)
    assert "S3CR3T" not in str(caught.value)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", '""', '"a', '"a"b', "[a", "`a`.", 'a."'])
def test_what_is_no_name_is_refused(text):
    """An open quote or an empty part; an OpenLineage name like that is kept whole instead."""
    with pytest.raises(ValueError, match=r"empty part|not closed"):
        parse_name(text)
    assert from_openlineage(POSTGRES, text, among=Namespaces()).parts == (text,)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", ["orders"]),
        ("shop.public.orders", ["shop", "public", "orders"]),
        ('"a.b".`c``d`.[e]]f]', ["a.b", "c`d", "e]f"]),
        ('a"b', ['a"b']),
        ("Größe.表", ["Größe", "表"]),
    ],
)
def test_names_are_split_at_dots_outside_quotes(text, parts):
    """Double quotes, backticks and brackets; a doubled closing quote is one."""
    assert [part.text for part in parse_name(text)] == parts


def test_a_dot_in_a_name_needs_quotes_in_openlineage():
    """Without them it separates, because nothing could tell otherwise."""
    dotted = from_catalog(POSTGRES, ("shop", "public", "orders.2024"))
    assert dotted.key == 'shop.public."orders.2024"'
    assert from_openlineage(POSTGRES, dotted.key, among=Namespaces()).id == dotted.id
    assert from_openlineage(POSTGRES, dotted.qualified, among=Namespaces()).id != dotted.id


def test_a_catalog_that_leaves_levels_out_says_so_with_empty_parts():
    """They are left out: a source without schemas has names of two parts."""
    assert from_catalog(DUCKDB, ("shop", "", "orders")).qualified == "shop.orders"


@pytest.mark.parametrize(
    ("namespace", "one"),
    [
        (POSTGRES, False),
        (SNOWFLAKE, False),
        (MARIADB, True),
        (DUCKDB, True),
        (Namespace("bigquery"), True),
        (Namespace("clickhouse://c:8123"), False),
        (Namespace("metadata://m"), False),
        (Namespace("nobody-knows://x"), False),
    ],
)
def test_columns_differ_by_case_only_where_the_engine_lets_them(namespace, one):
    """An engine that nobody described keeps them apart, which never merges two columns."""
    table = from_catalog(namespace, ("shop", "orders"))
    assert (table.column_id("Total") == table.column_id("total")) is one
    assert table.column_id("total") != from_catalog(namespace, ("shop", "refunds")).column_id("total")
    assert asset_of(table.column_id("total")) == table.id


@pytest.mark.parametrize(
    "text", ["", "d", "d" + "a" * 25, "D" + "a" * 26, "d" + "1" * 26, "d" + "a" * 26 + "\n", "d" + "a" * 26 + "-"]
)
def test_what_is_no_id(text):
    """Looked at before any store is asked."""
    assert parse_asset_id(text) is None
    assert asset_of(text) is None


def test_ids_never_change():
    """They are in URLs, feeds and other people's links: a change of the derivation is a change for all of them."""
    name = from_catalog(POSTGRES, ("shop", "public", "orders"))
    assert name.id == "dqsohjdzydf7sy4wkt2tj6bynyd"
    assert name.column_id("total") == name.id + "-6nxfnlxpazhnr"


def test_scope_paths_are_in_lower_case():
    """Source and parts joined by dots, as globs see them."""
    assert scope_path("WH", ("Shop", "Public", "ÉTAT")) == "wh.shop.public.état"


def test_an_engine_that_nobody_described_never_merges():
    """Names are kept as written and compared as written."""
    assert platform_named("Dremio").case is Case.SENSITIVE
    assert platform_named("postgresql+asyncpg") is platform_named("pg")


@pytest.mark.parametrize(
    ("raw", "stands_for"),
    [
        ("duckdb://shop.duckdb", "duckdb:///srv/a/shop.duckdb"),
        ("duckdb://./shop.duckdb", "duckdb:///srv/a/shop.duckdb"),
        ("duckdb://../a/shop.duckdb", "duckdb:///srv/a/shop.duckdb"),
        ("duckdb://op.duckdb", "duckdb://op.duckdb"),
        ("sqlite://shop.duckdb", "sqlite://shop.duckdb"),
        ("duckdb://two.duckdb", "duckdb://two.duckdb"),
        ("duckdb:///elsewhere/shop.duckdb", "duckdb:///elsewhere/shop.duckdb"),
    ],
)
def test_a_file_by_a_relative_path_is_the_one_known_file_that_ends_so(raw, stands_for):
    """dbt's adapter names the profile's path; two files that end so are neither, and a part of a name is none."""
    sources = {Namespace(f"duckdb:///srv/{path}"): path for path in ("a/shop.duckdb", "a/two.duckdb", "b/two.duckdb")}
    assert Namespaces(sources=sources).resolve(raw) == stands_for
