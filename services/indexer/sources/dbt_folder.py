"""A dbt project's artifacts: models, seeds, snapshots and sources as tables of the warehouse that they are built into.

Journey 1, step 1. The manifest is streamed twice: first what belongs to other nodes (tests, groups, exposures), then the
tables themselves, which wait in a spool, so that neither the file nor its tables are ever in memory as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from services.common.errors import SourceFailed
from services.common.model.assets import Container, ContainerRead, ContainersListed
from services.common.model.crawls import SourceInfo
from services.common.model.names import AssetId
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.dbt_artifacts import ArtifactBroken, Entry, entries
from services.indexer.sources.dbt_exposures import exposure_from, exposure_name, kept_exposure
from services.indexer.sources.dbt_manifest import Project, found_from, name_of, trimmed
from services.indexer.sources.dbt_runs import SECTIONS as RUN_SECTIONS
from services.indexer.sources.dbt_runs import WHOLE as RUN_WHOLE
from services.indexer.sources.dbt_runs import Runs, runs_from
from services.indexer.sources.source import Item, Selection, Source

_OLDEST, _NEWEST = 9, 12
_IN_MEMORY_BYTES = 8 * 2**20
_NAMED_FAILURES = 20
_SCHEMA = re.compile(r"/manifest/v(\d{1,4})\b")
# adapters whose relations are not quoted unless a project says so; all others quote every part
_UNQUOTED = frozenset({"snowflake"})
# sections without which a file says nothing, not even that there is nothing
_NEEDED = {
    "manifest.json": ("metadata", "nodes", "sources"),
    "run_results.json": ("results",),
    "catalog.json": ("nodes", "sources"),
}
_Place = tuple[int, int]


@dataclass(slots=True)
class _Read:
    """What was read: where each table is in the spool, by container and id, and what is wrong with the files."""

    project: Project
    spool: SpooledTemporaryFile[bytes]
    tables: dict[tuple[str, ...], dict[AssetId, _Place]] = field(default_factory=dict)
    catalog: dict[str, _Place] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    count: int = 0
    exposures: list[_Place] = field(default_factory=list)
    shown: dict[str, tuple[str, ...] | None] = field(default_factory=dict)  # what exposures name: its parts, once it is met

    def keep(self, value: Mapping[str, Any]) -> _Place:
        """Write a value to the spool's end; where it is."""
        raw = json.dumps(value).encode()
        at = self.spool.seek(0, 2)
        self.spool.write(raw)
        return at, len(raw)

    def load(self, place: _Place) -> dict[str, Any]:
        """A value from the spool."""
        self.spool.seek(place[0])
        value: dict[str, Any] = json.loads(self.spool.read(place[1]))
        return value

    def fail(self, text: str) -> None:
        if len(self.failures) <= _NAMED_FAILURES:
            self.failures.append(text if len(self.failures) < _NAMED_FAILURES else "and more")

    @property
    def failure(self) -> str | None:
        """All that is wrong on one line; None where nothing is."""
        return "; ".join(self.failures) or None


class DbtSource(Source):
    """A folder with `manifest.json` and, where they are, `catalog.json` and `run_results.json`, each gzipped or not.

    A container is a database and schema. When any file is damaged, every container ends with that failure, because what
    is missing might have been of any of them. No statement is sent; nothing of the project is run.
    """

    statements = 0

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        folder = Path(settings.url.partition("://")[2].partition("?")[0]).expanduser().absolute()
        self._folder = (
            folder / "target" if (folder / "target").is_dir() and _artifact(folder, "manifest") is None else folder
        )
        self._selection = Selection.of(settings)
        self._read: _Read | None = None

    @property
    def info(self) -> SourceInfo:
        return self._info

    def expected(self) -> int:
        """How many tables the globs let through; reads the files if that has not happened yet."""
        return self._all().count

    def read(self) -> Iterator[Item]:
        """Containers in the order of their names, tables in the order of the manifest. Reading again gives the same again."""
        read = self._all()
        namespace, failure = self._info.namespace, read.failure
        for parts, places in sorted(read.tables.items()):
            for place in places.values():
                node = read.load(place)
                if "exposure" in node:
                    yield exposure_from(node["exposure"], node["made_from"], read.project)
                    continue
                seen = read.catalog.get(node["unique_id"])
                yield found_from(node, read.load(seen) if seen else None, read.project)
            yield ContainerRead(Container(namespace, parts), complete=failure is None, failure=failure)
        if failure is None:
            yield ContainersListed(Container(namespace, ()))
        elif not read.tables:
            yield ContainerRead(Container(namespace, ()), complete=False, failure=failure)

    def close(self) -> None:
        """Forget what was read; the files are shut as soon as that has happened."""
        if self._read is not None:
            self._read.spool.close()
            self._read = None

    def _all(self) -> _Read:
        if self._read is None:
            manifest = _artifact(self._folder, "manifest")
            if manifest is None:
                raise SourceFailed(f"{self._info.name}: there is no manifest.json in {self._folder}; run dbt first")
            spool = _spool()
            read = _Read(Project(self._info.namespace, {}, Runs()), spool)
            try:
                self._fill(read, manifest)
            except OSError as error:
                spool.close()
                raise SourceFailed(f"{self._info.name}: {manifest} cannot be read: {error.strerror or error}") from error
            except BaseException:
                spool.close()
                raise
            self._read = read
        return self._read

    def _fill(self, read: _Read, manifest: Path) -> None:
        self._prepare(read, manifest)
        for entry in self._entries(read, manifest, ("nodes", "sources"), ()):
            try:
                self._take(read, entry)
            except ValueError as error:
                read.fail(f"manifest.json: {(entry.key or entry.section)[:120]}: {error}")
        if read.failures and not read.tables and read.count == 0:
            raise SourceFailed(f"{self._info.name}: {self._folder}: {read.failure}")
        self._place_exposures(read)
        self._read_runs(read)
        self._read_catalog(read)

    def _entries(self, read: _Read, path: Path, sections: tuple[str, ...], whole: tuple[str, ...]) -> Iterator[Entry]:
        """As the function; a file that breaks off is a failure, said once, and an end."""
        label = path.name.removesuffix(".gz")
        if not path.resolve().is_relative_to(self._folder.resolve()):
            read.fail(f"{label}: it is a link that leads out of {self._folder}")
            return
        try:
            yield from entries(path, sections, whole, needed=_NEEDED[label])
        except ArtifactBroken as error:
            text = f"{label}: {error}"
            if text not in read.failures:
                read.fail(text)

    def _prepare(self, read: _Read, manifest: Path) -> None:
        """The first pass: version, quoting, groups, tests and exposures."""
        metadata: Any = None
        owners: dict[str, str] = {}
        tests: dict[str, list[dict[str, Any]]] = {}
        exposures: dict[str, list[dict[str, Any]]] = {}
        sections = ("nodes", "groups", "exposures")
        for entry in self._entries(read, manifest, sections, ("metadata",)):
            value = entry.value
            if entry.section == "metadata":
                metadata = value
            elif entry.key is None:
                read.fail(f"manifest.json: {entry.section} is no object")
            elif not isinstance(value, dict):
                continue  # the second pass says so
            elif entry.section == "groups":
                owner = value.get("owner")
                if isinstance(owner, dict) and (text := owner.get("email") or owner.get("name")):
                    owners[str(value.get("name"))] = str(text)
            elif entry.section == "exposures":
                about = {"name": value.get("name"), "type": value.get("type"), "url": value.get("url")}
                self._keep_exposure(read, entry.key, value)
                for unique_id in _depends_on(value):
                    exposures.setdefault(unique_id, []).append({key: text for key, text in about.items() if text})
            elif value.get("resource_type") == "test":
                _add_test(tests, entry.key, value)
        quotes = self._checked(read, metadata)
        read.project = Project(self._info.namespace, quotes, Runs(), owners, tests, exposures)

    def _checked(self, read: _Read, metadata: Any) -> dict[str, bool]:
        """The project's quoting, after a look at the manifest's version."""
        said = metadata.get("dbt_schema_version") if isinstance(metadata, dict) else None
        match = _SCHEMA.search(said) if isinstance(said, str) else None
        if match is None:
            if not read.failures:
                read.fail("manifest.json: it does not say metadata.dbt_schema_version, so it is no manifest of dbt's")
            return {}
        if int(match[1]) < _OLDEST:
            raise SourceFailed(
                f"{self._info.name}: manifest.json has schema v{int(match[1])}; dbt 1.5 or newer writes v{_OLDEST} or newer"
            )
        quoted = metadata.get("adapter_type") not in _UNQUOTED
        stated = metadata.get("quoting")
        stated = stated if isinstance(stated, dict) else {}
        return {part: bool(stated.get(part, quoted)) for part in ("database", "schema", "identifier")}

    def _take(self, read: _Read, entry: Entry) -> None:
        if not isinstance(entry.value, dict):
            raise ValueError("it is no object")  # noqa: TRY004 — a failure of this entry alone
        node = trimmed(entry.value)
        if node is None:
            return
        name = name_of(node, read.project)
        if node["unique_id"] in read.shown:
            read.shown[node["unique_id"]] = name.parts
        tables = read.tables.setdefault(name.parts[:-1], {})
        if not self._selection.permits(name.parts) or (name.id in tables and entry.section == "sources"):
            return  # a source that is also a model says less than the model
        read.count += name.id not in tables
        tables[name.id] = read.keep(node)

    def _keep_exposure(self, read: _Read, key: str, value: Mapping[str, Any]) -> None:
        try:
            kept = kept_exposure(value)
        except ValueError as error:
            read.fail(f"manifest.json: {key[:120]}: {error}")
            return
        if kept is not None:
            read.exposures.append(read.keep(kept))
            read.shown.update(dict.fromkeys(_depends_on(kept)))

    def _place_exposures(self, read: _Read) -> None:
        """Exposures beside the tables, now that it is known how the warehouse names what they show."""
        for place in read.exposures:
            node = read.load(place)
            name = exposure_name(node["name"], read.project)
            tables = read.tables.setdefault(name.parts[:-1], {})
            if self._selection.permits(name.parts) and name.id not in tables:
                made_from = [parts for unique_id in _depends_on(node) if (parts := read.shown.get(unique_id)) is not None]
                tables[name.id] = read.keep({"exposure": node, "made_from": made_from})
                read.count += 1

    def _read_runs(self, read: _Read) -> None:
        path = _artifact(self._folder, "run_results")
        if path is not None:
            try:
                read.project.runs = runs_from(self._entries(read, path, RUN_SECTIONS, RUN_WHOLE))
            except ValueError as error:
                read.fail(f"run_results.json: {error}")

    def _read_catalog(self, read: _Read) -> None:
        path = _artifact(self._folder, "catalog")
        if path is None:
            return
        for entry in self._entries(read, path, ("nodes", "sources"), ()):
            value = entry.value
            if entry.key is None or not isinstance(value, dict):
                read.fail(f"catalog.json: {(entry.key or entry.section)[:120]}: it is no object")
                continue
            read.catalog[entry.key] = read.keep({key: value.get(key) for key in ("metadata", "columns")})


def _spool() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(_IN_MEMORY_BYTES)


def _artifact(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.json", folder / f"{name}.json.gz") if path.exists()), None)


def _depends_on(value: Mapping[str, Any]) -> list[str]:
    depends = value.get("depends_on")
    nodes = depends.get("nodes") if isinstance(depends, dict) else None
    return [node for node in nodes if isinstance(node, str)] if isinstance(nodes, list) else []


def _add_test(tests: dict[str, list[dict[str, Any]]], unique_id: str, node: Mapping[str, Any]) -> None:
    config = node.get("config")
    severity = config.get("severity") if isinstance(config, dict) else None
    metadata = node.get("test_metadata")
    kind = metadata.get("name") if isinstance(metadata, dict) else None
    test = {
        "unique_id": unique_id,
        "name": str(node.get("name") or unique_id),
        "test": kind,
        "column": node.get("column_name"),
        "severity": str(severity or "error").lower(),
    }
    # a test of one's own is about all that it reads; a generic one is attached to its model
    attached = node.get("attached_node")
    for about in [attached] if isinstance(attached, str) else _depends_on(node):
        tests.setdefault(about, []).append(test)
