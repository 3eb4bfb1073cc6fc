"""A PostgreSQL that goes away under the catalog, and one that was restored beside the one that it is a copy of."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.catalog.patches import CuratedPatch
from services.catalog.sink import CatalogSink
from services.common.errors import HeadwaterError, NotFound, ServiceUnavailable
from services.common.model.crawls import CrawlState
from services.common.model.names import DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.source_settings import SourceSettings, url_namespace
from services.indexer.crawl import BATCH_TABLES, run_crawl
from tests.support.catalogs import Catalog, opened, person
from tests.support.commands import Server, hw, simple_table, until, write_metadata
from tests.support.proxy import Break, Proxy
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.server
TABLES = 2 * BATCH_TABLES + 200
PLACES = 5


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server of our own, which may be ended."""
    reason = PostgresServer.missing()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    with PostgresServer.start({}) as server:
        yield server


@pytest.fixture
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    yield from opened("postgresql", request, tmp_path)


def _source(folder: Path, text: str) -> SourceSettings:
    """Tables that all say `text`."""
    return SourceSettings(
        url=write_metadata(folder / "wh.jsonl", *(simple_table(f"t_{at:04}", text) for at in range(TABLES)))
    )


def _texts(catalog: Catalog) -> Counter[str]:
    """How many tables say what."""
    from services.catalog.store.tables import asset

    return Counter(str(row["description"]) for row in catalog.rows(asset) if row["gone_at"] is None)


@pytest.mark.parametrize("kind", [Break.CUT, Break.RESET])
def test_the_catalog_s_own_connection_is_cut_at_any_byte_of_a_crawl(
    catalog: Catalog, postgres_server: PostgresServer, tmp_path: Path, kind: Break
) -> None:
    """One line, whole batches alone, nothing gone; the next crawl makes the rest."""
    run_crawl("wh", _source(tmp_path, "0"), catalog.sink, by="ann")
    assert catalog.database.shown.startswith("postgresql")
    url = catalog.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    address = urlsplit(url)
    draw = random.Random(str(kind))

    def crawl(text: str, after: int | None) -> int:
        with Proxy(address.hostname or "", address.port or 0, kind=kind, after=after) as proxy:
            database = Database(url.replace(f":{address.port}/", f":{proxy.port}/"), schema="catalog", pool_size=2)
            try:
                run_crawl("wh", _source(tmp_path, text), CatalogSink(database, clock=catalog.clock), by="ann")
            finally:
                database.close()
            return proxy.answered

    whole = crawl("1", None)
    assert _texts(catalog) == {"1": TABLES}
    for at, place in enumerate((*sorted(draw.sample(range(whole), PLACES - 1)), 0), start=2):
        before = set(_texts(catalog))
        with pytest.raises(ServiceUnavailable) as told:
            crawl(str(at), place)
        assert "\n" not in told.value.detail
        now = _texts(catalog)
        assert sum(now.values()) == TABLES
        assert set(now) <= {*before, str(at)}
        assert now[str(at)] % BATCH_TABLES in {0, TABLES % BATCH_TABLES}
    outcome = run_crawl("wh", _source(tmp_path, "last"), catalog.sink, by="ann")
    assert (outcome.record.state, outcome.record.counts.gone) == (CrawlState.COMPLETE, 0)
    assert _texts(catalog) == {"last": TABLES}


def test_the_catalog_s_database_ends_in_the_middle_of_a_crawl_and_comes_back(own: PostgresServer, tmp_path: Path) -> None:
    """A server over it refuses with 503 and gets well by itself; the crawl says why it ended; the next one is complete."""
    url, home = own.create_database("home"), tmp_path / "home"
    source = _source(tmp_path, "before")
    env = {"HEADWATER_DATABASE_URL": url}
    assert hw("crawl", source.url, home=home, **env).code == 0
    database = Database(url, schema="catalog", pool_size=2)
    with Server(home=home, env=env) as server:
        server.ready()
        with pytest.raises(HeadwaterError) as told:
            run_crawl(
                "again",
                _source(tmp_path, "after").model_copy(update={"namespace": Namespace("metadata://again")}),
                CatalogSink(database),
                by="ann",
                on_progress=lambda progress: own.end(at_once=True) if progress.done == BATCH_TABLES else None,
            )
        assert isinstance(told.value, ServiceUnavailable)
        answers = {path: server.client.get(path).status_code for path in ("/livez", "/readyz", "/api/v1/search?q=t_0001")}
        assert (answers["/livez"], answers["/api/v1/search?q=t_0001"]) == (200, 503)
        failed = hw("crawl", source.url, home=home, **env)
        assert failed.code == 1
        assert "Traceback" not in failed.err
        assert "headwater: " in failed.err
        own.restart()
        until(lambda: server.client.get("/api/v1/search", params={"q": "t_0001"}).status_code == 200, "the answers")
        until(lambda: server.client.get("/readyz").status_code == 200, "readiness")
        again = run_crawl("again", source, CatalogSink(database), by="ann")
        assert again.record.state is CrawlState.COMPLETE
    database.close()


def test_a_server_that_was_restored_beside_its_original_takes_nothing_from_it(
    own: PostgresServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every table of both has the same number: each stays its own server's, words, renames and drops too."""
    url = own.create_database("shop")
    with own.connect(url) as connection:
        for name in ("orders", "items", "bills"):
            connection.execute(f"CREATE TABLE {name} (id int, amount int)".encode())
    own.end()
    with own.restored() as copy:
        own.restart()
        urls = {"wh": url, "copy": url.replace(f":{urlsplit(url).port}", f":{urlsplit(copy.url).port}")}
        systems = set()
        for server, one in ((own, urls["wh"]), (copy, urls["copy"])):
            with server.connect(one) as connection:
                systems.add(connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone())
        assert len(systems) == 1
        for catalog in opened("sqlite", request, tmp_path):

            def crawl(name: str, catalog: Catalog = catalog) -> Counter[str]:
                record = run_crawl(name, SourceSettings(url=urls[name]), catalog.sink, by="ann").record
                assert (record.state, record.failures) == (CrawlState.COMPLETE, ())
                return Counter({what: getattr(record.counts, what) for what in ("added", "gone", "unchanged")})

            def named(source: str, name: str) -> DatasetName:
                return DatasetName(url_namespace(urls[source]), (urlsplit(url).path[1:], "public", name))

            assert crawl("wh")["added"] == 3
            orders = catalog.get(named("wh", "orders").id)
            catalog.curator.patch(orders.id, CuratedPatch({"description": "by hand"}), person(), if_match=orders.revision)
            assert crawl("copy")["added"] == 3
            with copy.connect(urls["copy"]) as connection:
                connection.execute("ALTER TABLE orders RENAME TO orders_of_the_copy")
                connection.execute("DROP TABLE bills")
            assert crawl("copy")["gone"] == 1
            with own.connect(url) as connection:
                connection.execute("DROP TABLE items")
            assert crawl("wh")["gone"] == 1
            assert catalog.get(named("wh", "orders").id).description == "by hand"
            assert catalog.get(named("wh", "bills").id).gone_at is None
            assert catalog.get(named("copy", "items").id).gone_at is None
            assert catalog.get(named("copy", "orders_of_the_copy").id).description is None
            with pytest.raises(NotFound):  # it has another name now
                catalog.get(named("copy", "orders").id)
