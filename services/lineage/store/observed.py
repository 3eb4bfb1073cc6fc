"""Edges that runs and logs show: one row a pair, kind and origin, with when it was first and last seen.

Journey 3, step "store". Times are those of the events, so any order of arrival leaves the same rows. An edge never ends by
itself: it is stale when it has not been seen for a set time, and data is not taken to flow along it any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from services.common.model.names import AssetId
from services.lineage.store.lookup import chunks
from services.lineage.store.tables import observed, setting
from services.lineage.store.upserts import widening

RUN = "run"
"""A run of a job said that it read the source and wrote the target."""
LOG = "log"
"""A statement in a query log did."""
MANUAL = "manual"
"""A person says so. Such an edge has an interval, as those of definitions have: it holds until a person takes it back."""
KEY = "key"
"""A foreign key of the target refers to the source: no data need flow, and walks leave it out unless asked for it."""
STALE_DAYS = 30
"""Where nothing else is set: a monthly job is seen in time, one that has stopped is hidden after a month."""
_STALE = "stale_days"
_ONCE = ("target_id", "source_id", "kind", "origin")
LEAST, MOST, SUMMED = ("first_seen", "arrived_at"), ("last_seen", "confidence"), ("count",)
"""How two sightings of one edge become one: the first and the last time, the surer word, all counts."""
_BETWEEN = select(observed).where(
    observed.c.source_id.in_(bindparam("sources", expanding=True)),
    observed.c.target_id.in_(bindparam("targets", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class Observation:
    """Somebody saw data flow from `source` to `target`.

    Attributes:
        kind: `RUN` or `LOG`.
        origin: a job's id, a statement's fingerprint.
        at: the event's own time, with an offset.
        count: how often it was seen then.
        confidence: 0 to 1.

    """

    source: AssetId
    target: AssetId
    kind: str
    origin: str
    at: dt.datetime
    count: int = 1
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What all origins of one kind say of a pair together.

    Attributes:
        origins: how many jobs or statements.
        first, last: event times.

    """

    source: AssetId
    target: AssetId
    kind: str
    origins: int
    count: int
    first: dt.datetime
    last: dt.datetime
    confidence: float

    @property
    def evidence(self) -> str:
        """A line that names nothing but how often and when."""
        return evidence_line(self.kind, self.origins, self.count, self.first, self.last)


def evidence_line(kind: str, origins: int, count: int, first: dt.datetime, last: dt.datetime) -> str:
    """What an edge rests on that was seen `count` times, 0 where that is not counted: dates are of the events, in UTC."""
    one, many = {RUN: ("a job", "jobs"), LOG: ("a statement", "statements")}.get(kind, (kind, kind))
    whom = one if origins == 1 else f"{origins} {many}"
    days = f"on {first.date()}" if first.date() == last.date() else f"from {first.date()} to {last.date()}"
    often = {0: "", 1: "once "}.get(count, f"{count} times ")
    return f"seen {often}in {'runs of ' if kind == RUN else ''}{whom} {days}"


def put(connection: Connection, observations: Iterable[Observation], arrived: dt.datetime) -> bool:
    """Add to what was seen. In whatever order and grouping observations arrive, the rows become the same.

    The writer sees to it that an observation is put once; counts add up.

    Args:
        connection: inside a unit of work, after which `checkpoint.raise_version` is due where this returns True.
        observations: of any number of pairs.
        arrived: when we were told.

    Returns:
        Whether the graph is another: a pair that is new or was stale, another day, another confidence.

    """
    rows = _gathered(observations, arrived)
    if not rows:
        return False
    before = {_key(row): row for row in _held(connection, rows)}
    changed = any(_is_news(row, before.get(_key(row))) for row in rows)
    connection.execute(widening(connection, observed, _ONCE, least=LEAST, most=MOST, summed=SUMMED), rows)
    return changed


def fresh(connection: Connection, now: dt.datetime) -> Iterator[Seen]:
    """Every pair and kind that is not stale, one each, in no particular order."""
    since = now - stale_after(connection)
    query = _grouped().having(func.max(observed.c.last_seen) > since)
    return map(_seen, connection.execute(query))


def stale_after(connection: Connection) -> dt.timedelta:
    """How long an edge is not seen until it is stale."""
    found = connection.execute(select(setting.c.value).where(setting.c.name == _STALE)).scalar()
    return dt.timedelta(days=float(found) if found is not None else STALE_DAYS)


def set_stale_days(connection: Connection, days: float) -> bool:
    """Set how long that is; returns whether it was another time before."""
    if stale_after(connection) == dt.timedelta(days=days):
        return False
    connection.execute(delete(setting).where(setting.c.name == _STALE))
    connection.execute(insert(setting), {"name": _STALE, "value": repr(days)})
    return True


def turned_stale(connection: Connection, since: dt.datetime, now: dt.datetime) -> bool:
    """Whether any edge became stale after `since` and by `now`: the snapshot still has it."""
    limit = stale_after(connection)
    window = (observed.c.last_seen > since - limit) & (observed.c.last_seen <= now - limit)
    return connection.execute(select(observed.c.id).where(window).limit(1)).first() is not None


def has_stale(connection: Connection, before: dt.datetime) -> bool:
    """Whether anything was last seen at or before an instant."""
    return connection.execute(select(observed.c.id).where(observed.c.last_seen <= before).limit(1)).first() is not None


def follow(connection: Connection, old: AssetId, new: AssetId) -> bool:
    """Give what was seen of a dataset to the id that it has now; returns whether there was anything."""
    mine = (observed.c.source_id == old) | (observed.c.target_id == old)
    rows = list(connection.execute(select(observed).where(mine)).mappings())
    connection.execute(delete(observed).where(mine))
    for row in rows:
        ends = [AssetId(new if row[end] == old else row[end]) for end in ("source_id", "target_id")]
        for at, count in ((row["first_seen"], row["count"]), (row["last_seen"], 0)):
            one = Observation(ends[0], ends[1], row["kind"], row["origin"], at, count, row["confidence"])
            put(connection, [one], row["arrived_at"])
    return bool(rows)


def _gathered(observations: Iterable[Observation], arrived: dt.datetime) -> list[dict[str, Any]]:
    """One row a pair, kind and origin: a statement cannot meet its own rows."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in observations:
        key = (one.source, one.target, one.kind, one.origin)
        row = found.get(key)
        if row is None:
            ends = dict(zip(("source_id", "target_id", "kind", "origin"), key, strict=True))
            times = {"first_seen": one.at, "last_seen": one.at, "arrived_at": arrived}
            found[key] = {**ends, **times, "count": one.count, "confidence": one.confidence}
            continue
        row["first_seen"], row["last_seen"] = min(row["first_seen"], one.at), max(row["last_seen"], one.at)
        row["count"] += one.count
        row["confidence"] = max(row["confidence"], one.confidence)
    return list(found.values())


def _held(connection: Connection, rows: Collection[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of these pairs, and some more. By both ends: a table may be made from thousands, by thousands of jobs."""
    sources, targets = (sorted({row[end] for row in rows}) for end in ("source_id", "target_id"))
    for some in chunks(sources):
        for others in chunks(targets):
            for row in connection.execute(_BETWEEN, {"sources": some, "targets": others}).mappings():
                yield {str(name): value for name, value in row.items()}


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["source_id"], row["target_id"], row["kind"], row["origin"]


def _is_news(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    if before is None or row["confidence"] > before["confidence"]:
        return True
    return bool(row["first_seen"] < before["first_seen"] or row["last_seen"].date() > before["last_seen"].date())


def _grouped() -> Any:
    pair = observed.c.source_id, observed.c.target_id, observed.c.kind
    return select(
        *pair,
        func.count().label("origins"),
        func.sum(observed.c.count).label("count"),
        func.min(observed.c.first_seen).label("first"),
        func.max(observed.c.last_seen).label("last"),
        func.max(observed.c.confidence).label("confidence"),
    ).group_by(*pair)


def _seen(row: Any) -> Seen:
    ends = AssetId(row.source_id), AssetId(row.target_id)
    return Seen(*ends, row.kind, row.origins, int(row.count), row.first, row.last, row.confidence)
