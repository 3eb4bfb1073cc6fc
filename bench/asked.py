"""A home over HTTP: from the start to the first hybrid answer, a thousand questions each asked once, and memory after them.

Run: `make bench ARGS="asked HOME DATA"`, with a home that `bench warehouse` made. One server with one worker in a process of its own, asked from
this one, facets and ten whole hits in every answer. Questions are those of spider_union, spider2_lite and fiben, and of spider_train where these
are too few, in an order by lot; their tables are not in such a home, so that this says nothing of what is found. Beside the clock stands the
processor time that the server took for a question, on average, once what it does in the background after its start is done. Controls: the same questions again, which are then encoded no more (more
questions lie between than answers are remembered), and the bare round trip of a request that looks nothing up.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.report import machine, print_table
from bench.server import Server
from services.evaluation.judgements import read_judgements

MODEL = "all-MiniLM-L6-v2+headwater"
POOLS, MORE = ("spider_union", "spider2_lite", "fiben"), "spider_train"
IDLE_S, SETTLES_S = 4.0, 180.0
"""What a server does in the background begins after a pause of the questions; it is done when it then takes no processor time."""
LONGEST = 400
"""Letters of a question, as people ask: the longest ones of spider2_lite are whole pages."""
WANTED_MS = {"questions": (15, 40), "answer sets": (None, 80)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench asked")
    parser.add_argument("home", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--sets", type=int, default=300, help="further questions that ask for sets of tables")
    parser.add_argument("--model", default=MODEL)
    asked = parser.parse_args()
    texts = questions(asked.data, asked.questions + asked.sets + 20)
    warm, plain, sets = texts[:20], texts[20 : 20 + asked.questions], texts[20 + asked.questions :]
    began = time.perf_counter()
    with Server(asked.home, model=asked.model) as server:
        while _search(server, warm[0])["mode"] != "hybrid":
            time.sleep(0.05)
        ready_s = time.perf_counter() - began
        total = _search(server, warm[0])["total"]
        for text in warm[1:]:
            _search(server, text)
        behind_s = _settled(server)
        rows = [["start to the first hybrid answer", f"{ready_s:.1f} s", "", "", f"{total:,} tables match it"]]
        rows.append(["done in the background after it", "", "", f"{behind_s:.1f} s", ""])
        rows.append(_row("questions", *_timed(server, plain)))
        rows.append(_row("answer sets", *_timed(server, sets, answer="tables")))
        rows.append(["memory (PSS)", f"{server.memory_mb():,.0f} MB", "", "", f"after {len(texts):,} questions"])
        rows.append(_row("the question before, asked again at once", *_timed(server, plain[-300:], before=True)))
        rows.append(_row("control: the same questions again", *_timed(server, plain[:300])))
        rows.append(_row("control: a bare round trip", *_bare(server, 300)))
    print_table(["what", "p50", "p95", "processor", "note"], rows)
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def questions(data: Path, count: int) -> list[str]:
    """So many distinct questions."""
    dice = random.Random(20261126)
    texts = sorted(_texts(data, *POOLS))
    if len(texts) < count:
        more = sorted(_texts(data, MORE).difference(texts))
        texts += dice.sample(more, min(count - len(texts), len(more)))
    dice.shuffle(texts)
    assert len(texts) >= count, f"there are only {len(texts)} distinct questions"
    return texts[:count]


def _texts(data: Path, *pools: str) -> set[str]:
    files = [data / "retrieval" / f"{pool}.questions.jsonl.gz" for pool in pools]
    return {_plain(one.question) for file in files for one in read_judgements(file)}


def _plain(text: str) -> str:
    """Without signs that the search box reads as operators."""
    return " ".join("".join(one if one.isalnum() else " " for one in text)[:LONGEST].split())


def _search(server: Server, text: str, **more: Any) -> Any:
    answer = server.ask("/search", q=text, limit=10, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _settled(server: Server) -> float:
    """Wait until the server has nothing more to do; the processor time that it took meanwhile, in s."""
    began, first = time.monotonic(), server.processor_s()
    while True:
        before = server.processor_s()
        time.sleep(IDLE_S)
        after = server.processor_s()
        if after - before < IDLE_S / 20 or time.monotonic() - began > SETTLES_S:
            return after - first


def _timed(server: Server, texts: Iterable[str], *, before: bool = False, **more: Any) -> tuple[list[float], float, str]:
    """Seconds of each question on the clock, of all on the processor, and what to say of them; with `before`, of its repetition alone."""
    took, busy_s, hybrid, hits = [], 0.0, 0, 0
    for text in texts:
        if before:
            _search(server, text, **more)
        busy, began = server.processor_s(), time.perf_counter()
        found = _search(server, text, **more)
        took.append(time.perf_counter() - began)
        busy_s += server.processor_s() - busy
        hybrid += found["mode"] == "hybrid"
        hits += len(found["hits"])
    return took, busy_s, f"{hybrid:,} of {len(took):,} hybrid, {hits / len(took):.1f} hits each"


def _bare(server: Server, count: int) -> tuple[list[float], float, str]:
    took, busy = [], server.processor_s()
    for _ in range(count):
        began = time.perf_counter()
        server.client.get("/livez")
        took.append(time.perf_counter() - began)
    return took, server.processor_s() - busy, "/livez"


def _row(name: str, took: list[float], busy_s: float, note: str) -> list[str]:
    ordered = sorted(took)
    p50, p95 = ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.95)] * 1e3
    wanted = WANTED_MS.get(name)
    goal = "" if wanted is None else f"; wanted {' and '.join(str(one) for one in wanted if one)} ms"
    return [name, f"{p50:.1f} ms", f"{p95:.1f} ms", f"{busy_s / len(took) * 1e3:.1f} ms", note + goal]


if __name__ == "__main__":
    main()
