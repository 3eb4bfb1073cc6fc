"""Tables that are like one in structure and text, whoever uses them: which of them are copies, shards or versions of it, and why.

Journey 2, beside "used together", which asks another thing. Pure: a reading and a row in, items out. What is common among columns
is counted among the tables that the caller is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.common.model.names import AssetId
from services.common.model.related import Duplicate, SimilarItem
from services.common.model.search import Reason
from services.indexer.text.document import Record
from services.indexer.usage.copies import Mark, without_marks
from services.indexer.usage.known import Known
from services.indexer.usage.reading import COMMON, Reading
from services.indexer.usage.sparse import Floats, Ints

SIGNS = ("shared", "inside", "types", "name", "text")
"""`_signs` says what each is, 0 to 1."""
WEIGHTS = (7.31, 2.82, 1.27, 2.2, 0.52)
BIAS = -12.12
"""Of a logistic regression over copies planted among dbt's tables: `python -m bench similar DATA --fit`, 2026-11-26. How alike the
comments are and how many columns there are were tried too, and got a weight of 0."""
LEAST = 0.01
"""Tables less likely than this to be one and the same are not told."""
CANDIDATES = 400
CLOSELY = 60
"""Of so many of the candidates the types of columns are compared."""
SAME = 0.8
"""Of two tables that stand for each other so many of all their columns are shared."""
FEW_COLUMNS = 4
"""Tables of fewer columns are the same by chance where their names do not say so."""
_RARITY_FLOOR = 0.2
"""What a column counts that every table has: little, and not nothing, or shards of one table would share nothing."""
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class _Side:
    """Candidates beside a table: how many columns are shared, and how many each has."""

    rows: Ints
    shared: Ints
    own: int
    sizes: Ints


def similar_to(reading: Reading, asset: AssetId, limit: int) -> list[SimilarItem]:
    """Listed tables like one, likeliest first, ties in order of id, and not itself.

    Args:
        reading: what the caller sees.
        asset: nothing is like one that is hidden, or that only logs name.
        limit: items at most.

    """
    row = reading.known.row.get(asset)
    if row is None or not reading.shown[row] or not reading.known.listed[row]:
        return []
    side, signs = signs_of(reading, row)
    if not len(side.rows):
        return []
    likely = np.round(probabilities(signs), 4)
    order = np.lexsort((side.rows, -likely))
    out = []
    for at in order[:limit].tolist():
        if likely[at] < LEAST:
            break
        out.append(_item(reading, row, side, at, signs[at], float(likely[at])))
    return out


def probabilities(signs: Floats) -> Floats:
    """How likely each is a copy, shard or version of the table, or made from its columns, 0 to 1."""
    z = BIAS + signs @ np.asarray(WEIGHTS)
    likely: Floats = 1.0 / (1.0 + np.exp(-z))
    return likely


def signs_of(reading: Reading, row: int) -> tuple[_Side, Floats]:
    """The candidates of a table, and what speaks for each, float64 (candidates, len(SIGNS)), rounded so that equals tie."""
    rows = _candidates(reading, row)
    known, worth = reading.known, _worth(reading)
    columns = known.columns
    mine = columns.row(row)[0]
    has = np.zeros(columns.width, dtype=np.bool_)
    has[mine] = True
    at, owner = columns.places(rows)
    index = columns.index[at]
    total = worth[mine].sum()
    shared = np.bincount(owner, weights=worth[index] * has[index], minlength=len(rows))
    theirs = np.bincount(owner, weights=worth[index], minlength=len(rows))
    counted = np.bincount(owner, weights=has[index], minlength=len(rows)).astype(np.int64)
    side = _Side(rows, counted, len(mine), np.diff(columns.start)[rows])
    signs = np.zeros((len(rows), len(SIGNS)))
    signs[:, 0] = shared / np.maximum(total + theirs - shared, 1e-9)
    signs[:, 1] = shared / np.maximum(np.minimum(total, theirs), 1e-9)
    names = reading.words.cosines(np.asarray([row]), rows) if len(rows) else np.zeros(0)
    signs[:, 3] = np.where(known.plain[rows] == known.plain[row], 1.0, 0.8 * np.minimum(names, 1.0))
    # not a matrix product: BLAS adds up a row differently by where it stands among others, and others may be hidden
    cosines = np.einsum("ij,j->i", known.vectors(rows), known.vectors(np.asarray([row]))[0])
    signs[:, 4] = ((np.round(cosines, 3) - 0.5) * 2.0).clip(0.0, 1.0)
    for place in np.argsort(-np.round(signs.sum(axis=1), 4), kind="stable")[:CLOSELY].tolist():
        signs[place, 2] = _same_types(known.records[row], known.records[rows[place]])
    return side, np.round(signs, 4)


def _worth(reading: Reading) -> Floats:
    """What a column is worth by how rare it is among the tables that are shown, float64 (columns,)."""
    rarity = np.log((reading.n_shown + 1) / (reading.column_frequency + 0.5)) / np.log(reading.n_shown + 2)
    worth: Floats = np.maximum(rarity, _RARITY_FLOOR)
    return worth


def _candidates(reading: Reading, row: int) -> Ints:
    """Listed tables with rare columns or words of the name in common, or the same name but for marks; ascending, without itself."""
    known = reading.known
    spoken = np.zeros(len(known))
    mine = known.columns.row(row)[0]
    rare = mine[reading.column_frequency[mine] <= COMMON]
    worth = _worth(reading)
    spoken += known.columns.transposed.spread(rare, worth[rare])
    spoken /= np.maximum(np.diff(known.columns.start), 1) + len(mine)  # a wide table shares much with everything
    words = known.words.row(row)[0]
    rare = words[reading.words.frequency[words] <= COMMON]
    spoken += 0.05 * known.words.transposed.spread(rare, np.ones(len(rare)))
    spoken += 0.5 * (known.plain == known.plain[row])
    spoken[~(reading.shown & known.listed)] = 0.0
    spoken[row] = 0.0
    found = np.flatnonzero(spoken)
    if len(found) > CANDIDATES:
        found = np.sort(found[np.argsort(-np.round(spoken[found], 6), kind="stable")[:CANDIDATES]])
    return found


def _same_types(mine: Record | None, theirs: Record | None) -> float:
    """The share of the shared columns that are of one type."""
    if mine is None or theirs is None:
        return 0.0
    types = dict(_open(theirs))
    pairs = [(kind, types[name]) for name, kind in _open(mine) if name in types]
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else 0.0


def _same_words(mine: Record | None, theirs: Record | None) -> float:
    """How alike the descriptions of two tables are in their words, 0 to 1; 0 where one has none."""
    words = [set(_WORDS.findall((record.description or "").lower())) if record else set() for record in (mine, theirs)]
    either = words[0] | words[1]
    return len(words[0] & words[1]) / len(either) if words[0] and words[1] else 0.0


def _open(record: Record) -> Iterator[tuple[str, str]]:
    for at, (name, hidden) in enumerate(zip(record.columns, record.restricted, strict=True)):
        if not hidden:
            yield name.lower(), record.types[at : at + 1]


def _item(reading: Reading, row: int, side: _Side, at: int, signs: Floats, likely: float) -> SimilarItem:
    known, other = reading.known, int(side.rows[at])
    shared, theirs = int(side.shared[at]), int(side.sizes[at])
    duplicate = _duplicate(known, row, other, signs, shared, side.own, theirs)
    return SimilarItem(
        asset=known.ids[other],
        name=known.names[other],
        probability=likely,
        duplicate=duplicate,
        shared=shared,
        only_here=side.own - shared,
        only_there=theirs - shared,
        why=tuple(_reasons(known, row, other, signs, shared, side.own, theirs)),
    )


def _duplicate(known: Known, row: int, other: int, signs: Floats, shared: int, own: int, theirs: int) -> Duplicate | None:
    """What one is of the other, where their columns are the same and names say it, or where it cannot be chance."""
    if not shared or signs[2] < SAME:
        return None
    alike = known.plain[row] == known.plain[other]
    # one that was made before the other got more columns, or lost some
    older = alike and shared == min(own, theirs) >= FEW_COLUMNS and 2 * shared >= max(own, theirs)
    if shared < SAME * (own + theirs - shared) and not older:
        return None
    if alike:
        names = known.names[row], known.names[other]
        marks = without_marks(names[0].parts[-1])[1] | without_marks(names[1].parts[-1])[1]
        same_place = names[0].parts[:-1] == names[1].parts[:-1]
        if Mark.COPY in marks or (not same_place and Mark.DATE not in marks):
            return Duplicate.COPY
        return Duplicate.SHARD if Mark.DATE in marks else Duplicate.VERSION
    return Duplicate.SAME_COLUMNS if shared >= FEW_COLUMNS and shared == own == theirs and signs[2] == 1.0 else None


def _reasons(known: Known, row: int, other: int, signs: Floats, shared: int, own: int, theirs: int) -> Iterator[Reason]:
    if shared:
        which = f"all {own} columns" if shared == own else f"{shared} of the {own} columns"
        types = ", of the same types" if signs[2] == 1.0 else ""
        more = f"and {theirs - shared} more" if theirs > shared else "and no others"
        yield Reason("shared", f"has {which}{types}, {more}", round(float(signs[0]), 4))
    names = known.names[row].parts[-1].lower(), known.names[other].parts[-1].lower()
    if names[0] == names[1]:
        yield Reason("name", "it has the same name in another place", 1.0)
    elif known.plain[row] == known.plain[other]:
        yield Reason("name", "its name differs only by a date, a version or a word such as copy or old", 1.0)
    elif signs[3] >= 0.4:
        yield Reason("name", "its name has words in common", float(signs[3]))
    words = _same_words(known.records[row], known.records[other])
    if words == 1.0:
        yield Reason("comment", "its description is the same", 1.0)
    elif words >= 0.5:
        yield Reason("comment", "its description is nearly the same", round(words, 4))
    elif signs[4] >= 0.5:
        yield Reason("text", "its description and columns read alike", float(signs[4]))
