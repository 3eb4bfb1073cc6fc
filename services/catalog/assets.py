"""What a caller may read of the catalog: every verb takes the caller's scope. Journey 2, the last step, and the API's lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.catalog import naming
from services.catalog.history import Event, Recorded
from services.catalog.shown import redacted, shown, without_hidden
from services.catalog.store import crawls, curated, listing, renames
from services.catalog.store.curated import AuditEntry
from services.catalog.store.hydrate import crawled_columns
from services.catalog.store.listing import Heading, Position
from services.common.errors import BadRequest, NotFound
from services.common.model.access import AccessScope
from services.common.model.assets import Asset, Column, Kind
from services.common.model.crawls import CrawlId, CrawlRecord, CrawlState, SourceInfo
from services.common.model.names import AssetId, Namespaces, scope_path
from services.common.model.search import Filters
from services.common.runtime.cursors import cursor_of, values_of
from services.common.runtime.db import Database

MAX_PAGE = 200
"""Assets in one page."""
MAX_NAMED = 100
"""Assets that one name may stand for in an answer."""


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets in order of name and id; `total` counts all that pass the filters, `cursor` is None on the last page."""

    assets: tuple[Asset, ...]
    total: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """A source with how many assets of each kind the caller sees in it, and its last crawl (None before the first).

    Attributes:
        never_reached: its last crawl failed, and none has ever shown an asset.

    """

    source: SourceInfo
    counts: Mapping[Kind, int]
    last_crawl: CrawlRecord | None
    never_reached: bool = False


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """A table's schema as a crawl found it new, with the columns as the source showed them."""

    version: int
    at: dt.datetime
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]


class AssetReader:
    """Reads for people. What a scope hides is as if it were not there: ids, names in keys, successors and counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, asset: AssetId, scope: AccessScope) -> Asset:
        """One asset.

        Raises:
            NotFound: unknown, gone or hidden; the three are never told apart.

        """
        found = self.many([asset], scope).get(asset)
        if found is None:
            raise _no_asset(asset)
        return found

    def many(self, ids: Sequence[AssetId], scope: AccessScope) -> dict[AssetId, Asset]:
        """Those of `ids` that exist and may be seen, in the order of `ids`."""
        if not ids:
            return {}
        with self._database.read() as connection:
            found = listing.many(connection, ids, scope)
            return {asset.id: asset for asset in shown(connection, found.values(), scope)}

    def headings(self, ids: Sequence[AssetId], scope: AccessScope) -> dict[AssetId, Heading]:
        """What those of `ids` are called that exist and may be seen, in the order of `ids`; for answers that tell no more of them."""
        if not ids:
            return {}
        with self._database.read() as connection:
            return listing.headings(connection, ids, scope)

    def heading(self, asset: AssetId, scope: AccessScope) -> Heading:
        """What one asset is called.

        Raises:
            NotFound: as for `get`.

        """
        found = self.headings([asset], scope).get(asset)
        if found is None:
            raise _no_asset(asset)
        return found

    def page(
        self, scope: AccessScope, filters: Filters | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> AssetPage:
        """Assets in order of qualified name (lower case, its first 400 characters), then id.

        Raises:
            BadRequest: the cursor is not one that a page gave, or `limit` is not between 1 and `MAX_PAGE`.

        """
        if not 1 <= limit <= MAX_PAGE:
            raise BadRequest(f"a page holds 1 to {MAX_PAGE} assets")
        after = _position(cursor) if cursor is not None else None
        wanted = filters or Filters()
        with self._database.read() as connection:
            total = listing.count(connection, scope, wanted)
            rows = listing.page(connection, scope, wanted, after=after, limit=limit + 1)
            assets = shown(connection, listing.hydrated(connection, rows[:limit]), scope)
        end = rows[limit - 1] if len(rows) > limit else None
        return AssetPage(tuple(assets), total, cursor_of(end["qualified_lower"], end["id"]) if end else None)

    def by_name(self, text: str, scope: AccessScope) -> tuple[Asset, ...]:
        """The assets that a name may stand for, at most `MAX_NAMED`, in order of name; empty where it stands for none.

        The name may be full or only end the full name, in any case, and may begin with `namespace/`.
        """
        with self._database.read() as connection:
            known = crawls.sources(connection).values()
            aliases = {alias: source.namespace for source in known for alias in source.aliases}
            ways = naming.readings(text.strip(), Namespaces(aliases=aliases))
            tables = {way.parts[-1] for way in ways}
            rows = listing.name_candidates(connection, tables, text.strip(), scope)
            ids = naming.best(text.strip(), ways, rows)[:MAX_NAMED]
            return tuple(shown(connection, listing.many(connection, ids, scope).values(), scope))

    def gone_by_name(self, text: str, scope: AccessScope) -> tuple[AssetId, ...]:
        """The tables that are gone and that a name, full or its end, may stand for; their histories can still be read."""
        ways = naming.readings(text.strip(), Namespaces())
        with self._database.read() as connection:
            rows = listing.gone_candidates(connection, {way.parts[-1] for way in ways}, scope)
        return tuple(naming.best(text.strip(), ways, rows)[:MAX_NAMED])

    def sources(self, scope: AccessScope) -> tuple[SourceSummary, ...]:
        """The sources in order of name: all of them in full scope, else those with an asset that may be seen."""
        with self._database.read() as connection:
            counts = listing.counts_by_source(connection, scope)
            infos = crawls.sources(connection)
            names = [name for name in infos if scope.is_full or name in counts]
            last = crawls.latest(connection, names)
            failed = [name for name in last if name not in counts and last[name].state is CrawlState.FAILED]
            unreached = set(failed).difference(listing.ever_shown(connection, failed))
        return tuple(
            SourceSummary(
                infos[name],
                counts.get(name, {}),
                redacted(last[name], scope) if name in last else None,
                never_reached=name in unreached,
            )
            for name in names
        )

    def known_sources(self) -> tuple[SourceInfo, ...]:
        """Every source in order of name, for ourselves: nothing is counted, so that it takes no time in a large catalog."""
        with self._database.read() as connection:
            return tuple(crawls.sources(connection).values())

    def namespaces(self, scope: AccessScope) -> tuple[tuple[str, dt.datetime, dt.datetime], ...]:
        """The namespaces of what may be seen, in order of name, with when something of each was first and last seen."""
        with self._database.read() as connection:
            return tuple((row["namespace"], row["first"], row["last"]) for row in listing.namespaces(connection, scope))

    def of_namespace(
        self, namespace: str, scope: AccessScope, *, offset: int = 0, limit: int = 100
    ) -> tuple[tuple[Asset, ...], int]:
        """Assets of one namespace in order of name, and how many there are in all."""
        with self._database.read() as connection:
            rows, total = listing.of_namespace(connection, namespace, scope, offset=offset, limit=limit)
            return tuple(shown(connection, listing.hydrated(connection, rows), scope)), total

    def history(
        self, asset: AssetId, scope: AccessScope, *, before: int | None = None, limit: int = 100
    ) -> tuple[AuditEntry, ...]:
        """Who changed what, newest first; older than the entry `before` where that is given.

        Raises:
            NotFound: as for `get`.

        """
        with self._database.read() as connection:
            if not listing.visible_ids(connection, [asset], scope):
                raise _no_asset(asset)
            found: list[AuditEntry] = []
            while len(found) < limit:
                entries = curated.history(connection, asset, before=before, limit=limit)
                found += without_hidden(connection, entries, scope)
                if len(entries) < limit:
                    break
                before = entries[-1].id
            # a short page would tell that something in it is hidden
            return tuple(found[:limit])

    def versions(self, asset: AssetId, scope: AccessScope, *, limit: int = 100) -> tuple[SchemaVersion, ...]:
        """The schemas that a table has had, newest first.

        Raises:
            NotFound: as for `get`.

        """
        with self._database.read() as connection:
            rows = listing.versions(connection, asset, scope, limit)
            # what only events name has no version yet
            if not rows and not listing.visible_ids(connection, [asset], scope):
                raise _no_asset(asset)
        return tuple(
            SchemaVersion(row["version"], row["at"], crawled_columns(row["columns"]), tuple(row["primary_key"]))
            for row in rows
        )

    def recorded(
        self, asset: AssetId, scope: AccessScope, *, limit: int = 100, before: int | None = None
    ) -> tuple[Recorded, ...]:
        """What crawls found new of a table's schema, newest first; also of a table that is gone.

        Args:
            asset: its id.
            scope: the caller's; a name that the table once had and that the scope hides is shown as today's.
            limit: states at most.
            before: only states with a smaller number.

        Raises:
            NotFound: unknown or hidden.

        """
        with self._database.read() as connection:
            row = listing.any_row(connection, asset, scope)
            if row is None:
                raise _no_asset(asset)
            rows = listing.recorded(connection, asset, limit=limit, before=before)
        today = ".".join(row["parts"])

        def told(name: str | None) -> str | None:
            hidden = name is not None and name != today and not scope.permits(scope_path(row["source"], (name,)))
            return None if hidden else name

        return tuple(
            Recorded(
                number=one["version"],
                at=one["at"],
                event=Event(one["event"]),
                name=told(one["qualified"]) or today,
                columns=crawled_columns(one["columns"]),
                primary_key=tuple(one["primary_key"]),
                description=one["description"],
                crawl=one["crawl"],
                previous_name=told(one["previous"]),
            )
            for one in rows
        )

    def renamed(self, asset: AssetId, scope: AccessScope) -> AssetId | None:
        """The id that an asset has now if it was renamed; None for others, and where the caller may not know."""
        with self._database.read() as connection:
            return renames.now(connection, asset, scope)

    def crawl(self, crawl: CrawlId, scope: AccessScope, *, caller: str | None = None) -> CrawlRecord:
        """One crawl, without its counts and failures unless the scope is full: they speak of what may be hidden.

        Args:
            crawl: its id.
            scope: the caller's.
            caller: the caller's name; who asked for a crawl may watch it before anything of its source is known.

        Raises:
            NotFound: there is none, or nothing of its source may be seen.

        """
        with self._database.read() as connection:
            record = crawls.fetch(connection, crawl)
            if record is not None and (scope.is_full or record.by == caller):
                return redacted(record, scope)
            if record is None or record.source not in listing.counts_by_source(connection, scope):
                raise NotFound(f"there is no crawl {crawl}, or you may not see it")
        return redacted(record, scope)

    def crawls(self, scope: AccessScope, *, source: str | None = None, limit: int = 50) -> tuple[CrawlRecord, ...]:
        """The newest crawls first, of one source or of all that may be seen; redacted as by `crawl`."""
        with self._database.read() as connection:
            names = None if scope.is_full else set(listing.counts_by_source(connection, scope))
            if source is not None:
                names = {source} if names is None else names & {source}
            return tuple(redacted(record, scope) for record in crawls.recent(connection, names, limit))


def _no_asset(asset: AssetId) -> NotFound:
    return NotFound(f"there is no asset {asset}, or you may not see it")


def _position(cursor: str) -> Position:
    return Position(*values_of(cursor, str, str))
