"""How soon a dataset that only an event names is found: a part of `bench lineage_events`.

From the moment an event is posted to the first answer of search that holds its dataset, over HTTP, asked again every ten milliseconds:
on a server that does nothing else, and while a source whose tables have all changed is crawled and indexed, again and again. Control:
names that were never sent, which no answer may hold.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.server import Server

WANTED_P95_MS = 1_000.0
TABLES = 2_000
_ASKED_EVERY_S = 0.01
_GIVE_UP_S = 120.0
_NAMESPACE = "postgres://bench:5432"
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Findable:
    """Milliseconds until datasets were found.

    Attributes:
        idle_ms: on a server that does nothing else.
        busy_ms: while crawls run.
        crawls: how many of them ended in that time.
        wrong: answers that held a name that was never sent.

    """

    idle_ms: list[float]
    busy_ms: list[float]
    crawls: int
    wrong: int

    @property
    def met(self) -> bool:
        """Whether both are as fast as wanted, crawls did run, and nothing was found that was not sent."""
        return (
            self.wrong == 0 and self.crawls > 0 and all(p95(took) <= WANTED_P95_MS for took in (self.idle_ms, self.busy_ms))
        )


def p95(took_ms: list[float]) -> float:
    """The 95th percentile."""
    return sorted(took_ms)[int(len(took_ms) * 0.95)]


def findable(count: int, make: Callable[[str, list[str]], Event], tables: int = TABLES) -> Findable:
    """Send `count` events, each naming a dataset of its own, on an idle and on a crawling server.

    Args:
        count: events of each kind.
        make: an event of a run whose output has this name and these words in its description.
        tables: of the source that is crawled.

    """
    with tempfile.TemporaryDirectory() as folder:
        home, lines = Path(folder) / "home", Path(folder) / "wh.jsonl"
        home.mkdir()
        write_tables(lines, tables, 0)
        (home / "headwater.toml").write_text(
            f'[sources.wh]\nurl = "metadata://{lines}"\nnamespace = "{_NAMESPACE}"\n', encoding="utf-8"
        )
        with Server(home) as server:
            crawl_once(server)
            idle_ms, wrong = _rounds(server, count, make, "idle")
            with Crawls(server, lines, tables) as crawls:
                busy_ms, more = _rounds(server, count, make, "busy")
            return Findable(idle_ms, busy_ms, crawls.ended, wrong + more)


def _rounds(server: Server, count: int, make: Callable[[str, list[str]], Event], kind: str) -> tuple[list[float], int]:
    pick = random.Random(20261126)
    took, wrong = [], 0
    for _ in range(count):
        word = f"{kind}{uuid.UUID(int=pick.getrandbits(128)).hex[:12]}"
        body = json.dumps(make(f"shop.mart.{word}", ["figures", "of", word])).encode()
        began = time.perf_counter()
        assert server.send("/lineage", body) == 201
        while not holds(server, word):
            if time.perf_counter() - began > _GIVE_UP_S:
                raise SystemExit(f"{word} was not found within {_GIVE_UP_S:.0f} s")
            time.sleep(_ASKED_EVERY_S)
        took.append((time.perf_counter() - began) * 1000)
        wrong += holds(server, f"{kind}{uuid.UUID(int=pick.getrandbits(128)).hex[:12]}")
        time.sleep(pick.random() * 0.1)  # at any moment of what follows events
    return took, wrong


def holds(server: Server, word: str) -> bool:
    """Whether a search for the word holds the dataset that is called so."""
    hits = server.ask("/search", q=word, limit=3).json()["hits"]
    return any(hit["qualified_name"] == f"shop.mart.{word}" for hit in hits)


def write_tables(file: Path, tables: int, generation: int) -> None:
    """Tables whose descriptions all differ from those of every other generation."""
    columns = [{"name": f"column_{at}", "type": "numeric"} for at in range(5)]
    with file.open("w", encoding="utf-8") as out:
        for number in range(tables):
            words = f"table {number} as of generation {generation}"
            line = {"database": "shop", "schema": "raw", "name": f"t{number}", "description": words, "columns": columns}
            out.write(json.dumps(line) + "\n")


def crawl_once(server: Server) -> None:
    """Crawl the source to its end."""
    asked = server.client.post("/api/v1/crawls", json={"source": "wh"}, headers=server.headers)
    crawl = asked.json()["id"]
    while (state := server.ask(f"/crawls/{crawl}").json()["state"]) not in ("complete", "partial", "failed"):
        time.sleep(0.05)
    if state != "complete":
        raise SystemExit(f"the crawl ended as {state}")


def indexed(server: Server) -> bool:
    """Whether everything that is committed is found by its words."""
    return "headwater_index_behind 0.0" in server.client.get("/metrics", headers=server.headers).text


class Crawls:
    """Crawls of tables that have all changed, each begun when the one before is indexed; as long as the block lasts."""

    def __init__(self, server: Server, file: Path, tables: int) -> None:
        self._server = server
        self._file = file
        self._tables = tables
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.ended = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=300)

    def _run(self) -> None:
        while not self._stop.is_set():
            write_tables(self._file, self._tables, self.ended + 1)
            crawl_once(self._server)
            self.ended += 1
            while not self._stop.is_set() and not indexed(self._server):
                time.sleep(0.05)


def print_findable(found: Findable) -> None:
    """Its lines of the table."""
    for label, took in (("nothing else runs", found.idle_ms), (f"while {found.crawls} crawls run", found.busy_ms)):
        both = f"{statistics.median(took):.0f}, {p95(took):.0f}"
        name = f"event to search answer, {label}: p50, p95 ms (n {len(took)})"
        print(f"{name:<72}{both:>14}{f'≤ {WANTED_P95_MS:,.0f}':>12}")
    control = f"{found.wrong} of {len(found.idle_ms) + len(found.busy_ms)}"
    print(f"{'  control: names never sent that were found':<72}{control:>14}{'0':>12}")
