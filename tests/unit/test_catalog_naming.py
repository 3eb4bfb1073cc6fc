"""Which assets a name may stand for: readings of a text, and the ranking of what fits."""

from __future__ import annotations

import pytest

from services.catalog.naming import Reading, best, readings
from services.common.model.names import Namespace, Namespaces

PG = Namespace("postgres://db1:5432")
ROWS = [
    {"id": "1", "namespace": PG, "parts": ["shop", "public", "orders"]},
    {"id": "2", "namespace": PG, "parts": ["shop", "public", "Orders"]},
    {"id": "3", "namespace": "snowflake://acc", "parts": ["SHOP", "PUBLIC", "ORDERS"]},
    {"id": "4", "namespace": "metadata://x", "parts": ["a.b", "orders"]},
    {"id": "5", "namespace": "metadata://x", "parts": ["orders"]},
]


def meant(text: str) -> tuple[str, ...]:
    return best(text, readings(text, Namespaces()), ROWS)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("orders", ("1", "3", "5")),
        ("Orders", ("2", "3", "5")),
        ("shop.public.orders", ("1", "3")),
        ("a.b.orders", ("4",)),
        ('"a.b".orders', ("4",)),
        ("b.orders", ()),
        ("x.shop.public.orders", ()),
        ("postgres://db1/public.Orders", ("2",)),
        ("snowflake://acc/orders", ("3",)),
        ("rders", ()),
    ],
)
def test_what_a_name_stands_for(text, ids):
    """Whole parts from the end; the same case wins within a namespace, and a whole name over a part of one."""
    assert meant(text) == ids


def test_a_text_is_read_every_way_that_it_can_be():
    """As parts, whole, and with each slash as the end of a namespace; an alias becomes what it stands for."""
    among = Namespaces(aliases={Namespace("postgres://replica:5432"): PG})
    found = readings("postgres://replica/a.b", among)
    assert Reading(("a", "b"), PG) in found
    assert Reading(("a.b",), PG) in found
    assert Reading(("postgres://replica/a", "b")) in found


@pytest.mark.parametrize("text", ["", "/", "//", '"', "a..b", "postgres://h:x/t"])
def test_odd_texts_are_read_without_an_error(text):
    """Whatever a person types is a name that fits nothing, never a failure."""
    assert best(text, readings(text, Namespaces()), ROWS) == ()
