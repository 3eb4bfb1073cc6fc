"""Conditions evaluated: a tree becomes a mask over a segment's tables and one over its columns.

Journey 2, step "scope and filters": masks go into the view, so that totals, facets, statistics and the cut all agree.
A column fulfils what its table does, except that its kind is `column`, its name is its own, and its words are its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.conditions import AllOf, AnyOf, Condition, Having, Not, Saying, Subject, Updated, fitting, leaves
from services.indexer.index.postings import Postings
from services.indexer.index.segment import Segment
from services.indexer.retrieve.phrases import columns_saying, tables_saying
from services.indexer.text.tokens import content_words, words

Masks: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Which tables and which columns of a segment: bool (tables,), bool (columns,)."""


def fulfilling(segment: Segment, condition: Condition, today: dt.date) -> Masks:
    """Which tables and columns of a segment fulfil a condition; ages are counted from `today`, in UTC."""
    match condition:
        case Not(inner):
            tables, columns = fulfilling(segment, inner, today)
            return ~tables, ~columns
        case AllOf(of):
            return _together(np.logical_and, [fulfilling(segment, one, today) for one in of])
        case AnyOf(of):
            return _together(np.logical_or, [fulfilling(segment, one, today) for one in of])
        case Having():
            return _having(segment, condition)
        case Updated():
            return _of_tables(segment, _updated(segment, condition, today))
        case Saying():
            return _saying(segment, condition)


def asks_for_columns(condition: Condition | None) -> bool:
    """Whether a condition names the kind `column`, so that columns are looked for too."""
    if condition is None:
        return False
    return any(
        isinstance(one, Having) and one.subject is Subject.KIND and fitting(one.values)(Kind.COLUMN.value)
        for one, negated in leaves(condition)
        if not negated
    )


def depends_on_day(condition: Condition | None) -> bool:
    """Whether a condition counts days from today."""
    ends = leaves(condition) if condition is not None else ()
    return any(isinstance(one, Updated) and (one.within_days, one.before_days) != (None, None) for one, _ in ends)


def _together(joined: np.ufunc, masks: list[Masks]) -> Masks:
    return reduce(joined, [tables for tables, _ in masks]), reduce(joined, [columns for _, columns in masks])


def _of_tables(segment: Segment, tables: NDArray[np.bool_]) -> Masks:
    return tables, tables[segment.owner]


def _having(segment: Segment, condition: Having) -> Masks:
    fit = fitting(condition.values)
    match condition.subject:
        case Subject.KIND:
            tables = segment.facets["kind"].fitting(fit)
            return tables, np.full(segment.n_columns, fit(Kind.COLUMN.value), dtype=np.bool_)
        case Subject.NAME:
            return _named(segment, condition.values), _columns_named(segment, fit)
        case Subject.COLUMN:
            columns = _columns_named(segment, fit)
            tables = np.zeros(len(segment), dtype=np.bool_)
            tables[segment.owner[columns & ~segment.restricted]] = True
            return tables, columns
        case subject:
            return _of_tables(segment, segment.facets[subject.value].fitting(fit))


def _named(segment: Segment, values: tuple[str, ...]) -> NDArray[np.bool_]:
    """Tables whose name, or the end of whose qualified name, is or fits one of some values."""
    fit = fitting(values)
    mask = np.zeros(len(segment), dtype=np.bool_)
    rows: Iterable[int] = range(len(segment))
    if all("*" not in value for value in values):
        rows = {row for value in values for row in segment.rows_by_name.of(value.lower().rpartition(".")[2])}
    lengths = {value.count(".") + 1 for value in values}
    named = (
        zip(rows, segment.qualified, strict=True) if isinstance(rows, range) else ((r, segment.qualified[r]) for r in rows)
    )
    for row, name in named:
        pieces = name.split(".")
        mask[row] = any(fit(".".join(pieces[-n:])) for n in lengths if n <= len(pieces))
    return mask


def _columns_named(segment: Segment, fit: Callable[[str], bool]) -> NDArray[np.bool_]:
    names, codes = segment.column_names
    fits = np.fromiter((fit(name) for name in names), dtype=np.bool_, count=len(names))
    return fits[codes] if len(codes) else np.zeros(0, dtype=np.bool_)


def _updated(segment: Segment, condition: Updated, today: dt.date) -> NDArray[np.bool_]:
    day, now = segment.updated, today.toordinal()
    mask = day > 0
    if condition.since is not None:
        mask = mask & (day >= condition.since.toordinal())
    if condition.until is not None:
        mask = mask & (day < condition.until.toordinal())
    if condition.within_days is not None:
        mask = mask & (day >= now - condition.within_days) & (day <= now + 1)  # clocks differ, but not by years
    if condition.before_days is not None:
        mask = mask & (day <= now - condition.before_days)
    return mask


def _saying(segment: Segment, condition: Saying) -> Masks:
    wanted = tuple(words(condition.text) if condition.phrase else content_words(condition.text))
    indexed = tuple(dict.fromkeys(content_words(condition.text)))
    if not wanted:
        return np.zeros(len(segment), dtype=np.bool_), np.zeros(segment.n_columns, dtype=np.bool_)
    tables, columns = _with_words(segment.words, indexed), _with_words(segment.column_words, indexed)
    if condition.phrase:
        tables = tables_saying(segment, wanted, tables)
        columns = columns_saying(segment, wanted, columns, _with_words(segment.column_words, indexed, field=1))
    return tables, columns


def _with_words(postings: Postings, wanted: tuple[str, ...], field: int | None = None) -> NDArray[np.bool_]:
    """Which documents have all of some words, in one field or anywhere."""
    mask = np.ones(postings.n_docs, dtype=np.bool_)
    for word in wanted:
        here = np.zeros(postings.n_docs, dtype=np.bool_)
        found = postings.find(word)
        if found is not None:
            docs, tf = found
            here[docs if field is None else docs[tf[:, field] > 0]] = True
        mask &= here
    return mask
