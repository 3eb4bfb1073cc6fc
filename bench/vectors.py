"""Vector search alone: ours beside FAISS's own kinds, and under filters that pass few rows, with controls.

Run: `make bench ARGS="vectors INDEXER_DB"`, with the `indexer.db` of a home that holds real vectors; `--rows` of them are made,
each a real one moved by noise to a cosine of about .86. One thread. Questions are moved real vectors too, never a row itself. Times
are processor time of the thread, so that a busy machine counts less.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from bench.report import machine, print_table
from services.indexer.index.vectors import Vectors, set_threads

K, ASKED, NOISE, QUESTION_NOISE = 10, 100, 0.6, 0.7
SHARES = (1.0, 0.5, 0.1, 0.01, 0.001)
Found = Callable[[NDArray[np.float32]], NDArray[np.int64]]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument(
        "--peers",
        type=Path,
        nargs="+",
        default=[],
        help="the Pythons of environments with other engines: tools/search_peers.sh vectors extensions",
    )
    parser.add_argument("--small", action="store_true", help="leave out FAISS's graph, which takes minutes to make")
    arguments = parser.parse_args()
    set_threads(1)
    dice = np.random.default_rng(1)
    real = _real(arguments.cache)
    rows = _moved(real[dice.integers(len(real), size=arguments.rows)], NOISE, dice)
    questions = _moved(real[dice.integers(len(real), size=ASKED)], QUESTION_NOISE, dice)
    begun = time.process_time()
    ours, order = Vectors.of(rows, rows.shape[1]).listed()
    print(f"lists made in {time.process_time() - begun:.1f} s of processor time", file=sys.stderr, flush=True)
    rows = rows[order]
    exact = replace(ours, lists=None)
    truth = [set(exact.search(one, K)[0].tolist()) for one in questions]
    table = [["headwater", *_measured(lambda q: ours.search(q, K)[0], questions, truth)]]
    table += [[name, *_measured(found, questions, truth)] for name, found in _faiss_kinds(rows, small=arguments.small)]
    for python in arguments.peers:
        table += _peers(python, rows, questions, [exact.search(one, K)[0] for one in questions])
    turned = replace(ours, lists=replace(ours.lists, centres=ours.lists.centres[::-1]))
    table.append(
        [
            "control: headwater with the centres of other lists",
            *_measured(lambda q: turned.search(q, K)[0], questions, truth),
        ]
    )
    print_table(["100 questions", f"recall@{K}", "p50 ms", "p95 ms"], table)
    print()
    print_table(
        [
            "passing",
            f"recall@{K}",
            "p50 ms",
            "first question of a filter, p50 ms",
            "scan of a copy of the allowed rows, p50 ms",
            "ratio",
            "FAISS scanning them where they lie, by selector, p50 ms",
            "ratio",
        ],
        list(_filters(ours, rows, questions)),
    )
    print(f"\n{len(rows)} rows of {rows.shape[1]} numbers")
    print(machine(["faiss-cpu", "numpy"]))


def _real(cache: Path) -> NDArray[np.float32]:
    with sqlite3.connect(f"file:{cache}?mode=ro", uri=True) as connection:
        found = [np.frombuffer(row[0], dtype=np.float16) for row in connection.execute("SELECT vector FROM embedding")]
    return np.stack(found).astype(np.float32)


def _moved(rows: NDArray[np.float32], noise: float, dice: np.random.Generator) -> NDArray[np.float32]:
    by = dice.standard_normal(rows.shape, dtype=np.float32)
    out = rows + noise * by / np.linalg.norm(by, axis=1, keepdims=True)
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True), dtype=np.float32)


def _measured(found: Found, questions: NDArray[np.float32], truth: list[set[int]]) -> list[object]:
    took, hits = [], 0
    for question, right in zip(questions, truth, strict=True):
        begun = time.thread_time()
        rows = found(question)
        took.append(1000 * (time.thread_time() - begun))
        hits += len(right & set(rows.tolist()))
    return [hits / sum(map(len, truth)), float(np.median(took)), float(np.quantile(took, 0.95))]


def _faiss_kinds(rows: NDArray[np.float32], *, small: bool) -> Iterator[tuple[str, Found]]:
    """FAISS by itself, each kind at the setting of a small sweep that is the fastest with a recall of .99, or its best."""
    n, dimension = rows.shape

    def of(index: faiss.Index) -> Found:
        return lambda question: index.search(question.reshape(1, -1), K)[1][0]

    flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    flat.add(rows)
    yield "FAISS flat, half precision (exact)", of(flat)
    lists = int(4 * np.sqrt(n))
    inverted = faiss.index_factory(dimension, f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    inverted.train(rows[:: max(len(rows) // (40 * lists), 1)])
    inverted.add(rows)
    for probes in (8, 16, 64):
        inverted.nprobe = probes
        yield f"FAISS IVF{lists}, half precision, nprobe {probes}", of(inverted)
    if small:
        return
    graph = faiss.index_factory(dimension, "HNSW32,SQfp16", faiss.METRIC_INNER_PRODUCT)
    graph.train(rows[:50_000])
    graph.add(rows)
    for ef in (64, 256):
        graph.hnsw.efSearch = ef
        yield f"FAISS HNSW32, half precision, efSearch {ef}", of(graph)


def _peers(
    python: Path, rows: NDArray[np.float32], questions: NDArray[np.float32], truth: list[NDArray[np.int64]]
) -> Iterator[list[object]]:
    """Other engines over the same rows and questions, each in a process of its own; an engine that cannot run is said to be missing."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        for name, array in (("rows", rows), ("asked", questions), ("truth", np.stack(truth))):
            np.save(Path(folder) / f"{name}.npy", array)
        for engine in ("sqlite_vec", "lance", "chroma", "qdrant", "duckdb"):
            command = [str(python), str(Path(__file__).parent / "peers" / "vectors_peer.py"), folder, engine]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            for line in map(json.loads, done.stdout.splitlines()):
                yield [line["name"], line["recall"], line["p50"], line["p95"]]
            if done.returncode:
                print(f"{engine} did not run", file=sys.stderr, flush=True)


def _filters(ours: Vectors, rows: NDArray[np.float32], questions: NDArray[np.float32]) -> Iterator[list[object]]:
    """Random filters, and one that passes the rows nearest to a row that no question is about: all in lists far from most."""
    dice = np.random.default_rng(3)
    far = np.argsort(-(rows @ rows[0]), kind="stable")
    for share in SHARES:
        spread = dice.random(len(rows)) < share
        together = np.zeros(len(rows), dtype=np.bool_)
        together[far[: max(int(share * len(rows)), 1)]] = True
        for name, mask in (("spread", spread), ("together", together)):
            some = np.flatnonzero(mask)
            apart = Vectors.of(rows[some], ours.dimension)
            truth = [set(some[apart.search(one, K)[0]].tolist()) for one in questions]
            # what a view keeps of a filter is found out by its first question
            first = [_first(ours, mask, one) for one in questions[:20]]
            allowed = ours.selection(mask)
            found = _measured(lambda q, a=allowed: ours.search(q, K, a)[0], questions, truth)
            there = _measured(lambda q, a=apart: a.search(q, K)[0], questions, [{0} for _ in questions])
            bits = np.packbits(mask, bitorder="little")
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
            lying = _measured(
                lambda q, c=chosen: ours.index.search(q.reshape(1, -1), K, params=c)[1][0],
                questions,
                [{0} for _ in questions],
            )
            yield [
                f"{share:.1%}, {name}",
                *found[:2],
                float(np.median(first)),
                there[1],
                found[1] / there[1],
                lying[1],
                found[1] / lying[1],
            ]


def _first(ours: Vectors, mask: NDArray[np.bool_], question: NDArray[np.float32]) -> float:
    begun = time.thread_time()
    ours.search(question, K, ours.selection(mask))
    return 1000 * (time.thread_time() - begun)


if __name__ == "__main__":
    main()
