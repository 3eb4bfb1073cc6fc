"""Small files that are whole or absent, whoever is killed meanwhile: made once, such as a home's id, or replaced.

Before any journey: several processes of one home may start at the same moment.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

WRITING_S = 60.0
"""Nobody takes so long to write a line."""


def write_once(path: Path, text: str) -> None:
    """Write a file, readable by its owner alone, unless there is one already; the first of several writers wins.

    Raises:
        OSError: the disk does not take it; nothing of it is left behind.

    """
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(made, "x", encoding="ascii", opener=_for_its_owner) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(made)  # as a rename, but refused where somebody was first
        except FileExistsError:
            return
        except OSError:
            if path.exists():
                return
            made.rename(path)  # a file system without links
    finally:
        made.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def kept_once(path: Path, make: Callable[[], str], is_whole: Callable[[str], bool]) -> str | None:
    """The text of a file in a home, made where there is none yet; None where it stays in pieces, which nobody of ours leaves.

    Args:
        path: the file; its folder is made, for its owner alone, where nobody has yet.
        make: gives the text of a new one.
        is_whole: whether what stands in the file is all of it.

    Raises:
        OSError: the disk does not take it, or does not give it.

    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(path)
    if not path.exists():
        write_once(path, make())
    for _ in range(100):
        known = path.read_text(encoding="ascii")
        if is_whole(known):
            return known
        time.sleep(0.01)  # one of an older version has made the file and is about to write into it
    return None


def _sweep(path: Path) -> None:
    """Take away what writers of a file left beside it when they were killed; one that may still be writing is left alone."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        # another process may sweep too
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > WRITING_S:
                left.unlink()


def replace_whole(path: Path, text: str) -> None:
    """Write a file that can be made anew, in UTF-8, in place of the one that is there; not forced to the disk.

    Raises:
        OSError: nothing can be written there; what was there stays.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        made.write_text(text, encoding="utf-8")
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
