"""A process that has imported the command line and forks it: a command then starts in milliseconds and not in seconds.

For campaigns of hundreds of commands, each with system calls that `strace` breaks, and for what `commands` runs again and again.
What runs is `main` of the command line.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from tests.support.zygote_client import NUMBER

ROOT = Path(__file__).parents[2]
LINEAR = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Threads of a library do not survive a fork, so none is started before it."""


def begun() -> Path:
    """A folder with a file for each command that was begun in this run of the tests, in whichever of its processes."""
    folder = Path("/tmp", f"hw-begun-{os.environ.get('PYTEST_XDIST_TESTRUNUID') or os.getpid()}")
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def is_first(command: str, model: str) -> bool:
    """Whether no such command was begun in this run; from now on one was."""
    try:
        (begun() / f"{command}-{model}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@dataclass(frozen=True)
class Fork:
    """A command that was forked: its process number, and the file with all that it says."""

    pid: int
    said: Path


class Forked:
    """A whole command that was forked, with what tests use of `subprocess.Popen`."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._zygote = zygote
        self._told = os.pidfd_open(pid)  # can be read from once the process has ended

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on after so many seconds.

        """
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"the forked command {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, told: int) -> None:
        """Send a signal to it, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, told)

    def terminate(self) -> None:
        """Tell it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._told, select.POLLIN)
            if waiting.poll(None if timeout is None else timeout * 1_000):
                self.returncode = self._zygote.wait(Fork(self.pid, Path(os.devnull)))
                os.close(self._told)
        return self.returncode


class Zygote:
    """The parent of commands. Its commands are this process's grandchildren, so it is asked how they ended.

    Args:
        naive: how commands are spoiled, for controls; see `_spoil`.

    """

    def __init__(self, naive: str = "") -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        own |= {"PYTHONPATH": str(ROOT), "HEADWATER_MODEL": "hashing"} | LINEAR
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote", naive],
            cwd=ROOT,
            env=own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, *arguments: str, home: Path, said: Path, halted: bool = False) -> Fork:
        """Start `headwater …` in the home's folder; `halted` waits with SIGSTOP for a tracer to attach."""
        texts = {"out": str(said), "err": str(said)}
        order = {"argv": arguments, "cwd": str(home.parent), "more": {"HEADWATER_HOME": str(home)}, "halted": halted}
        return Fork(self._ask(order | texts)["pid"], said)

    def start(self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], out: Path, err: Path) -> Forked:
        """Start `headwater …` with exactly this environment, to its end with what a process does last."""
        texts = {"out": str(out), "err": str(err)}
        return Forked(self, self._ask({"argv": list(arguments), "cwd": str(cwd), "env": dict(env), **texts})["pid"])

    def wait(self, fork: Fork) -> int:
        """The exit code, negative for a signal, as subprocess has it."""
        return int(self._ask({"wait": fork.pid})["code"])

    def run(self, *arguments: str, home: Path, said: Path) -> int:
        """Run `headwater …` to its end."""
        return self.wait(self.fork(*arguments, home=home, said=said))

    def _ask(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """End the parent; commands that run go on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def is_halted(pid: int) -> bool:
    """Whether a process stands still after SIGSTOP."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in {"T", "t"}


def _import_commands() -> None:
    """What the commands would import first."""
    import services.cli.crawl
    import services.cli.export
    import services.cli.history
    import services.cli.import_words
    import services.cli.search
    import services.cli.serve
    import services.cli.terminal
    import services.cli.verify
    import services.compose  # noqa: F401


def _main(naive: str) -> None:
    _import_commands()
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
    whole = "env" in order
    code = 70
    try:
        _settle(order)
        if order.get("halted"):
            os.kill(os.getpid(), signal.SIGSTOP)
        if whole:
            from services.__main__ import main as run
        else:
            from services.cli.main import main as run  # type: ignore[assignment]
        sys.argv[1:] = order["argv"]
        code = run() if whole else run(order["argv"])  # type: ignore[call-arg]
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        code = 1 if whole else code
    if whole:
        raise SystemExit(code)  # threads are waited for, and what is to be done at the end is done
    os._exit(code)


def _settle(order: Mapping[str, Any]) -> None:
    """The folder, the environment and the streams that the command was started with."""
    os.chdir(order["cwd"])
    if "env" in order:
        os.environ.clear()
    os.environ.update(order.get("env") or order["more"])
    if "streams" in order:
        given, out, err = order["streams"]
    else:
        given, out, err = _files(order)
        if "env" not in order:
            os.setsid()  # other commands end with the tests' own group of processes when that is killed
    for to, descriptor in ((0, given), (1, out), (2, err)):
        os.dup2(descriptor, to)
    for descriptor in {given, out, err}:
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (_stream(old, at) for at, old in enumerate((sys.stdin, sys.stdout, sys.stderr)))


def _stream(old: TextIO, descriptor: int) -> TextIO:
    """A standard stream as an interpreter would have made it, on what the descriptor is now."""
    mode: Any = "w" if descriptor else "r"
    made = open(descriptor, mode, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115 - as long as the process
    made.reconfigure(line_buffering=descriptor == 2 or made.isatty())
    return made  # type: ignore[no-any-return]


def _files(order: Mapping[str, Any]) -> tuple[int, int, int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    out = os.open(order["out"], flags, 0o600)
    err = out if order["err"] == order["out"] else os.open(order["err"], flags, 0o600)
    return os.open(os.devnull, os.O_RDONLY), out, err


def _serve(place: str) -> None:
    """Fork for whoever connects to `place`, until it is ended: see `zygote_client`."""
    with socket.socket(socket.AF_UNIX) as listening, selectors.DefaultSelector() as waiting:
        listening.bind(f"{place}.new")
        listening.listen(64)
        _import_commands()
        Path(f"{place}.new").rename(place)
        ended, told = socket.socketpair()
        for end in (ended, told):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told.fileno())
        waiting.register(listening, selectors.EVENT_READ)
        waiting.register(ended, selectors.EVENT_READ)
        asked: dict[int, socket.socket] = {}
        while True:
            for key, _ in waiting.select():
                if key.fileobj is listening:
                    pid, connection = _forked(listening)
                    asked[pid] = connection
                    waiting.register(connection, selectors.EVENT_READ, pid)
                elif key.fileobj is ended:
                    ended.recv(4_096)
                    _tell(asked, waiting)
                elif key.data in asked:  # whoever asked is gone
                    waiting.unregister(asked[key.data])
                    asked.pop(key.data).close()
                    os.kill(key.data, signal.SIGKILL)


def _forked(listening: socket.socket) -> tuple[int, socket.socket]:
    """One order, read and forked; returns in the parent alone."""
    connection, _ = listening.accept()
    head, streams, _, _ = socket.recv_fds(connection, NUMBER, 3)
    order = json.loads(connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        listening.close()
        connection.close()
        _child(order | {"streams": streams})
    for stream in streams:
        os.close(stream)
    connection.sendall(pid.to_bytes(NUMBER, "big"))
    return pid, connection


def _tell(asked: dict[int, socket.socket], waiting: selectors.BaseSelector) -> None:
    """Those who wait for what has ended are told how."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        connection = asked.pop(pid, None)
        if connection is not None:
            waiting.unregister(connection)
            with suppress(OSError):
                connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(NUMBER, "big", signed=True))
            connection.close()


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
    if sys.argv[1:2] == ["--at"]:
        _serve(sys.argv[2])
    else:
        _main(sys.argv[1] if len(sys.argv) > 1 else "")
