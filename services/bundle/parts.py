"""A bundle opened: its catalog, its lineage and its index, as the ports that the public API is made of.

Journey 2 and 3 as a sidecar answers them. Whoever opens one has had it checked before (`check`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from services.bundle.manifest import CATALOG, LINEAGE, USAGE, BundleManifest, read_manifest
from services.catalog.assets import AssetReader
from services.catalog.known_namespaces import known_namespaces
from services.catalog.store.line import LINE as CATALOG_LINE
from services.common.errors import IndexDamaged
from services.common.model.access import AccessScope
from services.common.model.names import AssetId, Namespaces
from services.common.runtime.db import Database
from services.common.runtime.threads import requests_at_once
from services.indexer.bundle_read import BundledIndex
from services.indexer.bundle_usage import read_usage
from services.indexer.store.line import LINE as INDEXER_LINE
from services.lineage.answers import LineageAnswers
from services.lineage.graph import LineageGraph
from services.lineage.sql.worker import SqlParser
from services.lineage.store.line import LINE as LINEAGE_LINE

REVISIONS = {line.service: line.head for line in (CATALOG_LINE, INDEXER_LINE, LINEAGE_LINE)}
"""Of the tables that this version reads."""


class Bundle:
    """One opened bundle. Never changes; another one is opened beside it and takes its place.

    Args:
        folder: where it lies.
        threads: for one question's encoding.

    Raises:
        IndexDamaged: it cannot be read, or another version made it.
        ModelUnavailable: its encoder cannot be read.
        ServiceUnavailable: one of its databases cannot be read.

    """

    def __init__(self, folder: Path, *, threads: int) -> None:
        # a link may lead elsewhere a moment later
        self.folder = folder.resolve()
        self.manifest: BundleManifest = read_manifest(self.folder)
        if dict(self.manifest.revisions) != REVISIONS:
            raise IndexDamaged(
                f"the bundle in {folder} was made by Headwater {self.manifest.version} and does not fit this version; "
                "export it again"
            )
        try:
            self.catalog = self._database(CATALOG, CATALOG_LINE.service, threads)
            self._lineage_database = self._database(LINEAGE, LINEAGE_LINE.service, threads)
            self._usage_database = self._database(USAGE, INDEXER_LINE.service, threads)
        except OSError as error:
            raise IndexDamaged(f"the bundle in {folder} cannot be read: {error.strerror}") from error
        self.reader = AssetReader(self.catalog)
        self._graph = LineageGraph(self._lineage_database)
        self._graph.refresh()
        self._parser = SqlParser()
        self.lineage = LineageAnswers(self._graph, self._lineage_database, self._parser)
        self.index = BundledIndex(self.folder, threads=threads, popular=self._popular)
        names = known_namespaces(Namespaces(), self.reader)
        self.related = read_usage(
            self._usage_database, self.folder, lambda: self.index.snapshot, lambda: names, self.manifest.min_people
        )

    def _database(self, name: str, schema: str, threads: int) -> Database:
        # more than ever read at once: should a request read inside a read, it waits for nobody
        readers = 2 * requests_at_once(threads) + 2
        return Database.of_snapshot(self.folder / name, schema=schema, readers=readers)

    def _popular(self, scope: AccessScope) -> Mapping[AssetId, float]:
        # the index is there before the usage that is read over it
        return self.related.popular(scope)

    def examine(self) -> None:
        """Read everything that answers read, in a process that may die of it.

        Raises:
            IndexDamaged: parts do not fit together.

        """
        for database in (self.catalog, self._lineage_database, self._usage_database):
            with database.read() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
            if found != ["ok"]:
                raise IndexDamaged(f"{database.shown} is damaged; export the bundle again")
        if self.index.snapshot.n_tables != self.manifest.assets:
            raise IndexDamaged(f"the index holds {self.index.snapshot.n_tables} assets, and not {self.manifest.assets}")
        self.index.examine()

    def close(self) -> None:
        """Let go of files and of the encoder."""
        self.index.close()
        self.catalog.close()
        self._lineage_database.close()
        self._usage_database.close()
        self._parser.close()
