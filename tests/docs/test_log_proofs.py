"""The table of query logs says what was met, and when: contact is made here, and the table is what came of it.

`WRITE_PROOFS=1 make test T=tests/docs/test_log_proofs.py` writes versions and dates into `log_proofs.json` and the page.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from services.indexer.logs.open import ROWS
from tests.docs.test_proofs import WRITE
from tests.integration import test_query_logs as logs
from tests.integration.test_query_logs import mariadb, postgres  # noqa: F401 - fixtures
from tests.support.pages import ROOT, text_of

Proof = dict[str, str]
LIST = Path(__file__).with_name("log_proofs.json")
PAGE = ROOT / "docs" / "concepts" / "query-logs.md"
TABLE = re.compile(r"(?<=<!-- proofs: tests/docs/test_log_proofs.py -->\n)(?:\|.*\n)+")
KINDS = {"real server", "real files", "recorded", "untested"}


def _statistics(request: pytest.FixtureRequest, folder: Path) -> str:
    server = request.getfixturevalue("postgres")
    logs.test_pg_stat_statements_of_a_real_server(server, folder)
    return _version(server)


def _postgresql(request: pytest.FixtureRequest, folder: Path) -> str:
    server = request.getfixturevalue("postgres")
    logs.test_the_log_of_a_real_postgresql(server, folder)
    return _version(server)


def _version(server: logs.PostgresServer) -> str:
    with server.connect() as connection:
        return str(connection.execute("SHOW server_version").fetchone()[0]).split()[0]


def _mariadb(kind: str) -> Callable[[pytest.FixtureRequest, Path], str]:
    def met(request: pytest.FixtureRequest, folder: Path) -> str:
        server = request.getfixturevalue("mariadb")
        logs.test_the_logs_of_a_real_mariadb(server, folder, kind)
        return str(server.run("SELECT version()")[0][0]).partition("-")[0]

    return met


def _duckdb(_request: pytest.FixtureRequest, folder: Path) -> str:
    logs.test_the_log_of_a_real_duckdb(folder)
    return str(duckdb.__version__)


CONTACTS = {
    "`pg_stat_statements`, over SQL": _statistics,
    "PostgreSQL's log, `stderr`": _postgresql,
    "MariaDB's general log": _mariadb("general"),
    "MariaDB's slow log": _mariadb("slow"),
    "DuckDB's log": _duckdb,
}


def proofs() -> list[Proof]:
    """The rows of the table, as `log_proofs.json` has them."""
    found: list[Proof] = json.loads(LIST.read_text(encoding="utf-8"))
    return found


def _table(rows: list[Proof]) -> str:
    lines = ["| log | told by | proof of contact | version, date |", "|---|---|---|---|"]
    for row in rows:
        met = ", ".join(filter(None, (row["version"], row["date"])))
        lines.append(f"| {row['log']} | {row['by']} | [{row['proof']}](../../{row['tests']}) | {met} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("log", sorted(CONTACTS))
def test_what_the_table_says_was_met_is_met(log: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What ran in a real engine is read out of its real log; the version is the one that the page names."""
    met = CONTACTS[log](request, tmp_path)
    if os.environ.get(WRITE):
        today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
        rows = [one | {"version": met, "date": today} if one["log"] == log else one for one in proofs()]
        text = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in rows)
        LIST.write_text(f"[\n{text}\n]\n", encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda _: _table(rows), text_of(PAGE)), encoding="utf-8")
    elif os.environ.get("CI"):
        row = next(row for row in proofs() if row["log"] == log)
        assert row["version"].split(".")[:2] == met.split(".")[:2], f"{WRITE}=1 writes what is met now"


def test_the_page_has_the_table_and_every_reader_is_in_it() -> None:
    """No proof stands there that no test gives; every reader of rows is named by the headings that it needs."""
    rows = proofs()
    found = TABLE.search(text_of(PAGE))
    assert found is not None
    assert found[0] == _table(rows)
    assert {row["proof"] for row in rows} <= KINDS
    assert all((ROOT / row["tests"]).exists() for row in rows)
    real = {row["log"] for row in rows if row["proof"].startswith("real")}
    assert real - CONTACTS.keys() == {rows[0]["log"]}
    told = [set(re.findall(r"`(\w+)`", row["by"])) for row in rows]
    assert all(any(one <= form.needs for one in told if one) for form in ROWS)
