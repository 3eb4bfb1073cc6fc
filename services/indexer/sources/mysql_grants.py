"""What `SHOW GRANTS` says, as lines a database: information_schema silently leaves out what a role may not see.

Journey 1, step 1; used by `mysql` alone. The statement shows the grants of the account, of its active roles and, on
MariaDB, of PUBLIC; hashes of passwords stand behind `TO` and never get in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_QUOTED = r"`(?:[^`]|``)*`"
# routines (`ON PROCEDURE …`) and roles (`GRANT role TO …`) have no such target
_GRANT = re.compile(
    rf"(?P<verb>GRANT|REVOKE) (?P<what>(?:{_QUOTED}|[^`])*?) ON (?P<database>\*|{_QUOTED})\.(?P<table>\*|{_QUOTED}) (?:TO|FROM) ",
    re.DOTALL,
)
_COLUMN_LIST = re.compile(rf" ?\((?:{_QUOTED}|[^`)])*\)", re.DOTALL)
_SOME_COLUMNS = " (some columns)"
_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES", "ALL PRIVILEGES"})
# any of these on a table puts it into information_schema.TABLES; measured on MariaDB 10.11
_TABLES = _COLUMNS | {
    "ALTER",
    "CREATE",
    "CREATE VIEW",
    "DELETE",
    "DELETE HISTORY",
    "DROP",
    "INDEX",
    "SHOW VIEW",
    "TRIGGER",
}
_DATABASES = "SHOW DATABASES"


@dataclass(frozen=True, slots=True)
class Grant:
    """One line of the server's: privileges on everything (no database), on databases by a pattern, or on one table.

    Attributes:
        privileges: their names; one on columns alone ends with `(some columns)`.
        database: a pattern with % and _ where `table` is None, else a name.
        revoked: it takes away instead (MySQL's partial revokes).

    """

    privileges: tuple[str, ...]
    database: str | None
    table: str | None
    revoked: bool = False

    @property
    def target(self) -> str:
        """What it is on, as SQL writes it."""
        database = "*" if self.database is None else quoted(self.database)
        return f"{database}.{'*' if self.table is None else quoted(self.table)}"


@dataclass(frozen=True, slots=True)
class Grants:
    """All that a role may do, and whether the server compares names of databases without case."""

    grants: tuple[Grant, ...]
    ignore_case: bool = False

    @classmethod
    def of(cls, lines: Iterable[str], *, ignore_case: bool = False) -> Grants:
        """The grants in the server's own lines; what cannot concern a table is left out."""
        parsed = (_parsed(line) for line in lines)
        return cls(tuple(grant for grant in parsed if grant is not None), ignore_case)

    def lines(self, database: str) -> tuple[str, ...]:
        """A line for each privilege that shows tables of `database`, in the order of the alphabet.

        Of several patterns that match, the server applies only the most specific one: a line names them all, so that it
        changes when another pattern takes its place.
        """
        lines = set()
        revoked = {privilege for grant in self._on(database) if grant.revoked for privilege in grant.privileges}
        patterns = sorted(
            {grant.target for grant in self._on(database) if grant.database is not None and grant.table is None}
        )
        among = f" among {', '.join(patterns)}" if len(patterns) > 1 else ""
        for grant in self._on(database):
            if grant.revoked:
                continue
            is_pattern = grant.database is not None and grant.table is None
            for privilege in grant.privileges:
                if privilege.removesuffix(_SOME_COLUMNS) in _TABLES and not (
                    grant.database is None and privilege in revoked
                ):
                    lines.add(f"{privilege} ON {grant.target}{among if is_pattern else ''}")
        return tuple(sorted(lines))

    def listing(self, databases: Iterable[str]) -> tuple[str, ...]:
        """The lines by which databases are shown at all, those of `databases` among them."""
        lines = {line for database in databases for line in self.lines(database)}
        for grant in self.grants:
            wanted = {*_TABLES, _DATABASES} if grant.database is None else _TABLES
            shown = [name for name in grant.privileges if name.removesuffix(_SOME_COLUMNS) in wanted]
            lines.update(f"{name} ON {grant.target}" for name in shown if not grant.revoked)
        return tuple(sorted(lines))

    def allows(self, privilege: str, database: str, table: str | None = None) -> bool:
        """Whether the role has a privilege on all of a database's tables, or on `table`, with all its columns."""
        return any(
            not grant.revoked and (privilege in grant.privileges or "ALL PRIVILEGES" in grant.privileges)
            for grant in self._on(database)
            if grant.table is None or grant.table == table
        )

    def shows_all_columns(self, database: str, table: str) -> bool:
        """Whether no column of the table is hidden from the role; one that may use some columns sees only those."""
        return any(self.allows(privilege, database, table) for privilege in _COLUMNS)

    def _on(self, database: str) -> Iterator[Grant]:
        for grant in self.grants:
            if grant.database is None or self._concerns(grant, grant.database, database):
                yield grant

    def _concerns(self, grant: Grant, pattern: str, database: str) -> bool:
        flags = re.DOTALL | (re.IGNORECASE if self.ignore_case else 0)
        expression = re.escape(pattern) if grant.table is not None else _expression(pattern)
        return re.fullmatch(expression, database, flags) is not None


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return "`" + name.replace("`", "``") + "`"


def _parsed(line: str) -> Grant | None:
    match = _GRANT.match(line)
    if match is None:
        return None
    privileges = _COLUMN_LIST.sub(_SOME_COLUMNS, match["what"]).split(", ")
    return Grant(tuple(privileges), _name(match["database"]), _name(match["table"]), match["verb"] == "REVOKE")


def _name(text: str) -> str | None:
    return None if text == "*" else text[1:-1].replace("``", "`")


def _expression(pattern: str) -> str:
    """The server's pattern as a regular expression: % is any text, _ any character, a backslash keeps what follows."""
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return "".join(wild.get(piece) or re.escape(piece[1:] if len(piece) > 1 else piece) for piece in pieces)
