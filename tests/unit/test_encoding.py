"""A question is encoded as it was typed while its words are read, and as it is read where that is something else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from services.common.errors import ModelUnavailable
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Mode, SearchQuery
from services.common.model.vocabulary import Synonyms
from services.indexer.retrieve import expansion
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.encoding import Encoding, begin
from services.indexer.retrieve.spans import SpanVectors
from tests.support.feeds import shop
from tests.support.indexes import CountingEncoder, snapshot_of


class Told(CountingEncoder):
    """Keeps what it was asked to encode."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.began = threading.Event()

    def encode_query(self, text):
        self.asked.append(text)
        self.began.set()
        return super().encode_query(text)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as threads:
        yield threads


def encoded(pool, encoder, typed, text, spelled_out):
    return Encoding(pool, encoder, text, spelled_out, SpanVectors(), begin(pool, encoder, typed)).vector


def test_a_question_read_as_it_was_typed_is_encoded_once(pool):
    encoder = Told()
    assert np.array_equal(encoded(pool, encoder, "orders", "orders", "orders"), CountingEncoder().encode_query("orders"))
    assert encoder.asked == ["orders"]


def test_a_question_read_otherwise_has_the_vector_of_what_it_is_read_as(pool):
    found = encoded(pool, Told(), "custmer", "customer", "customer")
    assert np.array_equal(found, CountingEncoder().encode_query("customer"))


def test_short_forms_spelled_out_stand_half_way(pool):
    """Between the question as it is read and with its short forms in words, of length 1."""
    encoder = CountingEncoder()
    mean = encoder.encode_query("cust") + encoder.encode_query("cust (customer)")
    found = encoded(pool, Told(), "cust", "cust", "cust (customer)")
    assert np.allclose(found, mean / np.linalg.norm(mean), atol=1e-6)
    assert not np.allclose(found, encoder.encode_query("cust"), atol=1e-3)


def test_an_encoder_that_fails_is_noticed_where_its_vector_is_wanted(pool):
    class Broken(CountingEncoder):
        def encode_query(self, text):
            raise ModelUnavailable(text)

    failing = Encoding(pool, Broken(), "orders", "orders", SpanVectors(), begin(pool, Broken(), "orders"))
    assert failing.vector is None
    assert failing.spans is None
    assert failing.failed


def test_encoding_begins_before_the_words_are_read(monkeypatch):
    """The encoder is asked while what the words mean is still being found out."""
    encoder, read = Told(), expansion.understood
    seen_before = []

    def understood(view, text, said):
        assert encoder.began.wait(10)
        seen_before.append(list(encoder.asked))
        return read(view, text, said)

    monkeypatch.setattr(expansion, "understood", understood)
    snapshot = snapshot_of(shop(), encoder=encoder)
    retriever = Retriever(lambda: snapshot, lambda _snapshot: encoder, lambda: None)
    found = retriever.search(SearchQuery("order of a cust", FULL_SCOPE, vocabulary=(Synonyms("cust", ("customer",)),)))
    assert found.mode is Mode.HYBRID
    assert seen_before == [["order of a cust"]]
