"""The newest word of each facet, whatever the order in which events arrive. Pure.

Journey 3. A facet is kept with its event's time and hash: of two words the later counts, and of two of one instant the one
with the greater hash, so that all orders end alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

Kept = dict[str, list[Any]]
"""Facet's name → [microseconds since 1970, hash of the event, value], as JSON keeps it."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_HASH = 16


def said(facets: Mapping[str, Any], at: dt.datetime, sha256: str, *, without: Iterable[str] = ()) -> Kept:
    """The facets of one event, but for those named in `without`."""
    micros = (at - _EPOCH) // _MICROSECOND
    left_out = frozenset(without)
    return {name: [micros, sha256[:_HASH], value] for name, value in facets.items() if name not in left_out}


def merged(one: Kept, other: Kept) -> Kept:
    """The newer word of each facet; the same whichever comes first."""
    if not one or not other:
        return other or one
    found = dict(one)
    for name, kept in other.items():
        before = found.get(name)
        if before is None or (before[0], before[1]) < (kept[0], kept[1]):
            found[name] = kept
    return found


def values(kept: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The facets themselves, without those that their newest word takes back (`_deleted`)."""
    found = {name: word[2] for name, word in sorted(kept.items())}
    return {name: value for name, value in found.items() if not (isinstance(value, dict) and value.get("_deleted") is True)}
