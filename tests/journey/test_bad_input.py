"""What people point a crawl at by mistake or in need: a clear line, the right exit code, and nothing that was stored is lost."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.commands import Done, hw
from tests.support.servers import PostgresServer

WIDE = 2_000
LONG = "x" * 10_000
NAMES = ['say "hi"', "it's", "two\nlines", "🛒 cart", "\u202eevil\u202c", "semi;colon", "back`tick", "[bracket]", LONG]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all of this, with three tables of a file in it that must still be there, and found, in the end."""
    folder = tmp_path_factory.mktemp("bad")
    with sqlite3.connect(folder / "kept.db") as connection:
        connection.executescript("CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);")
    home = folder / "home"
    assert hw("crawl", f"sqlite:///{folder / 'kept.db'}", home=home).code == 0
    yield home
    found = hw("search", "kept", "-k", "100", "--json", home=home).json["hits"]
    assert {f"kept.{name}" for name in "abc"} <= {hit["qualified_name"] for hit in found}
    assert hw("verify", home=home).code == 0


def _crawl(home: Path, url: str) -> tuple[Done, dict[str, Any]]:
    """A crawl with `--json`; whatever comes of it, what was stored before is still there."""
    done = hw("crawl", url, "--json", home=home)
    assert "Traceback" not in done.err
    with sqlite3.connect(home / "catalog.db") as connection:
        query = "SELECT table_lower FROM asset WHERE database_lower = 'kept' AND gone_at IS NULL AND unseen_since IS NULL"
        assert {name for (name,) in connection.execute(query)} == {"a", "b", "c"}
    return done, done.json["crawls"][0] if done.out else {}


def _lines(path: Path, *lines: Any) -> str:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return f"metadata://{path}"


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("nosuch://host/db", 2, "nosuch"),
        ("shop.db", 2, "no source is called shop.db"),
        ("postgresql://bob:pa/ss@127.0.0.1:5432/x", 2, "%2F"),
        ("postgresql://bob:canary@127.0.0.1:1/x", 1, "127.0.0.1:1 failed"),
        ("mysql://bob:canary@127.0.0.1:1/x", 1, "127.0.0.1:1"),
        ("sqlite:///nowhere.db", 1, "there is no file"),
        ("duckdb:///nowhere.duckdb", 1, "there is no file"),
        ("metadata://nowhere.jsonl", 1, "cannot be read"),
        ("dbt://nowhere", 1, "nowhere"),
    ],
)
def test_what_leads_nowhere_is_said_in_a_line(home: Path, url: str, code: int, said: str) -> None:
    done, _ = _crawl(home, url)
    assert done.code == code
    lines = [line for line in done.err.splitlines() if said in line]
    assert lines, done.err
    assert "canary" not in done.out + done.err
    assert "pa/ss" not in done.out + done.err


@pytest.mark.server
def test_a_wrong_password_is_said_and_never_shown(home: Path, postgres_server: PostgresServer) -> None:
    parts = urlsplit(postgres_server.url)
    url = f"postgresql://{parts.username}:wr0ng-canary@{parts.hostname}:{parts.port}/postgres"
    done, report = _crawl(home, url)
    assert (done.code, report["state"], len(report["failures"])) == (1, "failed", 1)
    assert "password authentication failed" in report["failures"][0]
    assert "wr0ng-canary" not in done.out + done.err


def test_an_empty_database_is_complete_and_empty(home: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "empty.db") as connection:
        connection.execute("VACUUM")
    done, report = _crawl(home, f"sqlite:///{tmp_path / 'empty.db'}")
    assert (done.code, report["state"], report["tables"]["found"]) == (0, "complete", 0)


def test_a_file_that_its_writer_holds_is_said_and_loses_nothing(home: Path, tmp_path: Path) -> None:
    """DuckDB lets nobody read beside a writer of another process."""
    path = tmp_path / "shop.duckdb"
    make = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); c.execute('CREATE TABLE orders (id int)')"
    subprocess.run([sys.executable, "-c", make], check=True)
    assert _crawl(home, f"duckdb:///{path}")[0].code == 0
    held = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        done, report = _crawl(home, f"duckdb:///{path}")
        assert (done.code, report["state"], report["tables"]["gone"]) == (1, "failed", 0)
        assert "open for writing in another process" in report["failures"][0]
        assert hw("search", "shop.main.orders", "--json", home=home).json["hits"][0]["name"] == "orders"
        assert writer.stdin is not None
        writer.stdin.close()


def test_wide_tables_and_every_kind_of_name_come_through(home: Path, tmp_path: Path) -> None:
    """2,000 columns, quotes, line breaks, emoji, marks that turn the direction, ten kilobytes."""
    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE wide ({', '.join(f'c{n} int' for n in range(WIDE))})")
        for name in NAMES:
            quoted = '"' + name.replace('"', '""') + '"'
            connection.execute(f"CREATE TABLE {quoted} ({quoted} text)")
    done, report = _crawl(home, f"sqlite:///{path}")
    assert (done.code, report["tables"]["found"]) == (0, len(NAMES) + 1)
    changed = hw("crawls", "show", hw("crawls", "--json", home=home).json["crawls"][0]["id"], "--json", home=home).json
    assert {one["qualified_name"].removeprefix("odd.") for one in changed["changes"]} == {*NAMES, "wide"}
    assert hw("crawl", f"sqlite:///{path}", "--json", home=home).json["crawls"][0]["tables"]["unchanged"] == len(NAMES) + 1


def test_lines_that_cannot_be_read_are_named_and_the_good_ones_kept(home: Path, tmp_path: Path) -> None:
    """A comment of a megabyte, a NUL, and lines that are no JSON: exit 3, with their numbers."""
    good = {"database": "d", "name": "long", "description": "y" * 1_000_000}
    bad = ["{not json", '{"database": "d"}', {"database": "d", "name": "nul", "columns": [{"name": "a\u0000b"}]}]
    url = _lines(tmp_path / "mixed.jsonl", good, *bad, {"database": "d", "name": "fine"}, "[1]")
    done, report = _crawl(home, url)
    assert (done.code, report["state"], report["tables"]["found"]) == (3, "partial", 2)
    (failure,) = report["failures"]
    assert [f"line {number}" in failure for number in range(1, 7)] == [False, True, True, True, False, True]
    mended = _lines(tmp_path / "mixed.jsonl", {"database": "d", "name": "fine"})
    done, report = _crawl(home, mended)
    assert (done.code, report["tables"]["gone"]) == (0, 1)


@pytest.mark.parametrize(
    "manifest",
    [
        "[" * 1_000_000,
        '{"nodes": {' + '"a": {' * 10_000,
        '{"metadata": {"dbt_schema_version": "' + "v" * 30_000_000 + '"}}',
        '{"metadata": {}, "nodes": {"model.a.b": 1e999999}}',
        "nodes:\n  a: &a [*a, *a]\n",
        "\ufeff",
        '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {"m',
    ],
    ids=["deep array", "deep object", "long text", "huge number", "yaml bomb", "nothing", "cut off"],
)
def test_artifacts_that_are_none_harm_nothing(home: Path, tmp_path: Path, manifest: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "manifest.json").write_text(manifest, encoding="utf-8")
    done, report = _crawl(home, f"dbt://{target}")
    assert (done.code, report["state"], report["tables"]["found"]) == (1, "failed", 0)
    assert len(report["failures"]) == 1
    assert len(report["failures"][0]) < 1_000
