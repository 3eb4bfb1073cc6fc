"""Vector search alone in other engines: run by their own environment's Python, imports nothing of the project.

Reads `rows.npy`, `asked.npy` and `truth.npy` (the ten nearest of each question) of a folder; prints a JSON line a setting.
Each engine must hold as many rows. Times are processor time of the process, all its threads together.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

K = 10
AT_ONCE = 5_000
"""Rows handed over at once: chromadb takes 5,461 at most."""
folder = Path(sys.argv[1])
rows, asked, truth = (np.load(folder / f"{name}.npy") for name in ("rows", "asked", "truth"))


def told(name: str, n: int, found: Callable[[np.ndarray], Sequence[int]], *, most: int = len(asked)) -> None:
    """Recall and times of one setting, of the first `most` questions."""
    assert n == len(rows), (name, n)
    found(asked[0])
    took, hits = [], 0
    for question, right in zip(asked[:most], truth, strict=False):
        begun = time.process_time()
        got = found(question)
        took.append(1000 * (time.process_time() - begun))
        hits += len(set(got) & set(right.tolist()))
    recall = hits / truth[:most].size
    line = {"name": name, "recall": recall, "p50": float(np.median(took)), "p95": float(np.quantile(took, 0.95))}
    print(json.dumps(line), flush=True)


def sqlite_vec() -> None:
    """Its only kind: a scan of all."""
    import sqlite_vec as module

    connection = sqlite3.connect(folder / "vec.db")
    connection.enable_load_extension(True)
    module.load(connection)
    connection.execute(f"CREATE VIRTUAL TABLE rows USING vec0(vector float[{rows.shape[1]}] distance_metric=cosine)")
    with connection:
        values = ((at, row.tobytes()) for at, row in enumerate(rows))
        connection.executemany("INSERT INTO rows(rowid, vector) VALUES (?, ?)", values)
    (n,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    query = "SELECT rowid FROM rows WHERE vector MATCH ? AND k = ? ORDER BY distance"
    told(
        f"sqlite-vec {version('sqlite-vec')}, vec0",
        n,
        lambda question: [row[0] for row in connection.execute(query, (question.tobytes(), K))],
    )


def lance() -> None:
    """Its graph in inverted lists, at several numbers of lists read, with exact scores for some of what is found."""
    import lancedb
    import pyarrow as pa

    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel(), pa.float32()), rows.shape[1])
    table = lancedb.connect(str(folder / "lance")).create_table(
        "rows", pa.table({"id": pa.array(range(len(rows)), pa.int64()), "vector": vectors})
    )
    n = table.count_rows()
    table.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_HNSW_SQ", num_partitions=16)
    for probes in (4, 8, 16):
        search = lambda question, p=probes: (  # noqa: E731
            table.search(question).distance_type("cosine").nprobes(p).refine_factor(4).select(["id"]).limit(K).to_arrow()
        )
        told(f"lancedb {version('lancedb')}, IVF_HNSW_SQ, nprobes {probes}", n, lambda q, s=search: s(q)["id"].to_pylist())


def chroma() -> None:
    """Its graph, in this process, at several widths of the search."""
    import chromadb

    client = chromadb.EphemeralClient(settings=chromadb.Settings(anonymized_telemetry=False))
    wide = {"space": "ip", "ef_construction": 200, "max_neighbors": 32, "ef_search": 64}
    made = client.create_collection("rows", configuration={"hnsw": wide})
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        made.add(ids=[str(begin + at) for at in range(len(some))], embeddings=some)
    for width in (32, 64, 128, 256):
        made.modify(configuration={"hnsw": {"ef_search": width}})
        told(
            f"chromadb {version('chromadb')}, HNSW, M 32, ef_search {width}",
            made.count(),
            lambda q: [int(one) for one in made.query(query_embeddings=[q], n_results=K, include=[])["ids"][0]],
        )


def qdrant() -> None:
    """Its local mode, which scans all: a graph needs its server."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    client.create_collection("rows", vectors_config=models.VectorParams(size=rows.shape[1], distance=models.Distance.DOT))
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        client.upsert("rows", models.Batch(ids=list(range(begin, begin + len(some))), vectors=some.tolist()))
    told(
        f"qdrant-client {version('qdrant-client')}, local",
        client.count("rows").count,
        lambda q: [one.id for one in client.query_points("rows", query=q, limit=K, with_payload=False).points],
        most=20,
    )


def duckdb_vss() -> None:
    """Its graph (extension vss, out of the package `duckdb-ext-vss`) at several widths, and its scan of all, on one thread."""
    import duckdb
    import duckdb_ext
    import pyarrow as pa

    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel(), pa.float32()), rows.shape[1])
    given = pa.table({"id": pa.array(range(len(rows)), pa.int64()), "vector": vectors})  # noqa: F841 - DuckDB finds it by name
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("CREATE TABLE rows AS SELECT * FROM given")
    (n,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    query = f"SELECT id FROM rows ORDER BY array_negative_inner_product(vector, ?::FLOAT[{rows.shape[1]}]) LIMIT {K}"
    # as text: a list of numbers takes seven times as long to hand over
    found = lambda q: [row[0] for row in connection.execute(query, [str(q.tolist())]).fetchall()]  # noqa: E731
    told(f"duckdb {version('duckdb')}, scan", n, found, most=20)
    (extension,) = Path(duckdb_ext.__file__).parent.glob("extensions/*/*/vss.duckdb_extension")
    connection.execute(f"LOAD '{extension}'")
    connection.execute("CREATE INDEX graph ON rows USING HNSW (vector) WITH (metric = 'ip', M = 32)")
    assert "HNSW_INDEX_SCAN" in str(connection.execute(f"EXPLAIN {query}", [str(asked[0].tolist())]).fetchall())
    for width in (64, 128, 256):
        connection.execute(f"SET hnsw_ef_search = {width}")
        told(f"duckdb {version('duckdb')}, vss, M 32, ef_search {width}", n, found)


ENGINES = {
    "sqlite_vec": (sqlite_vec, "sqlite_vec"),
    "lance": (lance, "lancedb"),
    "chroma": (chroma, "chromadb"),
    "qdrant": (qdrant, "qdrant_client"),
    "duckdb": (duckdb_vss, "duckdb_ext"),
}
for engine in sys.argv[2:] or ENGINES:
    run, needed = ENGINES[engine]
    if find_spec(needed) is not None:  # another environment has it
        run()
