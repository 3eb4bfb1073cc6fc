"""Used together and similar tables over HTTP at 100,000 tables: a server of its own, asked from another process, answers whole.

Run: `make bench ARGS="related_http DATA"`; `--tables`, `--statements` change the size, `--work DIR` keeps the catalog's database for the next run.
Tables are recombined from real ones (`bench.filtered`) and hydrated from SQLite; their vectors are chance, as no question is encoded here.
The log joins tables of neighbouring numbers, and twenty of them with many.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx2
import numpy as np

from bench.filtered import snapshot_of, warehouse
from bench.report import machine, print_table
from services.catalog.access import Access
from services.catalog.api.related import create_router
from services.catalog.assets import AssetReader
from services.catalog.feedback import FeedbackLog
from services.catalog.gate import Gate
from services.catalog.sink import MAX_BATCH, CatalogSink
from services.catalog.store.line import LINE as CATALOG_LINE
from services.common.model.assets import Asset, Container, Found
from services.common.model.crawls import CrawlBatch, CrawlState, SourceInfo
from services.common.model.names import Namespaces
from services.common.model.search import IndexStatus
from services.common.model.usage import FactPage, FactSeq, JoinFact, LogWindow, StatementFact
from services.common.runtime.db import Database
from services.common.runtime.http import create_service_app
from services.common.runtime.migrations import ensure_current
from services.common.runtime.threads import OF_LIBRARIES
from services.indexer.index.segment import build_segment
from services.indexer.retrieve.answer import Retriever
from services.indexer.store.line import LINE as INDEXER_LINE
from services.indexer.text.document import document_of
from services.indexer.usage.service import Usage
from tests.support.wires import listening

WARM, ASKED = 30, 300
WANTED_MS = 10.0
DIMENSION = 64
OFTEN = 20
DAY = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tables", type=int, default=100_000)
    parser.add_argument("--statements", type=int, default=20_000)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    assets = warehouse(given.data, given.tables)
    read = random.Random(5).sample(range(len(assets) - 1), min(given.statements // 2, len(assets) - 1))
    if given.serve:
        _serve(given.work, assets, _log(assets, read, given.statements))
        return
    with (
        tempfile.TemporaryDirectory(prefix="headwater-bench-") as temporary,
        _serving(given.work or Path(temporary)) as client,
    ):
        rows = list(_measured(client, assets, read))
    print_table(["asked over HTTP", "n", "items", "p50 ms", "p95 ms", "worst ms"], rows)
    print(
        f"\nwanted: p95 at most {WANTED_MS:g} ms for what goes with a table; {len(assets):,} tables, {given.statements:,} statements"
    )
    print(machine(["numpy"]))


class _Facts:
    """Facts in memory."""

    def __init__(self, facts: Sequence[StatementFact]) -> None:
        self._facts = facts

    def after(self, seq: FactSeq, *, limit: int = 1_000) -> FactPage:
        """See `StatementFacts.after`."""
        found = tuple(self._facts[seq : seq + limit])
        return FactPage(found, found[-1].seq if found else seq, self.head())

    def head(self) -> FactSeq:
        """How many there are."""
        return FactSeq(len(self._facts))

    def weights(self) -> dict[str, float]:
        """Everybody is a person."""
        return {}

    def windows(self) -> tuple[LogWindow, ...]:
        """One."""
        return (LogWindow("wh", DAY, DAY, DAY, len(self._facts)),)


def _log(assets: Sequence[Asset], read: Sequence[int], n: int) -> list[StatementFact]:
    dice = random.Random(6)
    facts = []
    for at in range(n):
        one = read[at % len(read)]
        other = dice.choice(read[:OFTEN]) if at % 3 == 0 else one + 1
        first, second = assets[one], assets[other if other != one else one + 1]
        join = JoinFact(first.id, first.columns[0].name, second.id, second.columns[0].name, "inner")
        facts.append(
            StatementFact(
                seq=FactSeq(at + 1),
                fingerprint=f"s{at}",
                at=DAY + dt.timedelta(days=at % 200),
                user=f"u{dice.randrange(200)}",
                reads=(first.id, second.id),
                writes=(),
                joins=(join,),
                uses=(),
                count=1,
                source="wh",
                names={first.id: first.name, second.id: second.name},
            )
        )
    return facts


def _serve(work: Path, assets: Sequence[Asset], facts: Sequence[StatementFact]) -> None:
    """Serve until standard input ends; the address goes to standard output."""
    work.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    reader = AssetReader(_catalog(work / "catalog.db", assets))
    _say(f"catalog: {time.monotonic() - begun:.0f} s")
    random_rows = np.random.default_rng(1)

    def lookup(hashes: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        rows = random_rows.standard_normal((len(hashes), DIMENSION))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return dict(zip(hashes, rows.astype(np.float16), strict=True))

    segment = build_segment([document_of(asset) for asset in assets], lookup, DIMENSION)
    snapshot = replace(snapshot_of(segment), dimension=DIMENSION)
    _say(f"index: {time.monotonic() - begun:.0f} s")
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as home:
        database = Database(f"sqlite:///{home}/indexer.db", schema="indexer")
        ensure_current(database, INDEXER_LINE)
        namespaces = Namespaces(sources={assets[0].name.namespace: "wh"})
        usage = Usage(database, lambda: snapshot, lambda: namespaces, home=Path(home))
        usage.catch_up(_Facts(facts))
        usage.refresh(learn=False)
        _say(f"usage: {time.monotonic() - begun:.0f} s")
        app = create_service_app("bench", "0", max_body_bytes=100_000)
        names = Retriever(
            lambda: snapshot, lambda _snapshot: None, lambda: cast("IndexStatus", None)
        )  # of a name that nobody has
        app.include_router(create_router(usage, reader, names, cast("FeedbackLog", None), least=1), prefix="/api/v1")
        app.add_middleware(Gate, access=Access({}), hosts=None, internal_key=None)
        with listening(app) as url:
            print(url, flush=True)
            sys.stdin.read()


def _catalog(file: Path, assets: Sequence[Asset]) -> Database:
    """The catalog's database with these tables, as a crawl would have left it."""
    database = Database(f"sqlite:///{file}", schema="catalog")
    done = file.with_suffix(".done")
    ensure_current(database, CATALOG_LINE)
    if done.exists():
        return database
    sink = CatalogSink(database)
    namespace = assets[0].name.namespace
    crawl = sink.open(SourceInfo("wh", namespace, "postgres"), by="bench").id
    schemas: dict[tuple[str, ...], list[Asset]] = {}
    for asset in assets:
        schemas.setdefault(asset.name.parts[:-1], []).append(asset)
    for place, held in schemas.items():
        for at in range(0, len(held), MAX_BATCH):
            found = tuple(
                Found(one.name, description=one.description, columns=one.columns) for one in held[at : at + MAX_BATCH]
            )
            last = at + MAX_BATCH >= len(held)
            sink.put(crawl, CrawlBatch(Container(namespace, place), found, last=last, complete=last))
    sink.close(crawl, CrawlState.COMPLETE, ())
    done.touch()
    return database


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _serving(work: Path) -> Iterator[httpx2.Client]:
    """The other process, once it answers."""
    again = [sys.executable, "-m", "bench", "related_http", *sys.argv[1:]]
    command = [*again, "--serve", *([] if "--work" in again else ["--work", str(work)])]
    environment = {**dict.fromkeys(OF_LIBRARIES, "1"), **os.environ}  # as `keep_to_one` does for the product
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        url = process.stdout.readline().strip()
        with httpx2.Client(base_url=url, trust_env=False, timeout=120) as client:
            yield client
        process.stdin.close()


def _measured(client: httpx2.Client, assets: Sequence[Asset], read: Sequence[int]) -> Iterator[list[object]]:
    dice = random.Random(9)

    def some(numbers: Sequence[int]) -> list[str]:
        return [assets[at].id for at in dice.sample(numbers, min(WARM + ASKED, len(numbers)))]

    in_log, anywhere = some(read), some(range(len(assets)))
    baskets = [[assets[at].id for at in dice.sample(read, 3)] for _ in in_log]
    yield _row("related, tables that the log reads", [_get(client, one, "related") for one in in_log])
    yield _row("related, any tables", [_get(client, one, "related") for one in anywhere])
    yield _row("related, any tables, asked again", [_get(client, one, "related") for one in anywhere])
    yield _row("related, baskets of three", [_post(client, basket) for basket in baskets])
    yield _row("similar, any tables", [_get(client, one, "similar") for one in anywhere])
    yield _row("control: an id that nobody knows", [_post(client, ["nobody.knows_this"]) for _ in anywhere])


def _get(client: httpx2.Client, asset: str, what: str) -> Callable[[], httpx2.Response]:
    return lambda: client.get(f"/api/v1/assets/{asset}/{what}")


def _post(client: httpx2.Client, basket: list[str]) -> Callable[[], httpx2.Response]:
    return lambda: client.post("/api/v1/related", json={"assets": basket})


def _row(what: str, calls: Sequence[Callable[[], httpx2.Response]]) -> list[object]:
    took, items = [], 0
    for call in calls:
        begun = time.perf_counter()
        answer = call()
        took.append((time.perf_counter() - begun) * 1e3)
        answer.raise_for_status()
        items += len(answer.json()["items"])
    kept = took[WARM:]
    p95 = statistics.quantiles(kept, n=20)[-1]
    row: list[object] = [what, len(kept), f"{items / len(calls):.1f}", statistics.median(kept), p95, max(kept)]
    _say(str(row))
    return row


if __name__ == "__main__":
    main()
