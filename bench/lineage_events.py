"""OpenLineage events, durable, on SQLite: how many a second in batches, how long one takes to be acknowledged.

`python -m bench lineage_events [--events N] [--singles N] [--batch N] [--found N]`. The events are shaped like Airflow's: a run of START
and COMPLETE, a table in, a table out, ten columns each, about 2 KB. Over HTTP, into a served Headwater. Controls: the same bodies only
parsed as JSON (the ceiling), the disk and a known event alone (the floors), and a kill -9 in the middle, after which everything that was acknowledged must be there. How soon datasets are found: `lineage_findable`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.lineage_findable import findable, print_findable
from bench.server import Server

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
    parser.add_argument("--found", type=int, default=120, help="datasets waited for, idle and beside a crawl; 0 for none")
    parser.add_argument("--only", choices=("taken", "found"), help="one of the two parts")
    wanted = parser.parse_args()
    met = [] if wanted.only == "found" else [_taken(wanted.events, wanted.batch, wanted.singles)]
    if wanted.only != "taken" and wanted.found:
        found = findable(wanted.found, _naming)
        print_findable(found)
        met.append(found.met)
    print(f"\n{'met' if all(met) else 'NOT met'} on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _naming(name: str, words: list[str]) -> Event:
    """An event of a run that fills a dataset of this name, described in these words."""
    event = _event("COMPLETE", 5, str(uuid.uuid4()), 1)
    described = _dataset(name)
    described["facets"]["documentation"] = {"description": " ".join(words)}
    return event | {"outputs": [described]}


def _taken(count: int, batch: int, singles: int) -> bool:
    """Events a second, one event's time, and kill -9; whether all are as wanted."""
    events = list(_events(count))
    bodies = [json.dumps(events[at : at + batch]).encode() for at in range(0, len(events), batch)]
    ceiling = _only_parsed(bodies, len(events))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        server = Server(home)
        per_s = _batches(server, bodies, len(events))
        took_ms = _singles(server, singles)
        again_ms = _again(server, singles)
        disk_ms = _disk(home, singles)
        server.stop(signal.SIGTERM)
    lost, acknowledged = _killed(bodies)
    p50, p95 = statistics.median(took_ms), sorted(took_ms)[int(len(took_ms) * 0.95)]
    size = sum(map(len, bodies)) / len(events)
    print(f"\n{'what':<72}{'figure':>14}{'wanted':>12}")
    print(f"{f'events/s in batches of {batch} ({size:.0f} bytes each)':<72}{per_s:>14,.0f}{f'≥ {WANTED_PER_S:,}':>12}")
    print(f"{'  control: the same bodies only parsed as JSON':<72}{ceiling:>14,.0f}{'':>12}")
    print(f"{'one event, p50 ms':<72}{p50:>14.1f}{'':>12}")
    print(f"{'one event, p95 ms':<72}{p95:>14.1f}{f'≤ {WANTED_P95_MS:.0f}':>12}")
    print(f"{'  floor: the disk alone (4 KB and fsync), p50, p95 ms':<72}{_both(disk_ms):>14}{'':>12}")
    print(f"{'  floor: one that is known (no commit), p50, p95 ms':<72}{_both(again_ms):>14}{'':>12}")
    print(f"{'acknowledged before kill -9, and lost':<72}{f'{acknowledged:,} / {lost}':>14}{'0 lost':>12}")
    return per_s >= WANTED_PER_S and p95 <= WANTED_P95_MS and lost == 0 and acknowledged > 0


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


def _batches(server: Server, bodies: Sequence[bytes], count: int) -> float:
    began = time.perf_counter()
    for body in bodies:
        assert server.send("/lineage/batch", body) == 200
    return count / (time.perf_counter() - began)


def _singles(server: Server, count: int) -> list[float]:
    """Milliseconds from sending one event to its 201, after ten that warm up; a pause between, as runs have."""
    found = []
    for number in range(count + 10):
        body = json.dumps(_event("RUNNING", 3, str(uuid.uuid4()), number)).encode()
        began = time.perf_counter()
        assert server.send("/lineage", body) == 201
        found.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    return found[10:]


def _again(server: Server, count: int) -> list[float]:
    """Milliseconds for an event that is stored already: everything but folding it and the commit."""
    body = json.dumps(_event("RUNNING", 3, str(uuid.uuid4()), 1)).encode()
    assert server.send("/lineage", body) == 201
    found = []
    for _ in range(count):
        began = time.perf_counter()
        assert server.send("/lineage", body) == 200
        found.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    return found


def _disk(folder: Path, count: int) -> list[float]:
    """Milliseconds until a page is on the disk: nothing durable can be faster."""
    found = []
    with (folder / "floor").open("wb") as file:
        for number in range(count):
            file.seek(number % 50 * 4096)
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            found.append((time.perf_counter() - began) * 1000)
            time.sleep(0.01)
    return found


def _both(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.1f}, {sorted(times)[int(len(times) * 0.95)]:.1f}"


def _killed(bodies: Sequence[bytes]) -> tuple[int, int]:
    """Events that were acknowledged and are not in the file after kill -9, and how many were acknowledged."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        server = Server(home)
        acknowledged = 0
        pick = random.Random(20261126)
        for body in bodies[: pick.randint(2, 5)]:
            assert server.send("/lineage/batch", body) == 200
            acknowledged += len(json.loads(body))
        server.stop(signal.SIGKILL)
        with sqlite3.connect(home / "lineage.db") as connection:
            (kept,) = connection.execute("SELECT count(*) FROM event").fetchone()
    return acknowledged - kept, acknowledged
