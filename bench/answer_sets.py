"""Answer sets on open pools: F1 against the best fixed k, with models that never saw the pool, and controls that must fail.

Run: `make bench ARGS="answer_sets DATA"`. The shipped weights were fitted on `spider_train` and its synonyms alone, with keys
and without: every pool is held out. `--refit` adds models fitted also on the other pools; `--fit` writes
`services/indexer/retrieve/answer_weights.py` anew; `--calibrate` prints how often a guessed join is a declared key.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.relevance import indexed
from bench.report import machine, print_table
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Evidence as JoinEvidence
from services.common.model.search import Filters, SearchQuery
from services.common.runtime import logs
from services.compose import Workspace
from services.evaluation.judgements import read_judgements
from services.indexer.retrieve.answer_features import FEATURES, Evidence
from services.indexer.retrieve.answer_joins import SPREADS, trees
from services.indexer.retrieve.answer_pool import pool_of
from services.indexer.retrieve.answer_set import MAX_WORDS, Chosen, chance, choose, possible_joins
from services.indexer.retrieve.join_guess import guesses
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.tables import table_hits
from services.indexer.retrieve.view import View, view_of
from services.indexer.text.tokens import content_words

POOLS = ("spider_union_flat", "spider2_lite_flat", "spider_union", "spider2_lite", "fiben")
SAME = {"spider_union_flat": "spider_union", "spider2_lite_flat": "spider2_lite"}
"""Pools with the same questions: neither trains what is measured on the other."""
TRAINING = (("spider_train", 800), ("spider_train_synonyms", 400))
STEPS = 3
NEAR = 12
"""Training rows: tables among the first so many, joined with a chosen one, or gold."""
RIDGE = 3.0
WEIGHTS_FILE = Path("services/indexer/retrieve/answer_weights.py")


@dataclass(frozen=True)
class Asked:
    """A question with its evidence and which positions of the pool are gold; `size` counts gold tables not in it too."""

    evidence: Evidence
    gold: frozenset[int]
    size: int


def main() -> None:
    """Print the tables, or fit."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/relevance"))
    parser.add_argument("--fit", action="store_true", help="write the weights")
    parser.add_argument(
        "--refit", action="store_true", help="rows of models fitted anew without the measured pool; takes long"
    )
    parser.add_argument("--calibrate", action="store_true", help="print how often guesses are keys")
    arguments = parser.parse_args()
    folder = arguments.data / "retrieval"
    cache: Path | None = None
    asked: dict[str, list[Asked]] = {}
    training: list[Asked] = []
    timings: list[float] = []
    for pool in POOLS:
        space, cache = indexed(folder / f"{pool}.tables.jsonl.gz", arguments.out / pool, cache)
        view = view_of(space.indexer._snapshot(), FULL_SCOPE, Filters())  # noqa: SLF001 - the benchmark looks inside
        if arguments.calibrate:
            calibrate(pool, view)
        asked[pool] = questions(space, view, folder / f"{pool}.questions.jsonl.gz", timings=timings)
        fitting = arguments.fit or arguments.refit
        if pool == "spider_union" and fitting:
            for name, limit in TRAINING:
                training += questions(space, view, folder / f"{name}.questions.jsonl.gz", limit=limit)
        if pool == "spider_union_flat" and fitting:
            flat = flat_names(folder)
            for name, limit in TRAINING:
                training += questions(space, view, folder / f"{name}.questions.jsonl.gz", limit=limit, renamed=flat)
        if pool in POOLS[:2]:
            told_joins(pool, view, asked[pool])
        space.close()
    if arguments.fit:
        write_weights(fit([*training, *without_keys(training[::2])]))
        return
    print_table(HEAD, [row for pool in POOLS for row in measured(pool, asked, training)])
    print(f"\npool, choice and joins: p50 {np.percentile(timings, 50):.1f} ms, p95 {np.percentile(timings, 95):.1f} ms")
    print(machine(["numpy", "faiss-cpu", "onnxruntime"]))


HEAD = ["questions", "n", "sets by", "F1", "gain", "CR", "size", "expected F1"]


def measured(pool: str, asked: dict[str, list[Asked]], training: list[Asked]):
    """Rows of one pool: fixed k, the shipped weights, weights that never saw the pool, controls."""
    here = asked[pool]
    n = len(here)
    k, best = max(((k, mean_f1(here, [fixed(one, k) for one in here])) for k in range(1, 7)), key=lambda item: item[1])
    yield [pool, n, f"top {k}, the best fixed k", best, 0.0, complete(here, [fixed(one, k) for one in here]), k, ""]
    shipped = [choose(one.evidence) for one in here]
    yield row(pool, "**shipped weights**", here, shipped, best)
    yield row(pool, "control: joins shuffled", here, [choose(e) for e in shuffled_joins(here)], best)
    yield row(pool, "control: scores shuffled", here, [choose(e) for e in shuffled_scores(here)], best)
    if not training:
        return
    others = [one for name in POOLS if SAME.get(name, name) != SAME.get(pool, pool) for one in asked[name]]
    material = [*training, *without_keys(training[::2])]
    for label, rows in (("spider_train alone", material), ("spider_train and the other pools", [*material, *others])):
        model = fit(rows)
        yield row(pool, f"trained on {label}", here, [choose(one.evidence, model) for one in here], best)


def row(pool: str, label: str, asked: Sequence[Asked], sets: Sequence[Chosen], best: float) -> list[object]:
    """One row of the table."""
    f1 = mean_f1(asked, sets)
    size = float(np.mean([len(one.positions) for one in sets]))
    expected = float(np.mean([one.expected_f1 for one in sets]))
    return [pool, len(asked), label, f1, f1 - best, complete(asked, sets), size, expected]


def questions(
    space: Workspace,
    view: View,
    path: Path,
    *,
    limit: int | None = None,
    renamed: dict[tuple[str, str], str] | None = None,
    timings: list[float] | None = None,
) -> list[Asked]:
    """The evidence of judged questions over a view; a sample of `limit`, always the same."""
    judgements = list(read_judgements(path))
    if limit is not None:
        random.Random(7).shuffle(judgements)
    retriever = space.indexer.retriever
    out = []
    for judgement in judgements[:limit]:
        text = judgement.question
        question = retriever._understood(SearchQuery(text, FULL_SCOPE), space.indexer._snapshot(), view, [])  # noqa: SLF001
        vector = question.vector
        found = table_hits(view, question, lambda one: retriever._ranker_for(one, space.indexer._snapshot()), kinds=())  # noqa: SLF001
        begun = time.perf_counter()
        words = tuple(dict.fromkeys(content_words(text)))[:MAX_WORDS]
        hits = found.order
        pool = pool_of(view, words, match_tables(view, words), vector, found.tables[hits], found.scores[hits])
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


def mean_f1(asked: Sequence[Asked], sets: Sequence[Chosen]) -> float:
    """Mean over questions of 2 hits / (size + gold)."""
    return float(
        np.mean(
            [
                2 * len(one.gold & set(chosen.positions)) / (len(chosen.positions) + one.size)
                for one, chosen in zip(asked, sets, strict=True)
            ]
        )
    )


def complete(asked: Sequence[Asked], sets: Sequence[Chosen]) -> float:
    """Share of questions whose gold tables are all in the set."""
    return float(np.mean([len(one.gold & set(s.positions)) == one.size for one, s in zip(asked, sets, strict=True)]))


def without_keys(asked: Sequence[Asked]) -> list[Asked]:
    """The same questions where no key is declared, as in most warehouses."""
    return [
        replace(one, evidence=Evidence(replace(one.evidence.pool, declared=np.zeros_like(one.evidence.pool.declared))))
        for one in asked
    ]


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


def fit(asked: Sequence[Asked]):
    """A logistic model of the features: first on states that follow the gold tables, then also on those that it reaches."""
    rows, targets = _states(asked, None)
    model = _logistic(np.vstack(rows), np.concatenate(targets))
    more, more_targets = _states(asked, model)
    return _logistic(np.vstack([*rows, *more]), np.concatenate([*targets, *more_targets]))


def _states(asked: Sequence[Asked], model):
    rows, targets = [], []
    for one in asked:
        chosen: list[int] = []
        for _ in range(STEPS + 1):
            features = one.evidence.features(chosen)
            near = np.arange(len(features)) < NEAR
            if chosen:
                near |= np.maximum(one.evidence.pool.declared, one.evidence.guess)[:, chosen].max(axis=1) > 0
            gold = np.isin(np.arange(len(features)), list(one.gold))
            rest = near | gold
            rest[chosen] = False
            rows.append(features[rest])
            targets.append(gold[rest].astype(np.float64))
            if model is None:
                left = sorted(one.gold - set(chosen))
                if not left:
                    break
                chosen = [*chosen, left[0]]
            else:
                chances = model(features)
                chances[chosen] = 0.0
                if len(chosen) >= len(features) - 1:
                    break
                chosen = [*chosen, 0 if not chosen else int(np.argmax(chances))]
    return rows, targets


def _logistic(features: np.ndarray, targets: np.ndarray):
    """Newton's method with a ridge over standardised features; the model as a function of raw ones."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scaled = np.hstack([np.ones((len(features), 1)), (features - mean) / np.where(spread > 1e-9, spread, 1.0)])
    ridge = np.eye(scaled.shape[1]) * RIDGE
    ridge[0, 0] = 0.0
    weights = np.zeros(scaled.shape[1])
    for _ in range(12):
        chances = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chances - targets) + ridge @ weights
        curve = (scaled * (chances * (1 - chances))[:, None]).T @ scaled + ridge
        weights = weights - np.linalg.solve(curve, slope)
    raw = np.where(spread > 1e-9, weights[1:] / np.where(spread > 1e-9, spread, 1.0), 0.0)
    named = dict(zip(FEATURES, raw.tolist(), strict=True))
    return partial(chance, weights=named, bias=float(weights[0] - raw @ mean))


def write_weights(model) -> None:
    """The module with the weights of a model."""
    lines = [
        '"""How much each feature speaks for a table to be in an answer set. Made by a command, not edited.',
        "",
        'Journey 2, step "answer set": `make bench ARGS="answer_sets DATA --fit"` writes this file; what it was trained on and how',
        "well it does on pools it was not is in `bench/RESULTS.md`.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "",
        f"BIAS = {round(model.keywords['bias'], 4)}",
        "WEIGHTS: Mapping[str, float] = {",
        *(f'    "{name}": {round(value, 4)},' for name, value in model.keywords["weights"].items()),
        "}",
        '"""One weight a feature, of its value as it is."""',
    ]
    WEIGHTS_FILE.write_text("\n".join(lines) + "\n")


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
