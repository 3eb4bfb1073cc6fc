"""Real revisions of real schemas, crawled one after another, and read back over HTTP: exactly these, or the run fails.

python -m bench history DATA [TABLES]
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from bench.report import machine, print_table
from services.catalog.api.history import create_router
from services.catalog.assets import AssetReader
from services.catalog.sink import CatalogSink
from services.catalog.store.line import LINE
from services.common.model.access import FULL_SCOPE, Principal, Role
from services.common.model.assets import Column, Container, Found
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlState, SourceInfo
from services.common.model.names import DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.common.runtime.problems import install_problem_handlers

NAMESPACE = Namespace("bigquery")
SOURCE = SourceInfo("replayed", NAMESPACE, "bigquery", hold_share=1.0)
FILE = Path("schemas") / "bigquery_etl_history.jsonl.gz"
READER = Principal("bench", Role.READER, FULL_SCOPE)
EVENTS = {"created": {"created", "returned"}, "changed": {"changed"}, "deleted": {"dropped"}}
PAGE = 20
"""Versions in one answer, fewer than some tables have, so that pages are put together too."""

CONTROLLED = 5
"""Every fifth table is in the controls, which take as long as the replay itself."""


@dataclass(frozen=True)
class Revision:
    """A line of the file, and the columns that the table has after it; None where it is deleted."""

    line: dict[str, Any]
    columns: tuple[Column, ...] | None

    @property
    def table(self) -> str:
        return str(self.line["table"])

    @property
    def at(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.line["date"]).astimezone(dt.UTC)

    @property
    def shows(self) -> bool:
        """Whether the line says that anything changed at all."""
        fields = ("added", "removed", "retyped", "redescribed")
        return self.line["kind"] != "changed" or any(self.line[name] for name in fields)


class Instant:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


def revisions(lines: Iterable[dict[str, Any]]) -> list[list[Revision]]:
    """The revisions of each table in the file's order, with the columns that each leaves behind.

    A creation names no columns, only how many: those that later lines remove or retype are among them, the others get
    made-up names. A line that only says how many comments changed changes those of the first columns that stay.
    """
    by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        by_table[line["table"]].append(line)
    return [list(_revisions(of_table)) for of_table in by_table.values()]


def _revisions(lines: Sequence[dict[str, Any]]) -> Iterator[Revision]:
    columns: list[Column] = []
    for at, line in enumerate(lines):
        if line["kind"] == "created":
            columns = _first_columns(line["n_columns"], lines[at + 1 :])
        elif line["kind"] == "changed":
            columns = _next_columns(columns, line, at)
        else:
            columns = []
        assert len(columns) == line["n_columns"], line
        yield Revision(line, None if line["kind"] == "deleted" else tuple(columns))


def _first_columns(count: int, later: Iterable[dict[str, Any]]) -> list[Column]:
    known: dict[str, str] = {}
    settled: set[str] = set()
    for line in later:
        if line["kind"] != "changed":
            break
        for name, kind, *_ in (*line["removed"], *line["retyped"]):
            if name not in settled:
                known[name] = kind
                settled.add(name)
        settled |= {name for name, _ in line["added"]}
    made_up = (f"column_{number}" for number in range(count - len(known)))
    return [Column(name, kind) for name, kind in (*known.items(), *((name, "STRING") for name in made_up))]


def _next_columns(columns: Sequence[Column], line: dict[str, Any], at: int) -> list[Column]:
    gone = {name for name, _ in line["removed"]}
    types = {name: new for name, _, new in line["retyped"]}
    stay = [replace(column, type=types.get(column.name, column.type)) for column in columns if column.name not in gone]
    assert len(stay) == len(columns) - len(gone), line
    said = [replace(column, description=f"Said in revision {at}") for column in stay[: line["redescribed"]]]
    return [*said, *stay[len(said) :], *(Column(name, kind) for name, kind in line["added"])]


def waves(tables: Sequence[Sequence[Revision]]) -> list[list[Revision]]:
    """Revisions in the order of their instants, those of one instant together.

    Of one instant, the first of every table come first, in the file's order: a table is in a wave at most once.
    """
    by_turn: dict[tuple[dt.datetime, int], list[Revision]] = defaultdict(list)
    for of_table in tables:
        turns: Counter[dt.datetime] = Counter()
        for revision in of_table:
            by_turn[revision.at, turns[revision.at]].append(revision)
            turns[revision.at] += 1
    return [by_turn[key] for key in sorted(by_turn)]


def crawl_all(sink: CatalogSink, clock: Instant, replayed: Iterable[Sequence[Revision]]) -> dict[tuple[str, int], str]:
    """Crawl wave after wave; returns the crawl of each revision, by table and number of its line.

    A wave that deletes is a complete crawl of all that is left. One that does not shows only what is in it, and ends as
    failed, so that nothing is concluded from what it did not show.
    """
    alive: dict[str, tuple[Column, ...]] = {}
    containers: set[Container] = set()
    crawls: dict[tuple[str, int], str] = {}
    seen: Counter[str] = Counter()
    for wave in replayed:
        clock.now = wave[0].at
        crawl = sink.open(SOURCE, by="bench").id
        for revision in wave:
            crawls[revision.table, seen[revision.table]] = crawl
            seen[revision.table] += 1
            if revision.columns is None:
                alive.pop(revision.table, None)
            else:
                alive[revision.table] = revision.columns
        deletes = any(revision.columns is None for revision in wave)
        shown = alive if deletes else {revision.table: alive[revision.table] for revision in wave}
        containers |= {_name(table).container for table in shown}
        _put(sink, crawl, shown, sorted(containers, key=str) if deletes else (), complete=deletes)
        sink.close(crawl, CrawlState.COMPLETE if deletes else CrawlState.FAILED, ())
    return crawls


def _put(
    sink: CatalogSink, crawl: CrawlId, shown: dict[str, tuple[Column, ...]], whole: Sequence[Container], *, complete: bool
) -> None:
    found: dict[Container, list[Found]] = {container: [] for container in whole}
    for table, columns in shown.items():
        named = _name(table)
        found.setdefault(named.container, []).append(Found(named.name, columns=columns))
    for container, tables in found.items():
        for start in range(0, max(len(tables), 1), 500):
            some = tuple(tables[start : start + 500])
            last = complete and start + 500 >= len(tables)
            sink.put(crawl, CrawlBatch(container, some, last=last, complete=last))


@dataclass(frozen=True)
class _Named:
    name: DatasetName
    container: Container


def _name(table: str) -> _Named:
    parts = tuple(table.split("."))
    return _Named(DatasetName(NAMESPACE, parts), Container(NAMESPACE, parts[:-1]))


def client_of(reader: AssetReader) -> TestClient:
    """The route alone, for a caller who sees everything."""
    app = FastAPI()
    install_problem_handlers(app)

    @app.middleware("http")
    async def known(request: Request, call_next: Any) -> Any:
        request.state.principal = READER
        return await call_next(request)

    app.include_router(create_router(reader), prefix="/api/v1")
    return TestClient(app)


def history(client: TestClient, table: str) -> list[dict[str, Any]]:
    """Every version of a table, oldest first, from as many pages as it takes."""
    url = f"/api/v1/assets/{_name(table).name.id}/history"
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
        answer = client.get(url, params=parameters)
        assert answer.status_code == 200, answer.text
        found += answer.json()["versions"]
        cursor = answer.json()["cursor"]
        if cursor is None:
            return found[::-1]


def compare(tables: Sequence[Sequence[Revision]], crawls: dict[tuple[str, int], str], client: TestClient) -> Counter[str]:
    """How many revisions are told exactly, by what is wrong with the others; `equal` and `nothing to see` are right."""
    found: Counter[str] = Counter()
    for of_table in tables:
        told = {version["crawl"]: version for version in history(client, of_table[0].table)}
        for at, revision in enumerate(of_table):
            version = told.pop(crawls[revision.table, at], None)
            found[_judged(revision, version)] += 1
        found["a version that no revision made"] += len(told)
    return +found


def _judged(revision: Revision, version: dict[str, Any] | None) -> str:
    if not revision.shows:
        return "nothing to see, and no version" if version is None else "a version of nothing"
    if version is None:
        return "no version"
    line, told = revision.line, version["difference"]
    columns = {name: sorted([column["name"], column["type"]] for column in told[name]) for name in ("added", "removed")}
    retyped = sorted([item["name"], item["before"], item["after"]] for item in told["retyped"])
    others = ("nullability", "reordered", "described", "primary_key", "table_renamed")
    checks = {
        "kind": version["event"] in EVENTS[line["kind"]],
        "number of columns": version["column_count"] == line["n_columns"],
        **{name: _same(columns[name], line[name]) for name in columns},
        "retyped": retyped == sorted(line["retyped"]),
        "redescribed": len(told["commented"]) == line["redescribed"],
        "a change that is none": not any(told[name] for name in others),
    }
    return next((name for name, right in checks.items() if not right), "equal")


def _same(told: list[list[str]], said: int | list[list[str]]) -> bool:
    """Whether these are the columns of a line, which names them or only says how many they are."""
    return len(told) == said if isinstance(said, int) else told == sorted(said)


def as_of(tables: Sequence[Sequence[Revision]], client: TestClient) -> Counter[str]:
    """Whether `as_of` the instant of each revision gives its columns; of several of one instant, those of the last."""
    found: Counter[str] = Counter()
    for of_table in tables:
        last = {revision.at: revision for revision in of_table}
        url = f"/api/v1/assets/{_name(of_table[0].table).name.id}/history"
        for revision in last.values():
            answer = client.get(url, params={"as_of": revision.line["date"]})
            if revision.columns is None:
                found["dropped then, and a 404" if answer.status_code == 404 else "wrong"] += 1
                continue
            shown = [(column["name"], column["type"]) for column in answer.json()["schema"]["columns"]]
            found["equal" if shown == [(column.name, column.type) for column in revision.columns] else "wrong"] += 1
        first = min(last) - dt.timedelta(seconds=1)
        early = client.get(url, params={"as_of": first.isoformat()})
        found["before the first, and a 404" if early.status_code == 404 else "wrong"] += 1
    return found


def replay(
    database: Database, tables: Sequence[Sequence[Revision]], ordered: Sequence[Sequence[Revision]] | None = None
) -> tuple[Counter[str], TestClient]:
    """Crawl the revisions of `tables` into an empty catalog, in another order or form where one is given, and compare."""
    clock = Instant()
    crawls = crawl_all(CatalogSink(database, clock=clock), clock, waves(ordered if ordered is not None else tables))
    client = client_of(AssetReader(database))
    return compare(tables, crawls, client), client


def shuffled(tables: Sequence[Sequence[Revision]], seed: int = 7) -> list[list[Revision]]:
    """Control: what each table's revisions leave behind, in another order at the same dates."""
    chance = random.Random(seed)
    found = []
    for of_table in tables:
        left = [revision.columns for revision in of_table[1:]]
        chance.shuffle(left)
        rest = [replace(revision, columns=columns) for revision, columns in zip(of_table[1:], left, strict=True)]
        found.append([of_table[0], *rest])
    return found


def without_comments(tables: Sequence[Sequence[Revision]]) -> list[list[Revision]]:
    """Control: the same without any comments."""
    return [[replace(revision, columns=_silent(revision.columns)) for revision in of_table] for of_table in tables]


def _silent(columns: tuple[Column, ...] | None) -> tuple[Column, ...] | None:
    return None if columns is None else tuple(replace(column, description=None) for column in columns)


def wrong(found: Counter[str]) -> int:
    """Revisions that were not told exactly."""
    return sum(found.values()) - found["equal"] - found["nothing to see, and no version"]


def _run(label: str, tables: Sequence[Sequence[Revision]], ordered: Sequence[Sequence[Revision]] | None) -> int:
    """One replay in a catalog of its own, told as soon as it is there; returns how many revisions are not exact."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'catalog.db'}", schema="catalog")
        ensure_current(database, LINE)
        found, client = replay(database, tables, ordered)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in found.most_common() if reason != "equal")
        seconds = time.perf_counter() - begun
        row = (label, len(tables), sum(map(len, tables)), found["equal"], wrong(found), reasons or "–", f"{seconds:.0f} s")
        print_table(("replayed", "tables", "revisions", "equal", "unequal", "others, by reason", "took"), [row])
        sys.stdout.flush()
        unequal = wrong(found)
        if ordered is None:
            moments = as_of(tables, client)
            print("as_of: " + ", ".join(f"{reason} {count:,}" for reason, count in moments.most_common()))
            unequal += moments["wrong"]
        database.close()
    sys.stdout.flush()
    return unequal


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: python -m bench history DATA [TABLES]")
    with gzip.open(Path(sys.argv[1]) / FILE, "rt", encoding="utf-8") as file:
        tables = revisions(json.loads(line) for line in file)
    tables = tables[: int(sys.argv[2])] if len(sys.argv) > 2 else tables
    some = tables[::CONTROLLED]
    failures = [
        name
        for name, is_right in (
            ("the replay", _run("as the file says", tables, None) == 0),
            ("the control of orders", _run("control: states in shuffled order", some, shuffled(some)) > 0),
            ("the control of comments", _run("control: comments left out", some, without_comments(some)) > 0),
        )
        if not is_right
    ]
    print(machine(("sqlalchemy", "fastapi")))
    if failures:
        sys.exit(f"not as it should be: {', '.join(failures)}")


if __name__ == "__main__":
    main()
