"""How the tables of an answer set are joined: the surest joins that make trees of them, and what stays apart.

Journey 2, step "answer set", last half. Nothing is invented: where neither a key nor a guess joins two pieces, they are told.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.common.model.names import AssetId
from services.common.model.search import Evidence, Join
from services.indexer.retrieve.join_guess import Guess
from services.indexer.text.document import Key, Record

SPREADS = (2, 5, 20)
"""A guess is the surer the fewer columns have its name: up to these counts, and beyond."""
AMONG_MANY = {
    ("table_and_id", True): (0.52, 0.41, 0.15, 0.05),
    ("table_and_id", False): (0.50, 0.50, 0.50, 0.10),
    ("shared_id", True): (0.67, 0.27, 0.07, 0.02),
    ("shared_id", False): (0.06, 0.03, 0.01, 0.01),
    ("table", True): (0.23, 0.27, 0.04, 0.01),
}
"""Share of guesses that are declared keys by rule, place and spread, in one schema that holds 166 unrelated databases: the
least that a guess is worth. `make bench ARGS="answer_sets DATA --calibrate"` on spider_union_flat with its keys removed."""
AT_HOME = {
    ("table_and_id", True): (0.95, 0.93, 0.92, 0.84),
    ("table_and_id", False): (0.60, 0.60, 0.56, 0.50),
    ("shared_id", True): (0.85, 0.47, 0.43, 0.09),
    ("shared_id", False): (0.30, 0.07, 0.01, 0.01),
    ("table", True): (0.92, 0.87, 0.85, 0.85),
}
"""The same where both tables are in one schema of several, on spider_union; across schemas none was ever a key."""
ELSEWHERE = 0.02
"""Of a guess across schemas, and of a rare name alone: no declared key was found by them."""
WORTH_TELLING = 0.1
"""Guesses below are not offered as joins: nine of ten would be wrong."""


def confidence(found: Guess, one: Record, other: Record, *, several_homes: bool) -> float:
    """How likely a guess is a real key, 0 to 1.

    Args:
        found: the guess.
        one: its first table.
        other: its second.
        several_homes: whether what is seen lies in several schemas, so that lying in one together says something.

    """
    table = AMONG_MANY
    if several_homes:
        if (one.source, one.parts[:-1]) != (other.source, other.parts[:-1]):
            return 0.9 if found.kind == "primary_key" and found.spread <= SPREADS[0] else ELSEWHERE
        table = AT_HOME
    kind = "table_and_id" if found.kind == "primary_key" else found.kind
    place = sum(found.spread > most for most in SPREADS)
    return table.get((kind, found.leads), (ELSEWHERE,) * 4)[place]


def declared_join(one: Record, key: Key, other: Record) -> Join:
    """The join of a declared key; without columns of its own it refers to the other's primary key."""
    theirs = key.ref_columns or (other.primary_key if len(other.primary_key) == len(key.columns) else ())
    pairs = tuple(zip(key.columns, theirs, strict=True)) if theirs else ()
    return Join(one.id, other.id, pairs, Evidence.DECLARED, 1.0)


def guessed_join(one: Record, found: Guess, other: Record, sure: float) -> Join:
    """The join of a guess."""
    return Join(one.id, other.id, ((found.one, found.other),), Evidence.INFERRED, round(sure, 4))


def trees(tables: Sequence[AssetId], joins: Sequence[Join]) -> tuple[tuple[Join, ...], tuple[tuple[AssetId, ...], ...]]:
    """The surest joins that hold the tables together, and the pieces that result (Kruskal 1956; equal ones by id).

    Returns:
        The joins of all trees, and the pieces, each in the tables' order.

    """
    piece = {table: table for table in tables}
    kept = []
    for join in sorted(joins, key=lambda join: (-join.confidence, not join.on, join.one, join.other, join.on)):
        here, there = piece[join.one], piece[join.other]
        if here != there:
            kept.append(join)
            piece = {table: here if of == there else of for table, of in piece.items()}
    pieces: dict[AssetId, list[AssetId]] = {}
    for table in tables:
        pieces.setdefault(piece[table], []).append(table)
    place = {table: at for at, table in enumerate(tables)}
    kept.sort(key=lambda join: (max(place[join.one], place[join.other]), min(place[join.one], place[join.other])))
    return tuple(kept), tuple(map(tuple, pieces.values()))
