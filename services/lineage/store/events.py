"""Events as they were sent, without what may not be kept: each once, for as long as the setting says.

Journey 3, step "store". The hash of an event stays when its text goes, so that it is still known when it comes again.
"""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from services.lineage.store.event_tables import event
from services.lineage.store.lookup import keyed, rows_of

_LEVEL = 1
"""Of deflate: events shrink to a fifth at the least effort, to a sixth at the default and three times the time."""
_AT_ONCE = 5_000
_BY_HASH = keyed(select(event.c.sha256), event.c.sha256)


@dataclass(frozen=True, slots=True)
class Sent:
    """An event to keep: its hash, its own time, and its JSON values without secrets and literals."""

    sha256: str
    at: dt.datetime
    body: Mapping[str, Any]


def known(connection: Connection, hashes: Collection[str]) -> set[str]:
    """Those of `hashes` whose events are stored, or were."""
    return {row.sha256 for row in rows_of(connection, _BY_HASH, hashes)}


def add(connection: Connection, sent: Iterable[tuple[Sent, bytes]], arrived: dt.datetime, by: str) -> None:
    """Store events that are not known, each with its packed text, as sent by `by`."""
    rows = [{"sha256": one.sha256, "at": one.at, "arrived": arrived, "by": by, "body": body} for one, body in sent]
    if rows:
        connection.execute(insert(event), rows)


def packed(body: Mapping[str, Any]) -> bytes:
    """An event's text as it is stored; made before the unit of work begins."""
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode("ascii"), _LEVEL)


def page(
    connection: Connection,
    *,
    after: dt.datetime | None,
    before: dt.datetime | None,
    newest_first: bool,
    offset: int,
    limit: int,
) -> tuple[tuple[str, ...], int]:
    """Texts of events by their own times, and how many there are in all."""
    there: ColumnElement[bool] = event.c.body.is_not(None)
    if after is not None:
        there &= event.c.at >= after
    if before is not None:
        there &= event.c.at < before
    order = (event.c.at.desc(), event.c.id.desc()) if newest_first else (event.c.at, event.c.id)
    query = select(event.c.body).where(there).order_by(*order).offset(offset).limit(limit)
    texts = tuple(zlib.decompress(row.body).decode() for row in connection.execute(query))
    return texts, int(connection.execute(select(func.count()).select_from(event).where(there)).scalar_one())


def forget(connection: Connection, until: dt.datetime) -> int:
    """Drop the texts of events that arrived before `until`, some at a time; returns of how many."""
    old = (
        select(event.c.id)
        .where(event.c.arrived < until, event.c.body.is_not(None))
        .order_by(event.c.arrived)
        .limit(_AT_ONCE)
    )
    return connection.execute(update(event).where(event.c.id.in_(old)).values(body=None)).rowcount
