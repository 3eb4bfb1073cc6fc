"""Large graphs: all descendants beside four graph libraries; builds, bounded answers over HTTP and memory of a whole service.

`make bench ARGS="lineage_graph"` runs 200,000/600,000 and 1,000,000/3,000,000; `--small` 20,000/60,000; `--sizes N:M,…` others. Peers
run in an environment of their own, made by `tools/lineage_peers.sh graphs`. Every walk's set is compared with all peers'.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.lineage_served import SCOPE, p50_p95, report
from bench.lineage_store import edges_of, name_of
from bench.report import machine, median, print_table
from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.lineage import Direction, LineageRequest
from services.common.runtime.db import Database
from services.common.runtime.wire import dump
from services.lineage.csr import steps
from services.lineage.facts import Entries
from services.lineage.graph import LineageGraph, Snapshot
from services.lineage.walk import walk

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-peer-graphs" / "bin" / "python"
SIZES = ((200_000, 600_000), (1_000_000, 3_000_000))
COLUMN_EDGES = 330_000
PASSES = 5
"""How often the quick libraries and Headwater are timed in turn: what else a machine does comes and goes between them."""
QUICK = ("scipy", "igraph")
Ints = NDArray[np.int32]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench lineage_graph")
    parser.add_argument("--small", action="store_true", help="20,000 nodes and 60,000 edges only: does it run?")
    parser.add_argument("--sizes", help="such as 200000:600000,1000000:3000000")
    parser.add_argument("--rounds", type=int, default=15, help="of each walk; medians are taken")
    parser.add_argument("--only", choices=("walks", "service"), help="one of the two parts")
    parser.add_argument("--child", nargs=2, metavar=("DB", "N"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(Path(asked.child[0]), int(asked.child[1]))))
        return
    sizes = [(20_000, 60_000)] if asked.small else SIZES
    if asked.sizes:
        sizes = [tuple(map(int, part.split(":"))) for part in asked.sizes.split(",")]  # type: ignore[misc]
    for n, m in sizes if asked.only != "service" else []:
        for kind in ("any", "layers"):
            print(f"\n## all descendants, {n:,} nodes, {m:,} edges, {kind}\n")
            descendants(n, m, kind, asked.rounds)
    for n, m in sizes if asked.only != "walks" else []:
        columns = min(COLUMN_EDGES, m)
        print(f"\n## a service over a store of {n:,} nodes, {m:,} edges and {columns:,} between columns\n")
        service(n, m, columns)
    print(machine(["numpy", "networkx", "sqlalchemy"]))


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
    control(n, sources, targets, starts[0], mine[0])
    spent: list[list[float]] = []
    found: dict[str, list[tuple[list[float], dict[str, Any]]]] = {}
    for number in range(PASSES):
        spent.append([timed(partial(ours, start), rounds) for start in starts])
        for peer in peers(n, sources, targets, starts, rounds, QUICK if number else ()):
            found.setdefault(peer["name"], []).append((spent[-1], peer))
    rows = [["headwater", "", f"{median(list(chain.from_iterable(spent))) * 1e3:.2f} ms", "1.0", "1.0", "yes"]]
    for name, passes in found.items():
        each = [median([b / a for a, b in zip(ours_then, peer["seconds"], strict=True)]) for ours_then, peer in passes]
        time_taken = median([one for _, peer in passes for one in peer["seconds"]])
        ranged = f"{min(each):.2f} to {max(each):.2f}"
        same = "yes" if all(peer["digests"] == mine for _, peer in passes) else "NO"
        rows.append([name, passes[0][1]["version"], f"{time_taken * 1e3:.2f} ms", f"{median(each):.2f}", ranged, same])
    print(f"{len(sources):,} distinct edges; starts with {', '.join(f'{sizes[start]:,}' for start in starts)} descendants")
    print_table(["library", "version", "median", "× headwater", "in each pass", "the same sets"], rows)


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


def peers(
    n: int, sources: Ints, targets: Ints, starts: list[int], rounds: int, only: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    if not PEERS.exists():
        print("the peers are not there; tools/lineage_peers.sh graphs makes them")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.npz"
        np.savez(file, n=n, sources=sources, targets=targets, starts=np.array(starts))
        command = [str(PEERS), str(ROOT / "bench" / "peers" / "graphs_peer.py"), str(file), str(rounds), *only]
        run = subprocess.run(command, capture_output=True, text=True, timeout=1_500, check=True)
        yield from map(json.loads, run.stdout.splitlines())


def service(n: int, m: int, columns: int) -> None:
    """A whole service over a store, then the graph alone in a process of its own."""
    found = list(report(n, m, columns, lambda file: alone(file, n)))
    print_table(["what", "figure"], found)


def alone(file: Path, n: int) -> list[tuple[str, str]]:
    """What one process says that only builds the graph of a store and answers from it."""
    command = [sys.executable, "-m", "bench", "lineage_graph", "--child", str(file), str(n)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return list(json.loads(run.stdout.splitlines()[-1]).items())


def child(file: Path, n: int) -> dict[str, str]:
    """How long a build of the graph takes, how much memory it leaves, and how long answers take without HTTP."""
    graph = LineageGraph(Database(f"sqlite:///{file}", schema="lineage"))
    before = _memory_mb("VmRSS")
    begun, used = time.perf_counter(), time.process_time()
    snapshot = graph.refresh()
    built, used = time.perf_counter() - begun, time.process_time() - used
    after = f"{before:.0f} MB, {_memory_mb('VmRSS'):.0f} MB, {_memory_mb('VmHWM'):.0f} MB"
    found = {"build: time, of which on a processor": f"{built:.1f} s, {used:.1f} s", "memory before, after, at most": after}
    chance = random.Random(5)
    ids = [name_of(chance.randrange(n)).id for _ in range(200)]
    for depth in (3, 100):
        for told, scope in (("full scope", FULL_SCOPE), ("with a scope", SCOPE)):
            times = [one for id_ in ids if (one := _answer(snapshot, LineageRequest(id_, scope, Direction.BOTH, depth)))]
            found[f"{depth} hops, {told}, with JSON, in process: p50, p95"] = p50_p95(times[len(times) // 10 :])
    return found


def _answer(snapshot: Snapshot, request: LineageRequest) -> float | None:
    begun = time.perf_counter()
    try:
        dump(walk(snapshot, request))
    except NotFound:
        return None
    return time.perf_counter() - begun


def _memory_mb(what: str) -> float:
    line = next(one for one in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if one.startswith(what))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
