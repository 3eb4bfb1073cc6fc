"""Following the feed comes to the same graph whatever the pages, the pauses and the repetitions."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from services.common.model.assets import Kind
from services.lineage.store import tables
from tests.support import lineages
from tests.support.campaigns import examples
from tests.support.lineages import Lineage, asset, id_of

NAMES = [f"shop.{schema}.t{number}" for schema in ("public", "sales") for number in range(3)]
# unqualified names may be of two schemas, which of them depends on what is known when
REFERENCES = [*(name.removeprefix("shop.") for name in NAMES), "t0", "t1", "t2", "elsewhere"]
SEEDS = st.integers(0, 2**32 - 1).map(random.Random)


def text_of(chance: random.Random) -> str | None:
    """No definition, one that cannot be read, or one that reads up to three of the names."""
    kind = chance.random()
    if kind < 0.4:
        return None
    if kind < 0.45:
        return "SELECT * FRM nothing"
    return "SELECT 1 FROM " + ", ".join(chance.choices(REFERENCES, k=chance.randint(1, 3)))


def steps_of(chance: random.Random) -> list[tuple[Any, ...]]:
    """What happens to a warehouse, and when it is followed."""
    steps: list[tuple[Any, ...]] = []
    for _ in range(chance.randint(3, 16)):
        kind = chance.random()
        if kind < 0.6:
            steps.append(("put", chance.choice(NAMES), text_of(chance), chance.choice([Kind.TABLE, Kind.VIEW])))
        elif kind < 0.75:
            steps.append(("gone", chance.choice(NAMES)))
        else:
            steps.append(("follow", chance.randint(1, 4)))
    return steps


def state(lineage: Lineage) -> tuple[object, ...]:
    """All that later answers rest on: edges in force, what definitions mention, how they were read."""
    edges = {
        (row["source_id"], row["target_id"], row["kind"], tuple(row["evidence"]), row["confidence"])
        for row in lineage.rows(tables.edge)
        if row["valid_to"] is None
    }
    mentions = {tuple(row.values()) for row in lineage.rows(tables.mention)}
    read = {(row["asset_id"], row["sha256"], row["problem"]) for row in lineage.rows(tables.definition)}
    return edges, mentions, read


def apply(lineage: Lineage, steps, *, follow: bool) -> None:
    views = set()
    for step in steps:
        if step[0] == "put":
            _, name, sql, kind = step
            lineage.feed.put(asset(name, sql, kind=kind))
            views |= {name} if sql else set()
        elif step[0] == "gone" and step[1] not in views:  # a view that was dropped keeps what was followed of it
            lineage.feed.remove(id_of(step[1]))
        elif step[0] == "follow" and follow:
            lineage.follow(page=step[1])


@settings(max_examples=examples(60), deadline=None)
@given(SEEDS)
def test_pages_and_pauses_do_not_matter(chance):
    """Followed now and then in small pages, or once at the end in one: the same edges, mentions and readings."""
    steps, page = steps_of(chance), chance.randint(1, 4)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        often, once = Lineage(lineages.sqlite_database(Path(one))), Lineage(lineages.sqlite_database(Path(two)))
        apply(often, steps, follow=True)
        often.follow(page=page)
        apply(once, steps, follow=False)
        once.follow()
        assert state(often) == state(once)
        often.database.close()
        once.database.close()


@settings(max_examples=examples(30), deadline=None)
@given(SEEDS)
def test_following_again_changes_nothing(chance):
    """A page that is applied twice, from any earlier checkpoint, writes nothing the second time."""
    with tempfile.TemporaryDirectory() as folder:
        lineage = Lineage(lineages.sqlite_database(Path(folder)))
        apply(lineage, steps_of(chance), follow=False)
        lineage.follow()
        before = {table.name: lineage.rows(table) for table in tables.metadata.sorted_tables}
        with lineage.database.write() as connection:
            connection.execute(update(tables.checkpoint).values(seq=0))
        lineage.follow(page=2)
        assert {table.name: lineage.rows(table) for table in tables.metadata.sorted_tables} == before
        lineage.database.close()
