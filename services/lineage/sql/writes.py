"""What a statement does to tables, before it is put together with the statements around it.

Journey 3, step "SQL → edges": what each reader in `statements` gives, and `compose` takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.lineage.sql.facts import TableKey
from services.lineage.sql.relation import ALL, Indirect, Item, OutColumn, Relation, Star
from services.lineage.sql.scope import Env

CREATE, REPLACE, APPEND, CHANGE, CACHE, ANSWER = "create", "replace", "append", "change", "cache", "answer"
"""What happens to a table: it is made, its rows are replaced, rows come to it, rows or columns change; a result is kept for
the session only; or there is no table, and the result is handed out."""


@dataclass(slots=True)
class Write:
    """Data that goes into one table.

    Attributes:
        table: None for the result of a bare query.
        columns: what each of its columns gets; `*` is the name of those that are not known.
        rows: what decides which rows get in, for every column.
        sources: the tables that are read for it.
        how: one of the words above.

    """

    table: TableKey | None
    columns: list[OutColumn] = field(default_factory=list)
    rows: Indirect = field(default_factory=set)
    sources: tuple[TableKey, ...] = ()
    how: str = APPEND
    closed: bool = True


@dataclass(slots=True)
class Facts:
    """One statement.

    Attributes:
        type: its kind, in upper case.
        renamed: pairs of an old and a new name.
        dropped: tables that are gone after it; `views` among them hold no data of their own.
        use: what USE names, and whether that is a database or a schema.
        error: why it, or its columns, could not be read; a kind and a place.
        pairs: as in `Env`.

    """

    type: str
    writes: list[Write] = field(default_factory=list)
    reads: tuple[TableKey, ...] = ()
    renamed: list[tuple[TableKey, TableKey]] = field(default_factory=list)
    swapped: tuple[TableKey, TableKey] | None = None
    dropped: list[TableKey] = field(default_factory=list)
    views: bool = False
    use: tuple[str | None, str | None] | None = None
    error: str | None = None
    pairs: tuple[tuple[tuple[TableKey, str], tuple[TableKey, str], str], ...] = ()


def mapped(relation: Relation, names: Sequence[str] | None, env: Env, *, own_names: bool = False) -> list[OutColumn]:
    """The columns of a query under the names of the table that they go into.

    Args:
        relation: the query's.
        names: the table's, as the statement lists them or as they are known; None where nobody says them.
        env: the statement's; names columns that have no name.
        own_names: whether columns go where they are called so, and not by their place.

    """
    if not names or own_names:
        return [item if isinstance(item, OutColumn) else item.column(ALL) for item in numbered(relation.items, env)]
    found: list[OutColumn] = []
    for at, item in enumerate(relation.items):
        if isinstance(item, Star):
            rest = relation.items[at:]
            found.extend(_spread(rest, names[at:]))
            return found
        name = names[at] if at < len(names) else item.name
        found.append(OutColumn(name, item.direct, item.indirect))
    return found


def _spread(rest: list[Item], names: Sequence[str]) -> list[OutColumn]:
    """Where a `*` stands for nobody knows how many columns, any of the rest may get into any of the names that are left.

    With one `*` alone, that is all that can be said; with more around it, the last ones are counted from the end.
    """
    after = [item for item in rest[1:] if isinstance(item, OutColumn)] if len(rest) > 1 else []
    tail = list(zip(names[len(names) - len(after) :], after, strict=False)) if len(after) == len(rest) - 1 else []
    middle = names[: len(names) - len(tail)]
    stars = [item for item in rest if isinstance(item, Star)]
    found = []
    for name in middle:
        column = OutColumn(name)
        for star in stars:
            made = star.column(ALL)
            column.direct.update(made.direct)
            column.indirect |= made.indirect
        found.append(column)
    return [*found, *(OutColumn(name, item.direct, item.indirect) for name, item in tail)]


def numbered(items: Iterable[Item], env: Env) -> list[Item]:
    """With names for columns that have none: the expression's text, or `_0`, `_1`, … where the engine calls all of them alike."""
    found: list[Item] = []
    count = 0
    for item in items:
        if not isinstance(item, OutColumn) or item.named:
            found.append(item)
            continue
        cast = item.name if env.is_short_cast(item.made_by) else ""
        name = cast or (
            f"_{count}" if env.traits.numbered_columns else env.text_of(item.made_by) or item.name or f"_{count}"
        )
        count += 1
        found.append(OutColumn(name, item.direct, item.indirect, starred=item.starred))
    return found
