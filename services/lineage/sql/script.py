"""A text to read for its lineage, with what is known of the tables in it.

Journey 3, step "SQL → edges". A plain value that crosses the pipe to the worker process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """SQL text: one statement, several, or a template that makes one.

    Attributes:
        sql: the text.
        dialect: a name as people use it; see `dialects.dialect_of`.
        schema: the columns of tables, in their order, by the table's name with its parts joined by dots.
        default_database, default_schema: what stands before names that leave it out.

    """

    sql: str
    dialect: str = ""
    schema: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default_database: str | None = None
    default_schema: str | None = None

    @property
    def sha256(self) -> str:
        """The hash of all of it, in hexadecimal."""
        known = json.dumps([self.dialect, self.default_database, self.default_schema, list(self.schema.items())])
        text = f"{known}\n{self.sql}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
