"""Vector search alone in sqlite-vec and lancedb: run by their own environment's Python, imports nothing of the project.

Reads `rows.npy`, `asked.npy` and `truth.npy` (the ten nearest of each question) of a folder; prints a JSON line a setting.
Each engine must hold as many rows. Times are processor time of the process, all its threads together.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

K = 10
folder = Path(sys.argv[1])
rows, asked, truth = (np.load(folder / f"{name}.npy") for name in ("rows", "asked", "truth"))


def told(name: str, n: int, found: Callable[[np.ndarray], list[int]]) -> None:
    """Recall and times of one setting."""
    assert n == len(rows), (name, n)
    found(asked[0])
    took, hits = [], 0
    for question, right in zip(asked, truth, strict=True):
        begun = time.process_time()
        got = found(question)
        took.append(1000 * (time.process_time() - begun))
        hits += len(set(got) & set(right.tolist()))
    line = {"name": name, "recall": hits / truth.size, "p50": float(np.median(took)), "p95": float(np.quantile(took, 0.95))}
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
    for probes in (4, 16):
        search = lambda question, p=probes: (  # noqa: E731
            table.search(question).distance_type("cosine").nprobes(p).refine_factor(4).select(["id"]).limit(K).to_arrow()
        )
        told(f"lancedb {version('lancedb')}, IVF_HNSW_SQ, nprobes {probes}", n, lambda q, s=search: s(q)["id"].to_pylist())


for engine in sys.argv[2:] or ("sqlite_vec", "lance"):
    {"sqlite_vec": sqlite_vec, "lance": lance}[engine]()
