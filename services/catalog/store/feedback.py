"""The tables of answers and of what people did with them: written in batches, read whole by training and by analytics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, select, update

from services.catalog.store.tables import search_answer, search_feedback
from services.common.model.names import AssetId
from services.common.runtime.inserts import insert_into

OPENED, JUDGED = "opened", "judged"
WHOLE = ""
"""The hit id of a verdict on an answer as a whole."""
_PAGE = 1_000


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write answers; a query id that its caller has used before stays what it was."""
    if rows:
        connection.execute(insert_into(connection.dialect.name, search_answer).on_conflict_do_nothing(), list(rows))


def answer(connection: Connection, principal: str, query_id: str) -> RowMapping | None:
    """One answer of one caller, locked until the commit where the database can."""
    mine = and_(search_answer.c.principal == principal, search_answer.c.query_id == query_id)
    return connection.execute(select(search_answer).where(mine).with_for_update()).mappings().first()


def mark_seen(connection: Connection, row: RowMapping, seen: Sequence[str]) -> None:
    """Note which hits of an answer somebody had before their eyes."""
    connection.execute(update(search_answer).where(_same(row)).values(seen=list(seen)))


def mark_opened(connection: Connection, row: RowMapping, at: dt.datetime) -> None:
    """Note when the first hit of an answer was opened; an earlier time stays."""
    never = and_(_same(row), search_answer.c.opened_at.is_(None))
    connection.execute(update(search_answer).where(never).values(opened_at=at))


def said(connection: Connection, row: RowMapping) -> dict[tuple[str, str], str]:
    """What is known of an answer: (hit id, what) → value."""
    query = select(search_feedback.c.hit_id, search_feedback.c.what, search_feedback.c.value).where(_of(row))
    return {(one.hit_id, one.what): one.value for one in connection.execute(query)}


def write(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write clicks and verdicts; of two verdicts on one hit the later stays, with its time."""
    if not rows:
        return
    statement = insert_into(connection.dialect.name, search_feedback)
    later = {"value": statement.excluded.value, "at": statement.excluded.at}
    keys = ["principal", "query_id", "hit_id", "what"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=later), list(rows))


def retract(connection: Connection, row: RowMapping, hits: Iterable[str]) -> None:
    """Take verdicts back."""
    wanted = list(hits)
    if wanted:
        mine = and_(_of(row), search_feedback.c.what == JUDGED, search_feedback.c.hit_id.in_(wanted))
        connection.execute(delete(search_feedback).where(mine))


def forget(connection: Connection, before: dt.datetime, most: int) -> int:
    """Delete what is older than `before`, and the oldest answers beyond `most`; how many answers went."""
    newest_too_many = connection.execute(
        select(search_answer.c.at).order_by(search_answer.c.at.desc()).offset(most).limit(1)
    ).scalar()
    if newest_too_many is not None and newest_too_many >= before:
        before = newest_too_many + dt.timedelta(microseconds=1)
    connection.execute(delete(search_feedback).where(search_feedback.c.at < before))
    gone = connection.execute(delete(search_answer).where(search_answer.c.at < before)).rowcount
    known = select(search_answer.c.query_id).where(
        search_answer.c.principal == search_feedback.c.principal, search_answer.c.query_id == search_feedback.c.query_id
    )
    # an answer that had to make room takes its feedback along
    connection.execute(delete(search_feedback).where(~known.exists()))
    return gone


def between(connection: Connection, since: dt.datetime, until: dt.datetime) -> Iterator[RowMapping]:
    """Answers of a time, oldest first, a page at a time."""
    last: tuple[Any, ...] | None = None
    order = (search_answer.c.at, search_answer.c.principal, search_answer.c.query_id)
    while True:
        query = select(search_answer).where(search_answer.c.at >= since, search_answer.c.at < until).order_by(*order)
        if last is not None:
            at, principal, query_id = last
            same_time = and_(search_answer.c.at == at, search_answer.c.principal == principal)
            query = query.where(
                (search_answer.c.at > at)
                | and_(search_answer.c.at == at, search_answer.c.principal > principal)
                | and_(same_time, search_answer.c.query_id > query_id)
            )
        rows = connection.execute(query.limit(_PAGE)).mappings().all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = (rows[-1]["at"], rows[-1]["principal"], rows[-1]["query_id"])


def of_answers(connection: Connection, since: dt.datetime) -> dict[tuple[str, str], list[RowMapping]]:
    """All that was done with answers given since, by principal and query id, in order of time."""
    held = and_(
        search_answer.c.principal == search_feedback.c.principal, search_answer.c.query_id == search_feedback.c.query_id
    )
    query = (
        select(search_feedback)
        .select_from(search_feedback.join(search_answer, held))
        .where(search_answer.c.at >= since)
        .order_by(search_feedback.c.at, search_feedback.c.hit_id)
    )
    found: dict[tuple[str, str], list[RowMapping]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault((row["principal"], row["query_id"]), []).append(row)
    return found


def opened_after(connection: Connection, words_key: str, newest: int) -> list[tuple[str, AssetId]]:
    """Who opened which table after asking a question; of so many of the newest answers."""
    late = select(search_answer).order_by(search_answer.c.at.desc()).limit(newest).subquery()
    held = and_(late.c.principal == search_feedback.c.principal, late.c.query_id == search_feedback.c.query_id)
    query = (
        select(late.c.principal, late.c.shown, search_feedback.c.hit_id)
        .select_from(late.join(search_feedback, held))
        .where(late.c.words_key == words_key, search_feedback.c.what == OPENED)
    )
    found = []
    for row in connection.execute(query):
        tables = {
            item if isinstance(item, str) else item[0]: item if isinstance(item, str) else item[1] for item in row.shown
        }
        if row.hit_id in tables:
            found.append((row.principal, AssetId(tables[row.hit_id])))
    return found


def count(connection: Connection) -> int:
    """How many answers are kept."""
    found: int = connection.execute(select(func.count()).select_from(search_answer)).scalar_one()
    return found


def _same(row: RowMapping) -> Any:
    return and_(search_answer.c.principal == row["principal"], search_answer.c.query_id == row["query_id"])


def _of(row: RowMapping) -> Any:
    return and_(search_feedback.c.principal == row["principal"], search_feedback.c.query_id == row["query_id"])
