"""`headwater serve` on a home of a benchmark's own: started, asked, measured and stopped. Used by the benchmarks over HTTP."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

START_S = 120


class Server:
    """One process, and the ones that it starts.

    Args:
        home: its home, which may hold databases already.
        token: what every request shows; None where none is configured.
        model: the encoder's name.
        workers: how many processes answer.

    """

    def __init__(self, home: Path, *, token: str | None = None, model: str = "hashing", workers: int = 1) -> None:
        env = os.environ | {"HEADWATER_HOME": str(home), "HEADWATER_MODEL": model}
        if (home / "headwater.toml").exists():
            env["HEADWATER_CONFIG"] = str(home / "headwater.toml")
        command = [sys.executable, "-m", "services", "serve", "--port", "0", "--workers", str(workers)]
        log = home.parent / f"{home.name}-{time.monotonic_ns()}.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_S
        while not (line := next((one for one in log.read_text().splitlines() if one.startswith("serving (")), "")):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"the server did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        self.client = httpx2.Client(base_url=line.rpartition(" ")[2], timeout=120, trust_env=False)
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        while self.client.get("/readyz").status_code != 200:
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop(signal.SIGTERM)

    def send(self, path: str, body: bytes) -> int:
        """The status of a JSON body that is posted."""
        headers = {"Content-Type": "application/json", **self.headers}
        return self.client.post(f"/api/v1{path}", content=body, headers=headers).status_code

    def ask(self, path: str, *, token: str | None = None, **parameters: Any) -> httpx2.Response:
        """What a GET answers."""
        headers = self.headers if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.get(f"/api/v1{path}", params=parameters, headers=headers)

    def memory_mb(self) -> float:
        """Memory of the whole service (PSS: what processes share counts once), the SQL reader's process included."""
        return sum(map(_pss_mb, self.processes()))

    def processor_s(self) -> float:
        """Processor time of the whole service since it began, in s; steps of a hundredth."""
        return sum(map(_processor_s, self.processes()))

    def processes(self) -> list[int]:
        """The process and all that it started."""
        return [self._process.pid, *_below(self._process.pid)]

    def peak_mb(self) -> float:
        """The most memory that the served process itself has had at any time."""
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1000

    def stop(self, told: signal.Signals) -> None:
        """End it."""
        self.client.close()
        if self._process.poll() is None:
            self._process.send_signal(told)
        self._process.wait(timeout=60)


def _pss_mb(process: int) -> float:
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1000


def _processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _below(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [one for child in map(int, children) for one in (child, *_below(child))]
