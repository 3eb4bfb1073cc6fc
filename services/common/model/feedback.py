"""What people did with answers: which they were shown, what they opened, what they said of it.

Beside journey 2: the catalog records it, the offline training learns from it. No name of a person and no token is in here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from services.common.model.names import AssetId


class Judged(StrEnum):
    """What somebody said of a hit, or of a whole answer."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Shown:
    """One hit of an answer.

    Attributes:
        id: the hit's id, a column's for columns.
        asset: the table that it belongs to.
        position: its place in all of the answer, pages before included, from 1.

    """

    id: str
    asset: AssetId
    position: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A hit that somebody opened, and when first."""

    id: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer, with what came of it.

    Attributes:
        query_id: as the answer said.
        at: when it was given.
        principal: who asked: equal for equal callers, and nothing else can be told from it.
        words: the question in lower case without repeated blanks; None where questions are not kept in words.
        words_key: equal for equal questions.
        shown: its hits, best first.
        total: how many matched.
        generation: what it was read from.
        seen: ids of the hits that a person had before their eyes; None where the client did not say.
        opened: what was opened, in order of time.
        judged: hit id → what was said of it; the id is empty for the answer as a whole.

    """

    query_id: str
    at: dt.datetime
    principal: str
    words: str | None
    words_key: str
    shown: tuple[Shown, ...]
    total: int
    generation: str
    seen: frozenset[str] | None
    opened: tuple[Opened, ...]
    judged: tuple[tuple[str, Judged], ...]
