"""Evidence that a table goes with a basket, one number a feature, for all candidates at once. Each speaks for a table.

Journey 2, "used together", step "rank": a weighted sum of these orders candidates, and its largest terms are the reasons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.indexer.usage.carried import carried_over, statements_alike
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Floats, Ints

FEATURES = (
    "share",
    "lift",
    "basket",
    "often",
    "text",
    "text_best",
    "name",
    "home",
    "whole_name",
    "columns",
    "schema",
    "small_schema",
    "schemas",
    "step",
    "step_home",
    "step_both",
    "subject",
    "stem",
    "lineage",
    "siblings",
    "alias",
    "like",
    "home_company",
    "mixes",
    "popular",
    "recent",
    "fresh",
    "latest",
    "unqueried",
    "statements",
    "statement",
    "company",
    "like_company",
    "turned",
    "turned_best",
    "new_both",
    "key",
    "name_best",
    "text_rank",
    "name_rank",
)
"""`features` says what each is; all are 0 or more, most at most 1."""
ALIKE = 15
"""Tables most like the basket, whose own company is counted."""
UNLIKE = 0.35
"""Likeness below is none."""
_SHARE_SCALE = np.log1p(20.0)


def features(reading: Reading, basket: Ints, candidates: Ints) -> Floats:
    """The features of some candidates, float64 (len(candidates), len(FEATURES)), rounded so that sums in another order tie."""
    out = np.zeros((len(candidates), len(FEATURES)))
    _observed(reading, basket, candidates, out)
    alike = _close(reading, basket, candidates, out)
    _steps(reading, basket, candidates, out)
    _derived(reading, basket, candidates, alike, out)
    _carried(reading, basket, candidates, alike, out)
    _beside(reading, basket, candidates, out)
    return np.round(out, 3)


def _put(out: Floats, name: str, values: NDArray[np.floating] | NDArray[np.bool_]) -> None:
    out[:, FEATURES.index(name)] = values


def _observed(reading: Reading, basket: Ints, candidates: Ints, out: Floats) -> None:
    counts, size = reading.counts, len(basket)
    read = counts.read
    share = counts.together.spread(basket, 1.0 / (read[basket] + 1.0) / size)
    lift = counts.together.spread(basket, 1.0 / np.sqrt(read[basket] + 1.0) / size)[candidates]
    at, _ = counts.together.places(basket)
    together = np.bincount(counts.together.index[at], minlength=len(read))
    strongest = np.zeros(len(read))
    np.maximum.at(strongest, counts.together.index[at], counts.together.value[at])
    # P(candidate | table of the basket), the mean over the basket, shrunk by one query that did not read it
    _put(out, "share", np.log1p(20 * share[candidates]) / _SHARE_SCALE)
    # the same against how often the candidate is read at all: what is joined to everything does not lead
    _put(out, "lift", np.log1p(20 * lift / np.sqrt(read[candidates] + 1.0)) / _SHARE_SCALE)
    _put(out, "basket", together[candidates] / size)
    _put(out, "often", np.log1p(strongest[candidates]) / 5.0)
    _put(out, "popular", np.log1p(read[candidates]) / 5.0)
    _put(out, "recent", counts.last_read[candidates])
    _put(out, "fresh", counts.last_written[candidates])
    _put(out, "unqueried", read[candidates] == 0)


def _close(reading: Reading, basket: Ints, candidates: Ints, out: Floats) -> Floats:
    known = reading.known
    # not a matrix product: BLAS adds up a row differently by where it stands among others, and others may be hidden
    cosines = np.einsum("ij,kj->ik", known.vectors(candidates), known.vectors(basket)).clip(0.0)
    text = np.round(cosines.mean(axis=1), 3)
    name, home = reading.words.cosines(basket, candidates), reading.home.cosines(basket, candidates)
    _put(out, "text", text)
    _put(out, "text_best", cosines.max(axis=1))
    _put(out, "name", name)
    _put(out, "home", home)
    whole = 0.5 * (name + home) if known.home.index.size else name
    _put(out, "whole_name", whole)
    _put(out, "columns", reading.columns.cosines(basket, candidates))
    same = known.schema[candidates][:, None] == known.schema[basket][None]
    _put(out, "schema", same.mean(axis=1))
    _put(out, "small_schema", same.mean(axis=1) / np.log2(1.0 + reading.schema_size[candidates]))
    subject = known.base[candidates][:, None] == known.base[basket][None]
    _put(out, "subject", subject.mean(axis=1))
    stem = known.stem[candidates][:, None] == known.stem[basket][None]
    _put(out, "stem", (stem & ~same).mean(axis=1))
    _put(out, "name_best", reading.words.closest(basket, candidates))
    # by place too: how alike the most alike are differs from log to log
    _put(out, "text_rank", _by_rank(text))
    _put(out, "name_rank", _by_rank(name))
    _put(out, "latest", reading.latest[candidates])
    return np.asarray(0.5 * text + 0.5 * np.round(whole, 3), dtype=np.float64)


def _steps(reading: Reading, basket: Ints, candidates: Ints, out: Floats) -> None:
    """How often tables that are used together differ in names as candidate and basket do."""
    known, counts = reading.known, reading.counts
    found = []
    for hashes, (difference, many) in zip(
        (known.step + known.step_home, known.step_home, known.step), counts.steps, strict=True
    ):
        wanted = hashes[candidates][:, None] - hashes[basket][None]
        if not len(difference):
            found.append(np.zeros(wanted.shape))
            continue
        at = np.minimum(np.searchsorted(difference, wanted), len(difference) - 1)
        found.append(np.log1p(np.where(difference[at] == wanted, many[at], 0.0)))
    whole, home, own = found
    _put(out, "step", whole.mean(axis=1) / 3.0)
    _put(out, "step_home", home.mean(axis=1) / 8.0)
    _put(out, "step_both", (home * own).mean(axis=1) / 24.0)
    between, total = counts.schemas
    schema = known.schema
    affinity = np.zeros(len(candidates))
    for table in basket.tolist():
        row = np.zeros(between.width)
        columns, values = between.row(int(schema[table]))
        row[columns] = values
        here = row[schema[candidates]] + 0.5 * (schema[candidates] == schema[table])
        affinity += here / (total[schema[table]] + 2.0) / np.sqrt(reading.schema_size[candidates])
    _put(out, "schemas", np.log1p(50 * affinity / len(basket)) / 4.0)


def _derived(reading: Reading, basket: Ints, candidates: Ints, alike: Floats, out: Floats) -> None:
    """Lineage, and the company that others keep: what the candidate or the basket is made from, and what is like it."""
    counts, size = reading.counts, len(basket)
    even = np.full(len(basket), 1.0 / size)
    lineage = counts.made_from.spread(basket, even) + counts.made_into.spread(basket, even)
    _put(out, "lineage", np.minimum(lineage[candidates], 1.0))
    above = counts.made_from.spread(basket, even)
    sources = np.flatnonzero(above)
    siblings = counts.made_into.spread(sources, above[sources])
    _put(out, "siblings", np.log1p(siblings[candidates]) / 2.0)
    nearly = counts.alias.spread(basket, even)
    others = np.flatnonzero(nearly)
    company = counts.together.spread(others, nearly[others] / (counts.read[others] + 2.0))
    direct = counts.together.spread(basket, even / (counts.read[basket] + 2.0))
    friends = np.flatnonzero(direct)
    company += counts.alias.spread(friends, direct[friends])
    _put(out, "alias", np.log1p(5 * company[candidates]))
    best = np.argsort(-alike, kind="stable")[:ALIKE]
    likeness = np.maximum(alike[best] - UNLIKE, 0.0) ** 1.5
    twins = candidates[best]
    read = np.maximum(counts.read[twins], 1.0)
    like = counts.together.spread(twins, likeness / (likeness.sum() + 0.3) / read)
    _put(out, "like", np.log1p(20 * like[candidates]) / _SHARE_SCALE)
    company = np.zeros(len(counts.read))
    for table in basket.tolist():
        mates = np.flatnonzero((reading.known.base == reading.known.base[table]) & (counts.read > 0))
        total = counts.read[mates].sum() + 2.0
        company += counts.together.spread(mates, np.full(len(mates), 1.0 / total / size))
    _put(out, "home_company", np.log1p(20 * company[candidates]) / _SHARE_SCALE)
    _put(out, "mixes", np.log1p(np.diff(counts.together.start)[candidates]) / 5.0)


def _carried(reading: Reading, basket: Ints, candidates: Ints, alike: Floats, out: Floats) -> None:
    share, closest = statements_alike(reading.counts, basket, candidates)
    _put(out, "statements", share)
    _put(out, "statement", closest)
    carried = carried_over(reading, basket, candidates, alike)
    _put(out, "company", np.log1p(20 * carried.company) / _SHARE_SCALE)
    _put(out, "like_company", np.log1p(20 * carried.like_company) / _SHARE_SCALE)
    _put(out, "turned", np.log1p(20 * carried.turned) / _SHARE_SCALE)
    _put(out, "turned_best", 2 * carried.turned_best)


def _beside(reading: Reading, basket: Ints, candidates: Ints, out: Floats) -> None:
    """Declared keys, and that what nobody has queried yet is used with what nobody has."""
    counts, size = reading.counts, len(basket)
    new = float((counts.read[basket] == 0).mean())
    _put(out, "new_both", new * (counts.read[candidates] == 0))
    _put(out, "key", np.minimum(reading.keys.spread(basket, np.full(size, 1.0 / size)), 1.0)[candidates])


def _by_rank(values: Floats) -> Floats:
    """1 for the highest, halved at the sixth; 0 for what is 0, and equals are equal."""
    higher = len(values) - np.searchsorted(np.sort(values), values, side="right")
    return np.where(values > 0, 1.0 / (1.0 + higher / 5.0), 0.0)
