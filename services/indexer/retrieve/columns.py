"""Columns as hits in their own right, restricted ones included: by their words and their meaning.

Journey 2, for `kind=column`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.search import Hit, Reason
from services.indexer.index.distinct import distinct
from services.indexer.retrieve.candidates import DEPTH, best_by_words
from services.indexer.retrieve.column_names import MAX_NAMED, columns_named
from services.indexer.retrieve.dense import column_cosines, nearest_columns, nearest_tables, table_cosines
from services.indexer.retrieve.found import Found, Matched
from services.indexer.retrieve.lexical import Alternatives, Matches, match_columns, match_tables
from services.indexer.retrieve.rank import NAME_STEP
from services.indexer.retrieve.tables import DENSE_FLOOR, answerable
from services.indexer.retrieve.view import View
from services.indexer.text.document import Record

WORDS = 1.0
"""Weight of shared words against 1 for the cosine: column texts are short, so words say more."""
TABLE, TABLE_WORDS = 0.2, 0.5
"""Weights of what the column's table is about, and of the words that it shares with the question: columns are called and
described alike in many tables. Chosen with `WORDS` by `bench/documented_columns.py --seed 1`, another sample than it reports."""
_REASONS = (
    ("column_name", "its name is what you typed"),
    ("words", "shares words with the question"),
    ("meaning", "it is about what the question asks"),
    ("table", "its table is close to the question"),
)
NEAR_TABLES = 20
"""The columns of so many tables nearest to the question are candidates too."""


@dataclass(frozen=True)
class Numbers:
    """What speaks for some columns of a view, float64 (n,) each.

    Attributes:
        columns: numbers in the view, int64 (n,), ascending.
        cosines: of the column's own text.
        words: the words that it shares with the question, 1 for the column that shares most.
        names: how closely the question names it.
        table: the cosine of its table's text.
        table_words: what its table shares with the question, as a share of what the question weighs.

    """

    columns: NDArray[np.int64]
    cosines: NDArray[np.float64]
    words: NDArray[np.float64]
    names: NDArray[np.float64]
    table: NDArray[np.float64]
    table_words: NDArray[np.float64]

    @property
    def contributions(self) -> NDArray[np.float64]:
        """What each adds to the score: name, words, meaning, table; float64 (n, 4)."""
        table = TABLE * self.table + TABLE_WORDS * self.table_words
        return np.column_stack([NAME_STEP * self.names, WORDS * self.words, self.cosines, table])

    def only(self, kept: NDArray[np.bool_]) -> Numbers:
        """Those of some of the columns."""
        return Numbers(*(getattr(self, field.name)[kept] for field in fields(self)))


def column_hits(
    view: View, text: str, terms: tuple[str, ...], alternatives: Alternatives, vector: NDArray[np.float32] | None
) -> Found:
    """The columns of a view for a question, ranked."""
    matches = match_columns(view, terms, alternatives)
    by_table = match_tables(view, terms, alternatives)
    numbers = numbers_of(view, text, matches, by_table, vector)
    columns, contributions = numbers.columns, numbers.contributions
    scores = np.round(contributions.sum(axis=1), 6)
    keys = [_column_id(view, column) for column in columns.tolist()]
    order = np.lexsort((np.asarray(keys, dtype=str), -scores)).astype(np.int64)
    mask = matches.scores > 0
    mask[columns] = True
    best = int(order[0]) if len(order) else -1
    sure = 1.0 if best >= 0 and numbers.names[best] == 1.0 else _answerable(numbers.cosines, best, matches.read(columns))
    none = np.full(len(columns), -1, dtype=np.int64)

    def hit(position: int) -> Hit:
        return _hit(view, int(columns[position]), float(scores[position]), contributions[position])

    return Found(order, scores, keys, none, Matched.of_columns(view, mask), hit, sure)


def numbers_of(view: View, text: str, matches: Matches, by_table: Matches, vector: NDArray[np.float32] | None) -> Numbers:
    """The candidates among a view's columns: by words, by meaning, by name, and those of the nearest tables."""
    found = [best_by_words(matches, lambda rows: [_column_id(view, column) for column in rows.tolist()])]
    named = columns_named(view, text, matches.unseen)
    if len(named) <= MAX_NAMED:
        found.append(np.asarray(list(named), dtype=np.int64))
    if vector is not None:
        found += [nearest_columns(view, vector, DEPTH, restricted=True), _of_near_tables(view, vector)]
    columns = distinct(found)
    tables, owner = np.unique(_owners(view, columns), return_inverse=True)
    words = matches.scores[columns]
    none = np.zeros(len(columns))
    numbers = Numbers(
        columns=columns,
        cosines=none if vector is None else column_cosines(view, vector, columns),
        words=words / max(float(words.max(initial=0.0)), 1e-9),
        names=np.asarray([named.get(column, 0.0) for column in columns.tolist()], dtype=np.float64),
        table=none if vector is None else table_cosines(view, vector, tables)[owner],
        table_words=(by_table.scores[tables] / by_table.weight)[owner],
    )
    return numbers.only((words > 0) | (numbers.cosines >= DENSE_FLOOR) | (numbers.names > 0))


def _of_near_tables(view: View, vector: NDArray[np.float32]) -> NDArray[np.int64]:
    """The best columns of the tables nearest to a question, restricted ones included; all that are as near as the last one."""
    tables = nearest_tables(view, vector, NEAR_TABLES)
    found = [np.zeros(0, dtype=np.int64)]
    for part in view.parts:
        start = part.segment.column_start
        rows = tables[(tables >= part.offset) & (tables < part.offset + len(part.segment))] - part.offset
        here = [np.flatnonzero(part.columns[start[row] : start[row + 1]]) + start[row] for row in rows.tolist()]
        found += [columns.astype(np.int64) + part.column_offset for columns in here]
    columns: NDArray[np.int64] = np.concatenate(found)
    if len(columns) <= DEPTH:
        return columns
    cosines = column_cosines(view, vector, columns)
    least = np.partition(cosines, len(cosines) - DEPTH)[len(cosines) - DEPTH]
    near: NDArray[np.int64] = columns[cosines >= least]
    return near


def _owners(view: View, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The table of each of some columns, numbered as in the view."""
    out = np.zeros(len(columns), dtype=np.int64)
    for part in view.parts:
        here = (columns >= part.column_offset) & (columns < part.column_offset + part.segment.n_columns)
        out[here] = part.segment.owner[columns[here] - part.column_offset].astype(np.int64) + part.offset
    return out


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


def _hit(view: View, column: int, score: float, contributions: NDArray[np.float64]) -> Hit:
    record, at = _column(view, column)
    told = (Reason(name, text, round(float(part), 4)) for (name, text), part in zip(_REASONS, contributions, strict=True))
    why = tuple(sorted((reason for reason in told if reason.contribution), key=lambda reason: -abs(reason.contribution)))
    return Hit(str(record.column_ids[at]), record.id, Kind.COLUMN, score, why, (record.columns[at],))
