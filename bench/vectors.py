"""Vector search alone: ours beside FAISS's own kinds, and under filters that pass few rows, with controls.

Run: `make bench ARGS="vectors INDEXER_DB"`, with the `indexer.db` of a home that holds real vectors; `--rows` of them are made,
each a real one moved by noise to a cosine of about .86. One thread. Questions are moved real vectors too, never a row itself. Times
are processor time of the thread, so that a busy machine counts less.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from collections.abc import Callable, Iterator
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
    arguments = parser.parse_args()
    set_threads(1)
    dice = np.random.default_rng(1)
    real = _real(arguments.cache)
    rows = _moved(real[dice.integers(len(real), size=arguments.rows)], NOISE, dice)
    questions = _moved(real[dice.integers(len(real), size=ASKED)], QUESTION_NOISE, dice)
    ours = Vectors.of(rows, rows.shape[1]).with_codes()
    truth = [set(Vectors(ours.index, ours.dimension).search(one, K)[0].tolist()) for one in questions]
    table = [["headwater", *_measured(lambda q: ours.search(q, K)[0], questions, truth)]]
    table += [[name, *_measured(found, questions, truth)] for name, found in _faiss_kinds(rows)]
    turned = Vectors(ours.index, ours.dimension, Vectors.of(rows[::-1], ours.dimension).with_codes().codes)
    table.append(
        ["control: headwater with the codes of other rows", *_measured(lambda q: turned.search(q, K)[0], questions, truth)]
    )
    print_table(["100 questions", f"recall@{K}", "p50 ms", "p95 ms"], table)
    print()
    print_table(
        ["passing", f"recall@{K}", "p50 ms", "exact scan of the allowed rows, p50 ms", "ratio"],
        _filters(ours, rows, questions),
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


def _faiss_kinds(rows: NDArray[np.float32]) -> Iterator[tuple[str, Found]]:
    """FAISS by itself, each kind at the setting of a small sweep that is the fastest with a recall of .99, or its best."""
    n, dimension = rows.shape

    def of(index: faiss.Index) -> Found:
        return lambda question: index.search(question.reshape(1, -1), K)[1][0]

    flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    flat.add(rows)
    yield "FAISS flat, half precision (exact)", of(flat)
    lists = int(4 * np.sqrt(n))
    inverted = faiss.index_factory(dimension, f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    inverted.train(rows[: 40 * lists])
    inverted.add(rows)
    for probes in (16, 64, 256):
        inverted.nprobe = probes
        yield f"FAISS IVF{lists}, half precision, nprobe {probes}", of(inverted)
    graph = faiss.index_factory(dimension, "HNSW32,SQfp16", faiss.METRIC_INNER_PRODUCT)
    graph.train(rows[:50_000])
    graph.add(rows)
    for ef in (64, 256):
        graph.hnsw.efSearch = ef
        yield f"FAISS HNSW32, half precision, efSearch {ef}", of(graph)


def _filters(ours: Vectors, rows: NDArray[np.float32], questions: NDArray[np.float32]) -> Iterator[list[object]]:
    dice = np.random.default_rng(3)
    for share in SHARES:
        allowed = dice.random(len(rows)) < share
        some = np.flatnonzero(allowed)
        apart = Vectors.of(rows[some], ours.dimension)
        truth = [set(some[apart.search(one, K)[0]].tolist()) for one in questions]
        mask = None if share == 1.0 else allowed
        recall, median, _ = _measured(lambda q, mask=mask: ours.search(q, K, mask)[0], questions, truth)  # type: ignore[misc]
        _, scan, _ = _measured(lambda q, apart=apart: apart.search(q, K)[0], questions, truth)  # type: ignore[misc]
        yield [f"{share:.1%}", recall, median, scan, f"{float(str(median)) / float(str(scan)):.2f}"]


if __name__ == "__main__":
    main()
