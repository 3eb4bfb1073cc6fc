"""The MySQL source against a real MariaDB: what it reads, with how little, and what it does when things go wrong."""

from __future__ import annotations

import datetime as dt
import threading
import time
import traceback
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pymysql
import pytest
import sqlglot
from sqlglot import exp

from services.common.errors import SourceFailed, WrongSettings
from services.common.model.assets import Column, ContainerRead, ContainersListed, ForeignKey, Found, Index, Kind
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from services.indexer.sources.source import Item
from tests.support.crawled import Crawled, crawl
from tests.support.mariadb import MariaDbServer, quoted

pytestmark = pytest.mark.server
CANARY = "canary/p@ss?w#rd 7"
SHOP = """
CREATE TABLE customer (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL COMMENT 'as on the invoice',
  mood enum('good','it''s') DEFAULT 'it''s', since datetime DEFAULT now() ON UPDATE now(), tags json, age int CHECK (age > 0),
  shout varchar(80) AS (upper(name)) VIRTUAL, size int AS (char_length(name)) STORED, note text,
  UNIQUE name_since (name, since), KEY note_start (note(10))) COMMENT 'who buys';
CREATE TABLE orders (id int, day date, customer_id bigint, PRIMARY KEY (day, id)) PARTITION BY RANGE (year(day))
  (PARTITION a VALUES LESS THAN (2025), PARTITION b VALUES LESS THAN MAXVALUE);
CREATE TABLE line (day int, order_id int, note text, customer_id bigint REFERENCES customer (id), INDEX (day, order_id),
  UNIQUE both_ways (order_id, day));
CREATE TABLE part (day int, order_id int, FOREIGN KEY whole (order_id, day) REFERENCES line (order_id, day));
CREATE VIEW recent AS SELECT c.name, o.day FROM orders o JOIN customer c ON c.id = o.customer_id;
CREATE TABLE later (x int) ENGINE = MyISAM;
INSERT INTO customer (name) VALUES ('a'), ('b'), ('c');
INSERT INTO orders VALUES (1, '2024-05-01', 1), (2, '2025-05-01', 2);
ANALYZE TABLE customer, orders
"""


@pytest.fixture
def make(mariadb_server: MariaDbServer) -> Callable[..., str]:
    """A new database in which some SQL has run; its URL."""

    def build(*statements: str) -> str:
        url = mariadb_server.create_database("made")
        mariadb_server.run(*statements, url=url)
        return url

    return build


@pytest.fixture(scope="module")
def shop_url(mariadb_server: MariaDbServer) -> str:
    url = mariadb_server.create_database("shop")
    mariadb_server.run(*SHOP.split(";\n"), url=url)
    return url


@pytest.fixture(scope="module")
def shop(shop_url: str) -> Crawled:
    return crawl(shop_url)


def database_of(url: str) -> str:
    return urlsplit(url).path[1:]


def end_of(read: Crawled) -> ContainerRead:
    (end,) = read.containers.values()
    return end


def lines_of(read: Crawled) -> set[str]:
    return set(end_of(read).grants or ())


def stream_of(url: str, **settings: object) -> list[Item]:
    with open_source("wh", SourceSettings(url=url, **settings)) as source:
        return list(source.read())


def test_a_table_has_columns_keys_indexes_comments_and_estimates(shop: Crawled) -> None:
    """Everything that a reader of the catalog sees of an ordinary table, in the source's order and spelling."""
    customer = shop.tables["customer"]
    assert (customer.kind, customer.description, customer.object_id) == (Kind.TABLE, "who buys", None)
    now = "current_timestamp() ON UPDATE current_timestamp()"
    assert customer.columns == (
        Column("id", "bigint(20)", nullable=False, default="AUTO_INCREMENT"),
        Column("name", "varchar(80)", nullable=False, description="as on the invoice"),
        Column("mood", "enum('good','it''s')", nullable=True, default="'it''s'"),
        Column("since", "datetime", nullable=True, default=now),
        Column("tags", "longtext", nullable=True),
        Column("age", "int(11)", nullable=True),
        Column("shout", "varchar(80)", nullable=True, default="GENERATED ALWAYS AS (ucase(`name`)) VIRTUAL"),
        Column("size", "int(11)", nullable=True, default="GENERATED ALWAYS AS (char_length(`name`)) STORED"),
        Column("note", "text", nullable=True),
    )
    assert customer.primary_key == ("id",)
    assert customer.indexes == (Index("name_since", ("name", "since"), unique=True), Index("note_start", ("note(10)",)))
    assert customer.rows == 3
    assert customer.bytes is not None
    assert customer.bytes >= 16384
    assert customer.partitions is None
    assert customer.properties == {"engine": "InnoDB", "checks": {"age": "`age` > 0", "tags": "json_valid(`tags`)"}}
    assert shop.tables["later"].properties["engine"] == "MyISAM"


def test_partitions_are_folded_into_their_table(shop: Crawled) -> None:
    """They are counted and summed into the one table that people know."""
    orders = shop.tables["orders"]
    assert (orders.partitions, orders.rows, orders.primary_key) == (2, 2, ("day", "id"))


def test_foreign_keys_name_the_whole_table_in_the_keys_order(shop: Crawled, shop_url: str) -> None:
    """One column or several, and not every index is one."""
    database = database_of(shop_url)
    assert shop.tables["line"].foreign_keys == (ForeignKey(("customer_id",), (database, "customer"), ("id",)),)
    both = ForeignKey(("order_id", "day"), (database, "line"), ("order_id", "day"))
    assert shop.tables["part"].foreign_keys == (both,)


def test_a_view_has_its_sql_and_neither_size_nor_the_word_view_as_a_comment(shop: Crawled, shop_url: str) -> None:
    """The server writes `VIEW` where a comment would be; the tables inside the SQL have their full names."""
    recent = shop.tables["recent"]
    assert (recent.kind, recent.description, recent.rows, recent.bytes) == (Kind.VIEW, None, None, None)
    assert f"`{database_of(shop_url)}`.`orders`" in (recent.sql or "")
    assert [column.name for column in recent.columns] == ["name", "day"]
    assert [column.description for column in recent.columns] == ["as on the invoice", None]


def test_times_are_right_whatever_the_zone_of_the_server(mariadb_server: MariaDbServer, make: Callable[..., str]) -> None:
    """The session asks in UTC, so a server that thinks in another zone still says when."""
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    url = make("CREATE TABLE t (i int)")
    (zone,) = mariadb_server.run("SELECT @@global.time_zone")[0]
    mariadb_server.run("SET GLOBAL time_zone = '+09:00'")
    try:
        altered = crawl(url).tables["t"].last_altered
    finally:
        mariadb_server.run(f"SET GLOBAL time_zone = '{zone}'")
    assert altered is not None
    assert before <= altered <= dt.datetime.now(dt.UTC)


def test_sequences_are_left_out_and_versioned_tables_are_named_as_such(make: Callable[..., str]) -> None:
    """A sequence holds no data that people put there; a table with history is a table."""
    read = crawl(make("CREATE SEQUENCE s", "CREATE TABLE h (i int) WITH SYSTEM VERSIONING", "CREATE TABLE t (i int)"))
    assert set(read.tables) == {"h", "t"}
    assert read.tables["h"].properties["system_versioned"] is True
    assert "system_versioned" not in read.tables["t"].properties
    assert [column.name for column in read.tables["h"].columns] == ["i"]


def test_one_database_or_all_that_the_role_is_shown(mariadb_server: MariaDbServer, make: Callable[..., str]) -> None:
    """Without a database in the URL each is a container, the server's own are none, and the list itself is closed."""
    urls = [make("CREATE TABLE t (i int)") for _ in range(2)]
    names = sorted(map(database_of, urls))
    user = mariadb_server.create_user()
    for name in names:
        mariadb_server.run(f"GRANT REFERENCES ON {quoted(name)}.* TO {user}")
    everything = stream_of(mariadb_server.url_of(user=user))
    kinds = [type(item) for item in everything]
    assert kinds == [Found, ContainerRead, Found, ContainerRead, ContainersListed]
    ends = [item for item in everything if isinstance(item, ContainerRead)]
    assert [end.container.parts for end in ends] == [(name,) for name in names]
    listed = everything[-1]
    assert isinstance(listed, ContainersListed)
    assert listed.within.parts == ()
    assert set(listed.grants or ()) == {f"REFERENCES ON {quoted(name)}.*" for name in names}
    one = stream_of(mariadb_server.url_of(names[0], user=user))
    assert one == everything[:2]
    with open_source("wh", SourceSettings(url=mariadb_server.url_of(names[0]))) as source:
        assert source.info.database == names[0]
    admin = stream_of(mariadb_server.url)
    shown = {item.container.parts[0] for item in admin if isinstance(item, ContainerRead)}
    assert set(names) <= shown
    assert not shown & {"mysql", "sys", "information_schema", "performance_schema"}


def test_globs_choose_tables_and_the_container_stays_complete(shop_url: str) -> None:
    """Without regard to case; what is left out is not expected either."""
    chosen = crawl(shop_url, include=("*.CUST*", "*.l*"), exclude=("*.later",))
    assert set(chosen.tables) == {"customer", "line"}
    assert chosen.expected == 2
    assert end_of(chosen).complete


def test_the_number_of_statements_does_not_grow_with_tables(mariadb_server: MariaDbServer, make: Callable[..., str]) -> None:
    """A hundred tables or two thousand: as many, by our own count and by the server's log, and none reads a user's row."""
    logs = []
    for tables in (100, 2000):
        url = make(*(f"CREATE TABLE t{at} (i int PRIMARY KEY, x text DEFAULT 'q') ENGINE = MyISAM" for at in range(tables)))
        user = mariadb_server.create_user("counted")
        mariadb_server.run(f"GRANT SELECT, SHOW VIEW ON {quoted(database_of(url))}.* TO {user}")
        mariadb_server.run("SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = ON")
        try:
            read = crawl(mariadb_server.url_of(database_of(url), user=user))
        finally:
            mariadb_server.run("SET GLOBAL general_log = OFF")
        assert len(read.tables) == tables
        query = f"SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE user_host LIKE '{user}[%' AND command_type <> 'Connect'"
        log = [row[0] for row in mariadb_server.run(query)]
        logs.append([line for line in log if line])  # the end of the connection has no text
        assert read.statements == len(logs[-1])
    assert len(logs[0]) == len(logs[1]) == 13
    for line in logs[1]:
        if line.startswith(("SET NAMES ", "SET SESSION ", "START TRANSACTION ", "SHOW GRANTS")):
            continue
        assert line.strip().startswith("SELECT ")
        statement = sqlglot.parse_one(line, dialect="mysql")
        assert {table.db for table in statement.find_all(exp.Table)} <= {"information_schema"}


def test_the_least_grant_reads_no_row_and_shows_all_but_the_sql_of_views(
    mariadb_server: MariaDbServer, shop: Crawled, shop_url: str
) -> None:
    """REFERENCES alone: the same tables, and a view says what its SQL needs; nothing may be selected."""
    database = database_of(shop_url)
    user = mariadb_server.create_user()
    mariadb_server.run(f"GRANT REFERENCES ON {quoted(database)}.* TO {user}")
    url = mariadb_server.url_of(database, user=user)
    with pytest.raises(pymysql.OperationalError, match="denied"):
        mariadb_server.run("SELECT 1 FROM customer", url=url)
    read = crawl(url)
    assert read.tables.keys() == shop.tables.keys()
    tables = [name for name in shop.tables if name != "recent"]
    assert [read.tables[name] for name in tables] == [shop.tables[name] for name in tables]
    assert read.tables["recent"].sql is None
    assert read.tables["recent"].properties["sql_unreadable"] == f"needs SELECT and SHOW VIEW on {database}.recent"
    assert read.tables["recent"].columns == shop.tables["recent"].columns
    with open_source("wh", SourceSettings(url=url)) as source:
        (gap,) = source.missing()
        script = source.grants()
    assert gap.grant in script
    assert "lineage" in gap.lost
    mariadb_server.run(*[line for line in script.replace("change-me", user).split(";\n") if line.strip()])
    assert crawl(url).tables == shop.tables
    with open_source("wh", SourceSettings(url=url)) as source:
        assert list(source.missing()) == []


@pytest.mark.parametrize("where", ["a table", "a column", "the database", "everything", "a role", "PUBLIC", "a pattern"])
def test_a_lost_grant_takes_a_line_away_and_a_dropped_table_does_not(
    mariadb_server: MariaDbServer, make: Callable[..., str], where: str
) -> None:
    """information_schema looks the same after REVOKE and after DROP; the grants' lines tell one from the other."""
    url = make("CREATE TABLE a_b (i int)", "CREATE TABLE kept (i int)")
    database = database_of(url)
    user = mariadb_server.create_user()
    role = f"role_{user}"
    table = f"{quoted(database)}.a_b"
    target, name = {
        "a table": (f"SELECT ON {table}", user),
        "a column": (f"SELECT (i) ON {table}", user),
        "the database": (f"SELECT ON {quoted(database)}.*", user),
        "everything": ("SELECT ON *.*", user),
        "a role": (f"SELECT ON {table}", role),
        "PUBLIC": (f"SELECT ON {table}", "PUBLIC"),
        "a pattern": (f"INSERT ON {quoted(database.replace('_', chr(92) + '_')[:-2] + '%')}.*", user),
    }[where]
    mariadb_server.run(f"CREATE ROLE {role}", f"GRANT {role} TO {user}", f"SET DEFAULT ROLE {role} FOR {user}")
    mariadb_server.run(f"GRANT SELECT ON {quoted(database)}.kept TO {user}", f"GRANT {target} TO {name}")
    try:
        reader = mariadb_server.url_of(database, user=user)
        first = crawl(reader)
        assert set(first.tables) == {"a_b", "kept"}
        mariadb_server.run(f"DROP TABLE {table}")
        dropped = crawl(reader)
        assert set(dropped.tables) == {"kept"}
        assert lines_of(dropped) >= lines_of(first)
        mariadb_server.run(f"CREATE TABLE {table} (i int)", f"REVOKE {target} FROM {name}")
        revoked = crawl(reader)
        assert set(revoked.tables) == {"kept"}
        assert not lines_of(revoked) >= lines_of(first)
        assert end_of(revoked).complete
    finally:
        mariadb_server.run(f"DROP ROLE {role}")


def test_a_role_sees_some_columns_and_the_table_says_so(mariadb_server: MariaDbServer, make: Callable[..., str]) -> None:
    """Columns that a role may not use are hidden; a reader of the catalog must know that there may be more."""
    url = make("CREATE TABLE t (a int, b int)", "CREATE TABLE u (a int)")
    user = mariadb_server.create_user()
    database = quoted(database_of(url))
    mariadb_server.run(f"GRANT SELECT (a) ON {database}.t TO {user}", f"GRANT SELECT ON {database}.u TO {user}")
    read = crawl(mariadb_server.url_of(database_of(url), user=user))
    assert [column.name for column in read.tables["t"].columns] == ["a"]
    assert "columns_limited" in read.tables["t"].properties
    assert "columns_limited" not in read.tables["u"].properties


def test_a_table_without_visible_columns_is_not_stored_without_them(
    mariadb_server: MariaDbServer, make: Callable[..., str]
) -> None:
    """A role with another privilege is shown the name alone: it would look as if all columns had been dropped."""
    url = make("CREATE TABLE t (a int)", "CREATE VIEW v AS SELECT a FROM t", "CREATE TABLE u (a int)")
    user = mariadb_server.create_user()
    database = quoted(database_of(url))
    mariadb_server.run(f"GRANT SHOW VIEW ON {database}.* TO {user}", f"GRANT SELECT ON {database}.u TO {user}")
    read = crawl(mariadb_server.url_of(database_of(url), user=user))
    assert set(read.tables) == {"u"}
    assert not end_of(read).complete
    assert "REFERENCES" in (end_of(read).failure or "")


def test_a_broken_view_fails_no_other_and_says_what_is_wrong(make: Callable[..., str]) -> None:
    """It keeps its SQL; its columns cannot be known any more."""
    read = crawl(
        make(
            "CREATE TABLE t (i int)",
            "CREATE TABLE lost (i int)",
            "CREATE VIEW v AS SELECT i FROM lost",
            "CREATE VIEW w AS SELECT i FROM t",
            "DROP TABLE lost",
        )
    )
    assert set(read.tables) == {"t", "v", "w"}
    assert "references invalid table" in read.tables["v"].properties["broken"]
    assert "`lost`" in (read.tables["v"].sql or "")
    assert (read.tables["v"].columns, read.tables["v"].description) == ((), None)
    assert "broken" not in read.tables["w"].properties
    assert end_of(read).complete


def test_a_table_that_is_held_back_leaves_only_its_database_incomplete(
    mariadb_server: MariaDbServer, make: Callable[..., str]
) -> None:
    """The server answers with a warning and an empty row; nothing may be said of that table, and nothing waits for long."""
    url = make("CREATE TABLE t (i int)")
    name = quoted(database_of(url))
    holder = mariadb_server.connect()
    # a table that is being filled from a query is locked against everybody until the query ends
    work = threading.Thread(target=_ignoring_kill, args=(holder, f"CREATE TABLE {name}.held AS SELECT SLEEP(60) AS s"))
    work.start()
    try:
        deadline = time.monotonic() + 10
        while not mariadb_server.run("SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        read = crawl(url, timeout_s=4)
    finally:
        mariadb_server.run(f"KILL {holder.thread_id()}")
        work.join()
        holder.close()
    assert set(read.tables) == {"t"}
    assert not end_of(read).complete
    assert "Lock wait timeout" in (end_of(read).failure or "")


def _ignoring_kill(connection: pymysql.connections.Connection, statement: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except pymysql.Error:
        return


def test_a_damaged_table_leaves_only_its_database_incomplete(
    make: Callable[..., str], mariadb_server: MariaDbServer
) -> None:
    """The server puts the error where the comment would be, which must not become the description."""
    if mariadb_server.folder is None:
        pytest.skip("the files of a server that is not our own cannot be damaged")
    url = make("CREATE TABLE good (i int)", "CREATE TABLE bad (i int) ENGINE = MyISAM", "FLUSH TABLES")
    for file in (mariadb_server.folder / "data" / database_of(url)).glob("bad.MY*"):
        file.unlink()
    read = crawl(url)
    assert set(read.tables) == {"good"}
    assert not end_of(read).complete
    assert "bad" in (end_of(read).failure or "")


AWKWARD = [
    'say "hi"',
    "it's",
    "a.b",
    "two\nlines",
    "tab\tbed",
    "back\\slash",
    "back`tick",
    "\u202eright to left\u202c",
    "é" * 63 + "x",
    "Upper",
    "UPPER",
    "%s %(x)s {0}",
    "sys",
]


def test_any_name_comes_back_as_it_is(mariadb_server: MariaDbServer) -> None:
    """Databases, tables, columns, keys and comments with every awkward sign; two that differ in case alone are two."""
    for at, name in enumerate(AWKWARD):
        database = "db " + name[:50]
        text = name.replace("\\", "\\\\").replace("'", "\\'")
        mariadb_server.run(f"CREATE DATABASE {quoted(database)}")
        mariadb_server.adopt(database)
        mariadb_server.run(
            f"CREATE TABLE {quoted(database)}.{quoted(name)} ({quoted(name)} int PRIMARY KEY COMMENT '{text}') COMMENT '{text}'",
            f"CREATE TABLE {quoted(database)}.child ({quoted(name)} int UNIQUE KEY, CONSTRAINT f{at} FOREIGN KEY ({quoted(name)})"
            f" REFERENCES {quoted(database)}.{quoted(name)} ({quoted(name)}))",
            f"CREATE VIEW {quoted(database)}.v AS SELECT {quoted(name)} FROM {quoted(database)}.child",
        )
    tables = {item.name.parts: item for item in stream_of(mariadb_server.url) if isinstance(item, Found)}
    for name in AWKWARD:
        database = "db " + name[:50]
        parent, child, view = (tables[database, table] for table in (name, "child", "v"))
        assert parent.description == name
        assert parent.columns == (Column(name, "int(11)", nullable=False, description=name),)
        assert parent.primary_key == (name,)
        assert child.foreign_keys == (ForeignKey((name,), (database, name), (name,)),)
        assert [index.columns for index in child.indexes] == [(name,)]
        assert quoted(name) in (view.sql or "")
        alone = stream_of(mariadb_server.url_of(database))
        assert {item.name.parts for item in alone if isinstance(item, Found)} == {
            parts for parts in tables if parts[0] == database
        }


def test_a_database_called_like_the_servers_own_but_in_other_letters_is_read(mariadb_server: MariaDbServer) -> None:
    """The catalog's collation holds `SYS` and `sys` for the same name; the server does not."""
    mariadb_server.run("CREATE DATABASE SYS", "CREATE TABLE SYS.t (i int)")
    mariadb_server.adopt("SYS")
    names = {item.name.parts for item in stream_of(mariadb_server.url) if isinstance(item, Found)}
    assert ("SYS", "t") in names
    mariadb_server.run("DROP DATABASE SYS")


def test_a_very_wide_table_and_the_longest_comments(make: Callable[..., str]) -> None:
    """1,017 columns (the most InnoDB has) in order, and comments of 1,024 characters at a column and 2,048 at a table."""
    columns = ", ".join(f"c{at} int COMMENT '{'é' * 5}'" for at in range(1017))
    long = "ü" * 1024
    wide = f"CREATE TABLE wide ({columns}) COMMENT '{'ü' * 2048}'"
    read = crawl(make(wide, f"CREATE TABLE t (i int COMMENT '{long}', j int COMMENT 'plain')"))
    assert [column.name for column in read.tables["wide"].columns] == [f"c{at}" for at in range(1017)]
    assert read.tables["wide"].description == "ü" * 2048
    assert read.tables["t"].columns[0].description == long


def test_an_empty_database_is_complete_and_empty(make: Callable[..., str]) -> None:
    """The container is there, so that tables it once had can be told to be gone."""
    read = crawl(make("SELECT 1"))
    assert (read.tables, read.expected) == ({}, 0)
    assert end_of(read).complete


def test_a_database_that_is_not_shown_fails_and_is_never_empty(mariadb_server: MariaDbServer, shop_url: str) -> None:
    """Whether it was dropped or a grant was lost cannot be told: nothing may be concluded, and missing() says what to do."""
    database = database_of(shop_url)
    url = mariadb_server.url_of(database, user=mariadb_server.create_user())
    with pytest.raises(SourceFailed, match=f"no database {database}"):
        crawl(url)
    with open_source("wh", SourceSettings(url=url)) as source:
        (gap,) = source.missing()
    assert gap.grant.startswith("GRANT REFERENCES ON")
    assert crawl_only_ends(mariadb_server.url_of(user=mariadb_server.create_user())) == []


def crawl_only_ends(url: str) -> list[ContainerRead]:
    return [item for item in stream_of(url) if isinstance(item, ContainerRead)]


def test_a_server_that_takes_too_long_fails_the_source(shop_url: str) -> None:
    """The limit is the source's own; the line says what happened."""

    def crawl_often() -> None:
        for _ in range(50):  # on a busy machine the server's clock may look only after a short statement has ended
            crawl(shop_url, timeout_s=0.0001)

    with pytest.raises(SourceFailed, match="max_statement_time"):
        crawl_often()


def test_nothing_is_held_open_while_tables_are_handed_on(mariadb_server: MariaDbServer, shop_url: str) -> None:
    """A slow catalog keeps neither a transaction nor a connection in the warehouse."""
    user = mariadb_server.create_user("slowpoke")
    mariadb_server.run(f"GRANT REFERENCES ON {quoted(database_of(shop_url))}.* TO {user}")
    with open_source("wh", SourceSettings(url=mariadb_server.url_of(database_of(shop_url), user=user))) as source:
        stream = source.read()
        assert isinstance(next(stream), Found)
        deadline = time.monotonic() + 5
        while mariadb_server.run(f"SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = '{user}'"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert len(list(stream)) == 6


@pytest.mark.parametrize("scheme", ["mariadb", "mysql+pymysql", "mysql+mysqldb"])
def test_every_spelling_of_the_scheme_is_read_in_the_same_way(shop: Crawled, shop_url: str, scheme: str) -> None:
    """One driver, one namespace."""
    assert crawl(shop_url.replace("mysql://", f"{scheme}://", 1)).stream == shop.stream


@pytest.mark.parametrize(
    "query",
    ["local_infile=1", "init_command=canary", "ssl_disabled=canary", "connect_timeout=canary", "read_default_file=/etc"],
)
def test_parameters_that_loosen_something_are_refused_by_name(shop_url: str, query: str) -> None:
    """Never with the value, which may be a secret."""
    with pytest.raises(WrongSettings, match=query.partition("=")[0]) as caught:
        crawl(f"{shop_url}?{query}")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("trouble", ["wrong password", "nobody listens", "no such host", "no MySQL"])
def test_a_password_never_shows(mariadb_server: MariaDbServer, trouble: str, request: pytest.FixtureRequest) -> None:
    """Neither in the line nor anywhere in the chain of errors that a log would print."""
    parts = urlsplit(mariadb_server.url)
    netloc = {"nobody listens": "127.0.0.1:1", "no such host": "nowhere.invalid:3306"}.get(
        trouble, f"{parts.hostname}:{parts.port}"
    )
    if trouble == "no MySQL":
        netloc = urlsplit(request.getfixturevalue("postgres_server").url).netloc.rpartition("@")[2]
    url = f"mysql://someone:{quote(CANARY, safe='')}@{netloc}/missing?connect_timeout=2"
    with pytest.raises(SourceFailed) as caught:
        crawl(url)
    printed = "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("wh: MySQL at mysql://")
    for piece in (CANARY, quote(CANARY, safe=""), "canary"):
        assert piece not in printed
