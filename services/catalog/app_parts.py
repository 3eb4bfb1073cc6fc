"""What the catalog's application is made of: ports and journeys, given by `compose` or by a bundle. Used by `app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from services.catalog.access import Access
from services.catalog.assets import AssetReader
from services.catalog.crawl_history import CrawlHistory
from services.catalog.curation import Curator
from services.catalog.event_datasets import EventDatasets
from services.catalog.feedback import FeedbackLog
from services.catalog.renaming import Renaming
from services.catalog.search_history import SearchHistory
from services.catalog.sink import CatalogSink
from services.catalog.vocabulary import Vocabulary
from services.common.model.changes import Seq
from services.common.model.crawls import SourceInfo
from services.common.ports import ChangeFeed, LineageEvents, LineageService, Recommendations, Search

EVENTS_BODY_TIMES = 4
"""A batch of events, and what a compressed one unpacks to, may be so many times as long as another body: 16 MB by default."""


@dataclass(frozen=True)
class CatalogParts:
    """What the application is made of.

    Attributes:
        events: takes lineage events in; None where nothing is written, as over a bundle.
        told: follows what events say of datasets.
        lifespan: starts and stops what runs beside it, such as the index worker in role `all`.
        configured: the sources of this process's settings by name.
        min_people: what fewer people did is not told of a question.
        opaque: whether marks stand for hidden assets in walks of lineage.
        hosts: Host headers accepted besides loopback's own; None accepts any.
        internal_key: opens the internal routes to services apart.
        about: what probes tell beside their state.

    """

    access: Access
    reader: AssetReader
    curator: Curator
    sink: CatalogSink
    history: CrawlHistory
    renaming: Renaming
    log: FeedbackLog
    searches: SearchHistory
    feed: ChangeFeed
    vocabulary: Vocabulary
    search: Search
    related: Recommendations
    lineage: LineageService
    started_at: Callable[[], Seq | None]
    events: LineageEvents | None = None
    told: EventDatasets | None = None
    configured: Mapping[str, SourceInfo] = field(default_factory=dict)
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None
    min_people: int = 1
    opaque: bool = False
    hosts: tuple[str, ...] | None = ()
    cors_origins: tuple[str, ...] = ()
    internal_key: str | None = None
    max_body_bytes: int = 4_000_000
    about: Callable[[], Mapping[str, object]] = dict
