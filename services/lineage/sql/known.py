"""The tables that a text names: how their names are compared and spelled, and which columns are known of them.

Journey 3, step "SQL → edges". Names resolve here, without asking anybody for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.common.model.names import SqlPart
from services.lineage.sql.facts import TableKey
from services.lineage.sql.statement import TableRef


class Tables:
    """The tables of one text.

    Args:
        schema: columns by table, as in `Script`.
        database, default_schema: what stands before names that leave it out; `USE` changes them.

    """

    def __init__(
        self, schema: Mapping[str, Sequence[str]], database: str | None = None, default_schema: str | None = None
    ) -> None:
        self.database = database
        self.default_schema = default_schema
        self._spelled: dict[TableKey, str] = {}
        self._written: dict[TableKey, TableRef] = {}
        self._words: dict[str, str] = {}
        self._known: dict[TableKey, tuple[str, ...]] = {}
        self._by_last: dict[str, list[TableKey]] = {}
        for name, columns in schema.items():
            self.learn(tuple(split_name(name.lower())), columns)

    def key(self, parts: Sequence[str], quoted: Sequence[bool] | None = None) -> TableKey:
        """The key of a name as written; the first spelling is kept, and which of its parts are in quotes where that is told."""
        found = self._complete([part for part in parts if part])
        key = tuple(part.lower() for part in found)
        if key not in self._spelled:
            self._spelled[key] = ".".join(found)
        if quoted is not None and key not in self._written:
            marks = [False] * (len(found) - len(quoted)) + list(quoted)
            self._written[key] = tuple(SqlPart(text, mark) for text, mark in zip(found, marks, strict=False))
        return key

    def written(self, key: TableKey) -> TableRef | None:
        """The name as a statement writes it; None for what a text names, such as a file."""
        return self._written.get(key)

    def path(self, text: str) -> TableKey:
        """The key of a file or folder, which stands where a table could."""
        key = (text,)
        self._spelled.setdefault(key, text)
        return key

    def spelled(self, key: TableKey) -> str:
        """The name to show."""
        return self._spelled.get(key) or ".".join(key)

    def learn(self, key: TableKey, columns: Sequence[str]) -> None:
        """From now on these are the table's columns."""
        if key not in self._known and key:
            self._by_last.setdefault(key[-1], []).append(key)
        self._known[key] = tuple(columns)
        for name in columns:
            self._words.setdefault(name.lower(), name)

    def saw(self, name: str) -> None:
        """A column was met under this name."""
        self._words.setdefault(name.lower(), name)

    def column(self, key: str) -> str:
        """A column's name to show: as it was first met."""
        return self._words.get(key, key)

    def forget(self, key: TableKey) -> None:
        """From now on nothing is known of the table's columns."""
        if self._known.pop(key, None) is not None:
            self._by_last[key[-1]].remove(key)

    def columns(self, key: TableKey) -> tuple[str, ...] | None:
        """The table's columns; None where they are not known, or where several known tables may be meant."""
        found = self._known.get(key)
        if found is not None or not key:
            return found
        same = [known for known in self._by_last.get(key[-1], ()) if is_same(known, key)]
        return self._known[same[0]] if len(same) == 1 else None

    def _complete(self, parts: list[str]) -> list[str]:
        if len(parts) == 1 and self.default_schema and not parts[0].startswith(("#", "@")):
            parts = [self.default_schema, *parts]
        if len(parts) == 2 and self.database:
            parts = [self.database, *parts]
        return parts


def is_same(one: TableKey, other: TableKey) -> bool:
    """Whether two names may mean one table: the shorter is the end of the longer."""
    short = min(len(one), len(other))
    return short > 0 and one[-short:] == other[-short:]


def split_name(text: str) -> list[str]:
    """The parts of a dotted name; dots inside quotes are part of one."""
    parts, quote, current = [], "", ""
    for char in text:
        if quote:
            if char == quote:
                quote = ""
            else:
                current += char
        elif char in '"`[':
            quote = "]" if char == "[" else char
        elif char == ".":
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]
