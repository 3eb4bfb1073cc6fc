"""Names of columns that are near a slip, and none that are only a little alike."""

from __future__ import annotations

import pytest

from services.common.model.near_columns import did_you_mean, near_columns

NAMES = ("id", "Customer_ID", "amount", "net_amount", "paid", "state", "created_at")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amuont", ("amount",)),
        ("AMT", ("amount",)),
        ("customer", ("Customer_ID",)),
        ("customerid", ("Customer_ID",)),
        ("netamount", ("net_amount", "amount")),
        ("stat", ("state",)),
        ("created", ("created_at",)),
        ("zzz", ()),
        ("pay_day", ()),
        ("i", ()),
        ("", ()),
        ("x" * 10_000, ()),
    ],
)
def test_a_slip_or_a_short_form_is_near_its_column(text, expected):
    assert near_columns(text, NAMES) == expected


def test_at_most_three_of_very_many_are_told():
    """Nearest first; the name itself is among them where it is there."""
    names = [f"amount_{at}" for at in range(20_000)]
    assert near_columns("amount_77", names)[0] == "amount_77"
    assert len(near_columns("amount_77", names)) == 3


def test_what_is_near_is_said_as_a_question():
    assert did_you_mean(()) == ""
    assert did_you_mean(("a",)) == "; did you mean a?"
    assert did_you_mean(("a", "b", "c")) == "; did you mean a, b or c?"
