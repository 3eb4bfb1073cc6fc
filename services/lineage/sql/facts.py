"""What reading SQL gives: edges between tables and between columns, a statement at a time and for a whole script.

Journey 3, step "SQL → edges". Plain values: everything that is not in this folder speaks these and knows no SQL library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

TableKey = tuple[str, ...]
"""A table as it is compared: its name's parts in lower case, outermost first. A file or a folder is one part."""


class Kind(IntEnum):
    """How a column gets into another one. Up to `CONDITIONAL` it stands in the column's own expression.

    Ordered so that on a path the greater one tells what the whole path is.
    """

    IDENTITY = 0
    TRANSFORMATION = 1
    AGGREGATION = 2
    WINDOW = 3
    CONDITIONAL = 4
    FILTER = 5
    JOIN = 6
    GROUP = 7
    SORT = 8

    @property
    def word(self) -> str:
        """The name that answers use."""
        return self.name.lower()

    @property
    def direct(self) -> bool:
        """Whether the column is read in the output column's own expression."""
        return self <= Kind.CONDITIONAL


class ColumnEdge(NamedTuple):
    """A column that gets into another one.

    Attributes:
        source, column: where it comes from; `source` is None where several tables may have the column, and `column` is `*`
            for all columns of a table whose columns are not known.
        target, into: where it goes; `target` is None for the result of a bare query.
        kind: how.

    """

    source: str | None
    column: str
    target: str | None
    into: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Lineage:
    """Tables read and written, and the edges between them and between their columns, each once and in order.

    Attributes:
        sources, targets: names with their parts joined by dots, spelled as where they were first met.
        table_edges: pairs of a source and a target.

    """

    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    table_edges: tuple[tuple[str, str], ...] = ()
    column_edges: tuple[ColumnEdge, ...] = ()

    def shape(self) -> dict[str, Any]:
        """As JSON, in the form that the command and the API share."""
        return {
            "sources": list(self.sources),
            "targets": list(self.targets),
            "table_edges": [list(edge) for edge in self.table_edges],
            "column_edges": [
                {"from": [edge.source, edge.column], "to": [edge.target, edge.into], "kind": edge.kind.word}
                for edge in self.column_edges
            ],
        }


@dataclass(frozen=True, slots=True)
class StatementLineage:
    """One statement: its kind in upper case, its own edges, and why it could not be read or only its tables could."""

    type: str
    lineage: Lineage = field(default_factory=Lineage)
    error: str | None = None

    def shape(self) -> dict[str, Any]:
        """As JSON."""
        return {"type": self.type, **self.lineage.shape(), "error": self.error}


@dataclass(frozen=True, slots=True)
class ScriptLineage:
    """Every statement of a text, and the text as a whole: what is made and used up inside is composed away."""

    statements: tuple[StatementLineage, ...] = ()
    whole: Lineage = field(default_factory=Lineage)

    def shape(self) -> dict[str, Any]:
        """As JSON: `{"statements", "sources", "targets", "table_edges", "column_edges"}`."""
        return {"statements": [one.shape() for one in self.statements], **self.whole.shape()}
