"""Revisions that are crawled come back as they were: kinds, columns, types, comments, moments. On SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import pytest

from bench import history as replayed
from services.catalog.api.history import history_of, schema_as_of
from services.catalog.history import Breaking, Event
from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Column
from tests.support import catalogs
from tests.support.catalogs import Catalog, id_of, table


def line(name: str, day: int, kind: str, n_columns: int, added=(), removed=(), retyped=(), redescribed=0) -> dict:
    """A line as the file of real revisions has it, of a day in 2020 with an offset that is not ours."""
    whole = kind in ("created", "deleted")
    return {
        "table": f"project.{name}",
        "date": f"2020-01-{day:02}T09:00:00-07:00",
        "kind": kind,
        "n_columns": n_columns,
        "added": n_columns if kind == "created" else [] if not whole else 0,
        "removed": 0 if whole else [],
        "retyped": [list(triple) for triple in retyped],
        "redescribed": redescribed,
    } | ({} if whole else {"added": [list(pair) for pair in added], "removed": [list(pair) for pair in removed]})


LINES = [
    line("a.one", 1, "created", 3),
    line("a.one", 2, "changed", 3, added=[("new", "STRING")], removed=[("old", "INT64")]),
    line("a.one", 2, "changed", 3, retyped=[("typed", "INT64", "INTEGER")], redescribed=2),
    line("a.one", 3, "changed", 3),
    line("a.one", 5, "deleted", 0) | {"removed": 3},
    line("a.two", 2, "created", 0),
    line("a.two", 4, "changed", 2, added=[("x", "RECORD"), ("x.y", "FLOAT64")]),
    line("a.two", 5, "changed", 1, removed=[("x.y", "FLOAT64")]),
    line("b.three", 5, "created", 1),
    line("b.three", 6, "deleted", 0) | {"removed": 1},
    line("b.three", 7, "created", 4),
    line("b.three", 8, "changed", 4, redescribed=1),
]


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def test_replayed_revisions_come_back_exactly(catalog):
    """Every line is told as it is; the one that says nothing has no version; of two at one instant both are there."""
    tables = replayed.revisions(LINES)
    found, client = replayed.replay(catalog.database, tables)
    assert found == Counter({"equal": 11, "nothing to see, and no version": 1})
    moments = replayed.as_of(tables, client)
    assert moments == Counter({"equal": 9, "dropped then, and a 404": 2, "before the first, and a 404": 3})


@pytest.mark.parametrize("control", [replayed.shuffled, replayed.without_comments])
def test_what_is_not_as_the_lines_say_is_noticed(catalog, control):
    """The comparison itself can fail: states in another order, or without their comments."""
    tables = replayed.revisions(LINES)
    found, _ = replayed.replay(catalog.database, tables, control(tables))
    assert replayed.wrong(found) >= 2


def _story(catalog: Catalog) -> list[dt.datetime]:
    """Created, changed, dropped, returned with less; when each was stored, oldest first."""
    states = [("id", "gone"), ("id", "gone", Column("note", "text", description="why")), None, ("id",)]
    for columns in states:
        catalog.crawl(table("other", "id"), *([] if columns is None else [table("orders", *columns)]))
    return [one.at for one in catalog.reader.recorded(id_of("orders"), FULL_SCOPE)[::-1]]


def test_a_table_that_was_dropped_and_returned_tells_all_of_it(catalog):
    """Newest first; what a return lost against what was dropped breaks its readers."""
    _story(catalog)
    versions = history_of(catalog.reader, id_of("orders"), FULL_SCOPE).versions
    assert [version.event for version in versions] == [Event.RETURNED, Event.DROPPED, Event.CHANGED, Event.CREATED]
    assert [version.breaking for version in versions] == [*[Breaking.BREAKING] * 2, *[Breaking.COMPATIBLE] * 2]
    assert [column.name for column in versions[0].since_drop.removed] == ["gone", "note"]
    assert [version.column_count for version in versions] == [1, 0, 3, 2]


def test_pages_of_a_history_are_the_whole(catalog):
    """Each version is compared with the one before it, also where that is on the next page."""
    _story(catalog)
    whole = history_of(catalog.reader, id_of("orders"), FULL_SCOPE)
    assert whole.cursor is None
    paged, cursor = [], None
    while True:
        page = history_of(catalog.reader, id_of("orders"), FULL_SCOPE, limit=1, before=cursor)
        paged += page.versions
        if page.cursor is None:
            break
        cursor = int(page.cursor)
    assert paged == whole.versions


def test_as_of_gives_the_schema_that_was_valid(catalog):
    """From the moment that a crawl stored it until the next; before the first and while it was dropped there is none."""
    moments = _story(catalog)
    second = dt.timedelta(seconds=1)

    def shown(at: dt.datetime) -> list[str]:
        return [column.name for column in schema_as_of(catalog.reader, id_of("orders"), FULL_SCOPE, at).schema_.columns]

    assert shown(moments[0]) == ["id", "gone"]
    assert shown(moments[1] - second / 2) == ["id", "gone"]
    assert shown(moments[1]) == ["id", "gone", "note"]
    assert shown(moments[3] + 1000 * second) == ["id"]
    assert shown(moments[3].astimezone(dt.timezone(dt.timedelta(hours=5)))) == ["id"]
    for at, why in ((moments[0] - second, "did not know"), (moments[2], "dropped"), (moments[3] - second / 2, "dropped")):
        with pytest.raises(NotFound, match=why):
            shown(at)


def test_as_of_finds_what_lies_far_back(catalog):
    """However many versions came after it."""
    for number in range(45):
        catalog.crawl(table("orders", *(f"c{at}" for at in range(number + 1))))
    states = catalog.reader.recorded(id_of("orders"), FULL_SCOPE)
    for state in states:
        found = schema_as_of(catalog.reader, id_of("orders"), FULL_SCOPE, state.at)
        assert (found.schema_.number, len(found.schema_.columns)) == (state.number, len(state.columns))
        assert len(found.versions[0].difference.added) == 1


def test_the_history_of_a_dropped_table_is_for_those_who_could_see_it(catalog):
    """Its tombstone stays readable by its id; to everybody else it was never there."""
    catalog.crawl(table("orders", "id"), table("other", "id"))
    catalog.crawl(table("other", "id"))
    assert [v.event for v in history_of(catalog.reader, id_of("orders"), AccessScope(("wh.shop",))).versions] == [
        Event.DROPPED,
        Event.CREATED,
    ]
    for scope in (AccessScope(), AccessScope(("*",), ("*orders",)), AccessScope(("wh.shop.public.other",))):
        with pytest.raises(NotFound):
            history_of(catalog.reader, id_of("orders"), scope)
        with pytest.raises(NotFound):
            schema_as_of(catalog.reader, id_of("orders"), scope, dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
