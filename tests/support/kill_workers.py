"""kill -9 of the leading one of several workers at one system call, by its ordinal: the server goes on, and gets well by itself.

The words and events are said to the leader, so that both what is acknowledged and what is indexed is written by the one that dies.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx2

from tests.support.commands import until
from tests.support.kill_points import (
    AFTER,
    WORD,
    Campaign,
    Look,
    Outcome,
    Point,
    edges_into,
    enumerate_points,
    found,
    is_ready,
    said_address,
    seen,
    talk,
    tracer,
    where,
)
from tests.support.workers import leader_of, workers_of
from tests.support.zygote import Fork

WORKERS = 2
ASKED = 6
"""Connections over which each look is made: any worker may take them, and all of them must see it."""


@dataclass
class WorkersCampaign(Campaign):
    """Kills of leaders over one scene; see `Campaign`."""

    def points_of_leader(self) -> list[Point]:
        """Every call of a leader that is told words and sent events."""
        with self.scene.copy(self.scene.after) as home, self._workers(home) as fork:
            leader = _led(fork, home)
            self._told(fork, home, leader, None)
            return enumerate_points(home.parent / "trace", home)

    def kill_leader(self, point: Point) -> Outcome:
        """Tell the leader words and events until it dies at the point; then the server is looked at as it goes on."""
        with self.scene.copy(self.scene.after) as home:
            with self._workers(home) as fork:
                leader = _led(fork, home)
                kept = self._told(fork, home, leader, point)
                if "killed by SIGKILL" not in (home.parent / "trace").read_text(encoding="utf-8", errors="replace"):
                    return Outcome(point, reached=False)
                outcome = Outcome(point, True, where(home.parent / "trace"), len(kept))
                outcome = self._after(fork, home, leader, kept, outcome)
                os.kill(fork.pid, signal.SIGTERM)
                code = self.zygote.wait(fork)
            wrong = [*outcome.wrong, *([f"the server ended with {code}"] if code else []), *self._verified(home)]
            if "is stuck" in fork.said.read_text(encoding="utf-8"):
                wrong.append("a worker ended itself")
            return replace(outcome, wrong=tuple(wrong))

    @contextmanager
    def _workers(self, home: Path) -> Iterator[Fork]:
        arguments = ("serve", "--workers", str(WORKERS), "--port", "0")
        fork = self.zygote.fork(*arguments, home=home, said=home.parent / "served")
        try:
            yield fork
        finally:
            with suppress(OSError):  # it has ended as it was told, and was waited for
                for process in (*workers_of(fork.pid), fork.pid):
                    os.kill(process, signal.SIGKILL)
                self.zygote.wait(fork)

    def _told(self, fork: Fork, home: Path, leader: int, point: Point | None) -> list[Look]:
        """What was acknowledged of all that was said to the leader while it was traced."""
        kept: list[Look] = []
        others = [worker for worker in workers_of(fork.pid) if worker != leader]
        with httpx2.Client(base_url=said_address(fork), timeout=30, trust_env=False) as client:
            for other in others:
                os.kill(other, signal.SIGSTOP)
            try:
                is_ready(client)  # over the connection that all of it is said over
            finally:
                for other in others:
                    os.kill(other, signal.SIGCONT)
            traced = tracer(Fork(leader, fork.said), home.parent / "trace", point, self.effect, resume=False)
            with traced, suppress(httpx2.HTTPError):
                talk(client, kept)
        return kept

    def _after(self, fork: Fork, home: Path, leader: int, kept: Sequence[Look], outcome: Outcome) -> Outcome:
        """The other one answers, somebody leads again, and all that was acknowledged is seen by both."""
        begun = time.monotonic()
        wrong, lost = [], []
        close = {"Connection": "close"}  # each question may come to another worker
        with httpx2.Client(base_url=said_address(fork), timeout=30, trust_env=False, headers=close) as client:
            until(lambda: _is_ready(client) and leader_of(fork.pid, home) not in {None, leader}, "another leader")
            ready_s = time.monotonic() - begun
            until(lambda: len(workers_of(fork.pid)) == WORKERS and leader not in workers_of(fork.pid), "another worker")
            if {name for name, _ in found(client)} != {table["name"] for table in AFTER}:
                wrong.append(f"it shows {sorted(found(client))}")
            old = (
                lambda client: ("orders_3", WORD) in found(client),
                lambda client: "orders_1" in edges_into(client, "orders_4"),
            )
            for at, look in enumerate((*old, *kept)):
                if not seen(partial(_by_all, look, client)):
                    lost.append(f"acknowledgement {at}")
            wrong += self._crawled_again(home, client, settled=False)
        return replace(outcome, lost=tuple(lost), wrong=tuple(wrong), ready_s=ready_s, forked=True)


def _is_ready(client: httpx2.Client) -> bool:
    """Whether a worker answers so; one that a busy machine's supervisor has ended meanwhile does not."""
    with suppress(httpx2.HTTPError):
        return is_ready(client)
    return False


def _by_all(look: Look, client: httpx2.Client) -> bool:
    return all(look(client) for _ in range(ASKED))


def _led(fork: Fork, home: Path) -> int:
    """The leader of a server of which every worker answers."""
    with httpx2.Client(base_url=said_address(fork), timeout=30, trust_env=False) as client:
        until(lambda: _is_ready(client), "readiness")
    until(lambda: len(workers_of(fork.pid)) == WORKERS, "the workers")
    return until(lambda: leader_of(fork.pid, home), "a leader") or 0
