"""The values of typed filters: lists, quoted values, what `owner:me` and `updated:<7d` stand for. Pure.

Journey 2, step "query text understood".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from services.common.model.assets import Kind, Status
from services.common.model.conditions import Condition, Having, Subject, Updated
from services.common.model.quality import Quality
from services.common.model.query_errors import QueryRefused
from services.common.model.query_text import Piece

MAX_VALUES = 50
"""Values of one filter."""
_CLOSED: Mapping[str, tuple[str, ...]] = {
    Subject.KIND: tuple(kind.value for kind in Kind),
    Subject.STATUS: tuple(status.value for status in Status),
    Subject.QUALITY: tuple(quality.value for quality in Quality),
}
"""Fields whose values are known."""
_SPLIT = re.compile(r'"([^"]*)"|([^,"]+)|(,)')
_AGE = re.compile(r"(<=|>=|<|>)?(\d{1,5})(d|w|mo|y)")
_DAYS = {"d": 1, "w": 7, "mo": 30, "y": 365}
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_UPDATED_HELP = "write updated:<7d (also w, mo, y), updated:2031-05-01, updated:>=2031-05 or updated:2031-05-01..2031-06-30"


def filter_condition(piece: Piece, me: str) -> Condition:
    """The condition of a filter; `me` is whom `owner:me` means.

    Raises:
        QueryRefused: it has no value, a quote that is not closed, or a value that its field cannot have.

    """
    if piece.field == "updated":
        return _updated(piece)
    subject = Subject(piece.field)
    values = _values(piece)
    if subject is Subject.OWNER:
        values = [(me if text.lower() == "me" and not quoted else text, quoted) for text, quoted in values]
    known = _CLOSED.get(subject)
    for text, _ in values:
        if known is not None and "*" not in text and text.lower() not in known:
            raise _refused(piece, f"{subject.value} is never {text[:60]}", f"it is one of {', '.join(known)}")
    return Having(subject, tuple(text for text, _ in values))


def _values(piece: Piece) -> list[tuple[str, bool]]:
    """The values between the commas, and whether each was quoted."""
    text = piece.text
    if text.count('"') % 2:
        raise _refused(piece, "its value has a quote that is not closed", 'put another " behind the value')
    out = [(quoted or plain, not plain) for quoted, plain, comma in _SPLIT.findall(text) if not comma]
    if not out or any(not value for value, _ in out):
        raise _refused(piece, f"{piece.field}: has no value", f"write {piece.field}:VALUE without a space between")
    if len(out) > MAX_VALUES:
        raise _refused(piece, f"{piece.field} has more than {MAX_VALUES} values", "ask for less at once")
    return out


def _updated(piece: Piece) -> Updated:
    text = piece.text.strip('"')
    age = _AGE.fullmatch(text)
    if age is not None:
        days = int(age[2]) * _DAYS[age[3]]
        if (age[1] or "").startswith(">"):
            return Updated(None, None, None, days if age[1] == ">=" else days + 1)
        return Updated(None, None, max(days - 1, 0) if age[1] == "<" else days, None)
    for operator in ("<=", ">=", "<", ">"):
        if text.startswith(operator):
            first, after = _span(piece, text.removeprefix(operator))
            edge = first if operator in ("<", ">=") else after
            since, until = (None, edge) if operator.startswith("<") else (edge, None)
            return Updated(since, until, None, None)
    start, between, end = text.partition("..")
    first, after = _span(piece, start)
    return Updated(first, _span(piece, end)[1] if between else after, None, None)


def _span(piece: Piece, text: str) -> tuple[dt.date, dt.date]:
    """First day and the day after the last of a day, a month or a year."""
    match = _DATE.fullmatch(text)
    try:
        year, month, day = (int(part) if part else None for part in match.groups()) if match else (None, None, None)
        first = dt.date(year or 0, month or 1, day or 1)
        if day is not None:
            return first, first + dt.timedelta(days=1)
        after = dt.date(first.year + 1, 1, 1) if month in (None, 12) else dt.date(first.year, first.month + 1, 1)
    except (ValueError, OverflowError):
        raise _refused(piece, f"updated: cannot be {text[:40] or 'empty'}", _UPDATED_HELP) from None
    return first, after


def _refused(piece: Piece, problem: str, advice: str) -> QueryRefused:
    return QueryRefused(problem, advice, piece.start, piece.end)
