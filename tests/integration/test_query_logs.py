"""Query logs of real engines, from the engine to the facts: what ran there is what `crawl --query-log` tells.

Skipped by name where an engine, or the extension, is not installed; in CI they fail there.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from services.common.model.usage import NO_FACTS, StatementFact
from services.common.runtime.settings import load_settings
from services.compose import Workspace
from tests.support.commands import Server, hw, simple_table, write_metadata
from tests.support.mariadb import MariaDbServer
from tests.support.mariadb import find_binaries as find_mariadb
from tests.support.servers import PostgresServer, find_binaries

JOIN = "SELECT c.name FROM orders o JOIN customers c ON o.customer_id = c.id WHERE o.state = 'kanari' AND o.id = {}"
MOVE = "INSERT INTO daily SELECT o.id FROM orders o"
TABLES = (
    "CREATE TABLE customers (id int, name varchar(20))",
    "CREATE TABLE orders (id int, customer_id int, state varchar(20))",
    "CREATE TABLE daily (id int)",
)
LOGGING = {
    "shared_preload_libraries": "pg_stat_statements",
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def needed(reason: str | None) -> None:
    """Skip the test by name, or fail in CI."""
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def has_statistics() -> bool:
    binaries = find_binaries()
    found = binaries and subprocess.run([binaries / "pg_config", "--pkglibdir"], capture_output=True, text=True, check=False)
    folders = [Path(found.stdout.strip())] if found and found.stdout else []
    folders += [binaries.parent / "lib"] if binaries else []
    return any((folder / "pg_stat_statements.so").exists() for folder in folders)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of its own that keeps statistics and logs every statement."""
    needed(None if find_binaries() is not None else "no PostgreSQL on this machine")
    needed(None if has_statistics() else "this PostgreSQL lacks pg_stat_statements")
    with PostgresServer.start(LOGGING) as server:
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDbServer]:
    """A server of its own, whose logs can be read."""
    needed(None if find_mariadb() is not None else "no MariaDB on this machine")
    folder = {"general-log": "ON", "slow-query-log": "ON", "long-query-time": "0"}
    with MariaDbServer.start(folder) as server:
        yield server


def facts_of(home: Path) -> list[StatementFact]:
    space = Workspace(load_settings({"home": home}, environ={}))
    try:
        return list(space.lineage.statements.after(NO_FACTS).facts)
    finally:
        space.close()


def names(fact: StatementFact, way: str) -> set[str]:
    return {fact.names[id_].parts[-1] for id_ in getattr(fact, way)}


def joined(facts: list[StatementFact]) -> list[StatementFact]:
    return [fact for fact in facts if names(fact, "reads") == {"orders", "customers"}]


def assert_told(home: Path, runs: int) -> None:
    """The join ran so often, with its pair of columns; the insert is a write; nothing holds the literal."""
    facts = facts_of(home)
    assert sum(fact.count for fact in joined(facts)) == runs
    join = joined(facts)[0].joins[0]
    assert {join.left_column, join.right_column} == {"customer_id", "id"}
    assert any(names(fact, "writes") == {"daily"} and names(fact, "reads") == {"orders"} for fact in facts)
    assert {fact.names[id_].parts[-1] for fact in facts for id_ in fact.reads} <= {"orders", "customers", "daily"}
    for path in home.rglob("*"):
        assert not path.is_file() or b"kanari" not in path.read_bytes(), path.name


def crawl(home: Path, *arguments: str | Path, **env: str) -> str:
    done = hw("crawl", *arguments, home=home, **env)
    assert done.code == 0, done.err
    return done.err


def test_pg_stat_statements_of_a_real_server(postgres, tmp_path):
    """What was added since the last crawl counts, with the roles that ran it."""
    url = postgres.create_database("shop")
    with postgres.connect(url) as connection:
        for statement in ("CREATE EXTENSION pg_stat_statements", *TABLES, MOVE):
            connection.execute(statement)
        for number in range(7):
            connection.execute(JOIN.format(number))
    (tmp_path / "headwater.toml").write_text(f'[sources.shop]\nurl = "{url}"\nquery_log = true\n', encoding="utf-8")
    home = tmp_path / "home"
    assert "shop: pg_stat_statements" in crawl(home, "shop")
    assert_told(home, runs=7)
    with postgres.connect(url) as connection:
        connection.execute(JOIN.format(99))
    crawl(home, "shop")
    assert_told(home, runs=8)


def test_a_server_reads_what_ran_after_each_crawl_that_it_runs(postgres, tmp_path):
    """A crawl that is asked for over HTTP brings the statistics too."""
    url = postgres.create_database("served")
    with postgres.connect(url) as connection:
        for statement in ("CREATE EXTENSION pg_stat_statements", *TABLES, MOVE, JOIN.format(1), JOIN.format(2)):
            connection.execute(statement)
    (tmp_path / "headwater.toml").write_text(f'[sources.shop]\nurl = "{url}"\nquery_log = true\n', encoding="utf-8")
    home = tmp_path / "home"
    with Server(home=home) as server:
        server.ready()
        assert server.client.post("/api/v1/crawls", json={"source": "shop"}).status_code in (200, 201, 202)
        _until(lambda: "log read" in server.log.read_text(encoding="utf-8"), within_s=60)
        _until(lambda: server.get("/lineage/coverage")["logs"] != [])
        (log,) = server.get("/lineage/coverage")["logs"]
    assert log["source"] == "shop"
    assert log["parsed"] > 5
    assert_told(home, runs=2)


def test_from_what_roles_ran_to_what_goes_with_a_table_over_http(postgres, tmp_path):
    """Two roles join two tables on a real server; a crawl asked for over HTTP later both are told as used together, and by how many."""
    url = postgres.create_database("story")
    database = url.rpartition("/")[2]
    roles = [f"{name}_{database[-8:]}" for name in ("ann", "bob")]
    with postgres.connect(url) as connection:
        for statement in ("CREATE EXTENSION pg_stat_statements", *TABLES, MOVE):
            connection.execute(statement)
        for role in roles:
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'".encode())
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}".encode())
    for number, role in enumerate(roles):
        with postgres.connect(postgres.url_of(database, user=role, password="pw")) as connection:
            for run in range(3):
                connection.execute(JOIN.format(10 * number + run))
    (tmp_path / "headwater.toml").write_text(f'[sources.shop]\nurl = "{url}"\nquery_log = true\n', encoding="utf-8")
    with Server(home=tmp_path / "home") as server:
        server.ready()
        assert server.client.post("/api/v1/crawls", json={"source": "shop"}).status_code in (200, 201, 202)
        _until(lambda: "log read" in server.log.read_text(encoding="utf-8"), within_s=60)
        _until(lambda: server.get("/assets", name="orders")["assets"] != [], within_s=60)
        (orders,) = server.get("/assets", name="orders")["assets"]

        def partner():
            found = {item["qualified_name"].rpartition(".")[2]: item for item in _related(server, orders["id"])}
            return found.get("customers") if found.get("customers", {}).get("basis") == "observed" else None

        _until(lambda: partner() is not None, within_s=60)
        told, first = partner(), _related(server, orders["id"])[0]
        usage = server.get(f"/assets/{orders['id']}")["usage"]
    assert first["qualified_name"] == told["qualified_name"]
    assert (told["queries"], told["people"]) == (1, 2)
    assert "2 people" in told["reasons"][0]
    assert (told["join_on"][0]["evidence"], told["join_on"][0]["on"]) == ("observed", [["customer_id", "id"]])
    assert "JOIN" in told["join_on"][0]["sql"]
    assert usage["people"] >= 2


def _related(server, asset):
    return server.get(f"/assets/{asset}/related")["items"]


def test_a_server_without_the_extension_is_said_and_does_not_end_the_crawl(postgres, tmp_path):
    """The tables are there; the log's failure is in the report, and the exit code says `in part`."""
    url = postgres.create_database("bare")
    (tmp_path / "headwater.toml").write_text(f'[sources.bare]\nurl = "{url}"\nquery_log = true\n', encoding="utf-8")
    done = hw("crawl", "bare", home=tmp_path / "home")
    assert done.code == 3
    assert "no extension pg_stat_statements" in done.err


def test_the_log_of_a_real_postgresql(postgres, tmp_path):
    """Statements with their user and database; what failed is left out; the same file twice counts once."""
    url = postgres.create_database("logged")
    with postgres.connect(url) as connection:
        for statement in (*TABLES, MOVE):
            connection.execute(statement)
        for number in range(5):
            connection.execute(JOIN.format(number))
        with pytest.raises(Exception, match="nothing"):
            connection.execute("SELECT nothing FROM orders")
    database = url.rpartition("/")[2]
    kept, mine = [], False
    for line in postgres.log.read_text().splitlines():
        mine = mine if line.startswith("\t") else f"@{database} " in line
        kept += [line] if mine else []
    log = "\n".join(kept)
    (tmp_path / "server.log").write_text(log, encoding="utf-8")
    home = tmp_path / "home"
    said = crawl(home, url, "--query-log", tmp_path / "server.log")
    assert "PostgreSQL log" in said
    assert "the query failed" in said
    crawl(home, url, "--query-log", tmp_path / "server.log")
    assert_told(home, runs=5)


@pytest.mark.parametrize("kind", ["general", "slow"])
def test_the_logs_of_a_real_mariadb(mariadb, tmp_path, kind):
    """The general log and the slow log tell the same statements, with their database and their user."""
    url = mariadb.create_database("shop")
    mariadb.run(*TABLES, MOVE, *(JOIN.format(number) for number in range(4)), url=url)
    variable = "general_log_file" if kind == "general" else "slow_query_log_file"
    (name,) = mariadb.run(f"SELECT @@{variable}")[0]
    file = mariadb.folder / "data" / name
    _until(lambda: JOIN.format(3) in file.read_text(encoding="utf-8"))
    home = tmp_path / "home"
    said = crawl(home, url, "--query-log", file)
    assert f"{kind} log" in said
    facts = [fact for fact in joined(facts_of(home)) if url.rpartition("/")[2] in str(fact.names)]
    assert sum(fact.count for fact in facts) == 4
    assert all(fact.user for fact in facts)


def test_the_log_of_a_real_duckdb(tmp_path):
    """The file that `enable_logging` writes."""
    warehouse, logs = tmp_path / "shop.duckdb", tmp_path / "logs"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"CALL enable_logging('QueryLog', storage='file', storage_config={{'path': '{logs}'}})")
        for statement in (*TABLES, MOVE, *(JOIN.format(number) for number in range(6))):
            connection.execute(statement)
    home = tmp_path / "home"
    said = crawl(home, f"duckdb:///{warehouse}", "--query-log", logs / "duckdb_log_entries.csv")
    assert "DuckDB log" in said
    assert_told(home, runs=6)


def test_a_log_read_alone_after_the_crawl(tmp_path):
    """Without a source on the command line, the one that the catalog has is meant; again counts nothing."""
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        for statement in TABLES:
            connection.execute(statement)
    home = tmp_path / "home"
    crawl(home, f"duckdb:///{warehouse}")
    (tmp_path / "log.csv").write_text(f'sql,user\n"{MOVE}",ann\n"{JOIN.format(1)}",bob\n', encoding="utf-8")
    assert "2 executions counted" in crawl(home, "--query-log", tmp_path / "log.csv")
    assert "0 executions counted, 2 lines counted before" in crawl(home, "--query-log", tmp_path / "log.csv")
    assert_told(home, runs=1)


def test_a_table_that_only_a_log_names_is_found_and_becomes_the_crawled_one(tmp_path):
    """Searchable as unlisted where its name leaves nothing open; the same id when a crawl shows it."""
    line = {"sql": "SELECT amount FROM shop.sales.refunds", "user": "ann", "source": "metadata://w", "database": "shop"}
    (tmp_path / "log.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    first = write_metadata(tmp_path / "w.jsonl", simple_table("orders"))
    home = tmp_path / "home"
    said = crawl(home, first, "--query-log", tmp_path / "log.jsonl")
    assert "tables that no crawl has shown: shop.sales.refunds" in said
    found = hw("search", "refunds", "--json", home=home).json["hits"]
    assert [hit["qualified_name"] for hit in found][:1] == ["shop.sales.refunds"]
    write_metadata(tmp_path / "w.jsonl", simple_table("orders"), simple_table("refunds", schema="sales"))
    crawl(home, first)
    again = hw("search", "refunds", "--json", home=home).json["hits"]
    assert again[0]["id"] == found[0]["id"]


@pytest.mark.parametrize("cut", ["packed", "line"])
def test_a_log_that_was_cut_is_done_in_part_and_named(tmp_path, cut):
    """What stands before the cut is read; the whole file counts the rest alone."""
    text = "".join(json.dumps({"sql": f"SELECT {n} FROM t", "user": f"u{n * 7919}"}) + "\n" for n in range(300))
    log = tmp_path / ("log.jsonl.gz" if cut == "packed" else "log.jsonl")
    whole = gzip.compress(text.encode()) if cut == "packed" else text.encode()
    log.write_bytes(whole[: len(whole) // 2])
    done = hw("crawl", "--query-log", log, "--json", home=tmp_path / "home")
    (read,) = done.json["query_logs"]
    assert (done.code, 0 < read["counted"] < 300) == (3, True)
    assert [f"{log} is cut or damaged at line {read['counted'] + 1}" in failure for failure in read["failures"]] == [True]
    log.write_bytes(whole)
    done = hw("crawl", "--query-log", log, "--json", home=tmp_path / "home")
    (again,) = done.json["query_logs"]
    assert (done.code, again["failures"], again["counted"] + read["counted"]) == (0, [], 300)


@pytest.mark.parametrize(("name", "content"), [("log.jsonl", b'{"sql": "select'), ("log.jsonl", b"{not json}\n")])
def test_a_log_of_which_nothing_can_be_read_is_no_success(tmp_path, name, content):
    """One line that was cut, and no row at all."""
    (tmp_path / name).write_bytes(content)
    done = hw("crawl", "--query-log", tmp_path / name, "--json", home=tmp_path / "home")
    assert (done.code, len(done.json["query_logs"][0]["failures"])) == (3, 1)


def test_a_file_that_is_called_packed_and_is_not_fails_before_anything_is_done(tmp_path):
    """With a sentence that says so."""
    (tmp_path / "fake.gz").write_bytes(b"not gz")
    done = hw("crawl", "--query-log", tmp_path / "fake.gz", home=tmp_path / "home")
    assert done.code != 0
    assert "is no gzip file" in done.err


def test_users_are_kept_as_the_settings_say(tmp_path):
    """A stand-in by default, the name, or nothing; a name that is not kept is nowhere in the home."""
    (tmp_path / "log.jsonl").write_text('{"sql": "SELECT 1 FROM t", "user": "anna.kanari"}\n', encoding="utf-8")
    seen = {}
    for kept in ("hashed", "names", "off"):
        home = tmp_path / kept
        crawl(home, "--query-log", tmp_path / "log.jsonl", HEADWATER_USAGE__USERS=kept)
        seen[kept] = facts_of(home)[0].user
        if kept != "names":
            assert not any(b"anna.kanari" in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert seen["names"] == "anna.kanari"
    assert seen["off"] is None
    assert len(seen["hashed"]) == 24


def _until(look: Callable[[], bool], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < end
        time.sleep(0.1)
