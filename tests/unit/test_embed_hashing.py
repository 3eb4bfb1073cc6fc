"""The encoder without a model: the same bytes everywhere, and near texts near."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import ModelUnavailable
from services.indexer.embed.hashing import MAX_WORDS, HashingEncoder

ANY_TEXT = st.text(st.characters(codec=None), max_size=80)  # lone surrogates included


@given(texts=st.lists(ANY_TEXT, max_size=6))
def test_rows_are_unit_whatever_the_text(texts):
    vectors = HashingEncoder().encode_documents(texts)
    assert vectors.shape == (len(texts), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@given(text=ANY_TEXT)
def test_a_question_and_a_document_of_the_same_words_are_one(text):
    encoder = HashingEncoder(64)
    assert np.array_equal(encoder.encode_query(text), encoder.encode_documents([text])[0])


@given(words=st.lists(st.sampled_from(["order", "customer", "price", "date"]), min_size=1))
def test_spelling_of_identifiers_does_not_matter(words):
    encoder = HashingEncoder()
    spellings = ["_".join(words), "".join(word.title() for word in words), " ".join(words).upper()]
    rows = encoder.encode_documents(spellings)
    np.testing.assert_allclose(rows @ rows.T, 1, atol=1e-6)


def test_another_process_gives_the_same_bytes():
    """Nothing depends on the interpreter's own hash seed."""
    code = (
        "from services.indexer.embed.hashing import HashingEncoder as E;"
        "print(E().encode_query('fct_orderLines täglich 売上').tobytes().hex())"
    )
    here = HashingEncoder().encode_query("fct_orderLines täglich 売上").tobytes().hex()
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert there.stdout.strip() == here


def test_near_names_are_nearer_than_far_ones():
    encoder = HashingEncoder()
    question = encoder.encode_query("customer orders")
    near, typo, far = (
        encoder.encode_documents(["dim_customers and their order", "custmer ordrs", "weather station"]) @ question
    )
    assert near > typo > far


def test_long_texts_are_cut_and_counted():
    encoder = HashingEncoder()
    whole, longer = "word " * MAX_WORDS, "word " * MAX_WORDS + "tail"
    assert np.array_equal(encoder.encode_query(whole), encoder.encode_query(longer))
    assert (encoder.counts.texts, encoder.counts.truncated, encoder.counts.truncated_share) == (2, 1, 0.5)


def test_two_dimensions_are_two_models():
    assert HashingEncoder(64).model_id != HashingEncoder(128).model_id
    with pytest.raises(ValueError, match="at least 8"):
        HashingEncoder(4)


def test_a_closed_encoder_says_so():
    encoder = HashingEncoder()
    encoder.close()
    with pytest.raises(ModelUnavailable, match="closed"):
        encoder.encode_query("a")
