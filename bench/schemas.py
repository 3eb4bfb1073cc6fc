"""Real schemas crawled through metadata:// files, embedded, indexed and searched: what it takes, and one question each.

Run: `make bench ARGS="schemas path/to/data"`. The control crawls everything again: no change, no text encoded.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bench.report import machine, print_table
from services.catalog.search import find
from services.common.model.access import FULL_SCOPE
from services.common.model.search import SearchQuery
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer.crawl import run_crawl

ASKED = {
    "bigquery_etl": "daily active users of the browser by country",
    "dbt": "patient encounters with acute inpatient stays",
    "mediawiki": "who edited a page and when",
    "omop": "drugs prescribed to a person",
    "stackexchange": "votes on a post",
}


def main() -> None:
    """Print one table."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    for name, question in ASKED.items():
        with tempfile.TemporaryDirectory(prefix="headwater-bench-") as home:
            rows.append([name, *measured(arguments.data / "schemas" / f"{name}.tables.jsonl.gz", Path(home), question)])
    print_table(["schema", "tables", "crawl s", "texts", "index s", "again: changed, encoded", "asked", "best hit"], rows)
    print(machine(["faiss-cpu", "onnxruntime"]))


def measured(path: Path, home: Path, question: str) -> list[object]:
    """Crawl, index, crawl again, ask."""
    source = SourceSettings(url=f"metadata://{path}")
    space = Workspace(Settings(home=home))
    try:
        begun = time.perf_counter()
        first = run_crawl("schema", source, space.sink, by="bench").record
        crawled = time.perf_counter() - begun
        space.indexer.open()
        if not space.indexer.lease.acquire():
            raise SystemExit("the lease of a new home is taken")
        begun = time.perf_counter()
        space.indexer.index_now(first.seq, lambda _told: None)
        indexed, texts = time.perf_counter() - begun, space.indexer.encoded
        again = run_crawl("schema", source, space.sink, by="bench").record
        space.indexer.index_now(again.seq, lambda _told: None)
        hits = find(SearchQuery(question, FULL_SCOPE, limit=1), space.indexer.retriever, space.reader).hits
        control = f"{again.counts.changed + again.counts.added}, {space.indexer.encoded - texts}"
        best = hits[0].asset.name.qualified if hits else "nothing"
        return [first.counts.found, crawled, texts, indexed, control, question, best]
    finally:
        space.close()


if __name__ == "__main__":
    main()
