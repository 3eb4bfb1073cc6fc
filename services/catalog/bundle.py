"""The catalog's part of a bundle: a SQLite file with the catalog's own tables, holding what one scope shows and no more.

Curation is in it, as people see it; audit, feedback, histories and the feed are not. Read by `AssetReader` unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping

from services.catalog.definitions import definition_for
from services.catalog.shown import shown, without_relations
from services.catalog.store import bundled, changes, listing
from services.catalog.store.bundled import Rows
from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.changes import Seq
from services.common.model.names import AssetId
from services.common.ports import LineageQuery
from services.common.runtime.db import Database
from services.common.runtime.snapshot import Row

WITHHELD = "-- withheld"
"""Stands where a definition names what the scope hides: no text that was ever read, so that it is withheld again."""
_COUNTED_NOTHING: Mapping[str, Any] = {"done": 0, "expected": None, "counts": {}, "seq": 0, "failures": [], "costs": {}}
"""What a crawl says of tables that may be hidden, left out: as `shown.redacted`."""
_SOURCES_OWN = ("fingerprint", "schema_fingerprint")


@dataclass(frozen=True, slots=True)
class CatalogCopy:
    """What was written: `seq`, up to which the feed is in it, and how many assets."""

    seq: Seq
    assets: int


def write_catalog(database: Database, file: Path, scope: AccessScope, lineage: LineageQuery) -> CatalogCopy:
    """Write the catalog inside a scope to a new file.

    Args:
        database: the catalog's own.
        file: where to; must not exist.
        scope: what may be in it.
        lineage: says what definitions name.

    """
    with database.read() as connection:
        copy = _Copy(scope, lineage)
        bundled.write(connection, file, copy.rows())
        return CatalogCopy(changes.head(connection), len(copy.ids))


class _Copy:
    """The rows of one copy. Tables are read in order: what is said belongs to the assets that came before."""

    def __init__(self, scope: AccessScope, lineage: LineageQuery) -> None:
        self._scope = scope
        self._lineage = lineage
        self.ids: set[AssetId] = set()
        self._sources: set[str] = set()
        self._terms: set[str] = set()

    def rows(self) -> dict[str, Rows]:
        """What goes into each table."""
        return {
            "asset": self._assets,
            "curation": self._said,
            "layer": self._described,
            "renamed": lambda connection: bundled.renames_shown(connection, self._scope),
            "source": lambda connection: bundled.sources(connection, None if self._scope.is_full else self._sources),
            "crawl": self._crawls,
            "vocabulary": self._words,
            "vocabulary_name": lambda connection: bundled.term_names(connection, self._terms),
            "feed_head": lambda connection: [{"id": 1, "seq": changes.head(connection)}],
        }

    def _assets(self, connection: Connection) -> Iterator[Row]:
        for rows in bundled.assets(connection, self._scope):
            self.ids.update(AssetId(row["id"]) for row in rows)
            self._sources.update(row["source"] for row in rows)
            yield from map(dict, rows) if self._scope.is_full else self._without_hidden(connection, rows)

    def _without_hidden(self, connection: Connection, rows: Sequence[RowMapping]) -> Iterator[Row]:
        """The rows without keys to hidden tables, definitions that name them, and the server's own words."""
        held = shown(connection, listing.hydrated(connection, rows), self._scope)
        for row, found in zip(rows, held, strict=True):
            keys = {key.columns + key.ref_columns + key.ref_table for key in found.foreign_keys}
            yield {
                **row,
                "sql": self._sql(found),
                "foreign_keys": [
                    k for k in row["foreign_keys"] if (*k["columns"], *k["ref_columns"], *k["ref_table"]) in keys
                ],
                "unseen_why": found.unseen_why,
                "properties": without_relations(row["properties"]),
                # digests of what was crawled, hidden names included: nobody reads them, and they could be guessed at
                **dict.fromkeys(_SOURCES_OWN, ""),
            }

    def _sql(self, found: Asset) -> str | None:
        definition = definition_for(found, self._scope, self._lineage)
        return WITHHELD if definition.state == "withheld" else definition.sql

    def _said(self, connection: Connection) -> Iterator[Row]:
        for row in bundled.said(connection, self.ids):
            leads = row["successor"] if row["column_id"] or row["successor"] in self.ids else None
            yield {**row, "successor": leads, "updated_by": ""}

    def _described(self, connection: Connection) -> Iterator[Row]:
        for row in bundled.described(connection, self.ids):
            # the definition that counts stands with the asset itself by now
            facts = row["facts"]
            if not self._scope.is_full:
                facts = {**facts, "sql": None, "properties": without_relations(facts["properties"])}
            yield {**row, "facts": facts, "fingerprint": ""}

    def _crawls(self, connection: Connection) -> Iterator[Row]:
        """The last one of each source, as the list of sources shows it."""
        for row in bundled.last_crawls(connection, None if self._scope.is_full else self._sources):
            yield row if self._scope.is_full else {**row, **_COUNTED_NOTHING}

    def _words(self, connection: Connection) -> Iterator[Row]:
        for row in bundled.terms(connection):
            tables = [one for one in row["tables"] if one in self.ids]
            if tables or not row["tables"]:
                self._terms.add(row["key"])
                yield {**row, "tables": tables}
