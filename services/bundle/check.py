"""Proves a bundle before it serves: each file by its sum, then everything opened in a child process with a memory limit.

FAISS and SQLite trust what a file says of itself; what would end this process or take its memory ends the child's instead.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.bundle.written import State, states
from services.common.errors import IndexDamaged

LIMIT_BYTES = 4 << 30
"""Of address space, beyond the bundle's own size: opening one of 10,000 tables with the default model takes 2.2 GB of it, most
of it reserved by threads and never used."""
LIMIT_S = 120.0
_MODULE = "services.bundle.child"


@dataclass
class Checking:
    """A check that runs beside this process; `wait` for it before the bundle is opened.

    Attributes:
        folder: of the bundle.
        process: the child.
        before: the bundle's files as they were when it began, to tell later whether they were written over since.

    """

    folder: Path
    process: subprocess.Popen[bytes]
    before: Mapping[str, State]

    def wait(self) -> None:
        """The end of the check.

        Raises:
            IndexDamaged: the bundle is damaged, does not fit this version, or its reader died of it.

        """
        try:
            out, _ = self.process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise IndexDamaged(f"the bundle in {self.folder} was not read within {LIMIT_S:.0f} s") from None
        code = self.process.returncode
        if code < 0:
            raise IndexDamaged(f"the bundle in {self.folder} ended the process that tried to read it (signal {-code})")
        try:
            told = json.loads(out)
            problem = told["problem"]
        except (ValueError, KeyError, TypeError):
            problem = f"the bundle in {self.folder} could not be checked (exit code {code})"
        if problem is not None or code != 0:
            raise IndexDamaged(problem or f"the bundle in {self.folder} could not be checked (exit code {code})")


def begin_check(folder: Path) -> Checking:
    """Start checking a bundle; returns at once."""
    command = [sys.executable, "-m", _MODULE, str(folder), str(LIMIT_BYTES)]
    nothing = subprocess.DEVNULL
    before = states(folder)
    process = subprocess.Popen(command, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing)  # noqa: S603 - our own
    return Checking(folder, process, before)


def check(folder: Path) -> Mapping[str, State]:
    """Check a bundle to the end; its files as they were when the check began.

    Raises:
        IndexDamaged: as `Checking.wait`.

    """
    checking = begin_check(folder)
    checking.wait()
    return checking.before
