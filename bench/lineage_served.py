"""A whole service over a large lineage store, asked over HTTP: how long bounded answers take, what they hold, how much memory.

A part of `lineage_graph`. The catalog of the home is empty: what is measured is lineage's, besides a bare service. Answers are
compared with a plain walk over the edges that went into the store.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray

from bench.lineage_store import COLUMNS, ColumnEdges, all_edges_of, column_edges_of, column_of, fill, name_of
from bench.server import Server
from services.common.model.access import AccessScope
from services.common.model.names import AssetId

SCOPE = AccessScope(("*",), ("wh.shop.s1", "wh.shop.s7*"))
"""Hides about a tenth of the schemas."""
DEPTH, LIMIT = 3, 200
ASKED = 100
"""Requests of each kind; the first tenth warms up and does not count."""
_TOKENS = {"all": "bench-sees-everything", "narrow": "bench-sees-a-part"}


class Reference:
    """A plain walk over the edges between what is not hidden, one set a step."""

    def __init__(self, sources: NDArray[Any], targets: NDArray[Any], hidden: NDArray[np.bool_]) -> None:
        kept = ~hidden[sources] & ~hidden[targets]
        sources, targets = sources[kept], targets[kept]
        down, up = np.argsort(sources, kind="stable"), np.argsort(targets, kind="stable")
        self._ordered = {False: (sources[down], targets[down]), True: (targets[up], sources[up])}

    def around(self, start: int, depth: int) -> dict[int, int]:
        """What stands within `depth` steps, each with its distance, negative upstream."""
        found = {start: 0}
        for up in (True, False):
            seen = ahead = {start}
            for distance in range(1, depth + 1):
                ahead = {two for one in ahead for two in self._beside(one, up=up)} - seen
                seen = seen | ahead
                for node in ahead:
                    if node not in found or distance < abs(found[node]):
                        found[node] = -distance if up else distance
        return found

    def _beside(self, node: int, *, up: bool) -> list[int]:
        owners, others = self._ordered[up]
        begin, end = np.searchsorted(owners, [node, node + 1])
        return list(others[begin:end].tolist())


Rows = Iterable[tuple[str, str]]


def report(n: int, m: int, columns: int, alone: Callable[[Path], Rows]) -> Iterator[tuple[str, str]]:
    """Fill a store, hand it to `alone`, serve it, ask it; rows of figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        ids = fill(home / "lineage.db", n, m, columns)
        yield from alone(home / "lineage.db")
        (home / "headwater.toml").write_text(_settings())
        between = column_edges_of(n, columns)
        with Server(home, token=_TOKENS["all"]) as server:
            empty = server.memory_mb()
            yield "whole service before the graph", f"{empty:.0f} MB"
            began = time.perf_counter()
            first = ids[int(between.sources[0])]
            while not _walk(server, first).json().get("edges"):  # an asset is unknown until the graph is there
                time.sleep(0.1)
            yield "until the graph answers", f"{time.perf_counter() - began:.1f} s"
            yield from _tables(server, ids, n, m, columns)
            yield from _columns(server, ids, between)
            yield "whole service after all of it (PSS)", f"{server.memory_mb():.0f} MB"
            yield "an event's edge is in the graph, which is made anew, after", f"{_told(server, ids):.1f} s"
            yield "whole service then, and its process at most", f"{server.memory_mb():.0f} MB, {server.peak_mb():.0f} MB"


def _tables(server: Server, ids: Sequence[AssetId], n: int, m: int, columns: int) -> Iterator[tuple[str, str]]:
    hidden = _hidden(n)
    sources, targets = all_edges_of(n, m, columns)
    chance = random.Random(5)
    starts = [one for one in (chance.randrange(n) for _ in range(2 * ASKED)) if not hidden[one]][:ASKED]
    full, narrow = (Reference(sources, targets, one) for one in (np.zeros(n, np.bool_), hidden))
    for told, token, plain in (("full scope", "all", full), ("with a scope", "narrow", narrow)):
        asked = [lambda one=one, token=token: _walk(server, ids[one], token=_TOKENS[token]) for one in starts]
        times, answers = _timed(asked)
        yield f"{DEPTH} hops, {told}, over HTTP: p50, p95", p50_p95(times)
        yield f"  the same as a plain walk, {told}", _same(answers, starts, plain, ids.__getitem__)
    wrong = _count(answers, starts, full, ids.__getitem__)
    yield "  control: answers to the scope equal to the walk without it", f"{wrong} of {len(starts)}"
    for told, token in (("full scope", "all"), ("with a scope", "narrow")):
        asked = [lambda one=one, token=token: _walk(server, ids[one], depth=100, token=_TOKENS[token]) for one in starts]
        yield f"100 hops, {told}, over HTTP: p50, p95", p50_p95(_timed(asked)[0])
    pairs = list(zip(starts[::2], starts[1::2], strict=True))
    ways = [lambda a=a, b=b: server.ask("/lineage/paths", **{"from": ids[a], "to": ids[b]}) for a, b in pairs]
    yield "paths between two, over HTTP: p50, p95", p50_p95(_timed(ways)[0])
    hits = [lambda one=one: server.ask(f"/assets/{ids[one]}/impact", token=_TOKENS["narrow"]) for one in starts]
    times, answers = _timed(hits)
    sizes = sorted(answer["total"] for answer in answers)
    yield "impact, with a scope, over HTTP: p50, p95", p50_p95(times)
    yield "  affected: median, most", f"{sizes[len(sizes) // 2]:,}, {sizes[-1]:,}"


def _columns(server: Server, ids: Sequence[AssetId], between: ColumnEdges) -> Iterator[tuple[str, str]]:
    """Walks between columns: columns are numbered table by table; one into all columns is one into each."""
    into_all = between.target_columns < 0
    sources = between.sources.astype(np.intp) * COLUMNS + between.source_columns
    spread = np.repeat(np.flatnonzero(into_all), COLUMNS)
    targets = between.targets.astype(np.intp) * COLUMNS + between.target_columns
    every = between.targets[spread].astype(np.intp) * COLUMNS + np.tile(np.arange(COLUMNS), int(into_all.sum()))
    sources = np.concatenate([sources[~into_all], sources[spread]])
    targets = np.concatenate([targets[~into_all], every])
    tables = 1 + int(max(between.sources.max(), between.targets.max()))
    hidden = np.repeat(_hidden(tables), COLUMNS)
    full, narrow = (Reference(sources, targets, one) for one in (np.zeros_like(hidden), hidden))
    chance = random.Random(6)
    starts = [one for one in (int(chance.choice(sources)) for _ in range(2 * ASKED)) if not hidden[one]][:ASKED]
    asked = [
        lambda one=one: _walk(server, ids[one // COLUMNS], column=column_of(one % COLUMNS), token=_TOKENS["narrow"])
        for one in starts
    ]
    times, answers = _timed(asked)

    def told(node: int) -> str:
        return f"{ids[node // COLUMNS]}\n{column_of(node % COLUMNS)}"

    yield f"{len(between.sources):,} edges between columns, {DEPTH} hops, with a scope, over HTTP: p50, p95", p50_p95(times)
    yield "  the same as a plain walk", _same(answers, starts, narrow, told)
    wrong = _count(answers, starts, full, told)
    yield "  control: answers to the scope equal to the walk without it", f"{wrong} of {len(starts)}"


def _told(server: Server, ids: Sequence[AssetId]) -> float:
    """Seconds from a run's event until the edge that it shows is in an answer: the old graph answers beside the new one."""
    number = next(one for one in range(len(ids)) if not _hidden(one + 2)[one:].any())
    source, target = name_of(number), name_of(number + 1)
    ends = [{"namespace": name.namespace, "name": ".".join(name.parts)} for name in (source, target)]
    event = {
        "eventType": "COMPLETE",
        "eventTime": dt.datetime.now(dt.UTC).isoformat(),
        "producer": "https://example.com/bench",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "bench", "name": "job"},
        "inputs": [ends[0]],
        "outputs": [ends[1]],
    }
    began = time.perf_counter()
    assert server.send("/lineage", json.dumps(event).encode()) == 201
    while not any(edge["kind"] == "run" for edge in _walk(server, target.id, depth=1).json()["edges"]):
        time.sleep(0.1)
    return time.perf_counter() - began


def _walk(server: Server, asset: AssetId, *, token: str = _TOKENS["all"], **more: Any) -> httpx2.Response:
    asked = {"depth": DEPTH, "limit": LIMIT, **more}
    return server.ask(f"/assets/{asset}/lineage", token=token, **asked)


def _timed(asked: Iterable[Callable[[], httpx2.Response]]) -> tuple[list[float], list[Any]]:
    """Seconds until each answer's last byte is at the client, and what they say; reading JSON is the client's own time."""
    times, answers = [], []
    for one in asked:
        begun = time.perf_counter()
        answer = one()
        times.append(time.perf_counter() - begun)
        answers.append(answer.json())
    return times[len(times) // 10 :], answers


def _same(answers: Sequence[Any], starts: Sequence[int], plain: Reference, told: Callable[[int], str]) -> str:
    whole = sum(not answer["truncated"] for answer in answers)
    return f"{_count(answers, starts, plain, told)} of {len(answers)}, {whole} of them whole"


def _count(answers: Sequence[Any], starts: Sequence[int], plain: Reference, told: Callable[[int], str]) -> int:
    return sum(_equal(answer, plain.around(start, DEPTH), told) for answer, start in zip(answers, starts, strict=True))


def _equal(answer: Any, expected: dict[int, int], named: Callable[[int], str]) -> bool:
    """Whether an answer holds the nearest of what was expected, each at its distance, and counts all of it."""
    told = {
        (node["id"] if node.get("column") is None else f"{node['asset']}\n{node['column']}"): node["depth"]
        for node in answer["nodes"]
    }
    depths = {named(node): depth for node, depth in expected.items()}
    nearest = sorted(map(abs, depths.values()))[: len(told)]
    right = all(depths.get(one) == depth for one, depth in told.items()) and sorted(map(abs, told.values())) == nearest
    return right and answer["total"] == len(depths) and len(told) == min(LIMIT, len(depths))


def _hidden(n: int) -> NDArray[np.bool_]:
    by_schema = [not SCOPE.permits("wh." + name_of(number).qualified) for number in range(500)]
    return np.array(by_schema)[np.arange(n) % 500]


def _settings() -> str:
    digests = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in _TOKENS.items()}
    deny = ", ".join(f'"{glob}"' for glob in SCOPE.deny)
    return (
        f'[tokens.all]\nsha256 = "{digests["all"]}"\nrole = "admin"\n\n'
        f'[tokens.narrow]\nsha256 = "{digests["narrow"]}"\nrole = "reader"\ndeny = [{deny}]\n'
    )


def p50_p95(times: Sequence[float]) -> str:
    """Both in milliseconds."""
    ordered = sorted(times)
    return f"{ordered[len(ordered) // 2] * 1e3:.1f} ms, {ordered[int(len(ordered) * 0.95)] * 1e3:.1f} ms"
