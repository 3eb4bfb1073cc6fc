"""Reads of a home's files that fail with EIO, by `strace`, under a server or while one starts.

What is mapped (the index's larger files, SQLite's shared memory) is read by no system call; a bad sector there is a SIGBUS, which no
tracer can bring about.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import httpx2

from tests.support.commands import until
from tests.support.kill_points import AFTER, WORD, Scene, found, is_ready
from tests.support.zygote import Fork, Zygote, halted

READS = ("read", "pread64", "readv", "preadv")
_READ = re.compile(r"^(\d+) +(\w+)\(\d+<")


@contextmanager
def traced(fork: Fork, home: Path, trace: Path, effect: str | None = None, *, resume: bool) -> Iterator[None]:
    """Trace the reads of a home's files by a process; `effect` is strace's word for what happens at which of them."""
    files = [str(path) for path in home.rglob("*") if path.is_file()]
    files += [str(home / f"{name}.db-wal") for name in ("catalog", "indexer", "lineage")]
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", f"trace={','.join(READS)}", "-p", str(fork.pid)]
    command += [word for file in files for word in ("-P", file)]
    command += ["-e", effect] if effect else []
    if resume:
        halted(fork.pid)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        while b"attached" not in (line := running.stderr.readline()):
            assert line, "strace has ended"
        if resume:
            os.kill(fork.pid, signal.SIGCONT)
        try:
            yield
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(30)


def is_right(client: httpx2.Client) -> bool:
    """Whether a server shows the scene's tables, with what was said of them."""
    shown = found(client)
    return ("orders_3", WORD) in shown and {name for name, _ in shown} == {str(table["name"]) for table in AFTER}


@contextmanager
def served(
    zygote: Zygote, home: Path, trace: Path | None = None, effect: str | None = None
) -> Iterator[tuple[Fork, httpx2.Client] | None]:
    """A server over a home, ready, and who asks it; None where it has ended instead. With `trace` it is traced from its first read on."""
    said = home.parent / f"served-{len([*home.parent.glob('served-*')])}"
    fork = zygote.fork("serve", "--port", "0", home=home, said=said, halted=trace is not None)
    with traced(fork, home, trace, effect, resume=True) if trace is not None else nullcontext():
        url = until(lambda: _address(said) or _gone(fork.pid), "an address, or the end")
        if url == "gone":
            code = zygote.wait(fork)
            assert code == 1, said.read_text()
            assert "headwater: " in said.read_text()
            assert "Traceback" not in said.read_text()
            yield None
            return
        # a server that stood still while it was traced may end an idle connection in the moment in which it is used again
        anew = {"Connection": "close"}
        with httpx2.Client(base_url=url, timeout=60, trust_env=False, headers=anew) as client:
            until(lambda: is_ready(client), "readiness")
            yield fork, client
            os.kill(fork.pid, signal.SIGTERM)
            assert zygote.wait(fork) == 0
    assert "unexpected" not in said.read_text()


def _address(said: Path) -> str:
    lines = said.read_text(encoding="utf-8").splitlines() if said.exists() else []
    return next((line.rpartition(" ")[2] for line in lines if line.startswith("serving (")), "")


def _gone(pid: int) -> str:
    """`gone` for a process that has ended and was not waited for yet."""
    state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return "gone" if state == "Z" else ""


def _points(trace: Path) -> list[tuple[str, int]]:
    """Every read of a trace, by its call and its number among those of its thread; of each call, of the thread with most."""
    counts: dict[tuple[str, str], int] = {}
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if call := _READ.match(line):
            key = (call[1], call[2])
            counts[key] = counts.get(key, 0) + 1
    most = {name: max(n for (_, called), n in counts.items() if called == name) for name in {name for _, name in counts}}
    return [(name, at) for name, n in sorted(most.items()) for at in range(1, n + 1)]


def start_points(scene: Scene, zygote: Zygote) -> list[tuple[str, int]]:
    """Every read that the start of a server makes of its home's files."""
    with scene.copy(scene.after) as home:
        with served(zygote, home, home.parent / "trace"):
            pass
        return _points(home.parent / "trace")


def start_failing(scene: Scene, zygote: Zygote, call: str, at: int) -> bool:
    """Start a server while one read fails, and then without a fault; whether the read was made."""
    with scene.copy(scene.after) as home:
        trace = home.parent / "trace"
        with served(zygote, home, trace, f"inject={call}:error=EIO:when={at}") as running:
            if running is not None:
                with suppress(httpx2.HTTPStatusError):  # 503: the read that fails may be one for an answer
                    assert is_right(running[1]), f"{call} {at}"
        with served(zygote, home) as well:
            assert well is not None, f"{call} {at}"
            assert is_right(well[1]), f"{call} {at}"
        return "INJECTED" in trace.read_text(encoding="utf-8", errors="replace")
