"""Crawls, renames, holds and people in an awkward order: no word is lost and nothing that exists is buried. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from services.catalog import ending
from services.catalog.patches import CuratedPatch
from services.catalog.renaming import Renaming
from services.catalog.store import ending as ending_rows
from services.catalog.store import renames
from services.common.errors import HeadwaterError
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Found
from services.common.model.changes import START
from services.common.model.crawls import CrawlBatch, CrawlRecord, CrawlState, SourceInfo, TableCounts
from services.common.model.search import Filters
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, person, table

CAREFUL = SourceInfo("wh", NAMESPACE, "postgres")
DBT = SourceInfo("dbt", NAMESPACE, "dbt", into="wh", hold_share=1.0)
COLUMNS = ("id", "amount", "at")


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def _crawl(
    catalog: Catalog,
    *found: Found,
    source: SourceInfo = WAREHOUSE,
    grants: tuple[str, ...] | None = None,
    state: CrawlState = CrawlState.COMPLETE,
) -> CrawlRecord:
    crawl = catalog.sink.open(source, by="local").id
    catalog.sink.put(crawl, CrawlBatch(SHOP, found, last=True, complete=True, grants=grants))
    return catalog.sink.close(crawl, state, ())


def _killed(catalog: Catalog, *found: Found, source: SourceInfo = WAREHOUSE) -> None:
    crawl = catalog.sink.open(source, by="local").id
    catalog.sink.put(crawl, CrawlBatch(SHOP, found))


def _say(catalog: Catalog, name: str, **words: object) -> None:
    asset = catalog.get(id_of(name))
    catalog.curator.patch(asset.id, CuratedPatch(words), person(), if_match=asset.revision)


def _names(catalog: Catalog) -> list[str]:
    return [asset.table for asset in catalog.reader.page(FULL_SCOPE).assets]


def test_a_name_that_is_taken_again_is_shown_and_leads_nowhere(catalog):
    """`a` became `b`, then somebody made a new `a`: its id is its own again, also when it is dropped later."""
    _crawl(catalog, table("a", "id", object_id="7"), table("x", "id"))
    _crawl(catalog, table("b", "id", object_id="7"), table("x", "id"))
    assert catalog.reader.renamed(id_of("a"), FULL_SCOPE) == id_of("b")
    _crawl(catalog, table("b", "id", object_id="7"), table("a", "other", object_id="8"), table("x", "id"))
    assert catalog.reader.renamed(id_of("a"), FULL_SCOPE) is None
    _crawl(catalog, table("b", "id", object_id="7"), table("x", "id"))
    changes = {change.id: change for change in catalog.feed.after(START).changes}
    assert (changes[id_of("a")].asset, changes[id_of("a")].now) == (None, None)


@pytest.mark.parametrize("state", [CrawlState.FAILED, CrawlState.PARTIAL])
def test_a_crawl_that_did_not_look_leaves_a_hold_as_it_is(catalog, state):
    """Only a complete crawl replaces a hold; a server that is down tonight is no answer to the question."""
    _crawl(catalog, *(table(name, "id") for name in "abc"), source=CAREFUL)
    held = _crawl(catalog, table("a", "id"), source=CAREFUL)
    later = catalog.sink.open(CAREFUL, by="local").id
    catalog.sink.close(later, state, ["the server does not answer"])
    assert [catalog.get(id_of(name)).held for name in "abc"] == [False, True, True]
    assert catalog.sink.accept(held.id, by="ann").counts == TableCounts(found=1, unchanged=1, gone=2)
    assert _names(catalog) == ["a"]


def test_words_on_both_names_are_kept_field_by_field(catalog):
    """Somebody wrote on the new name before anybody said that it is the old table: nothing of either is lost."""
    _crawl(catalog, table("old", *COLUMNS), table("x", "id"))
    _say(catalog, "old", description="from the old", owners=["ann"], tags=["pii"])
    _crawl(catalog, table("new", *COLUMNS), table("x", "id"))
    _say(catalog, "new", description="from the new")
    renaming = Renaming(catalog.database, clock=catalog.clock)
    (proposal,) = renaming.proposals(FULL_SCOPE)
    renaming.accept(proposal.id, person())
    now = catalog.get(id_of("new"))
    assert (now.description, now.owners, now.tags) == ("from the new", ("ann",), ("pii",))
    for wanted in (Filters(tag=("pii",)), Filters(owner=("ann",))):
        assert [asset.table for asset in catalog.reader.page(FULL_SCOPE, wanted).assets] == ["new"]


def test_two_renames_that_one_crawl_sees_at_once_keep_the_newest_words(catalog):
    """a became b while the container was read in part, b became c: the words on b are newer than those on a."""
    _crawl(catalog, table("a", "id", object_id="7"), table("x", "id"))
    _say(catalog, "a", description="first", owners=["ann"])
    _crawl(catalog, table("b", "id", object_id="7"), table("x", "id"), state=CrawlState.PARTIAL)
    _say(catalog, "b", description="second")
    _crawl(catalog, table("c", "id", object_id="7"), table("x", "id"))
    assert _names(catalog) == ["c", "x"]
    now = catalog.get(id_of("c"))
    assert (now.description, now.owners) == ("second", ("ann",))
    assert {catalog.reader.renamed(id_of(name), FULL_SCOPE) for name in "ab"} == {now.id}


def test_filters_find_a_renamed_table_by_the_labels_of_artifacts(catalog):
    _crawl(catalog, table("old", "id", object_id="7"), table("x", "id"))
    _crawl(catalog, table("old", "id", tags=("gold",), owners=("finance",)), source=DBT)
    _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"))
    for wanted in (Filters(tag=("gold",)), Filters(owner=("finance",))):
        assert [asset.table for asset in catalog.reader.page(FULL_SCOPE, wanted).assets] == ["new"]


def test_a_table_that_a_killed_crawl_saw_last_can_still_go(catalog):
    """What it was allowed is known from the crawl before: its absence means as much as ever."""
    rights = ("SELECT",)
    _crawl(catalog, table("a", "id"), table("b", "id"), grants=rights)
    _killed(catalog, table("a", "id"), table("b", "id"))
    record = _crawl(catalog, table("a", "id"), grants=rights)
    assert (record.counts.gone, record.counts.unseen, _names(catalog)) == (1, 0, ["a"])


def test_a_right_that_was_lost_before_a_killed_crawl_still_hides(catalog):
    """The last crawl that read the container whole had more rights than this one: what is not shown is hidden."""
    _crawl(catalog, table("a", "id"), table("b", "id"), grants=("SELECT", "SELECT b"))
    _killed(catalog, table("a", "id"), table("b", "id"))
    record = _crawl(catalog, table("a", "id"), grants=("SELECT",))
    assert (record.counts.gone, record.counts.unseen, _names(catalog)) == (0, 1, ["a", "b"])


def test_a_source_that_gets_its_name_takes_what_its_tables_were_called_along(catalog):
    """Globs over the new name hide the old names of its tables too."""
    unnamed = SourceInfo(NAMESPACE, NAMESPACE, "postgres", hold_share=1.0)
    _crawl(catalog, table("secret", "id", object_id="7"), table("x", "id"), source=unnamed)
    _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"), source=unnamed)
    _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"))
    assert catalog.reader.renamed(id_of("secret"), AccessScope(("wh.*",))) == id_of("new")
    assert catalog.reader.renamed(id_of("secret"), AccessScope(("*",), ("wh.shop.public.secret",))) is None


def _beside(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, other: Callable[[], None]) -> _Beside:
    """Run `other` in a thread of its own just after `module.name` was first called; wait for it a moment, not for ever."""
    real, failures, threads = getattr(module, name), [], []

    def work() -> None:
        try:
            other()
        except HeadwaterError as error:
            failures.append(error)

    def first(*arguments, **more):
        found = real(*arguments, **more)
        if not threads:
            threads.append(threading.Thread(target=work))
            threads[0].start()
            threads[0].join(timeout=1)
        return found

    monkeypatch.setattr(module, name, first)
    return _Beside(threads, failures)


class _Beside:
    def __init__(self, threads: list[threading.Thread], failures: list[HeadwaterError]) -> None:
        self._threads = threads
        self.failures = failures

    def done(self) -> None:
        self._threads[0].join(timeout=60)
        assert not self._threads[0].is_alive()


def test_words_written_while_a_crawl_renames_are_kept_or_refused(catalog, monkeypatch):
    """Never accepted and lost: the curator's commit comes before the move, or it is told that the asset is another one."""
    _crawl(catalog, table("old", "id", object_id="7"), table("x", "id"))
    beside = _beside(monkeypatch, renames, "_words", lambda: _say(catalog, "old", description="just now"))
    _crawl(catalog, table("new", "id", object_id="7"), table("x", "id"))
    beside.done()
    assert beside.failures or catalog.get(id_of("new")).description == "just now"


def test_a_table_that_is_shown_while_somebody_says_yes_stays(catalog, monkeypatch):
    """A newer crawl shows what was held in the moment of the yes: it exists, and is not buried."""
    _crawl(catalog, *(table(name, "id") for name in "abc"), source=CAREFUL)
    held = _crawl(catalog, table("a", "id"), source=CAREFUL)

    def shown() -> None:
        crawl = catalog.sink.open(CAREFUL, by="local").id
        catalog.sink.put(crawl, CrawlBatch(SHOP, tuple(table(name, "id") for name in "abc"), last=True, complete=True))
        catalog.sink.close(crawl, CrawlState.COMPLETE, ())

    beside = _beside(monkeypatch, ending_rows, "held_by", shown)
    catalog.sink.accept(held.id, by="ann")
    beside.done()
    assert not beside.failures
    assert _names(catalog) == ["a", "b", "c"]


def test_what_the_warehouse_shows_while_artifacts_end_is_not_theirs_to_bury(catalog, monkeypatch):
    """dbt no longer has a model that was never built, and the warehouse shows it in this very moment."""
    planned = [table(name, "id") for name in ("later", "t", "u")]
    _crawl(catalog, *planned, source=DBT)

    def built() -> None:
        _crawl(catalog, planned[0])

    beside = _beside(monkeypatch, ending_rows, "absent", built)
    _crawl(catalog, *planned[1:], source=DBT)
    beside.done()
    assert not beside.failures
    assert _names(catalog) == ["later", "t", "u"]


def test_a_renamed_schema_moves_in_several_commits_and_is_counted_once(catalog, monkeypatch):
    """Every table of it has another name: other writers get their turn in between, and the report is the same."""
    monkeypatch.setattr(ending, "RENAMES_AT_ONCE", 2)
    names = [f"t{number}" for number in range(5)]
    _crawl(catalog, *(table(name, "id", object_id=name) for name in names), table("x", "id"))
    for name in names:
        _say(catalog, name, description=f"words on {name}")
    record = _crawl(catalog, *(table(f"new_{name}", "id", object_id=name) for name in names))
    assert record.counts == TableCounts(found=5, changed=5, gone=1)
    assert [asset.description for asset in catalog.reader.page(FULL_SCOPE).assets] == [f"words on {name}" for name in names]
    assert len({change.seq for change in catalog.feed.after(START).changes}) == 11
