"""A small file that is made once and then only read, such as a home's id: whole or absent, whoever is killed meanwhile.

Before any journey: several processes of one home may start at the same moment.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


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


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
