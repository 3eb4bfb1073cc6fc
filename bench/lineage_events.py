"""OpenLineage events, durable, on SQLite: how many a second in batches, how long one takes to be acknowledged.

`python -m bench lineage_events [--events N] [--singles N] [--batch N]`. The events are shaped like Airflow's: a run of START
and COMPLETE, a table in, a table out, ten columns each, about 2 KB. Over HTTP, into a served Headwater. Controls: the same bodies only
parsed as JSON (the ceiling), and a kill -9 in the middle, after which everything that was acknowledged must be there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2

WANTED_PER_S = 1_000
WANTED_P95_MS = 20.0
TABLES, JOBS = 300, 100
_NAMESPACE = "postgres://bench:5432"
Event = dict[str, Any]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench lineage_events")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--singles", type=int, default=300)
    parser.add_argument("--batch", type=int, default=500)
    wanted = parser.parse_args()
    events = list(_events(wanted.events))
    bodies = [json.dumps(events[at : at + wanted.batch]).encode() for at in range(0, len(events), wanted.batch)]
    ceiling = _only_parsed(bodies, len(events))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        server = _Server(home)
        per_s = _batches(server, bodies, len(events))
        took_ms = _singles(server, wanted.singles)
        server.stop(signal.SIGTERM)
    lost, acknowledged = _killed(bodies)
    p50, p95 = statistics.median(took_ms), sorted(took_ms)[int(len(took_ms) * 0.95)]
    size = sum(map(len, bodies)) / len(events)
    print(f"\n{'what':<52}{'figure':>14}{'wanted':>12}")
    print(
        f"{f'events/s in batches of {wanted.batch} ({size:.0f} bytes each)':<52}{per_s:>14,.0f}{f'≥ {WANTED_PER_S:,}':>12}"
    )
    print(f"{'  control: the same bodies only parsed as JSON':<52}{ceiling:>14,.0f}{'':>12}")
    print(f"{'one event, p50 ms':<52}{p50:>14.1f}{'':>12}")
    print(f"{'one event, p95 ms':<52}{p95:>14.1f}{f'≤ {WANTED_P95_MS:.0f}':>12}")
    print(f"{'acknowledged before kill -9, and lost':<52}{f'{acknowledged:,} / {lost}':>14}{'0 lost':>12}")
    met = per_s >= WANTED_PER_S and p95 <= WANTED_P95_MS and lost == 0 and acknowledged > 0
    print(f"\n{'met' if met else 'NOT met'} on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


class _Server:
    """`headwater serve` on a home of its own."""

    def __init__(self, home: Path) -> None:
        env = os.environ | {"HEADWATER_HOME": str(home), "HEADWATER_MODEL": "hashing"}
        command = [sys.executable, "-m", "services", "serve", "--port", "0"]
        log = home.parent / f"{home.name}-{time.monotonic_ns()}.log"
        self._process = subprocess.Popen(command, env=env, stdout=log.open("wb"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 120
        while not (line := next((one for one in log.read_text().splitlines() if one.startswith("serving (")), "")):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"the server did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        self.client = httpx2.Client(base_url=line.rpartition(" ")[2], timeout=120, trust_env=False)
        while self.client.get("/readyz").status_code != 200:
            time.sleep(0.1)

    def send(self, path: str, body: bytes) -> int:
        return self.client.post(f"/api/v1{path}", content=body, headers={"Content-Type": "application/json"}).status_code

    def stop(self, told: signal.Signals) -> None:
        self.client.close()
        self._process.send_signal(told)
        self._process.wait(timeout=60)


def _events(count: int) -> Iterator[Event]:
    for number in range(count // 2):
        run = str(uuid.uuid4())
        for state, minute in (("START", 0), ("COMPLETE", 5)):
            yield _event(state, minute, run, number)


def _event(state: str, minute: int, run: str, number: int) -> Event:
    return {
        "eventType": state,
        "eventTime": f"2026-11-01T{number % 24:02d}:{minute:02d}:{number % 60:02d}Z",
        "producer": "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run, "facets": {"nominalTime": {"nominalStartTime": "2026-11-01T00:00:00Z"}}},
        "job": {"namespace": "bench", "name": f"dag.task_{number % JOBS}", "facets": {"jobType": {"jobType": "TASK"}}},
        "inputs": [_dataset(f"shop.raw.t{number % TABLES}")],
        "outputs": [_dataset(f"shop.mart.t{number % JOBS}")],
    }


def _dataset(name: str) -> Event:
    fields = [{"name": f"column_{at}", "type": "numeric"} for at in range(10)]
    return {"namespace": _NAMESPACE, "name": name, "facets": {"schema": {"fields": fields}}}


def _only_parsed(bodies: Sequence[bytes], count: int) -> float:
    began = time.perf_counter()
    for body in bodies:
        json.loads(body)
    return count / (time.perf_counter() - began)


def _batches(server: _Server, bodies: Sequence[bytes], count: int) -> float:
    began = time.perf_counter()
    for body in bodies:
        assert server.send("/lineage/batch", body) == 200
    return count / (time.perf_counter() - began)


def _singles(server: _Server, count: int) -> list[float]:
    """Milliseconds from sending one event to its 201, after ten that warm up; a pause between, as runs have."""
    found = []
    for number in range(count + 10):
        body = json.dumps(_event("RUNNING", 3, str(uuid.uuid4()), number)).encode()
        began = time.perf_counter()
        assert server.send("/lineage", body) == 201
        found.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    return found[10:]


def _killed(bodies: Sequence[bytes]) -> tuple[int, int]:
    """Events that were acknowledged and are not in the file after kill -9, and how many were acknowledged."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        server = _Server(home)
        acknowledged = 0
        pick = random.Random(20261126)
        for body in bodies[: pick.randint(2, 5)]:
            assert server.send("/lineage/batch", body) == 200
            acknowledged += len(json.loads(body))
        server.stop(signal.SIGKILL)
        with sqlite3.connect(home / "lineage.db") as connection:
            (kept,) = connection.execute("SELECT count(*) FROM event").fetchone()
    return acknowledged - kept, acknowledged
