"""The oracle itself: leaks that are planted where answers are made are all seen, and without one nothing is."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest import mock

import pytest

from services.catalog import shown
from services.catalog.api import assets
from services.catalog.assets import AssetReader
from services.catalog.definitions import Definition
from services.common.model.access import FULL_SCOPE, AccessScope
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.learned import learned
from services.lineage.walk import LineageWalker
from tests.access.questions import Case, cases
from tests.access.served import Served, served_world
from tests.access.test_oracle import compare
from tests.access.warehouses import make_world
from tests.access.worlds import World

READER = "reader0"
SCOPE = AccessScope(("*",), ("*.hr", "wh.erp.*", "*_customer*", "*zkaab?k*"))
Method = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Pair:
    """One world, with and without what the scope hides."""

    world: World
    questions: list[Case]
    full: Served
    reduced: Served

    def differences(self) -> list[str]:
        wrong, _ = compare(self.world, READER, SCOPE, self.questions, self.full, self.reduced)
        return wrong


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("planted")
    world = dataclasses.replace(make_world(16, tables=60, scopes=1, published=True), scopes=(SCOPE,))
    with ExitStack() as stack:
        full = stack.enter_context(served_world(folder / "full", world, {READER: SCOPE}))
        reduced = stack.enter_context(served_world(folder / "reduced", world.without_hidden(SCOPE), {READER: SCOPE}))
        yield Pair(world, list(cases(world, random.Random("planted"), 25)), full, reduced)


def whole_totals(honest: Method) -> Method:
    """Totals and facets over everything, hits inside the scope."""

    def search(self: Retriever, query: Any) -> Any:
        answer, everything = honest(self, query), honest(self, dataclasses.replace(query, scope=FULL_SCOPE, cursor=None))
        return dataclasses.replace(answer, total=everything.total, facets=everything.facets)

    return search


def whole_search(honest: Method) -> Method:
    """Ranked over everything; the catalog then leaves out the hidden hits."""
    return lambda self, query: honest(self, dataclasses.replace(query, scope=FULL_SCOPE, cursor=None))


def moved_scores(honest: Method) -> Method:
    """Scores that differ in the sixth digit with the number of documents in the whole index."""

    def search(self: Retriever, query: Any) -> Any:
        answer = honest(self, query)
        by = 1e-6 * self.status().documents
        hits = tuple(dataclasses.replace(hit, score=round(hit.score + by, 6)) for hit in answer.hits)
        return dataclasses.replace(answer, hits=hits)

    return search


def whole_answerable(honest: Method) -> Method:
    """The chance of an answer, taken over everything."""

    def search(self: Retriever, query: Any) -> Any:
        everything = honest(self, dataclasses.replace(query, scope=FULL_SCOPE, cursor=None))
        return dataclasses.replace(honest(self, query), answerable=everything.answerable)

    return search


def all_suggested(honest: Method) -> Method:
    return lambda self, prefix, _scope, *, limit=8: honest(self, prefix, FULL_SCOPE, limit=limit)


def all_taught(honest: Method) -> Method:
    return lambda self, _scope: honest(self, FULL_SCOPE)


def taught_by_all(honest: Method) -> Method:
    """Questions are understood with what hidden tables teach, and answered inside the scope."""
    views: dict[int, Any] = {}

    def view(self: Retriever, snapshot: Any, query: Any) -> Any:
        made = honest(self, snapshot, query)
        whole = honest(self, snapshot, dataclasses.replace(query, scope=FULL_SCOPE))
        if id(made) not in views:
            views[id(made)] = made
            made.kept["learned"] = learned(whole)
        return made

    return view


def all_walked(honest: Method) -> Method:
    return lambda self, request: honest(self, dataclasses.replace(request, scope=FULL_SCOPE))


def keys_kept(_honest: Method) -> Method:
    return lambda asset, _scope: asset


def successors_kept(_honest: Method) -> Method:
    return lambda asset, _alive: asset


def definitions_shown(_honest: Method) -> Method:
    return lambda asset, _scope, _lineage: Definition(asset.sql, "shown" if asset.sql else "none")


def all_listed(honest: Method) -> Method:
    """A page inside the scope with the total of everything."""

    def page(self: AssetReader, scope: AccessScope, *rest: Any, **options: Any) -> Any:
        total = honest(self, FULL_SCOPE, *rest, **{**options, "cursor": None}).total
        return dataclasses.replace(honest(self, scope, *rest, **options), total=total)

    return page


LEAKS: list[tuple[object, str, Callable[[Method], Method]]] = [
    (Retriever, "search", whole_totals),
    (Retriever, "search", whole_search),
    (Retriever, "search", moved_scores),
    (Retriever, "search", whole_answerable),
    (Retriever, "suggest", all_suggested),
    (Retriever, "vocabulary", all_taught),
    (Retriever, "_view", taught_by_all),
    (LineageWalker, "walk", all_walked),
    (shown, "_without_keys", keys_kept),
    (shown, "_with_successor_in", successors_kept),
    (assets, "definition_for", definitions_shown),
    (AssetReader, "page", all_listed),
]


def test_nothing_is_seen_where_nothing_leaks(pair):
    """The two catalogs agree to begin with."""
    assert pair.differences() == []


@pytest.mark.parametrize(("where", "name", "leak"), LEAKS, ids=[leak.__name__ for *_, leak in LEAKS])
def test_a_planted_leak_is_seen(pair, where, name, leak):
    """Each of them would pass every test of one route alone that asks for hits, ids and statuses."""
    with mock.patch.object(where, name, leak(getattr(where, name))):
        assert pair.differences()
