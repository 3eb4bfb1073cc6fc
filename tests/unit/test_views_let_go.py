"""What is remembered of views and segments: gone with them at once, and taken over while questions go on making more of it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.search import SearchQuery
from services.indexer.retrieve import answer
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.view import View
from tests.support.feeds import shop
from tests.support.indexes import CountingEncoder, snapshot_of

ENCODER = CountingEncoder()
SCOPES = (FULL_SCOPE, AccessScope(("*",), ("*.shop.mart",)))


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
def test_the_views_of_an_older_state_go_when_the_next_one_is_asked(monkeypatch):
    """Nothing in a view leads back to it: else its arrays would wait for the collector of cycles, write after write."""
    made: list[weakref.ref[View]] = []
    view_of = answer.view_of

    def noted(*given, **more):
        view = view_of(*given, **more)
        made.append(weakref.ref(view))
        return view

    monkeypatch.setattr(answer, "view_of", noted)
    snapshots = [snapshot_of(shop(), encoder=ENCODER, seq=seq) for seq in (1, 2, 3)]
    search = Retriever(lambda: snapshots[0], lambda _: ENCODER, lambda: None)
    alive = []
    while snapshots:
        for scope in SCOPES:
            for text in ("order of a customer", "custmer ordr", "shop.public.orders"):
                search.search(SearchQuery(text, scope))
            search.suggest("ord", scope)
            search.vocabulary(scope)
        alive.append(sum(one() is not None for one in made))
        del snapshots[0]
    assert alive == [len(SCOPES)] * 3
    assert len(made) == 3 * len(SCOPES)


class _Meanwhile(str):
    """A name that is looked up: another thread remembers something of the segment just then."""

    __slots__ = ("remember",)

    def __hash__(self) -> int:
        if hasattr(self, "remember"):
            self.remember()
        return super().__hash__()


def test_other_vectors_come_while_a_question_remembers_something():
    """What had been made is taken over; what is made meanwhile disturbs nothing."""
    segment = snapshot_of(shop()).parts[0].segment
    ids, made = segment.ids, vars(segment)
    name = _Meanwhile("slow to look up")
    made[name] = True
    name.remember = lambda: made.setdefault(f"made meanwhile {len(made)}", True)
    before = len(made)
    other = segment.with_texts(replace(segment.texts), segment.column_texts)
    assert len(made) > before, "the control: something was remembered in between"
    assert other.ids is ids
