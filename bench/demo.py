"""The demo's judged questions: Headwater, BM25 over the same documents, and the control that must fall to chance.

Run: `make bench ARGS=demo`. The same home also answers through `headwater eval` and `headwater eval --shuffle`.
"""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

from bench.relevance import MODELS, all_changes, answer, reassigned
from bench.report import machine, print_table
from bench.search_peers import K, Pool, swept_bm25, told
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.demo.warehouse import build_warehouse
from services.evaluation.judgements import read_judgements, shuffled
from services.evaluation.measures import figures
from services.indexer.crawl import run_crawl
from services.indexer.text.document import document_of

QUESTIONS = Path(str(files("services.demo") / "questions.jsonl"))


def main() -> None:
    """Print the figures by class, and the questions that are answered wrongly."""
    logs.configure("warning")
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        warehouse = Path(folder) / "retail.duckdb"
        build_warehouse(warehouse)
        space = Workspace(Settings(home=Path(folder) / "home"))
        run_crawl("demo", SourceSettings(url=f"duckdb:///{warehouse}"), space.sink, by="bench")
        space.indexer.open()
        if not space.indexer.lease.acquire():
            raise SystemExit("the lease of a new home is taken")
        space.indexer.index_now(space.feed.head(), lambda _told: None)
        report(space)
        space.close()


def report(space: Workspace) -> None:
    """The table, and the misses."""
    judgements = read_judgements(QUESTIONS)
    every = [answer(space, judgement) for judgement in judgements]
    ours = [one for one in every if one.judgement.gold]
    documents = [document_of(change.asset) for change in all_changes(space) if change.asset is not None]
    rows: list[list[object]] = []
    for kind in ("words", "paraphrase", "all"):
        of_kind = [one for one in ours if kind in (one.judgement.kind, "all")]
        rows.append([kind, len(of_kind), "headwater", *told(of_kind)[:4]])
        pool = Pool(documents, [one.judgement for one in of_kind], MODELS)
        best, scores = swept_bm25(pool)
        rows.append([kind, len(of_kind), f"bm25s, best of sweep {best}", *pool.told_scores(scores)[:4]])
    rows.append(
        ["all", len(ours), "control: headwater, gold shuffled", *told(reassigned(ours, shuffled(judgements, 1)))[:4]]
    )
    print_table(["class", "n", "method", f"R@{K}", f"CR@{K}", "top-1", "MRR"], rows)
    auroc = figures(every, K).answerable_auroc
    print(
        f"\nquestions without an answer: {len(every) - len(ours)}; AUROC of `answerable` {auroc}; chance R@{K} is about {K / len(documents):.3f}"
    )
    print("\nanswered wrongly (the best hit is not gold):")
    for one in ours:
        if one.found and not any(".".join(one.found[0]) == ".".join(gold) for gold in one.judgement.gold):
            print(
                f"- {one.judgement.question} → {'.'.join(one.found[0])}, not {' or '.join('.'.join(g) for g in one.judgement.gold)}"
            )
    print(machine(["faiss-cpu", "onnxruntime", "bm25s"]))


if __name__ == "__main__":
    main()
