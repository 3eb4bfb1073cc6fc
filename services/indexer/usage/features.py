"""Evidence that a table goes with a basket, one number a feature, for all candidates at once. Each speaks for a table.

Journey 2, "used together", step "rank": a weighted sum of these orders candidates, and its largest terms are the reasons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.indexer.usage.carried import carried_over, statements_alike
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Chosen, Floats, Ints
from services.indexer.usage.variants import LEAST

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
    "queried",
    "mixes_schemas",
    "other_table",
    "variant",
    "text_new",
    "text_best_new",
    "name_rank_new",
    "name_rank_alike",
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
    chosen = Chosen.of(candidates, len(reading.known))
    _observed(reading, basket, chosen, out)
    alike = _close(reading, basket, candidates, out)
    _steps(reading, basket, candidates, out)
    _derived(reading, basket, chosen, alike, out)
    _carried(reading, basket, chosen, alike, out)
    _beside(reading, basket, chosen, out)
    _apart(reading, basket, chosen, out)
    return np.round(out, 3)


def _put(out: Floats, name: str, values: NDArray[np.floating] | NDArray[np.bool_]) -> None:
    out[:, FEATURES.index(name)] = values


def _observed(reading: Reading, basket: Ints, chosen: Chosen, out: Floats) -> None:
    counts, size, candidates = reading.counts, len(basket), chosen.columns
    read = counts.read[candidates]
    at, owner = counts.together.places(basket)
    index, value, others = counts.together.index[at], counts.together.value[at], counts.read[basket][owner] + 1.0
    share = chosen.sums(index, value * (1.0 / others / size))
    lift = chosen.sums(index, value * (1.0 / np.sqrt(others) / size))
    # P(candidate | table of the basket), the mean over the basket, shrunk by one query that did not read it
    _put(out, "share", np.log1p(20 * share) / _SHARE_SCALE)
    # the same against how often the candidate is read at all: what is joined to everything does not lead
    _put(out, "lift", np.log1p(20 * lift / np.sqrt(read + 1.0)) / _SHARE_SCALE)
    _put(out, "basket", chosen.sums(index, np.ones(len(index))) / size)
    _put(out, "often", np.log1p(chosen.greatest(index, value)) / 5.0)
    _put(out, "popular", np.log1p(read) / 5.0)
    _put(out, "recent", counts.last_read[candidates])
    _put(out, "fresh", counts.last_written[candidates])
    _put(out, "unqueried", read == 0)


def _close(reading: Reading, basket: Ints, candidates: Ints, out: Floats) -> Floats:
    known = reading.known
    # not a matrix product: BLAS adds up a row differently by where it stands among others, and others may be hidden
    cosines = np.einsum("ij,kj->ik", known.vectors(candidates), known.vectors(basket)).clip(0.0)
    text = np.round(cosines.mean(axis=1), 3)
    # tables of one schema stand in one place
    _, first, back = np.unique(known.schema[candidates], return_index=True, return_inverse=True)
    name, home = reading.words.cosines(basket, candidates), reading.home.cosines(basket, candidates[first])[back]
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
    _put(out, "name_best", name if len(basket) == 1 else reading.words.closest(basket, candidates))
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


def _derived(reading: Reading, basket: Ints, chosen: Chosen, alike: Floats, out: Floats) -> None:
    """Lineage, and the company that others keep: what the candidate or the basket is made from, and what is like it."""
    counts, size, candidates = reading.counts, len(basket), chosen.columns
    even = np.full(len(basket), 1.0 / size)
    lineage = counts.made_from.spread_over(basket, even, chosen) + counts.made_into.spread_over(basket, even, chosen)
    _put(out, "lineage", np.minimum(lineage, 1.0))
    _put(out, "siblings", np.log1p(counts.made_into.spread_over(*counts.made_from.spread_thin(basket, even), chosen)) / 2.0)
    others, nearly = counts.alias.spread_thin(basket, even)
    company = counts.together.spread_over(others, nearly / (counts.read[others] + 2.0), chosen)
    friends, direct = counts.together.spread_thin(basket, even / (counts.read[basket] + 2.0))
    company += counts.alias.spread_over(friends, direct, chosen)
    _put(out, "alias", np.log1p(5 * company))
    best = np.argsort(-alike, kind="stable")[:ALIKE]
    likeness = np.maximum(alike[best] - UNLIKE, 0.0) ** 1.5
    twins = candidates[best]
    read = np.maximum(counts.read[twins], 1.0)
    like = counts.together.spread_over(twins, likeness / (likeness.sum() + 0.3) / read, chosen)
    _put(out, "like", np.log1p(20 * like) / _SHARE_SCALE)
    company = np.zeros(len(candidates))
    for table in basket.tolist():
        mates = counts.read_of_subject.row(int(reading.known.base[table]))[0]
        total = counts.read[mates].sum() + 2.0
        company += counts.together.spread_over(mates, np.full(len(mates), 1.0 / total / size), chosen)
    _put(out, "home_company", np.log1p(20 * company) / _SHARE_SCALE)
    _put(out, "mixes", np.log1p(counts.mixes[candidates]) / 5.0)


def _carried(reading: Reading, basket: Ints, chosen: Chosen, alike: Floats, out: Floats) -> None:
    share, closest = statements_alike(reading.counts, basket, chosen)
    _put(out, "statements", share)
    _put(out, "statement", closest)
    carried = carried_over(reading, basket, chosen, alike)
    _put(out, "company", np.log1p(20 * carried.company) / _SHARE_SCALE)
    _put(out, "like_company", np.log1p(20 * carried.like_company) / _SHARE_SCALE)
    _put(out, "turned", np.log1p(20 * carried.turned) / _SHARE_SCALE)
    _put(out, "turned_best", 2 * carried.turned_best)


def _beside(reading: Reading, basket: Ints, chosen: Chosen, out: Floats) -> None:
    """Declared keys, and that what nobody has queried yet is used with what nobody has."""
    counts, size = reading.counts, len(basket)
    new = float((counts.read[basket] == 0).mean())
    _put(out, "new_both", new * _column(out, "unqueried"))
    _put(out, "key", np.minimum(reading.keys.spread_over(basket, np.full(size, 1.0 / size), chosen), 1.0))


def _apart(reading: Reading, basket: Ints, chosen: Chosen, out: Floats) -> None:
    """What tells the queried from those that nobody has, and what goes with a table from what stands in its place."""
    known, counts, candidates = reading.known, reading.counts, chosen.columns
    new = _column(out, "unqueried") > 0
    _put(out, "queried", ~new)
    _put(out, "mixes_schemas", np.log1p(counts.mixed_schemas[candidates]) / 3.0)
    same_name = known.stem[candidates][:, None] == known.stem[basket][None]
    same_subject = known.base[candidates][:, None] == known.base[basket][None]
    elsewhere = known.schema[candidates][:, None] != known.schema[basket][None]
    layer = (same_name & same_subject & elsewhere).any(axis=1)
    stands_for = counts.alias.spread_over(basket, np.ones(len(basket)), chosen) >= 1.0
    # a view and what it shows are read in place of each other, not together
    _put(out, "other_table", ~(layer | stands_for))
    # a weight of one half takes the odds as they are
    _put(out, "variant", 2 * (reading.variants.odds(basket, candidates) - LEAST))
    # of what nobody has queried nothing speaks but what it is called and described by: that is worth more there
    for name_of in ("text", "text_best", "name_rank"):
        _put(out, f"{name_of}_new", np.where(new, _column(out, name_of), 0.0))
    whole = np.round(_column(out, "whole_name"), 3)
    alike = np.zeros(len(candidates))
    for side in (new, ~new):
        alike[side] = _by_rank(whole[side])
    _put(out, "name_rank_alike", alike)


def _column(out: Floats, name: str) -> Floats:
    return out[:, FEATURES.index(name)]


def _by_rank(values: Floats) -> Floats:
    """1 for the highest, halved at the sixth; 0 for what is 0, and equals are equal."""
    higher = len(values) - np.searchsorted(np.sort(values), values, side="right")
    return np.where(values > 0, 1.0 / (1.0 + higher / 5.0), 0.0)
