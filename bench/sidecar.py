"""A bundle's sidecar beside its centre: start to the first hybrid answer, memory after 1,000 questions, idle processor time.

Run: `make bench ARGS="sidecar DATA"`; `--work DIR` keeps the home and the bundle for the next run, `--tables`, `--model`, `--questions` change
the size. Tables are recombined from real ones (`bench.filtered`). Memory is PSS, so that what two processes share counts once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from bench.asked import questions as distinct_questions
from bench.filtered import MODEL, warehouse
from bench.report import machine, print_table
from services.common.model.assets import Asset

ROOT = Path(__file__).parents[1]
STARTS = 5
IDLE_S = 20.0
PATIENCE_S = 300.0


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as temporary:
        work = (given.work or Path(temporary)).absolute()
        _prepare(work, given.data, given.tables, given.model)
        print_table(["what", "value"], _helped())
        print()
        questions = distinct_questions(given.data, given.questions)
        env = _environment(given.model)
        centre = ["serve", "--home", str(work / "home")]
        alone = ["serve", "--role", "sidecar", "--bundle", str(work / "bundle"), "--home", str(work / "nowhere")]
        rows = [_measured(name, command, env, questions) for name, command in (("sidecar", alone), ("role all", centre))]
        print_table(
            ["process", "start to first hybrid answer, median s", "worst s", "PSS MB", "p50 ms", "p95 ms", "idle CPU %"],
            rows,
        )
        print()
        print_table(["two sidecars of one bundle", "PSS MB"], _together(alone, env, questions[:200]))
        told = json.loads(_headwater(["bundle", "verify", str(work / "bundle"), "--json"], env))
        print(f"\n{told['assets']} assets, {told['bytes'] / 1e6:.0f} MB in {told['files']} files; model {told['model']}")
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def _prepare(work: Path, data: Path, n: int, model: str) -> None:
    """A home of n tables and a bundle of it, unless they are there."""
    if (work / "bundle" / "bundle.json").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    lines = work / "warehouse.jsonl"
    lines.write_text("".join(json.dumps(_line(asset)) + "\n" for asset in warehouse(data, n)), encoding="utf-8")
    env = _environment(model)
    _headwater(["crawl", f"metadata://{lines}", "--home", str(work / "home")], env)
    _headwater(["bundle", "export", str(work / "bundle"), "--home", str(work / "home")], env)


def _line(asset: Asset) -> dict[str, object]:
    database, schema, name = asset.name.parts
    columns = [{"name": c.name, "description": c.description} for c in asset.columns]
    line = {"database": database, "schema": schema, "name": name, "columns": columns}
    return line | ({"description": asset.description} if asset.description else {})


def _environment(model: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "HEADWATER_MODEL": model,
        "HEADWATER_THREADS": "1",
        "HEADWATER_SEARCH_LOG": "off",
    }


def _headwater(arguments: Sequence[str], env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "services", *arguments]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout


def _helped() -> list[list[object]]:
    took = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        _headwater(["--help"], dict(os.environ) | {"PYTHONPATH": str(ROOT)})
        took.append(time.perf_counter() - begun)
    return [["headwater --help, median s", statistics.median(took)]]


@contextmanager
def _serving(command: Sequence[str], env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client, float]]:
    """A server, a client of it, and the seconds from its start to its first answer by meaning."""
    # the client is made before: what it needs of its own is no part of the server's start
    with tempfile.NamedTemporaryFile(mode="r", suffix=".log") as log, httpx2.Client(trust_env=False, timeout=60) as client:
        begun = time.perf_counter()
        with Path(log.name).open("wb") as out:
            whole = [sys.executable, "-m", "services", *command, "--port", "0"]
            process = subprocess.Popen(whole, env=env, stdout=out, stderr=out)
        try:
            client.base_url = httpx2.URL(_address(process, Path(log.name)))
            while not _answers(client):
                time.sleep(0.01)
                assert time.perf_counter() < begun + PATIENCE_S, "the server never answered by meaning"
            yield process, client, time.perf_counter() - begun
        finally:
            process.terminate()
            process.wait(60)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < until:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        found = re.search(r"^serving \(\w+\) at (\S+)$", log.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
        time.sleep(0.005)
    raise AssertionError("the server said no address")


def _answers(client: httpx2.Client) -> bool:
    """Whether everything is found, by meaning too, and a question has hits."""
    if client.get("/readyz").status_code != 200:
        return False
    told = client.get("/api/v1/search", params={"q": "customers and their orders", "limit": 3}).json()
    return told["mode"] == "hybrid" and not told["degraded"] and bool(told["hits"])


def _measured(name: str, command: Sequence[str], env: dict[str, str], questions: Sequence[str]) -> list[object]:
    starts = []
    for _ in range(STARTS - 1):
        with _serving(command, env) as (_, _, took_s):
            starts.append(took_s)
    with _serving(command, env) as (process, client, took_s):
        starts.append(took_s)
        times = sorted(_asked(client, question) for question in questions)
        pss = _pss_mb(process.pid)
        before = _cpu_s(process.pid)
        time.sleep(IDLE_S)
        idle = 100 * (_cpu_s(process.pid) - before) / IDLE_S
    p50, p95 = (1000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.95))
    return [name, statistics.median(starts), max(starts), pss, p50, p95, idle]


def _together(command: Sequence[str], env: dict[str, str], questions: Sequence[str]) -> list[list[object]]:
    with _serving(command, env) as (one, first, _), _serving(command, env) as (other, second, _):
        for question in questions:
            _asked(first, question)
            _asked(second, question)
        return [["first", _pss_mb(one.pid)], ["second", _pss_mb(other.pid)]]


def _asked(client: httpx2.Client, question: str) -> float:
    begun = time.perf_counter()
    answer = client.get("/api/v1/search", params={"q": question, "limit": 10})
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - begun


def _pss_mb(process: int) -> float:
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1000


def _cpu_s(process: int) -> float:
    user, system = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
