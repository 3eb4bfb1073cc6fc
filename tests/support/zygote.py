"""A process that has imported the command line and forks it: a command then starts in milliseconds and not in seconds.

For campaigns of hundreds of commands, each with system calls that `strace` breaks. What runs is `main` of the command line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.commands import ROOT, environment

LINEAR = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Threads of a library do not survive a fork, so none is started before it."""


@dataclass(frozen=True)
class Fork:
    """A command that was forked: its process number, and the file with all that it says."""

    pid: int
    said: Path


class Zygote:
    """The parent of commands. Its commands are this process's grandchildren, so it is asked how they ended.

    Args:
        naive: how commands are spoiled, for controls; see `_spoil`.

    """

    def __init__(self, naive: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote", naive],
            cwd=ROOT,
            env=environment(**LINEAR),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, *arguments: str, home: Path, said: Path, halted: bool = False) -> Fork:
        """Start `headwater …` in the home's folder; `halted` waits with SIGSTOP for a tracer to attach."""
        order = {"argv": arguments, "home": str(home), "said": str(said), "halted": halted}
        return Fork(self._ask(order)["pid"], said)

    def wait(self, fork: Fork) -> int:
        """The exit code, negative for a signal, as subprocess has it."""
        return int(self._ask({"wait": fork.pid})["code"])

    def run(self, *arguments: str, home: Path, said: Path) -> int:
        """Run `headwater …` to its end."""
        return self.wait(self.fork(*arguments, home=home, said=said))

    def _ask(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def is_halted(pid: int) -> bool:
    """Whether a process stands still after SIGSTOP."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in {"T", "t"}


def _main(naive: str) -> None:

    import services.cli.crawl
    import services.cli.serve
    import services.cli.terminal
    import services.cli.verify
    import services.compose  # noqa: F401 - what the commands would import first

    _spoil(naive)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                _child(order)
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _child(order: Mapping[str, Any]) -> None:
    """Become the command; never returns."""
    from services.cli.main import main

    code = 70
    try:
        home = Path(order["home"])
        os.chdir(home.parent)
        os.environ["HEADWATER_HOME"] = str(home)
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for to, descriptor in ((0, null), (1, said), (2, said)):
            os.dup2(descriptor, to)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
        os.setsid()
        if order["halted"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        code = main(order["argv"])
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def _spoil(naive: str) -> None:
    """Make the writer worse, so that a campaign has something to find: `pointer` publishes before the manifest is written."""
    if naive == "pointer":
        from services.indexer.index import generation

        whole = generation._write_new

        def late(path: Path, text: str) -> None:
            if path.suffix == ".json":
                generation._replace(path.parent.parent / "CURRENT", f"{path.stem}\n")
            whole(path, text)

        generation._write_new = late


def halted(pid: int, within_s: float = 30.0) -> None:
    """Wait until a process stands still."""
    end = time.monotonic() + within_s
    while not is_halted(pid):
        assert time.monotonic() < end, f"process {pid} never stood still"
        time.sleep(0.002)


if __name__ == "__main__":
    _main(sys.argv[1] if len(sys.argv) > 1 else "")
