"""What a schema's difference says and what it breaks: types in every platform's spelling, renames guessed, orders, keys."""

from __future__ import annotations

import datetime as dt

import pytest

from services.catalog.history import Breaking, Event, Recorded, Turned, difference, since_drop, worst
from services.catalog.widening import Retyping, retyping
from services.common.model.assets import Column

AT = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)
SAME, WIDER, LOSSY = Retyping.SAME, Retyping.WIDER, Retyping.LOSSY


def state(*columns: Column | str, number: int = 1, event: Event = Event.CHANGED, **more) -> Recorded:
    made = tuple(Column(column, "text") if isinstance(column, str) else column for column in columns)
    given = {"name": "shop.public.t", "primary_key": (), "description": None, "crawl": "c"} | more
    return Recorded(number, AT, event, columns=made, **given)


def names(items) -> list[str]:
    return [item.column.name for item in items]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("integer", "INTEGER", SAME),
        ("int4", "integer", SAME),
        ("int2", "int4", WIDER),
        ("int4", "int8", WIDER),
        ("int8", "bigint", SAME),
        ("bigint", "int4", LOSSY),
        ("int(11)", "int(10)", SAME),
        ("int unsigned", "bigint", WIDER),
        ("int(10) unsigned zerofill", "int unsigned", SAME),
        ("int", "int unsigned", LOSSY),
        ("smallint unsigned", "int unsigned", WIDER),
        ("INT64", "INTEGER", SAME),
        ("INTEGER", "INT64", SAME),
        ("Int16", "Int64", WIDER),
        ("Int16", "Int8", LOSSY),
        ("Int8", "Int16", LOSSY),
        ("UInt8", "Int16", WIDER),
        ("BIGINT", "HUGEINT", WIDER),
        ("FLOAT64", "FLOAT", SAME),
        ("float4", "float8", WIDER),
        ("real", "double precision", WIDER),
        ("double", "float", LOSSY),
        ("float", "double", WIDER),
        ("float(24)", "float(53)", LOSSY),
        ("integer", "double precision", WIDER),
        ("bigint", "double precision", LOSSY),
        ("INTEGER", "FLOAT", LOSSY),
        ("INTEGER", "FLOAT64", LOSSY),
        ("INTEGER", "NUMERIC", WIDER),
        ("INT64", "BIGNUMERIC", WIDER),
        ("integer", "numeric(9,0)", LOSSY),
        ("integer", "numeric(10,0)", WIDER),
        ("bigint", "numeric(19)", WIDER),
        ("bigint unsigned", "numeric(19)", LOSSY),
        ("tinyint", "decimal(3,0)", WIDER),
        ("NUMERIC", "BIGNUMERIC", WIDER),
        ("BIGNUMERIC", "NUMERIC", LOSSY),
        ("NUMERIC", "INTEGER", LOSSY),
        ("numeric(12,2)", "decimal(12, 2)", SAME),
        ("numeric(12,2)", "numeric(14,2)", WIDER),
        ("numeric(12,2)", "numeric(12,4)", LOSSY),
        ("numeric(12,2)", "numeric(14,4)", WIDER),
        ("numeric(12,2)", "numeric", WIDER),
        ("numeric", "numeric(38,9)", LOSSY),
        ("NUMBER(38,0)", "NUMBER(10,0)", LOSSY),
        ("varchar(20)", "character varying(20)", SAME),
        ("varchar(20)", "VARCHAR(40)", WIDER),
        ("varchar(40)", "varchar(20)", LOSSY),
        ("varchar(20)", "text", WIDER),
        ("text", "varchar(20)", LOSSY),
        ("text", "varchar", SAME),
        ("STRING", "TEXT", SAME),
        ("varchar(max)", "varchar", SAME),
        ("nvarchar(20)", "varchar(20)", LOSSY),
        ("varchar(20)", "nvarchar(20)", WIDER),
        ("varchar2(20 char)", "varchar2(40 char)", LOSSY),
        ("char(3)", "character(3)", SAME),
        ("char(3)", "char(5)", WIDER),
        ("char(3)", "varchar(3)", WIDER),
        ("varchar(3)", "char(3)", LOSSY),
        ("tinytext", "text", WIDER),
        ("longtext", "text", LOSSY),
        ("BYTES", "STRING", LOSSY),
        ("varbinary(8)", "varbinary(16)", WIDER),
        ("blob", "longblob", WIDER),
        ("date", "timestamp", LOSSY),
        ("date", "DATE", SAME),
        ("timestamp(3)", "timestamp(6)", WIDER),
        ("timestamp(6) with time zone", "timestamp(3) with time zone", LOSSY),
        ("timestamptz", "timestamp with time zone", SAME),
        ("timestamp", "timestamptz", LOSSY),
        ("TIMESTAMP", "DATETIME", LOSSY),
        ("bool", "boolean", SAME),
        ("json", "jsonb", LOSSY),
        ("RECORD", "STRUCT", SAME),
        ("STRING", "RECORD", LOSSY),
        ("text[]", "varchar[]", SAME),
        ("integer[]", "bigint[]", WIDER),
        ("ARRAY<INT64>", "ARRAY<INTEGER>", SAME),
        ("integer[]", "integer", LOSSY),
        ("REPEATED", "STRING", LOSSY),
        ("geography(point,4326)", "geography(point,3857)", LOSSY),
        ("made up", "MADE  up", SAME),
        ("struct<a: int>", "struct<a: bigint>", LOSSY),
        ("((", "))", LOSSY),
        ("", "text", LOSSY),
        (None, "text", SAME),
        ("text", None, SAME),
        ("x" * 100_000, "y" * 100_000, LOSSY),
    ],
)  # fmt: skip
def test_types_keep_their_values_or_may_lose_them(before, after, expected):
    """Aliases are one type, wider ones keep every value, and what is not known counts as a loss."""
    assert retyping(before, after) is expected


@pytest.mark.parametrize(
    "before", ["int2", "int4", "int8", "float4", "float8", "varchar(3)", "text", "numeric(5,2)", "numeric"]
)
@pytest.mark.parametrize(
    "after", ["int2", "int4", "int8", "float4", "float8", "varchar(3)", "text", "numeric(5,2)", "numeric"]
)
def test_no_two_types_are_wider_than_each_other(before, after):
    """Widening there and back would make a loss invisible."""
    assert (retyping(before, after), retyping(after, before)) != (WIDER, WIDER)
    assert (retyping(before, after) is SAME) is (before == after)


def test_the_first_state_adds_everything_and_a_drop_removes_it():
    """Added columns are where they stand; who reads a dropped table fails."""
    first = state("a", "b", event=Event.CREATED)
    assert [(item.column.name, item.position) for item in difference(None, first).added] == [("a", 0), ("b", 1)]
    assert difference(None, first).breaking is Breaking.COMPATIBLE
    dropped = difference(first, state("a", "b", number=2, event=Event.DROPPED))
    assert (names(dropped.removed), dropped.breaking) == (["a", "b"], Breaking.BREAKING)


def test_a_table_that_returns_is_compared_with_what_it_was():
    """Its columns are all new, because there was nothing; whether it breaks anybody is told by what it had before."""
    dropped = state("a", "b", number=2, event=Event.DROPPED)
    same, other = state("a", "b", event=Event.RETURNED), state("a", event=Event.RETURNED)
    assert (names(difference(dropped, same).added), difference(dropped, same).breaking) == (["a", "b"], Breaking.COMPATIBLE)
    assert difference(dropped, other).breaking is Breaking.BREAKING
    assert names(since_drop(dropped, other).removed) == ["b"]
    assert since_drop(state("a"), state("b")) is None
    assert since_drop(dropped, state("a", "b", event=Event.DROPPED)) is None


@pytest.mark.parametrize(
    ("before", "after", "breaking"),
    [
        (Column("b", "int4"), Column("b", "int4"), Breaking.NONE),
        (Column("b", "int4"), Column("b", "INTEGER"), Breaking.NONE),
        (Column("b", "int4"), Column("b", "int8"), Breaking.RISKY),
        (Column("b", "int8"), Column("b", "int4"), Breaking.BREAKING),
        (Column("b", "int4", True), Column("b", "int4", False), Breaking.RISKY),
        (Column("b", "int4", False), Column("b", "int4", True), Breaking.RISKY),
        (Column("b", "int4", None), Column("b", "int4", True), Breaking.COMPATIBLE),
        (Column("b", "int4", description="x"), Column("b", "int4"), Breaking.COMPATIBLE),
        (Column("b", "int4"), Column("B", "int4"), Breaking.BREAKING),
    ],
)
def test_one_column_decides_for_the_whole(before, after, breaking):
    """The class of the difference is that of its worst item."""
    assert difference(state("a", before), state("a", after)).breaking is breaking


@pytest.mark.parametrize(
    ("column", "breaking"),
    [
        (Column("b", "int4"), Breaking.COMPATIBLE),
        (Column("b", "int4", True), Breaking.COMPATIBLE),
        (Column("b", "int4", False, "0"), Breaking.COMPATIBLE),
        (Column("b", "int4", False), Breaking.RISKY),
    ],
)
def test_a_new_column_disturbs_only_who_must_fill_it(column, breaking):
    """Not null and without a default, it refuses rows written as before."""
    found = difference(state("a"), state("a", column))
    assert (names(found.added), found.breaking) == (["b"], breaking)


def test_a_likely_rename_is_a_guess_beside_the_facts():
    """One column for another between the same neighbours, alike but for the name: said so, and still removed and added."""
    found = difference(state("new", "x", "id", "b", "z"), state("x", "id", "c", "z"))
    assert found.renamed == (Turned("c", "b", "c", Breaking.BREAKING),)
    assert (names(found.added), names(found.removed)) == (["c"], ["new", "b"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a", Column("b", "text"), "z"], ["a", Column("c", "int"), "z"]),
        (["a", Column("b", None), "z"], ["a", Column("c", None), "z"]),
        (["a", Column("b", "text", description="x"), "z"], ["a", Column("c", "text", description="y"), "z"]),
        (["a", Column("b", "text", True), "z"], ["a", Column("c", "text", False), "z"]),
        (["a", "b", "z"], ["a", "z", "c"]),
        (["a", "b", "b2", "z"], ["a", "c", "z"]),
        (["a", "b", "z"], ["a", "c", "c2", "z"]),
        (["a", "b", "z"], ["z", "c", "a"]),
    ],
)
def test_what_is_not_alike_or_elsewhere_is_no_rename(before, after):
    """Another type, comment, place, or more than one that it could be."""
    assert difference(state(*before), state(*after)).renamed == ()


def test_the_fewest_columns_have_moved():
    """One that went to the end does not make all the others move; a removed one moves nobody."""
    found = difference(state("a", "b", "c", "d"), state("b", "c", "d", "a"))
    assert found.reordered == (Turned("a", 0, 3, Breaking.RISKY),)
    assert found.breaking is Breaking.RISKY
    assert difference(state("a", "b", "c"), state("b", "c")).reordered == ()


def test_comments_keys_and_names_of_tables():
    """Each with what it was; a renamed table breaks whoever reads it by its name."""
    found = difference(
        state(Column("a", "text", description="old"), description="t"),
        state("a", primary_key=("a",), event=Event.RENAMED, name="shop.public.u", previous_name="shop.public.t"),
    )
    assert found.commented == (Turned("a", "old", None, Breaking.COMPATIBLE),)
    assert found.described == Turned("", "t", None, Breaking.COMPATIBLE)
    assert found.keyed == Turned("", (), ("a",), Breaking.RISKY)
    assert found.table_renamed == Turned("", "shop.public.t", "shop.public.u", Breaking.BREAKING)
    assert found.breaking is Breaking.BREAKING


def test_columns_of_one_name_are_told_apart_by_their_turn():
    """Views may have a name twice: the second one is compared with the second one."""
    found = difference(state("a", Column("a", "int4")), state("a", Column("a", "int8"), Column("a", "date")))
    assert [(item.before, item.after) for item in found.retyped] == [("int4", "int8")]
    assert [(item.column.type, item.position) for item in found.added] == [("date", 2)]


def test_the_worst_of_nothing_is_nothing():
    """And the order of the classes is theirs."""
    assert worst(()) is Breaking.NONE
    assert worst([Breaking.RISKY, Breaking.COMPATIBLE]) is Breaking.RISKY
    assert sorted(Breaking, key=lambda one: one.rank) == [
        Breaking.NONE,
        Breaking.COMPATIBLE,
        Breaking.RISKY,
        Breaking.BREAKING,
    ]
