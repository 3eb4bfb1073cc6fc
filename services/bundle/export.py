"""Makes a bundle: catalog, lineage and index of one scope in a folder of its own, whole or not at all.

Written beside its place and renamed into it, so that who reads the place never sees half of a bundle.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services import __version__
from services.bundle.check import check
from services.bundle.manifest import CATALOG, FILE, LINEAGE, USAGE, BundleManifest, read_manifest, seal, to_text
from services.bundle.parts import REVISIONS
from services.catalog.assets import MAX_PAGE, AssetReader
from services.catalog.bundle import write_catalog
from services.common.errors import Conflict, IndexDamaged, WrongSettings
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset
from services.common.runtime.db import Database
from services.common.runtime.settings import Settings
from services.indexer.bundle_usage import WEIGHTS, write_usage
from services.indexer.bundle_write import IndexSource, write_index
from services.indexer.store.line import LINE as INDEXER_LINE
from services.lineage.bundle import shown_nodes, write_lineage
from services.lineage.store.line import LINE as LINEAGE_LINE
from services.workspace import Workspace, open_database

_PAGES_AT_ONCE = 10
"""Pages of the catalog that become one segment before all are merged: 2,000 assets."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export made; `encoded` counts texts that had no vector in the home yet."""

    manifest: BundleManifest
    encoded: int


def export_bundle(settings: Settings, folder: Path, *, token: str | None = None) -> Exported:
    """Write a bundle of what a token may see, everything without one.

    Args:
        settings: of the home or the database that it is made from.
        folder: where to; a bundle that lies there is replaced.
        token: the name of a configured token.

    Raises:
        WrongSettings: no such token is configured.
        Conflict: something that is no bundle lies there.
        ModelUnavailable: the encoder cannot be read or cannot travel.
        IndexDamaged: what was written does not pass its own check.

    """
    scope = _scope(settings, token)
    target = folder.absolute()
    _check_place(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}.{secrets.token_hex(4)}.making")
    making.mkdir()
    try:
        made = _write(settings, making, scope)
        check(making)
        _replace(target, making)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return made


def _scope(settings: Settings, token: str | None) -> AccessScope:
    if token is None:
        return FULL_SCOPE
    known = settings.tokens.get(token)
    if known is None:
        configured = ", ".join(sorted(settings.tokens)) or "none"
        raise WrongSettings(
            f"no token is called {token}; configured are: {configured}. A bundle holds what a token of the settings may see: "
            f"[tokens.{token}] in headwater.toml, with its `sha256` and `allow`, makes it one"
        )
    return known.scope


def _check_place(target: Path) -> None:
    """Refuse to replace what is no bundle."""
    if not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        read_manifest(target)
    except IndexDamaged as error:
        if not (target / FILE).is_file():
            raise Conflict(f"{target} is there and is no bundle; name a new folder") from error


def _write(settings: Settings, making: Path, scope: AccessScope) -> Exported:
    space = Workspace(settings)
    indexer = open_database(settings, INDEXER_LINE)
    lineage = open_database(settings, LINEAGE_LINE)
    created = dt.datetime.now(dt.UTC)
    try:
        catalog = write_catalog(space.catalog_database, making / CATALOG, scope, space.lineage.walker)
        write_lineage(lineage, making / LINEAGE, scope)
        programs = space.lineage.statements.weights()
        shown = shown_nodes(lineage, scope)
        write_usage(indexer, making / USAGE, scope, shown, space.namespaces(), programs)
        origin = IndexSource(settings.home, settings.model, settings.n_threads, indexer)
        with contextlib.closing(Database.of_snapshot(making / CATALOG, schema="catalog")) as written:
            index = write_index(origin, making, _pages(AssetReader(written)), catalog.seq)
        learned = settings.home / "index" / WEIGHTS
        if scope.is_full and learned.exists():  # every statement has moved them
            shutil.copyfile(learned, making / "index" / WEIGHTS)
    finally:
        lineage.close()
        indexer.close()
        space.close()
    for path in making.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whoever serves it is often another user
    manifest = BundleManifest(
        created=created,
        version=__version__,
        scoped=not scope.is_full,
        label=f"{index.generation}.{catalog.seq}",
        assets=catalog.assets,
        model=index.model,
        min_people=settings.usage.min_people,
        revisions=REVISIONS,
        files=seal(making),
    )
    (making / FILE).write_text(to_text(manifest), encoding="utf-8")
    making.chmod(0o755)
    _sync(making)
    return Exported(manifest, index.encoded)


def _pages(reader: AssetReader) -> Iterator[Sequence[Asset]]:
    """All assets of a bundle's own catalog, a few thousand at a time."""
    held: list[Asset] = []
    cursor: str | None = None
    for number in range(1, 1 << 62):
        page = reader.page(FULL_SCOPE, cursor=cursor, limit=MAX_PAGE)
        held += page.assets
        cursor = page.cursor
        if held and (cursor is None or number % _PAGES_AT_ONCE == 0):
            yield held
            held = []
        if cursor is None:
            return


def _sync(folder: Path) -> None:
    """Have the disk hold every file before the folder gets its name."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _replace(target: Path, making: Path) -> None:
    """Give a finished folder its name; what had it goes away afterwards, so that a reader of it is never half-served."""
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    if target.is_symlink():
        raise Conflict(f"{target} is a link; export to the folder that it leads to, or to a new one, and set the link")
    if target.exists():
        target.rename(old)
    making.rename(target)
    shutil.rmtree(old, ignore_errors=True)
