"""One setting says how many threads a process has; looked at from outside, in the process itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _told(code: str, **variables: str) -> str:
    """What a program prints in a process of its own, with nothing said of threads by our own environment."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    env = clean | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout.strip()


_BUSY = """
import os, sys
if sys.argv[1:] != ["left"] and {claim}:
    from services.common.runtime.threads import keep_to_one
    keep_to_one()
import numpy
before = len(os.listdir("/proc/self/task"))
_ = numpy.ones((2000, 2000), dtype=numpy.float32) @ numpy.ones((2000, 2000), dtype=numpy.float32)
print(len(os.listdir("/proc/self/task")))
"""


def test_products_of_numpy_run_on_one_thread() -> None:
    """After the claim a large product leaves one thread in the process; the control leaves numpy alone, and has more."""
    assert _told(_BUSY.format(claim=True)) == "1"
    if (os.cpu_count() or 1) > 1:
        assert int(_told(_BUSY.format(claim=False))) > 1


def test_what_the_environment_says_is_left_as_it_is() -> None:
    """Somebody who wants another number for one library says so there."""
    code = "from services.common.runtime.threads import keep_to_one; keep_to_one(); import os; print(os.environ['OMP_NUM_THREADS'])"
    assert _told(code, OMP_NUM_THREADS="3") == "3"
    assert _told(code) == "1"


@pytest.mark.parametrize(("threads", "most"), [(1, 8), (2, 16)])
def test_a_server_has_as_many_threads_for_requests_as_the_setting_says(tmp_path: Path, threads: int, most: int) -> None:
    """However many ask at once, no more threads answer than eight for each that is set."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    env |= {"PYTHONPATH": str(ROOT), "HEADWATER_THREADS": str(threads), "HEADWATER_MODEL": "hashing"}
    command = [sys.executable, "-m", "services", "serve", "--home", str(tmp_path / "home"), "--port", "0"]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=env, stderr=out)
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"^serving .* at (\S+)$", log.read_text(encoding="utf-8"), re.MULTILINE)):
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        while _asked(f"{found[1]}/readyz") != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        before = _threads_of(process.pid)
        asking = [threading.Thread(target=_asked, args=(f"{found[1]}/api/v1/sources",)) for _ in range(60)]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        # those that looked after the first probes are among them
        assert _threads_of(process.pid) - before <= most
    finally:
        process.terminate()
        process.wait(30)


def _asked(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _threads_of(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)[1])
