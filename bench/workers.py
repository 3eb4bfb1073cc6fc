"""Several workers over one home: memory after a thousand questions, what they share counted once, beside a server for each copy.

Run: `make bench ARGS="workers HOME DATA"`, with a home that `bench warehouse` made (or any with vectors). Each question is asked on a
connection of its own, so that every worker answers its share. Memory is PSS of the server and of all that it started; `data` is what
of it belongs to files of the home, which are mapped. The control is as many servers with one worker, each over a copy of the home.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx2

from bench.asked import MODEL, questions
from bench.report import machine, print_table
from bench.server import Server

WORKER_MB, ENCODER_MB = 130, 210
"""Wanted of a worker, and of an encoder in single precision in each of them."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bench workers")
    parser.add_argument("home", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--no-control", action="store_true", help="no copies of the home are made")
    given = parser.parse_args()
    home, texts = given.home.absolute(), questions(given.data, given.questions)
    with Server(home, model=given.model, workers=given.workers) as server:
        _ask([server], texts)
        ours = Memory([server], [home])
    print_table(["process", "PSS MB", "of it data", "of it libraries' files"], ours.rows)
    print()
    wanted = ours.data + given.workers * (WORKER_MB + ENCODER_MB)
    rows = [[f"one server, {given.workers} workers", ours.data, ours.total, f"{wanted:.0f}"]]
    if not given.no_control:
        with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, ExitStack() as servers:
            homes = [Path(shutil.copytree(home, Path(folder) / str(at))) for at in range(given.workers)]
            each = [servers.enter_context(Server(one, model=given.model)) for one in homes]
            _ask(each, texts)
            apart = Memory(each, homes)
        rows.append([f"control: {given.workers} servers, a copy each", apart.data, apart.total, ""])
    print_table(["what", "data MB", "PSS MB", "wanted at most"], rows)
    print(f"\n{len(texts)} questions, each asked once")
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def _ask(servers: Sequence[Server], texts: Iterable[str]) -> None:
    """Ask until every process has its vectors, then all questions in turn, each on a connection of its own."""
    for at, text in enumerate(texts):
        server = servers[at % len(servers)]
        url = str(server.client.base_url)
        with httpx2.Client(base_url=url, timeout=120, trust_env=False) as client:
            answer = client.get("/api/v1/search", params={"q": text, "limit": 10})
        assert answer.status_code == 200, answer.text


class Memory:
    """What the processes of some servers have in memory, in MB of PSS.

    Attributes:
        rows: a process each: its name, all of it, what belongs to files of the homes, and to other files.
        data, total: of all processes.

    """

    def __init__(self, servers: Sequence[Server], homes: Sequence[Path]) -> None:
        names = Counter[str]()
        self.rows: list[list[object]] = []
        self.data = self.total = 0.0
        for process in (one for server in servers for one in server.processes()):
            data, files, rest = _split(process, homes)
            name = _name(process)
            names[name] += 1
            self.rows.append([f"{name} {names[name]}", data + files + rest, data, files])
            self.data += data
            self.total += data + files + rest


def _split(process: int, homes: Sequence[Path]) -> tuple[float, float, float]:
    """PSS of the mapped files of some homes, of other files, and of the rest."""
    data = files = rest = 0
    path = ""
    for line in Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            path = line.split(maxsplit=5)[5] if len(line.split(maxsplit=5)) > 5 else ""
        elif line.startswith("Pss:"):
            size = int(line.split()[1])
            if any(path.startswith(f"{home}/") for home in homes):
                data += size
            elif path.startswith("/"):
                files += size
            else:
                rest += size
    return data / 1000, files / 1000, rest / 1000


def _name(process: int) -> str:
    command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    parent = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1]
    forked = "forkserver" in command and "forkserver" in Path(f"/proc/{parent}/cmdline").read_text(encoding="ascii")
    if "forkserver" in command:
        return "worker" if forked else "what workers are forks of"
    kinds = {"spawn_main": "worker", "resource_tracker": "multiprocessing's own", "services serve": "server"}
    return next((name for mark, name in kinds.items() if mark in command), "reader of SQL")


if __name__ == "__main__":
    main()
