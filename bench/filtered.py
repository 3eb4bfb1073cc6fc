"""A warehouse of 100,000 tables: what filters find against exact search, and how long questions take over HTTP.

Run: `make bench ARGS="filtered DATA --cache INDEXER_DB"`, with the `indexer.db` of a home that `bench relevance` made of
spider2_lite. Tables are recombined from real ones: two names' words, 20 columns out of two tables. Columns keep their real
vectors; a new table's is that of the table it is made of, moved by noise. One process, one worker, no keys between tables.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import httpx2
import numpy as np
from numpy.typing import NDArray

from bench.relevance import MODELS
from bench.report import machine, print_table
from services.catalog.access import Access
from services.catalog.api.search import create_router
from services.catalog.assets import AssetReader
from services.catalog.feedback import FeedbackLog
from services.catalog.gate import Gate
from services.catalog.vocabulary import Vocabulary
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset, Column
from services.common.model.changes import Seq
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.model.search import Filters, IndexStatus
from services.common.runtime import logs
from services.common.runtime.db import Database
from services.common.runtime.http import create_service_app
from services.evaluation.judgements import read_judgements
from services.indexer.embed.encoder import Encoder
from services.indexer.embed.open import open_encoder
from services.indexer.index.segment import Segment, build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.index.vectors import set_threads
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.candidates import DEPTH
from services.indexer.retrieve.dense import nearest_tables
from services.indexer.retrieve.view import view_of
from services.indexer.store.cache import EmbeddingCache
from services.indexer.text.document import document_of, text_hash
from tests.support.wires import listening

SHARES = (0.5, 0.1, 0.01, 0.001)
COLUMNS = 20
MODEL = "all-MiniLM-L6-v2+headwater"
WARM, ASKED, COMPARED = 20, 200, 50
K = 10
NOISE = 0.6
"""Length of the noise that is added to a unit vector: the cosine with what it was is then about 0.86."""


def main() -> None:
    """Print both tables."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--tables", type=int, default=100_000)
    arguments = parser.parse_args()
    set_threads(1)
    encoder = open_encoder(MODEL, MODELS.absolute(), threads=1)
    assets = warehouse(arguments.data, arguments.tables)
    segment = built(assets, arguments.cache, encoder)
    judgements = read_judgements(arguments.data / "retrieval" / "spider2_lite.questions.jsonl.gz")
    questions = [one.question for one in judgements][: WARM + ASKED]
    print_table(
        ["passing", "tables", f"recall@{K} against exact search", "control: filter not applied"],
        filtered(segment, encoder, questions),
    )
    print()
    print_table(["asked over HTTP", "n", "p50 ms", "p95 ms"], timed(segment, assets, encoder, questions))
    distinct = (len(segment.texts.hashes), len(segment.column_texts.hashes))
    print(
        f"\n{len(segment)} tables, {segment.n_columns} columns; distinct texts: {distinct[0]} of tables, {distinct[1]} of columns"
    )
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def warehouse(data: Path, n: int) -> list[Asset]:
    """Tables recombined from real ones."""
    with gzip.open(data / "retrieval" / "spider2_lite.tables.jsonl.gz", "rt", encoding="utf-8") as lines:
        real = [line for line in map(json.loads, lines) if line["columns"]]
    columns = [[Column(c["name"], description=c.get("description")) for c in line["columns"]] for line in real]
    dice = random.Random(7)
    out = []
    for at in range(n):
        one, other = dice.randrange(len(real)), dice.randrange(len(real))
        pool = {c.name.lower(): c for c in (*columns[one], *columns[other])}
        chosen = dice.sample(sorted(pool), min(COLUMNS, len(pool)))
        name = f"{real[one]['name']}_{real[other]['name'].split('_')[0]}_{at}"
        tags = tuple(f"passes-{share}" for share in SHARES if dice.random() < share)
        parts = ("warehouse", f"schema_{dice.randrange(40)}", name)
        made = DatasetName(Namespace("postgres://db1:5432"), parts)
        out.append(
            Asset(made, "wh", description=real[one].get("description"), columns=tuple(pool[c] for c in chosen), tags=tags)
        )
    return out


def built(assets: Sequence[Asset], cache: Path, encoder: Encoder) -> Segment:
    """The warehouse as one segment."""
    known = EmbeddingCache(Database(f"sqlite:///{cache.absolute()}", schema="indexer"), encoder.model_id)
    dice = np.random.default_rng(7)
    some: list[NDArray[np.float16]] = []

    def lookup(hashes: Sequence[bytes]) -> Mapping[bytes, NDArray[np.float16]]:
        found = dict(known.lookup(hashes))
        some.extend(list(found.values())[: max(5_000 - len(some), 0)])
        for missing in (one for one in hashes if one not in found):
            noise = dice.standard_normal(encoder.dimension)
            moved = some[int(dice.integers(len(some)))].astype(np.float64) + NOISE * noise / np.linalg.norm(noise)
            found[missing] = (moved / np.linalg.norm(moved)).astype(np.float16)
        return found

    lookup([text_hash(text) for asset in assets[:200] for text in document_of(asset).column_texts])
    begun = time.monotonic()
    segment = build_segment([document_of(asset) for asset in assets], lookup, encoder.dimension)
    segment.prepare_names()
    print(f"{len(assets)} tables built in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return segment


def filtered(segment: Segment, encoder: Encoder, questions: Sequence[str]) -> list[list[object]]:
    """For each share of tables, how many of the exactly nearest ones are found under the filter."""
    snapshot = snapshot_of(segment)
    texts = segment.texts.vectors.rows.astype(np.float32)
    rows = []
    for share in SHARES:
        view = view_of(snapshot, FULL_SCOPE, Filters(tag=(f"passes-{share}",)))
        passing, other = [], []
        for question in questions[:COMPARED]:
            vector = encoder.encode_query(question)
            near = texts @ vector
            best = np.maximum(near[segment.texts.row[segment.text]], near[segment.texts.row[segment.name_text]])
            candidates = nearest_tables(view, vector, DEPTH)
            found = set(candidates[np.argsort(-best[candidates], kind="stable")[:K]].tolist())
            for seen, recalls in ((view.seen, passing), (np.ones(len(segment), dtype=np.bool_), other)):
                right = seen & (best > 0)
                exact = np.argsort(-np.where(right, best, -2.0), kind="stable")[: min(K, int(right.sum()))]
                recalls.append(len(found & set(exact.tolist())) / max(len(exact), 1))
        rows.append([f"{share:.1%}", view.n_tables, statistics.fmean(passing), statistics.fmean(other)])
    return rows


def timed(segment: Segment, assets: Sequence[Asset], encoder: Encoder, questions: Sequence[str]) -> list[list[object]]:
    """How long `GET /search` takes, first without and then with each filter, each question new to the server."""
    snapshot = snapshot_of(segment)
    status = IndexStatus(Seq(1), Seq(1), 1, len(segment), 0, 0, None)
    search = Retriever(lambda: snapshot, lambda _: encoder, lambda: status)
    app = create_service_app("bench", "0", max_body_bytes=1_000)
    router = create_router(
        search, cast("AssetReader", Assets(assets)), cast("Vocabulary", NoWords()), cast("FeedbackLog", NoLog())
    )
    app.include_router(router, prefix="/api/v1")
    app.add_middleware(Gate, access=Access({}), hosts=None, internal_key=None)
    rows: list[list[object]] = []
    with listening(app) as url, httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        for tag in ("", *(f"passes-{share}" for share in SHARES)):
            took = []
            # what a question's words mean is remembered: each round asks others
            for question in questions:
                more = {"tag": tag} if tag else {}
                begun = time.perf_counter()
                client.get("/api/v1/search", params={"q": _plain(question), **more}).raise_for_status()
                took.append((time.perf_counter() - begun) * 1_000)
            kept = took[WARM:]
            what = f"filter {tag}, words of questions known" if tag else "questions, each asked for the first time"
            rows.append([what, len(kept), statistics.median(kept), statistics.quantiles(kept, n=20)[-1]])
            print(rows[-1], file=sys.stderr, flush=True)
    return rows


def _plain(question: str) -> str:
    """A question without what the query language would read."""
    return "".join(letter if letter.isalnum() else " " for letter in question)[:400]


def snapshot_of(segment: Segment) -> Snapshot:
    """A snapshot of one segment."""
    return Snapshot((Live(segment, np.ones(len(segment), dtype=np.bool_)),), 1, Seq(1), 1)


class Assets:
    """The catalog's reader over a list."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        self._by_id = {asset.id: asset for asset in assets}

    def many(self, ids: Sequence[AssetId], _scope: AccessScope) -> dict[AssetId, Asset]:
        """Some assets."""
        return {one: self._by_id[one] for one in ids}


class NoWords:
    """A vocabulary of which nothing was said."""

    def said(self, _text: str, _scope: AccessScope) -> tuple[()]:
        """Nothing."""
        return ()


class NoLog:
    """A log that keeps nothing."""

    def note(self, *_anything: object) -> None:
        """Forget it."""


if __name__ == "__main__":
    main()
