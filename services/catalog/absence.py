"""What a crawl's silence about a table means: gone, hidden, renamed, or held for a person's yes. Pure.

Journey 1, when a crawl ends. The rules are those of ADR 18: a failed listing is never an empty one, a lost right looks
like a drop, and the same name beats the same object.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from services.common.model.names import AssetId

T = TypeVar("T")
LOST = "the role may no longer do all that it could when the table was last seen"
UNREAD = "its container could not be read completely"
REBUILDING = "it was being replaced while the crawl read its container"
MOVING = "what it was is now called otherwise; a complete crawl decides"


@dataclass(frozen=True, slots=True)
class ContainerState:
    """How a crawl read a container, or the list of the containers in it.

    Attributes:
        grants: what the role was allowed there; None where the engine shows what exists whatever the role may do.
        rebuilding: tables that something was replacing.

    """

    complete: bool
    grants: frozenset[str] | None = None
    failure: str | None = None
    rebuilding: frozenset[AssetId] = frozenset()


@dataclass(frozen=True, slots=True)
class Absent:
    """A table that the catalog has and the crawl did not show.

    Attributes:
        container: the container's key.
        before: how its container was read by the crawl that saw it last; None where that is not known.

    """

    id: AssetId
    container: str
    schema: str
    last_seen: dt.datetime
    object_id: str | None = None
    before: ContainerState | None = None


@dataclass(frozen=True, slots=True)
class Appeared:
    """A table that the crawl showed and that has been known for no longer than `first_seen`."""

    id: AssetId
    first_seen: dt.datetime
    object_id: str | None
    schema: str
    columns: int


@dataclass(frozen=True, slots=True)
class Crawled:
    """What a crawl read.

    Attributes:
        containers, listings: by the container's key; a listing says that what is in it was named.
        whole: whether the crawl was complete.

    """

    containers: Mapping[str, ContainerState]
    listings: Mapping[str, ContainerState]
    whole: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two names that may be one table, for a person to say."""

    old: AssetId
    new: AssetId
    reason: str


@dataclass(slots=True)
class Verdict:
    """What becomes of the tables that were not shown.

    Attributes:
        unseen: with why, in words.
        renamed: old id → new id.
        held: gone, if somebody says so; `gone` is then empty.
        total: tables that the source had before.

    """

    gone: list[AssetId] = field(default_factory=list)
    unseen: dict[AssetId, str] = field(default_factory=dict)
    renamed: dict[AssetId, AssetId] = field(default_factory=dict)
    held: list[AssetId] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    total: int = field(default=0, compare=False)


def judge(
    absent: Sequence[Absent], appeared: Sequence[Appeared], crawled: Crawled, *, total: int, hold_share: float
) -> Verdict:
    """What it means that the tables in `absent` were not shown.

    Args:
        absent: all tables of the source that the crawl did not show.
        appeared: what it showed and might have had another name before: by object id, or new in this crawl.
        crawled: what it read.
        total: tables that the source had before.
        hold_share: 0 to 1; more than this share of `total` gone at once is held.

    """
    verdict = Verdict(total=total)
    by_object = _by_object(appeared)
    # the newest first: of two names that one table had, its words are the truer ones
    for one in sorted(absent, key=lambda one: one.last_seen, reverse=True):
        why = _hidden(one, crawled)
        successor = by_object.get(one.object_id or "")
        if why is not None:
            if why:
                verdict.unseen[one.id] = why
        elif successor is None or successor.first_seen <= one.last_seen:
            verdict.gone.append(one.id)
        elif crawled.whole:
            verdict.renamed[one.id] = successor.id
        else:
            verdict.unseen[one.id] = MOVING
    if crawled.whole:
        gone = set(verdict.gone)
        verdict.proposals = _proposals([one for one in absent if one.id in gone], appeared, verdict)
    if len(verdict.gone) > hold_share * total:
        verdict.gone, verdict.held = [], verdict.gone
    return verdict


def _hidden(one: Absent, crawled: Crawled) -> str | None:
    """Why a table that was not shown may still be there; None where it is not, empty where nobody looked."""
    now = crawled.containers.get(one.container)
    if now is None:
        listing = next((crawled.listings[key] for key in _outer(one.container) if key in crawled.listings), None)
        if listing is None or not listing.complete:
            return ""
        now = listing
    if not now.complete:
        return now.failure or UNREAD
    if one.id in now.rebuilding:
        return REBUILDING
    return None if _sees_as_much(one.before, now) else LOST


def _sees_as_much(before: ContainerState | None, now: ContainerState) -> bool:
    if now.grants is None:
        # a list of containers that says nothing of rights does not overrule that the container's tables depend on them
        return before is None or before.grants is None
    return before is not None and before.complete and before.grants is not None and before.grants <= now.grants


def _outer(container: str) -> list[str]:
    """The keys of the containers around one, innermost first."""
    parts = json.loads(container)
    return [json.dumps(parts[:length], ensure_ascii=False) for length in range(len(parts) - 1, 0, -1)]


def _by_object(appeared: Sequence[Appeared]) -> dict[str, Appeared]:
    found: dict[str, Appeared] = {}
    twice = set()
    for one in appeared:
        if one.object_id and found.setdefault(one.object_id, one) is not one:
            twice.add(one.object_id)
    return {object_id: one for object_id, one in found.items() if object_id not in twice}


def _proposals(gone: Sequence[Absent], appeared: Sequence[Appeared], verdict: Verdict) -> list[Proposal]:
    """Where exactly one table is gone and exactly one is new with the same columns, they may be one."""
    taken = set(verdict.renamed.values())
    free = [one for one in appeared if one.id not in taken and one.columns]
    new = _alone([(one.schema, one) for one in free])
    old = _alone([(one.schema, one) for one in gone])
    return [
        Proposal(old[schema].id, new[schema].id, f"equal columns: {new[schema].columns}, in the same order")
        for schema in old.keys() & new.keys()
        if new[schema].first_seen > old[schema].last_seen and not (old[schema].object_id and new[schema].object_id)
    ]


def _alone(pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    counts: dict[str, int] = {}
    for key, _ in pairs:
        counts[key] = counts.get(key, 0) + 1
    return {key: value for key, value in pairs if counts[key] == 1}
