"""Large graphs: all descendants beside four graph libraries, bounded answers with scope and JSON, builds from the store, memory.

`make bench ARGS="lineage_graph"` runs 200,000/600,000 and 1,000,000/3,000,000; `--small` 20,000/60,000; `--sizes N:M,…` others. Peers
run in an environment of their own, made by `tools/lineage_peers.sh graphs`. Every walk's set is compared with all peers'.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, update

from bench.report import machine, median, print_table
from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.lineage import Direction, LineageRequest, PathsRequest
from services.common.model.names import DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.common.runtime.wire import dump
from services.lineage.csr import steps
from services.lineage.facts import Entries
from services.lineage.graph import LineageGraph, Snapshot
from services.lineage.paths import paths
from services.lineage.store import tables
from services.lineage.store.line import LINE
from services.lineage.walk import walk

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-peer-graphs" / "bin" / "python"
SIZES = ((200_000, 600_000), (1_000_000, 3_000_000))
SCOPE = AccessScope(("*",), ("wh.shop.s1", "wh.shop.s7*"))
"""Hides about a tenth of the schemas."""
_NOW = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)
Ints = NDArray[np.int32]
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench lineage_graph")
    parser.add_argument("--small", action="store_true", help="20,000 nodes and 60,000 edges only: does it run?")
    parser.add_argument("--sizes", help="such as 200000:600000,1000000:3000000")
    parser.add_argument("--rounds", type=int, default=15, help="of each walk; medians are taken")
    parser.add_argument("--child", nargs=2, metavar=("DB", "N"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(served(Path(asked.child[0]), int(asked.child[1]))))
        return
    sizes = [(20_000, 60_000)] if asked.small else SIZES
    if asked.sizes:
        sizes = [tuple(map(int, part.split(":"))) for part in asked.sizes.split(",")]  # type: ignore[misc]
    for n, m in sizes:
        for kind in ("any", "layers"):
            print(f"\n## all descendants, {n:,} nodes, {m:,} edges, {kind}\n")
            descendants(n, m, kind, asked.rounds)
    for n, m in sizes:
        print(f"\n## a service over a store of {n:,} nodes and {m:,} edges\n")
        service(n, m)
    print(machine(["numpy", "networkx", "sqlalchemy"]))


def edges_of(n: int, m: int, kind: str) -> tuple[Ints, Ints]:
    """Distinct edges without loops, sorted: between any two nodes, or from each of 20 layers to the next three."""
    chance = np.random.default_rng(7)
    sources, targets = chance.integers(0, n, m), chance.integers(0, n, m)
    if kind == "layers":
        width = n // 20
        sources = chance.integers(0, n - width, m)
        layer = np.minimum(sources // width + 1 + chance.integers(0, 3, m), 19)
        targets = layer * width + chance.integers(0, width, m)
    names = chance.permutation(n)  # numbers are in order of ids, which are hashes: nothing near is near
    keys = np.unique(names[sources].astype(np.int64) * n + names[targets])
    keys = keys[keys // n != keys % n]
    return (keys // n).astype(np.int32), (keys % n).astype(np.int32)


def digest(nodes: Any) -> str:
    return hashlib.sha256(np.sort(np.asarray(nodes, np.int32)).tobytes()).hexdigest()[:16]


def descendants(n: int, m: int, kind: str, rounds: int) -> None:
    sources, targets = edges_of(n, m, kind)
    zeros = np.zeros(len(sources), np.int32)
    graph = Entries(sources, targets, zeros, zeros).towards(n)

    def ours(start: int) -> NDArray[np.intp]:
        return np.concatenate([np.empty(0, np.intp), *steps(graph, start, np.zeros(n, np.bool_))])

    chance = np.random.default_rng(3)
    sizes = {int(one): len(ours(int(one))) for one in chance.choice(sources, 40)}
    starts = sorted(sizes, key=lambda one: -sizes[one])[:5]
    mine = [digest(ours(start)) for start in starts]
    seconds = [timed(partial(ours, start), rounds) for start in starts]
    control(n, sources, targets, starts[0], mine[0])
    rows = [["headwater", "", f"{median(seconds) * 1e3:.2f} ms", "1.0", "yes"]]
    for peer in peers(n, sources, targets, starts, rounds):
        ratio = median([b / a for a, b in zip(seconds, peer["seconds"], strict=True)])
        same = "yes" if peer["digests"] == mine else "NO"
        rows.append([peer["name"], peer["version"], f"{median(peer['seconds']) * 1e3:.2f} ms", f"{ratio:.2f}", same])
    print(f"{len(sources):,} distinct edges; starts with {', '.join(f'{sizes[start]:,}' for start in starts)} descendants")
    print_table(["library", "version", "median", "× headwater", "the same sets"], rows)


def control(n: int, sources: Ints, targets: Ints, start: int, whole: str) -> None:
    """Without the edges of one node that is reached, and that only they lead to, the sets must differ."""
    reached_once = np.flatnonzero(np.bincount(targets, minlength=n) == 1)
    graph = Entries(sources, targets, np.zeros(len(sources), np.int32), np.zeros(len(sources), np.int32)).towards(n)
    below = np.concatenate([np.empty(0, np.intp), *steps(graph, start, np.zeros(n, np.bool_))])
    lost = np.intersect1d(reached_once, below)[:1]
    kept = ~np.isin(targets, lost)
    zeros = np.zeros(int(kept.sum()), np.int32)
    cut = Entries(sources[kept], targets[kept], zeros, zeros).towards(n)
    other = np.concatenate([np.empty(0, np.intp), *steps(cut, start, np.zeros(n, np.bool_))])
    assert len(lost) == 1, "no node depends on one edge"
    assert digest(other) != whole, "control: the comparison cannot fail"
    print(f"control: one edge taken away, {len(below) - len(other):,} of {len(below):,} descendants less")


def timed(work: Callable[[], Any], rounds: int) -> float:
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return median(found)


def peers(n: int, sources: Ints, targets: Ints, starts: list[int], rounds: int) -> Iterator[dict[str, Any]]:
    if not PEERS.exists():
        print("the peers are not there; tools/lineage_peers.sh graphs makes them")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.npz"
        np.savez(file, n=n, sources=sources, targets=targets, starts=np.array(starts))
        command = [str(PEERS), str(ROOT / "bench" / "peers" / "graphs_peer.py"), str(file), str(rounds)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=1_500, check=True)
        yield from map(json.loads, run.stdout.splitlines())


def name_of(number: int) -> DatasetName:
    return DatasetName(Namespace("postgres://db1:5432"), ("shop", f"s{number % 500}", f"table_{number}"))


def service(n: int, m: int) -> None:
    """Fill a store, then answer from it in a process of its own, whose memory is measured."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lineage.db"
        fill(file, n, m)
        command = [sys.executable, "-m", "bench", "lineage_graph", "--child", str(file), str(n)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        found = json.loads(run.stdout.splitlines()[-1])
        print_table(["what", "figure"], list(found.items()))


def fill(file: Path, n: int, m: int) -> None:
    database = Database(f"sqlite:///{file}", schema="lineage")
    ensure_current(database, LINE)
    sources, targets = edges_of(n, m, "layers")
    with database.write() as connection:
        for numbers in batched(range(n), 20_000):
            connection.execute(insert(tables.node), [_node(number) for number in numbers])
        for pairs in batched(zip(sources.tolist(), targets.tolist(), strict=True), 20_000):
            connection.execute(insert(tables.edge), [_edge(*pair) for pair in pairs])
        connection.execute(update(tables.checkpoint).values(version=1))
    database.close()


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(islice(left, size)):
        yield batch


def _node(number: int) -> dict[str, Any]:
    name = name_of(number)
    return {
        "id": name.id,
        "namespace": name.namespace,
        "parts": list(name.parts),
        "source": "wh",
        "kind": "table",
        "scope_path": f"wh.{name.qualified}",
        "listed": True,
        "gone": False,
        "told": False,
    }


def _edge(source: int, target: int) -> dict[str, Any]:
    made = name_of(target)
    return {
        "source_id": name_of(source).id,
        "target_id": made.id,
        "kind": "view",
        "confidence": 1.0,
        "guards": [],
        "evidence": [f"definition of {made.qualified}"],
        "valid_from": _NOW,
        "valid_to": None,
    }


def served(file: Path, n: int) -> dict[str, str]:
    """What a process of its own needs to read the store, and how long its answers take; nothing else runs in it."""
    graph = LineageGraph(Database(f"sqlite:///{file}", schema="lineage"))
    before = peak_mb()
    begun = time.perf_counter()
    snapshot = graph.refresh()
    built = time.perf_counter() - begun
    found = {"build": f"{built:.1f} s", "memory before and after": f"{before:.0f} MB, {peak_mb():.0f} MB"}
    chance = random.Random(5)
    ids = [name_of(chance.randrange(n)).id for _ in range(200)]
    for depth in (3, 5, 100):
        for told, scope in (("full scope", FULL_SCOPE), ("with a scope", SCOPE)):
            times = [one for id_ in ids if (one := _answer(snapshot, LineageRequest(id_, scope, Direction.BOTH, depth)))]
            found[f"{depth} hops, {told}, with JSON: p50, p95"] = p50_p95(times)
    times = []
    for source, target in zip(ids[::2], ids[1::2], strict=True):
        begun = time.perf_counter()
        dump(paths(snapshot, PathsRequest(source, target, FULL_SCOPE)))
        times.append(time.perf_counter() - begun)
    found["paths between two: p50, p95"] = p50_p95(times)
    found["memory in the end"] = f"{peak_mb():.0f} MB"
    return found


def _answer(snapshot: Snapshot, request: LineageRequest) -> float | None:
    begun = time.perf_counter()
    try:
        dump(walk(snapshot, request))
    except NotFound:
        return None
    return time.perf_counter() - begun


def p50_p95(times: list[float]) -> str:
    ordered = sorted(times)
    return f"{ordered[len(ordered) // 2] * 1e3:.1f} ms, {ordered[int(len(ordered) * 0.95)] * 1e3:.1f} ms"


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
