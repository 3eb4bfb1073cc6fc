"""A merge patch as it came becomes a value, or says with a pointer what is wrong with it."""

from __future__ import annotations

import pytest

from services.catalog.patches import MAX_DESCRIPTION_CHARS, CuratedPatch, parse_patch
from services.common.errors import BadRequest

ID = "d" + "a" * 26


def test_every_field_that_people_may_write():
    """Texts are made storable, labels are trimmed and each kept once, columns go by name."""
    body = {
        "description": "a\x00b",
        "tags": [" x ", "y", "x"],
        "owners": [],
        "status": "deprecated",
        "successor": ID,
        "columns": [{"name": "id", "description": "", "tags": ["pii"], "status": None, "successor": "id2"}, {"name": "b"}],
    }
    assert parse_patch(body) == CuratedPatch(
        {"description": "a␀b", "tags": ["x", "y"], "owners": [], "status": "deprecated", "successor": ID},
        {"id": {"description": "", "tags": ["pii"], "status": None, "successor": "id2"}, "b": {}},
    )


def test_absent_and_null_are_different():
    """Absent is not in the patch, null is there as None."""
    assert parse_patch({}) == CuratedPatch()
    assert parse_patch({"owners": None, "columns": []}) == CuratedPatch({"owners": None})


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"name": "x", "a/b~c": None}, ["/name", "/a~1b~0c"]),
        ({"kind": None}, ["/kind"]),
        ({"description": 5}, ["/description"]),
        ({"description": "x" * (MAX_DESCRIPTION_CHARS + 1)}, ["/description"]),
        ({"tags": "x"}, ["/tags"]),
        ({"tags": ["ok", " "]}, ["/tags"]),
        ({"tags": ["x" * 201]}, ["/tags"]),
        ({"owners": [1]}, ["/owners"]),
        ({"owners": [str(n) for n in range(101)]}, ["/owners"]),
        ({"status": "good"}, ["/status"]),
        ({"status": ["endorsed"]}, ["/status"]),
        ({"successor": "shop.orders"}, ["/successor"]),
        ({"columns": {"id": {}}}, ["/columns"]),
        ({"columns": None}, ["/columns"]),
        ({"columns": ["id", {"tags": []}, {"name": 1}]}, ["/columns/0", "/columns/1", "/columns/2"]),
        ({"columns": [{"name": "a"}, {"name": "a"}]}, ["/columns/1/name"]),
        ({"columns": [{"name": "a", "owners": [], "type": "int", "successor": 3}]}, ["/columns/0/owners", "/columns/0/type", "/columns/0/successor"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_pointed_at(body, pointers):
    """All of it at once, by JSON pointer."""
    with pytest.raises(BadRequest) as refused:
        parse_patch(body)
    assert [error["pointer"] for error in refused.value.errors] == pointers


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_patch_is_an_object(body):
    """Merge patches of other kinds would replace the whole asset."""
    with pytest.raises(BadRequest):
        parse_patch(body)
