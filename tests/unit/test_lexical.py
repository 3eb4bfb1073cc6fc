"""Words: BM25F against a reference in plain Python, with statistics of what the caller sees and of nothing else."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column
from services.common.model.search import Filters
from services.indexer.index.snapshot import EMPTY
from services.indexer.retrieve import seen_words
from services.indexer.retrieve.candidates import DEPTH, DIGITS, best_by_words
from services.indexer.retrieve.kept import ENTRY_BYTES, Kept
from services.indexer.retrieve.lexical import (
    COLUMN_B,
    COLUMN_WEIGHTS,
    TABLE_B,
    TABLE_WEIGHTS,
    Matches,
    NamesSaying,
    match_columns,
    match_tables,
)
from services.indexer.retrieve.seen_words import COMMON, K1
from services.indexer.retrieve.view import view_of
from services.indexer.text.document import document_of
from tests.support.feeds import asset, shop
from tests.support.indexes import snapshot_of

WORD = st.sampled_from(["order", "customer", "price", "day", "country"])
WORDS = st.lists(WORD, max_size=6).map(" ".join)


def reference(documents, terms, weights, slopes):
    """BM25F by the book: counts weighted and length-normalised by field, added up, saturated once, times the IDF."""
    n = len(documents)
    means = [sum(len(d[f]) for d in documents) / max(n, 1) or 1.0 for f in range(len(weights))]
    out = []
    for document in documents:
        score = 0.0
        for term in dict.fromkeys(terms):
            df = sum(any(term in field for field in other) for other in documents)
            idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
            frequency = 0.0
            for field, weight, slope, mean in zip(document, weights, slopes, means, strict=True):
                frequency += weight * Counter(field)[term] / (1 - slope + slope * len(field) / mean)
            score += idf * frequency / (K1 + frequency) if frequency else 0.0
        out.append(score)
    return out


def fields(one):
    made = document_of(one)
    return made.name, made.description, made.column_words, made.tag_words


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, st.lists(WORD, max_size=4)), min_size=1, max_size=8), st.lists(WORD, max_size=4))
def test_tables_score_as_the_reference_says(described, terms):
    """Any descriptions and columns, any question, spread over two segments."""
    items = [
        asset(f"db.s.t{at}_order", *dict.fromkeys(columns), description=text or None, tags=("day",) * (at % 2))
        for at, (text, columns) in enumerate(described)
    ]
    view = view_of(snapshot_of(items[:3], items[3:]), FULL_SCOPE, Filters())
    expected = reference([fields(one) for one in items], terms, TABLE_WEIGHTS, TABLE_B)
    assert match_tables(view, terms).scores.tolist() == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(WORD, WORDS), min_size=1, max_size=8), st.lists(WORD, max_size=4))
def test_columns_score_as_the_reference_says(described, terms):
    """Columns are documents of their own: name and description, nothing of their table."""
    items = [
        asset(f"db.s.t{at}", Column(f"{name}_{at}", description=text or None)) for at, (name, text) in enumerate(described)
    ]
    view = view_of(snapshot_of(items[:2], items[2:]), FULL_SCOPE, Filters())
    documents = [document_of(one).column_tokens[0] for one in items]
    expected = reference(documents, terms, COLUMN_WEIGHTS, COLUMN_B)
    assert match_columns(view, terms).scores.tolist() == pytest.approx(expected)


def test_rare_and_common_words_score_as_the_reference_says():
    """Among many documents, also when asked again, and where only one common word at a time is remembered."""
    words = ["order", "customer", "price"]
    items = [
        asset(f"db.s.t{at}", *words[: at % 4], description="zebra crossing" if at == 7 else "a day")
        for at in range(3 * COMMON)
    ]
    terms = [*words, "zebra", "day"]
    expected = reference([fields(one) for one in items], terms, TABLE_WEIGHTS, TABLE_B)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_words, "_KEPT", Kept(14 * len(items) + ENTRY_BYTES))
        view = view_of(snapshot_of(items[:20], items[20:]), FULL_SCOPE, Filters())
        for _ in range(2):
            found = match_tables(view, terms)
            assert found.scores.tolist() == pytest.approx(expected)
            assert found.of(7) == ("order", "customer", "price", "zebra")
        kept = view.kept["words of tables"]
        day = kept.find("day")
        assert kept.find("day") is day
        kept.find("order")
        assert kept.find("day") is not day


def test_what_is_hidden_or_filtered_out_moves_no_score():
    """Document frequencies, lengths and the number of documents are those inside the view."""
    items = shop()
    scope = AccessScope(("*",), ("*.customers", "*.orders_bak"))
    seen = [one for one in items if scope.permits(one.scope_path)]
    terms = ["order", "customer", "revenue", "email"]
    inside = match_tables(view_of(snapshot_of(items), scope, Filters()), terms)
    alone = match_tables(view_of(snapshot_of(seen), FULL_SCOPE, Filters()), terms)
    shown = np.asarray([scope.permits(one.scope_path) for one in items])
    assert inside.scores[shown].tolist() == alone.scores.tolist()
    assert inside.covered(np.flatnonzero(shown)).tolist() == alone.covered(np.arange(len(alone.scores))).tolist()
    assert not inside.scores[~shown].any()
    assert inside.terms == alone.terms
    assert inside.unknown == alone.unknown == ("email",)
    filtered = match_tables(view_of(snapshot_of(items), FULL_SCOPE, Filters(schema=("MART",))), ["order"])
    mart = [one for one in items if one.name.parts[1] == "mart"]
    expected = match_tables(view_of(snapshot_of(mart), FULL_SCOPE, Filters()), ["order"]).scores
    assert filtered.scores[[one in mart for one in items]].tolist() == expected.tolist()


def test_coverage_is_the_share_of_the_questions_weight():
    """All words known and present is 1; a word that nothing has counts as a rare one and lowers it."""
    view = view_of(snapshot_of(shop()), FULL_SCOPE, Filters())
    every = np.arange(view.rows)
    both = match_tables(view, ["daily", "revenue"])
    assert both.covered(every).max() == pytest.approx(1.0)
    assert 0 < match_tables(view, ["revenue", "zebra"]).covered(every).max() < 0.6
    assert match_tables(view, ["zebra"]).covered(every).max() == 0


def test_a_match_says_which_documents_have_which_words():
    """The words of a document in the question's order; columns with a word in their name, restricted ones left out."""
    hidden = Column("customer_secret", tags=(RESTRICTED,))
    items = [asset("db.s.orders", "customer_id", hidden, "day: of the customer"), asset("db.s.days", "customer")]
    view = view_of(snapshot_of(items[:1], items[1:]), FULL_SCOPE, Filters())
    matches = match_tables(view, ["customer", "order", "zebra"])
    assert matches.of(0) == ("customer", "order")
    assert matches.of(1) == ("customer",)
    saying = NamesSaying(view, ["customer", "zebra"])
    assert [saying.of(part, 0).tolist() for part in view.parts] == [[0], [0]]


def test_an_empty_index_and_an_empty_question_match_nothing():
    """No division by nothing, no document."""
    empty = view_of(EMPTY, FULL_SCOPE, Filters())
    assert match_tables(empty, ["order"]).scores.size == 0
    assert match_columns(empty, ["order"]).scores.size == 0
    nothing = match_tables(view_of(snapshot_of(shop()), FULL_SCOPE, Filters()), [])
    assert not nothing.scores.any()
    hidden = match_tables(view_of(snapshot_of(shop()), AccessScope(), Filters()), ["order"])
    assert not hidden.scores.any()
    assert hidden.unknown == ("order",)


def test_the_best_of_many_are_those_that_ordering_all_gives():
    """However scores are spread, also where many are equal around the cut, the sample leaves none of the best out."""
    dice = np.random.default_rng(5)
    n = 20_000
    spreads = (
        dice.random(n),
        np.round(dice.random(n), 2),
        np.where(dice.random(n) < 0.02, dice.random(n), 0.0),
        np.where(np.arange(n) % 16 == 0, 0.0, dice.random(n)),
        np.where(np.arange(n) % 16 == 0, 1.0 + dice.random(n), dice.random(n)),
        np.where(dice.random(n) < 0.5, 0.25 + 1e-10, 0.25),
        np.zeros(n),
    )
    for scores in spreads:
        found = best_by_words(Matches(scores, {}, (), {}, 1.0), lambda rows: [f"{row:06}" for row in rows.tolist()])
        order = sorted(np.flatnonzero(scores).tolist(), key=lambda row: (-round(float(scores[row]), DIGITS), f"{row:06}"))
        assert found.tolist() == sorted(order[:DEPTH])
