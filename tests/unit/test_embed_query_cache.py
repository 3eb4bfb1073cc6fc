"""The cache of questions' vectors: bounded, least recently used out first, read-only."""

from __future__ import annotations

import numpy as np
import pytest

from services.indexer.embed.query_cache import QueryCache


def test_a_question_is_made_once_and_the_oldest_leaves():
    made: list[str] = []

    def make(text):
        made.append(text)
        return np.array([float(len(text))], dtype=np.float32)

    cache = QueryCache(size=2)
    for text in ["a", "b", "a", "c", "a", "b"]:
        assert cache.get(text, make)[0] == 1
    assert made == ["a", "b", "c", "b"]  # `a` was used in between, so `b` left for `c`


def test_what_is_kept_cannot_be_changed():
    cache = QueryCache()
    vector = cache.get("a", lambda _text: np.ones(2, dtype=np.float32))
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 5


def test_a_failure_is_not_kept():
    cache = QueryCache()

    def fail(_text):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.get("a", fail)
    assert cache.get("a", lambda _text: np.ones(1, dtype=np.float32))[0] == 1
