"""A difference is whole: applied to what was there it gives what is there, and nothing in it is without need."""

from __future__ import annotations

import dataclasses
import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from services.catalog.history import Breaking, Difference, Event, Recorded, difference, since_drop
from services.common.model.assets import Column

NAMES = st.sampled_from(list("abcdefgh"))
COLUMNS = st.lists(
    st.builds(
        Column,
        NAMES,
        type=st.sampled_from([None, "int4", "INTEGER", "int8", "text", "varchar(3)", "date"]),
        nullable=st.sampled_from([None, True, False]),
        description=st.sampled_from([None, "", "x", "y"]),
    ),
    max_size=8,
    unique_by=lambda column: column.name,
).map(tuple)


@st.composite
def states(draw, events=(Event.CHANGED, Event.RENAMED), columns=COLUMNS) -> Recorded:
    shown = draw(columns)
    keys = st.lists(st.sampled_from([column.name for column in shown]), unique=True) if shown else st.just([])
    return Recorded(
        number=1,
        at=dt.datetime(2031, 1, 1, tzinfo=dt.UTC),
        event=draw(st.sampled_from(events)),
        name=draw(st.sampled_from(["s.t", "s.u"])),
        columns=shown,
        primary_key=tuple(draw(keys)),
        description=draw(st.sampled_from([None, "", "x"])),
        crawl="c",
    )


def applied(before: Recorded, found: Difference) -> tuple[tuple[Column, ...], tuple[str, ...], str | None]:
    """Columns, primary key and comment after a difference, from what was before alone."""
    away = {item.position for item in found.removed} | {item.before for item in found.reordered}
    stay = [column for at, column in enumerate(before.columns) if at not in away]
    placed = {item.position: item.column for item in found.added}
    placed |= {item.after: before.columns[item.before] for item in found.reordered}
    for position in sorted(placed):
        stay.insert(position, placed[position])
    new = {item.column.name for item in found.added}
    for field, items in (("type", found.retyped), ("nullable", found.nullability), ("description", found.commented)):
        said = {item.name: item.after for item in items if item.name not in new}
        stay = [
            dataclasses.replace(column, **{field: said[column.name]}) if column.name in said else column for column in stay
        ]
    key = found.keyed.after if found.keyed else before.primary_key
    return tuple(stay), key, found.described.after if found.described else before.description


@given(states(), states())
def test_a_difference_applied_to_before_gives_after(before, after):
    """For any two states: columns in their order with type, nullability and comment, the key, the table's comment."""
    assert applied(before, difference(before, after)) == (after.columns, after.primary_key, after.description)


@given(states(), states(columns=st.lists(st.sampled_from("ab").map(Column), max_size=6).map(tuple)))
def test_a_name_that_comes_more_than_once_is_counted(before, after):
    """As many are left of each name as there are, whichever of them is which."""
    found = difference(before, after)
    left = len(before.columns) - len(found.removed) + len(found.added)
    assert left == len(after.columns)


@given(states(events=(Event.CHANGED,)))
def test_a_state_differs_from_itself_in_nothing(one):
    """The empty difference, whose class is `none`."""
    assert difference(one, one) == Difference()


@given(states(), states(events=(Event.RETURNED,)))
def test_a_drop_takes_all_and_a_return_brings_all(before, after):
    """And what is told of a return beside it leads from what the table was to what it is."""
    dropped = dataclasses.replace(before, event=Event.DROPPED)
    assert [item.column for item in difference(before, dropped).removed] == list(before.columns)
    assert [item.column for item in difference(dropped, after).added] == list(after.columns)
    assert applied(dropped, since_drop(dropped, after)) == (after.columns, after.primary_key, after.description)


@given(states(events=(Event.CHANGED,)), states(events=(Event.CHANGED,)))
def test_the_class_is_that_of_the_worst_item_and_no_better_than_a_lost_column(before, after):
    """Whatever else happens: a name that is gone breaks who names it, and `none` is said only where nothing can be seen."""
    found = difference(before, after)
    lost = {column.name for column in before.columns} - {column.name for column in after.columns}
    assert (found.breaking is Breaking.BREAKING) or not lost
    assert found.breaking is not Breaking.NONE or all(item.breaking is Breaking.NONE for item in found.retyped)
    assert all(pair.before in lost for pair in found.renamed)
