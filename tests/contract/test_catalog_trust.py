"""Nothing false in the catalog, nothing lost: hidden tables, holds, renames and what artifacts say. On both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.catalog.crawl_history import CrawlHistory
from services.catalog.patches import CuratedPatch
from services.catalog.renaming import Renaming
from services.catalog.store import tables
from services.common.errors import Conflict, NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Column, Container, Found
from services.common.model.changes import START
from services.common.model.crawls import CrawlBatch, CrawlRecord, CrawlState, SourceInfo, TableCounts
from services.common.model.names import DatasetName, Namespace
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, person, table

CAREFUL = SourceInfo("wh", NAMESPACE, "postgres")
DBT = SourceInfo("dbt", NAMESPACE, "dbt", into="wh", hold_share=1.0)


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def _crawl(
    catalog: Catalog,
    *found: Found,
    grants: tuple[str, ...] | None = None,
    source: SourceInfo = WAREHOUSE,
    state: CrawlState = CrawlState.COMPLETE,
    rebuilding: tuple[DatasetName, ...] = (),
) -> CrawlRecord:
    crawl = catalog.sink.open(source, by="local").id
    catalog.sink.put(crawl, CrawlBatch(SHOP, found, last=True, complete=True, grants=grants, rebuilding=rebuilding))
    return catalog.sink.close(crawl, state, ())


def _say(catalog: Catalog, name: str, text: str = "by hand") -> None:
    asset = catalog.get(id_of(name))
    patch = CuratedPatch({"description": text, "owners": ["ann"]}, {"id": {"description": f"{text}, the key"}})
    catalog.curator.patch(asset.id, patch, person(), if_match=asset.revision)


def _names(catalog: Catalog) -> list[str]:
    return [asset.table for asset in catalog.reader.page(FULL_SCOPE).assets]


def test_a_revoked_right_hides_nothing_and_a_drop_is_seen_when_it_is_back(catalog):
    """Found with its words, marked with the reason, for as many crawls as it takes; then gone where it is gone."""
    rights, fewer = ("SELECT a", "SELECT b"), ("SELECT a",)
    _crawl(catalog, table("a", "id"), table("b", "id"), grants=rights)
    _say(catalog, "b")
    for _ in range(3):
        record = _crawl(catalog, table("a", "id"), grants=fewer)
        assert (record.state, record.counts) == (CrawlState.COMPLETE, TableCounts(found=1, unchanged=1, unseen=1))
    hidden = catalog.get(id_of("b"))
    assert (hidden.description, hidden.gone_at) == ("by hand", None)
    assert (hidden.unseen_since is not None, "role" in (hidden.unseen_why or "")) == (True, True)
    assert catalog.feed.after(START).changes[-1].asset == hidden
    seen = _crawl(catalog, table("a", "id"), table("b", "id"), grants=rights)
    assert seen.counts == TableCounts(found=2, unchanged=2)
    assert catalog.get(id_of("b")).unseen_since is None
    assert catalog.feed.after(START).changes[-1].asset == catalog.get(id_of("b"))
    assert _crawl(catalog, table("a", "id"), grants=rights).counts.gone == 1


def test_a_killed_crawl_in_between_does_not_weaken_what_is_known_of_rights(catalog):
    """It saw the table with more rights than it lived to say: a later crawl with fewer must not bury it."""
    _crawl(catalog, table("a", "id"), grants=("x",))
    killed = catalog.sink.open(WAREHOUSE, by="local").id
    catalog.sink.put(killed, CrawlBatch(SHOP, (table("a", "id"), table("b", "id"))))
    record = _crawl(catalog, table("a", "id"), grants=("x",))
    assert (record.counts.gone, record.counts.unseen) == (0, 1)
    assert _names(catalog) == ["a", "b"]


def test_more_than_half_gone_at_once_waits_for_a_yes(catalog):
    """All are still found, the crawl is not complete and says what to do; a yes buries them, once."""
    _crawl(catalog, *(table(name, "id") for name in "abc"), source=CAREFUL)
    record = _crawl(catalog, table("a", "id"), source=CAREFUL)
    assert (record.state, record.counts) == (CrawlState.PARTIAL, TableCounts(found=1, unchanged=1, held=2))
    assert "held until somebody says yes" in record.failures[0]
    assert record.id in record.failures[0]
    assert _names(catalog) == ["a", "b", "c"]
    assert [catalog.get(id_of(name)).held for name in "abc"] == [False, True, True]
    accepted = catalog.sink.accept(record.id, by="ann")
    assert accepted.counts == TableCounts(found=1, unchanged=1, gone=2)
    assert accepted.seq == catalog.feed.head()
    assert _names(catalog) == ["a"]
    with pytest.raises(Conflict):
        catalog.sink.accept(record.id, by="ann")


def test_a_later_complete_crawl_replaces_a_hold(catalog):
    """What it shows again is held no more, and a yes to the older crawl means nothing any more."""
    _crawl(catalog, *(table(name, "id") for name in "abc"), source=CAREFUL)
    older = _crawl(catalog, table("a", "id"), source=CAREFUL)
    newer = _crawl(catalog, table("a", "id"), table("b", "id"), source=CAREFUL)
    assert newer.counts == TableCounts(found=2, unchanged=2, gone=1)
    assert [asset.held for asset in catalog.reader.page(FULL_SCOPE).assets] == [False, False]
    with pytest.raises(Conflict):
        catalog.sink.accept(older.id, by="ann")
    again = _crawl(catalog, source=CAREFUL)
    assert again.counts == TableCounts(held=2)
    assert _crawl(catalog, source=CAREFUL).counts == TableCounts(held=2)
    with pytest.raises(Conflict):
        catalog.sink.accept(again.id, by="ann")


def test_a_renamed_table_takes_everything_along(catalog):
    """Words, record, versions and figures; the old id leads to the new one, for those who may see both names."""
    _crawl(catalog, table("old", "id", object_id="7", rows=5), table("x", "id"))
    _say(catalog, "old")
    catalog.curator.patch(id_of("x"), CuratedPatch({"successor": id_of("old")}), person(), if_match=1)
    first = catalog.get(id_of("old"))
    record = _crawl(catalog, table("new", "id", "more", object_id="7", rows=6), table("x", "id"))
    assert record.counts == TableCounts(found=2, changed=1, unchanged=1)
    now = catalog.get(id_of("new"))
    assert (now.description, now.owners, now.columns[0].description) == ("by hand", ("ann",), "by hand, the key")
    assert (now.first_seen, catalog.get(id_of("x")).successor) == (first.first_seen, now.id)
    assert [entry.field for entry in catalog.reader.history(now.id, FULL_SCOPE)] == ["description", "owners", "description"]
    recorded = catalog.reader.recorded(now.id, FULL_SCOPE)
    assert [(one.number, one.event, one.name.split(".")[-1]) for one in recorded] == [
        (2, "renamed", "new"),
        (1, "created", "old"),
    ]
    assert (recorded[0].previous_name, now.version) == ("shop.public.old", 2)
    assert [row["rows"] for row in sorted(catalog.rows(tables.observation), key=lambda r: r["at"]) if row["rows"]] == [5, 6]
    with pytest.raises(NotFound):
        catalog.get(id_of("old"))
    assert catalog.reader.renamed(id_of("old"), FULL_SCOPE) == now.id
    for hidden in ("*.old", "*.new"):
        assert catalog.reader.renamed(id_of("old"), AccessScope(("*",), (hidden,))) is None
    changes = {change.id: change for change in catalog.feed.after(START).changes}
    assert (changes[id_of("old")].asset, changes[id_of("old")].now, changes[now.id].asset) == (None, now.id, now)
    undone = catalog.curator.undo(catalog.reader.history(now.id, FULL_SCOPE)[0].id, person())
    assert undone.columns[0].description is None or undone.description is None
    again = _crawl(catalog, table("new", "id", "more", object_id="7", rows=6), table("x", "id"))
    assert again.counts == TableCounts(found=2, unchanged=2)


def test_a_name_that_the_scope_hides_is_not_in_a_history(catalog):
    _crawl(catalog, table("secret", "id", object_id="7"), table("x", "id"))
    _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"))
    narrow = AccessScope(("*",), ("*.secret",))
    assert "secret" not in repr(catalog.reader.recorded(id_of("new"), narrow))
    history = CrawlHistory(catalog.database, catalog.reader)
    crawl = catalog.reader.crawls(FULL_SCOPE)[0].id
    assert "secret" in repr(history.changes(crawl, FULL_SCOPE))
    assert "secret" not in repr(history.changes(crawl, narrow))


def test_a_rename_of_a_rename_leads_all_the_way_and_a_name_may_be_taken_again(catalog):
    _crawl(catalog, table("a", "id", object_id="7"), table("x", "id"))
    _say(catalog, "a")
    _crawl(catalog, table("b", "id", object_id="7"), table("x", "id"))
    _crawl(catalog, table("c", "id", object_id="7"), table("x", "id"))
    assert catalog.reader.renamed(id_of("a"), FULL_SCOPE) == catalog.reader.renamed(id_of("b"), FULL_SCOPE) == id_of("c")
    _crawl(catalog, table("a", "id", object_id="7"), table("x", "id"))
    assert catalog.get(id_of("a")).description == "by hand"
    assert catalog.reader.renamed(id_of("a"), FULL_SCOPE) is None
    assert catalog.reader.renamed(id_of("c"), FULL_SCOPE) == id_of("a")


def test_a_rename_that_a_killed_crawl_saw_half_of_is_still_one(catalog):
    """The new name came with the crawl that was killed, the old one goes with the next."""
    _crawl(catalog, table("old", "id", object_id="7"), table("x", "id"))
    _say(catalog, "old")
    killed = catalog.sink.open(WAREHOUSE, by="local").id
    catalog.sink.put(killed, CrawlBatch(SHOP, (table("new", "id", object_id="7"),)))
    partial = _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"), state=CrawlState.PARTIAL)
    assert (partial.counts.gone, partial.counts.unseen) == (0, 1)
    record = _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"))
    assert record.counts == TableCounts(found=2, unchanged=2)
    assert catalog.get(id_of("new")).description == "by hand"


def test_dbt_s_swap_leaves_words_on_the_table(catalog):
    """The same name beats the same object, and a crawl in the middle of the swap takes nothing for gone."""
    x = table("x", "id")
    _crawl(catalog, table("t", "id", object_id="1"), x)
    _say(catalog, "t")
    middle = _crawl(catalog, x, rebuilding=(DatasetName(NAMESPACE, ("shop", "public", "t")),))
    assert (middle.counts.gone, middle.counts.unseen) == (0, 1)
    after = _crawl(catalog, table("t", "id", object_id="2"), table("t_old", "id", object_id="1"), x)
    assert after.counts == TableCounts(found=3, added=1, unchanged=2)
    assert (catalog.get(id_of("t")).description, catalog.get(id_of("t_old")).description) == ("by hand", None)
    assert (catalog.get(id_of("t")).object_id, catalog.get(id_of("t")).unseen_since) == ("2", None)


def test_without_object_ids_a_person_says_whether_two_names_are_one_table(catalog):
    """A proposal with its reason; no is remembered, yes moves everything, and neither can be said of what one may not see."""
    columns = ("id", "amount", "at")
    renaming = Renaming(catalog.database, clock=catalog.clock)
    _crawl(catalog, table("old", *columns), table("x", "id"))
    _say(catalog, "old")
    record = _crawl(catalog, table("new", *columns), table("x", "id"))
    assert record.counts == TableCounts(found=2, added=1, unchanged=1, gone=1)
    (proposal,) = renaming.proposals(FULL_SCOPE)
    assert (proposal.old_name, proposal.new_name) == ("shop.public.old", "shop.public.new")
    assert "equal columns: 3" in proposal.reason
    for hidden in ("*.old", "*.new"):
        narrow = AccessScope(("*",), (hidden,))
        assert renaming.proposals(narrow) == ()
        with pytest.raises(NotFound):
            renaming.accept(proposal.id, person(scope=narrow))
    assert renaming.accept(proposal.id, person()) == id_of("new")
    assert catalog.get(id_of("new")).description == "by hand"
    assert catalog.reader.renamed(id_of("old"), FULL_SCOPE) == id_of("new")
    assert [one.event for one in catalog.reader.recorded(id_of("new"), FULL_SCOPE)] == ["renamed", "dropped", "created"]
    assert renaming.proposals(FULL_SCOPE) == ()
    _crawl(catalog, table("newer", *columns), table("x", "id"))
    (second,) = renaming.proposals(FULL_SCOPE)
    renaming.reject(second.id, person())
    with pytest.raises(Conflict):
        renaming.accept(second.id, person())
    assert renaming.proposals(FULL_SCOPE) == ()


def _model(name: str, description: str | None = "from dbt", **more) -> Found:
    return table(name, Column("id", None, description="dbt's key"), description=description, **more)


def test_artifacts_describe_tables_that_another_source_owns(catalog):
    """Person, then dbt, then the warehouse's comment: the strongest is shown, all are kept with their origin."""
    seen = table("t", Column("id", "int", description="comment"), description="comment", tags=("raw",))
    _crawl(catalog, seen, table("x", "id"))
    record = _crawl(catalog, _model("t", tags=("gold",), owners=("finance",), properties={"dbt": {"n": 1}}), source=DBT)
    assert (record.source, record.counts) == ("dbt", TableCounts(found=1, changed=1))
    asset = catalog.get(id_of("t"))
    assert (asset.source, asset.description, asset.tags, asset.owners) == ("wh", "from dbt", ("raw", "gold"), ("finance",))
    assert [(one.origin, one.source, one.text) for one in asset.descriptions] == [
        ("dbt", "dbt", "from dbt"),
        ("postgres", "wh", "comment"),
    ]
    assert (asset.columns[0].type, asset.columns[0].description) == ("int", "dbt's key")
    assert asset.properties == {"dbt": {"n": 1}}
    _say(catalog, "t")
    asset = catalog.get(id_of("t"))
    assert [one.origin for one in asset.descriptions] == ["person", "dbt", "postgres"]
    assert [one.origin for one in asset.columns[0].descriptions] == ["person", "dbt", "postgres"]
    assert (asset.description, asset.columns[0].description) == ("by hand", "by hand, the key")
    again = _crawl(catalog, _model("t", tags=("gold",), owners=("finance",), properties={"dbt": {"n": 1}}), source=DBT)
    assert again.counts == TableCounts(found=1, unchanged=1)
    assert _crawl(catalog, seen, table("x", "id")).counts == TableCounts(found=2, unchanged=2)


def test_the_warehouse_says_what_exists_and_artifacts_what_it_means(catalog):
    """A model that was not built yet is listed until a crawl of the warehouse knows better; words of dbt go with dbt."""
    assert _crawl(catalog, _model("later"), _model("t"), source=DBT).counts == TableCounts(found=2, added=2)
    assert catalog.get(id_of("later")).source == "wh"
    assert [one.origin for one in catalog.get(id_of("later")).descriptions] == ["dbt"]
    assert _crawl(catalog, table("t", "id"), table("x", "id")).counts == TableCounts(found=2, added=1, changed=1)
    assert _crawl(catalog, _model("t"), source=DBT).counts.gone == 1
    assert _names(catalog) == ["t", "x"]
    assert catalog.get(id_of("t")).description == "from dbt"
    _crawl(catalog, source=DBT)
    assert (catalog.get(id_of("t")).description, _names(catalog)) == (None, ["t", "x"])


def test_artifacts_never_bury_what_the_warehouse_shows(catalog):
    _crawl(catalog, table("t", "id"), table("x", "id"))
    _crawl(catalog, _model("t"), _model("x"), source=DBT)
    assert _crawl(catalog, source=DBT).counts == TableCounts()
    assert _names(catalog) == ["t", "x"]


def test_filters_find_by_the_labels_of_artifacts(catalog):
    from services.common.model.search import Filters

    _crawl(catalog, table("t", "id", tags=("raw",)))
    _crawl(catalog, _model("t", tags=("Gold",), owners=("finance",)), source=DBT)
    _crawl(catalog, table("t", "id", "more", tags=("raw",)))
    for wanted in (Filters(tag=("gold",)), Filters(tag=("raw",)), Filters(owner=("finance",))):
        assert [asset.table for asset in catalog.reader.page(FULL_SCOPE, wanted).assets] == ["t"]
    _crawl(catalog, source=DBT)
    assert catalog.reader.page(FULL_SCOPE, Filters(tag=("gold",))).assets == ()


def test_two_databases_of_one_server_are_two_sources(catalog):
    """Each has its own tables; a URL that names neither has the rest, and the first name for a database takes its tables."""
    unnamed = SourceInfo(NAMESPACE, NAMESPACE, "postgres")
    lake = table("t", "id", parts=("lake", "main"))
    place = Container(NAMESPACE, ("lake", "main"))
    catalog.crawl(table("a", "id"), source=unnamed)
    catalog.crawl(lake, source=unnamed, container=place)
    first = SourceInfo("one", NAMESPACE, "postgres", database="shop")
    catalog.crawl(table("a", "id"), source=first)
    assert {asset.name.parts[0]: asset.source for asset in catalog.reader.page(FULL_SCOPE).assets} == {
        "shop": "one",
        "lake": NAMESPACE,
    }
    second = SourceInfo("two", NAMESPACE, "postgres", database="lake")
    catalog.crawl(lake, source=second, container=place)
    assert [asset.source for asset in catalog.reader.page(FULL_SCOPE).assets] == ["two", "one"]
    with pytest.raises(Conflict):
        catalog.sink.open(SourceInfo("three", NAMESPACE, "postgres", database="Lake"), by="local")
    by_url = SourceInfo(NAMESPACE, NAMESPACE, "postgres", database="lake")
    assert catalog.sink.open(by_url, by="local").source == "two"
    assert {info.source.name for info in catalog.reader.sources(FULL_SCOPE)} == {"one", "two", str(NAMESPACE)}


def test_what_each_crawl_changed_is_kept(catalog):
    """By table, with the reason; what a reader may not see is in neither the list nor the numbers."""
    history = CrawlHistory(catalog.database, catalog.reader)
    _crawl(catalog, table("a", "id"), table("b", "id"), table("secret", "id"))
    record = _crawl(catalog, table("a", "id", "more"), table("c", "id"))
    told = history.changes(record.id, FULL_SCOPE)
    assert {(one.qualified.split(".")[-1], one.what) for one in told.changes} == {
        ("a", "changed"),
        ("c", "added"),
        ("b", "gone"),
        ("secret", "gone"),
    }
    assert told.total == {"changed": 1, "added": 1, "gone": 2}
    assert [(one.name, one.complete) for one in told.containers] == [("shop.public", True)]
    narrow = AccessScope(("*",), ("*.secret",))
    assert history.changes(record.id, narrow).total == {"changed": 1, "added": 1, "gone": 1}
    assert history.changes(record.id, narrow).containers == ()
    first = history.changes(record.id, FULL_SCOPE, limit=3)
    rest = history.changes(record.id, FULL_SCOPE, limit=3, cursor=first.cursor)
    assert (len(first.changes), len(rest.changes), rest.cursor) == (3, 1, None)


def test_rights_are_kept_only_as_long_as_a_table_rests_on_them(catalog):
    """Crawls every hour do not fill the database: what nobody was seen by is forgotten."""
    for _ in range(5):
        _crawl(catalog, table("a", "id"), grants=("x",))
    assert len(catalog.rows(tables.crawl_container)) == 1


def test_a_source_s_namespace_alone_is_not_another_s(catalog):
    """A file of lines may hold tables of the warehouse's namespace; the artifacts of dbt own nothing at all."""
    _crawl(catalog, _model("t"), source=DBT)
    catalog.crawl(table("u", "id"))
    infos = {one.source.name: one.source for one in catalog.reader.sources(FULL_SCOPE)}
    assert (infos["dbt"].into, infos["wh"].into, infos["wh"].database) == ("wh", None, None)
    other = SourceInfo("other", Namespace("postgres://db9:5432"), "dbt", into="else")
    assert catalog.sink.open(other, by="local").source == "other"


def test_columns_that_the_source_could_not_show_are_not_removed(catalog):
    """A lost right on columns, or a view over a table that is gone: what was known stays, with people's words on it."""
    _crawl(catalog, table("v", "id", "amount", "note"))
    _say(catalog, "v")
    limited = table("v", Column("amount", "int"), "new", properties={"columns_limited": True})
    assert _crawl(catalog, limited).counts == TableCounts(found=1, changed=1)
    columns = catalog.get(id_of("v")).columns
    assert [(one.name, one.type) for one in columns] == [
        ("id", "text"),
        ("amount", "int"),
        ("note", "text"),
        ("new", "text"),
    ]
    assert columns[0].description == "by hand, the key"
    _crawl(catalog, table("v", properties={"broken": True}))
    assert len(catalog.get(id_of("v")).columns) == 4
    _crawl(catalog, table("v", "id"))
    assert [one.name for one in catalog.get(id_of("v")).columns] == ["id"]
