"""A script of DDL that somebody is about to run, as it crosses to the worker process.

Beside journey 3: a check before the change. Standard library only, as `frames`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Ddl:
    """A script of DDL to read, and the name of its dialect."""

    sql: str
    dialect: str = ""

    @property
    def sha256(self) -> str:
        """Of the text, in hexadecimal."""
        return sha256(self.sql.encode("utf-8", "surrogatepass")).hexdigest()
