"""Proves a bundle before it serves: each file by its sum, and everything opened in a child process with a memory limit.

FAISS and SQLite trust what a file says of itself; what would end this process or take its memory ends the child's instead.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from services.bundle.written import State, states
from services.common.errors import IndexDamaged

LIMIT_BYTES = 4 << 30
"""Of address space, beyond the bundle's own size: opening one of 10,000 tables with the default model takes 2.2 GB of it, most
of it reserved by threads and never used."""
LIMIT_S = 120.0
_MODULE = "services.bundle.child"
_THREADS = Path("/proc/self/task")


class _Child(Protocol):
    """A process that reads a bundle."""

    def told(self, limit_s: float) -> tuple[bytes, int] | None:
        """What it said and its exit code, below 0 for the signal that ended it; None where it took too long and was ended."""


@dataclass
class Checking:
    """A check that runs beside this process; `wait` for it before the bundle is opened.

    Attributes:
        folder: of the bundle.
        children: the processes that do it; what the first one finds is told first.
        before: the bundle's files as they were when it began, to tell later whether they were written over since.

    """

    folder: Path
    children: tuple[_Child, ...]
    before: Mapping[str, State]

    def wait(self) -> None:
        """The end of the check.

        Raises:
            IndexDamaged: the bundle is damaged, does not fit this version, or its reader died of it.

        """
        for told in [child.told(LIMIT_S) for child in self.children]:
            self._judge(told)

    def _judge(self, told: tuple[bytes, int] | None) -> None:
        if told is None:
            raise IndexDamaged(f"the bundle in {self.folder} was not read within {LIMIT_S:.0f} s")
        said, code = told
        if code < 0:
            raise IndexDamaged(f"the bundle in {self.folder} ended the process that tried to read it (signal {-code})")
        try:
            problem = json.loads(said)["problem"]
        except (ValueError, KeyError, TypeError):
            problem = f"the bundle in {self.folder} could not be checked (exit code {code})"
        if problem is not None or code != 0:
            raise IndexDamaged(problem or f"the bundle in {self.folder} could not be checked (exit code {code})")


def begin_sums(folder: Path) -> Checking | None:
    """Start comparing a bundle's files with their sums, the first part of `begin_check`: it needs nothing that is imported slowly.

    None where this process cannot be forked.
    """
    if not _has_one_thread():
        return None
    before = states(folder)
    return Checking(folder, (_Forked(_compare, folder),), before)


def begin_check(folder: Path, sums: Checking | None = None) -> Checking:
    """Start checking a bundle; returns at once.

    A process with one thread is forked: what it has imported need not be imported again, which is most of the time that a check
    takes. One with several, as while it serves, starts another.

    Args:
        folder: where it lies.
        sums: what `begin_sums` has begun; None where the files are still to be compared.

    """
    before = sums.before if sums is not None else states(folder)
    begun = sums.children if sums is not None else ()
    what = _examine if sums is None else _read
    return Checking(folder, (*begun, _Forked(what, folder) if _has_one_thread() else _Started(folder)), before)


def check(folder: Path) -> Mapping[str, State]:
    """Check a bundle to the end; its files as they were when the check began.

    Raises:
        IndexDamaged: as `Checking.wait`.

    """
    checking = begin_check(folder)
    checking.wait()
    return checking.before


class _Started:
    """An interpreter of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", _MODULE, str(folder), str(LIMIT_BYTES)]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=nothing, stdout=subprocess.PIPE, stderr=nothing)  # noqa: S603 - our own

    def told(self, limit_s: float) -> tuple[bytes, int] | None:
        """See `_Child`."""
        try:
            said, _ = self._process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return None
        return said, self._process.returncode


class _Forked:
    """The process that asks once more, with all that it has imported.

    Args:
        what: is done there; returns what is wrong.
        folder: of the bundle.

    """

    def __init__(self, what: Callable[[Path], str | None], folder: Path) -> None:
        context = multiprocessing.get_context("fork")
        self._said, there = context.Pipe(duplex=False)
        self._process: BaseProcess = context.Process(target=_forked, args=(what, folder, there), daemon=True)
        # a Ctrl-C that comes while Python forks would be lost: what it raises in there is printed, and dropped
        waiting = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            there.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, waiting)

    def told(self, limit_s: float) -> tuple[bytes, int] | None:
        """See `_Child`."""
        said = b""
        late = not self._said.poll(limit_s)
        if late:
            self._process.kill()
        else:
            try:
                said = self._said.recv_bytes()
            except (EOFError, OSError):  # it died before it could say anything
                said = b""
        self._process.join()
        code = self._process.exitcode
        self._said.close()
        return None if late or code is None else (said, code)


def _compare(folder: Path) -> str | None:
    from services.bundle.child import compare  # noqa: PLC0415 - only the child needs it

    return compare(folder)


def _read(folder: Path) -> str | None:
    from services.bundle.child import read  # noqa: PLC0415 - only the child needs it

    return read(folder, LIMIT_BYTES)


def _examine(folder: Path) -> str | None:
    from services.bundle.child import examine  # noqa: PLC0415 - only the child needs it

    return examine(folder, LIMIT_BYTES)


def _forked(what: Callable[[Path], str | None], folder: Path, there: Connection) -> None:
    """The child of a fork, to its end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    # above all the socket that the parent listens on: it must be free when that ends
    os.closerange(3, there.fileno())
    os.closerange(there.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    there.send_bytes(json.dumps({"problem": what(folder)}).encode())
    there.close()
    # an index that was taken apart may not be there any more when the interpreter cleans up
    os._exit(0)


def _has_one_thread() -> bool:
    """Whether this process may be forked: on Linux, while libraries have started no threads either."""
    try:
        return len(list(_THREADS.iterdir())) == 1
    except OSError:
        return False
