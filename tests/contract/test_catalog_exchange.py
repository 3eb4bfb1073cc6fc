"""People's words out of the catalog and back: nothing lost, nothing made up, nothing overwritten. On SQLite and PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.catalog.exchange import Row, rows_of
from services.catalog.exchange_import import MAX_LISTED, Importer, ImportReport
from services.catalog.exchange_lines import csv_cells, csv_header, json_line, read_rows
from services.catalog.patches import parse_patch
from services.catalog.store import tables
from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Column
from services.common.model.crawls import SourceInfo
from services.common.model.names import DatasetName, Namespace
from tests.support import catalogs
from tests.support.catalogs import Catalog, id_of, person, table

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9) | st.sampled_from(
    ["", "-", "'", "=1", "a\r\nb", "of the crawl"]
)
LABELS = st.lists(TEXT.map(str.strip).filter(bool), max_size=3)
STATUS = st.none() | st.sampled_from(["endorsed", "warned", "deprecated"])
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "description": TEXT,
        "tags": LABELS,
        "owners": LABELS,
        "status": STATUS,
        "successor": st.sampled_from([None, id_of("b"), id_of('c "quoted".t')]),
        "columns": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["id", "=x", ""])},
                optional={"description": TEXT, "tags": LABELS, "status": STATUS, "successor": st.sampled_from([None, "y"])},
            ),
            unique_by=lambda column: column["name"],
        ),
    },
)


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def crawl(catalog: Catalog) -> None:
    columns = (Column("id", "int", description="of the crawl", tags=("key", " odd ")), "=x", "", "y")
    found = [table(name, *columns, description="of the crawl", tags=("raw", "b;c")) for name in ("a", "b", 'c "quoted".t')]
    catalog.crawl(*found)


def say(catalog: Catalog, name: str = "a", by: str = "ann", **said) -> None:
    held = catalog.get(id_of(name))
    catalog.curator.patch(held.id, parse_patch(said), person(by), if_match=held.revision)


def exported(catalog: Catalog) -> list[Row]:
    return [row for of_table, _ in rows_of(catalog.reader, FULL_SCOPE) for row in of_table]


def brought(catalog: Catalog, rows, **options) -> ImportReport:
    numbered = [(number, row) for number, row in enumerate(rows, 2)]
    return Importer(catalog.reader, catalog.curator, person("cli"), **options).run(numbered)


def words(catalog: Catalog) -> dict:
    """What people's layer holds, without who said it when; a row of nothing is none."""
    fields = ("description", "tags", "owners", "status", "successor")
    rows = ((row["asset_id"], row["column_id"], {f: row[f] for f in fields}) for row in catalog.rows(tables.curation))
    return {(asset, column): said for asset, column, said in rows if any(v is not None for v in said.values())}


def wipe(catalog: Catalog) -> None:
    with catalog.database.write() as connection:
        for gone in (tables.curation, tables.audit):
            connection.execute(gone.delete())


def edited(rows: list[Row], name: str, column: str | None = None, **said) -> list[Row]:
    """The file after a person has changed one row of it."""
    return [
        Row(row.name, row.column, row.source, row.namespace, {**row.said, **said}, row.people, row.exported, row.revision)
        if (row.name, row.column) == (name, column)
        else row
        for row in rows
    ]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(WORDS, WORDS))
def test_what_was_exported_can_be_brought_back_into_a_wiped_catalog(catalog, said):
    """Through both formats: the same words of people, none made of the crawl's; and again, which changes nothing."""
    crawl(catalog)
    for name, patch in zip(("a", 'c "quoted".t'), said, strict=True):
        mine = {k: v for k, v in patch.items() if k != "successor" or v != id_of(name)}
        say(catalog, name, **mine)
    before, rows = words(catalog), exported(catalog)
    files = {"jsonl": "".join(json_line(row) + "\n" for row in rows).encode(), "csv": catalogs_csv(rows)}
    for kind, file in files.items():
        wipe(catalog)
        report = Importer(catalog.reader, catalog.curator, person("cli")).run(read_rows(io.BytesIO(file), kind))
        assert (report.whole, words(catalog)) == (True, before)
        revisions = [row["revision"] for row in catalog.rows(tables.asset)]
        again = Importer(catalog.reader, catalog.curator, person("cli")).run(read_rows(io.BytesIO(file), kind))
        assert (again.whole, again.changed.total, again.tables) == (True, 0, 0)
        assert [row["revision"] for row in catalog.rows(tables.asset)] == revisions
    wipe(catalog)


def catalogs_csv(rows: list[Row]) -> bytes:
    import csv

    out = io.StringIO(newline="")
    written = csv.writer(out, lineterminator="\r\n")
    written.writerow(csv_header())
    written.writerows(csv_cells(row) for row in rows)
    return out.getvalue().encode()


def test_what_the_crawl_says_does_not_become_what_people_say(catalog):
    """A file that is sent back as it was writes nothing; so a later comment of the warehouse still shows."""
    crawl(catalog)
    report = brought(catalog, exported(catalog))
    assert (report.whole, report.changed.total, words(catalog)) == (True, 0, {})
    say(catalog, tags=["mine"])
    assert brought(catalog, edited(exported(catalog), "shop.public.a", status="warned")).changed.total == 1
    assert catalog.get(id_of("a")).curated == ("tags", "status")


def test_an_edit_is_recorded_as_the_commands(catalog):
    """One entry a field, by `cli`, which can be taken back like any other."""
    crawl(catalog)
    rows = edited(exported(catalog), "shop.public.a", description="mine", owners=["ann"])
    report = brought(catalog, edited(rows, "shop.public.a", "id", tags=["pii"]))
    assert (report.tables, report.changed.total, report.whole) == (1, 3, True)
    entries = catalog.reader.history(id_of("a"), FULL_SCOPE)
    assert {(entry.by, entry.column, entry.field) for entry in entries} == {
        ("cli", None, "description"),
        ("cli", None, "owners"),
        ("cli", "id", "tags"),
    }
    assert catalog.get(id_of("a")).revision == 2


def test_null_takes_back_and_absent_leaves(catalog):
    """The crawl's word shows again; a field that the row does not have stays."""
    crawl(catalog)
    say(catalog, description="mine", tags=["x"])
    rows = [Row(**{**as_dict(row), "said": {"description": None}}) for row in exported(catalog)]
    report = brought(catalog, rows)
    held = catalog.get(id_of("a"))
    assert (report.whole, held.description, held.tags, held.curated) == (True, "of the crawl", ("x",), ("tags",))


def as_dict(row: Row) -> dict:
    return {field: getattr(row, field) for field in row.__slots__}


def test_a_dry_run_says_the_same_and_writes_nothing(catalog):
    """Its report is that of the run that follows."""
    crawl(catalog)
    rows = edited(exported(catalog), "shop.public.a", description="mine")
    dry = brought(catalog, rows, dry_run=True)
    assert (words(catalog), catalog.get(id_of("a")).revision, catalog.rows(tables.audit)) == ({}, 1, [])
    real = brought(catalog, rows)
    assert (dry.changed, dry.tables) == (real.changed, real.tables)
    assert [(o.name, o.field, o.text) for o in dry.changed.listed] == [
        ("shop.public.a", "description", "the catalog holds nothing, the file 'mine'")
    ]


@pytest.mark.parametrize("edit", [{}, {"description": "from the file"}])
def test_what_somebody_changed_since_is_a_conflict(catalog, edit):
    """Whether the file changes the field or only still has the old word: listed and left, unless forced. The rest is done."""
    crawl(catalog)
    say(catalog, description="first")
    rows = edited(exported(catalog), "shop.public.a", **edit, status="endorsed")
    say(catalog, by="bob", description="of bob")
    report = brought(catalog, rows)
    assert [(o.name, o.field) for o in report.conflicts.listed] == [("shop.public.a", "description")]
    assert "of bob" in report.conflicts.listed[0].text
    held = catalog.get(id_of("a"))
    assert (held.description, held.status, report.whole) == ("of bob", "endorsed", False)
    forced = brought(catalog, rows, force=True)
    assert (forced.whole, catalog.get(id_of("a")).description) == (True, edit.get("description", "first"))


def test_a_word_that_was_taken_back_since_is_a_conflict(catalog):
    """It was somebody's decision; in a catalog that never had it, it is only not there yet."""
    crawl(catalog)
    say(catalog, description="first", columns=[{"name": "id", "tags": ["x"]}])
    rows = exported(catalog)
    say(catalog, by="bob", description=None, columns=[{"name": "id", "tags": None}])
    report = brought(catalog, rows)
    assert {(o.name, o.field) for o in report.conflicts.listed} == {
        ("shop.public.a", "description"),
        ("shop.public.a.id", "tags"),
    }
    wipe(catalog)
    assert brought(catalog, rows).whole


def test_the_crawls_own_changes_are_no_conflict(catalog):
    """A new revision alone says nothing: the table was crawled again, with another comment."""
    crawl(catalog)
    rows = edited(exported(catalog), "shop.public.a", description="mine")
    catalog.crawl(table("a", "id", description="another"))
    report = brought(catalog, [row for row in rows if row.name == "shop.public.a" and row.column is None])
    assert (report.whole, catalog.get(id_of("a")).description) == (True, "mine")


def test_a_row_by_hand_is_written_where_nobody_said_anything(catalog):
    """It knows of no word before it; what is said already is a conflict, what the crawl says anyway is nothing new."""
    crawl(catalog)
    say(catalog, "b", description="first")
    by_hand = [
        Row("shop.public.a", said={"description": "mine", "tags": ["raw", "b;c"]}),
        Row("public.b", said={"description": "other", "status": "warned"}),
        Row("A", "ID", said={"description": "of the crawl"}),
    ]
    report = brought(catalog, by_hand)
    assert [(o.line, o.field) for o in report.changed.listed] == [(2, "description"), (3, "status")]
    assert [(o.line, o.field) for o in report.conflicts.listed] == [(3, "description")]
    assert [o.line for o in report.unknown.listed] == [4]  # PostgreSQL tells `ID` from `id`


def test_unknown_and_ambiguous_rows_are_listed(catalog):
    """A table or column that is not there, a name that fits several; source or namespace makes it one."""
    crawl(catalog)
    other = Namespace("postgres://db2:5432")
    twin = table("a", "id")
    twin = type(twin)(DatasetName(other, twin.name.parts), columns=twin.columns)
    catalog.crawl(
        twin, source=SourceInfo("wh2", other, "postgres"), container=type(catalogs.SHOP)(other, ("shop", "public"))
    )
    report = brought(
        catalog,
        [
            Row("shop.public.nowhere", said={"description": "x"}),
            Row("shop.public.b", "nowhere", said={"description": "x"}),
            Row("shop.public.a", said={"description": "x"}),
            Row("shop.public.a", source="wh2", said={"description": "in wh2"}),
            Row("shop.public.a", namespace="postgres://db1:5432", said={"description": "in wh"}),
            Row("shop.public.a", source="wh9", said={"description": "x"}),
        ],
    )
    assert [(o.line, o.text.split(":")[0]) for o in report.unknown.listed] == [
        (2, "no table is called so"),
        (3, "shop.public.b has no column nowhere"),
        (4, "fits several"),
        (7, "no table is called so"),
    ]
    assert catalog.get(id_of("a")).description == "in wh"
    assert catalog.get(twin.name.id).description == "in wh2"


def test_values_that_a_field_cannot_have_are_invalid_and_the_others_are_written(catalog):
    """With the line; a row that comes twice counts once."""
    crawl(catalog)
    report = brought(
        catalog,
        [
            Row("shop.public.a", said={"status": "splendid", "description": "x"}),
            Row("shop.public.a", "id", said={"description": "x" * 1_000_000}),
            Row("shop.public.a", "y", said={"description": "fine"}),
            Row("shop.public.a", "y", said={"description": "twice"}),
            Row("shop.public.b", said={"successor": "shop.public.nowhere"}),
            Row("shop.public.b", said={"successor": "shop.public.b"}),
            Row("shop.public.b", "id", said={"successor": "id"}),
            "is not JSON: …",
        ],
    )
    assert [o.line for o in report.invalid.listed] == [2, 3, 5, 6, 7, 8, 9]
    assert {o.line: o.text for o in report.invalid.listed}[5] == "the same as line 4"
    assert [(o.line, o.field) for o in report.changed.listed] == [(4, "description")]
    assert words(catalog).keys() == {(id_of("a"), catalog.get(id_of("a")).column_id("y"))}


def test_long_lists_of_outcomes_are_counted(catalog):
    """And the first of them kept."""
    crawl(catalog)
    report = brought(catalog, ["wrong"] * (MAX_LISTED + 5))
    assert (report.invalid.total, len(report.invalid.listed), report.rows) == (MAX_LISTED + 5, MAX_LISTED, MAX_LISTED + 5)


def test_somebody_who_writes_in_between_is_not_overwritten(catalog, monkeypatch):
    """The table is read again, and what was written meanwhile is a conflict."""
    crawl(catalog)
    rows = edited(exported(catalog), "shop.public.a", description="mine", status="warned")
    real, raced = catalog.curator.patch, []

    def patch(*args, **options):
        if not raced:
            raced.append(1)
            say_held = catalog.get(id_of("a"))
            real(say_held.id, parse_patch({"description": "of bob"}), person("bob"), if_match=say_held.revision)
        return real(*args, **options)

    monkeypatch.setattr(catalog.curator, "patch", patch)
    report = brought(catalog, rows)
    held = catalog.get(id_of("a"))
    assert (held.description, held.status, report.conflicts.total, report.changed.total) == ("of bob", "warned", 1, 1)


def test_an_export_shows_what_its_scope_shows(catalog):
    """And an import writes nothing that its principal does not see."""
    crawl(catalog)
    scope = AccessScope(("*",), ("*.b",))
    assert {row.name for of_table, _ in rows_of(catalog.reader, scope) for row in of_table}.isdisjoint({"shop.public.b"})
    rows = [Row("shop.public.b", said={"description": "x"})]
    report = Importer(catalog.reader, catalog.curator, person("eve", scope)).run([(2, row) for row in rows])
    assert (report.unknown.total, words(catalog)) == (1, {})
    with pytest.raises(NotFound):
        catalog.get(id_of("b"), scope)
