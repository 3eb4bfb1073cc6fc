"""How fast a crawl reaches the catalog's commit: 3,000 tables of 10 columns, added and then found unchanged.

python bench/catalog_put.py [TABLES] [postgresql://… of an empty database]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from services.catalog.sink import MAX_BATCH, CatalogSink
from services.catalog.store.line import LINE
from services.common.model.assets import Column, Container, Found
from services.common.model.crawls import CrawlBatch, CrawlState, SourceInfo
from services.common.model.names import DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current

NAMESPACE = Namespace("postgres://db1:5432")
WORDS = ("order", "line", "item", "customer", "ship", "cost", "total", "date", "key", "region", "code", "price", "store")
TYPES = ("integer", "text", "timestamp with time zone", "numeric(12,2)")


def tables(count: int) -> list[Found]:
    chance = random.Random(7)

    def words(n: int) -> str:
        return " ".join(chance.choices(WORDS, k=n))

    return [
        Found(
            DatasetName(NAMESPACE, ("shop", f"s{number // MAX_BATCH}", f"{words(2).replace(' ', '_')}_{number}")),
            description=words(12),
            columns=tuple(Column(f"{words(1)}_{c}", chance.choice(TYPES), True, None, words(5)) for c in range(10)),
            primary_key=("id",),
            rows=chance.randrange(10**6),
        )
        for number in range(count)
    ]


def crawl(sink: CatalogSink, found: list[Found], what: str) -> None:
    longest = 0.0
    start = time.perf_counter()
    crawl_id = sink.open(SourceInfo("wh", NAMESPACE, "postgres"), by="bench").id
    for at in range(0, len(found), MAX_BATCH):
        container = Container(NAMESPACE, ("shop", f"s{at // MAX_BATCH}"))
        before = time.perf_counter()
        sink.put(crawl_id, CrawlBatch(container, tuple(found[at : at + MAX_BATCH]), last=True, complete=True))
        longest = max(longest, time.perf_counter() - before)
    sink.close(crawl_id, CrawlState.COMPLETE, ())
    rate = len(found) / (time.perf_counter() - start)
    print(f"{what:10} {rate:7.0f} tables/s, longest batch {longest * 1000:.0f} ms")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'catalog.db'}"
        database = Database(url, schema="catalog")
        ensure_current(database, LINE)
        sink, found = CatalogSink(database), tables(count)
        for what in ("added", "unchanged", "unchanged"):
            crawl(sink, found, what)
        database.close()


if __name__ == "__main__":
    main()
