"""Postings: built against brute force, merged against built, found by term, and cut where a byte ends."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.index.compare import Inverted, counted
from services.indexer.index.postings import Postings, build_postings, merge_postings

FIELDS = ("name", "text")
WORD = st.sampled_from(["a", "ab", "b", "order", "客户", "é", "z", "\ud800", "orders_items"])
DOCUMENT = st.tuples(st.lists(WORD, max_size=4).map(tuple), st.lists(WORD, max_size=6).map(tuple))
DOCUMENTS = st.lists(DOCUMENT, max_size=12)


def brute(documents, term):
    """The documents with a term and its counts by field, by looking at every word."""
    counts = [[Counter(field)[term] for field in document] for document in documents]
    return [(row, [min(255, n) for n in by_field]) for row, by_field in enumerate(counts) if any(by_field)]


def same(one: Postings, other: Postings) -> bool:
    names = ("term_bytes", "term_start", "start", "docs", "tf", "lengths")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(a.dtype == b.dtype and a.shape == b.shape and (a == b).all() for a, b in pairs)


@given(DOCUMENTS)
def test_what_is_found_is_what_brute_force_finds(documents):
    """For every term its documents in order with counts by field; terms in byte order; lengths of every field."""
    postings = build_postings(documents, 2)
    terms = {token for document in documents for field in document for token in field}
    assert list(postings.terms()) == sorted(term.encode("utf-8", "surrogatepass") for term in terms)
    for term in terms:
        docs, tf = postings.find(term)
        assert list(zip(docs.tolist(), tf.tolist(), strict=True)) == brute(documents, term)
    assert postings.lengths.tolist() == [[len(field) for field in document] for document in documents]
    assert (postings.n_docs, postings.n_terms) == (len(documents), len(terms))


@given(DOCUMENTS, st.data())
def test_a_merge_is_a_build_of_what_is_kept(documents, data):
    """Cut into pieces anywhere, with any documents left out: the arrays are those of a build of the others."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(documents)), max_size=3)))
    bounds = [0, *cuts, len(documents)]
    groups = [documents[start:end] for start, end in pairwise(bounds)]
    keep = [np.asarray(data.draw(st.lists(st.booleans(), min_size=len(g), max_size=len(g))), dtype=bool) for g in groups]
    kept = [one for group, mask in zip(groups, keep, strict=True) for one, stays in zip(group, mask, strict=True) if stays]
    assert same(merge_postings([build_postings(group, 2) for group in groups], keep), build_postings(kept, 2))


@given(DOCUMENTS)
def test_turned_round_each_document_has_its_words(documents):
    """The inversion that `verify` compares with gives every document back, and notices a word more or less."""
    inverted = Inverted(build_postings(documents, 2), FIELDS)
    for row, document in enumerate(documents):
        assert list(inverted.differences(row, document, counted(document))) == []
        longer = (*document[:1], (*document[1], "another"))
        told = " ".join(inverted.differences(row, longer, counted(longer)))
        assert "another" in told
        assert "text" in told


def test_no_documents_and_no_words():
    """An empty index answers, and so does one whose documents are empty."""
    empty = build_postings([], 2)
    assert (empty.n_docs, empty.n_terms, empty.find("a")) == (0, 0, None)
    silent = build_postings([((), ()), ((), ())], 2)
    assert (silent.n_docs, silent.n_terms, silent.find("a")) == (2, 0, None)
    assert silent.lengths.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("missing", ["", "a", "orde", "orders", "zz"])
def test_a_term_that_no_document_has(missing):
    """A prefix or a longer word is not the word."""
    assert build_postings([(("order",), ("b",))], 2).find(missing) is None


def test_counts_are_cut_and_lengths_are_not():
    """A word 300 times counts 255; the length of its field stays 300, also when merged."""
    postings = build_postings([(("a",) * 300, ())], 2)
    again = merge_postings([postings, postings], [np.ones(1, dtype=bool)] * 2)
    assert postings.find("a")[1].tolist() == [[255, 0]]
    assert again.find("a")[1].tolist() == [[255, 0], [255, 0]]
    assert again.lengths.tolist() == [[300, 0], [300, 0]]
    assert list(Inverted(postings, FIELDS).differences(0, (("a",) * 300, ()), counted((("a",) * 300, ())))) == []
