"""Statements and who ran them, as values: what the usage store keeps, and what everything in this folder is made from.

Journey 3, the far end of the facts: facts → statements → counts inside a scope → recommendations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.common.model.names import AssetId, DatasetName
from services.common.model.usage import ColumnUse, JoinFact

NO_DAY = 0
"""Stands for a day that no log tells; days are `date.toordinal` in UTC."""

PERSON = 1.0
"""The weight of a user who does not behave as a program does; whoever weighs less is not counted among people."""


@dataclass(frozen=True, slots=True)
class Run:
    """Somebody ran a statement on one day: `user` is empty where nobody says who, `weight` is low for programs."""

    day: int
    user: str
    count: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with all its runs. `source` names the log that it came from."""

    fingerprint: str
    source: str
    reads: tuple[AssetId, ...]
    writes: tuple[AssetId, ...]
    joins: tuple[JoinFact, ...]
    uses: tuple[ColumnUse, ...]
    names: Mapping[AssetId, DatasetName]
    runs: tuple[Run, ...]

    @property
    def touched(self) -> frozenset[AssetId]:
        """Every table that it reads or writes."""
        return frozenset((*self.reads, *self.writes))

    @property
    def count(self) -> int:
        """How often it ran."""
        return sum(run.count for run in self.runs)

    @property
    def last(self) -> int:
        """The last day that a log tells of, or `NO_DAY`."""
        return max((run.day for run in self.runs), default=NO_DAY)

    @property
    def users(self) -> frozenset[str]:
        """The people who ran it, as far as logs say."""
        return frozenset(run.user for run in self.runs if run.user and run.weight >= PERSON)

    @property
    def programs(self) -> frozenset[str]:
        """The users who ran it and behave as programs do."""
        return frozenset(run.user for run in self.runs if run.user and run.weight < PERSON)

    @property
    def weight(self) -> float:
        """0 to 1: that of the person who ran it, the highest of several."""
        return max((run.weight for run in self.runs), default=1.0)


def reweighted(statements: Sequence[Statement], programs: Mapping[str, float]) -> tuple[Statement, ...]:
    """The same with the weights of users as they are known now: who is in `programs` behaves as a program, others as people."""

    def run_of(run: Run) -> Run:
        weight = programs.get(run.user, 1.0)
        return run if run.weight == weight else replace(run, weight=weight)

    return tuple(replace(one, runs=tuple(map(run_of, one.runs))) for one in statements)
