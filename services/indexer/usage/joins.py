"""The columns to join two tables on: as keys declare, as queries did, or as names and types suggest, the surest first.

Journey 2, "used together", for each item of an answer. Restricted columns are never named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from services.common.model.search import Evidence, Join
from services.indexer.retrieve.answer_joins import WORTH_TELLING, confidence, declared_join, guessed_join
from services.indexer.retrieve.join_guess import guesses
from services.indexer.text.document import Record
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Ints

MOST = 3
"""Joins told of an item."""


def joins_between(reading: Reading, basket: Ints, row: int, statements: Sequence[int]) -> tuple[Join, ...]:
    """Joins of the tables of a basket with one other; in each the basket's table is `one`."""
    found = [join for mine in basket.tolist() for join in _joins(reading, mine, row, statements)]
    found.sort(key=lambda join: (join.evidence is Evidence.INFERRED, -join.confidence, join.one, join.on))
    return tuple(found[:MOST])


def _joins(reading: Reading, one: int, other: int, statements: Sequence[int]) -> Iterator[Join]:
    known = reading.known
    first, second = known.records[one], known.records[other]
    declared = list(_declared(first, second)) if first is not None and second is not None else []
    yield from declared
    keys = {frozenset(join.on) for join in declared}
    seen = list(_observed(reading, one, other, statements))
    yield from (join for join in seen if frozenset(join.on) not in keys)
    if not declared and not seen and first is not None and second is not None:
        yield from _guessed(reading, first, second)


def _declared(first: Record, second: Record) -> Iterator[Join]:
    for mine, key, theirs, turned in (
        *((first, key, second, False) for key in first.foreign_keys if key.target == second.id),
        *((second, key, first, True) for key in second.foreign_keys if key.target == first.id),
    ):
        join = declared_join(mine, key, theirs)
        yield Join(first.id, second.id, tuple((b, a) for a, b in join.on), join.evidence, 1.0) if turned else join


def _observed(reading: Reading, one: int, other: int, statements: Sequence[int]) -> Iterator[Join]:
    ids = (reading.known.ids[one], reading.known.ids[other])
    many: Counter[tuple[str, str]] = Counter()
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for at in statements:
        pairs = set()
        for join in reading.counts.statements[at].joins:
            if (join.left, join.right) == ids:
                pairs.add((join.left_column, join.right_column))
            elif (join.right, join.left) == ids:
                pairs.add((join.right_column, join.left_column))
        many.update(pairs)
        for pair in pairs:
            users[pair] |= reading.counts.statements[at].users
    closed = reading.known.closed
    hidden = closed.get(one, frozenset()), closed.get(other, frozenset())
    for pair, count in sorted(many.items(), key=lambda item: (-item[1], item[0])):
        if not reading.counts.enough(users[pair]):
            continue
        if pair[0].lower() not in hidden[0] and pair[1].lower() not in hidden[1]:
            # as sure as the queries that did it, shrunk by one that might not have
            yield Join(*ids, (pair,), Evidence.OBSERVED, round(count / (count + 1), 4))


def _guessed(reading: Reading, first: Record, second: Record) -> Iterator[Join]:
    found = guesses([first, second], reading.tables_with_column, reading.n_shown).get((0, 1))
    if found is not None:
        sure = confidence(found, first, second, several_homes=True)
        if sure >= WORTH_TELLING:
            yield guessed_join(first, found, second, sure)
