"""A home of many tables, made once: names and comments recombined from real schemas, vectors real ones moved by noise.

Run: `make bench ARGS="warehouse DATA HOME --tables 100000"`. It crawls a metadata file and indexes it as `headwater crawl` does,
first by words alone, then with vectors; prints times, counts and how much memory a server of it takes. Encoding a million texts
takes hours of a small machine: unless `--encode` is given, vectors come from 2,000 encoded texts, each moved by noise of its own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import machine, print_table
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer import service
from services.indexer.crawl import run_crawl
from services.indexer.embed.encoder import Encoder, Vectors
from services.indexer.sync import worker
from services.indexer.text.document import text_hash

MODEL = "all-MiniLM-L6-v2+headwater"
COLUMNS = 20
SHARES = (0.5, 0.1, 0.01, 0.001)
DESCRIBED = 0.65
"""Share of the columns that get a comment of their own: more than half of all column texts are then distinct."""
SCHEMAS = 400
REAL_TEXTS = 2_000
NOISE = 0.6
"""Length of the noise that is added to a unit vector: the cosine with what it was is then about 0.86."""


def main() -> None:
    """Make the home, and print what it took."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--tables", type=int, default=100_000)
    parser.add_argument("--encode", action="store_true", help="encode every text instead of moving real vectors")
    parser.add_argument("--crawl-only", action="store_true", help="stop after the commit; run again to go on")
    parser.add_argument("--next-day", action="store_true", help="crawl a home that is made with 1 %% of its tables changed")
    given = parser.parse_args()
    home = given.home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    lines = home / "warehouse.jsonl"
    if not lines.exists():
        with lines.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in tables(given.data, given.tables))
    if given.next_day:
        rows = next_day(home, lines, encode=given.encode)
    else:
        rows = made(home, lines, given.tables, encode=given.encode, crawl_only=given.crawl_only)
    print_table(["step", "s", "processor s", "tables/s", "note"], rows)
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def tables(data: Path, n: int) -> Iterator[dict[str, Any]]:
    """Tables as lines of a metadata file: two real tables' names and columns mixed, comments of halves of two real ones."""
    with gzip.open(data / "retrieval" / "spider2_lite.tables.jsonl.gz", "rt", encoding="utf-8") as lines:
        real = [line for line in map(json.loads, lines) if line["columns"]]
    told = sorted({c["description"] for line in real for c in line["columns"] if len(c.get("description") or "") > 20})
    dice = random.Random(7)
    for at in range(n):
        one, other = dice.randrange(len(real)), dice.randrange(len(real))
        pool = {c["name"].lower(): c for c in (*real[one]["columns"], *real[other]["columns"])}
        while len(pool) < COLUMNS:
            pool |= {c["name"].lower(): c for c in real[dice.randrange(len(real))]["columns"]}
        chosen = dice.sample(sorted(pool), COLUMNS)
        line = {
            "database": "warehouse",
            "schema": f"schema_{dice.randrange(SCHEMAS)}",
            "name": f"{real[one]['name']}_{real[other]['name'].split('_')[0]}_{at}",
            "columns": [_column(pool[name], told, dice) for name in chosen],
            "tags": [f"passes-{share}" for share in SHARES if dice.random() < share],
        }
        yield line | ({"description": real[one]["description"]} if real[one].get("description") else {})


def _column(column: Mapping[str, Any], told: Sequence[str], dice: random.Random) -> dict[str, Any]:
    description = column.get("description")
    if dice.random() < DESCRIBED:
        first, second = dice.choice(told)[:120].split(), dice.choice(told)[:120].split()
        description = " ".join([*first[: len(first) // 2 + 1], *second[len(second) // 2 :]])
    return {"name": column["name"], "type": column.get("type"), "description": description}


def made(home: Path, lines: Path, n: int, *, encode: bool, crawl_only: bool) -> list[list[object]]:
    """Crawl to the commit, index by words, then all vectors; seconds of each."""
    rows: list[list[object]] = []
    settings = Settings(home=home, model=MODEL)
    space = Workspace(settings)
    begun = _now()
    if not space.feed.head():
        run_crawl("warehouse", SourceSettings(url=f"metadata://{lines}"), space.sink, by="bench")
        rows.append(_row("crawl to the commit", begun, n, "SQLite"))
        _say(rows)
    if crawl_only:
        space.close()
        return rows
    opened = service.open_encoder
    if not encode:
        service.open_encoder = lambda *given, **more: Moved(opened(*given, **more))
        worker.BATCH_TEXTS = worker.READ_TEXTS  # one commit for many: nothing is encoded
    begun = _now()
    space.indexer.open()
    rows.append(_row("found by words", begun, n, "without keeping it"))
    _say(rows)
    assert space.indexer.lease.acquire(), "the lease of the home is taken"
    begun = _now()
    space.indexer.index_now(space.feed.head(), lambda _told: None)
    how = "every text encoded" if encode else "real vectors moved by noise"
    rows.append(_row("published with vectors", begun, n, f"{space.indexer.encoded} texts, {how}"))
    _say(rows)
    snapshot = space.indexer.snapshot()
    segments = [live.segment for live in snapshot.parts]
    distinct = [
        sum(len(texts) for texts in some)
        for some in ([s.texts.row for s in segments], [s.column_texts.row for s in segments])
    ]
    columns = sum(segment.n_columns for segment in segments)
    rows.append(
        ["counted", "", "", "", f"{columns} columns, distinct texts {distinct[1]} of columns, {distinct[0]} of tables"]
    )
    rows.append(["peak memory", "", "", "", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"])
    space.close()
    service.open_encoder = opened
    return rows


def next_day(home: Path, lines: Path, *, encode: bool) -> list[list[object]]:
    """The home's file with the comments of 1 % of the tables and of a column of each changed: crawled, indexed and published."""
    with lines.open(encoding="utf-8") as file:
        every = [json.loads(line) for line in file]
    day = time.time_ns()
    for at in range(0, len(every), 100):
        every[at]["description"] = f"changed on the day {day} for the {at}th time"
        every[at]["columns"][0]["description"] = f"first column of {at} since the day {day}"
    changed = home / "next-day.jsonl"
    changed.write_text("".join(json.dumps(line) + "\n" for line in every), encoding="utf-8")
    changed.replace(lines)
    space, opened = Workspace(Settings(home=home, model=MODEL)), service.open_encoder
    if not encode:
        service.open_encoder = lambda *given, **more: Moved(opened(*given, **more))
    begun = _now()
    record = run_crawl("warehouse", SourceSettings(url=f"metadata://{lines}"), space.sink, by="bench").record
    rows = [_row("next day: crawl to the commit", begun, len(every), f"{record.counts.changed} tables changed")]
    _say(rows)
    begun = _now()
    space.indexer.open()
    assert space.indexer.lease.acquire(), "the lease of the home is taken"
    space.indexer.index_now(record.seq, lambda _told: None)
    rows.append(_row("next day: published with vectors", begun, len(every), f"{space.indexer.encoded} texts encoded"))
    _say(rows)
    space.close()
    service.open_encoder = opened
    return rows


class Moved:
    """An encoder whose documents are moved: a real text's vector and noise, both chosen by the text's hash."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self._real: list[NDArray[np.float32]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Real vectors until there are enough, then moved ones."""
        short = max(REAL_TEXTS - len(self._real), 0)
        encoded = self._inner.encode_documents(texts[:short])
        self._real.extend(encoded)
        rest = texts[short:]
        if not rest:
            return encoded
        seeds = [int.from_bytes(text_hash(text)[:8], "big") for text in rest]
        base = np.stack([self._real[seed % len(self._real)] for seed in seeds])
        noise = np.random.default_rng(seeds[0]).standard_normal(base.shape, dtype=np.float32)
        moved = base + NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        return np.concatenate([encoded, moved]).astype(np.float32)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _row(what: str, begun: tuple[float, float], n: int, note: str) -> list[object]:
    took, busy = (now - then for now, then in zip(_now(), begun, strict=True))
    return [what, took, busy, int(n / took), note]


def _say(rows: list[list[object]]) -> None:
    print(rows[-1], file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
