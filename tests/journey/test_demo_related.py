"""What the demo recommends where everything is joined with one table: that one leads nowhere in place of a closer partner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.common.model.access import FULL_SCOPE
from services.common.model.names import AssetId
from services.common.runtime.settings import Settings
from services.compose import Workspace
from services.indexer.usage.known import Known, known_of
from services.indexer.usage.reading import reading_of
from services.indexer.usage.recommend import rank
from services.indexer.usage.statements import Statement
from services.indexer.usage.weights import shipped

MUCH = 0.3
EVERY = 2
"""One in so many statements is made to read the table that is read most anyway."""


@pytest.fixture(scope="module")
def log(demo_copy: Path) -> tuple[Known, Sequence[Statement]]:
    space = Workspace(Settings(home=demo_copy))
    try:
        space.indexer.open()
        space.indexer.usage.catch_up(space.lineage.statements)
        state = space.indexer.usage._new_state()
    finally:
        space.close()
    return state.known, state.statements


def executions(statements: Sequence[Statement]) -> tuple[Counter[AssetId], Mapping[AssetId, Mapping[AssetId, int]], int]:
    """Of each table, of each two, and of all."""
    reads: Counter[AssetId] = Counter()
    both: dict[AssetId, Counter[AssetId]] = {}
    for one in statements:
        for table in set(one.reads):
            reads[table] += one.count
            both.setdefault(table, Counter()).update(dict.fromkeys(set(one.reads) - {table}, one.count))
    return reads, both, sum(one.count for one in statements)


def joined_to_everything(known: Known, statements: Sequence[Statement]) -> list[Statement]:
    hub = executions(statements)[0].most_common(1)[0][0]
    return [
        replace(one, reads=tuple(dict.fromkeys((*one.reads, hub))), names={**one.names, hub: known.names[known.row[hub]]})
        if one.reads and at % EVERY == 0
        else one
        for at, one in enumerate(statements)
    ]


def test_no_table_of_more_than_three_tenths_of_all_queries_stands_before_a_partner_with_more_lift(log) -> None:
    """Lift: how much more often two tables are read by one query than they would be by chance, by executions of the log."""
    statements = joined_to_everything(*log)
    known = known_of(log[0].snapshot, statements, _Sources())
    reading = reading_of(known, statements, FULL_SCOPE)
    reads, both, every = executions(statements)
    hubs = {table for table, many in reads.items() if many > MUCH * every}
    assert hubs, "the test needs a table that much is asked of"
    moved = 0
    for table, partners in both.items():
        ranked = rank(reading, np.asarray([known.row[table]]), shipped())
        first = known.ids[int(ranked.rows[0])]
        lift = {other: many * every / (reads[table] * reads[other]) for other, many in partners.items()}
        closer = [other for other in partners if lift[other] > lift.get(first, 0.0)]
        assert first not in hubs or not closer, known.names[known.row[table]].qualified
        moved += first not in hubs and known.ids[int(ranked.rows[1])] in hubs
    assert moved > 5, "the test needs tables before which the hub would stand"


class _Sources:
    """Every table's source is known from the index here."""

    def source_of(self, namespace, _database=None) -> str:
        return str(namespace)
