"""Statements put together: what a script as a whole reads and writes, with what it makes and uses up itself left out.

Journey 3, step "SQL → edges", the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.lineage.sql.facts import ColumnEdge, Kind, Lineage, TableKey
from services.lineage.sql.known import Tables, is_same
from services.lineage.sql.pairs import only
from services.lineage.sql.relation import ALL, Direct, Indirect, Origin, OutColumn, add
from services.lineage.sql.writes import CACHE, CHANGE, CREATE, REPLACE, Facts, Write

Column = tuple[TableKey, str]
"""A column of a table that can be told."""
MAX_EDGES = 200_000
"""Column edges of one text. Above, what only decides about rows is told for `*` and not for each column."""


@dataclass(slots=True)
class Content:
    """What is in a table that the script has written, told by what lies outside of the script.

    Attributes:
        made: whether the script made it, or filled it anew, so that nothing older is in it.
        used: whether a later statement has read it.
        kept: whether that read what no statement of the script wrote: the table is one of those outside as well.

    """

    columns: dict[str, OutColumn] = field(default_factory=dict)
    rows: Indirect = field(default_factory=set)
    sources: dict[TableKey, None] = field(default_factory=dict)
    made: bool = False
    used: bool = False
    kept: bool = False
    temporary: bool = False


class Composer:
    """Takes statements in their order.

    Args:
        tables: spells names.
        as_one: the statements are the body of one routine: only what they make themselves is left out.

    """

    def __init__(self, tables: Tables, *, as_one: bool = False) -> None:
        self._tables = tables
        self._as_one = as_one
        self._contents: dict[TableKey, Content] = {}
        self._reads: dict[TableKey, None] = {}
        self._targets: dict[TableKey, None] = {}
        self._answers: list[Write] = []
        self._renamed: set[TableKey] = set()
        self._pairs: dict[tuple[Column, Column, str], None] = {}

    def take(self, facts: Facts) -> None:
        """Put the next statement to those before."""
        for left, right, kind in facts.pairs:
            ends = only(self._outside(left)[0]), only(self._outside(right)[0])
            if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
                self._pairs.setdefault((ends[0], ends[1], kind))
        writes = self._turned(facts)
        composed = [self._composed(write) for write in writes]
        written = {write.table for write in writes}
        for table in facts.reads if writes is facts.writes else ():
            if not any(table in write.sources for write in writes):
                self._read(table, written)
        for write in composed:
            if write.table is None:
                self._answers.append(write)
            else:
                self._store(write)
        for old, new in facts.renamed:
            self._rename(old, new)
        for table in facts.dropped:
            self._drop(table, views=facts.views)

    def _turned(self, facts: Facts) -> list[Write]:
        """A swap of a table that the script made brings its content to the other one."""
        if facts.swapped is None:
            return facts.writes
        target, source = facts.swapped
        if self._made(source) is None and self._made(target) is not None:
            column = OutColumn(ALL, {(target, ALL): Kind.IDENTITY})
            return [Write(source, [column], sources=(target,), how=REPLACE, closed=False)]
        return facts.writes

    def writes(self) -> list[Write]:
        """What is written in the end, by target, told by what lies outside."""
        found = []
        for table in self._targets:
            content = self._contents.get(table)
            if content is None:
                found.append(Write(table, how=CHANGE))
            elif not self._is_between(table):
                columns = list(content.columns.values())
                found.append(Write(table, columns, content.rows, tuple(content.sources)))
        return [*found, *self._answers]

    def reads(self) -> tuple[TableKey, ...]:
        """What is read from outside."""
        return tuple(self._reads)

    def pairs(self) -> tuple[tuple[Column, Column, str], ...]:
        """Columns of tables from outside that conditions compare, each with the kind of the join."""
        return tuple(self._pairs)

    def _made(self, table: TableKey) -> TableKey | None:
        """The table of the script that a name means; the shorter name may leave out what stands before."""
        if table in self._contents:
            return table
        same = [known for known in self._contents if len(known) != len(table) and is_same(known, table)]
        return same[0] if len(same) == 1 else None

    def _is_between(self, table: TableKey) -> bool:
        content = self._contents[table]
        return content.used and not content.kept and (content.made or not self._as_one)

    def _opaque(self, table: TableKey) -> TableKey | None:
        """The content to look into when `table` is read; None where it is a table like any other.

        One that only got rows out of nowhere holds what it held before: nothing stands in its place.
        """
        made = self._made(table)
        if made is None:
            return None
        content = self._contents[made]
        return made if content.made or (content.sources and not self._as_one) else None

    def _read(self, table: TableKey, written: Iterable[TableKey | None], *, later: bool = False) -> tuple[TableKey, ...]:
        """What stands behind a table that is read; `later`: its reader has only been given a name so far."""
        inside = self._opaque(table)
        found = (table,) if inside is None else tuple(self._contents[inside].sources)
        if inside is not None and inside not in written:
            self._contents[inside].used = True
        if not later:
            self._reads.update(dict.fromkeys(found))
        return found

    def _composed(self, write: Write) -> Write:
        later = write.how == CACHE
        sources = dict.fromkeys(found for table in write.sources for found in self._read(table, (write.table,), later=later))
        columns = [made for column in write.columns for made in self._columns(column)]
        rows = self._rows(write.rows)
        for table in write.sources:
            inside = self._opaque(table)
            if inside is not None:
                rows |= self._contents[inside].rows
        kept = self._kept(columns, rows, but=write.table)
        if not later:
            self._reads.update(kept)
        return Write(write.table, columns, rows, tuple(sources | kept), write.how, write.closed)

    def _kept(self, columns: Iterable[OutColumn], rows: Indirect, *, but: TableKey | None) -> dict[TableKey, None]:
        """The tables that the script changed and of which something is read that it did not change."""
        read = [origin for column in columns for origin in column.direct]
        read += [origin for column in columns for origin, _ in column.indirect] + [origin for origin, _ in rows]
        found: dict[TableKey, None] = {}
        for table, _ in read:
            made = self._opaque(table) if table is not None and table != but else None
            if table is not None and made is not None and not self._contents[made].made:
                self._contents[made].kept = True
                found[table] = None
        return found

    def _columns(self, column: OutColumn) -> list[OutColumn]:
        """A column, or where it is all columns of a table of the script, each of those."""
        inside = None
        if column.key == ALL and len(column.direct) == 1:
            ((table, key),) = column.direct
            inside = self._opaque(table) if table is not None and key == ALL else None
        return [self._column(column)] if inside is None else list(self._contents[inside].columns.values())

    def _column(self, column: OutColumn) -> OutColumn:
        if not any(origin[0] is not None and self._opaque(origin[0]) for origin in column.direct) and not column.indirect:
            return column
        made = OutColumn(column.name, indirect=self._rows(column.indirect), starred=column.starred)
        for origin, kind in column.direct.items():
            found, besides = self._outside(origin)
            add(made.direct, found.items(), kind)
            made.indirect |= besides
        return made

    def _rows(self, rows: Indirect) -> Indirect:
        found: Indirect = set()
        for origin, kind in rows:
            direct, besides = self._outside(origin)
            found |= {(one, kind) for one in direct} | besides
        return found

    def _outside(self, origin: Origin) -> tuple[Direct, Indirect]:
        """What a column of a table of the script is made from."""
        table, key = origin
        inside = self._opaque(table) if table is not None else None
        if inside is None:
            return {origin: Kind.IDENTITY}, set()
        content = self._contents[inside]
        column = content.columns.get(key)
        if column is not None:
            return column.direct, column.indirect
        star = content.columns.get(ALL)
        if not content.made and (star is None or not star.direct):  # rows went, or other columns changed
            return {origin: Kind.IDENTITY}, set() if star is None else star.indirect
        if star is not None:
            return {(one, key if name == ALL else name): kind for (one, name), kind in star.direct.items()}, star.indirect
        return {}, set()

    def _store(self, write: Write) -> None:
        assert write.table is not None
        table = self._made(write.table) or write.table
        before = self._contents.get(table)
        if before is None or write.how in (CREATE, REPLACE, CACHE):
            content = self._contents[table] = Content(made=write.how in (CREATE, REPLACE, CACHE))
            content.temporary = write.how == CACHE
        else:
            content = before
        is_partial = _is_partial(write)
        columns = _with_rows(write) if is_partial else write.columns
        content.rows |= set() if is_partial else write.rows
        content.sources.update(dict.fromkeys(write.sources))
        for column in columns:
            held = content.columns.get(column.key)
            if held is None:
                content.columns[column.key] = column
            else:
                joined = OutColumn(held.name, dict(held.direct), held.indirect | column.indirect, starred=column.starred)
                add(joined.direct, column.direct.items())
                content.columns[column.key] = joined
        if not content.temporary:
            self._targets.setdefault(table)

    def _rename(self, old: TableKey, new: TableKey) -> None:
        made = self._made(old)
        self._renamed.add(new)
        if made is None:
            return
        self._contents[new] = self._contents.pop(made)
        if made in self._targets:
            self._targets = {new if table == made else table: None for table in self._targets}

    def _drop(self, table: TableKey, *, views: bool) -> None:
        made = self._made(table)
        if made is not None:
            del self._contents[made]
            self._targets.pop(made, None)
        elif not views and table not in self._renamed:
            self._targets.setdefault(table)


def _is_partial(write: Write) -> bool:
    """Whether some columns change and the rows stay, so that what decides about it says nothing of the other columns."""
    return write.how == CHANGE and bool(write.columns) and all(column.key != ALL for column in write.columns)


def _with_rows(write: Write) -> list[OutColumn]:
    """Its columns, each with what decides which rows are changed."""
    return [
        OutColumn(column.name, column.direct, column.indirect | write.rows, starred=column.starred)
        for column in write.columns
    ]


def lineage_of(writes: Sequence[Write], reads: Iterable[TableKey], tables: Tables) -> Lineage:
    """Edges, sources and targets as values with names."""
    targets = dict.fromkeys(
        tables.spelled(write.table) for write in writes if write.table is not None and write.how != CACHE
    )
    pairs = dict.fromkeys(
        (tables.spelled(source), tables.spelled(write.table))
        for write in writes
        if write.table is not None and write.how != CACHE
        for source in write.sources
    )
    edges: dict[ColumnEdge, None] = {}
    size = sum(len(write.columns) * (len(write.rows) + 1) for write in writes)
    for write in writes:
        if write.how != CACHE:
            edges.update(dict.fromkeys(_edges(write, tables, brief=size > MAX_EDGES)))
    sources = tuple(dict.fromkeys(tables.spelled(key) for key in reads))
    return Lineage(sources, tuple(targets), tuple(pairs), tuple(edges))


def _edges(write: Write, tables: Tables, *, brief: bool) -> list[ColumnEdge]:
    target = None if write.table is None else tables.spelled(write.table)
    into = {column.key for column in write.columns}
    stars = {origin[0] for column in write.columns if column.key == ALL for origin in column.direct if origin[1] == ALL}
    spelled: dict[TableKey | None, str | None] = {None: None}

    def edge(origin: Origin, name: str, kind: Kind) -> ColumnEdge:
        table, key = origin
        if table not in spelled:
            spelled[table] = tables.spelled(table) if table is not None else None
        return ColumnEdge(spelled[table], tables.column(key), target, name, kind)

    found: list[ColumnEdge] = []
    for column in write.columns:
        for origin, kind in column.direct.items():
            covered = column.starred and ALL in into and origin[0] in stars and origin[1] == column.key and column.key != ALL
            if not (covered and kind is Kind.IDENTITY):
                found.append(edge(origin, column.name, kind))
        found.extend(edge(origin, column.name, kind) for origin, kind in sorted(column.indirect, key=_order))
    rows = sorted(write.rows, key=_order)
    names = dict.fromkeys(column.name for column in write.columns)
    for name in (ALL,) if brief or not names else names:
        found.extend(edge(origin, name, kind) for origin, kind in rows)
    return found


def _order(one: tuple[Origin, Kind]) -> tuple[Kind, TableKey, str]:
    (table, key), kind = one
    return kind, table or (), key
