"""The PostgreSQL source against a real server: what it reads, with how little, and what it does when things go wrong."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
import sqlglot
from psycopg import sql
from sqlglot import exp

from services.common.errors import SourceFailed
from services.common.model.assets import Column, Container, ContainerRead, ContainersListed, ForeignKey, Found, Index, Kind
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources import postgresql
from services.indexer.sources.open import open_source
from tests.support.crawled import Crawled, crawl
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.server
CANARY = "canary/p@ss?w#rd 7"

SHOP = """
CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE customer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(80) NOT NULL, gone int, mood mood DEFAULT 'good',
  since timestamptz DEFAULT now(), tags text[], shout text GENERATED ALWAYS AS (upper(name)) STORED, UNIQUE (name, since));
ALTER TABLE customer DROP COLUMN gone;
CREATE INDEX customer_lower ON customer (lower(name), since) INCLUDE (mood);
COMMENT ON TABLE customer IS 'who buys';
COMMENT ON COLUMN customer.name IS 'as on the invoice';
CREATE TABLE sales.orders (id int, day date, customer_id bigint NOT NULL REFERENCES customer, PRIMARY KEY (day, id))
  PARTITION BY RANGE (day);
CREATE TABLE sales.orders_2024 PARTITION OF sales.orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE sales.orders_2025 PARTITION OF sales.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
  PARTITION BY HASH (id);
CREATE TABLE public.orders_2025_0 PARTITION OF sales.orders_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.orders_2025_1 PARTITION OF sales.orders_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE sales.line (day date, order_id int, note text, FOREIGN KEY (day, order_id) REFERENCES sales.orders (day, id));
CREATE VIEW sales.recent AS SELECT c.name, o.day FROM sales.orders o JOIN customer c ON c.id = o.customer_id;
CREATE MATERIALIZED VIEW sales.counts AS SELECT day, count(*) AS n FROM sales.orders GROUP BY day;
COMMENT ON VIEW sales.recent IS 'newest first';
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere OPTIONS (secret 'canary-option');
CREATE FOREIGN TABLE sales.remote (id int) SERVER elsewhere;
INSERT INTO customer (name) SELECT 'n' || i FROM generate_series(1, 40) i;
INSERT INTO sales.orders SELECT i, date '2024-12-01' + i, i FROM generate_series(1, 40) i;
"""


@pytest.fixture(scope="module")
def shop_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database("shop")
    with postgres_server.connect(url) as connection:
        connection.execute(SHOP)
        connection.execute("ANALYZE customer, sales.orders, sales.orders_2024, orders_2025_0, orders_2025_1")
    return url


@pytest.fixture(scope="module")
def shop(shop_url: str) -> Crawled:
    return crawl(shop_url)


@pytest.fixture
def make(postgres_server: PostgresServer) -> Callable[..., str]:
    """A new database in which some SQL has run; its URL."""

    def build(*statements: str, encoding: str = "UTF8") -> str:
        url = postgres_server.create_database("made", encoding=encoding)
        with postgres_server.connect(url) as connection:
            for statement in statements:
                connection.execute(statement)
        return url

    return build


@pytest.fixture
def role(postgres_server: PostgresServer) -> Iterator[str]:
    """A role that may connect and nothing else; its password is its name."""
    name = f"reader_{time.time_ns()}"
    with postgres_server.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(name)))
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_a_table_has_columns_keys_indexes_comments_and_estimates(shop: Crawled) -> None:
    """Everything that a reader of the catalog sees of an ordinary table, in the source's order and spelling."""
    customer = shop.tables["public.customer"]
    assert customer.kind is Kind.TABLE
    assert customer.description == "who buys"
    assert customer.columns == (
        Column("id", "bigint", nullable=False, default="GENERATED ALWAYS AS IDENTITY"),
        Column("name", "character varying(80)", nullable=False, description="as on the invoice"),
        Column("mood", "public.mood", nullable=True, default="'good'::public.mood"),
        Column("since", "timestamp with time zone", nullable=True, default="now()"),
        Column("tags", "text[]", nullable=True),
        Column("shout", "text", nullable=True, default="GENERATED ALWAYS AS (upper((name)::text)) STORED"),
    )
    assert customer.primary_key == ("id",)
    assert customer.indexes == (
        Index("customer_lower", ("lower(name::text)", "since")),
        Index("customer_name_since_key", ("name", "since"), unique=True),
    )
    assert customer.rows == 40
    assert customer.bytes is not None
    assert customer.bytes >= 8192
    assert customer.partitions is None
    assert customer.last_altered is None
    assert customer.owners == ()
    assert customer.properties["owner_role"]


def test_partitions_are_folded_into_their_table(shop: Crawled) -> None:
    """Leaves of every level and schema are counted and summed into the one table that people know."""
    orders = shop.tables["sales.orders"]
    assert orders.partitions == 3
    assert orders.rows == 40
    assert orders.bytes == 3 * 8192
    assert orders.primary_key == ("day", "id")
    assert not [name for name in shop.tables if "orders_20" in name]


def test_foreign_keys_name_the_whole_table_once(shop: Crawled, shop_url: str) -> None:
    """Across schemas, in the keys' order, and once although the server keeps a copy for each partition."""
    database = urlsplit(shop_url).path[1:]
    line = ForeignKey(("day", "order_id"), (database, "sales", "orders"), ("day", "id"))
    assert shop.tables["sales.line"].foreign_keys == (line,)
    customer = ForeignKey(("customer_id",), (database, "public", "customer"), ("id",))
    assert shop.tables["sales.orders"].foreign_keys == (customer,)


def test_views_and_foreign_tables_are_told_apart(shop: Crawled) -> None:
    """Views have full names in their SQL whatever the search path is; a foreign server is named, its options are not."""
    recent, counts, remote = (shop.tables[f"sales.{name}"] for name in ("recent", "counts", "remote"))
    assert (recent.kind, counts.kind, remote.kind) == (Kind.VIEW, Kind.MATERIALIZED_VIEW, Kind.TABLE)
    assert recent.description == "newest first"
    assert recent.sql is not None
    assert "sales.orders" in recent.sql
    assert "public.customer" in recent.sql
    assert [(column.name, column.nullable) for column in recent.columns] == [("name", None), ("day", None)]
    assert (recent.rows, recent.bytes) == (None, None)
    assert counts.sql is not None
    assert remote.properties["foreign_server"] == "elsewhere"
    assert "canary-option" not in repr(shop.stream)


def test_a_table_never_analysed_has_no_estimates(shop: Crawled) -> None:
    """Unknown is not zero."""
    assert (shop.tables["sales.line"].rows, shop.tables["sales.line"].bytes) == (None, None)


def test_the_stream_closes_each_schema_and_leaves_the_server_own_out(shop: Crawled, shop_url: str) -> None:
    """All tables of a schema come before its end, system schemas never, and the number expected is the number read."""
    assert set(shop.containers) == {"public", "sales"}
    assert all(end.complete and end.failure is None for end in shop.containers.values())
    open_schema = None
    assert shop.stream[-1] == ContainersListed(Container(shop.stream[-1].within.namespace, (urlsplit(shop_url).path[1:],)))
    for item in shop.stream[:-1]:
        if isinstance(item, ContainerRead):
            assert open_schema in (None, item.container.parts)
            open_schema = None
        else:
            assert open_schema in (None, item.name.parts[:-1])
            open_schema = item.name.parts[:-1]
    assert shop.expected == len(shop.tables) == 6
    parts = urlsplit(shop_url)
    assert {item.name.namespace for item in shop.tables.values()} == {f"postgres://{parts.hostname}:{parts.port or 5432}"}


def test_what_does_not_fit_in_memory_goes_through_a_file(
    shop: Crawled, shop_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warehouse of any size is read in bounded memory, to the same end."""
    monkeypatch.setattr(postgresql, "_IN_MEMORY_BYTES", 100)
    assert crawl(shop_url).stream == shop.stream


def test_globs_choose_tables_and_containers_stay_complete(shop_url: str) -> None:
    """Without regard to case, stars over dots; what is left out is not expected either."""
    chosen = crawl(shop_url, include=("*.SALES", "*.cust*"), exclude=("*.sales.re*",))
    assert set(chosen.tables) == {"public.customer", "sales.orders", "sales.line", "sales.counts"}
    assert chosen.expected == 4
    assert all(end.complete for end in chosen.containers.values())
    nothing = crawl(shop_url, include=("elsewhere.*",))
    assert (nothing.tables, nothing.expected, set(nothing.containers)) == ({}, 0, {"public", "sales"})


def test_settings_of_the_role_change_nothing(postgres_server: PostgresServer, shop: Crawled, shop_url: str) -> None:
    """A search path, a date style or a quoting habit of the database would otherwise look like a changed schema."""
    database = sql.Identifier(urlsplit(shop_url).path[1:])
    with postgres_server.connect(shop_url) as connection:
        for setting in ("search_path = sales, public", "quote_all_identifiers = on", "DateStyle = 'SQL, DMY'"):
            connection.execute(sql.SQL("ALTER DATABASE {} SET " + setting).format(database))
        try:
            assert crawl(shop_url).stream == shop.stream
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(database))


def test_the_number_of_statements_does_not_grow_with_tables(
    postgres_server: PostgresServer, make: Callable[..., str]
) -> None:
    """Ten tables or three hundred: six statements, by our own count and by the server's log; and only of the catalog."""
    logs = []
    for tables in (10, 300):
        create = "CREATE TABLE t{0} (id int PRIMARY KEY, x text DEFAULT 'q'); CREATE VIEW v{0} AS SELECT x FROM t{0};"
        url = make("".join(create.format(i) for i in range(tables)))
        database = urlsplit(url).path[1:]
        with postgres_server.connect() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'all'").format(sql.Identifier(database)))
        read = crawl(url)
        assert len(read.tables) == 2 * tables
        assert read.statements == 6
        if postgres_server.log is not None:
            logs.append([line for line in postgres_server.logged(database, "headwater") if line.startswith("LOG:")])
    if not logs:
        pytest.skip("the statements of a server that is not our own cannot be read")
    assert [len(log) for log in logs] == [6, 6]
    identity, begin, settings, schemas, relations, rollback = (line.partition(": ")[2].strip() for line in logs[1])
    assert begin.endswith("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    assert rollback.endswith("ROLLBACK")
    for entry in (identity, settings, schemas, relations):
        # the parser does not know these two types; what they are does not matter here
        text = entry.partition(": ")[2].replace("::oid[]", "::int[]").replace("::int2[]", "::int[]")
        statement = sqlglot.parse_one(text, dialect="postgres")
        names = {cte.alias for cte in statement.find_all(exp.CTE)}
        tables_read = [table for table in statement.find_all(exp.Table) if table.name and table.name not in names]
        assert all(table.db == "pg_catalog" for table in tables_read), tables_read


def test_no_row_is_read(postgres_server: PostgresServer, shop: Crawled, shop_url: str, role: str) -> None:
    """A role that may not select from a single table sees the same tables."""
    with postgres_server.connect(shop_url) as connection:
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA sales TO {}").format(sql.Identifier(role)))
        url = postgres_server.url_of(urlsplit(shop_url).path[1:], user=role, password=role)
        with psycopg.connect(url) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT 1 FROM sales.orders")
        try:
            assert crawl(url).stream == shop.stream
        finally:
            connection.execute(sql.SQL("REVOKE USAGE ON SCHEMA sales FROM {}").format(sql.Identifier(role)))


def test_a_schema_that_may_not_be_used_is_reported(postgres_server: PostgresServer, shop_url: str, role: str) -> None:
    """Never silently empty; leaving it out by a glob makes the crawl complete again."""
    database = urlsplit(shop_url).path[1:]
    url = postgres_server.url_of(database, user=role, password=role)
    read = crawl(url)
    assert set(read.tables) == {"public.customer"}
    assert read.containers["public"].complete
    assert not read.containers["sales"].complete
    assert "GRANT USAGE" in (read.containers["sales"].failure or "")
    left_out = crawl(url, exclude=(f"{database}.sales",))
    assert set(left_out.containers) == {"public"}


def test_a_locked_table_costs_its_own_schema_alone(postgres_server: PostgresServer, make: Callable[..., str]) -> None:
    """Whoever alters a table holds back its defaults and views: nothing false may be stored of them, and nothing waits."""
    url = make(
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (i int DEFAULT 1 + 1); CREATE TABLE b.t (i int DEFAULT 2)"
    )
    with postgres_server.connect(url) as connection, connection.transaction():
        connection.execute("LOCK TABLE a.t IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        read = crawl(url, timeout_s=2)
        assert time.monotonic() - started < 10
    assert set(read.tables) == {"b.t"}
    assert read.expected == 1
    assert not read.containers["a"].complete
    assert "lock" in (read.containers["a"].failure or "")
    assert read.containers["b"].complete
    assert read.containers["public"].complete
    assert set(crawl(url).tables) == {"a.t", "b.t"}


def test_a_definition_that_cannot_be_read_is_absent_and_marked(
    postgres_server: PostgresServer, make: Callable[..., str]
) -> None:
    """A damaged view keeps its columns; views of other schemas keep their SQL."""
    url = make(
        "CREATE SCHEMA a; CREATE DOMAIN a.lost AS int; CREATE VIEW a.v AS SELECT 1::a.lost AS x; CREATE TABLE a.t (i int);"
        "CREATE VIEW w AS SELECT 1 AS y",
    )
    with postgres_server.connect(url) as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute("DELETE FROM pg_type WHERE typname = 'lost'")
    read = crawl(url)
    assert set(read.tables) == {"a.v", "a.t", "public.w"}
    assert (read.tables["a.v"].sql, read.tables["a.v"].properties["sql_unreadable"]) == (
        None,
        "the server gave an error instead of the view's text",
    )
    assert [column.name for column in read.tables["a.v"].columns] == ["x"]
    assert read.tables["public.w"].sql == "SELECT 1 AS y;"
    assert "sql_unreadable" not in read.tables["public.w"].properties
    assert all(end.complete for end in read.containers.values())


def test_a_server_that_takes_too_long_fails_the_source(shop_url: str) -> None:
    """The statement timeout is the source's own; the line says what happened."""
    with pytest.raises(SourceFailed, match="statement timeout"):
        crawl(shop_url, timeout_s=0.001)


def test_nothing_is_held_open_while_tables_are_handed_on(postgres_server: PostgresServer, shop_url: str) -> None:
    """A slow catalog keeps neither a snapshot nor a lock nor a connection in the warehouse."""
    with (
        open_source("wh", SourceSettings(url=f"{shop_url}?application_name=slowpoke")) as source,
        postgres_server.connect() as connection,
    ):
        stream = source.read()
        assert isinstance(next(stream), Found)
        deadline = time.monotonic() + 5
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slowpoke'"
        while connection.execute(query).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert len(list(stream)) == 8


AWKWARD = [
    'say "hi"',
    "it's",
    "a.b",
    "two\nlines",
    "tab\tbed",
    "back\\slash",
    "🦆 duck",
    "\u202eright to left\u202c",
    "é" * 31 + "x",
    "Upper",
    "%s %(x)s {0}",
    " ",
]


def test_any_name_comes_back_as_it_is(make: Callable[..., str]) -> None:
    """Schemas, tables, columns, indexes and comments with every awkward sign, up to the limit of 63 bytes."""
    statements = []
    for name in AWKWARD:
        quoted = '"' + name.replace('"', '""') + '"'
        text = "'" + name.replace("'", "''") + "'"
        statements += [
            f"CREATE SCHEMA {quoted}",
            f"CREATE TABLE {quoted}.{quoted} ({quoted} int PRIMARY KEY)",
            f"CREATE TABLE {quoted}.child ({quoted} int REFERENCES {quoted}.{quoted})",
            f"CREATE UNIQUE INDEX ON {quoted}.child ({quoted})",
            f"COMMENT ON TABLE {quoted}.{quoted} IS {text}",
            f"COMMENT ON COLUMN {quoted}.{quoted}.{quoted} IS {text}",
            f"CREATE VIEW {quoted}.v AS SELECT {quoted} FROM {quoted}.child",
        ]
    url = make(*statements)
    database = urlsplit(url).path[1:]
    tables = {item.name.parts: item for item in crawl(url).tables.values()}
    for name in AWKWARD:
        parent, child = tables[database, name, name], tables[database, name, "child"]
        assert parent.description == name
        assert parent.columns == (Column(name, "integer", nullable=False, description=name),)
        assert parent.primary_key == (name,)
        assert child.foreign_keys == (ForeignKey((name,), (database, name, name), (name,)),)
        assert [index.columns for index in child.indexes] == [(name,)]
        assert name.split("\n")[0].replace('"', '""') in (tables[database, name, "v"].sql or "")
    assert len(tables) == 3 * len(AWKWARD)


def test_a_database_without_an_encoding_is_still_read(make: Callable[..., str]) -> None:
    """Bytes that are no UTF-8 are shown as escapes; two names that differ in them stay two."""
    url = make("SELECT 1", encoding="SQL_ASCII")
    with psycopg.connect(url, autocommit=True) as connection:
        for byte in (b"\xe4", b"\xf6"):
            connection.execute(b'CREATE TABLE "t' + byte + b'" (i int)')
    assert set(crawl(url).tables) == {"public.t\\xe4", "public.t\\xf6"}


def test_an_empty_database_is_complete_and_empty(make: Callable[..., str]) -> None:
    """The schema is there, so that tables it once had can be told to be gone."""
    read = crawl(make("SELECT 1"))
    assert (read.tables, read.expected) == ({}, 0)
    assert read.containers["public"].complete


@pytest.mark.parametrize("trouble", ["wrong password", "nobody listens", "no such host", "no such database"])
def test_a_password_never_shows(postgres_server: PostgresServer, role: str, trouble: str) -> None:
    """Neither in the line nor anywhere in the chain of errors that a log would print."""
    with postgres_server.connect() as connection:
        secret = "other" if trouble == "wrong password" else CANARY
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(secret)))
    parts = urlsplit(postgres_server.url)
    netloc = {"nobody listens": "127.0.0.1:1", "no such host": "nowhere.invalid:5432"}.get(
        trouble, f"{parts.hostname}:{parts.port}"
    )
    netloc = f"{role}:{quote(CANARY, safe='')}@{netloc}"
    url = urlunsplit(("postgresql", netloc, "/missing", "connect_timeout=3", ""))
    with pytest.raises(SourceFailed) as caught:
        crawl(url)
    printed = "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("wh: PostgreSQL at postgres://")
    for piece in (CANARY, quote(CANARY, safe=""), "canary"):
        assert piece not in printed


def test_a_table_keeps_its_object_id_through_a_rename_and_a_new_one_has_another(
    postgres_server: PostgresServer, make: Callable[..., str]
) -> None:
    """What tells a rename from a drop; a table made anew under the old name is another object."""
    url = make("CREATE TABLE old (i int); CREATE TABLE other (i int)")
    before = {name: table.object_id for name, table in crawl(url).tables.items()}
    with postgres_server.connect(url) as connection:
        connection.execute("ALTER TABLE old RENAME TO new; CREATE TABLE old (i int); ALTER TABLE new ADD COLUMN j int")
    after = {name: table.object_id for name, table in crawl(url).tables.items()}
    assert after["public.new"] == before["public.old"]
    assert after["public.other"] == before["public.other"]
    assert len(set(after.values())) == len(after) == 3
    assert all(after.values())


def test_the_script_gives_a_role_all_that_a_crawl_needs_and_no_row(
    postgres_server: PostgresServer, make: Callable[..., str]
) -> None:
    """`grants` is run as it is printed; then nothing is missing, everything is read, and no row can be."""
    url = make('CREATE SCHEMA "od%d\'s"; CREATE TABLE "od%d\'s".t (secret text); CREATE VIEW v AS SELECT 1 AS x')
    database = urlsplit(url).path[1:]
    role = f"reader {database}"
    own = postgres_server.url_of(database, user=role, password="choose-one")
    with postgres_server.connect(url) as connection:
        with open_source("wh", SourceSettings(url=own)) as source:
            for _ in range(2):  # for a role that is there already, too
                connection.execute(source.grants())
        try:
            with open_source("wh", SourceSettings(url=own)) as source:
                assert list(source.missing()) == []
                found = [item for item in source.read() if isinstance(item, Found)]
            assert {item.name.parts[1:] for item in found} == {("od%d's", "t"), ("public", "v")}
            with postgres_server.connect(own) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute('SELECT * FROM "od%d\'s".t')
            connection.execute(
                sql.SQL("REVOKE USAGE ON SCHEMA {} FROM {}").format(sql.Identifier("od%d's"), sql.Identifier(role))
            )
            with open_source("wh", SourceSettings(url=own)) as source:
                (lacking,) = source.missing()
                ends = {item.container.parts[1]: item for item in source.read() if isinstance(item, ContainerRead)}
            assert lacking.grant == f'GRANT USAGE ON SCHEMA "od%d\'s" TO "{role}";'
            assert "1 tables and views" in lacking.lost
            assert (ends["od%d's"].complete, ends["public"].complete) == (False, True)
            with open_source("wh", SourceSettings(url=own, catalog_beyond_grants=True)) as source:
                items = list(source.read())
            assert {item.name.parts[-1] for item in items if isinstance(item, Found)} == {"t", "v"}
            assert all(item.complete for item in items if isinstance(item, ContainerRead))
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
