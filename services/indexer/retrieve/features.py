"""What speaks for a candidate, as numbers: words, meaning, best columns, its database, its name, what people say.

Journey 2, step "ranked with features". All of it is taken inside the view, so that hidden tables move nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve.dense import BestColumns
from services.indexer.retrieve.lexical import Matches
from services.indexer.retrieve.names import Named
from services.indexer.retrieve.spelling import Spelled
from services.indexer.retrieve.view import View
from services.indexer.text.document import Record
from services.indexer.text.tokens import split_identifier

FEATURES = (
    "full_name",
    "partial_name",
    "column_name",
    "fuzzy_name",
    "words",
    "meaning",
    "columns",
    "database",
    "copy",
    "status",
)
"""The features in the order of the matrix's columns."""
_STATUS = {"endorsed": 1.0, "warned": -0.5, "deprecated": -1.0}
_DATABASE_TABLES = 3
"""A database's evidence is the mean of its three best tables: one lucky table does not make a database fit."""
COPY_WORDS = frozenset({"bak", "backup", "bkp", "old", "copy", "tmp", "temp", "dup", "orig", "deprecated"})
"""Words that people put into the names of tables they keep beside the real one."""
_DATE_SUFFIX = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-3]\d)?$|_(19|20)\d{2}_\d{2}(_\d{2})?$")


@dataclass(frozen=True)
class Candidates:
    """Tables to be ranked.

    Attributes:
        tables: numbers in the view, int64 (n,), ascending.
        features: float64 (n, len(FEATURES)).
        cosines: the table's own cosine, float64 (n,).
        best: their best columns; None where there is no query vector.

    """

    tables: NDArray[np.int64]
    features: NDArray[np.float64]
    cosines: NDArray[np.float64]
    best: BestColumns | None

    def only(self, keep: Sequence[bool]) -> Candidates:
        """Some of the candidates; statistics over all of them (databases, the best words) stay as they are."""
        kept = np.flatnonzero(np.asarray(keep, dtype=np.bool_))
        best = self.best.only(kept) if self.best is not None else None
        return Candidates(self.tables[kept], self.features[kept], self.cosines[kept], best)


def features_of(
    view: View,
    tables: NDArray[np.int64],
    matches: Matches,
    named: Named,
    spelled: Spelled,
    cosines: NDArray[np.float64] | None,
    best: BestColumns | None,
) -> Candidates:
    """The features of some tables of a view."""
    records = view.records(tables)
    # BM25 grows with the question's length; as a share of what the question weighs it is comparable with a cosine,
    # and a question of which only a common word is known gains little by it
    words = matches.scores[tables] / matches.weight
    meaning = cosines if cosines is not None else np.zeros(len(tables))
    columns = best.mean if best is not None else np.zeros(len(tables))
    numbers = tables.tolist()
    matrix = (
        np.column_stack(
            [
                np.asarray([float(table in named.full) for table in numbers]),
                np.asarray([float(table in named.partial) for table in numbers]),
                np.asarray([float(table in named.column) for table in numbers]),
                np.asarray([spelled.closeness.get(table, 0.0) for table in numbers]),
                words,
                meaning,
                columns,
                _database(records, words + meaning + columns),
                np.asarray([float(looks_like_a_copy(record.parts[-1])) for record in records]),
                np.asarray([_STATUS.get(record.status or "", 0.0) for record in records]),
            ]
        )
        if len(tables)
        else np.zeros((0, len(FEATURES)))
    )
    return Candidates(tables, matrix, meaning, best)


@lru_cache(maxsize=65_536)
def looks_like_a_copy(name: str) -> bool:
    """Whether a table's name says that it stands beside the real one: `orders_bak`, `tmp_orders`, `orders_20240131`."""
    return bool(_DATE_SUFFIX.search(name)) or any(word.lower() in COPY_WORDS for word in split_identifier(name))


def _database(records: Sequence[Record], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The evidence of each candidate's whole database; 0 where there is only one."""
    groups: dict[tuple[str, str], list[int]] = {}
    for row, record in enumerate(records):
        groups.setdefault((record.source, record.parts[0] if len(record.parts) > 1 else ""), []).append(row)
    out = np.zeros(len(records))
    if len(groups) < 2:
        return out
    for rows in groups.values():
        out[rows] = np.sort(evidence[rows])[::-1][:_DATABASE_TABLES].sum() / _DATABASE_TABLES
    return out
