"""A statement of a query log as it goes to the worker process, and what comes back: never any of its text.

Journey 3, step "log → facts". Plain values that cross the pipe; tables are as written, because which datasets they stand for
depends on what exists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common.model.names import SqlPart
from services.lineage.sql.statement import Problem, TableRef

Pair = tuple[int, str, int, str, str]
"""Two columns that are compared to join: table, column, table, column, kind. Tables by their place in `Usage.tables`."""
Use = tuple[int, str, str]
"""Table, column, how: select, filter, join, group, sort or write."""
Flow = tuple[int, str, int, str, str]
"""Table, column, table, column that it gets into, kind; `*` as in column edges."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Asks what a statement is without its literals. `folds`: whether the engine takes names in any case for one."""

    sql: str
    dialect: str = ""
    folds: bool = True

    @property
    def sha256(self) -> str:
        """The hash of all of it, in hexadecimal."""
        return _hash(f"{self.dialect}\n{self.folds}\n{self.sql}")


@dataclass(frozen=True, slots=True)
class Shaped:
    """The hash of a statement's words without literals, comments and spaces, and the names that may be tables.

    Attributes:
        digest: in hexadecimal.
        names: each with its parts; more than are tables.

    """

    digest: str
    names: tuple[TableRef, ...] = ()


RESULT: TableRef = (SqlPart("", quoted=True),)
"""Stands in `Usage.tables` for the table that a query's result gets into, which its text does not name."""


@dataclass(frozen=True, slots=True)
class LogStatement:
    """Asks what a statement does. `schema` as in `Script`: the columns of tables as the statement names them.

    With `is_kept` the result of a text that is nothing but a query gets into a table, `RESULT`, as a dbt model's does.
    """

    sql: str
    dialect: str = ""
    schema: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_kept: bool = False

    @property
    def sha256(self) -> str:
        """The hash of all of it, in hexadecimal."""
        return _hash(json.dumps([self.dialect, list(self.schema.items()), self.is_kept]) + "\n" + self.sql)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a statement does.

    Attributes:
        kind: its kind in upper case; of several the first that reads or writes anything.
        tables: every table that the rest speaks of, as written. One that was named by a text is not among them.
        reads, writes: places in `tables`; what the statement makes and uses up itself is in neither.
        problem: why it, or its columns, could not be read; with the place.

    """

    kind: str
    tables: tuple[TableRef, ...] = ()
    reads: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()
    pairs: tuple[Pair, ...] = ()
    uses: tuple[Use, ...] = ()
    links: tuple[tuple[int, int], ...] = ()
    flows: tuple[Flow, ...] = ()
    problem: Problem | None = None
    line: int | None = None
    column: int | None = None

    def as_json(self) -> list[Any]:
        """As JSON; `usage_in` reads it."""
        return [
            self.kind,
            [[[part.text, part.quoted] for part in ref] for ref in self.tables],
            *([list(item) if isinstance(item, tuple) else item for item in part] for part in self._lists()),
            self.problem and self.problem.name,
            self.line,
            self.column,
        ]

    def _lists(self) -> tuple[tuple[Any, ...], ...]:
        return self.reads, self.writes, self.pairs, self.uses, self.links, self.flows


def usage_in(value: list[Any]) -> Usage:
    """The usage that `as_json` wrote."""
    kind, tables, reads, writes, pairs, uses, links, flows, problem, line, column = value
    return Usage(
        kind,
        tuple(tuple(SqlPart(text, quoted) for text, quoted in ref) for ref in tables),
        tuple(reads),
        tuple(writes),
        tuple((a, b, c, d, e) for a, b, c, d, e in pairs),
        tuple((a, b, c) for a, b, c in uses),
        tuple((a, b) for a, b in links),
        tuple((a, b, c, d, e) for a, b, c, d, e in flows),
        Problem[problem] if problem else None,
        line,
        column,
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
