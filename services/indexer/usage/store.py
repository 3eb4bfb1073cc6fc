"""The usage store: statements and runs in the indexer's database, added to as facts come, read whole when counts are made.

Journey 3, step "facts → usage". Nothing here commits; the follower does, a page of facts with its position at once.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.model.usage import NO_FACTS, ColumnUse, FactSeq, JoinFact, StatementFact
from services.indexer.store.tables import insert_new, insert_or_add, usage_position, usage_run, usage_statement
from services.indexer.usage.statements import NO_DAY, Run, Statement

_LINE = "facts"
_AT_ONCE = 500


def position(connection: Connection) -> FactSeq:
    """How far the facts were followed."""
    seq = connection.scalar(select(usage_position.c.seq).where(usage_position.c.line == _LINE))
    return FactSeq(seq) if seq is not None else NO_FACTS


def move(connection: Connection, since: FactSeq, upto: FactSeq) -> bool:
    """Note how far the facts were followed; False where another process has moved on since `since`."""
    connection.execute(insert_new(connection, usage_position), [{"line": _LINE, "seq": int(NO_FACTS)}])
    here = (usage_position.c.line == _LINE) & (usage_position.c.seq == int(since))
    return bool(connection.execute(update(usage_position).where(here).values(seq=int(upto))).rowcount)


def forget(connection: Connection) -> None:
    """Empty the store, to follow the facts from their beginning."""
    for table in (usage_statement, usage_run, usage_position):
        connection.execute(delete(table))


def add(connection: Connection, facts: Sequence[StatementFact]) -> None:
    """Add some facts, oldest first, each once. One with count 0 only says anew what its statement does."""
    bodies = {fact.fingerprint: fact for fact in facts}
    for group in _groups(list(bodies)):
        connection.execute(delete(usage_statement).where(usage_statement.c.fingerprint.in_(group)))
        rows = [{"fingerprint": one, "source": bodies[one].source, "body": _dumped(bodies[one])} for one in group]
        connection.execute(insert(usage_statement), rows)
    counts: dict[tuple[str, int, str], tuple[int, float]] = {}
    for fact in facts:
        if fact.count:
            key = (fact.fingerprint, _day(fact.at), (fact.user or "")[:200])
            counts[key] = (counts.get(key, (0, 0.0))[0] + fact.count, fact.weight)
    runs = [
        {"fingerprint": fingerprint, "day": day, "user": user, "count": count, "weight": weight}
        for (fingerprint, day, user), (count, weight) in counts.items()
    ]
    if runs:
        connection.execute(insert_or_add(connection, usage_run, "count", "weight"), runs)


def read(connection: Connection) -> tuple[Statement, ...]:
    """Every statement with its runs, in order of fingerprint."""
    runs: dict[str, list[Run]] = defaultdict(list)
    ordered = select(usage_run).order_by(usage_run.c.fingerprint, usage_run.c.day, usage_run.c.user)
    for row in connection.execute(ordered):
        fingerprint, day, user, count, weight = row
        runs[fingerprint].append(Run(day, user, count, weight))
    every = connection.execute(select(usage_statement).order_by(usage_statement.c.fingerprint))
    return tuple(_loaded(row.fingerprint, row.source, json.loads(row.body), runs.get(row.fingerprint, ())) for row in every)


def is_longer(connection: Connection, runs: int) -> bool:
    """Whether there are more runs than so many; looks no further."""
    return connection.execute(select(usage_run.c.day).offset(runs).limit(1)).first() is not None


def statements_of(facts: Iterable[StatementFact]) -> tuple[Statement, ...]:
    """The same from facts alone, for logs that are measured and not kept; in order of fingerprint."""
    bodies: dict[str, StatementFact] = {}
    counts: dict[str, dict[tuple[int, str], tuple[int, float]]] = defaultdict(dict)
    for fact in facts:
        bodies[fact.fingerprint] = fact
        if fact.count:
            key = (_day(fact.at), fact.user or "")
            counts[fact.fingerprint][key] = (counts[fact.fingerprint].get(key, (0, 0.0))[0] + fact.count, fact.weight)
    return tuple(
        Statement(
            one,
            fact.source,
            fact.reads,
            fact.writes,
            fact.joins,
            fact.uses,
            fact.names,
            tuple(Run(day, user, count, weight) for (day, user), (count, weight) in sorted(counts[one].items())),
        )
        for one, fact in sorted(bodies.items())
    )


def _day(at: dt.datetime | None) -> int:
    return at.astimezone(dt.UTC).toordinal() if at is not None else NO_DAY


def _dumped(fact: StatementFact) -> str:
    return json.dumps(
        {
            "reads": fact.reads,
            "writes": fact.writes,
            "joins": [[j.left, j.left_column, j.right, j.right_column, j.kind] for j in fact.joins],
            "uses": [[use.asset, use.column, use.how] for use in fact.uses],
            "names": {asset: [name.namespace, *name.parts] for asset, name in fact.names.items()},
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _loaded(fingerprint: str, source: str, body: dict[str, Any], runs: Sequence[Run]) -> Statement:
    return Statement(
        fingerprint,
        source,
        tuple(map(AssetId, body["reads"])),
        tuple(map(AssetId, body["writes"])),
        tuple(JoinFact(AssetId(a), x, AssetId(b), y, kind) for a, x, b, y, kind in body["joins"]),
        tuple(ColumnUse(AssetId(asset), column, how) for asset, column, how in body["uses"]),
        {AssetId(asset): DatasetName(Namespace(name[0]), tuple(name[1:])) for asset, name in body["names"].items()},
        tuple(runs),
    )


def _groups(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
