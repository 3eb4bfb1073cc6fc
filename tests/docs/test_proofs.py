"""README's table of sources says what was met, and when: contact is made here, and the table is what came of it.

`WRITE_PROOFS=1 make test T=tests/docs/test_proofs.py` writes versions and dates into `proofs.json` and README.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from tests.integration import test_source_bigquery as bigquery
from tests.integration import test_source_snowflake_recorded as snowflake
from tests.support.crawled import crawl
from tests.support.dbt_project import find_dbt, run_dbt, write_project
from tests.support.pages import ROOT, text_of
from tests.support.snowflake import PROGRAM, FakeSnow

Request = pytest.FixtureRequest
Proof = dict[str, str]
LIST = Path(__file__).with_name("proofs.json")
WRITE = "WRITE_PROOFS"
TABLE = re.compile(r"(?<=<!-- proofs: tests/docs/test_proofs.py -->\n)(?:\|.*\n)+")
KINDS = ("real server", "real files", "real run", "emulator", "recorded", "untested")


def _needed(reason: str | None) -> None:
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def _postgresql(request: Request, _folder: Path) -> str:
    server = request.getfixturevalue("postgres_server")
    url = server.create_database("proof")
    with server.connect(url) as connection:
        connection.execute("CREATE TABLE t (id int)")
        found = connection.execute("SHOW server_version").fetchone()[0]
    _has(url, "public.t")
    return str(found).split()[0]


def _mariadb(request: Request, _folder: Path) -> str:
    server = request.getfixturevalue("mariadb_server")
    url = server.create_database("proof")
    found = server.run("CREATE TABLE t (id int)", "SELECT version()", url=url)[0][0]
    assert "mariadb" in found.lower(), f"{urlsplit(url).hostname} is no MariaDB; give MySQL's row a contact of its own"
    _has(url, "t")
    return str(found).partition("-")[0]


def _duckdb(_request: Request, folder: Path) -> str:
    with duckdb.connect(str(folder / "proof.duckdb")) as connection:
        connection.execute("CREATE TABLE t (id int)")
    _has(f"duckdb:///{folder}/proof.duckdb", "main.t")
    return str(duckdb.__version__)


def _sqlite(_request: Request, folder: Path) -> str:
    connection = sqlite3.connect(folder / "proof.db")
    connection.execute("CREATE TABLE t (id int)")
    connection.close()
    _has(f"sqlite:///{folder}/proof.db", "t")
    return sqlite3.sqlite_version


def _lines(_request: Request, folder: Path) -> str:
    (folder / "proof.jsonl").write_text('{"database": "d", "name": "t", "columns": [{"name": "id"}]}\n', encoding="utf-8")
    _has(f"metadata://{folder}/proof.jsonl", "t")
    return ""


def _dbt(_request: Request, folder: Path) -> str:
    dbt = find_dbt()
    if dbt is None:
        _needed("no dbt: make emulators")
    assert dbt is not None
    write_project(folder)
    with duckdb.connect(str(folder / "wh.duckdb")) as connection:
        connection.execute('CREATE SCHEMA crm; CREATE TABLE crm."People" (id integer, name varchar)')
    run_dbt(dbt, folder, "build")
    read = crawl(f"dbt://{folder}", into="wh", namespace=f"duckdb://{folder}/wh.duckdb")
    assert len(read.tables) > 5
    assert all(end.complete for end in read.containers.values())
    manifest = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    return f"{manifest['metadata']['dbt_version']} with dbt-{manifest['metadata']['adapter_type']}"


def _fakesnow(_request: Request, _folder: Path) -> str:
    _needed(FakeSnow.missing())
    with FakeSnow() as emulator:
        emulator.run("CREATE DATABASE PROOF", "USE DATABASE PROOF", "CREATE SCHEMA S", "CREATE TABLE S.T (ID INT)")
        _has(emulator.url("/PROOF"), "S.T", always_complete=False)
    asked = "import importlib.metadata; print(importlib.metadata.version('fakesnow'))"
    done = subprocess.run([str(PROGRAM.with_name("python")), "-c", asked], capture_output=True, text=True, check=True)
    return f"fakesnow {done.stdout.strip()}, connector {version('snowflake-connector-python')}"


def _recorded_snowflake(_request: Request, _folder: Path) -> str:
    with snowflake.served() as server:
        assert snowflake.tables(snowflake.read(server))
    return f"connector {version('snowflake-connector-python')}"


def _recorded_bigquery(_request: Request, _folder: Path) -> str:
    with bigquery.served(bigquery.ALL_RIGHTS) as server:
        assert bigquery.tables(bigquery.read(server))
    return f"client {version('google-cloud-bigquery')}"


def _has(url: str, name: str, *, always_complete: bool = True) -> None:
    read = crawl(url)
    assert name in read.tables, read.tables
    assert all(end.complete for end in read.containers.values()) or not always_complete


CONTACTS: dict[str, Callable[[Request, Path], str]] = {
    "tests/integration/test_source_postgresql.py": _postgresql,
    "tests/integration/test_source_mysql.py": _mariadb,
    "tests/integration/test_source_duckdb.py": _duckdb,
    "tests/integration/test_source_sqlite.py": _sqlite,
    "tests/integration/test_source_dbt.py": _dbt,
    "tests/integration/test_source_snowflake.py": _fakesnow,
    "tests/unit/test_sources_metadata.py": _lines,
    # the versions of the clients that the recorded answers went through
    "tests/integration/test_source_snowflake_recorded.py": _recorded_snowflake,
    "tests/integration/test_source_bigquery.py": _recorded_bigquery,
}


def proofs() -> list[Proof]:
    """The rows of the table, as `proofs.json` has them."""
    found: list[Proof] = json.loads(LIST.read_text(encoding="utf-8"))
    return found


def _table(rows: list[Proof]) -> str:
    lines = ["| source | URL | proof of contact | version, date |", "|---|---|---|---|"]
    for row in rows:
        met = ", ".join(filter(None, (row["version"], row["date"]))) or "never"
        url = f"`{row['url']}`" if row["url"] else ""
        lines.append(f"| {row['source']} | {url} | [{row['proof']}]({row['tests']}) | {met} |")
    return "\n".join(lines) + "\n"


def _major(text: str) -> str:
    """A version without what changes every month: `15.20` → `15`, `10.11.19` → `10.11`."""
    return re.sub(r"(?<=\d)\.\d+(?=$|[ ,])", "", text)


@pytest.mark.parametrize("tests", sorted(CONTACTS))
def test_what_the_table_says_was_met_is_met(tests: str, request: Request, tmp_path: Path) -> None:
    """A crawl of the real thing finds a table; in CI, where the table is written, it is the version that README names."""
    row = next(row for row in proofs() if row["tests"] == tests)
    met = CONTACTS[tests](request, tmp_path)
    if os.environ.get(WRITE):
        changed = [
            one | {"version": met, "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"} if one == row else one for one in proofs()
        ]
        LIST.write_text(
            "[\n" + ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in changed) + "\n]\n", encoding="utf-8"
        )
        page = ROOT / "README.md"
        page.write_text(TABLE.sub(lambda _: _table(changed), text_of(page)), encoding="utf-8")
    elif os.environ.get("CI"):
        assert _major(row["version"]) == _major(met), f"{WRITE}=1 writes what is met now"


def test_readme_shows_the_list() -> None:
    """Row by row, in its order."""
    found = TABLE.search(text_of(ROOT / "README.md"))
    assert found is not None
    assert found[0] == _table(proofs())


def test_every_row_is_honest() -> None:
    """Its proof is one of six, its tests exist and take no table for read that they did not, and nothing untested was met."""
    for row in proofs():
        assert row["proof"] in KINDS, row
        source = text_of(ROOT / row["tests"])
        assert "def test_" in source, row
        met = row["proof"] != "untested"
        assert met == (row["tests"] in CONTACTS), row
        assert bool(row["date"]) is met, row
        if row["proof"] in ("real server", "emulator"):
            assert "pytest.mark.server" in source, row
        if row["proof"] == "recorded":
            assert "tests/golden/" in source, row
