"""How well questions find their tables on open pools, beside six other ways to search, with a control that must fail.

Run: `make bench-search DATA=path/to/data` (pools in `retrieval/*.tables.jsonl.gz` and `*.questions.jsonl.gz`), which makes the
peers' environments first. Every method gets the same documents; the control asks the same questions with another one's gold.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.report import machine, print_table
from bench.search_peers import K, Pool, peer_rows, told
from services.catalog.search import find
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.changes import Change, Seq
from services.common.model.search import SearchQuery
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements, shuffled
from services.evaluation.measures import Answered, auroc
from services.indexer.crawl import run_crawl
from services.indexer.text.document import document_of

POOLS = (
    ("spider_union_flat", "spider_union_flat", None),
    ("spider2_lite_flat", "spider2_lite_flat", None),
    ("spider_union", "spider_union", None),
    ("spider_union", "spider_train_synonyms", 1_500),
    ("spider2_lite", "spider2_lite", None),
    ("fiben", "fiben", None),
)
MODELS = Path("bench/out/models")
SEEN_IN_TRAINING = ("spider_train_synonyms",)
"""Headwater's encoder and ranker learned from these: only `bench/ranker.py`, which trains them on other databases, may judge it."""


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
        for name, row in compared(space, questions, judgements):
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


def compared(space: Workspace, questions: str, judgements: list[Judgement]) -> Iterator[tuple[str, list[object]]]:
    """Each method's figures on the same questions."""
    if questions in SEEN_IN_TRAINING:
        yield "headwater: trained on these databases, see the ranker's table", ["", "", "", "", ""]
    else:
        ours = [answer(space, judgement) for judgement in judgements]
        yield "headwater", told(ours, with_auroc=no_answer(space, judgements, ours))
        wrong = control(judgements)
        note = "" if len(wrong) == len(judgements) else f", {len(wrong)} questions"
        yield f"control: headwater, gold shuffled{note}", told(reassigned(ours, wrong))
    documents = [document_of(change.asset) for change in all_changes(space) if change.asset is not None]
    yield from peer_rows(Pool(documents, judgements, MODELS.absolute()))


def all_changes(space: Workspace) -> Iterator[Change]:
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


if __name__ == "__main__":
    main()
