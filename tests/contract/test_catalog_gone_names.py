"""A table that is gone is still called by its name where its past is asked for, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.catalog.renaming import Renaming
from services.common.model.access import FULL_SCOPE, AccessScope
from tests.support import catalogs
from tests.support.catalogs import WAREHOUSE, Catalog, id_of, person, table


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def test_a_table_that_is_gone_is_found_by_its_name_for_its_history(catalog):
    """By its full name or its end, inside the scope; living tables are not meant."""
    catalog.crawl(table("a", "id"), table("b", "id"))
    catalog.crawl(table("a", "id"))
    for text in ("b", "public.b", "shop.public.B"):
        assert catalog.reader.gone_by_name(text, FULL_SCOPE) == (id_of("b"),)
    assert catalog.reader.gone_by_name("a", FULL_SCOPE) == ()
    assert catalog.reader.gone_by_name("b", AccessScope(("*",), ("*.b",))) == ()
    assert catalog.reader.by_name("b", FULL_SCOPE) == ()
    assert catalog.reader.recorded(id_of("b"), FULL_SCOPE)[0].event == "dropped"


def test_a_rename_of_a_table_that_is_held_can_be_accepted_and_stands_last_in_time(catalog):
    """It was not there when the crawl looked: that much else is missing too is no reason to refuse."""
    held = catalogs.SourceInfo(WAREHOUSE.name, WAREHOUSE.namespace, "postgres", hold_share=0.0)
    renaming = Renaming(catalog.database, clock=catalog.clock)
    catalog.crawl(table("old", "id", "amount"), table("x", "id"), source=held)
    record = catalog.crawl(table("new", "id", "amount"), table("x", "id"), source=held)
    assert (record.counts.held, "1 of 2 tables" in record.failures[0]) == (1, True)
    (proposal,) = renaming.proposals(FULL_SCOPE)
    assert renaming.accept(proposal.id, person()) == id_of("new")
    recorded = catalog.reader.recorded(id_of("new"), FULL_SCOPE)
    assert [one.event for one in recorded] == ["renamed", "created"]
    assert recorded[0].at > recorded[1].at
