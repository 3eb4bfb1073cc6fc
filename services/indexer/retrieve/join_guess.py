"""Joins that no key declares: columns of two tables whose names and types say that one refers to the other.

Journey 2, for answer sets. Conservative, and always marked as inferred; how likely such a guess is a real key was counted
on pools whose declared keys were taken away (`bench/answer_sets.py`). Only statistics of the view are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from services.indexer.text.document import Record
from services.indexer.text.tokens import words
from services.indexer.text.type_family import joinable

KEY_WORDS = frozenset(
    {"id", "key", "code", "no", "num", "nr", "number", "sk", "fk", "pk", "uid", "uuid", "guid", "ref", "barcode"}
)
"""Words that end the names of columns which identify something; stems as `tokens` makes them."""
_GENERIC = frozenset({"name", "date", "type", "status", "description", "title", "year", "time", "value", "count", "address"})
"""Words that name a property of nearly anything: equal columns of them join nothing."""
KINDS = ("primary_key", "table_and_id", "shared_id", "table", "shared_name")
"""The rules, strongest first: the name of a declared primary key · the other table's name and a word such as `id` · a name
that ends so in both · the other table's name alone · a rare name of several words in both."""
RARE = 0.02
"""A name without a word such as `id` joins only where at most this share of tables, or ten, have it."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Columns of two tables that may be joined on.

    Attributes:
        one, other: the columns, of the first and of the second table.
        kind: which rule says so, one of `KINDS`.
        spread: how many seen columns have the name; few say more.
        leads: whether the column stands first in one of the tables, or is its key.

    """

    one: str
    other: str
    kind: str
    spread: int
    leads: bool


class _Column(NamedTuple):  # made by the thousand
    table: int
    name: str
    family: str
    leads: bool
    is_key: bool


def guesses(records: Sequence[Record], spread: Mapping[str, int], n_tables: int) -> dict[tuple[int, int], Guess]:
    """The best guess for each pair of some tables that any rule speaks for, by their places, the smaller first.

    Args:
        records: the tables; their restricted columns are not looked at.
        spread: for column names in lower case, how many seen columns have them.
        n_tables: how many tables are seen.

    """
    by_words: dict[tuple[str, ...], list[_Column]] = defaultdict(list)
    for at, record in enumerate(records):
        for column, called in _columns(at, record):
            by_words[called].append(column)
    best: dict[tuple[int, int], Guess] = {}
    for one, other, kind in _pairs(records, by_words, spread, n_tables):
        if one.table == other.table or not joinable(one.family, other.family):
            continue
        first, second = (one, other) if one.table < other.table else (other, one)
        many = max(spread.get(one.name.lower(), 1), 1)
        found = Guess(first.name, second.name, kind, many, one.leads or other.leads)
        pair = (first.table, second.table)
        if pair not in best or _strength(found) < _strength(best[pair]):
            best[pair] = found
    return best


def _strength(one: Guess) -> tuple[int, bool, int, str, str]:
    return KINDS.index(one.kind), not one.leads, one.spread, one.one, one.other


def _pairs(
    records: Sequence[Record],
    by_words: Mapping[tuple[str, ...], Sequence[_Column]],
    spread: Mapping[str, int],
    n_tables: int,
) -> Iterator[tuple[_Column, _Column, str]]:
    """Columns that a rule joins; columns of one table among them."""
    called: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, record in enumerate(records):
        called[words_of(record.parts[-1])].append(at)
    first_words = {words_[0] for words_ in called if words_}
    for words_, columns in by_words.items():
        if len(columns) > 1:
            yield from _shared(words_, columns, spread, n_tables)
        for table in called.get(words_, ()):
            yield from ((one, key, "table") for one in columns for key in _keys(records[table], table))
        for cut in range(1, len(words_)) if words_ and words_[0] in first_words else ():
            if words_[:cut] in called and KEY_WORDS.issuperset(words_[cut:]):
                targets = [*by_words.get(words_[cut:], ()), *columns]
                for table in called[words_[:cut]]:
                    theirs = [other for other in targets if other.table == table]
                    yield from ((one, other, "table_and_id") for one in columns for other in theirs)


def _shared(
    words_: tuple[str, ...], columns: Sequence[_Column], spread: Mapping[str, int], n_tables: int
) -> Iterator[tuple[_Column, _Column, str]]:
    if not words_:
        return
    only_key_words = KEY_WORDS.issuperset(words_)
    if words_[-1] in KEY_WORDS and not only_key_words:
        kind = "shared_id"
    elif not only_key_words and len(words_) > 1 and not _GENERIC & set(words_):
        rare = max(spread.get(one.name.lower(), 1) for one in columns) <= max(10, RARE * n_tables)
        kind = "shared_name" if rare else ""
    else:
        kind = ""
    for at, one in enumerate(columns):
        for other in columns[at + 1 :]:
            if not only_key_words and (one.is_key or other.is_key):
                yield one, other, "primary_key"
            elif kind:
                yield one, other, kind


def _columns(at: int, record: Record) -> Iterable[tuple[_Column, tuple[str, ...]]]:
    key = record.primary_key[0] if len(record.primary_key) == 1 else None
    first = None if record.primary_key or not record.columns else record.columns[0]
    for name, family, hidden in zip(record.columns, record.types, record.restricted, strict=True):
        if not hidden:
            yield _Column(at, name, family, name in (key, first), name == key), words_of(name)


def _keys(record: Record, at: int) -> list[_Column]:
    """Its key, or where none is declared its first column."""
    return [column for column, _ in _columns(at, record) if column.leads][:1]


@lru_cache(maxsize=65_536)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, stemmed, without the number that tells clashing names apart (`people_3`)."""
    every = tuple(words(name))
    return every[:-1] if len(every) > 1 and every[-1].isdigit() else every
