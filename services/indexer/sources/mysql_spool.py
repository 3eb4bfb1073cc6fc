"""Rows of several statements put together by table, on disk where they are many.

Journey 1, step 1; used by `mysql` alone. The server sorts nothing: its collations hold names together that are two.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter

Row = tuple[str | None, ...]
_CHUNK_ROWS = 500


class Spool:
    """Rows of (database, table, position, facts …), each of a part such as `COLUMNS`; read back table by table."""

    def __init__(self) -> None:
        # without a name it is a temporary file of SQLite's own, in memory until it outgrows the page cache
        self._file = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE row (database TEXT, name TEXT, part TEXT, position INTEGER, facts TEXT)")
        self._file.execute("BEGIN")

    def add(self, part: str, rows: Iterable[Row]) -> int:
        """Keep rows of a part; how many they were."""
        rows, count = iter(rows), 0
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            values = [(row[0], row[1], part, int(row[2] or 0), json.dumps(row[3:])) for row in chunk]
            self._file.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?)", values)
            count += len(chunk)
        return count

    def sort(self) -> None:
        """Make `tables` fast; call it when all rows are there."""
        self._file.execute("CREATE INDEX by_table ON row (database, name, part, position)")

    def tables(self, database: str) -> Iterator[tuple[str, dict[str, list[list[str | None]]]]]:
        """Each table's name with the facts of its parts, by position; names in the order of their characters."""
        rows = self._file.execute(
            "SELECT name, part, facts FROM row WHERE database = ? ORDER BY name, part, position", (database,)
        )
        for name, of_table in groupby(rows, key=itemgetter(0)):
            parts: dict[str, list[list[str | None]]] = {}
            for _, part, facts in of_table:
                parts.setdefault(part, []).append(json.loads(facts))
            yield name, parts

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
