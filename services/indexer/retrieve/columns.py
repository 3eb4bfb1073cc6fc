"""Columns as hits in their own right, restricted ones included: by their words and their meaning.

Journey 2, for `kind=column`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.search import Hit, Reason
from services.indexer.retrieve.candidates import DEPTH, best_by_words
from services.indexer.retrieve.column_names import MAX_NAMED, columns_named
from services.indexer.retrieve.dense import column_cosines, nearest_columns
from services.indexer.retrieve.found import Found, Matched
from services.indexer.retrieve.lexical import Alternatives, match_columns
from services.indexer.retrieve.rank import NAME_STEP
from services.indexer.retrieve.tables import DENSE_FLOOR, answerable
from services.indexer.retrieve.view import View
from services.indexer.text.document import Record

WORDS = 0.5
"""Weight of shared words against 1 for the cosine, as for tables: column texts are short, so words say more."""


def column_hits(
    view: View, text: str, terms: tuple[str, ...], alternatives: Alternatives, vector: NDArray[np.float32] | None
) -> Found:
    """The columns of a view for a question, ranked."""
    matches = match_columns(view, terms, alternatives)
    found = [best_by_words(matches, lambda rows: [_column_id(view, column) for column in rows.tolist()])]
    named = columns_named(view, text, matches.unknown)
    if len(named) <= MAX_NAMED:
        found.append(np.asarray(list(named), dtype=np.int64))
    if vector is not None:
        found.append(nearest_columns(view, vector, DEPTH, restricted=True))
    columns = np.unique(np.concatenate(found))
    cosines = column_cosines(view, vector, columns) if vector is not None else np.zeros(len(columns))
    words = matches.scores[columns]
    scaled = words / max(float(words.max(initial=0.0)), 1e-9)
    names = NAME_STEP * np.asarray([named.get(column, 0.0) for column in columns.tolist()])
    kept = (words > 0) | (cosines >= DENSE_FLOOR) | (names > 0)
    columns, cosines, scaled, names = columns[kept], cosines[kept], scaled[kept], names[kept]
    scores = np.round(WORDS * scaled + cosines + names, 6)
    keys = [_column_id(view, column) for column in columns.tolist()]
    order = np.lexsort((np.asarray(keys, dtype=str), -scores)).astype(np.int64)
    mask = matches.scores > 0
    mask[columns] = True

    def hit(position: int) -> Hit:
        spoke = (float(names[position]), float(WORDS * scaled[position]), float(cosines[position]))
        return _hit(view, int(columns[position]), float(scores[position]), *spoke)

    best = int(order[0]) if len(order) else -1
    sure = 1.0 if best >= 0 and names[best] == NAME_STEP else _answerable(cosines, best, matches.coverage[columns])
    none = np.full(len(columns), -1, dtype=np.int64)
    return Found(order, scores, keys, none, Matched.of_columns(view, mask), hit, sure)


def _answerable(cosines: NDArray[np.float64], best: int, coverage: NDArray[np.float64]) -> float:
    if best < 0:
        return 0.0
    lead = float(cosines.max() - np.sort(cosines)[::-1][:10].mean())
    return answerable(float(cosines[best]), lead, float(coverage[best]))


def _column_id(view: View, column: int) -> str:
    record, at = _column(view, column)
    return str(record.column_ids[at])


def _column(view: View, column: int) -> tuple[Record, int]:
    """The record of a column's table, and which of its columns it is."""
    part, row = view.locate_column(column)
    table = int(part.segment.owner[row])
    return part.segment.records[table], row - int(part.segment.column_start[table])


def _hit(view: View, column: int, score: float, name: float, words: float, cosine: float) -> Hit:
    record, at = _column(view, column)
    told = (
        Reason("column_name", "its name is what you typed", round(name, 4)),
        Reason("words", "shares words with the question", round(words, 4)),
        Reason("meaning", "what it is about is close to the question", round(cosine, 4)),
    )
    why = tuple(sorted((reason for reason in told if reason.contribution), key=lambda reason: -reason.contribution))
    return Hit(str(record.column_ids[at]), record.id, Kind.COLUMN, score, why, (record.columns[at],))
