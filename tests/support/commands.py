"""The command line as people run it: one process a command, and servers that are asked over HTTP.

Nothing here reads the code under test; a journey is what went in and what came out. Of each command the first in a run of the tests
is an interpreter of its own; the next ones are forked from a process that has imported it, which saves each two seconds of imports.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from tests.support.zygote import Forked, Zygote, is_first

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0
"""How long a test waits for what takes a second on an idle machine."""
T = TypeVar("T")


def environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """This process's environment without settings of ours; the quick encoder unless `HEADWATER_MODEL` is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    kept.pop("PYTHONUNBUFFERED", None)  # a terminal's users do not set it, and it hides what happens to a full buffer
    kept["PYTHONPATH"] = str(ROOT)
    kept["HEADWATER_MODEL"] = "hashing"
    if home is not None:
        kept["HEADWATER_HOME"] = str(home)
    return kept | more


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


def command(arguments: Sequence[str | Path]) -> list[str]:
    """The command line of `headwater …`."""
    return [sys.executable, "-m", "services", *map(str, arguments)]


def hw(*arguments: str | Path, home: Path | None = None, cwd: Path | None = None, **env: str) -> Done:
    """Run `headwater …` to its end, in the home's folder unless told otherwise."""
    where = cwd or (home.parent if home is not None else Path.cwd())
    with tempfile.TemporaryDirectory(prefix="hw-said-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        ran = _begun(arguments, environment(home, **env), where, out, err)
        try:
            ran.wait(PATIENCE_S)
        except BaseException:
            ran.kill()
            ran.wait()
            raise
        return Done(ran.wait(), out.read_bytes().decode(), err.read_bytes().decode())


_OWN = re.compile(r"PYTHON|LC_|LANG|LD_|OMP_|OPENBLAS_|MKL_|RAYON_")
"""What an interpreter, its libraries or their threads read when they start, long before a command does."""
_ALONE = {"--role", "--workers"}
"""What makes a server that imports less than others, or that starts more of itself."""
_zygotes: list[Zygote] = []


def _begun(
    arguments: Sequence[str | Path], env: Mapping[str, str], cwd: Path, out: Path, err: Path
) -> subprocess.Popen[bytes] | Forked:
    """A command that has been started: an interpreter of its own, unless one like it has been before."""
    words = [str(argument) for argument in arguments]
    usual = {name: value for name, value in env.items() if _OWN.match(name)} == _usual()
    forks = usual and not _ALONE & {*words} and hasattr(os, "pidfd_open")
    if forks and not is_first(words[0] if words else "", env["HEADWATER_MODEL"]):
        for file in (out, err):
            file.touch()
        if not _zygotes:
            _zygotes.append(Zygote())
            atexit.register(_zygotes[0].end)
        return _zygotes[0].start(words, cwd=cwd, env=env, out=out, err=err)
    with out.open("wb") as printed, err.open("ab") as said:
        told = subprocess.STDOUT if err == out else said
        return subprocess.Popen(command(words), env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=printed, stderr=told)


def _usual() -> dict[str, str]:
    return {name: value for name, value in environment().items() if _OWN.match(name)}


def until(look: Callable[[], T], what: str = "it", within_s: float = PATIENCE_S) -> T:
    """Look again and again until there is something to see; the last thing seen is in the failure."""
    end = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < end, f"{what} did not come about within {within_s:.0f} s; last seen: {seen!r}"
        time.sleep(0.05)
    return seen


class Server:
    """`headwater serve` (or `demo`) as a process, started and announced; its own log is kept in a file.

    Args:
        arguments: of the command line; a free port is chosen unless they name one.
        home: the data folder.
        env: more of the environment.

    """

    def __init__(self, *arguments: str, home: Path, env: Mapping[str, str] | None = None) -> None:
        given = list(arguments or ["serve"])
        if "--port" not in given:
            given += ["--port", "0"]
        self.log = home.parent / f"{home.name}-{time.monotonic_ns()}.log"
        self.process = _begun(given, environment(home, **(env or {})), home.parent, self.log, self.log)
        try:
            self.url = until(self._address, "the server's address")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.client = httpx2.Client(base_url=self.url, timeout=60, trust_env=False)

    def _address(self) -> str | None:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}: {text[-2000:]}"
        lines = [line for line in text.splitlines() if line.startswith("serving (")]
        return lines[-1].rpartition(" ")[2] if lines else None

    def ready(self) -> Self:
        """Wait until it answers with everything that was committed before it started."""
        until(lambda: self.client.get("/readyz").status_code == 200, "readiness")
        return self

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a GET of the API that must succeed."""
        answer = self.client.get(f"/api/v1{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self, told: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(told)
        return self.process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.stop()


def write_metadata(file: Path, *tables: Mapping[str, Any] | str) -> str:
    """A `metadata://` file of these lines; its URL."""
    lines = [table if isinstance(table, str) else json.dumps(table) for table in tables]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"metadata://{file}"


def simple_table(name: str, description: str | None = None, **more: Any) -> dict[str, Any]:
    """A line of a metadata file: a table of two columns in `shop.public`."""
    columns = [{"name": "id", "type": "bigint"}, {"name": "amount", "type": "numeric"}]
    line = {"database": "shop", "schema": "public", "name": name, "columns": columns, **more}
    return line if description is None else line | {"description": description}
