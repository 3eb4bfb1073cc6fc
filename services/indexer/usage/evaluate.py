"""How well a log's later or held-out queries are foretold: each is asked without one of its tables, through what answers people.

Behind `headwater eval-usage` and `make bench-usage`: the chosen method, popularity and plain co-occurrence side by side.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import FULL_SCOPE
from services.common.model.names import AssetId
from services.indexer.usage.basket import basket_of
from services.indexer.usage.known import Known
from services.indexer.usage.learn import SHOWN, asked_of, model_of, questions
from services.indexer.usage.reading import Reading, reading_of
from services.indexer.usage.recommend import rank
from services.indexer.usage.sparse import Floats
from services.indexer.usage.statements import Statement
from services.indexer.usage.weights import Model, shipped

METHODS = ("used together", "shipped weights", "co-occurrence", "popularity")
NOT_FOUND = 10**9
"""The place of a table that cannot be found: neither a crawl nor the learned part knows it."""
ROUNDS = 1_000
BINS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
"""Edges of the reliability table."""


@dataclass(slots=True)
class Asked:
    """What became of the questions: each one's place by method, whether it could be found, and was read in learning."""

    places: dict[str, list[int]] = field(default_factory=lambda: {method: [] for method in METHODS})
    reachable: list[bool] = field(default_factory=list)
    seen: list[bool] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figures:
    """One method's figures; `interval` is of Hit@10, 95 %, by a bootstrap over questions. `seen` and `unseen` are Hit@10."""

    hit_1: float
    hit_5: float
    hit_10: float
    mrr: float
    interval: tuple[float, float]
    seen: float | None
    unseen: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How true the probabilities of shown items are.

    Attributes:
        brier_skill: 1 - Brier score / that of the constant share; None without a right and a wrong item.
        auroc: how well they tell right items from wrong ones.
        bins: (items, mean probability, share that was right) by `BINS`.

    """

    brier_skill: float | None
    auroc: float | None
    bins: tuple[tuple[int, float, float], ...]


def time_split(statements: Sequence[Statement], share: float = 0.6) -> Iterator[tuple[list[Statement], list[Statement]]]:
    """The first `share` of the statements by time learn, the rest asks; statements without a time come first."""
    ordered = sorted(statements, key=lambda one: (one.last, one.fingerprint))
    cut = int(len(ordered) * share)
    yield ordered[:cut], ordered[cut:]


def fold_split(
    statements: Sequence[Statement], folds: int = 5, seed: int = 0
) -> Iterator[tuple[list[Statement], list[Statement]]]:
    """Each fold of the statements is asked of the others."""
    lot = np.random.default_rng(seed).permutation(len(statements))
    for fold in range(folds):
        asked = set(lot[fold::folds].tolist())
        yield (
            [one for at, one in enumerate(statements) if at not in asked],
            [one for at, one in enumerate(statements) if at in asked],
        )


def shuffled(statements: Sequence[Statement], seed: int) -> list[Statement]:
    """The control: every table read as often, by the same number of statements, but with whom by chance."""
    random = np.random.default_rng(seed)
    every = [table for one in statements for table in one.reads]
    lot = iter([every[at] for at in random.permutation(len(every))])
    return [
        replace(one, reads=tuple(dict.fromkeys(next(lot) for _ in one.reads)), writes=(), joins=(), uses=())
        for one in statements
    ]


def ask(
    known: Known,
    learned: Sequence[Statement],
    asked: Sequence[Statement],
    out: Asked,
    *,
    start: Model | None = None,
    without: frozenset[str] = frozenset(),
) -> None:
    """Ask one part of a log of another; what becomes of it is added to `out`.

    Args:
        known: every table of the catalog and of the log.
        learned: what is learned from.
        asked: what is asked.
        out: what is added to.
        start: what learning begins with; what is shipped unless given.
        without: features left out.

    """
    begin = shipped() if start is None else start
    reading = reading_of(known, learned, FULL_SCOPE)
    model = model_of(asked_of(known, learned), begin, without=without)
    for basket, table in questions(asked):
        _one(reading, basket, table, {"used together": model, "shipped weights": begin}, out)


def _one(reading: Reading, basket: Sequence[AssetId], table: AssetId, models: Mapping[str, Model], out: Asked) -> None:
    known = reading.known
    right = known.row[table]
    reachable = bool(reading.shown[right])
    shown = [asset for asset in basket if reading.shown[known.row[asset]]]
    names = [known.names[known.row[asset]].qualified for asset in basket if asset not in shown]
    meant = basket_of(reading, shown, names)
    out.reachable.append(reachable)
    out.seen.append(bool(reading.counts.read[right] > 0))
    for method, model in models.items():
        ranked = rank(reading, meant.rows, model, keep=meant.stand_ins)
        place = np.flatnonzero(ranked.rows == right)
        out.places[method].append(int(place[0]) + 1 if len(place) else NOT_FOUND)
        if method == METHODS[0]:
            out.chances += ranked.probabilities[:SHOWN].tolist()
            out.right += [at + 1 == out.places[method][-1] for at in range(min(SHOWN, len(ranked.rows)))]
    rows = meant.rows if not meant.stand_ins else meant.rows[:0]
    together = reading.counts.together.spread(rows, np.ones(len(rows)))
    out.places["co-occurrence"].append(_place(together, rows, right, reading))
    out.places["popularity"].append(_place(reading.counts.read, rows, right, reading))


def _place(scores: Floats, basket: NDArray[np.int64], right: int, reading: Reading) -> int:
    if not reading.shown[right] or scores[right] <= 0:
        return NOT_FOUND
    others = scores.copy()
    others[basket] = -1.0
    # among equals the middle place is taken, so that an order by name wins nothing
    before, equal = int((others > scores[right]).sum()), int((others == scores[right]).sum())
    return before + (equal + 1) // 2


def figures(asked: Asked, method: str, *, seed: int = 0) -> Figures:
    """The figures of a method."""
    places = np.asarray(asked.places[method])
    seen, reachable = np.asarray(asked.seen), np.asarray(asked.reachable)
    hits = (places <= 10).astype(np.float64)
    random = np.random.default_rng(seed)
    means = [hits[random.integers(0, len(hits), len(hits))].mean() for _ in range(ROUNDS)]
    unseen = ~seen & reachable
    return Figures(
        hit_1=float((places <= 1).mean()),
        hit_5=float((places <= 5).mean()),
        hit_10=float(hits.mean()),
        mrr=float((1.0 / places).mean()),
        interval=(float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))),
        seen=float(hits[seen].mean()) if seen.any() else None,
        unseen=float(hits[unseen].mean()) if unseen.any() else None,
    )


def calibration(asked: Asked) -> Calibration:
    """How true the probabilities of the items that were shown are."""
    chances, right = np.asarray(asked.chances), np.asarray(asked.right, dtype=np.bool_)
    bins = []
    for low, high in itertools.pairwise(BINS):
        here = (chances >= low) & (chances < high if high < 1 else chances <= high)
        n = int(here.sum())
        bins.append((n, float(chances[here].mean()) if n else 0.0, float(right[here].mean()) if n else 0.0))
    if not right.any() or right.all():
        return Calibration(None, None, tuple(bins))
    base = right.mean()
    skill = 1.0 - float(((chances - right) ** 2).mean() / ((base - right) ** 2).mean())
    order = np.argsort(np.argsort(chances, kind="stable"), kind="stable") + 1.0
    _, back, many = np.unique(chances, return_inverse=True, return_counts=True)
    ranks = (np.bincount(back, weights=order) / many)[back]
    n_right, n_wrong = int(right.sum()), int((~right).sum())
    auroc = float((ranks[right].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))
    return Calibration(skill, auroc, tuple(bins))
