"""Graph libraries on one graph: all descendants of some nodes. Run by its own environment's Python, imports nothing of ours.

usage: graphs_peer.py FILE.npz ROUNDS [LIBRARY …]; the file has `n`, `sources`, `targets`, `starts`. Prints one JSON line a library: its
version, seconds by start and round, and a digest of each set of descendants.
"""

import hashlib
import json
import sys
import time
from importlib.metadata import version

import numpy as np

file = np.load(sys.argv[1])
rounds = int(sys.argv[2])
wanted = sys.argv[3:] or ["scipy", "igraph", "rustworkx", "networkx"]
n, sources, targets, starts = int(file["n"]), file["sources"], file["targets"], file["starts"].tolist()


def digest(nodes) -> str:
    return hashlib.sha256(np.sort(np.asarray(nodes, np.int32)).tobytes()).hexdigest()[:16]


def scipy_walk():
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order

    graph = csr_matrix((np.ones(len(sources), np.float64), (sources, targets)), shape=(n, n))
    return lambda start: breadth_first_order(graph, start, return_predecessors=False)[1:]


def networkx_walk():
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(zip(sources.tolist(), targets.tolist(), strict=True))
    return lambda start: list(nx.descendants(graph, start))


def rustworkx_walk():
    import rustworkx

    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from_no_data(list(zip(sources.tolist(), targets.tolist(), strict=True)))
    return lambda start: list(rustworkx.descendants(graph, start))


def igraph_walk():
    import igraph

    graph = igraph.Graph(n, np.column_stack([sources, targets]).tolist(), directed=True)
    return lambda start: graph.subcomponent(start, mode="out")


for name, make in (
    ("scipy", scipy_walk),
    ("igraph", igraph_walk),
    ("rustworkx", rustworkx_walk),
    ("networkx", networkx_walk),
):
    if name not in wanted:
        continue
    begun = time.perf_counter()
    walk = make()
    built = time.perf_counter() - begun
    seconds, digests = [], []
    for start in starts:
        begun = time.perf_counter()
        found = walk(start)
        times = [time.perf_counter() - begun]
        digests.append(digest([node for node in found if node != start]))
        if times[0] > 1.0:  # seconds: no warming up shows beside that, and the whole would take a quarter of an hour
            seconds.append(times[0])
            continue
        times = []
        for _ in range(rounds if name in ("scipy", "igraph") else max(1, rounds // 5)):
            begun = time.perf_counter()
            walk(start)
            times.append(time.perf_counter() - begun)
        seconds.append(sorted(times)[len(times) // 2])
    print(
        json.dumps({"name": name, "version": version(name), "built": built, "seconds": seconds, "digests": digests}),
        flush=True,
    )
