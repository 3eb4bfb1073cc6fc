"""chromadb over handed documents and vectors: run by its own environment's Python, imports nothing of the project.

Vectors by cosine, and the same with the words that a document must contain: the local engine's hybrid. `ef_search` is as wide as
its documentation lets it be for exactness.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import chromadb
import numpy as np

K = 10
CONTAINED = 5
"""Words of a question, its longest ones, of which a document must contain one in the hybrid setting."""
folder = Path(sys.argv[1])
documents = [json.loads(line) for line in (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()]
questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
vectors, asked = np.load(folder / "vectors.npy"), np.load(folder / "asked.npy")
client = chromadb.PersistentClient(str(folder / "chroma"), settings=chromadb.Settings(anonymized_telemetry=False))
tables = client.create_collection(
    "tables",
    embedding_function=None,
    configuration={"hnsw": {"space": "cosine", "ef_construction": 400, "ef_search": 400, "max_neighbors": 64}},
)
for at in range(0, len(documents), 1_000):
    some = documents[at : at + 1_000]
    tables.add(
        ids=[str(one["id"]) for one in some],
        documents=[one["text"] or " " for one in some],
        embeddings=vectors[at : at + 1_000],
    )


def nearest(rows: np.ndarray, **more: object) -> list[list[int]]:
    return [[int(one) for one in ids] for ids in tables.query(query_embeddings=rows, n_results=K, **more)["ids"]]


def containing(question: str, row: np.ndarray) -> list[int]:
    words = sorted(question.split(), key=len, reverse=True)[:CONTAINED]
    clauses = [{"$contains": word} for word in words]
    if not clauses:
        return nearest(row[None])[0]
    where = clauses[0] if len(clauses) == 1 else {"$or": clauses}
    found = nearest(row[None], where_document=where)[0]
    return [*found, *(one for one in nearest(row[None])[0] if one not in found)][:K]


answers = {
    "version": version("chromadb"),
    "documents": tables.count(),
    "duplicates": [found[0] for found in nearest(vectors[:50])],
    "found": {
        "vectors, cosine": nearest(asked),
        "vectors, documents with the question's words first": [
            containing(text, row) for text, row in zip(questions, asked, strict=True)
        ],
    },
}
(folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
