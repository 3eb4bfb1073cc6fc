"""Disks that fill up: a small file system in memory, and a file on it that takes what is left."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, *, mebibytes: int) -> Iterator[str | None]:
    """Mount a file system of so much at a folder; yields why it cannot be done here, None where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        yield "no file system can be mounted here: there is no mount"
        return
    if done.returncode != 0:
        yield f"no file system can be mounted here: {done.stderr.strip()}"
        return
    try:
        yield None
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Ballast:
    """A file that takes all the space of a disk but for some.

    Args:
        folder: on the disk.

    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ballast"

    def fill(self, *, leaving: int = 0) -> None:
        """Leave so many bytes, rounded to the file system's blocks."""
        size = 0
        with self._file.open("wb", buffering=0) as file:
            block = 1 << 16
            while block >= 1 << 12:
                try:
                    size += file.write(bytes(block))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    block >>= 1
            file.truncate(max(0, size - leaving))

    def remove(self) -> None:
        """Give the space back."""
        self._file.unlink(missing_ok=True)
