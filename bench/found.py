"""A write until it is found, over HTTP, while a crawl runs beside it: from the acknowledgement to the first answer that has it.

Run: `make bench ARGS="found DATA"`. A home of recombined tables is served; each write gives a table a description with a word that nothing
else has, and that word is asked for without pause until the table is the first hit. Meanwhile `headwater crawl` reads the same tables from a file
in a process of its own, again and again: 1 % of them changed each time (`crawl`), or none (`crawl, nothing changed`), or nobody crawls. The control asks for
words that were never written. `--workers` asks a server of several.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.report import machine, print_table
from bench.server import Server
from bench.warehouse import tables

PATIENCE_S = 60.0
WANTED_MS = 100
CHANGED = 0.01
NEVER = 20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench found", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tables", type=int, default=3_000)
    parser.add_argument("--writes", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--model", default="hashing", help="encodes what changed, beside the writes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as name:
        folder = Path(name)
        lines = list(tables(given.data, given.tables))
        file = folder / "warehouse.jsonl"
        _write(file, lines)
        home = folder / "home"
        _crawl(file, home, given.model)
        with Server(home, model=given.model, workers=given.workers) as server:
            known = [one["id"] for one in server.ask("/assets", limit=200).json()["assets"]]
            dice = random.Random(20261126)
            # letters by lot: words with parts in common would find each other's tables
            words = ("".join(dice.choices(string.ascii_lowercase, k=12)) for _ in itertools.count())
            rows = []
            for what, share in (
                ("nobody crawls", None),
                ("a crawl, nothing changed", 0.0),
                ("a crawl, 1 % changed", CHANGED),
            ):
                with _crawling(file, home, lines, share, given.model) as crawls:
                    took = [_found(server, known[at % len(known)], next(words)) for at in range(given.writes)]
                rows.append(_row(what, took, f"{len(crawls)} crawls ended"))
            never = sum(_is_first(server, known[at], next(words)) for at in range(NEVER))
        rows.append([f"control: {NEVER} words that were never written", "", "", "", f"{never} found"])
    print_table(["meanwhile", "p50 ms", "p95 ms", "most ms", "note"], rows)
    print(f"\n{given.tables} tables, {given.writes} writes each, {given.workers} workers, model {given.model}")
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def _write(file: Path, lines: list[dict[str, Any]]) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    fresh.replace(file)


def _crawl(file: Path, home: Path, model: str, *more: str) -> None:
    env = os.environ | {"HEADWATER_HOME": str(home), "HEADWATER_MODEL": model}
    command = [sys.executable, "-m", "services", "crawl", f"metadata://{file}", *more]
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def _crawling(file: Path, home: Path, lines: list[dict[str, Any]], share: float | None, model: str) -> Iterator[list[float]]:
    """Crawls in a process of their own, one after another, with so many tables changed each time; yields when each ended."""
    ended: list[float] = []
    stop = threading.Event()

    def run() -> None:
        for turn in itertools.count():
            if stop.is_set() or share is None:
                return
            step = int(1 / share) if share else len(lines) + 1
            some = [
                line | {"description": f"turn {turn} of {at}"} if at % step == 1 else line for at, line in enumerate(lines)
            ]
            _write(file, some)
            _crawl(file, home, model, "--no-wait")
            ended.append(time.perf_counter())

    thread = threading.Thread(target=run, name="crawls")
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


def _found(server: Server, table: str, word: str) -> float:
    """Milliseconds from the acknowledged write to the answer that has it."""
    seen = server.ask(f"/assets/{table}")
    headers = {"If-Match": seen.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    done = server.client.patch(
        f"/api/v1/assets/{table}", content=json.dumps({"description": f"about {word}"}), headers=headers
    )
    begun = time.perf_counter()
    assert done.status_code == 200, done.text
    while not _is_first(server, table, word):
        assert time.perf_counter() < begun + PATIENCE_S, f"{word} was never found"
    return 1000 * (time.perf_counter() - begun)


def _is_first(server: Server, table: str, word: str) -> bool:
    """Whether a table is the first that a word finds: others are like it by chance, and the encoder finds some for every word."""
    hits = server.ask("/search", q=word, limit=1).json()["hits"]
    return [hit["id"] for hit in hits] == [table]


def _row(what: str, took: list[float], note: str) -> list[object]:
    ordered = sorted(took)
    return [
        what,
        *(ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 1.0)),
        f"{note}; wanted {WANTED_MS} ms (p95)",
    ]


if __name__ == "__main__":
    main()
