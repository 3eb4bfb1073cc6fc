"""The services of one home in one process: each part made when it is first used, for commands and for role `all`.

`compose` makes processes of them by role; this and `compose` alone import all three services.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from services.catalog.assets import AssetReader
from services.catalog.crawl_history import CrawlHistory
from services.catalog.curation import Curator
from services.catalog.feed import CatalogFeed
from services.catalog.feedback import FeedbackLog, log_of
from services.catalog.known_namespaces import known_namespaces
from services.catalog.preview import PreviewSink
from services.catalog.renaming import Renaming
from services.catalog.search_history import SearchHistory
from services.catalog.sink import CatalogSink
from services.catalog.store.line import LINE as CATALOG_LINE
from services.catalog.vocabulary import Vocabulary
from services.common.model.names import Namespaces
from services.common.ports import AssetSink, ChangeFeed
from services.common.runtime.db import Database
from services.common.runtime.migrations import MigrationLine, ensure_current, upgrade
from services.common.runtime.pseudonyms import home_key
from services.common.runtime.settings import Settings
from services.indexer.service import Indexer, IndexerSettings
from services.indexer.store.line import LINE as INDEXER_LINE
from services.lineage.service import Lineage
from services.lineage.store.line import LINE as LINEAGE_LINE

LINES: tuple[MigrationLine, ...] = (CATALOG_LINE, INDEXER_LINE, LINEAGE_LINE)
"""The services' migrations, in the order in which `headwater db upgrade` runs them."""


class Workspace:
    """The services of one home in one process; each part is made when first used.

    Args:
        settings: whose home.
        role: `serve` or `crawl`, told to those who find the index lease taken.
        server: whose worker this process is; None where it is all of a server, or a command.

    """

    def __init__(self, settings: Settings, *, role: str = "crawl", server: str | None = None) -> None:
        self.settings = settings
        self._role = role
        self._server = server
        self._opened: list[Database] = []

    @cached_property
    def catalog_database(self) -> Database:
        """The catalog's database, created where it is absent."""
        return self._database(CATALOG_LINE)

    @cached_property
    def sink(self) -> CatalogSink:
        """Where crawls go, commit after commit."""
        self.catalog_database.stay_open()
        return CatalogSink(self.catalog_database)

    def preview(self) -> PreviewSink:
        """A place for one crawl that writes nothing, not even an empty catalog where there is none yet."""
        return PreviewSink(None if self.is_new else self.catalog_database)

    @property
    def is_new(self) -> bool:
        """Whether there is no catalog yet; looking at one would make it."""
        settings = self.settings
        return settings.database_url is None and not (settings.home / f"{CATALOG_LINE.service}.db").exists()

    @cached_property
    def feed(self) -> CatalogFeed:
        """What changed."""
        return CatalogFeed(self.catalog_database)

    @cached_property
    def reader(self) -> AssetReader:
        """What may be read."""
        return AssetReader(self.catalog_database)

    @cached_property
    def curator(self) -> Curator:
        """What people say."""
        return Curator(self.catalog_database)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What people decided about words."""
        return Vocabulary(self.catalog_database, self.reader)

    @cached_property
    def crawl_history(self) -> CrawlHistory:
        """What crawls did."""
        return CrawlHistory(self.catalog_database, self.reader)

    @cached_property
    def renaming(self) -> Renaming:
        """Renames for a person to decide."""
        return Renaming(self.catalog_database)

    @cached_property
    def feedback(self) -> FeedbackLog:
        """What people do with answers."""
        return log_of(self.settings, self.catalog_database, self.reader)

    @cached_property
    def search_history(self) -> SearchHistory:
        """What that tells."""
        return SearchHistory(self.catalog_database)

    @cached_property
    def indexer(self) -> Indexer:
        """The index of this home, not opened yet."""
        database = self._database(INDEXER_LINE)
        found = self.namespaces
        made = make_indexer(
            self.settings, database, self.feed, self.sink, role=self._role, namespaces=found, server=self._server
        )
        self.catalog_database.tell(made.wake)
        return made

    @cached_property
    def lineage(self) -> Lineage:
        """The lineage of this home."""
        return make_lineage(self.settings, self._database(LINEAGE_LINE), self.feed, self.namespaces)

    def namespaces(self) -> Namespaces:
        """The namespaces of the settings' sources and of those that the catalog has seen, which win no alias over them."""
        configured = self.settings.namespaces()
        if self.is_new:
            return configured
        return known_namespaces(configured, self.reader)

    def close(self) -> None:
        """Close what was opened."""
        if "indexer" in self.__dict__:
            self.indexer.close()
        if "lineage" in self.__dict__:
            self.lineage.close()
        for database in self._opened:
            database.close()

    def _database(self, line: MigrationLine) -> Database:
        database = open_database(self.settings, line)
        self._opened.append(database)
        if self._role == "serve":
            database.stay_open()
        return database


def open_database(settings: Settings, line: MigrationLine) -> Database:
    """A service's database, created where it is absent.

    Raises:
        StoreOutdated: it is at another revision.
        ServiceUnavailable: it does not answer.

    """
    database = Database.for_service(line.service, home=settings.home, database_url=settings.database_url)
    ensure_current(database, line)
    return database


def upgrade_all(settings: Settings) -> dict[str, str]:
    """Bring all three databases to this version's revision; returns it by service."""
    done = {}
    for line in LINES:
        database = Database.for_service(line.service, home=settings.home, database_url=settings.database_url)
        try:
            done[line.service] = upgrade(database, line)
        finally:
            database.close()
    return done


def make_indexer(
    settings: Settings,
    database: Database,
    feed: ChangeFeed,
    sink: AssetSink,
    *,
    role: str,
    namespaces: Callable[[], Namespaces] | None = None,
    server: str | None = None,
) -> Indexer:
    """An indexer over the catalog's ports, in this process or apart; the settings' namespaces unless others are given."""
    usage = settings.usage.min_people, settings.usage.users
    wanted = IndexerSettings(settings.home, settings.model, settings.n_threads, settings.sources, *usage, settings.workers)
    owned = namespaces or settings.namespaces
    return Indexer(wanted, database, feed, sink, role=role, namespaces=owned, server=server)


def make_lineage(settings: Settings, database: Database, feed: ChangeFeed, namespaces: Callable[[], Namespaces]) -> Lineage:
    """A lineage service over the catalog's feed, in this process or apart."""
    return Lineage(
        database,
        feed,
        namespaces,
        key=lambda: home_key(settings.home),
        stale_days=settings.lineage_stale_days,
        keep_events_days=settings.events_days,
    )
