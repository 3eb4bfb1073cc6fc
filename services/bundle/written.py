"""Tells whether files of a bundle that serves were written over where they lie: they are mapped, and answers would be of neither.

A file that another one took the name of, or that lost its name, is still read to the end and harms nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from services.bundle.manifest import FILE, BundleManifest
from services.common.errors import IndexDamaged
from services.common.runtime.sums import file_sha256

State = tuple[int, int, int, int, int]
"""Device, number, size in bytes, and the times of the last write and of the last change at all, in nanoseconds: the first of the two
times can be set by whoever writes."""


def states(folder: Path) -> dict[str, State]:
    """Every file below a folder as it is now, by its path in it; empty for a folder that cannot be read."""
    try:
        return {path.relative_to(folder).as_posix(): _state(path) for path in folder.rglob("*") if path.is_file()}
    except OSError:
        return {}


def _state(path: Path) -> State:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def check_same(folder: Path, manifest: BundleManifest, before: Mapping[str, State]) -> None:
    """Compare the files of a bundle that is open with what they were before it was checked.

    Raises:
        IndexDamaged: one is another than was checked, and does not hold what was exported.

    """
    as_checked: Mapping[str, State] = {}  # by another manifest, no file was compared with these sums
    with suppress(OSError):
        as_checked = before if _state(folder / FILE) == before.get(FILE) else {}
    for name, sealed in manifest.files.items():
        path = folder / name
        try:
            same = _state(path) == as_checked.get(name) or file_sha256(path) == sealed.sha256
        except OSError:
            same = False
        if not same:
            raise IndexDamaged(f"{path} was changed while the bundle was checked; copy a whole one there")


AGAIN_S = 60.0
"""A file whose times have changed and whose bytes have not is left alone for so long: on some file systems times change by
themselves, and a sum reads all of a file."""


class Written:
    """The files of one bundle, looked at again and again: one `stat` each, and a sum where that has changed.

    Args:
        folder: where the bundle lies, no link.
        manifest: of it.
        before: what its files were before they were checked.

    """

    def __init__(self, folder: Path, manifest: BundleManifest, before: Mapping[str, State]) -> None:
        self._folder = folder
        self._sums = {name: sealed.sha256 for name, sealed in manifest.files.items()}
        self._left_until: dict[str, float] = {}
        self._known = {name: before[name] for name in manifest.files if name in before}

    def over(self) -> str | None:
        """The name of a file that was written over and is not what it was; None while there is none."""
        for name, known in self._known.items():
            try:
                now = _state(self._folder / name)
                if now == known or now[:2] != known[:2] or time.monotonic() < self._left_until.get(name, 0.0):
                    continue
                if file_sha256(self._folder / name) != self._sums[name]:
                    return name
            except OSError:  # it has lost its name, and is still read
                continue
            self._known[name] = now  # written with what it held, or only touched
            self._left_until[name] = time.monotonic() + AGAIN_S
        return None
