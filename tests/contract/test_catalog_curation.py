"""What people say: it covers what crawls say, survives them, is recorded, and can be taken back. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.catalog.patches import CuratedPatch
from services.catalog.store import tables
from services.common.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.assets import Column, Found, Status
from services.common.model.names import AssetId, DatasetName, Namespace
from tests.support import catalogs
from tests.support.catalogs import Catalog, id_of, person, table

ORDERS = id_of("orders")


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def test_curated_wins_and_survives_every_crawl(catalog):
    """All fields a person can write, against a crawl that says otherwise, before and after it changed."""
    catalog.crawl(
        table("orders", Column("id", description="c"), description="crawled", tags=("t",), owners=("dba",)), table("new")
    )
    words = {"description": "words", "tags": ["Gold"], "owners": ["ann"], "status": "deprecated", "successor": id_of("new")}
    column = {"description": "key", "tags": ["restricted"], "status": "warned"}
    changed = catalog.curator.patch(ORDERS, CuratedPatch(words, {"id": column}), person(), if_match=1)
    catalog.crawl(table("orders", Column("id", "int", description="d"), description="again", tags=("u",)), table("new"))
    asset = catalog.get(ORDERS)
    assert (asset.description, asset.crawled_description) == ("words", "again")
    assert (asset.tags, asset.owners, asset.status) == (("Gold",), ("ann",), Status.DEPRECATED)
    assert asset.successor == id_of("new")
    assert asset.curated == ("description", "tags", "owners", "status", "successor")
    (shown,) = asset.columns
    assert (shown.type, shown.description, shown.tags, shown.status) == ("int", "key", ("restricted",), Status.WARNED)
    assert shown.curated == ("description", "tags", "status")
    assert shown.restricted
    assert changed.revision == 2
    assert asset.revision == 3


def test_null_goes_back_to_what_the_crawl_says_and_absent_stays(catalog):
    """Merge patch: a field that is not named is left alone, an empty list is a word too."""
    catalog.crawl(table("orders", Column("id", description="c"), description="crawled", tags=("t",)))
    first = CuratedPatch({"description": "words", "tags": []}, {"id": {"description": "key"}})
    assert catalog.curator.patch(ORDERS, first, person(), if_match=1).tags == ()
    second = CuratedPatch({"description": None}, {"id": {"description": None}})
    asset = catalog.curator.patch(ORDERS, second, person(), if_match=2)
    assert (asset.description, asset.crawled_description, asset.tags) == ("crawled", None, ())
    assert asset.curated == ("tags",)
    assert asset.columns == (Column("id", description="c"),)


def test_words_about_a_column_survive_its_absence(catalog):
    """A column that is dropped and comes back still has them."""
    catalog.crawl(table("orders", "id", "amount"))
    catalog.curator.patch(ORDERS, CuratedPatch({}, {"amount": {"description": "gross"}}), person(), if_match=1)
    catalog.crawl(table("orders", "id"))
    assert catalog.get(ORDERS).columns == (Column("id", "text"),)
    catalog.crawl(table("orders", "id", "amount"))
    assert catalog.get(ORDERS).columns[1].description == "gross"


def test_words_about_a_table_survive_its_absence(catalog):
    """A table that was gone for a while comes back with what people said of it."""
    catalog.crawl(table("orders", "id"))
    catalog.curator.patch(ORDERS, CuratedPatch({"status": "endorsed"}), person(), if_match=1)
    catalog.crawl()
    catalog.crawl(table("orders", "id"))
    assert catalog.get(ORDERS).status is Status.ENDORSED


def test_a_column_is_found_in_any_case_where_the_engine_has_none(catalog):
    """DuckDB compares names without case: a patch of `AMOUNT` and a re-spelled column mean the same one."""
    name = DatasetName(Namespace("duckdb:///wh.duckdb"), ("wh", "main", "Orders"))
    catalog.crawl(Found(name, columns=(Column("Amount"),)))
    catalog.curator.patch(name.id, CuratedPatch({}, {"AMOUNT": {"description": "gross"}}), person(), if_match=1)
    catalog.crawl(Found(name, columns=(Column("amount"),)))
    assert catalog.get(name.id).columns[0].description == "gross"


def test_a_stale_revision_is_refused_and_changes_nothing(catalog):
    """The second of two who read the same revision must read again."""
    catalog.crawl(table("orders", "id"))
    catalog.curator.patch(ORDERS, CuratedPatch({"description": "first"}), person(), if_match=1)
    with pytest.raises(PreconditionFailed):
        catalog.curator.patch(ORDERS, CuratedPatch({"description": "second"}), person(), if_match=1)
    assert catalog.get(ORDERS).description == "first"
    assert len(catalog.rows(tables.audit)) == 1


def test_of_writers_at_once_one_wins(catalog):
    """Eight patches of one revision: one is stored, seven are refused, none is lost."""
    catalog.crawl(table("orders", "id"))

    def write(number: int) -> bool:
        try:
            catalog.curator.patch(ORDERS, CuratedPatch({"description": str(number)}), person(), if_match=1)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert catalog.get(ORDERS).description == str(won.index(True))
    assert catalog.get(ORDERS).revision == 2


def test_a_crawl_between_read_and_write_is_noticed(catalog):
    """A crawl that changes the table raises the revision too."""
    catalog.crawl(table("orders", "id"))
    catalog.crawl(table("orders", "id", "more"))
    with pytest.raises(PreconditionFailed):
        catalog.curator.patch(ORDERS, CuratedPatch({"description": "x"}), person(), if_match=1)


def test_a_patch_that_says_nothing_new_writes_nothing(catalog):
    """No revision, no record, no change in the feed."""
    catalog.crawl(table("orders", "id"))
    catalog.curator.patch(ORDERS, CuratedPatch({"tags": ["x"]}), person(), if_match=1)
    head = catalog.feed.head()
    asset = catalog.curator.patch(ORDERS, CuratedPatch({"tags": ["x"], "owners": None}), person(), if_match=2)
    assert asset.revision == 2
    assert catalog.feed.head() == head
    assert len(catalog.rows(tables.audit)) == 1


def test_who_when_before_and_after_are_kept(catalog):
    """One entry a field, newest first, in pages."""
    catalog.crawl(table("orders", "id"))
    catalog.curator.patch(ORDERS, CuratedPatch({"description": "one"}), person("ann"), if_match=1)
    second = CuratedPatch({"description": "two"}, {"id": {"tags": ["pii"]}})
    catalog.curator.patch(ORDERS, second, person("bob"), if_match=2)
    history = catalog.reader.history(ORDERS, FULL_SCOPE)
    assert [(e.by, e.column, e.field, e.before, e.after) for e in history] == [
        ("bob", "id", "tags", None, ["pii"]),
        ("bob", None, "description", "one", "two"),
        ("ann", None, "description", None, "one"),
    ]
    assert history[0].at == history[1].at > history[2].at
    assert catalog.reader.history(ORDERS, FULL_SCOPE, before=history[0].id, limit=1) == history[1:2]


def test_a_change_can_be_undone_and_the_undoing_too(catalog):
    """Undoing writes a new entry, is a change of the feed, and can itself be undone."""
    catalog.crawl(table("orders", "id", description="crawled"))
    catalog.curator.patch(ORDERS, CuratedPatch({"description": "words", "tags": ["x"]}), person(), if_match=1)
    entry = next(e for e in catalog.reader.history(ORDERS, FULL_SCOPE) if e.field == "description")
    head = catalog.feed.head()
    asset = catalog.curator.undo(entry.id, person("bob"))
    assert (asset.description, asset.tags, asset.revision) == ("crawled", ("x",), 3)
    assert catalog.feed.head() == head + 1
    undoing = catalog.reader.history(ORDERS, FULL_SCOPE)[0]
    assert (undoing.by, undoing.before, undoing.after, undoing.undoes) == ("bob", "words", None, entry.id)
    assert catalog.curator.undo(undoing.id, person()).description == "words"


def test_a_field_that_was_changed_since_is_not_undone(catalog):
    """Undoing an older change would silently drop the newer one."""
    catalog.crawl(table("orders", "id"))
    catalog.curator.patch(ORDERS, CuratedPatch({}, {"id": {"tags": ["a"]}}), person(), if_match=1)
    catalog.curator.patch(ORDERS, CuratedPatch({}, {"id": {"tags": ["b"]}}), person(), if_match=2)
    newer, older = catalog.reader.history(ORDERS, FULL_SCOPE)
    with pytest.raises(Conflict):
        catalog.curator.undo(older.id, person())
    catalog.curator.undo(newer.id, person())
    with pytest.raises(Conflict):
        catalog.curator.undo(newer.id, person())
    assert catalog.curator.undo(older.id, person()).columns[0].tags == ()


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        (CuratedPatch({}, {"id": {}, "nope": {"tags": []}}), "/columns/1/name"),
        (CuratedPatch({}, {"id": {"successor": "id"}}), "/columns/0/successor"),
        (CuratedPatch({}, {"id": {"successor": "nope"}}), "/columns/0/successor"),
        (CuratedPatch({"successor": ORDERS}), "/successor"),
        (CuratedPatch({"successor": id_of("nobody knows")}), "/successor"),
        (CuratedPatch({"successor": id_of("secret")}), "/successor"),
    ],
)
def test_words_about_what_does_not_exist_are_refused(catalog, patch, pointer):
    """With a pointer to the part that is wrong; a hidden successor is refused like an unknown one."""
    catalog.crawl(table("orders", "id"), table("secret", "id"))
    scope = AccessScope(("*",), ("*.secret",))
    with pytest.raises(BadRequest) as refused:
        catalog.curator.patch(ORDERS, patch, person(scope=scope), if_match=1)
    assert refused.value.errors[0]["pointer"] == pointer
    assert catalog.get(ORDERS).revision == 1


def test_hidden_and_gone_assets_cannot_be_written(catalog):
    """The same answer for an unknown, a hidden and a gone asset, for patch and undo."""
    catalog.crawl(table("orders", "id"), table("old", "id"))
    catalog.curator.patch(ORDERS, CuratedPatch({"description": "x"}), person(), if_match=1)
    (entry,) = catalog.reader.history(ORDERS, FULL_SCOPE)
    catalog.crawl(table("orders", "id"))
    for asset, scope in ((AssetId("d" + "a" * 26), FULL_SCOPE), (ORDERS, NO_SCOPE), (id_of("old"), FULL_SCOPE)):
        with pytest.raises(NotFound):
            catalog.curator.patch(asset, CuratedPatch({"description": "y"}), person(scope=scope), if_match=1)
    with pytest.raises(NotFound):
        catalog.curator.undo(entry.id, person(scope=NO_SCOPE))
    with pytest.raises(NotFound):
        catalog.curator.undo(entry.id + 99, person())


def test_a_successor_that_became_hidden_is_not_named(catalog):
    """Neither in the asset nor in its history, as if it had never been there."""
    catalog.crawl(table("orders", "id"), table("secret", "id"))
    words = {"status": "deprecated", "successor": id_of("secret")}
    catalog.curator.patch(ORDERS, CuratedPatch(words), person(), if_match=1)
    scope = AccessScope(("*",), ("*.secret",))
    asset = catalog.get(ORDERS, scope)
    assert (asset.status, asset.successor, asset.curated) == (Status.DEPRECATED, None, ("status",))
    assert [entry.field for entry in catalog.reader.history(ORDERS, scope)] == ["status"]
    assert catalog.get(ORDERS).successor == id_of("secret")
