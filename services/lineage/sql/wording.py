"""What a definition's expressions and conditions are, compared without layout: as it crosses to the worker process and back.

Beside journey 3: a check before the change. Standard library only, as `frames`; of the text only hashes come back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from services.lineage.sql.script import Script


@dataclass(frozen=True, slots=True)
class Wording(Script):
    """Asks for the expressions of a definition: a query, or the statement that makes a table from one."""


@dataclass(frozen=True, slots=True)
class Worded:
    """The expressions of a definition as hashes, which are equal where layout, aliases and the order of conditions alone differ.

    Attributes:
        columns: of the columns that are given out and are more than a column's name, by that name in lower case.
        inner: of other such expressions, those in subqueries, sorted.
        rows: of conditions, groupings, outer joins, limits and what else decides about rows, sorted.
        groups: all of these, of each query together and with the tables that it reads, sorted.
        words: how often each function, operator and constant is used, also as hashes, in `columns` and `inner`.
        row_words: the same, of `rows`.
        queries: how many SELECTs it has, without those in it that only hand on columns under their names.
        using: the columns that inner and left joins have in USING, or equal by one name: that of the left side is the one of both.
        outputs: the names of the columns that are given out, in order; None where a `*` is not known to the last one.

    """

    columns: Mapping[str, str] = field(default_factory=dict)
    inner: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    words: Mapping[str, int] = field(default_factory=dict)
    row_words: Mapping[str, int] = field(default_factory=dict)
    queries: int = 1
    using: tuple[str, ...] = ()
    outputs: tuple[str, ...] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit, so that the order decides which rows are left."""
        return hashed(LIMIT) in self.row_words

    def shape(self) -> dict[str, object]:
        """As JSON; `worded_in` reads it."""
        rest = {
            "words": dict(self.words),
            "row_words": dict(self.row_words),
            "queries": self.queries,
            "using": self.using,
            "outputs": self.outputs,
        }
        return {"columns": dict(self.columns), "inner": self.inner, "rows": self.rows, "groups": self.groups, **rest}


def worded_in(value: dict[str, Any]) -> Worded:
    """What `Worded.shape` wrote."""
    lists: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in value.items()}
    return Worded(**lists)


def counted(words: list[str]) -> dict[str, int]:
    """How often each is there, by hash, in order."""
    return dict(sorted(Counter(map(hashed, words)).items()))


LIMIT = "limit"
"""What stands in `row_words`, hashed, where there is a limit."""


def hashed(text: str) -> str:
    """A text as 16 hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
