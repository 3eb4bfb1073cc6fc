"""One statement to read and what reading it gave: plain values that cross the pipe to the worker process.

Journey 3, step "definition → references": everything after `parse` speaks these and knows no SQL library.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from services.common.model.names import SqlPart

TableRef = tuple[SqlPart, ...]
"""A table as a query spells it, outermost part first. A part left out in the middle (`db..t`) is an empty text."""

MAX_SQL_BYTES = 1_000_000
"""Of UTF-8. The longest view among the real models that we measured has 120 kB; the reader manages 1 MB in about 5 s."""
MAX_NESTING = 500
"""Brackets and CASEs inside each other. Views of people and generators stay below 50; ours is read at 1,000 too."""


_IS_TEMPLATE = re.compile(r"\{\{|\{%|\{#")


def is_template(sql: str) -> bool:
    """Whether a text looks like dbt's or other Jinja."""
    return _IS_TEMPLATE.search(sql) is not None


class Problem(StrEnum):
    """Why a definition could not be read; the words are shown to people and never hold any SQL."""

    EMPTY = "there is no statement in it"
    TOO_LARGE = "it is longer than 1 MB"
    TOO_NESTED = "it is nested too deeply"
    SYNTAX = "its syntax is not understood"
    SEVERAL = "it holds several statements"
    NOT_A_QUERY = "it is not a query, a view or a table made from a query"
    COLUMNS = "its columns could not be told"
    ELSEWHERE = "it asks another system, and what that reads is not known"
    TIMEOUT = "reading it took too long"
    TIMEOUT_AGAIN = "reading it took too long, also with more time"
    MEMORY = "reading it took too much memory"
    CRASHED = "reading it ended the reader"

    @property
    def lasting(self) -> bool:
        """Whether the same text gives the same problem again; the others depend on how busy the machine is."""
        return self not in (Problem.TIMEOUT, Problem.TIMEOUT_AGAIN, Problem.MEMORY, Problem.CRASHED)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and sqlglot's name of its dialect; an empty or unknown name means the generic one."""

    sql: str
    dialect: str = ""

    @property
    def sha256(self) -> str:
        """The hash of the text, in hexadecimal: what is kept in its place."""
        return hashlib.sha256(self.sql.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a statement reads, or why that is not known.

    Attributes:
        reads: every table named, once, in the order of the text's clauses; empty where there is a problem.
        target: what CREATE names; None for a bare query.
        problem: None where the statement was read.
        line, column: where reading stopped, from 1; None where that is not known.
        guessed: whether the text is a template, or of another dialect than it should be: it may read more.

    """

    reads: tuple[TableRef, ...] = ()
    target: TableRef | None = None
    problem: Problem | None = None
    line: int | None = None
    column: int | None = None
    guessed: bool = False

    @property
    def reason(self) -> str | None:
        """The problem as a sentence's end with its place; None where there is none."""
        if self.problem is None:
            return None
        where = f" at line {self.line}, column {self.column}" if self.line is not None else ""
        return f"{self.problem.value}{where}"
