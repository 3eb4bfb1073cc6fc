"""lancedb's hybrid search over handed documents and vectors: run by its own environment's Python, imports nothing of the project.

Exact vectors by cosine and its full-text index, merged by its own rerankers: reciprocal rank fusion (its default) and the
linear combination, at several weights.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.query import MatchQuery
from lancedb.rerankers import LinearCombinationReranker, RRFReranker

K = 10
DEPTH = 100
"""So many of each side are merged."""
folder = Path(sys.argv[1])
documents = [json.loads(line) for line in (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()]
questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
vectors, asked = np.load(folder / "vectors.npy"), np.load(folder / "asked.npy")
rows = pa.table(
    {
        "id": pa.array([one["id"] for one in documents], pa.int64()),
        "text": pa.array([one["text"] for one in documents]),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), vectors.shape[1]),
    }
)
tables = lancedb.connect(str(folder / "lance")).create_table("tables", rows)
tables.create_fts_index("text", replace=True, stem=True, remove_stop_words=True, ascii_folding=True)


def by_vector(row: np.ndarray) -> list[int]:
    return [one["id"] for one in tables.search(row).distance_type("cosine").select(["id"]).limit(K).to_list()]


def hybrid(text: str, row: np.ndarray, reranker: object) -> list[int]:
    if not text.strip():
        return by_vector(row)
    search = tables.search(query_type="hybrid").vector(row).text(MatchQuery(text, "text")).distance_type("cosine")
    return [one["id"] for one in search.rerank(reranker).limit(DEPTH).to_list()[:K]]


rerankers = {"rank fusion": RRFReranker()}
rerankers |= {f"linear, vectors {weight}": LinearCombinationReranker(weight=weight) for weight in (0.3, 0.5, 0.7, 0.9)}
found = {
    f"hybrid, {name}": [hybrid(text, row, one) for text, row in zip(questions, asked, strict=True)]
    for name, one in rerankers.items()
}
answers = {
    "version": version("lancedb"),
    "documents": tables.count_rows(),
    "duplicates": [by_vector(row)[0] for row in vectors[:50]],
    "found": found,
}
(folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
