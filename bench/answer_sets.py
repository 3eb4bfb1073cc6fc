"""Answer sets on open pools: F1 against the best fixed k, with weights that never saw the pool, ceilings, and controls that must fail.

Run: `make bench ARGS="answer_sets DATA"`. The shipped weights were fitted to `spider_train` and its synonyms alone
(`bench/answer_sets_fit.py`): every pool is held out. The ceilings say where the rest lies; `--calibrate` prints how often a
guessed join is a declared key.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.relevance import indexed
from bench.report import machine, print_table
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Evidence as JoinEvidence
from services.common.model.search import Filters, SearchQuery
from services.common.runtime import logs
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements
from services.evaluation.paired import better
from services.indexer.retrieve.answer_features import Evidence
from services.indexer.retrieve.answer_joins import SPREADS, trees
from services.indexer.retrieve.answer_pool import pool_of
from services.indexer.retrieve.answer_set import MAX_WORDS, Chosen, choose, possible_joins
from services.indexer.retrieve.join_guess import guesses
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.tables import table_hits
from services.indexer.retrieve.view import View, view_of
from services.indexer.text.tokens import content_words

POOLS = ("spider_union_flat", "spider2_lite_flat", "spider_union", "spider2_lite", "fiben")
FIRST = 10
"""Hits that the ceilings choose from."""


@dataclass(frozen=True)
class Asked:
    """A question with its evidence and which positions of the pool are gold; `size` counts gold tables not in it too."""

    evidence: Evidence
    gold: frozenset[int]
    size: int


def main() -> None:
    """Print the tables."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/relevance"))
    parser.add_argument("--calibrate", action="store_true", help="print how often guesses are keys")
    arguments = parser.parse_args()
    folder = arguments.data / "retrieval"
    cache: Path | None = None
    asked: dict[str, list[Asked]] = {}
    timings: list[float] = []
    for pool in POOLS:
        space, cache = indexed(folder / f"{pool}.tables.jsonl.gz", arguments.out / pool, cache)
        view = view_of(space.indexer._snapshot(), FULL_SCOPE, Filters())  # noqa: SLF001 - the benchmark looks inside
        if arguments.calibrate:
            calibrate(pool, view)
        asked[pool] = questions(space, view, read_judgements(folder / f"{pool}.questions.jsonl.gz"), timings=timings)
        if pool in POOLS[:2]:
            told_joins(pool, view, asked[pool])
        space.close()
    print_table(HEAD, [row for pool in POOLS for row in measured(pool, asked[pool])])
    print()
    print_table(["questions", *CEILINGS], [[pool, *ceilings(asked[pool])] for pool in POOLS])
    print(f"\npool, choice and joins: p50 {np.percentile(timings, 50):.1f} ms, p95 {np.percentile(timings, 95):.1f} ms")
    print(machine(["numpy", "faiss-cpu", "onnxruntime"]))


HEAD = ["questions", "n", "sets by", "F1", "gain", "p", "CR", "size", "expected F1"]


def measured(pool: str, here: list[Asked]) -> Iterator[list[object]]:
    """Rows of one pool: fixed k, the shipped weights with the paired test against it, controls."""
    n = len(here)
    k, best = max(((k, mean_f1(here, [fixed(one, k) for one in here])) for k in range(1, 7)), key=lambda item: item[1])
    firsts = [fixed(one, k) for one in here]
    yield [pool, n, f"top {k}, the best fixed k", best, 0.0, "", complete(here, firsts), k, ""]
    for label, evidences in (
        ("**shipped weights**", [one.evidence for one in here]),
        ("control: joins shuffled", shuffled_joins(here)),
        ("control: scores shuffled", shuffled_scores(here)),
    ):
        yield row(pool, label, here, [choose(one) for one in evidences], firsts)


CEILINGS = (
    "shipped",
    "first as many as are gold",
    "best k of each question",
    "right companions where the first hit is gold",
    "best hit and the gold of the first 10",
)


def ceilings(here: Sequence[Asked]) -> list[float]:
    """F1 of what nobody can know: of the ranked hits the right number, and of the sets the right tables."""
    shipped = [choose(one.evidence) for one in here]
    ks = [[one_f1(one, fixed(one, k)) for one in here] for k in range(1, FIRST + 1)]
    known = [
        Chosen(tuple(sorted(one.gold)), 0.0) if 0 in one.gold else set_ for one, set_ in zip(here, shipped, strict=True)
    ]
    chosen = [Chosen(tuple(sorted({0} | {at for at in one.gold if at < FIRST})), 0.0) for one in here]
    return [
        mean_f1(here, shipped),
        mean_f1(here, [fixed(one, one.size) for one in here]),
        float(np.max(ks, axis=0).mean()),
        mean_f1(here, known),
        mean_f1(here, chosen),
    ]


def row(pool: str, label: str, asked: Sequence[Asked], sets: Sequence[Chosen], firsts: Sequence[Chosen]) -> list[object]:
    """One row of the table; the gain is over the first k hits, p of the paired randomisation test."""
    values, before = ([one_f1(*each) for each in zip(asked, one, strict=True)] for one in (sets, firsts))
    told = better(before, values)
    size = float(np.mean([len(one.positions) for one in sets]))
    expected = float(np.mean([one.expected_f1 for one in sets]))
    return [pool, len(asked), label, told.after, told.difference, told.p, complete(asked, sets), size, expected]


def questions(
    space: Workspace,
    view: View,
    judgements: Iterable[Judgement],
    *,
    renamed: dict[tuple[str, str], str] | None = None,
    timings: list[float] | None = None,
) -> list[Asked]:
    """The evidence of judged questions over a view; `renamed` says what their tables are called in it."""
    retriever = space.indexer.retriever
    out = []
    for judgement in judgements:
        text = judgement.question
        question = retriever._understood(SearchQuery(text, FULL_SCOPE), space.indexer._snapshot(), view, [])  # noqa: SLF001
        vector = question.vector
        found = table_hits(view, question, lambda one: retriever._ranker_for(one, space.indexer._snapshot()), kinds=())  # noqa: SLF001
        begun = time.perf_counter()
        words = tuple(dict.fromkeys(content_words(text)))[:MAX_WORDS]
        hits = found.order
        pool = pool_of(view, words, match_tables(view, words), vector, found.tables[hits], found.scores[hits], found.read)
        if not len(pool):
            continue
        evidence = Evidence(pool)
        if timings is not None:
            trees([r.id for r in pool.records], possible_joins(view, pool, choose(evidence).positions))
            timings.append(1000 * (time.perf_counter() - begun))
        gold = {tuple(part.lower() for part in name) for name in judgement.gold}
        if renamed is not None:
            gold = {(renamed[name[0], name[-1]],) for name in gold}
        names = [tuple(part.lower() for part in record.parts) for record in pool.records]
        places = {at for name in gold for at, one in enumerate(names) if is_called(one, name)}
        out.append(Asked(evidence, frozenset(places), len(gold)))
    return out


def is_called(parts: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether a table is meant by a judgement's name, which may leave out the schema, or be the table's alone."""
    return parts == name or parts[-len(name) :] == name or (len(name) == 2 and (parts[0], parts[-1]) == name)


def flat_names(folder: Path) -> dict[tuple[str, str], str]:
    """What the tables of spider_union are called in its flat twin: the files have the same tables in the same order."""
    lines = []
    for pool in ("spider_union", "spider_union_flat"):
        with gzip.open(folder / f"{pool}.tables.jsonl.gz") as file:
            lines.append([json.loads(line) for line in file])
    return {(a["database"].lower(), a["name"].lower()): b["name"].lower() for a, b in zip(*lines, strict=True)}


def fixed(one: Asked, k: int) -> Chosen:
    """The first k hits."""
    return Chosen(tuple(range(min(k, one.evidence.pool.n_hits))), 0.0)


def one_f1(one: Asked, chosen: Chosen) -> float:
    """2 hits / (size + gold)."""
    return 2 * len(one.gold & set(chosen.positions)) / (len(chosen.positions) + one.size)


def mean_f1(asked: Sequence[Asked], sets: Sequence[Chosen]) -> float:
    """Mean over questions."""
    return float(np.mean([one_f1(one, chosen) for one, chosen in zip(asked, sets, strict=True)]))


def complete(asked: Sequence[Asked], sets: Sequence[Chosen]) -> float:
    """Share of questions whose gold tables are all in the set."""
    return float(np.mean([len(one.gold & set(s.positions)) == one.size for one, s in zip(asked, sets, strict=True)]))


def shuffled_joins(asked: Sequence[Asked]) -> list[Evidence]:
    """Evidence whose keys, guesses and likeness join other tables of the pool than they do."""
    rng = np.random.default_rng(3)
    out = []
    for one in asked:
        pool = one.evidence.pool
        to = rng.permutation(len(pool))
        moved = {tuple(sorted((int(to[a]), int(to[b])))): guess for (a, b), guess in pool.guesses.items()}
        ix = np.ix_(to, to)
        out.append(Evidence(replace(pool, declared=pool.declared[ix], likeness=pool.likeness[ix], guesses=moved)))
    return out


def shuffled_scores(asked: Sequence[Asked]) -> list[Evidence]:
    """Evidence with the scores of another order: the tables of the pool stay, the best hit is any of them."""
    rng = np.random.default_rng(3)
    out = []
    for one in asked:
        pool = one.evidence.pool
        scores = pool.scores.copy()
        rng.shuffle(scores[: pool.n_hits])
        out.append(Evidence(replace(pool, scores=scores - scores.max())))
    return out


def told_joins(pool: str, view: View, asked: Sequence[Asked]) -> None:
    """Of the joins that sets propose, how many are declared, and how many pairs of pieces stay without one."""
    declared = inferred = apart = 0
    for one in asked:
        evidence = one.evidence
        positions = choose(evidence).positions
        joins, pieces = trees(
            [evidence.pool.records[at].id for at in positions], possible_joins(view, evidence.pool, positions)
        )
        declared += sum(join.evidence is JoinEvidence.DECLARED for join in joins)
        inferred += sum(join.evidence is JoinEvidence.INFERRED for join in joins)
        apart += len(pieces) - 1
    every = max(declared + inferred, 1)
    print(f"{pool}: joins proposed {declared + inferred}, declared {declared / every:.3f}; links missing and said {apart}")


def calibrate(pool: str, view: View) -> None:
    """For every pair of tables: how often a guess of each rule, place and spread is a declared key."""
    tables = np.flatnonzero(view.seen)
    records = view.records(tables)
    spread = view.column_spread({name.lower() for record in records for name in record.columns})
    place = {int(table): at for at, table in enumerate(tables)}
    joins = zip(view.joins.source.tolist(), view.joins.target.tolist(), strict=True)
    declared = {tuple(sorted((place[one], place[other]))) for one, other in joins}
    found = guesses(records, spread, len(records))
    counts: dict[tuple[str, bool, bool], np.ndarray] = defaultdict(lambda: np.zeros((len(SPREADS) + 1, 2), dtype=int))
    for pair, guess in found.items():
        one, other = records[pair[0]], records[pair[1]]
        home = (one.source, one.parts[:-1]) == (other.source, other.parts[:-1])
        counts[guess.kind, guess.leads, home][sum(guess.spread > most for most in SPREADS)] += (pair in declared, 1)
    print(f"{pool}: {len(declared)} declared pairs, {len(declared & set(found))} of them guessed, {len(found)} guesses")
    for (kind, leads, home), table in sorted(counts.items()):
        shares = ", ".join(f"{hit}/{every}" for hit, every in table.tolist())
        print(f"  {kind}, {'first' if leads else 'inside'}, {'same schema' if home else 'elsewhere'}: {shares}")


if __name__ == "__main__":
    main()
