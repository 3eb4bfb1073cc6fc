"""One page of the catalog's feed into the store: nodes, definitions, and the edges that follow from both.

Journey 3, step "merge". Idempotent, and the same whatever the pages: a reference that may stand for several datasets is
resolved again whenever one of them appears or goes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from services.common.model.assets import MADE_FROM, SQL_UNREADABLE, Asset, Kind
from services.common.model.changes import Change
from services.common.model.names import UNLISTED, AssetId, Namespaces, ScopePath, SqlPart, scope_path
from services.lineage.keys import merge_keys
from services.lineage.resolve import Resolved, candidates, resolve
from services.lineage.sql.statement import Reading, Statement
from services.lineage.store import (
    column_edges,
    column_readings,
    columns,
    datasets,
    definitions,
    edges,
    intervals,
    job_statements,
)
from services.lineage.store.datasets import Dataset
from services.lineage.store.definitions import Definition, Mention
from services.lineage.store.edges import Edge

_EVER = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class ToRead:
    """A definition that is new or has changed, to be read before the unit of work begins."""

    asset_id: AssetId
    statement: Statement


def to_read(connection: Connection, changes: Sequence[Change]) -> list[ToRead]:
    """The definitions in a page whose text or dialect is not the one that was read last."""
    current = [change.asset for change in changes if change.asset is not None and change.asset.sql is not None]
    stored = definitions.get(connection, [asset.id for asset in current])
    found = [ToRead(asset.id, _statement(asset)) for asset in current]
    return [one for one in found if _key(stored.get(one.asset_id)) != (one.statement.sha256, one.statement.dialect)]


def merge(
    connection: Connection,
    changes: Sequence[Change],
    readings: Mapping[AssetId, tuple[Statement, Reading]],
    namespaces: Namespaces,
    now: dt.datetime,
) -> bool:
    """Store a page.

    Args:
        connection: inside a unit of work, which the caller commits.
        changes: the page.
        readings: what `to_read` asked for, read.
        namespaces: whose sources own the datasets that only SQL names.
        now: when the page arrived; edges begin and end when the crawl saw what they rest on, where that is known.

    Returns:
        Whether the graph is another now.

    """
    current = [change.asset for change in changes if change.asset is not None]
    flipped, changed = datasets.put_crawled(connection, [Dataset.crawled(asset) for asset in current if asset.listed])
    changed |= datasets.put_told(
        connection, [Dataset.told_of(asset.name, asset.source) for asset in current if not asset.listed]
    )
    gone = datasets.mark_gone(connection, [change.id for change in changes if change.asset is None])
    widened = columns.put(connection, {asset.id: tuple(column.name for column in asset.columns) for asset in current})
    definitions.put(connection, [_definition(asset_id, *read) for asset_id, read in readings.items()])
    unreadable = {asset.id: asset for asset in current if asset.sql is None and SQL_UNREADABLE in asset.properties}
    hidden = _unreadable(connection, unreadable)
    definitions.put(connection, hidden)
    shows = {asset.id: _shows(asset) for asset in current if is_declared(asset)}
    stored = definitions.get(connection, shows)
    said = {id_ for id_, one in shows.items() if id_ not in stored or stored[id_].sha256 != one.sha256}
    definitions.put(connection, [shows[id_] for id_ in said])
    known = unreadable.keys() | shows.keys()
    without = [asset.id for asset in current if asset.sql is None and asset.id not in known]
    dropped = definitions.get(connection, without).keys()
    definitions.drop(connection, dropped)
    touched = {asset.id for asset in current if asset.sql is not None} | shows.keys() | set(dropped)
    touched |= definitions.naming(connection, flipped | gone)
    news = readings.keys() | said | dropped | definitions.naming(connection, flipped | gone | widened)
    news |= _unread(connection, [asset.id for asset in current if asset.sql is not None], widened)
    times = _times(connection, current, touched | news, now)
    relinked = _relink(connection, touched, namespaces, times, now)
    relinked |= merge_keys(connection, current, namespaces, times, now)
    column_readings.ask(connection, {id_: times[id_] for id_ in news}, max((change.seq for change in changes), default=0))
    renamed = {change.id: change.now for change in changes if change.now is not None}
    moved = edges.follow(connection, renamed) | column_edges.follow(connection, renamed)
    job_statements.forget_renamed(connection, renamed.keys())
    return changed or bool(gone or readings or said or dropped or hidden) or relinked or moved


def is_declared(asset: Asset) -> bool:
    """Whether a tool's word, and no SQL, says what the asset is made from."""
    return asset.sql is None and MADE_FROM in asset.properties


def digest_of(asset: Asset) -> str:
    """The hash of what says what the asset is made from: its SQL, or a tool's list."""
    text = json.dumps(asset.properties[MADE_FROM]) if is_declared(asset) else asset.sql or ""
    return Statement(text).sha256


def _shows(asset: Asset) -> Definition:
    """The definition of an asset that a tool's list says what it is made from."""
    said = asset.properties[MADE_FROM]
    listed = [one for one in said if isinstance(one, list)] if isinstance(said, list) else []
    reads = tuple(tuple(SqlPart(part, quoted=True) for part in one if isinstance(part, str) and part) for one in listed)
    return Definition(asset.id, digest_of(asset), asset.platform.dialect, None, tuple(filter(None, reads)))


def _unread(connection: Connection, ids: Collection[AssetId], widened: Collection[AssetId]) -> set[AssetId]:
    """Definitions among `ids` that were never read for their columns, or whose own columns are others now."""
    read = column_readings.get(connection, ids)
    return {id_ for id_ in ids if id_ in widened or id_ not in read}


def _unreadable(connection: Connection, assets: Mapping[AssetId, Asset]) -> list[Definition]:
    """Definitions that the source would not give, where that is news: what was read of an older text stays in force."""
    stored = definitions.get(connection, list(assets))
    found = []
    for asset_id, asset in assets.items():
        before = stored.get(asset_id)
        problem = f"the definition is unreadable: {asset.properties[SQL_UNREADABLE]}"
        if before is None:
            found.append(Definition(asset_id, "", asset.platform.dialect, problem, ()))
        elif before.problem != problem:
            # when it can be read again it is read again: no text has this hash
            found.append(replace(before, sha256="", problem=problem))
    return found


def _statement(asset: Asset) -> Statement:
    return Statement(asset.sql or "", asset.platform.dialect)


def _key(stored: Definition | None) -> tuple[str, str] | None:
    return None if stored is None else (stored.sha256, stored.dialect)


def _definition(asset_id: AssetId, statement: Statement, reading: Reading) -> Definition:
    return Definition(asset_id, statement.sha256, statement.dialect, reading.reason, reading.reads, reading.guessed)


def _times(
    connection: Connection, current: Sequence[Asset], touched: Collection[AssetId], now: dt.datetime
) -> dict[AssetId, dt.datetime]:
    """From when on the page's word holds, for each definition that it touches: the crawl's time, never before the last.

    A definition that means something else because another dataset came or went does so when the page's newest was seen.
    """
    seen = {asset.id: min(asset.last_seen or now, now) for asset in current}
    page = max(seen.values(), default=now)
    every = {*touched, *seen}
    held = intervals.newest(connection, edges.LEDGER.level, every)
    return {id_: max(seen.get(id_, page), held.get(id_, _EVER)) for id_ in every}


def _relink(
    connection: Connection,
    ids: Collection[AssetId],
    namespaces: Namespaces,
    times: Mapping[AssetId, dt.datetime],
    now: dt.datetime,
) -> bool:
    """Bring the edges and mentions of these definitions in line with what exists now."""
    owners = datasets.get(connection, ids)
    read = definitions.get(connection, ids)
    reads = {id_: read[id_].reads if id_ in read else () for id_ in owners}
    maybe = {name.id for id_, owner in owners.items() for ref in reads[id_] for name in candidates(ref, owner.name)}
    known = datasets.known(connection, maybe)
    links = {id_: resolve(reads[id_], owner.name, lambda name: name.id in known) for id_, owner in owners.items()}
    sources = {id_: source_of(owner, namespaces) for id_, owner in owners.items()}
    named = [Dataset.named(link.name, sources[id_]) for id_, found in links.items() for link in found]
    added = datasets.put_named(connection, named)
    definitions.put_mentions(connection, {id_: _mentions(found, sources[id_]) for id_, found in links.items()})
    wanted = {id_: _edges(found, owners[id_], sources[id_]) for id_, found in links.items()}
    return edges.replace(connection, wanted, times, now) or added


def source_of(owner: Dataset, namespaces: Namespaces) -> str:
    """Whose a dataset is that the definition of `owner` names: its namespace's source, which `owner` shows if no setting does."""
    database = owner.name.parts[0] if len(owner.name.parts) > 1 else None
    configured = namespaces.source_of(owner.name.namespace, database)
    return owner.source if configured == UNLISTED else configured


def _mentions(links: Iterable[Resolved], source: str) -> list[Mention]:
    """Every dataset that links may stand for. What the engine looks at counts as read: it may be the one that is meant."""
    found: dict[AssetId, Mention] = {}
    for link in links:
        for name in link.candidates:
            before = found.get(name.id)
            told = name in link.looked_at or (before is not None and before.told)
            found[name.id] = Mention(name.id, scope_path(source, name.parts), told)
    return list(found.values())


def _edges(links: Iterable[Resolved], owner: Dataset, source: str) -> set[Edge]:
    """One edge a dataset, from the reference that asks for the least besides."""
    kind = basis_of(owner)
    evidence = (f"definition of {owner.name.qualified}",)
    best: dict[AssetId, Edge] = {}
    for link in links:
        guards = guards_of(link, source)
        one = Edge(link.name.id, owner.id, kind, evidence, link.confidence, guards)
        before = best.get(one.source)
        if before is None or (len(guards), guards) < (len(before.guards), before.guards):
            best[one.source] = one
    return set(best.values())


def basis_of(owner: Dataset) -> str:
    """What edges into a dataset with a definition rest on."""
    if owner.kind is Kind.EXPOSURE:
        return edges.EXPOSURE
    return edges.QUERY if owner.kind is Kind.TABLE else edges.VIEW


def guards_of(link: Resolved, source: str) -> tuple[ScopePath, ...]:
    """What one must be allowed to see to be told what a reference of `source` stands for, besides that itself."""
    return tuple(scope_path(source, name.parts) for name in link.looked_at if name != link.name)
