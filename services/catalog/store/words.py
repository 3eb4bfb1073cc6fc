"""Terms, the names that they are found by, and the record of who said what; one statement each. Used by `catalog/vocabulary`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select

from services.catalog.store.tables import KEY_CHARS, vocabulary, vocabulary_audit, vocabulary_name
from services.common.runtime.inserts import insert_into

KEYS_AT_ONCE = 5_000
"""Keys in one statement: SQLite takes 32,766 parameters."""

# made once: putting a statement together takes longer than running it
_ANY = select(vocabulary_name.c.key).limit(1)
_KEYS_CALLED = select(vocabulary_name.c.key).where(vocabulary_name.c.name.in_(bindparam("names", expanding=True)))
_CALLED = select(vocabulary).where(vocabulary.c.key.in_(_KEYS_CALLED)).order_by(vocabulary.c.key)


def cut(name: str) -> str:
    """A name as long as an index takes."""
    return name[:KEY_CHARS]


def terms_after(connection: Connection, key: str) -> list[RowMapping]:
    """All terms whose key comes after one, in order."""
    query = select(vocabulary).where(vocabulary.c.key > key).order_by(vocabulary.c.key)
    return list(connection.execute(query).mappings())


def terms_of(connection: Connection, keys: Sequence[str]) -> list[RowMapping]:
    """Those of some terms that are there."""
    rows: list[RowMapping] = []
    for at in range(0, len(keys), KEYS_AT_ONCE):
        query = select(vocabulary).where(vocabulary.c.key.in_(keys[at : at + KEYS_AT_ONCE])).order_by(vocabulary.c.key)
        rows += connection.execute(query).mappings()
    return rows


def terms_called(connection: Connection, names: Sequence[str]) -> list[RowMapping]:
    """The terms that have one of some names, in the order of their keys."""
    # a question has a hundred names to look for: where nobody said anything they are not even sent
    if connection.execute(_ANY).first() is None:
        return []
    return list(connection.execute(_CALLED, {"names": names}).mappings())


def times_said(connection: Connection, key: str) -> int:
    """How often something was said of a term, also before it was taken away."""
    query = select(func.count()).select_from(vocabulary_audit).where(vocabulary_audit.c.key == key)
    return int(connection.execute(query).scalar_one())


def put_term(connection: Connection, row: Mapping[str, Any], names: Iterable[str]) -> None:
    """Write a term in place of what was there, and the names that it is found by."""
    written = insert_into(connection.dialect.name, vocabulary).values(row)
    connection.execute(written.on_conflict_do_update(index_elements=["key"], set_=dict(row)))
    connection.execute(delete(vocabulary_name).where(vocabulary_name.c.key == row["key"]))
    connection.execute(insert(vocabulary_name), [{"name": name, "key": row["key"]} for name in sorted(set(names))])


def drop_term(connection: Connection, key: str) -> None:
    """Take a term away; what was said of it stays on record."""
    connection.execute(delete(vocabulary_name).where(vocabulary_name.c.key == key))
    connection.execute(delete(vocabulary).where(vocabulary.c.key == key))


def record(connection: Connection, at: dt.datetime, by: str, key: str, *, before: object, after: object) -> None:
    """Who said what of a term; None is a term that is not there."""
    connection.execute(insert(vocabulary_audit).values(at=at, by=by, key=key, before=before, after=after))
