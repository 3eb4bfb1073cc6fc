"""How likely an answer is: what names say in short counts as said, and an only hit is not held against itself."""

from __future__ import annotations

import numpy as np
import pytest

from services.cli.search import UNLIKELY
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Filters
from services.indexer.retrieve.expansion import understood
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.tables import AHEAD_OF, ahead, standing_out
from services.indexer.retrieve.view import view_of
from services.indexer.text.segmenter import word_list
from tests.support.feeds import asset
from tests.support.indexes import ask, retriever, snapshot_of

SHORT = [asset("tiny.s.qty_ord_items", "qty", "prc"), asset("tiny.s.emp", "emp_id")]
needs_words = pytest.mark.skipif(
    word_list() is None, reason="the model's package, whose word list this is, is not installed"
)


def test_hits_that_are_not_there_count_nothing():
    """An only hit is ahead of nine that are none; ten alike are ahead of nobody, and of more only ten are looked at."""
    assert ahead(np.asarray([0.8])) == pytest.approx(0.72)
    assert ahead(np.full(AHEAD_OF, 0.8)) == pytest.approx(0.0)


def test_what_is_said_in_short_speaks_for_the_best_hit():
    """The table of a small warehouse that says the whole question in short is not called improbable."""
    assert standing_out(0.8, 0.0, 0.0) < UNLIKELY < standing_out(0.8, ahead(np.asarray([0.8])), 0.5)
    assert standing_out(0.8, 0.1, 0.0) < standing_out(0.8, 0.1, 0.3)


@needs_words
def test_the_share_that_is_read_counts_short_names_whole():
    """The share that is covered counts them as far as they are likely; a table without any has neither."""
    view = view_of(snapshot_of(SHORT), FULL_SCOPE, Filters())
    known = understood(view, "quantity ordered")
    matches = match_tables(view, known.terms, known.alternatives)
    tables = np.flatnonzero(view.seen)
    best = int(np.argmax(matches.scores))
    assert matches.read(tables).tolist() == [float(table == best) for table in tables]
    assert 0 < matches.covered(tables)[best] < 1
    assert matches.said(best) == set(known.terms)
    assert matches.said(1 - best) == frozenset()


@needs_words
def test_words_alone_take_short_names_for_said_too():
    """Without an encoder as well: as likely as where the names are spelled out."""
    whole = [asset("tiny.s.quantity_ordered_items", "quantity", "price"), SHORT[1]]
    first, second = (ask(retriever(snapshot_of(items)), "quantity ordered").answerable for items in (SHORT, whole))
    assert first == second > UNLIKELY
