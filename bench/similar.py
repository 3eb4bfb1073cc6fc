"""Similar tables found: copies, shards, versions and offshoots planted among real tables, beside simpler ways and a control.

Run: `make bench ARGS="similar DATA"`; `--fit` prints weights learned from dbt's tables alone. What is planted is made of the real
tables: nothing of it is true anywhere but here. Real pairs with equal columns are told apart, and counted neither way.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.report import machine, print_table
from bench.usage import _assets as assets_of
from bench.usage import _snapshot as snapshot_of
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset, Column
from services.common.model.names import AssetId, DatasetName, Namespaces
from services.common.runtime import logs
from services.indexer.usage.known import Known, known_of
from services.indexer.usage.reading import Reading, reading_of
from services.indexer.usage.similar import BIAS, SIGNS, WEIGHTS, signs_of, similar_to
from services.indexer.usage.sparse import Floats

LEARNED_FROM = "dbt"
SCHEMAS = ("dbt", "bigquery_etl", "omop", "mediawiki", "stackexchange")
ORIGINALS = 150
FEWEST_COLUMNS = 3
KINDS = ("backup", "elsewhere", "shards", "version", "offshoot", "renamed offshoot")
"""What is planted; the first four are duplicates, the offshoots have lost columns, gained some, and one its name."""
DUPLICATES = KINDS[:4]
K = 5
STEPS, RATE, PULL = 4_000, 0.5, 1e-3


@dataclass(frozen=True, eq=False)
class Pool:
    """A schema with what was planted in it: by original, the planted ones with their kind; `natural` are other tables with its very columns."""

    name: str
    reading: Reading
    planted: dict[int, dict[int, str]]
    natural: dict[int, set[int]]


def main() -> None:
    """Print the tables."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="print weights learned from the first schema, and nothing else")
    arguments = parser.parse_args()
    if arguments.fit:
        weights = fitted(planted(arguments.data, LEARNED_FROM))
        print({name: round(float(value), 2) for name, value in zip((*SIGNS, "bias"), weights, strict=True)})
        return
    rows: list[list[object]] = []
    told: list[list[object]] = []
    for name in SCHEMAS:
        pool = planted(arguments.data, name)
        seen = " (learned from)" if name == LEARNED_FROM else ""
        rows += recalls(pool, seen)
        told.append(marks(pool, seen))
        print(told[-1], file=sys.stderr, flush=True)
    print_table(["schema", "originals", "method", *(f"{kind}" for kind in KINDS), f"all, recall@{K}"], rows)
    print()
    print_table(
        [
            "schema",
            "tables",
            "marked",
            "right",
            "real twins",
            "wrong",
            "precision",
            "recall",
            "Brier skill",
            "AUROC",
            "p95 ms",
        ],
        told,
    )
    print(machine(["numpy", "onnxruntime"]))


def planted(data: Path, name: str) -> Pool:
    """A schema with copies, shards and offshoots of some of its tables in it."""
    assets = [asset for asset in assets_of(data / "schemas" / f"{name}.tables.jsonl.gz") if asset.columns]
    dice = random.Random(11)
    able = [asset for asset in assets if len(asset.columns) >= FEWEST_COLUMNS]
    chosen = dice.sample(able, min(ORIGINALS, len(able) // 3))
    made: list[tuple[AssetId, Asset, str]] = []
    for at, original in enumerate(chosen):
        kind = KINDS[at % len(KINDS)]
        made += [(original.id, asset, kind) for asset in _made(original, kind, dice, assets)]
    every = {asset.id: asset for asset in (*assets, *(asset for _, asset, _ in made))}
    known = known_of(snapshot_of(list(every.values()), f"similar-{name}"), (), Namespaces())
    found: dict[int, dict[int, str]] = {}
    for original_id, asset, kind in made:
        found.setdefault(known.row[original_id], {})[known.row[asset.id]] = kind
    return Pool(name, reading_of(known, (), FULL_SCOPE), found, _twins(known, found))


def _made(original: Asset, kind: str, dice: random.Random, others: Sequence[Asset]) -> Iterator[Asset]:
    *place, own = original.name.parts
    comment = original.description if dice.random() < 0.5 else None
    if kind == "backup":
        marked = dice.choice([f"{own}_backup", f"{own}_bak", f"bak_{own}", f"{own}_copy", f"tmp_{own}", f"{own}_old2"])
        yield _named(original, (*place, marked), comment)
    elif kind == "elsewhere":
        yield _named(original, (*place[:-1], "sandbox", own) if len(place) > 1 else ("sandbox", own), comment)
    elif kind == "shards":
        for day in dice.sample(range(1, 28), 3):
            yield _named(original, (*place, f"{own}_202401{day:02}"), comment)
    elif kind == "version":
        yield _named(original, (*place, f"{own}_v{dice.randrange(2, 9)}"), comment)
    else:
        kept = [column for column in original.columns if dice.random() < 0.75] or list(original.columns[:1])
        more = [Column(f"added_{word}", type="varchar") for word in ("at", "by")[: dice.randrange(3)]]
        name = f"{own}_{dice.choice(['slim', 'enriched', 'export'])}"
        if kind == "renamed offshoot":
            name = f"{dice.choice(others).name.parts[-1].split('_')[0]}_{dice.randrange(10**6)}"
        yield replace(_named(original, (*place, name), comment), columns=(*kept, *more))


def _named(original: Asset, parts: Sequence[str], comment: str | None) -> Asset:
    return replace(original, name=DatasetName(original.name.namespace, tuple(parts)), description=comment, foreign_keys=())


def _twins(known: Known, planted_of: dict[int, dict[int, str]]) -> dict[int, set[int]]:
    """Tables with the very same columns that were not planted for the one asked: real twins, and what was planted for those."""
    by_columns: dict[tuple[str, ...], list[int]] = {}
    for row, record in enumerate(known.records):
        if record is not None and len(record.columns) >= FEWEST_COLUMNS:
            by_columns.setdefault(tuple(sorted(name.lower() for name in record.columns)), []).append(row)
    same = {row: set(group) for group in by_columns.values() for row in group}
    return {row: same.get(row, set()) - {row} - planted_here.keys() for row, planted_here in planted_of.items()}


def recalls(pool: Pool, seen: str) -> Iterator[list[object]]:
    """The share of what was planted that stands among the first, by kind: ours, simpler ways, and the control."""
    reading = pool.reading
    rows = np.arange(len(reading.known))
    random_rows = np.random.default_rng(3)

    def ours(row: int) -> list[int]:
        return [reading.known.row[item.asset] for item in similar_to(reading, reading.known.ids[row], K + 20)]

    def by(score: Floats, row: int) -> list[int]:
        score[row] = -np.inf
        return [int(at) for at in np.argsort(-score, kind="stable")[: K + 20]]

    vectors = reading.known.vectors(rows)
    others = random_rows.permutation(list(pool.planted))
    stand_in = dict(zip(pool.planted, others.tolist(), strict=True))
    methods = {
        "**similar**": ours,
        "names alone": lambda row: by(reading.words.cosines(np.asarray([row]), rows), row),
        "shared columns alone": lambda row: by(_jaccard(reading.known, row), row),
        "text alone": lambda row: by((vectors @ vectors[row]).astype(np.float64), row),
        "control: asked for another table": lambda row: ours(stand_in[row]),
    }
    for method, answer in methods.items():
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for row, right in pool.planted.items():
            twins = pool.natural.get(row, set())
            first = [one for one in answer(row) if one not in twins][:K]
            for one, kind in right.items():
                found[kind].append(float(one in first))
        everything = [hit for hits in found.values() for hit in hits]
        yield [
            pool.name + seen,
            len(pool.planted),
            method,
            *(f"{np.mean(hits):.2f}" if hits else "–" for hits in found.values()),
            float(np.mean(everything)),
        ]


def _jaccard(known: Known, row: int) -> Floats:
    columns = known.columns
    has = np.zeros(columns.width)
    mine = columns.row(row)[0]
    has[mine] = 1.0
    at, owner = columns.places(np.arange(len(known)))
    shared = np.bincount(owner, weights=has[columns.index[at]], minlength=len(known))
    score: Floats = shared / np.maximum(np.diff(columns.start) + len(mine) - shared, 1)
    return score


def marks(pool: Pool, seen: str) -> list[object]:
    """How right marks of duplicates are, and probabilities; real twins are counted neither as right nor as wrong."""
    right = twins = wrong = wanted = 0
    told: list[float] = []
    truth: list[bool] = []
    took: list[float] = []
    for row, planted_here in pool.planted.items():
        begun = time.perf_counter()
        found = similar_to(pool.reading, pool.reading.known.ids[row], 20)
        took.append((time.perf_counter() - begun) * 1e3)
        wanted += sum(kind in DUPLICATES for kind in planted_here.values())
        for item in found:
            other = pool.reading.known.row[item.asset]
            if other in pool.natural.get(row, ()):
                twins += item.duplicate is not None
                continue
            told.append(item.probability)
            truth.append(other in planted_here)
            if item.duplicate is not None:
                right += other in planted_here and planted_here[other] in DUPLICATES
                wrong += other not in planted_here
    skill, auroc = _calibrated(np.asarray(told), np.asarray(truth, dtype=np.float64))
    precision = right / max(right + wrong, 1)
    return [
        pool.name + seen,
        len(pool.reading.known),
        right + twins + wrong,
        right,
        twins,
        wrong,
        precision,
        right / max(wanted, 1),
        skill,
        auroc,
        float(np.quantile(took, 0.95)),
    ]


def _calibrated(told: Floats, truth: Floats) -> tuple[float, float]:
    constant = float(((truth - truth.mean()) ** 2).mean())
    skill = 1.0 - float(((told - truth) ** 2).mean()) / constant if constant else 0.0
    ranks = np.empty(len(told))
    order = np.argsort(told, kind="stable")
    ranks[order] = np.arange(1, len(told) + 1)
    for value in np.unique(told):
        ranks[told == value] = ranks[told == value].mean()
    yes, no = int(truth.sum()), int((1 - truth).sum())
    auroc = (float(ranks[truth == 1].sum()) - yes * (yes + 1) / 2) / (yes * no) if yes and no else 0.0
    return skill, auroc


def fitted(pool: Pool) -> Floats:
    """Weights and bias of a logistic regression over every candidate, none below 0; real twins are left out."""
    pieces, labels = [], []
    for row, right in pool.planted.items():
        side, signs = signs_of(pool.reading, row)
        keep = np.asarray([int(one) not in pool.natural.get(row, ()) for one in side.rows])
        pieces.append(signs[keep])
        labels.append(np.asarray([int(one) in right for one in side.rows[keep]], dtype=np.float64))
    x = np.hstack([np.concatenate(pieces), np.ones((sum(map(len, labels)), 1))])
    y = np.concatenate(labels)
    w = np.asarray([*WEIGHTS, BIAS], dtype=np.float64)
    for _ in range(STEPS):
        slope = x.T @ (1.0 / (1.0 + np.exp(-(x @ w))) - y) / max(y.sum(), 1.0)
        w -= RATE * (slope + PULL * np.append(w[:-1], 0.0))
        w[:-1] = np.maximum(w[:-1], 0.0)
    return w


if __name__ == "__main__":
    main()
