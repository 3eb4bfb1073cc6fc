"""The events of a report on an answer: checked against what the answer held, and made into rows. All of it is pure.

Beside journey 2, between `api/feedback` and `feedback`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import RowMapping

from services.catalog.store import feedback
from services.common.errors import BadRequest
from services.common.model.feedback import Judged
from services.common.model.names import AssetId


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody did with an answer.

    Attributes:
        what: `impression`: it was before somebody's eyes; `click`: it was opened; `verdict`: something was said of it.
        id: the hit's; None for a verdict on the answer as a whole.
        position: where the client showed it; None where it does not say.
        verdict: of a verdict; None takes one back.

    """

    what: Literal["impression", "click", "verdict"]
    id: str | None
    position: int | None = None
    verdict: Judged | None = None

    @property
    def retracts(self) -> bool:
        """Whether it takes a verdict back."""
        return self.what == "verdict" and self.verdict is None


def last_words(events: Iterable[Event]) -> list[Event]:
    """The events without those that a later one of the same request overtakes."""
    return list({(event.what, event.id): event for event in events}.values())


def shown_of(row: RowMapping) -> dict[str, tuple[AssetId, int]]:
    """The hits of a stored answer: id → its table and position."""
    pairs = [(item, item) if isinstance(item, str) else tuple(item) for item in row["shown"]]
    return {hit: (AssetId(asset), row["first"] + at) for at, (hit, asset) in enumerate(pairs)}


def check(events: Sequence[Event], shown: Mapping[str, tuple[AssetId, int]], visible: frozenset[AssetId]) -> None:
    """Every event must be about a hit of the answer that the caller may see now, where the answer had it.

    Raises:
        BadRequest: one is not, with a pointer at each.

    """
    errors = []
    for at, event in enumerate(events):
        if event.id is None:
            continue
        asset, position = shown.get(event.id, (AssetId(""), 0))
        if asset not in visible:
            # hidden since, gone, and never in the answer are one answer
            errors.append({"pointer": f"/events/{at}/id", "detail": "the answer has no such hit"})
        elif event.position not in (None, position):
            detail = f"the answer has it in place {position}"
            errors.append({"pointer": f"/events/{at}/position", "detail": detail})
    if errors:
        raise BadRequest(f"{errors[0]['pointer']}: {errors[0]['detail']}", errors=tuple(errors))


def says_something_new(event: Event, row: RowMapping, known: Mapping[tuple[str, str], str]) -> bool:
    """Whether an event changes what is known of its answer: (hit id, what) → value."""
    if event.what == "impression":
        return event.id not in (row["seen"] or ())
    hit = event.id or feedback.WHOLE
    if event.what == "click":
        return (hit, feedback.OPENED) not in known
    return known.get((hit, feedback.JUDGED)) != (event.verdict.value if event.verdict else None)


def rows_of(
    events: Sequence[Event], row: RowMapping, shown: Mapping[str, tuple[AssetId, int]], at: dt.datetime
) -> list[dict[str, Any]]:
    """The rows of clicks and verdicts among the events."""
    rows = {}
    for event in events:
        if event.what == "impression" or event.retracts:
            continue
        hit = event.id or feedback.WHOLE
        what = feedback.OPENED if event.what == "click" else feedback.JUDGED
        rows[hit, what] = {
            "principal": row["principal"],
            "query_id": row["query_id"],
            "hit_id": hit,
            "what": what,
            "value": event.verdict.value if event.verdict else "",
            "position": shown[hit][1] if event.id else 0,
            "at": at,
        }
    return list(rows.values())
