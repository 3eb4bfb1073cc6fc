"""How fast lineage is read from SQL, beside its peers: a part of `bench lineage`, `--only speed`.

2,000 mixed statements, 30 % of them repeated. Every reader answers every statement, in turns of forty statements, so that what else
runs on the machine slows all of them alike; each reader's own processor time, its start and each dialect's first statement left out.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.report import print_table
from services.lineage.sql.script import Script

Answer = dict[str, Any]
Read = Callable[[Answer], Answer]
Alike = Callable[[Answer, Answer], bool]
TURN = 40
REPEATED = 0.3
WANTED = {"sqllineage": 20.0, "sqlglot": 0.5}
"""At least so many times our time; sqlglot may need half of it at the least."""


def mixed_statements(pool: Sequence[Answer], n: int) -> tuple[list[Answer], int]:
    """`n` statements in lots' order, the last `REPEATED` of them drawn from those before; and how many are different."""
    found = [
        {"id": str(at), "sql": one["sql"], "dialect": one["dialect"], "schema": one.get("schema")}
        for at, one in enumerate(pool)
    ]
    random.Random(5).shuffle(found)
    unique = list({_key(one): one for one in found}.values())[: round(n * (1 - REPEATED))]
    mixed = [*unique, *random.Random(6).choices(unique, k=n - len(unique))]
    random.Random(7).shuffle(mixed)
    return mixed, len(unique)


def _key(one: Answer) -> str:
    return Script(one["sql"], one["dialect"], one["schema"] or {}).sha256


class Peer:
    """A reader in a process of its own, one line in and one out."""

    def __init__(self, name: str, python: Path, script: Path, *words: str) -> None:
        self.name = name
        command = [str(python), str(script), *words]
        self._run = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __call__(self, one: Answer) -> Answer:
        """Its answer, with its own `seconds`."""
        assert self._run.stdin is not None
        assert self._run.stdout is not None
        print(json.dumps(one), file=self._run.stdin, flush=True)
        line = self._run.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended at statement {one['id']}")
        found: Answer = json.loads(line)
        return found

    def close(self) -> None:
        """Let it end."""
        assert self._run.stdin is not None
        self._run.stdin.close()
        self._run.wait(timeout=60)


@dataclass
class Tally:
    """What one reader took and found: seconds of every turn, for all statements and for those not met before."""

    all_s: list[float] = field(default_factory=list)
    unique_s: list[float] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Statements, each once, without an answer."""
        return sum("failed" in one for one in self.answers.values())

    @property
    def edges(self) -> int:
        """Edges between columns, of every statement once."""
        return sum(len({json.dumps(edge) for edge in one.get("columns", ())}) for one in self.answers.values())


def bench_speed(pool: Sequence[Answer], ours: Read, peers: Sequence[Peer], n: int, alike: Alike) -> None:
    """Print how long each reader takes, and that all of them read the same."""
    mixed, unique = mixed_statements(pool, n)
    for one in {one["dialect"]: one for one in reversed(mixed)}.values():
        for read in (ours, *peers):
            read(one)
    tallies = {name: Tally() for name in ("headwater", *(peer.name for peer in peers))}
    known: dict[str, Answer] = {}
    for turn, at in enumerate(range(0, n, TURN)):
        part = mixed[at : at + TURN]
        # who begins changes from turn to turn
        readers: list[str] = list(tallies)[:: 1 if turn % 2 else -1]
        for name in readers:
            if name == "headwater":
                _our_turn(part, ours, known, tallies[name])
            else:
                _their_turn(part, next(peer for peer in peers if peer.name == name), tallies[name])
    for peer in peers:
        peer.close()
    _print_times(tallies, unique, n)
    _print_work(tallies, alike)


def _our_turn(part: Sequence[Answer], ours: Read, known: dict[str, Answer], tally: Tally) -> None:
    """A statement that was met is known by its fingerprint, as it is in the service; that is timed too."""
    begun = time.process_time()
    unique_s = 0.0
    for one in part:
        key = _key(one)
        if key in known:
            continue
        first = time.process_time()
        known[key] = ours(one)
        took = time.process_time() - first
        unique_s += took
        tally.answers[one["id"]] = {**known[key], "seconds": took}
    tally.all_s.append(time.process_time() - begun)
    tally.unique_s.append(unique_s)


def _their_turn(part: Sequence[Answer], peer: Peer, tally: Tally) -> None:
    all_s = unique_s = 0.0
    for one in part:
        found = peer(one)
        all_s += found["seconds"]
        if one["id"] not in tally.answers:
            unique_s += found["seconds"]
            tally.answers[one["id"]] = found
    tally.all_s.append(all_s)
    tally.unique_s.append(unique_s)


def _print_times(tallies: Mapping[str, Tally], unique: int, n: int) -> None:
    own = tallies["headwater"]
    rows = []
    for name, tally in tallies.items():
        every, once = sum(tally.all_s) / sum(own.all_s), sum(tally.unique_s) / sum(own.unique_s)
        turns = statistics.median(_ratios(tally.unique_s, own.unique_s))
        rows.append(
            [
                f"{name} ({tally.failed} failed)",
                f"{sum(tally.all_s):.1f} s",
                f"{every:.1f}",
                f"{sum(tally.unique_s):.1f} s",
                f"{once:.2f}",
                f"{turns:.2f}",
            ]
        )
    heads = [f"{n:,} mixed", "× headwater", f"{unique:,} unique", "× headwater", "median of turns"]
    print_table(["reader", *heads], rows)
    for name, wanted in WANTED.items():
        if name in tallies:
            ratio = sum(tallies[name].unique_s) / sum(own.unique_s)
            print(
                f"{name}: {ratio:.2f} times our time on the unique ones, wanted {wanted:g}: {'met' if ratio >= wanted else 'NOT met'}"
            )


def _ratios(theirs: Sequence[float], own: Sequence[float]) -> Iterator[float]:
    return (one / other for one, other in zip(theirs, own, strict=True) if other > 0)


def _print_work(tallies: Mapping[str, Tally], alike: Alike) -> None:
    """What was found in the time, and the times on the statements of which a peer says just what we say: equal work.

    The control is how often its answer is ours of the statement after.
    """
    own = tallies["headwater"].answers
    after = dict(zip(own, [*list(own)[1:], next(iter(own))], strict=True))
    rows = []
    for name, tally in tallies.items():
        read = [id_ for id_, one in tally.answers.items() if "failed" not in one]
        equal = [id_ for id_ in read if alike(tally.answers[id_], own[id_])]
        control = sum(alike(tally.answers[id_], own[after[id_]]) for id_ in read)
        theirs, ours = (sum(one[id_]["seconds"] for id_ in equal) for one in (tally.answers, own))
        ratio = f"{theirs / ours:.2f}" if ours else "–"
        rows.append([name, len(read), tally.edges, len(equal), f"{control / max(1, len(read)):.1%}", ratio])
    heads = [
        "read",
        "edges between columns",
        "the same answer as ours",
        "control: as ours of the next",
        "× headwater on these",
    ]
    print_table(["reader", *heads], rows)
