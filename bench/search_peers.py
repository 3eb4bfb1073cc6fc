"""Other ways to search the same documents: BM25, SQLite FTS5, vectors alone, rank fusion, chromadb and lancedb.

All get the same documents, the same tokens and the same vectors of the plain MiniLM. What they can be set to is swept on the
very questions that they are measured on: a head start for the peers.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray

from services.evaluation.judgements import Judgement
from services.evaluation.measures import Answered, figures
from services.indexer.embed.encoder import Encoder
from services.indexer.embed.open import open_encoder
from services.indexer.text.document import Document
from services.indexer.text.tokens import content_words, tokens

K = 10
SWEEP = [(k1, b) for k1 in (0.9, 1.2, 1.5, 2.0) for b in (0.4, 0.75)]
FTS_SWEEP = [(name, text, 1.0) for name, text in product((1.0, 2.0, 4.0, 8.0), (0.5, 1.0, 2.0))]
"""Weights of name, description and columns in SQLite's bm25(): only their ratios matter."""
RRF_K = 60
PLAIN = "all-MiniLM-L6-v2"
ENGINES = ("chromadb", "lancedb")
DUPLICATES = 50
"""So many documents are asked for by their own vector: each engine must put that document, or its equal, first."""
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Pool:
    """What every peer gets.

    Attributes:
        documents: one a table.
        judgements: the questions with their gold.
        models: the folder that keeps converted models.

    """

    documents: Sequence[Document]
    judgements: Sequence[Judgement]
    models: Path

    @cached_property
    def names(self) -> list[tuple[str, ...]]:
        """The tables' names, lower case."""
        return [tuple(part.lower() for part in document.record.parts) for document in self.documents]

    @cached_property
    def corpus(self) -> list[list[str]]:
        """The tokens of each document: name, description, columns."""
        return [[*d.name, *d.description, *d.column_words] for d in self.documents]

    @cached_property
    def queries(self) -> list[list[str]]:
        """The tokens of each question."""
        asked = (judgement.question for judgement in self.judgements)
        return [[*dict.fromkeys([*content_words(text), *tokens(text)])] for text in asked]

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """The plain model's vectors of the tables' texts, unit length, float32 (tables, 384)."""
        encoder = plain_encoder(self.models)
        texts = [document.text for document in self.documents]
        batches = [encoder.encode_documents(texts[at : at + 64]) for at in range(0, len(texts), 64)]
        return np.concatenate(batches)

    @cached_property
    def asked(self) -> NDArray[np.float32]:
        """The plain model's vectors of the questions, float32 (questions, 384)."""
        encoder = plain_encoder(self.models)
        return np.stack([encoder.encode_query(judgement.question) for judgement in self.judgements])

    def told(self, best: Sequence[Sequence[int]]) -> list[object]:
        """The figures of one ranking a question, given as numbers of documents."""
        answers = (tuple(self.names[at] for at in row[:K]) for row in best)
        return told([Answered(j, found, 0.0) for j, found in zip(self.judgements, answers, strict=True)])

    def told_scores(self, scores: NDArray[np.floating]) -> list[object]:
        """The figures of scores (questions, tables)."""
        return told(ranked(list(self.judgements), self.names, scores))


@lru_cache(maxsize=1)
def plain_encoder(models: Path) -> Encoder:
    """The model that nobody adapted to schemas."""
    return open_encoder(PLAIN, models, threads=2)


def told(answers: list[Answered], with_auroc: float | None = None) -> list[object]:
    """The columns of the table."""
    row = figures(answers, K).by_class["all"]
    return [row.recall, row.complete, row.top_1, row.mrr, "" if with_auroc is None else with_auroc]


def ranked(judgements: list[Judgement], names: list[tuple[str, ...]], scores: NDArray[np.floating]) -> list[Answered]:
    """Scores as answers."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return [Answered(j, tuple(names[at] for at in row), 0.0) for j, row in zip(judgements, best.tolist(), strict=True)]


def ranks(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Rank of every table for every question, from 1."""
    return np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) + 1


def peer_rows(pool: Pool) -> Iterator[tuple[str, list[object]]]:
    """Each peer's name with its setting, and its figures."""
    best, scores = swept_bm25(pool)
    yield f"bm25s, best of sweep k1, b = {best}", pool.told_scores(scores)
    yield swept_fts5(pool)
    dense = pool.asked @ pool.vectors.T
    yield "MiniLM alone, table text", pool.told_scores(dense)
    yield f"rank fusion of both, k = {RRF_K}", pool.told_scores(1 / (RRF_K + ranks(scores)) + 1 / (RRF_K + ranks(dense)))
    for engine in ENGINES:
        yield engine_row(engine, pool)


def swept_bm25(pool: Pool) -> tuple[tuple[float, float], NDArray[np.floating]]:
    """bm25s over the same tokens at its best of a small sweep."""
    best: tuple[float, tuple[float, float], NDArray[np.floating]] | None = None
    for k1, b in SWEEP:
        model = bm25s.BM25(k1=k1, b=b)
        model.index(pool.corpus, show_progress=False)
        none = np.zeros(len(pool.corpus))
        scores = np.stack([model.get_scores(query) if query else none for query in pool.queries])
        recall = float(str(pool.told_scores(scores)[0]))
        if best is None or recall > best[0]:
            best = (recall, (k1, b), scores)
    if best is None:
        raise SystemExit("nothing to sweep")
    return best[1], best[2]


def swept_fts5(pool: Pool) -> tuple[str, list[object]]:
    """SQLite FTS5 over the same tokens in three fields, any of the question's words, at the best weights of a sweep."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE tables USING fts5(name, description, columns)")
    rows = [(at, *map(" ".join, (d.name, d.description, d.column_words))) for at, d in enumerate(pool.documents, 1)]
    database.executemany("INSERT INTO tables (rowid, name, description, columns) VALUES (?, ?, ?, ?)", rows)
    best: tuple[float, str, list[object]] | None = None
    for weights in FTS_SWEEP:
        found = [_fts5(database, query, weights) for query in pool.queries]
        figures_ = pool.told(found)
        if best is None or float(str(figures_[0])) > best[0]:
            best = (float(str(figures_[0])), f"{weights}", figures_)
    if best is None:
        raise SystemExit("nothing to sweep")
    return f"SQLite FTS5 {sqlite3.sqlite_version}, best of sweep name, description, columns = {best[1]}", best[2]


def _fts5(database: sqlite3.Connection, query: list[str], weights: tuple[float, float, float]) -> list[int]:
    match = " OR ".join('"' + word.replace('"', '""') + '"' for word in query)
    if not match:
        return []
    sql = f"SELECT rowid FROM tables WHERE tables MATCH ? ORDER BY bm25(tables, ?, ?, ?), rowid LIMIT {K}"
    return [row - 1 for (row,) in database.execute(sql, (match, *weights))]


def engine_row(engine: str, pool: Pool) -> tuple[str, list[object]]:
    """An engine in an environment of its own, at the best of its settings; a line that says so where it is missing."""
    python = ROOT / f".venv-peer-{engine}" / "bin" / "python"
    if not python.exists():
        return f"{engine}: not installed (tools/search_peers.sh)", ["", "", "", "", ""]
    with tempfile.TemporaryDirectory(prefix="headwater-peer-") as folder:
        _hand_over(pool, Path(folder))
        peer = ROOT / "bench" / "peers" / f"{engine}_peer.py"
        ran = subprocess.run([python, peer, folder], capture_output=True, text=True, check=False)
        if ran.returncode:
            print(ran.stderr, file=sys.stderr)
            return f"{engine}: failed, {ran.stderr.strip().splitlines()[-1][:80]}", ["", "", "", "", ""]
        told_by = json.loads((Path(folder) / "answers.json").read_text(encoding="utf-8"))
    _proven_equal(engine, pool, told_by)
    by_setting = {name: pool.told(found) for name, found in told_by["found"].items()}
    for name, row in by_setting.items():
        print(f"{engine}: {name}: {row[0]:.3f}", file=sys.stderr)
    best = max(by_setting, key=lambda name: float(str(by_setting[name][0])))
    return f"{engine} {told_by['version']}, {best} (best of {len(by_setting)})", by_setting[best]


def _hand_over(pool: Pool, folder: Path) -> None:
    lines = (json.dumps({"id": at, "text": " ".join(words)}) for at, words in enumerate(pool.corpus))
    (folder / "documents.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "questions.json").write_text(json.dumps([" ".join(words) for words in pool.queries]), encoding="utf-8")
    np.save(folder / "vectors.npy", pool.vectors)
    np.save(folder / "asked.npy", pool.asked)


def _proven_equal(engine: str, pool: Pool, told_by: dict) -> None:
    """The engine has as many documents, and finds each one that is asked for by its own vector.

    Raises:
        SystemExit: it did not get the same work.

    """
    if told_by["documents"] != len(pool.documents):
        raise SystemExit(f"{engine} has {told_by['documents']} documents of {len(pool.documents)}")
    wrong = [
        at
        for at, found in enumerate(told_by["duplicates"])
        if float(pool.vectors[at] @ pool.vectors[found]) < 1.0 - 1e-5  # another document with an equal text is as right
    ]
    if wrong or len(told_by["duplicates"]) != min(DUPLICATES, len(pool.documents)):
        raise SystemExit(f"{engine} does not find {len(wrong)} documents by their own vectors")
