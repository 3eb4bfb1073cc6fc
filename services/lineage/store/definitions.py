"""What was read in each definition: its references as written, the datasets they may stand for, never its text.

Journey 3, step "store".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from services.common.model.names import AssetId, ScopePath
from services.lineage.sql.frames import ref_in, ref_out
from services.lineage.sql.statement import Problem, TableRef
from services.lineage.store.lookup import keyed, rows_of, rows_with, write_with
from services.lineage.store.tables import definition, mention, node

PARSED = "parsed"
PARTLY = "partly"
"""What it reads is known as far as a template, or another dialect's rules, tell: it may read more."""
UNPARSED = "unparsed"

# made once: each answer about columns asks them, and making a statement takes longer than asking it
_PROBLEM = select(definition.c.problem).where(definition.c.state == UNPARSED, definition.c.asset_id == bindparam("asset"))
_PATH = func.coalesce(node.c.scope_path, mention.c.scope_path).label("path")
_PATHS = keyed(
    select(mention.c.asset_id, _PATH).select_from(mention.outerjoin(node, node.c.id == mention.c.dataset_id)),
    mention.c.asset_id,
)


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of one asset as it was read.

    Attributes:
        sha256: of the text, which is not kept.
        problem: why it could not be read; None where it was.
        reads: the references in it, empty where it could not be read.
        guessed: see `PARTLY`.

    """

    asset_id: AssetId
    sha256: str
    dialect: str
    problem: str | None
    reads: tuple[TableRef, ...]
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """A dataset that a definition names or may name. `told`: whether it counts as read, or is only where one looks first."""

    dataset_id: AssetId
    scope_path: ScopePath
    told: bool


def get(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, Definition]:
    """The definitions of those of `ids` that have one."""
    return {
        AssetId(row.asset_id): Definition(
            asset_id=AssetId(row.asset_id),
            sha256=row.sha256,
            dialect=row.dialect,
            problem=row.problem,
            reads=tuple(ref_in(ref) for ref in row.reads),
            guessed=row.state == PARTLY,
        )
        for row in rows_with(connection, select(definition), definition.c.asset_id, ids)
    }


def put(connection: Connection, definitions: Collection[Definition]) -> None:
    """Store definitions, each in place of the one before."""
    if not definitions:
        return
    write_with(connection, delete(definition), definition.c.asset_id, [found.asset_id for found in definitions])
    rows = [
        {
            "asset_id": found.asset_id,
            "sha256": found.sha256,
            "dialect": found.dialect,
            "state": UNPARSED if found.problem else PARTLY if found.guessed else PARSED,
            "problem": found.problem,
            "reads": [ref_out(ref) for ref in found.reads],
        }
        for found in definitions
    ]
    connection.execute(insert(definition), rows)


def drop(connection: Connection, ids: Collection[AssetId]) -> None:
    """Forget the definitions of assets that have none any more."""
    write_with(connection, delete(definition), definition.c.asset_id, ids)


def put_mentions(connection: Connection, mentions: Mapping[AssetId, Iterable[Mention]]) -> None:
    """Store what each asset's definition names, in place of what was there; nothing is written where it is the same."""
    before: dict[AssetId, set[Mention]] = {asset_id: set() for asset_id in mentions}
    for row in rows_with(connection, select(mention), mention.c.asset_id, mentions.keys()):
        found = Mention(AssetId(row.dataset_id), ScopePath(row.scope_path), row.told)
        before[AssetId(row.asset_id)].add(found)
    changed = {asset_id: set(wanted) for asset_id, wanted in mentions.items() if before[asset_id] != set(wanted)}
    write_with(connection, delete(mention), mention.c.asset_id, changed.keys())
    rows = [
        {"asset_id": asset_id, "dataset_id": one.dataset_id, "scope_path": one.scope_path, "told": one.told}
        for asset_id, wanted in changed.items()
        for one in wanted
    ]
    if rows:
        connection.execute(insert(mention), rows)


def naming(connection: Connection, ids: Collection[AssetId]) -> set[AssetId]:
    """The assets whose definitions name, or may name, one of `ids`."""
    query = select(mention.c.asset_id).distinct()
    return {AssetId(row.asset_id) for row in rows_with(connection, query, mention.c.dataset_id, ids)}


def told(connection: Connection, asset_id: AssetId, sha256: str) -> tuple[ScopePath, ...] | None:
    """The scope paths of what the asset's definition of that hash reads, in order, nodes at their paths of today.

    None where that text was not read, or may read more than is known.
    """
    was_read = select(definition.c.asset_id).where(
        definition.c.asset_id == asset_id, definition.c.sha256 == sha256, definition.c.state == PARSED
    )
    if connection.execute(was_read).first() is None:
        return None
    path = func.coalesce(node.c.scope_path, mention.c.scope_path)
    query = (
        select(path)
        .select_from(mention.outerjoin(node, node.c.id == mention.c.dataset_id))
        .where(mention.c.asset_id == asset_id, mention.c.told)
    )
    return tuple(sorted(ScopePath(found) for found in connection.execute(query).scalars()))


def counts(connection: Connection) -> dict[str, int]:
    """How many definitions are `parsed`, `partly` and `unparsed`."""
    query = select(definition.c.state, func.count()).group_by(definition.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def problems(connection: Connection) -> dict[AssetId, str]:
    """Why definitions could not be read, by asset."""
    query = select(definition.c.asset_id, definition.c.problem).where(definition.c.state == UNPARSED)
    return {AssetId(asset_id): problem for asset_id, problem in connection.execute(query)}


def problem(connection: Connection, asset_id: AssetId) -> str | None:
    """Why the asset's definition could not be read; None where it was, or there is none."""
    return connection.execute(_PROBLEM, {"asset": asset_id}).scalar()


def late(connection: Connection, after: str, limit: int) -> list[AssetId]:
    """The next assets whose definitions took too long to read and were not tried again, in order."""
    query = select(definition.c.asset_id).where(definition.c.problem == Problem.TIMEOUT.value, definition.c.asset_id > after)
    return [AssetId(id_) for id_ in connection.execute(query.order_by(definition.c.asset_id).limit(limit)).scalars()]


def paths(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, list[ScopePath]]:
    """The scope paths of all that definitions name or may name, told or not, nodes at their paths of today."""
    found: dict[AssetId, list[ScopePath]] = {}
    for row in rows_of(connection, _PATHS, ids):
        found.setdefault(AssetId(row.asset_id), []).append(ScopePath(row.path))
    return found
