"""Text that can be stored, fingerprints that change when they should, times without doubt."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from services.catalog.store.rows import container_key, prepare
from services.catalog.store.text import clean, clean_json, folded
from services.catalog.store.types import Json, UtcDateTime
from services.common.model.assets import Column, Container, ForeignKey, Found, Index, Kind
from services.common.model.names import DatasetName, Namespace

NAMESPACE = Namespace("postgres://db1:5432")
SHOP = Container(NAMESPACE, ("shop", "public"))
FOUND = Found(DatasetName(NAMESPACE, ("shop", "public", "orders")), columns=(Column("id", "int"), Column("b", "text")))


@given(st.text(st.characters(codec=None)))
def test_cleaned_text_can_be_stored_and_is_clean(text):
    """No NUL, no lone surrogate, nothing else touched, and cleaning again changes nothing."""
    cleaned = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned
    if "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text):
        assert cleaned == text


def test_different_undecodable_bytes_stay_different():
    """Two names that differ in a byte are two tables."""
    assert clean("a\udc80") != clean("a\udc81")


def test_json_keeps_what_json_has():
    """Numbers, nesting and truth stay; what JSON lacks becomes text."""
    value = {"a": [1, 2.5, True, None, {"b": "c"}]}
    assert clean_json(value) == value
    assert clean_json({1: float("inf"), "s": {3}, "t": (b"x",)}) == {"1": "inf", "s": [3], "t": ["b'x'"]}


def test_folded_lists_are_searched_a_line_each():
    """Lower case, white space as one blank, so that a value is found by its line alone."""
    assert folded(["Gold", "50%\n off"]) == "\ngold\n50% off\n"
    assert folded([]) == ""


@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.VIEW},
        {"description": ""},
        {"columns": FOUND.columns[::-1]},
        {"columns": (*FOUND.columns, Column("c"))},
        {"columns": (dataclasses.replace(FOUND.columns[0], tags=("pii",)), FOUND.columns[1])},
        {"primary_key": ("id",)},
        {"foreign_keys": (ForeignKey(("id",), ("x",)),)},
        {"indexes": (Index("i", ("id",)),)},
        {"sql": "SELECT 1"},
        {"partitions": 0},
        {"tags": ("x",)},
        {"owners": ("x",)},
        {"properties": {"a": 1}},
        {"name": DatasetName(Namespace("postgres://db2:5432"), FOUND.name.parts)},
    ],
)
def test_every_fact_is_in_the_fingerprint(other):
    """Whatever a reader would see differently makes a change."""
    assert prepare(dataclasses.replace(FOUND, **other), SHOP).fingerprint != prepare(FOUND, SHOP).fingerprint


def test_sizes_and_the_order_of_properties_are_no_facts():
    """They differ from crawl to crawl without meaning anything."""
    one = dataclasses.replace(FOUND, properties={"a": 1, "b": 2})
    two = dataclasses.replace(FOUND, properties={"b": 2, "a": 1}, rows=1, bytes=2, last_altered=dt.datetime.now(dt.UTC))
    assert prepare(one, SHOP).fingerprint == prepare(two, SHOP).fingerprint


@pytest.mark.parametrize(
    ("given_time", "stored"),
    [
        (dt.datetime(2030, 1, 1), dt.datetime(2030, 1, 1, tzinfo=dt.UTC)),
        (dt.datetime(2030, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), dt.datetime(2029, 12, 31, 22, tzinfo=dt.UTC)),
        (dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-2))), None),
        (None, None),
    ],
)
def test_times_of_sources_become_utc_or_nothing(given_time, stored):
    """A time without an offset is taken as UTC, a placeholder at the end of time as none."""
    assert prepare(dataclasses.replace(FOUND, last_altered=given_time), SHOP).stats["last_altered"] == stored


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_the_store_takes_no_time_without_an_offset(dialect):
    """What it means would depend on the machine."""
    kind = UtcDateTime()
    with pytest.raises(ValueError, match="no offset"):
        kind.process_bind_param(dt.datetime(2030, 1, 1), dialect)
    assert kind.process_result_value(dt.datetime(2030, 1, 1), dialect) == dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def test_containers_are_told_apart_by_their_parts():
    """A dot or a line break in a part does not make two containers one."""
    keys = {container_key(Container(NAMESPACE, parts)) for parts in [("a", "b"), ("a.b",), ("a\nb",), ('a","b',), ()]}
    assert len(keys) == 5


def test_a_table_has_the_fingerprints_that_homes_hold_of_it():
    """Pinned: written otherwise, every table of every home would be changed by its next crawl."""
    shown = dataclasses.replace(FOUND, name=DatasetName(NAMESPACE, ("shop", "public", "or\x00ders")), sql="SELECT 'é'\n")
    shown = dataclasses.replace(shown, properties={"b": 1.5, "a": [None, True, {"z": 1, "y": float("inf")}]}, tags=("A b",))
    prepared = prepare(shown, SHOP)
    assert (prepared.fingerprint, prepared.schema_fingerprint) == (
        "d1beb61ed6dfb873dc472f67780dc731",
        "5ee3b6bf4ae6dc10c94d6bd605d0d358",
    )


@given(st.dictionaries(st.text(st.characters(codec=None)), st.none() | st.integers() | st.text(st.characters(codec=None))))
def test_json_that_is_stored_as_its_text_is_what_was_found(properties):
    """Stored as it was fingerprinted: the text says the same as the facts, whatever had to be cleaned."""
    prepared = prepare(dataclasses.replace(FOUND, properties=properties, primary_key=("id",)), SHOP)
    written = Json().bind_processor(sqlite.dialect())
    for name, text in prepared.texts.items():
        value = json.loads(json.dumps(prepared.facts[name]))
        assert json.loads(written(text)) == json.loads(written(prepared.facts[name])) == value
        assert type(written(text)) is str


def test_times_are_written_each_as_itself():
    """The last one is kept in mind, an equal one of another zone and none at all are not taken for it."""
    dialect = sqlite.dialect()
    written = UtcDateTime().dialect_impl(dialect).bind_processor(dialect)
    first, second = dt.datetime(2030, 1, 1, tzinfo=dt.UTC), dt.datetime(2030, 1, 2, tzinfo=dt.UTC)
    assert [written(at) for at in (None, first, first, second, None, first)] == [
        None,
        *["2030-01-01 00:00:00.000000"] * 2,
        "2030-01-02 00:00:00.000000",
        None,
        "2030-01-01 00:00:00.000000",
    ]
