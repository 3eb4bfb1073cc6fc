"""Copies, backups, date shards and near-duplicates under one hit, for those who ask for it.

Journey 2, between ranking and the page. Two tables stand together if their names are the same but for what marks a copy,
a date or a number, and most of their columns are the same; the original stands for all of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from services.common.model.search import MAX_FOLDED, Hit
from services.indexer.retrieve.found import Found
from services.indexer.retrieve.rank import NAME_STEP
from services.indexer.retrieve.traits import COPY_WORDS, looks_like_a_copy
from services.indexer.retrieve.view import View
from services.indexer.text.document import Record
from services.indexer.text.tokens import split_identifier

SAME_COLUMNS = 0.8
"""Tables of one name stand together from this share of common columns on (Jaccard): a shard that gained a column or two
still does, two tables `items` of different shops do not.
"""


def folded(view: View, found: Found) -> Found:
    """The same answer with tables that belong together under the best of their originals; columns stay as they are.

    A group stands where its first table stood. What matched, and with it totals and facets, stays.
    """
    groups: list[list[int]] = []
    of_name: dict[str, list[int]] = {}
    for position in found.order.tolist():
        table = int(found.tables[position])
        record = view.record(table) if table >= 0 else None
        fitting = of_name.setdefault(base_name(record.parts[-1]), []) if record is not None else []
        home = next((g for g in fitting if record and _alike(record, view.record(int(found.tables[groups[g][0]])))), None)
        if home is None:
            fitting.append(len(groups))
            groups.append([position])
        else:
            groups[home].append(position)
    heads = [_head(view, found, group) for group in groups]
    under = {head: [at for at in group if at != head] for head, group in zip(heads, groups, strict=True)}
    return replace(
        found, order=np.asarray(heads, dtype=np.int64), hit=lambda at: _with_folded(view, found, at, under.get(at, []))
    )


@lru_cache(maxsize=65_536)
def base_name(name: str) -> str:
    """A table's name without what marks a copy, a date or a shard: `tmp_orders_20310131` → orders."""
    pieces = [piece.lower() for piece in split_identifier(name)]
    while len(pieces) > 1 and pieces[-1].isdigit():
        pieces.pop()
    kept = [piece for piece in pieces if piece not in COPY_WORDS]
    return " ".join(kept or pieces)


def _alike(one: Record, other: Record) -> bool:
    mine, theirs = ({name.lower() for name in record.columns} for record in (one, other))
    if one.kind is not other.kind:
        return False
    return len(mine & theirs) >= SAME_COLUMNS * len(mine | theirs)


def _head(view: View, found: Found, group: list[int]) -> int:
    """The first original; the first of all where that was named, or where all are copies."""
    if len(group) == 1 or found.scores[group[0]] >= NAME_STEP / 2:
        return group[0]
    names = [view.record(int(found.tables[at])).parts[-1] for at in group]
    return next((at for at, name in zip(group, names, strict=True) if not looks_like_a_copy(name)), group[0])


def _with_folded(view: View, found: Found, position: int, others: list[int]) -> Hit:
    ids = tuple(view.record(int(found.tables[at])).id for at in others[:MAX_FOLDED])
    return replace(found.hit(position), folded=ids, n_folded=len(others))
