"""What a query gives: its columns in order, each with where it comes from, and what decides which rows there are.

Journey 3, step "SQL → edges": the value that steps hand to each other, from the innermost subquery to the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from services.lineage.sql.facts import Kind, TableKey

Origin = tuple[TableKey | None, str]
"""A column of a table that is not made in the query. The table is None where it cannot be told."""
Direct = dict[Origin, Kind]
"""What a column's own expression reads, and how."""
Indirect = set[tuple[Origin, Kind]]
"""What decides which rows there are or how they are put together."""
ALL = "*"
"""The column that stands for all columns of a table whose columns are not known, or for its rows."""


@dataclass(slots=True)
class OutColumn:
    """A column that a query gives.

    Attributes:
        name: as written; what a column without a name is called is decided where it is given out.
        named: whether it has a name of its own.
        starred: whether it came out of a `*` beside columns that are not known.
        made_by: the expression in the select list, for a column without a name; only used to name it.

    """

    name: str
    direct: Direct = field(default_factory=dict)
    indirect: Indirect = field(default_factory=set)
    named: bool = True
    starred: bool = False
    made_by: object = None

    @property
    def key(self) -> str:
        """The name as it is compared."""
        return self.name.lower()


@dataclass(slots=True)
class Star:
    """Columns that are not known: all those of some tables but a few, or all that a function gives.

    Attributes:
        tables: of several, as after UNION, each gives every column.
        given: what every column reads, whatever its name.

    """

    tables: tuple[TableKey, ...] = ()
    without: frozenset[str] = frozenset()
    given: Direct = field(default_factory=dict)
    kind: Kind = Kind.IDENTITY
    indirect: Indirect = field(default_factory=set)

    def column(self, key: str) -> OutColumn:
        """The column of that name."""
        direct: Direct = {(table, key): self.kind for table in self.tables}
        return OutColumn(key, {**self.given, **direct}, self.indirect, starred=key == ALL)


Item = OutColumn | Star


class Relation:
    """The columns of a query or of a source, in order, and what decides its rows."""

    __slots__ = ("_by_key", "indirect", "items")

    def __init__(self, items: Sequence[Item] = (), indirect: Indirect | None = None) -> None:
        self.items = list(items)
        self.indirect: Indirect = set() if indirect is None else indirect
        self._by_key: dict[str, OutColumn] | None = None

    @property
    def columns(self) -> list[OutColumn]:
        """Those that are known."""
        return [item for item in self.items if isinstance(item, OutColumn)]

    @property
    def stars(self) -> list[Star]:
        """Those that are not."""
        return [item for item in self.items if isinstance(item, Star)]

    @property
    def closed(self) -> bool:
        """Whether every column is known."""
        return not any(isinstance(item, Star) for item in self.items)

    def find(self, key: str) -> OutColumn | None:
        """The column that is known by that name; of several the first."""
        if self._by_key is None:
            self._by_key = {}
            for item in self.items:
                if isinstance(item, OutColumn):
                    self._by_key.setdefault(item.key, item)
        return self._by_key.get(key)

    def star_for(self, key: str) -> Star | None:
        """The one star that has a column of that name; None where there is none or where several may."""
        stars = [star for star in self.stars if key not in star.without]
        return stars[0] if len(stars) == 1 else None


def passed(outer: Kind, inner: Kind) -> Kind:
    """The kind of a path that goes on: what it does most."""
    return max(outer, inner)


def joined(one: Kind, other: Kind) -> Kind:
    """The kind where a column gets in on two ways: as data before as a condition, the greater change before the lesser."""
    if one <= Kind.AGGREGATION and other <= Kind.AGGREGATION:
        return max(one, other)
    return min(one, other)


def add(into: Direct, reads: Iterable[tuple[Origin, Kind]], kind: Kind = Kind.IDENTITY) -> None:
    """Put what is read into `into`, each path going on as `kind`."""
    for origin, inner in reads:
        way = passed(kind, inner)
        before = into.get(origin)
        into[origin] = way if before is None else joined(before, way)


def as_kind(direct: Iterable[Origin], indirect: Indirect, kind: Kind) -> Indirect:
    """What an expression reads, where the whole expression only decides about rows."""
    return {(origin, kind) for origin in direct} | indirect


def origins(items: Iterable[Item]) -> Iterator[Origin]:
    """Where columns come from, all of them."""
    for item in items:
        if isinstance(item, OutColumn):
            yield from item.direct
        else:
            yield from item.column(ALL).direct
