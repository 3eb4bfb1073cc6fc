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
from services.indexer.text.document import Record
from services.indexer.text.tokens import split_identifier

ENOUGH = 4
"""A table with so many columns and keys has what may be asked for; with more of them nothing was found to follow."""
_STATUS = {"endorsed": 1.0, "warned": -0.5, "deprecated": -1.0}
COPY_WORDS = frozenset({"bak", "backup", "bkp", "old", "copy", "tmp", "temp", "dup", "orig", "deprecated"})
"""Words that people put into the names of tables they keep beside the real one."""
_CENTURIES = ("19", "20")
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
        rows = tables[here] - part.offset
        read = _read(part.segment)
        for row in rows[np.isnan(read[rows, 0])].tolist():
            read[row] = _numbers(part.segment.records[row])
        found[here] = read[rows]
    return Traits(found[:, 0], found[:, 1], found[:, 2])


def thin(columns: NDArray[np.float64], keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each table lacks to be asked for, 0 or below: -0.5 for an id and a name without any key, which answer few questions.

    A table that keys lead to or from connects others, whatever columns it has.

    Args:
        columns: as in `Traits`.
        keys: how many lead to it or from it.

    """
    return np.asarray(np.minimum(columns + keys, ENOUGH) / ENOUGH - 1.0, dtype=np.float64)


@lru_cache(maxsize=65_536)
def looks_like_a_copy(name: str) -> bool:
    """Whether a table's name says that it stands beside the real one: `orders_bak`, `tmp_orders`, `orders_20240131`."""
    lower = name.lower()
    # most names have nothing of either: splitting them is not needed
    if not any(word in lower for word in (*_CENTURIES, *COPY_WORDS)):
        return False
    return bool(_DATE_SUFFIX.search(name)) or any(word.lower() in COPY_WORDS for word in split_identifier(name))


def _read(segment: Segment) -> NDArray[np.float32]:
    """What was read of a segment so far, a row a table; remembered with it, which never changes."""
    known = segment.facet_codes.get("traits")
    if not isinstance(known, np.ndarray):
        known = np.full((len(segment), 3), _UNREAD, dtype=np.float32)
        segment.facet_codes["traits"] = known
    return known


def _numbers(record: Record) -> tuple[float, float, int]:
    columns = 1 if record.kind is Kind.EXPOSURE else min(len(record.columns) or ENOUGH, ENOUGH)
    return float(looks_like_a_copy(record.parts[-1])), _STATUS.get(record.status or "", 0.0), columns
