"""What a line of a log is read in: whose tables it names, in which dialect, and what completes short names.

Journey 3, step "log → facts". A line says what it knows; the rest is the source's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.common.model.names import UNLISTED, Namespace, Namespaces, platform_of
from services.common.model.platforms import Case, Platform, platform_named
from services.common.model.usage import LogLine
from services.lineage.sql.aliases import ALIASES

DEFAULT_SCHEMAS = {"postgres": "public", "redshift": "public", "duckdb": "main", "snowflake": "PUBLIC", "mssql": "dbo"}
"""Where an engine looks for a name without a schema when a session sets none."""
_OTHER_NAMES = {"postgres": "postgres", "tsql": "mssql"}


@dataclass(frozen=True, slots=True)
class Around:
    """As above. Equal for lines whose short names mean the same tables.

    Attributes:
        schema: None where neither the line nor the engine says which.
        told: whether the line itself said the database, and the schema.
        reads, target: as the line gives them; they decide then.

    """

    source: str
    namespace: Namespace
    dialect: str
    database: str | None
    schema: str | None
    told: tuple[bool, bool]
    reads: tuple[str, ...] | None
    target: str | None

    @property
    def platform(self) -> Platform:
        """The engine's rules for names."""
        return platform_of(self.namespace)

    @property
    def folds(self) -> bool:
        """Whether a name means the same in any case."""
        return self.platform.case is not Case.SENSITIVE

    def as_json(self) -> list[Any]:
        """As JSON; `around_in` reads it."""
        given = None if self.reads is None else list(self.reads)
        return [self.database, self.schema, list(self.told), given, self.target]


def around_in(source: str, namespace: str, dialect: str, value: list[Any]) -> Around:
    """What `as_json` wrote, with the columns beside it."""
    database, schema, told, given, target = value
    reads = None if given is None else tuple(given)
    return Around(source, Namespace(namespace), dialect, database, schema, (told[0], told[1]), reads, target)


class Sources:
    """The sources that lines may speak of.

    Args:
        namespaces: whose they are.
        databases: of a source, those that crawls have shown.

    """

    def __init__(self, namespaces: Namespaces, databases: Callable[[str], Iterable[str]]) -> None:
        self._databases = databases
        self._by_name: dict[str, tuple[Namespace, str | None]] = {}
        for namespace, name in namespaces.sources.items():
            self._by_name.setdefault(name, (namespace, None))
        for namespace, known in namespaces.databases.items():
            for database, name in known.items():
                self._by_name.setdefault(name, (namespace, database))
        self._namespaces: Mapping[str, str] = {namespace: name for name, (namespace, _) in self._by_name.items()}
        self._only: dict[str, str | None] = {}

    def around(self, line: LogLine, source: str) -> Around:
        """What a line is read in; `source` is meant where it names none."""
        dialect = _dialect(line.dialect)
        name = self._name(line, source, dialect)
        namespace, database = self._by_name.get(name, (Namespace(UNLISTED), None))
        platform = platform_of(namespace)
        database = line.database or self._database(name, database)
        schema = line.schema or DEFAULT_SCHEMAS.get(platform.name)
        return Around(
            name,
            namespace,
            dialect or platform.dialect,
            database,
            schema,
            (line.database is not None, line.schema is not None),
            line.tables,
            line.target,
        )

    def again(self, around: Around) -> Around:
        """What a line that nobody owned is read in now that sources may have come."""
        told = around.told
        line = LogLine(
            "",
            dialect=around.dialect or None,
            database=around.database if told[0] else None,
            schema=around.schema if told[1] else None,
            tables=around.reads,
            target=around.target,
        )
        return self.around(line, "")

    def _name(self, line: LogLine, source: str, dialect: str) -> str:
        for said in (line.source, source):
            if said and said in self._by_name:
                return said
            if said and said in self._namespaces:
                return self._namespaces[said]
        return self._guessed(line.database, dialect)

    def _guessed(self, database: str | None, dialect: str) -> str:
        """The one source there is, or the one of them that has the database, or speaks the dialect."""
        names = list(self._by_name)
        if len(names) > 1 and database:
            names = [name for name in names if database.lower() in self._shown(name)] or names
        if len(names) > 1 and dialect:
            same = platform_named(_OTHER_NAMES.get(dialect, dialect)).name
            names = [name for name in names if platform_of(self._by_name[name][0]).name == same]
        return names[0] if len(names) == 1 else UNLISTED

    def _shown(self, name: str) -> set[str]:
        own = self._by_name[name][1]
        return {database.lower() for database in self._databases(name)} | ({own} if own else set())

    def _database(self, name: str, configured: str | None) -> str | None:
        """The one that the source has; None where it has several."""
        if name not in self._only:
            shown = list(self._databases(name))
            self._only[name] = shown[0] if len(shown) == 1 else None
        return self._only[name] or configured


def _dialect(said: str | None) -> str:
    low = (said or "").strip().lower()
    return ALIASES.get(low, low)
