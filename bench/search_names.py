"""Names as people type them: whole, in part, with one mistake, and while they are typed; with controls and peers.

Run: `make bench ARGS="search_names DATA"` (tables in `retrieval/` and `schemas/`), with `--only NAME` for one pool and
`--tables 100000` for a synthetic warehouse of that size. Without a model, so that names alone answer.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sqlite3
import statistics
import string
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

import httpx2
import numpy as np

from bench.report import machine, print_table
from services.catalog.access import Access
from services.catalog.api.search import create_router
from services.catalog.gate import Gate
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset, Column
from services.common.model.changes import Seq
from services.common.model.names import DatasetName, Namespace
from services.common.model.search import IndexStatus, SearchQuery
from services.common.runtime import logs
from services.common.runtime.http import create_service_app
from services.indexer.index.segment import Segment, build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.retrieve import tables
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.spelling import NOTHING
from services.indexer.store.cache import no_vectors
from services.indexer.text.document import document_of
from tests.support.wires import listening

POOLS = (
    "retrieval/spider2_lite",
    "retrieval/spider2_lite_flat",
    "retrieval/spider_union",
    "schemas/bigquery_etl",
    "schemas/dbt",
)
SAMPLED = 2_000
SLOW_SAMPLED = 300
"""Names that are asked of a peer that looks at every name each time."""
Names = list[tuple[str, ...]]


@dataclass(frozen=True)
class Asked:
    """What is typed, and the tables that it stands for: those that are spelled so."""

    text: str
    wanted: frozenset[int]


def main() -> None:
    """Print three tables: what is found, the peers, and how long it takes."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", action="append", help="a part of a pool's name")
    parser.add_argument("--kind", default="", help="a part of what is typed, such as edit")
    parser.add_argument("--tables", type=int, default=100_000)
    parser.add_argument("--sampled", type=int, default=SAMPLED)
    arguments = parser.parse_args()
    found: list[list[object]] = []
    slow: list[list[object]] = []
    for pool in (*POOLS, f"synthetic {arguments.tables}"):
        if arguments.only and not any(name in pool for name in arguments.only):
            continue
        print(pool, file=sys.stderr, flush=True)
        assets = synthetic(arguments.tables) if pool.startswith("synthetic") else read(arguments.data, pool)
        measured(pool, assets, arguments.sampled, found, slow, arguments.kind)
    print_table(["tables", "n", "typed", "who", "right at rank 1", "in the first 3"], found)
    print()
    print_table(["tables", "what", "p50 ms", "p95 ms"], slow)
    print(machine(["numpy", "rapidfuzz"]))


def measured(
    pool: str, assets: list[Asset], sampled: int, found: list[list[object]], slow: list[list[object]], only: str
) -> None:
    """One pool: each kind of typing by Headwater, by its controls, and by the peers."""
    names = [asset.name.parts for asset in assets]
    dice = random.Random(20_261_126)
    kinds = {
        "whole qualified name": questions(names, dice, sampled // 4, lambda parts: spelled(".".join(parts), dice)),
        "partial qualified name": questions(names, dice, sampled // 4, lambda parts: part_of(parts, dice)),
        "table name, one edit": questions(names, dice, sampled, lambda parts: edited(parts[-1], dice), whole=False),
        "qualified name, one edit": questions(names, dice, sampled, lambda parts: edited(".".join(parts), dice)),
        "beginnings of words": questions(names, dice, sampled // 4, lambda parts: begun(parts[-1], dice), whole=False),
    }
    kinds["beginnings of words"] = with_equals(names, kinds["beginnings of words"])
    segment = build_segment([document_of(asset) for asset in assets], no_vectors, 1)
    begun_s = time.process_time()
    segment.prepare_names()
    built_s = time.process_time() - begun_s
    ours = headwater(segment, assets)
    for kind, asked in kinds.items():
        if only not in kind:
            continue
        took: list[float] = []
        row = [pool, len(asked), kind]
        answers = answered(ours, asked, took)
        found.append([*row, "**headwater**", *hits(answers, asked)])
        print(found[-1], file=sys.stderr, flush=True)
        slow.append([pool, kind, *times(took)])
        if "edit" in kind or "beginnings" in kind:
            with mock.patch.object(tables, "spelled_tables", return_value=NOTHING):
                few = asked[:SLOW_SAMPLED]
                found.append([*row, f"control: no index of names (first {len(few)})", *hits(answered(ours, few), few)])
        shuffled = [one.wanted for one in asked]
        dice.shuffle(shuffled)
        wrong = [Asked(one.text, other) for one, other in zip(asked, shuffled, strict=True)]
        found.append([*row, "control: names shuffled", *hits(answers, wrong)])
        for peer, answer, most in peers(names):
            found.append([*row, peer, *hits(answered(answer, asked[:most]), asked[:most])])
            print(found[-1], file=sys.stderr, flush=True)
    suggest_times(pool, segment, assets, dice, slow)
    told = f"indexes of names: {built_s:.1f} s of processor, signatures {signature_bytes(segment) / 2**20:.1f} MiB"
    slow.append([pool, told, "", ""])


def read(data: Path, pool: str) -> list[Asset]:
    """The tables of a pool."""
    with gzip.open(data / f"{pool}.tables.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [of_line(json.loads(line)) for line in lines]


def of_line(line: dict) -> Asset:
    parts = tuple(part for part in (line["database"], line.get("schema"), line["name"]) if part)
    columns = tuple(Column(one["name"], description=one.get("description")) for one in line["columns"])
    return Asset(
        DatasetName(Namespace("metadata://pool"), parts), "pool", description=line.get("description"), columns=columns
    )


def synthetic(n: int) -> list[Asset]:
    """Tables with names of two to five words out of 3,000, in 40 schemas; a tenth are date shards or copies."""
    dice = random.Random(7)
    vowels, consonants = "aeiou", "bcdfghklmnprstvw"
    vocabulary = [
        "".join(dice.choice(consonants) + dice.choice(vowels) for _ in range(dice.randint(2, 4))) for _ in range(3_000)
    ]
    names: dict[tuple[str, ...], None] = {}
    while len(names) < n:
        words = dice.sample(vocabulary, dice.choice((1, 2, 2, 3, 3, 4)))
        name = dice.choice(("", "", "fct_", "dim_", "stg_")) + "_".join(words)
        schema = f"schema_{dice.randrange(40)}"
        names["wh", schema, name] = None
        if dice.random() < 0.02:
            for day in range(dice.randint(1, 6)):
                names["wh", schema, f"{name}_2031010{day + 1}"] = None
    columns = tuple(Column(f"{word}_id") for word in vocabulary[:8])
    return [Asset(DatasetName(Namespace("postgres://db1:5432"), parts), "wh", columns=columns) for parts in list(names)[:n]]


def questions(
    names: Names, dice: random.Random, n: int, typed: Callable[[tuple[str, ...]], str], *, whole: bool = True
) -> list[Asked]:
    """Sampled names as they are typed. Right are the tables that are spelled like the sampled one, as far as it was typed."""
    of_end: dict[tuple[str, ...], set[int]] = {}
    for at, parts in enumerate(names):
        for start in range(len(parts)):
            of_end.setdefault(tuple(part.lower() for part in parts[start:]), set()).add(at)
    out = []
    for parts in dice.sample(names, min(n, len(names))):
        text = typed(parts)
        levels = text.count(".") + 1 if whole else 1
        own = tuple(part.lower() for part in parts)
        end = own[-levels:] if 0 < levels <= len(own) and not any("." in part for part in own) else own
        out.append(Asked(text, frozenset(of_end[end if whole else own[-1:]])))
    return out


def spelled(name: str, dice: random.Random) -> str:
    """A whole name in one of the ways people paste it."""
    quoted = ".".join(f'"{part}"' for part in name.split("."))
    return dice.choice((name, name.upper(), name.lower(), quoted, f"`{name}`", f" {name} ", f"{name};"))


def part_of(parts: tuple[str, ...], dice: random.Random) -> str:
    """Some of the last parts."""
    return ".".join(parts[-dice.randint(1, max(len(parts) - 1, 1)) :])


def edited(name: str, dice: random.Random) -> str:
    """A name after one of the four edits, at any place; never the same text."""
    while True:
        at = dice.randrange(len(name))
        letter = dice.choice(string.ascii_lowercase + string.digits + "_")
        out = dice.choice(
            (
                name[:at] + letter + name[at:],
                name[:at] + name[at + 1 :],
                name[:at] + letter + name[at + 1 :],
                name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
            )
        )
        if out not in (name, ""):
            return out


def with_equals(names: Names, asked: list[Asked]) -> list[Asked]:
    """Beginnings with all names that they begin word by word: they stand for one of these as well as for another."""
    of_shape: dict[tuple[int, str], list[tuple[int, list[str]]]] = {}
    for at, parts in enumerate(names):
        words = parts[-1].lower().split("_")
        of_shape.setdefault((len(words), words[0][:3]), []).append((at, words))
    out = []
    for one in asked:
        begins = one.text.lower().split("_")
        near = of_shape.get((len(begins), begins[0][:3]), [])
        fit = (at for at, words in near if all(w.startswith(b) for b, w in zip(begins, words, strict=True)))
        out.append(Asked(one.text, frozenset(fit)))
    return out


def begun(name: str, dice: random.Random) -> str:
    """The beginnings of a name's words, three or four letters of each; a whole name where that is all."""
    return "_".join(word[: dice.randint(3, 4)] for word in name.split("_"))


def headwater(segment: Segment, assets: list[Asset]) -> Callable[[str], list[int]]:
    """Headwater over one segment, without a model."""
    search = retriever(segment)
    number = {asset.id: at for at, asset in enumerate(assets)}

    def ask(text: str) -> list[int]:
        return [number[hit.asset] for hit in search.search(SearchQuery(text, FULL_SCOPE, limit=3)).hits]

    return ask


def signature_bytes(segment: Segment) -> int:
    """What finding mistakes takes in memory."""
    ends = segment.postfixes
    arrays = (ends.signatures.chars, ends.signatures.pairs, ends.signatures.lengths, ends.rows, ends.starts)
    return sum(array.nbytes for array in arrays)


def retriever(segment: Segment) -> Retriever:
    """Search over one segment."""
    snapshot = Snapshot((Live(segment, np.ones(len(segment), dtype=np.bool_)),), 1, Seq(1), 1)
    status = IndexStatus(Seq(1), Seq(1), 1, len(segment), 0, 0, None)
    return Retriever(lambda: snapshot, lambda _: None, lambda: status)


def peers(names: Names) -> Iterator[tuple[str, Callable[[str], list[int]], int]]:
    """SQLite FTS5 with trigrams, and rapidfuzz over all names; the same names, without case."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE names USING fts5(name, tokenize='trigram')")
    whole = [".".join(parts).lower() for parts in names]
    database.executemany("INSERT INTO names (rowid, name) VALUES (?, ?)", list(enumerate(whole, 1)))

    def trigram(text: str) -> list[int]:
        lowered = text.lower().strip(" ;`")
        grams = {lowered[at : at + 3].replace('"', '""') for at in range(max(len(lowered) - 2, 0))}
        if not grams:
            return []
        match = " OR ".join(f'"{gram}"' for gram in sorted(grams))
        rows = database.execute("SELECT rowid FROM names WHERE names MATCH ? ORDER BY bm25(names), rowid LIMIT 3", (match,))
        return [row - 1 for (row,) in rows]

    last = [parts[-1].lower() for parts in names]

    def nearest(text: str) -> list[int]:
        lowered = text.lower().strip(" ;`").replace('"', "")
        choices = whole if "." in lowered else last
        return [at for _, _, at in process.extract(lowered, choices, scorer=OSA.distance, limit=3)]

    most = SLOW_SAMPLED if len(names) < 20_000 else SLOW_SAMPLED // 5
    yield f"SQLite FTS5, trigrams (first {most})", trigram, most
    yield f"rapidfuzz, edit distance to all (first {most})", nearest, most


def answered(answer: Callable[[str], list[int]], asked: list[Asked], took: list[float] | None = None) -> list[list[int]]:
    """The first three for each question; how long each took, in ms, is added to `took`."""
    out = []
    for one in asked:
        begun_s = time.perf_counter()
        out.append(answer(one.text))
        if took is not None:
            took.append((time.perf_counter() - begun_s) * 1_000)
    return out


def hits(answers: list[list[int]], asked: list[Asked]) -> tuple[float, float]:
    """The share that is right at rank 1, and among the first three."""
    pairs = list(zip(answers, asked, strict=True))
    first = sum(bool(found) and found[0] in one.wanted for found, one in pairs)
    third = sum(any(at in one.wanted for at in found[:3]) for found, one in pairs)
    return first / max(len(pairs), 1), third / max(len(pairs), 1)


def times(took: list[float]) -> tuple[float, float]:
    """Median and 95th percentile, in ms."""
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


def suggest_times(pool: str, segment: Segment, assets: list[Asset], dice: random.Random, slow: list[list[object]]) -> None:
    """Completions of what is typed letter by letter, in this process and over HTTP on loopback."""
    search = retriever(segment)
    some = dice.sample(assets, min(len(assets), 100))
    texts = [dice.choice((a.table, a.name.qualified, a.columns[0].name if a.columns else a.table)) for a in some]
    typed = [text[:end] for text in texts for end in range(1, min(len(text), 12))]
    within = timed(lambda text: search.suggest(text, FULL_SCOPE), typed)
    slow.append([pool, "suggest, letter by letter, in process", *within])
    nobody = cast("Any", None)  # the routes that are asked here need neither a store nor a log
    app = create_service_app("bench", "0", max_body_bytes=1_000)
    app.include_router(create_router(search, nobody, nobody, nobody), prefix="/api/v1")
    app.add_middleware(Gate, access=Access({}), hosts=None, internal_key=None)
    with listening(app) as url, httpx2.Client(base_url=url, trust_env=False) as client:
        over_http = timed(lambda text: client.get("/api/v1/suggest", params={"q": text}).raise_for_status(), typed)
    slow.append([pool, "suggest, letter by letter, over HTTP", *over_http])


def timed(ask: Callable[[str], object], texts: list[str]) -> tuple[float, float]:
    """Median and 95th percentile of asking each text, in ms."""
    took = []
    for text in texts:
        begun_s = time.perf_counter()
        ask(text)
        took.append((time.perf_counter() - begun_s) * 1_000)
    return times(took)


if __name__ == "__main__":
    main()
