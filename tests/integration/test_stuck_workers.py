"""A worker whose event loop is stuck ends itself; one that is only slow, or that stood still as a whole, does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from services.cli import stuck, workers
from services.common.runtime.settings import Settings
from tests.support.commands import ROOT, until

SERVER = """
import sys, time
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from services.cli import stuck

async def wait(request):
    time.sleep(float(request.query_params["s"]))  # as a route might that ought to wait in a thread
    return PlainTextResponse("answered")

stuck.TICK_S, stuck.TICKS = 0.1, 15
app = stuck.EndsWhereStuck(Starlette(routes=[Route("/wait", wait)]))
uvicorn.run(app, port=0, log_level="info")
"""


@contextmanager
def served(log: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """A process with one route that holds its event loop for as long as it is told."""
    with log.open("wb") as said:
        process = subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdout=said, stderr=said)
    try:
        lines = until(lambda: [line for line in log.read_text().splitlines() if "running on" in line], "the address")
        url = lines[0].partition("running on ")[2].split()[0]
        with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield process, client
    finally:
        process.kill()
        process.wait()


def test_a_worker_whose_event_loop_is_stuck_ends_itself(tmp_path: Path) -> None:
    """With what held it in the log; before that, it was slow for less than the limit, and halted for longer, and lived."""
    log = tmp_path / "log"
    with served(log) as (process, client):
        assert client.get("/wait?s=0.7").text == "answered"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(process.pid, signal.SIGCONT)
        assert client.get("/wait?s=0").text == "answered"
        with pytest.raises(httpx2.HTTPError):
            client.get("/wait?s=60")
        assert process.wait(30) == -signal.SIGKILL
    said = log.read_text()
    assert "the event loop is stuck" in said
    assert "in wait" in said


def test_each_worker_is_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The application of a worker is under the watch; a server without workers has nobody to replace it, and is not."""
    monkeypatch.setattr(workers, "application", lambda *_: "application")
    monkeypatch.setattr(workers, "set_survivors_aside", lambda: None)
    made = workers._worker(Settings(home=tmp_path), "all", "here:1:x")
    assert isinstance(made, stuck.EndsWhereStuck)
