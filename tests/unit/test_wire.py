"""Values between the services as JSON: every type of the vocabulary comes back equal, and bad JSON is a bad request."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import json
import pkgutil
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common import model
from services.common.errors import BadRequest
from services.common.model.assets import Asset, Found
from services.common.model.changes import Change, ChangePage, Seq
from services.common.model.conditions import AllOf, AnyOf, Condition, Having, Not, Saying, Updated
from services.common.model.crawls import CrawlBatch
from services.common.model.names import DatasetName, Namespace
from services.common.model.search import SearchQuery, Suggestion
from services.common.runtime.wire import dump, load, plain

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: JSON,
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    dt.datetime: st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))])),
    dt.date: st.dates(),
    types.NoneType: st.none(),
}


def model_types() -> list[type]:
    """Every dataclass that a module of the vocabulary defines."""
    modules = [importlib.import_module(f"{model.__name__}.{info.name}") for info in pkgutil.iter_modules(model.__path__)]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, type))
    return sorted(
        {kind for kind in found if dataclasses.is_dataclass(kind) and kind.__module__.startswith(model.__name__)},
        key=lambda kind: kind.__qualname__,
    )


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the vocabulary writes its types."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in PLAIN:
        made = PLAIN[hint]
    elif isinstance(hint, NewType):
        made = values(hint.__supertype__)
    elif origin in (Union, types.UnionType):
        made = st.one_of(*map(values, arguments))
    elif origin is tuple and arguments[-1] is not Ellipsis:
        made = st.tuples(*map(values, arguments))
    elif origin is tuple:
        made = st.lists(values(arguments[0]), max_size=2).map(tuple)
    elif origin is frozenset:
        made = st.frozensets(values(arguments[0]), max_size=2)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        made = st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        made = st.sampled_from(hint)
    else:
        hints = get_type_hints(hint)
        made = st.builds(hint, **{field.name: values(hints[field.name]) for field in dataclasses.fields(hint)})
    return made


PLAIN[Condition] = st.recursive(
    st.one_of(values(Having), values(Updated), values(Saying)),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


def test_the_vocabulary_is_found():
    """The test below would pass on nothing."""
    assert {Asset, Found, ChangePage, SearchQuery, DatasetName} <= set(model_types())
    assert len(model_types()) > 25


@pytest.mark.parametrize("kind", model_types(), ids=lambda kind: kind.__name__)
def test_every_value_comes_back_equal(kind):
    """Type, order and nesting kept; `plain` is the same JSON, parsed."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(value=values(kind))
    def check(value):
        body = dump(value)
        assert load(kind, body) == value
        assert load(kind, body.decode()) == value
        assert type(load(kind, body)) is kind
        assert json.loads(body) == plain(value)

    check()


def test_a_tuple_of_values_comes_back_too():
    """Its type has to be said; an empty one is a tuple as well."""
    found = (Change(Seq(1), DatasetName(Namespace("x"), ("a",)).id, None),)
    for value in (found, ()):
        assert load(tuple[Change, ...], dump(value, tuple[Change, ...])) == value
    assert plain((), tuple[Suggestion, ...]) == []


def test_the_offset_of_a_time_survives():
    """A time without one would be read as another moment elsewhere."""
    at = dt.datetime(2031, 5, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=-3)))
    back = load(Found, dump(Found(DatasetName(Namespace("x"), ("a",)), last_altered=at)))
    assert back.last_altered == at
    assert back.last_altered.utcoffset() == dt.timedelta(hours=-3)


def test_what_was_left_out_has_its_default():
    """An older service says less."""
    assert load(SearchQuery, b'{"text": "x", "scope": {}}').limit == 10
    assert load(CrawlBatch, b'{"container": {"namespace": "x", "parts": []}, "found": []}').failure is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'"S3CR3T"',
        b'{"namespace": ["S3CR3T"], "parts": []}',
        b'{"namespace": "x", "parts": "S3CR3T"}',
        b'{"namespace": "x", "parts": [1, {"S3CR3T": 1}]}',
        b'{"namespace": "x", "parts": ["\\ud800"]}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_the_json_of_a_value_is_a_bad_request(body):
    """One line that says what was expected where, without the value that stood there."""
    with pytest.raises(BadRequest, match="not a DatasetName") as caught:
        load(DatasetName, body)
    assert "S3CR3T" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_place_of_a_fault_is_named():
    """Down to the item."""
    with pytest.raises(BadRequest, match=r"found/0/name/parts/1: .*string"):
        load(
            CrawlBatch,
            b'{"container": {"namespace": "x", "parts": []}, "found": [{"name": {"namespace": "x", "parts": ["a", 1]}}]}',
        )
