"""How fast query logs are taken in, and in how much memory: short and many-shaped logs, and bigquery-etl's long statements.

`python -m bench query_logs [DATA] [--lines N] [--shapes N] [--big N]`; DATA is the folder of shared data, for the long ones.
Each row is a process of its own, so that its peak memory is its own; the worker's is printed beside. Lines a second of processor time are
those of the first reading over what the reader and its worker computed in it, one after the other: what a single free core does.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from services.common.model.assets import Asset
from services.common.model.names import DatasetName, Namespace, Namespaces
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.indexer.logs.intake import take_in
from services.indexer.logs.open import open_log
from services.lineage.sql.worker import SqlParser
from services.lineage.statements.service import Statements
from services.lineage.store import datasets
from services.lineage.store.datasets import Dataset
from services.lineage.store.line import LINE

NAMESPACE = Namespace("postgres://bench:5432")
TABLES = 200
USERS = 500
WANTED_PER_S = 2_000
WANTED_BYTES = 1 << 30


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench query_logs")
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--shapes", type=int, default=1_000)
    parser.add_argument(
        "--big", type=int, default=0, metavar="LINES", help="also so many lines with a tenth as many statements"
    )
    parser.add_argument("--narrow", action="store_true", help="statements of a fifth as many columns and filters")
    parser.add_argument("--once", action="store_true", help="read each log once only, not again")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(_measured(given.one, 1 if given.once else 2)))
        return
    with tempfile.TemporaryDirectory() as folder:
        logs = [_written(Path(folder) / "short.jsonl", given.lines, given.shapes, narrow=given.narrow)]
        if given.big:
            logs.append(_written(Path(folder) / "big.jsonl", given.big, max(1, given.big // 10), narrow=given.narrow))
        if given.data is not None:
            logs.append(_copied(Path(folder) / "bigquery_etl.jsonl", given.data / "usage" / "bigquery_etl_early.jsonl.gz"))
        print(
            "| log | lines | statements | chars a line | lines/s | lines a second of processor time | reader's s | worker's s ",
            end="",
        )
        print("| again, lines/s | peak MB | worker MB | unread lines |")
        print("|---|---|---|---|---|---|---|---|---|---|---|---|")
        for log in logs:
            print(_row(log, once=given.once), flush=True)
    print(f"\nwanted: {WANTED_PER_S:,} lines/s on the first, less than {WANTED_BYTES >> 20:,} MB on the big one")


def _row(log: Path, *, once: bool) -> str:
    command = [sys.executable, "-m", "bench", "query_logs", "--one", str(log), *(["--once"] if once else [])]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    found["per_cpu_s"] = round(found["lines"] / max(1, found["reader_s"] + found["worker_s"]))
    columns = ["lines", "statements", "chars", "per_s", "per_cpu_s", "reader_s", "worker_s", "again_per_s"]
    columns += ["peak_mb", "worker_mb", "unread"]
    return f"| {log.stem} | " + " | ".join(f"{found[name]:,}" for name in columns) + " |"


def _measured(log: Path, rounds: int) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/lineage.db", schema="lineage")
        ensure_current(database, LINE)
        _catalog(database)
        parser = SqlParser()
        namespaces = Namespaces(sources={NAMESPACE: "bench"})
        statements = Statements(database, parser, lambda: namespaces, key=lambda: b"k" * 32)
        rates, computed, report = [], [], None
        for _ in range(rounds):
            begun, before = time.monotonic(), time.process_time()
            read = take_in(log.name, open_log(log, ZoneInfo("UTC")), statements, source="bench", users=lambda name: name)
            rates.append(round(read.taken.lines / (time.monotonic() - begun)))
            computed.append(round(time.process_time() - before))
            report = report or read
        parser.close()
        database.close()
    assert report is not None
    worker = resource.getrusage(resource.RUSAGE_CHILDREN)  # it reads only what is new: all of it in the first round
    return {
        "lines": report.taken.lines,
        "statements": report.taken.read,
        "chars": round(log.stat().st_size / max(1, report.taken.lines)),
        "per_s": rates[0],
        "again_per_s": rates[1] if len(rates) > 1 else 0,
        "reader_s": computed[0],
        "worker_s": round(worker.ru_utime + worker.ru_stime),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "worker_mb": worker.ru_maxrss // 1024,
        "unread": report.taken.unread_lines,
    }


def _catalog(database: Database) -> None:
    names = [DatasetName(NAMESPACE, ("shop", "public", f"table_{number}")) for number in range(TABLES)]
    with database.write() as connection:
        datasets.put_crawled(connection, [Dataset.crawled(Asset(name=name, source="bench")) for name in names])


def _written(path: Path, lines: int, shapes: int, *, narrow: bool) -> Path:
    """About 1 kB a line, 400 characters of narrow statements, the literals drawn anew each time, times a second apart."""
    draw = random.Random(7)
    texts = [_shape(draw, number, 3 if narrow else 18, 1 if narrow else 6) for number in range(shapes)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            text = texts[number] if number < shapes else draw.choice(texts)
            sql = text.replace("{n}", str(draw.randrange(10**9))).replace("{s}", f"value {draw.random()}")
            hour, second = divmod(number, 3600)
            at = f"2031-{1 + hour // 24 // 28 % 12:02}-{1 + hour // 24 % 28:02}T{hour % 24:02}:{second // 60:02}:{second % 60:02}Z"
            line = {"sql": sql, "user": f"user{draw.randrange(USERS)}", "at": at, "dialect": "postgres", "database": "shop"}
            file.write(json.dumps(line) + "\n")
    return path


def _shape(draw: random.Random, number: int, columns: int, filters: int) -> str:
    one, other = draw.sample(range(TABLES), 2)
    selected = ",\n       ".join(f"a.column_{draw.randrange(400)} AS c{at}" for at in range(columns))
    conditions = "\n  AND ".join(f"b.column_{draw.randrange(400)} = '{{s}}'" for _ in range(filters))
    return (
        f"SELECT {selected}, count(*) AS n{number}\nFROM table_{one} a\nJOIN table_{other} b ON a.id = b.table_{one}_id\n"
        f"WHERE a.day > {{n}}\n  AND {conditions}\nGROUP BY a.column_{number % 400}\nORDER BY n{number} DESC LIMIT {{n}}"
    )


def _copied(path: Path, packed: Path) -> Path:
    with gzip.open(packed, "rt", encoding="utf-8") as source, path.open("w", encoding="utf-8") as file:
        file.writelines(_plain(source))
    return path


def _plain(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        value = json.loads(line)
        yield json.dumps({key: value[key] for key in ("sql", "dialect", "tables", "target", "at") if value.get(key)}) + "\n"


if __name__ == "__main__":
    main()
