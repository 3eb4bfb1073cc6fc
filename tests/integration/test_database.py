"""The database under every store: what a unit of work and a reader are promised, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.common.errors import ServiceUnavailable, WrongSettings
from services.common.runtime import db
from services.common.runtime.db import Database, announce, table_exists

metadata = MetaData()
counter = Table("counter", metadata, Column("id", Integer, primary_key=True), Column("n", Integer, nullable=False))
note = Table("note", metadata, Column("id", Integer, primary_key=True), Column("text", String))
KINDS = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.server)]


def prepare(database: Database) -> None:
    """Empty tables, and the counter at 0."""
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{database.schema}"'))
        metadata.create_all(connection)
        connection.execute(insert(counter), {"id": 1, "n": 0})


@pytest.fixture(params=KINDS)
def database(request, tmp_path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'x.db'}", schema="x")
    else:
        url = request.getfixturevalue("postgres_server").create_database("database")
        made = Database(url, schema="x", pool_size=3)
    prepare(made)
    yield made
    made.close()


@pytest.fixture
def sqlite(tmp_path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'x.db'}", schema="x")
    prepare(made)
    yield made
    made.close()


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(counter.c.n)).scalar_one()


def add(database: Database, pause_s: float = 0.0) -> None:
    """Read the counter, and write one more."""
    with database.write() as connection:
        n = connection.execute(select(counter.c.n).with_for_update()).scalar_one()
        time.sleep(pause_s)
        connection.execute(update(counter).values(n=n + 1))


def test_a_unit_of_work_is_kept_when_it_ends(database):
    """And seen by the next reader."""
    add(database)
    assert count(database) == 1


def test_a_unit_of_work_that_fails_leaves_nothing(database):
    """Whatever the reason; the error is the caller's own."""
    for error in (KeyError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)), database.write() as connection:
            connection.execute(update(counter).values(n=7))
            raise error
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(update(counter).values(n=7))
        connection.execute(insert(counter), {"id": 1, "n": 1})
    assert count(database) == 0
    add(database)
    assert count(database) == 1


def test_who_listens_is_told_of_announced_commits_alone(database):
    """After the commit, not of what failed, and not of what nobody announced."""
    told = []
    database.tell(lambda: told.append(True))
    with database.write() as connection:
        announce(connection)
        assert not told
    assert told == [True]
    with database.write():
        pass
    with pytest.raises(RuntimeError), database.write() as connection:
        announce(connection)
        raise RuntimeError
    with database.write():
        pass
    assert told == [True]


def test_a_reader_sees_one_state_from_its_first_look(database):
    """Also where a writer commits in between; the next reader sees that."""
    with database.read() as reader:
        assert reader.execute(select(counter.c.n)).scalar_one() == 0
        add(database)
        assert reader.execute(select(counter.c.n)).scalar_one() == 0
        assert reader.execute(select(func.count()).select_from(note)).scalar_one() == 0
    assert count(database) == 1


def test_a_reader_writes_nothing(database):
    """PostgreSQL refuses, SQLite forgets."""
    refused = nullcontext() if database.is_sqlite else pytest.raises(DBAPIError, match="read-only")
    with refused, database.read() as connection:
        connection.execute(update(counter).values(n=9))
    assert count(database) == 0


def test_a_writer_is_not_read_only_after_a_reader(database):
    """The connection goes back to the pool as it was."""
    for expected in range(1, 6):
        assert count(database) == expected - 1
        add(database)
        assert count(database) == expected


def test_writers_lose_no_update(database):
    """Read and write in one unit of work: the second waits for the first, and reads what it wrote."""
    threads = [threading.Thread(target=add, args=(database, 0.05)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 5


def test_tables_are_found_without_reflection(database):
    """In the service's own schema."""
    with database.read() as connection:
        assert table_exists(connection, "counter", schema=database.schema)
        assert not table_exists(connection, "nothing", schema=database.schema)
        assert database.is_sqlite or not table_exists(connection, "counter", schema="public")


def test_an_error_shows_no_parameters(database):
    """They are what people wrote or what a table is called."""
    with pytest.raises(IntegrityError) as caught, database.write() as connection:
        connection.execute(insert(note), {"id": 1, "text": "S3CR3T"})
        connection.execute(insert(note), {"id": 1, "text": "S3CR3T"})
    assert "S3CR3T" not in str(caught.value)


def test_sqlite_takes_its_write_lock_at_once(sqlite):
    """What was read inside a unit of work is still true when it is written: nobody writes in between."""
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with sqlite.write() as connection:
            connection.execute(select(counter.c.n)).scalar_one()  # has only read so far
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(5)
    with sqlite.write():
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_sqlite_readers_never_wait_for_a_writer(sqlite):
    """Write-ahead logging: they see the state before it."""
    with sqlite.write() as writer:
        writer.execute(update(counter).values(n=5))
        assert count(sqlite) == 0
        mode, keys = (writer.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "foreign_keys"))
    assert (mode, keys) == ("wal", 1)


def test_a_sqlite_writer_that_waits_too_long_is_told(tmp_path, monkeypatch):
    """By an error that says which database, and what to do; who reads goes on, and the holder loses nothing."""
    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 100)
    database = Database(f"sqlite:///{tmp_path / 'x.db'}", schema="x")
    prepare(database)
    with database.write() as connection:
        connection.execute(update(counter).values(n=7))
        with pytest.raises(ServiceUnavailable, match=r"x\.db locked for 0\.1 s: .* and try again"), database.write():
            pass
        assert count(database) == 0
    assert count(database) == 7


CHILD = """
import sys, time
from sqlalchemy import text
from services.common.runtime.db import Database
database = Database("sqlite:///" + sys.argv[1], schema="x")
with database.write() as connection:
    n = connection.execute(text("SELECT n FROM counter")).scalar_one()
    print("inside", flush=True)
    time.sleep(0.5)
    connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})
"""


def test_another_process_waits_its_turn(sqlite, tmp_path):
    """A crawl beside a running server is the normal case."""
    command = [sys.executable, "-c", CHILD, str(tmp_path / "x.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"inside\n"
        assert count(sqlite) == 0
        add(sqlite)
    assert child.returncode == 0
    assert count(sqlite) == 2


def test_each_service_has_its_own_file_in_the_home(tmp_path):
    """A home that is made is its owner's alone; signs in its name are part of the path."""
    home = tmp_path / "a b" / "Größe #1 100%"
    names = ("catalog", "indexer", "lineage")
    for name in names:
        database = Database.for_service(name, home=home, database_url=None)
        prepare(database)
        database.close()
    assert {path.name for path in home.iterdir() if path.suffix == ".db"} == {f"{name}.db" for name in names}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["a b"]


@pytest.mark.server
def test_each_service_has_its_own_schema_of_one_postgresql(postgres_server, tmp_path):
    """Tables of one name in two services are two tables, and nothing is in `public`."""
    url = postgres_server.create_database("services")
    databases = [Database.for_service(name, home=tmp_path, database_url=url, pool_size=1) for name in ("catalog", "lineage")]
    for database in databases:
        prepare(database)
    add(databases[0])
    assert [count(database) for database in databases] == [1, 0]
    with databases[0].read() as connection:
        found = connection.execute(text("SELECT schemaname FROM pg_tables WHERE tablename = 'counter' ORDER BY 1"))
        assert list(found.scalars()) == ["catalog", "lineage"]
        assert connection.execute(text("SHOW application_name")).scalar_one() == "headwater-catalog"
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "repeatable read"
    for database in databases:
        database.close()
    assert list(tmp_path.iterdir()) == []


@contextmanager
def told(match: str) -> Iterator[None]:
    """The block fails as an unavailable service would, and no password is in what is said."""
    with pytest.raises(ServiceUnavailable, match=match) as caught:
        yield
    assert "S3CR3T" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("suffix", ["", "?sslmode=disable&password=S3CR3T"])
def test_a_server_that_is_not_there_is_unavailable(suffix):
    """The address is shown, the password is not."""
    pytest.importorskip("psycopg")
    user = "ann@" if suffix else "ann:S3CR3T@"
    database = Database(f"postgresql://{user}127.0.0.1:1/shop{suffix}", schema="x")
    assert "S3CR3T" not in database.shown
    for open_ in (database.read, database.write):
        with told("127.0.0.1:1/shop.* does not answer: "), open_():
            pass
    database.close()


@pytest.mark.server
def test_a_wrong_password_or_database_is_not_shown(postgres_server):
    """The server's own words are kept, the password is not."""
    for url in (
        postgres_server.url_of("postgres", user="headwater", password="S3CR3T"),
        postgres_server.url_of("nothing-here", user="S3CR3T", password="x").replace("S3CR3T", "nobody"),
    ):
        database = Database(url, schema="x")
        with told("does not answer"), database.read():
            pass
        database.close()


@pytest.mark.server
def test_a_connection_that_is_cut_is_unavailable_and_made_anew(postgres_server):
    """A restarted server costs one failed request, not a restart of ours; nothing of the unit of work is kept."""
    database = Database(postgres_server.create_database("cut"), schema="x", pool_size=1)
    prepare(database)
    for open_ in (database.write, database.read):
        with told("does not answer|was lost"), open_() as connection:
            if open_ == database.write:
                connection.execute(update(counter).values(n=7))
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with postgres_server.connect() as administrator:
                administrator.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            connection.execute(select(counter.c.n))
        assert count(database) == 0
    database.close()


@pytest.mark.server
def test_a_connection_that_was_cut_while_idle_is_noticed_before_it_is_used(postgres_server):
    """A firewall or a restart in the night costs nobody a request."""
    database = Database(postgres_server.create_database("idle"), schema="x", pool_size=1)
    prepare(database)
    with database.read() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with postgres_server.connect() as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert count(database) == 0
    database.close()


@pytest.mark.server
def test_when_all_connections_are_taken_it_is_said(postgres_server):
    """Instead of an error that nobody translates; here after a moment, in service after the pool's patience."""
    database = Database(postgres_server.create_database("pool"), schema="x", pool_size=1)
    database.engine.pool._timeout = 0.1
    with database.read(), database.read(), database.read(), told("every connection"), database.read():
        pass
    database.close()


@pytest.mark.parametrize("url", ["postgresql://ann:S3CR3T@db:port/shop", "postgresql://ann:S3CR3T"])
def test_a_url_that_cannot_be_split_is_not_shown(url):
    """A forgotten host puts the password where the port belongs."""
    pytest.importorskip("psycopg")
    with pytest.raises(WrongSettings, match="cannot be split") as caught:
        Database(url, schema="x")
    assert "S3CR3T" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_driver_says_what_to_install(monkeypatch):
    """PostgreSQL's is an extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(WrongSettings, match=r"pip install 'headwater\[postgres\]'"):
        Database("postgresql://db/shop", schema="x")


def test_the_file_is_where_the_url_says(tmp_path):
    """Nothing else is made, and nothing before it is needed."""
    Database(f"sqlite:///{tmp_path / 'x.db'}", schema="x").close()
    assert list(Path(tmp_path).iterdir()) == []


def test_a_file_that_stays_open_is_not_written_back_after_each_commit(tmp_path):
    """The write-ahead log stays until the end, whichever thread opened the idle connection, and goes then."""
    database = Database(f"sqlite:///{tmp_path / 'one.db'}", schema="one")
    opener = threading.Thread(target=database.stay_open)
    opener.start()
    opener.join()
    database.stay_open()
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (x integer)"))
    assert (tmp_path / "one.db-wal").stat().st_size > 0
    database.close()
    assert not (tmp_path / "one.db-wal").exists()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar_one() == 0
    database.close()


def test_a_database_that_stays_open_reads_with_the_same_connection(tmp_path):
    """What is committed later is seen; a connection that failed is not used again; a command's are closed."""
    with open_database(tmp_path / "x.db") as database:
        prepare(database)
        passing = [raw(database) for _ in range(3)]
        assert len(set(map(id, passing))) == 3
        database.stay_open()
        first = raw(database)
        with database.write() as connection:
            connection.execute(update(counter).values(n=5))
        assert count(database) == 5
        assert raw(database) is first
        with database.read() as one, database.read() as other:
            assert one.connection.dbapi_connection is first
            assert other.connection.dbapi_connection is not first
        with pytest.raises(IntegrityError), database.read() as connection:
            failed = connection.connection.dbapi_connection
            connection.execute(insert(counter), {"id": 1, "n": 0})
        assert all(raw(database) is not failed for _ in range(3))
        with database.write() as connection:
            assert connection.execute(select(func.count()).select_from(counter)).scalar_one() == 1
    with pytest.raises(sqlite3.ProgrammingError):
        first.execute("SELECT 1")


def raw(database: Database) -> sqlite3.Connection:
    """The driver's connection that a read is given."""
    with database.read() as connection:
        connection.execute(select(1))
        return connection.connection.dbapi_connection


@contextmanager
def open_database(file: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{file}", schema="x")
    try:
        yield made
    finally:
        made.close()


PAGE, FRAME, LOG_HEAD = 4_096, 4_096 + 24, 32
"""Bytes of a page, of a page in the write-ahead log, and of the log's head: SQLite's file format."""


def test_a_loss_of_power_loses_no_commit_that_was_waited_for(tmp_path):
    """The log cut, zeroed, garbled or with a hole anywhere behind the last commit: that commit's state, whole, and writable."""
    with open_database(tmp_path / "x.db") as database:
        database.stay_open()
        prepare(database)
        synced = [(tmp_path / "x.db-wal").stat().st_size]
        for at in range(12):
            _note(database, at)
            synced.append((tmp_path / "x.db-wal").stat().st_size)
        with database.write() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # each commit waits for the disk
        file, log = (tmp_path / "x.db").read_bytes(), (tmp_path / "x.db-wal").read_bytes()
    dice = random.Random(7)
    for tear in range(48):
        kept = dice.randrange(len(synced) - 1)
        at = dice.randrange(synced[kept], synced[kept + 1])
        rest = log[at:]
        torn = (
            b"",
            bytes(len(rest)),
            dice.randbytes(len(rest)),
            bytes(min(512, synced[kept + 1] - at)) + rest[512:],
        )[tear % 4]
        if torn == rest:
            continue
        _holds(tmp_path / f"torn-{tear}", file, log[:at] + torn, kept)


def test_a_loss_of_power_while_the_log_is_written_back_loses_nothing(tmp_path):
    """Pages of the file are then half old and half new, or neither; the log has them all until they are synced."""
    with open_database(tmp_path / "x.db") as database:
        database.stay_open()
        prepare(database)
        for at in range(12):
            _note(database, at)
        file, log = (tmp_path / "x.db").read_bytes(), (tmp_path / "x.db-wal").read_bytes()
    pages = {
        int.from_bytes(log[at : at + 4], "big"): log[at + 24 : at + FRAME]
        for at in range(LOG_HEAD, len(log) - FRAME + 1, FRAME)
    }
    dice = random.Random(7)
    for tear in range(24):
        torn = bytearray(file.ljust(PAGE * max(pages), b"\0"))
        for number in dice.sample(sorted(pages), dice.randint(1, len(pages))):
            half = PAGE * (number - 1) + 512 * dice.randrange(8)
            end = PAGE * number
            torn[half:end] = pages[number][half - end :] if tear % 2 else dice.randbytes(end - half)
        _holds(tmp_path / f"torn-{tear}", bytes(torn), log, 12)


def _note(database: Database, at: int) -> None:
    """One commit over several pages: six notes, and their number."""
    with database.write() as connection:
        connection.execute(insert(note), [{"text": f"{at} {'x' * 900}"} for _ in range(6)])
        connection.execute(update(counter).values(n=at + 1))


def _holds(folder: Path, file: bytes, log: bytes, n: int) -> None:
    """What was left opens in the state of the n-th commit, whole, and takes another."""
    folder.mkdir()
    (folder / "x.db").write_bytes(file)
    (folder / "x.db-wal").write_bytes(log)
    with open_database(folder / "x.db") as database:
        assert count(database) == n
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert connection.execute(select(func.count()).select_from(note)).scalar_one() == 6 * n
        add(database)
        assert count(database) == n + 1


def test_a_damaged_file_is_said_in_one_line(sqlite, tmp_path):
    """Not as an error that nobody expected: whoever asks gets 503, and a command its line."""
    sqlite.close()
    whole = (tmp_path / "x.db").read_bytes()
    for damaged, words in (
        (b"no database" * 500, "not a database"),
        (whole[:100] + b"\xff" * (len(whole) - 100), "malformed"),
    ):
        (tmp_path / "x.db").write_bytes(damaged)
        with told(f"damaged, or its disk fails: .*{words}"):
            count(sqlite)
