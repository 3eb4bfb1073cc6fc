"""What a script's statements need to be there and nobody has: slips in names, also in what is new or only fills tables.

Beside journey 3: a check before the change. A table that the scope hides is as unknown as one that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.catalog.missing_sources import Sources
from services.common.model.assets import Asset
from services.common.model.names import parse_name
from services.common.model.near_columns import did_you_mean
from services.common.model.schema_changes import Need, PlannedChanges, SchemaChange
from services.common.model.search import Filters

MAX_TABLES = 1_000
"""Different names of tables that one check looks up: a millisecond each."""
_NEAR = 50
"""Names that are not known for which near ones are looked for."""


class Needs:
    """Tells each thing that is missing once, with the first statement that needs it.

    Args:
        sources: what there is to read, as the script has left it so far.
        assets: the assets that a name may stand for, inside the scope.

    """

    def __init__(self, sources: Sources, assets: Callable[[str], Sequence[Asset]]) -> None:
        self._sources = sources
        self._assets = assets
        self._told: dict[str, int] = {}
        self._looked_up: set[str] = set()
        self._unknown: set[str] = set()
        self._before: dict[SchemaChange | None, list[Need]] = {}

    def expect(self, planned: PlannedChanges) -> None:
        """These are the needs of the script, each of them to be looked at before the change that comes next."""
        self._told.clear()
        self._before.clear()
        for need in planned.needs:
            later = planned.changes[need.after : need.after + 1]
            self._before.setdefault(later[0] if later else None, []).append(need)

    def look(self, change: SchemaChange | None) -> None:
        """The script has come to a change; None: to its end."""
        for need in self._before.pop(change, ()):
            slip = self._slip(need)
            if slip is not None:
                self._told.setdefault(slip, need.statement)

    def missing(self) -> tuple[str, ...]:
        """A sentence for each thing that the script, which has come to its end, misses, with the number of the first statement."""
        for change in list(self._before):
            self.look(change)
        return tuple(f"statement {at}: {slip}" for slip, at in self._told.items())

    def _slip(self, need: Need) -> str | None:
        made = [found for name in need.makes if len(found := self._assets(name)) == 1]
        if any(one.sql is not None for (one,) in made):
            return None  # its definition is compared with the one that it has, and what it misses is told there
        self._looked_up.update(need.tables)
        if len(self._looked_up) > MAX_TABLES:
            return f"more than {MAX_TABLES:,} tables are named; whether the others are known was not looked up"
        return self._table(need.tables[0]) if need.column is None else self._column(need.tables, need.column)

    def _table(self, name: str) -> str | None:
        known = self._known(name)
        if known is None:
            return None
        if known:
            gone = all((asset.id, None) in self._sources.dropped for asset in known)
            return f"table {name} is dropped by the script before" if gone else None
        self._unknown.add(name)
        near = did_you_mean(self._sources.near(name)) if len(self._unknown) <= _NEAR else ""
        return f"table {name} is not known here{near or self._beside(name)}"

    def _column(self, tables: Sequence[str], column: str) -> str | None:
        found: list[Asset] = []
        for name in tables:
            known = self._known(name)
            if not known or any((asset.id, None) in self._sources.dropped for asset in known):
                return None  # of what is not known nobody can say which columns it has
            found += known
        return self._sources.without(found, column)

    def _known(self, name: str) -> Sequence[Asset] | None:
        """The assets that may be meant; None for what the script itself makes."""
        found = self._assets(name)
        if found:
            return found
        renamed = self._sources.names.known_as(name)
        if renamed is not None:
            return (renamed,)
        return None if self._sources.names.is_own(name) else ()

    def _beside(self, name: str) -> str:
        """That nothing of its schema is known either, so that it may just not be crawled."""
        try:
            parts = parse_name(name)
        except ValueError:
            return ""
        if len(parts) < 2:
            return ""
        schema = parts[-2].text
        listed = any(
            self._sources.reader.page(self._sources.scope, filters, limit=1).total
            for filters in (Filters(schema=(schema,)), Filters(database=(schema,)))
        )
        return "" if listed else f", nor is anything else of {schema}: it may not have been crawled"
