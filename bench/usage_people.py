"""A log of very many people: how much memory the usage store's reader needs, and how soon it answers.

Run: `make bench ARGS="usage_people"`; `--people N,…` for other numbers. Every person runs one of a thousand statements over two hundred tables
once; each row is a process of its own. Facts go straight into the indexer's store, as the follower puts them there a page at a time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import machine, print_table
from services.common.model.access import FULL_SCOPE
from services.common.model.names import DatasetName, Namespace, Namespaces
from services.common.model.usage import FactSeq, StatementFact
from services.common.runtime import logs
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.indexer.index.snapshot import EMPTY
from services.indexer.store.line import LINE
from services.indexer.usage import store
from services.indexer.usage.service import PAGE, Usage

TABLES, SHAPES, DAYS = 200, 1_000, 90
NAMES = [DatasetName(Namespace("postgres://bench:5432"), ("shop", "public", f"table_{at}")) for at in range(TABLES)]
FIRST = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)
WANTED_MB = 1_024


def main() -> None:
    """Print the table."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", default="1000,100000,1000000")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(_measured(given.one)))
        return
    rows = []
    for people in given.people.split(","):
        command = [sys.executable, "-m", "bench", "usage_people", "--one", people]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append([int(people), *json.loads(told.stdout)])
    head = [
        "people",
        "told of one table",
        "store MB",
        "peak MB after storing",
        "peak MB after reading all",
        "reading s",
        "one answer ms",
    ]
    print_table(head, rows)
    print(f"\nwanted: less than {WANTED_MB:,} MB for 1,000,000 people")
    print(machine(["numpy", "sqlalchemy"]))


def _measured(people: int) -> list[object]:
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        database = Database.for_service("indexer", home=Path(folder), database_url=None)
        ensure_current(database, LINE)
        for at in range(0, people, PAGE):
            with database.write() as connection:
                store.move(connection, store.position(connection), FactSeq(at + PAGE))
                store.add(connection, [_fact(number) for number in range(at, min(at + PAGE, people))])
        stored = _peak_mb()
        usage = Usage(database, lambda: EMPTY, Namespaces, home=Path(folder))
        begun = time.monotonic()
        usage.refresh(learn=False)
        usage.popular(FULL_SCOPE)
        read_s = time.monotonic() - begun
        begun = time.monotonic()
        told = usage.usage(NAMES[0].id, FULL_SCOPE)
        answer_ms = (time.monotonic() - begun) * 1000
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.db*")) >> 20
        database.close()
    return [told.people if told else 0, size, stored, _peak_mb(), round(read_s, 1), round(answer_ms, 1)]


def _fact(number: int) -> StatementFact:
    names = {one.id: one for one in (NAMES[number % SHAPES % TABLES], NAMES[(number % SHAPES * 7 + 1) % TABLES])}
    return StatementFact(
        seq=FactSeq(number + 1),
        fingerprint=f"s{number % SHAPES}",
        at=FIRST + dt.timedelta(days=number % DAYS),
        user=f"person-of-the-log-{number:08d}",
        reads=tuple(names),
        writes=(),
        joins=(),
        uses=(),
        count=1,
        source="bench",
        names=names,
        weight=1.0,
    )


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
