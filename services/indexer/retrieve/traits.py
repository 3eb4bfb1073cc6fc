"""What a table's record says for or against it whatever is asked, as numbers: read once a table, when it is first a candidate.

Journey 2, step "features". A question has hundreds of candidates, and the same tables come again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.indexer.index.segment import Segment
from services.indexer.retrieve.view import View
from services.indexer.text.tokens import split_identifier

ENOUGH = 4
"""A table with so many columns and keys has what may be asked for; with more of them nothing was found to follow."""
_STATUS = {"endorsed": 1.0, "warned": -0.5, "deprecated": -1.0}
COPY_WORDS = frozenset({"bak", "backup", "bkp", "old", "copy", "tmp", "temp", "dup", "orig", "deprecated"})
"""Words that people put into the names of tables they keep beside the real one."""
_MAY_BE_ONE = re.compile("|".join(("19", "20", *sorted(COPY_WORDS))))
_DATE_SUFFIX = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-3]\d)?$|_(19|20)\d{2}_\d{2}(_\d{2})?$")
_UNREAD = np.float32(np.nan)


@dataclass(frozen=True)
class Traits:
    """Of some tables, float64 (n,) each.

    Attributes:
        copy: 1 where the name looks like a copy, else 0.
        status: what people's status of it says: 1 to -1, 0 where there is none.
        columns: how many columns speak for asking it, at most `ENOUGH`; as many for one of which no column is known, which may
            hold anything, and 1 for an exposure, which shows what tables hold and stands behind them where both fit alike.

    """

    copy: NDArray[np.float64]
    status: NDArray[np.float64]
    columns: NDArray[np.float64]


def traits_of(view: View, tables: NDArray[np.int64]) -> Traits:
    """The traits of some tables of a view."""
    found = np.zeros((len(tables), 3))
    for part in view.parts:
        here = np.flatnonzero((tables >= part.offset) & (tables < part.offset + len(part.segment)))
        found[here] = _read(part.segment, tables[here] - part.offset)
    return Traits(found[:, 0], found[:, 1], found[:, 2])


def thin(columns: NDArray[np.float64], keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each table lacks to be asked for, 0 or below: -0.5 for an id and a name without any key, which answer few questions.

    A table that keys lead to or from connects others, whatever columns it has.

    Args:
        columns: as in `Traits`.
        keys: how many lead to it or from it.

    """
    return np.asarray(np.minimum(columns + keys, ENOUGH) / ENOUGH - 1.0, dtype=np.float64)


@lru_cache(maxsize=2_048)
def looks_like_a_copy(name: str) -> bool:
    """Whether a table's name says that it stands beside the real one: `orders_bak`, `tmp_orders`, `orders_20240131`."""
    lower = name.lower()
    # most names have nothing of a date or such a word: splitting them is not needed
    if _MAY_BE_ONE.search(lower) is None:
        return False
    return bool(_DATE_SUFFIX.search(name)) or any(word.lower() in COPY_WORDS for word in split_identifier(name))


def _read(segment: Segment, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The traits of some tables of a segment, float32 (rows, 3); what was read is remembered with it, which never changes."""
    known = segment.kept.get("traits")
    if not isinstance(known, np.ndarray):
        known = np.full((len(segment), 3), _UNREAD, dtype=np.float32)
        known[:, 1] = _standing(segment)
        known[:, 2] = _columns(segment)
        segment.kept["traits"] = known
    for row in rows[np.isnan(known[rows, 0])].tolist():
        known[row, 0] = looks_like_a_copy(segment.own_names[row])
    found: NDArray[np.float32] = known[rows]
    return found


def _standing(segment: Segment) -> NDArray[np.float32]:
    """What people's status says of each table of a segment, float32 (tables,)."""
    index = segment.facets["status"]
    out = np.zeros(len(segment), dtype=np.float32)
    out[index.rows] = np.asarray([_STATUS.get(value, 0.0) for value in index.values], dtype=np.float32)[index.codes]
    return out


def _columns(segment: Segment) -> NDArray[np.float32]:
    """How many columns of each table of a segment speak for asking it, see `Traits.columns`, float32 (tables,)."""
    widths = np.diff(segment.column_start)
    out = np.where(widths > 0, np.minimum(widths, ENOUGH), ENOUGH).astype(np.float32)
    out[segment.facets["kind"].having(frozenset({Kind.EXPOSURE.value}))] = 1.0
    return out
