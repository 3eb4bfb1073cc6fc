"""How well questions find their tables on open pools, beside BM25, MiniLM alone and rank fusion, with a control that must fail.

Run: `make bench-relevance DATA=path/to/data` (pools in `retrieval/*.tables.jsonl.gz` and `*.questions.jsonl.gz`).
Every method gets the same documents; the control asks the same questions with another one's gold.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import bm25s
import numpy as np

from bench.report import machine, print_table
from services.catalog.search import find
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.changes import Seq
from services.common.model.search import SearchQuery
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements, shuffled
from services.evaluation.measures import Answered, auroc, figures
from services.indexer.crawl import run_crawl
from services.indexer.text.document import document_of
from services.indexer.text.tokens import content_words, tokens

POOLS = (
    ("spider_union_flat", "spider_union_flat", None),
    ("spider2_lite_flat", "spider2_lite_flat", None),
    ("spider_union", "spider_union", None),
    ("spider_union", "spider_train_synonyms", 1_500),
    ("spider2_lite", "spider2_lite", None),
    ("fiben", "fiben", None),
)
K = 10
SWEEP = [(k1, b) for k1 in (0.9, 1.2, 1.5, 2.0) for b in (0.4, 0.75)]
RRF_K = 60


def main() -> None:
    """Print one table over all pools."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/relevance"))
    parser.add_argument("--only", action="append", help="a question file's stem")
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    cache: Path | None = None
    for pool, questions, limit in POOLS:
        if arguments.only and questions not in arguments.only:
            continue
        home = arguments.out / pool
        space, cache = indexed(arguments.data / "retrieval" / f"{pool}.tables.jsonl.gz", home, cache)
        judgements = read_judgements(arguments.data / "retrieval" / f"{questions}.questions.jsonl.gz")[:limit]
        for name, row in compared(space, judgements):
            rows.append([questions, len(judgements), name, *row])
            print(rows[-1], file=sys.stderr, flush=True)
        space.close()
    print_table(["questions", "n", "method", "R@10", "CR@10", "top-1", "MRR", "answerable AUROC"], rows)
    print(machine(["faiss-cpu", "onnxruntime", "bm25s", "numpy"]))


def indexed(tables: Path, home: Path, cache: Path | None) -> tuple[Workspace, Path]:
    """A home with one pool crawled and indexed; vectors of texts that an earlier pool had are taken from its cache."""
    if not (home / "catalog.db").exists():
        home.mkdir(parents=True, exist_ok=True)
        if cache is not None:
            shutil.copy(cache, home / "indexer.db")
    space = Workspace(Settings(home=home.absolute()))
    run_crawl("pool", SourceSettings(url=f"metadata://{tables}"), space.sink, by="bench")
    space.indexer.open()
    if not space.indexer.lease.acquire():
        raise SystemExit(f"{home} is in use")
    begun = time.monotonic()
    space.indexer.index_now(space.feed.head(), lambda _told: None)
    print(f"{tables.name}: {space.indexer.encoded} texts encoded in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return space, home / "indexer.db"


def compared(space: Workspace, judgements: list[Judgement]):
    """Each method's figures on the same questions."""
    documents = [document_of(change.asset) for change in all_changes(space) if change.asset is not None]
    names = [tuple(part.lower() for part in d.record.parts) for d in documents]
    corpus = [[*d.name, *d.description, *d.column_words] for d in documents]
    asked = [judgement.question for judgement in judgements]
    ours = [answer(space, judgement) for judgement in judgements]
    yield "headwater", told(ours, with_auroc=no_answer(space, judgements, ours))
    wrong = control(judgements)
    note = "" if len(wrong) == len(judgements) else f", {len(wrong)} questions"
    yield f"control: headwater, gold shuffled{note}", told(reassigned(ours, wrong))
    best, scores = swept_bm25(corpus, asked, names, judgements)
    yield f"bm25s, best of sweep k1, b = {best}", told(ranked(judgements, names, scores))
    dense = dense_scores(space, documents, asked)
    yield "MiniLM alone, table text", told(ranked(judgements, names, dense))
    fused = 1 / (RRF_K + ranks(scores)) + 1 / (RRF_K + ranks(dense))
    yield "rank fusion of both, k = 60", told(ranked(judgements, names, fused))


def all_changes(space: Workspace):
    """Every asset of the home."""
    seq = Seq(0)
    while True:
        page = space.feed.after(seq, limit=500)
        yield from page.changes
        if page.upto == seq:
            return
        seq = page.upto


def answer(space: Workspace, judgement: Judgement) -> Answered:
    """What Headwater answers."""
    whole = find(SearchQuery(judgement.question, FULL_SCOPE, limit=K), space.indexer.retriever, space.reader)
    names = tuple(tuple(part.lower() for part in hit.asset.name.parts) for hit in whole.hits)
    return Answered(judgement, names, whole.answer.answerable)


def no_answer(space: Workspace, judgements: list[Judgement], ours: list[Answered]) -> float:
    """AUROC of `answerable`: the pool as it is against the same question in a pool without its gold tables."""
    without = []
    for judgement in judgements[:300]:
        # `database.table` may leave out the schema; a glob stands for it
        hidden = tuple(
            f"pool.{gold[0]}*.{gold[1]}" if len(gold) == 2 else f"pool.{'.'.join(gold)}" for gold in judgement.gold
        )
        query = SearchQuery(judgement.question, AccessScope(("*",), hidden), limit=1)
        without.append(space.indexer.retriever.search(query).answerable)
    return auroc([one.answerable for one in ours[:300]], without) or 0.0


def control(judgements: list[Judgement]) -> list[Judgement]:
    """The judgements shuffled; where too many share their gold, those that share the most are left out, a tenth at a time."""
    shared = [sum(bool(set(one.gold) & set(other.gold)) for other in judgements) for one in judgements]
    order = sorted(range(len(judgements)), key=lambda at: (shared[at], at))
    for tenths in range(10, 0, -1):
        kept = [judgements[at] for at in sorted(order[: len(order) * tenths // 10])]
        with suppress(BadRequest):
            return shuffled(kept, 1)
    raise SystemExit("these judgements cannot be shuffled")


def reassigned(answers: list[Answered], judgements: list[Judgement]) -> list[Answered]:
    """The same answers judged by another question's gold."""
    by_question = {judgement.question: judgement for judgement in judgements}
    known = [a for a in answers if a.judgement.question in by_question]
    return [Answered(by_question[a.judgement.question], a.found, a.answerable) for a in known]


def swept_bm25(corpus: list[list[str]], asked: list[str], names: list[tuple[str, ...]], judgements: list[Judgement]):
    """bm25s over the same tokens at its best of a small sweep, chosen on these very questions: a head start for the peer."""
    best: tuple[float, tuple[float, float], np.ndarray] | None = None
    queries = [[*dict.fromkeys([*content_words(question), *tokens(question)])] for question in asked]
    for k1, b in SWEEP:
        model = bm25s.BM25(k1=k1, b=b)
        model.index(corpus, show_progress=False)
        scores = np.stack([model.get_scores(query) if query else np.zeros(len(corpus)) for query in queries])
        recall = told(ranked(judgements, names, scores))[0]
        if best is None or recall > best[0]:
            best = (recall, (k1, b), scores)
    if best is None:
        raise SystemExit("nothing to sweep")
    return best[1], best[2]


def dense_scores(space: Workspace, documents: list, asked: list[str]) -> np.ndarray:
    """Cosines of every question with every table's text, float32 (questions, tables)."""
    encoder = space.indexer._encoder  # noqa: SLF001 - the peer is the same model, asked directly
    rows = encoder.encode_documents([document.text for document in documents])
    return np.stack([rows @ encoder.encode_query(question) for question in asked])


def ranks(scores: np.ndarray) -> np.ndarray:
    """Rank of every table for every question, from 1."""
    return np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) + 1


def ranked(judgements: list[Judgement], names: list[tuple[str, ...]], scores: np.ndarray) -> list[Answered]:
    """Scores as answers."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return [Answered(j, tuple(names[at] for at in row), 0.0) for j, row in zip(judgements, best.tolist(), strict=True)]


def told(answers: list[Answered], with_auroc: float | None = None) -> list[object]:
    """The columns of the table."""
    row = figures(answers, K).by_class["all"]
    return [row.recall, row.complete, row.top_1, row.mrr, "" if with_auroc is None else with_auroc]


if __name__ == "__main__":
    main()
