"""Cursors: values go through as they were, and what no page gave is refused with a pointer, whatever it is."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import BadRequest
from services.common.runtime.cursors import cursor_of, values_of


@given(st.text(), st.integers(min_value=0, max_value=2**53), st.booleans(), st.none() | st.text())
def test_values_come_back_and_the_word_fits_an_address(text: str, count: int, said: bool, more: str | None) -> None:
    """Also what UTF-8 cannot carry."""
    cursor = cursor_of(text + "\ud800", count, said, more)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert values_of(cursor, str, int, bool, str | None) == (text + "\ud800", count, said, more)


def coded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "=", "é", "\ud800", "a b", "AAAA", cursor_of("a"), cursor_of("a", 1, 2), cursor_of("a", -1), cursor_of("a", True),
        cursor_of("a", 2**63), cursor_of("a", 10**30), cursor_of("a", 1.0), cursor_of(None, 1), cursor_of(1, "a"), coded({"a": 1, "b": 2}), coded("ab"), coded("[" * 9), "W1tb" * 50_000,
        cursor_of("a", 1) + "!", cursor_of("a", 1) + "\n",
    ],
)  # fmt: skip
def test_what_no_page_gave_is_refused(cursor: str) -> None:
    """With a pointer at it, and without a word of it."""
    with pytest.raises(BadRequest, match=r"^this cursor was not given by a page$") as caught:
        values_of(cursor, str, int)
    assert caught.value.errors == (
        {"pointer": "/query/cursor", "detail": "leave it out, or send the cursor of the page before"},
    )
