"""Used together as a running thing: follows the statement facts, keeps what recommendations are read from, learns weights.

Implements the port `Recommendations`. One thread follows and makes readings ready; any thread answers from the last one.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from services.common.errors import HeadwaterError
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.names import AssetId, Namespaces
from services.common.model.related import (
    AssetUsage,
    RecentQuery,
    RecentTable,
    RelatedAnswer,
    RelatedQuery,
    SimilarItem,
    Unused,
)
from services.common.model.usage import NO_FACTS, FactSeq, LogWindow
from services.common.ports import StatementFacts
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.indexer.index.snapshot import Snapshot
from services.indexer.usage import store
from services.indexer.usage.basket import basket_of
from services.indexer.usage.facts import unused_of, usage_of
from services.indexer.usage.known import Known, known_of
from services.indexer.usage.learn import asked_of, model_of
from services.indexer.usage.popular import Uses
from services.indexer.usage.popular_file import PopularFile
from services.indexer.usage.reading import Reading, reading_of
from services.indexer.usage.recent import recent_of
from services.indexer.usage.recommend import items, rank
from services.indexer.usage.similar import similar_to
from services.indexer.usage.statements import Statement, reweighted
from services.indexer.usage.weights import Model, read_weights, shipped, write_weights

MAX_SCOPES = 32
"""Readings kept, the ones asked for last: each is some megabytes for 100,000 tables."""
MAX_ANSWERS = 1_000
"""Answers of a state kept, the ones asked for last: some tens of kilobytes each."""
SHORT = 20_000
"""Runs of a log that the first question reads itself, in tenths of a second; of a longer one the thread that follows it."""
PAGE = 1_000
POLL_S = 1.0
RETRY_S = 30.0
"""After what nobody expected."""
REST = 10.0
"""After making everything anew, so many times as long as it took nothing is made anew again."""
GROWTH = 0.1
"""Weights are learned again when the log has grown by this share."""
ENOUGH = 30
"""Questions below which a home's log teaches no weights."""
WEIGHTS_FILE = "index/used-together.json"
POPULAR_FILE = "index/popular.json"
_log = get_logger("usage")


@dataclass(frozen=True, eq=False)
class State:
    """What was known at one moment, and the readings of it by scope."""

    known: Known
    statements: tuple[Statement, ...]
    seq: FactSeq
    label: str
    uses: Uses
    readings: OrderedDict[str, Reading] = field(default_factory=OrderedDict)
    making: dict[str, threading.Lock] = field(default_factory=dict)
    popular: dict[str, Mapping[AssetId, float]] = field(default_factory=dict)
    answers: OrderedDict[RelatedQuery, RelatedAnswer] = field(default_factory=OrderedDict)


class Usage:
    """Implements `Recommendations`.

    Args:
        database: the indexer's; None where no log is read, as in a bundle: then everything is inferred.
        snapshot: the index as it is now.
        namespaces: whose sources own tables that only logs name.
        home: where learned weights are kept.
        min_people: pairs of tables that fewer distinct people have used together count as never used together.
        users: what logs keep of a caller's name; None where they keep nothing.
        may_begin: whether a thread may make everything where no log tells anything, given since when it waits (monotonic, s):
            seconds of work that no search waits for.

    Attributes:
        caught_up: set once the facts were followed to their head, where a thread follows them.

    """

    def __init__(
        self,
        database: Database | None,
        snapshot: Callable[[], Snapshot],
        namespaces: Callable[[], Namespaces],
        *,
        home: Path,
        min_people: int = 1,
        users: Callable[[str], str | None] = lambda _name: None,
        may_begin: Callable[[float], bool] = lambda _since: True,
    ) -> None:
        self._database = database
        self._snapshot = snapshot
        self._namespaces = namespaces
        self._file = home / WEIGHTS_FILE
        self._popular_file = PopularFile(home / POPULAR_FILE)
        self._min_people = min_people
        self._users = users
        self._may_begin = may_begin
        self._weights: Model | None = read_weights(self._file)
        self._learned_at = 0
        self._follows = self._catches_up = False
        self._seen_without = False  # whether the thread that follows the facts has just found none
        self.caught_up = threading.Event()
        self._windows: tuple[LogWindow, ...] = ()
        self._programs: dict[str, float] = {}
        self._weigh: Callable[[], Mapping[str, float]] | None = None
        self._weighed_at: FactSeq | None = None
        self._state: State | None = None
        self._made_at, self._took_s = 0.0, 0.0
        self._lock, self._making = threading.Lock(), threading.Lock()

    def related(self, query: RelatedQuery) -> RelatedAnswer:
        """See `Recommendations.related`."""
        state = self._standing()
        with self._lock:
            found = state.answers.get(query)
            if found is not None:
                state.answers.move_to_end(query)
                return found
        reading = self._reading(query.scope, state)
        basket = basket_of(reading, query.assets, query.names)
        ranked = rank(reading, basket.rows, self._weights_for(query.scope), keep=basket.stand_ins)
        found = RelatedAnswer(tuple(items(reading, basket.rows, ranked, query.limit)), basket.unknown)
        with self._lock:
            state.answers[query] = found
            while len(state.answers) > MAX_ANSWERS:
                state.answers.popitem(last=False)
        return found

    def usage(self, asset: AssetId, scope: AccessScope) -> AssetUsage | None:
        """See `Recommendations.usage`."""
        return usage_of(self._reading(scope), asset)

    def similar(self, asset: AssetId, scope: AccessScope, *, limit: int) -> Sequence[SimilarItem]:
        """See `Recommendations.similar`."""
        return tuple(similar_to(self._reading(scope), asset, limit))

    def recent(self, query: RecentQuery) -> Sequence[RecentTable]:
        """See `Recommendations.recent`."""
        user = query.person if query.as_kept else self._users(query.person)
        return tuple(recent_of(self._reading(query.scope), user, query.limit)) if user else ()

    def unused(self, scope: AccessScope, *, days: int) -> Sequence[Unused]:
        """See `Recommendations.unused`."""
        return unused_of(self._reading(scope), self._windows, dt.datetime.now(dt.UTC).date(), days)

    def popular(self, scope: AccessScope) -> Mapping[AssetId, float]:
        """How much each table is used inside a scope, 0 to 1, most first; nothing where no log was read. For the ranking.

        Where a thread follows a log that is not short, nothing until it has read it for the first time: no search waits for that.
        What another process worked out for the same log is taken as it is, as a command that asks one question does.
        """
        if self._state is None:
            if self._is_without_facts():
                return {}
            kept = self._popular_file.read(self._position()) if scope.is_full and self._catches_up else None
            if kept is not None:
                return kept
            if self._follows and self._is_long():
                return {}
        state = self._standing()
        found = state.popular.get(scope.key)
        if found is None:
            found = state.uses.popular(state.known.permitted(scope)) if state.statements else {}
            if scope.is_full and self._catches_up:
                self._popular_file.write(state.seq, found)
            with self._lock:
                if len(state.popular) >= MAX_SCOPES:
                    state.popular.clear()
                state.popular[scope.key] = found
        return found

    def catch_up(self, facts: StatementFacts) -> int:
        """Follow the facts to their head; how many were new. Safe beside another process that does the same."""
        new, database = 0, self._database
        if database is None:
            return 0
        self._catches_up = True
        self._windows = tuple(facts.windows())
        head = facts.head()
        if head != self._weighed_at:  # who behaves as a program is told by all runs: asked for only where there may be news
            self._weigh = facts.weights
            if self._follows:  # here another process may not answer, for which no question should wait
                self._weigh_users()
            self._weighed_at = head
        while True:
            with database.read() as connection:
                at = store.position(connection)
            if facts.head() < at:  # the lineage store was made anew
                with database.write() as connection:
                    store.forget(connection)
                self._popular_file.forget()
                continue
            page = facts.after(at, limit=PAGE)
            self._seen_without = self._follows and page.upto == at == NO_FACTS
            if page.upto == at:
                return new
            with database.write() as connection:
                if store.move(connection, at, page.upto):
                    store.add(connection, page.facts)
                    new += len(page.facts)

    def _weigh_users(self) -> None:
        if self._weigh is not None:
            self._programs = dict(self._weigh())
            self._weigh = None

    def count_programs(self, programs: Mapping[str, float]) -> None:
        """What a run of each user counts who behaves as a program, where no facts are followed: of a bundle."""
        self._programs = dict(programs)

    def refresh(self, *, learn: bool = True) -> None:
        """Make everything anew from the index and the usage store as they are, and learn where there is more to learn from."""
        begun = time.monotonic()
        state = self._new_state()
        if learn:
            self._learn(state)
        reading = reading_of(state.known, state.statements, FULL_SCOPE, min_people=self._min_people)
        state.readings[FULL_SCOPE.key] = _ready(reading)
        self._state = state
        self._made_at = time.monotonic()
        self._took_s = self._made_at - begun

    def _new_state(self) -> State:
        self._weigh_users()
        seq, statements = self._kept()
        snapshot = self._snapshot()
        statements = reweighted(statements, self._programs)
        known = known_of(snapshot, statements, self._namespaces())
        return State(known, statements, seq, snapshot.label, Uses.of(known, statements))

    def run_until(self, stop: threading.Event, facts: StatementFacts) -> None:
        """Follow and refresh, at a bounded rate, until `stop` is set."""
        self._follows = True
        while not stop.is_set():
            pause_s = POLL_S
            try:
                self.catch_up(facts)
                self.caught_up.set()
                if self._is_stale() and self._has_rested():
                    self.refresh()
            except HeadwaterError as error:
                _log.warning("usage waits", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - a thread's edge: the next try may work
                # the message may hold names and parts of statements; where it happened does not
                where = traceback.format_tb(error.__traceback__)[-3:]
                _log.error("following usage failed", error=type(error).__name__, at=where)
                pause_s = RETRY_S
            stop.wait(pause_s)

    def _has_rested(self) -> bool:
        """Whether everything may be made anew: once there is an index, not too often, and without a log between questions."""
        if not self._snapshot().n_tables:
            return False
        state = self._state
        if state is not None and not (self._made_at and state.known.snapshot.n_tables):
            return True
        if self._is_without_facts() and not self._may_begin(self._made_at):
            return False
        return state is None or time.monotonic() - self._made_at >= REST * self._took_s

    def _kept(self) -> tuple[FactSeq, tuple[Statement, ...]]:
        if self._database is None:
            return NO_FACTS, ()
        with self._database.read() as connection:
            return store.position(connection), store.read(connection)

    def _position(self) -> FactSeq:
        if self._database is None:
            return NO_FACTS
        with self._database.read() as connection:
            return store.position(connection)

    def _is_without_facts(self) -> bool:
        # every question asks: where a thread follows the facts, it is as it was when that looked
        return self._seen_without or self._position() == NO_FACTS

    def _is_long(self) -> bool:
        if self._database is None:
            return False
        with self._database.read() as connection:
            return store.is_longer(connection, SHORT)

    def _is_stale(self) -> bool:
        if self._database is None:
            return self._state is None
        with self._database.read() as connection:
            seq = store.position(connection)
        state = self._state
        # what a question made for itself has learned nothing yet
        return state is None or not self._made_at or state.seq != seq or state.label != self._snapshot().label

    def _standing(self) -> State:
        """What is known; made now where nobody has yet."""
        if self._state is not None:
            return self._state
        with self._making:  # of several first questions one makes it, and the others wait
            if self._state is None:
                self._state = self._new_state()
            return self._state

    def _reading(self, scope: AccessScope, state: State | None = None) -> Reading:
        state = self._standing() if state is None else state
        found = self._kept_reading(state, scope)
        if found is not None:
            return found
        with self._lock:
            making = state.making.setdefault(scope.key, threading.Lock())
        with making:  # who asks inside of another scope does not wait for it
            found = self._kept_reading(state, scope)
            if found is None:
                found = _ready(reading_of(state.known, state.statements, scope, min_people=self._min_people))
                with self._lock:
                    state.making.pop(scope.key, None)
                    state.readings[scope.key] = found
                    while len(state.readings) > MAX_SCOPES:
                        state.readings.popitem(last=False)
        return found

    def _kept_reading(self, state: State, scope: AccessScope) -> Reading | None:
        with self._lock:
            found = state.readings.get(scope.key)
            if found is not None:
                state.readings.move_to_end(scope.key)
            return found

    def _weights_for(self, scope: AccessScope) -> Model:
        # learned weights were moved by every statement: whoever is not shown all of them gets the shipped ones
        return self._weights if scope.is_full and self._weights is not None else shipped()

    def _learn(self, state: State) -> None:
        many = len(state.statements)
        if self._learned_at and many < self._learned_at * (1 + GROWTH):
            return
        found = asked_of(state.known, state.statements)
        self._learned_at = many
        if len(found) < ENOUGH:
            self._weights = None
            return
        self._weights = model_of(found, shipped())
        try:
            write_weights(self._file, self._weights, learned_from=len(found))
        except OSError as error:  # this process has them all the same
            _log.warning("the weights of used together cannot be kept", error=type(error).__name__, errno=error.errno)
        _log.info("weights of used together learned", questions=len(found), statements=many)


def _ready(reading: Reading) -> Reading:
    """Make now what the first question would wait for."""
    if len(reading.known):
        rank(reading, np.flatnonzero(reading.shown)[:1], shipped())
    return reading
