"""Redshift's history: rows of SYS_QUERY_HISTORY, or of STL_QUERYTEXT and SYS_QUERY_TEXT, which hold texts in pieces.

https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html (texts end after 4,000 characters),
https://docs.aws.amazon.com/redshift/latest/dg/r_STL_QUERYTEXT.html (pieces of 200 characters by `sequence`),
https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_TEXT.html. Journey 3, step "log → lines".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, number_of, text_of, time_of

_PIECE_CHARS = {"stl": 200, "sys": 4000}
_UNFINISHED = frozenset({"failed", "canceled", "cancelled", "aborted"})


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "query_text")
    elapsed_us = number_of(row, "elapsed_time")
    if (text_of(row, "status") or "success").strip().lower() in _UNFINISHED:
        yield Skipped(number, Why.FAILED)
    elif sql is None:
        yield Skipped(number, Why.NO_TEXT)
    else:
        yield LogLine(
            _unescaped(sql).rstrip(),
            user=_user(row),
            at=time_of(row.get("start_time"), zone),
            dialect="redshift",
            database=_trimmed(row, "database_name"),
            duration_ms=None if elapsed_us is None else elapsed_us / 1000,
            number=number,
        )


def joined(rows: Iterable[tuple[int, Row]], zone: ZoneInfo) -> Iterator[Entry]:
    """The pieces of a query put together; they stand in order of query and sequence, as they should be exported.

    A piece whose predecessors are missing is a text without its beginning, and is left out.
    """
    current: tuple[str, ...] | None = None
    pieces: list[str] = []
    first: tuple[int, Row] | None = None
    for number, row in rows:
        key = tuple(text_of(row, name) or "" for name in ("userid", "user_id", "xid", "query", "query_id"))
        sequence = int(number_of(row, "sequence") or 0)
        if key != current:
            yield from _whole(pieces, first, zone)
            current, pieces, first = key, [], (number, row)
        if sequence != len(pieces):
            yield Skipped(number, Why.NOT_READ)
            continue
        width = _PIECE_CHARS["sys" if "query_id" in row else "stl"]
        text = str(row.get("text") or "")
        # an export trims the spaces at a piece's end, and the next piece goes on behind them
        pieces.append(text.ljust(width) if len(text) < width else text)
    yield from _whole(pieces, first, zone)


def _whole(pieces: list[str], first: tuple[int, Row] | None, zone: ZoneInfo) -> Iterator[Entry]:
    if first is None or not pieces:
        return
    number, row = first
    at = time_of(row.get("starttime") or row.get("start_time"), zone)
    text = _unescaped("".join(pieces)).rstrip()
    yield LogLine(text, user=_user(row), at=at, dialect="redshift", number=number)


def _unescaped(text: str) -> str:
    """Line ends are written as two characters there."""
    return text.replace("\\n", "\n").replace("\\t", "\t")


def _user(row: Row) -> str | None:
    name = _trimmed(row, "username") or _trimmed(row, "usename")
    return name or _trimmed(row, "user_id") or _trimmed(row, "userid")


def _trimmed(row: Row, key: str) -> str | None:
    """The columns are CHAR: values are padded."""
    return (text_of(row, key) or "").strip() or None


FORMAT = RowFormat("Redshift SYS_QUERY_HISTORY", frozenset({"query_text", "query_id", "query_type"}), _read)
PIECES = frozenset({"sequence", "text"})
"""The headings by which texts in pieces are known."""
