"""What a bundle is, as its `bundle.json` says: when and from what it was made, and the SHA-256 of each file in it.

Written last and sealed with its own sum: a folder without it, or whose files are others, is no bundle and is never served.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from services.common.errors import IndexDamaged
from services.common.runtime.sums import file_sha256

FILE = "bundle.json"
FORMAT = 1
"""Raised whenever files or manifest change their form: a bundle of another format is refused."""
CATALOG, LINEAGE, USAGE = "catalog.db", "lineage.db", "usage.db"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file of a bundle: its size and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BundleManifest:
    """What a bundle is.

    Attributes:
        created: when its content was read, in UTC.
        version: of the Headwater that made it.
        scoped: whether a scope left anything out; which one is not said, because its words may name what it hides.
        label: what answers say they were read from: generation and newest change.
        assets: how many are in it.
        model: the encoder's id.
        min_people: pairs of tables that fewer people have used together count as never used together.
        revisions: of the databases' tables, by service.
        files: every file but this one, by its path in the folder.

    """

    created: dt.datetime
    version: str
    scoped: bool
    label: str
    assets: int
    model: str
    min_people: int
    revisions: Mapping[str, str]
    files: Mapping[str, Sealed]

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.bytes for file in self.files.values())

    def age_s(self, now: dt.datetime) -> int:
        """Whole seconds since it was made; 0 where a clock says that it is of the future."""
        return max(0, int((now - self.created).total_seconds()))


def seal(folder: Path) -> dict[str, Sealed]:
    """Size and sum of every file below a folder but the manifest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): Sealed(path.stat().st_size, file_sha256(path))
        for path in paths
        if path.name != FILE
    }


def read_manifest(folder: Path) -> BundleManifest:
    """The manifest of a bundle; its files are not looked at.

    Raises:
        IndexDamaged: there is none, it is not what was written, or its format is another one.

    """
    try:
        raw = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if raw.pop("sha256") != _seal_of(raw):
            raise IndexDamaged(f"{folder / FILE} is not what was exported; export the bundle again")
        if raw.pop("format") != FORMAT:
            raise IndexDamaged(f"the bundle in {folder} has another format; export it again with this version")
        files = {name: Sealed(**file) for name, file in raw.pop("files").items()}
        if not all(map(_is_inside, files)):
            raise IndexDamaged(f"{folder / FILE} names files outside of its folder")
        return BundleManifest(created=dt.datetime.fromisoformat(raw.pop("created")), files=files, **raw)
    except FileNotFoundError:
        raise IndexDamaged(f"{folder} holds no bundle: it has no {FILE}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"{folder / FILE} cannot be read ({type(error).__name__}); export the bundle again") from error


def to_text(manifest: BundleManifest) -> str:
    """A manifest as JSON, with its own sum."""
    raw = {
        "format": FORMAT,
        "created": manifest.created.isoformat(),
        "version": manifest.version,
        "scoped": manifest.scoped,
        "label": manifest.label,
        "assets": manifest.assets,
        "model": manifest.model,
        "min_people": manifest.min_people,
        "revisions": dict(manifest.revisions),
        "files": {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in manifest.files.items()},
    }
    return json.dumps({**raw, "sha256": _seal_of(raw)}, indent=1, sort_keys=True) + "\n"


def check_files(folder: Path, manifest: BundleManifest) -> None:
    """Compare every file with its seal; files that the manifest does not name are not looked at.

    Raises:
        IndexDamaged: one is missing or is not what was exported.

    """
    for name, sealed in manifest.files.items():
        path = folder / name
        try:
            whole = path.stat().st_size == sealed.bytes and file_sha256(path) == sealed.sha256
        except OSError:
            whole = False
        if not whole:
            raise IndexDamaged(f"{path} is not what was exported; export the bundle again")


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _seal_of(raw: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
