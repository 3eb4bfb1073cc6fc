"""A question answered: the ordered steps of journey 2 on the indexer's side, and nothing else.

scope and filters → view → words and vector → candidates → rank → page, facets, answerable.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from services.common.errors import ModelUnavailable
from services.common.model.access import AccessScope
from services.common.model.assets import Kind
from services.common.model.names import AssetId
from services.common.model.search import AnswerSet, Correction, IndexStatus, Mode, SearchAnswer, SearchQuery, Suggestion
from services.common.model.vocabulary import Proposal
from services.common.runtime.cursors import OF_ANOTHER, cursor_of, refused, values_of
from services.indexer.embed.encoder import Encoder
from services.indexer.index.snapshot import Snapshot
from services.indexer.retrieve import encoding, expansion
from services.indexer.retrieve.answer_set import answer_set
from services.indexer.retrieve.browse import browse
from services.indexer.retrieve.candidates import DEPTH, USUAL, depth_for
from services.indexer.retrieve.columns import column_hits
from services.indexer.retrieve.facets import count_facets
from services.indexer.retrieve.features import Candidates
from services.indexer.retrieve.fold import folded
from services.indexer.retrieve.found import Found
from services.indexer.retrieve.learned import learned
from services.indexer.retrieve.pinned import PinnedPopularity
from services.indexer.retrieve.question import Question
from services.indexer.retrieve.rank import Ranker, shipped_ranker
from services.indexer.retrieve.remembered import Answers
from services.indexer.retrieve.spans import SpanVectors
from services.indexer.retrieve.suggest import most_used, suggestions
from services.indexer.retrieve.tables import candidates_of, table_hits
from services.indexer.retrieve.view import View, view_of
from services.indexer.retrieve.where import asks_for_columns, depends_on_day
from services.indexer.text.document import Record

KEPT_SNAPSHOTS = 16
"""Snapshots that cursors may still point at: paging stays with what the first page was read from, as `pinned` does for use."""
KEPT_VIEWS = 64
"""Views of the current snapshot that are remembered: one a scope and filter in use."""


class Retriever:
    """Implements the `Search` port over this process's snapshot.

    Args:
        snapshot: gives the current snapshot.
        encoder: gives the query encoder that belongs to a snapshot, None while there is none.
        status: gives how far the index is.
        ranker: gives the weights in use.
        popular: gives how much each table is used inside a scope, 0 to 1, most first.

    Attributes:
        answered_at: when a question was last answered, by the monotonic clock in s; 0 before the first.

    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        encoder: Callable[[Snapshot], Encoder | None],
        status: Callable[[], IndexStatus],
        ranker: Callable[[], Ranker] = shipped_ranker,
        popular: Callable[[AccessScope], Mapping[AssetId, float]] = lambda _scope: {},
    ) -> None:
        self._snapshot = snapshot
        self._encoder = encoder
        self._status = status
        self._ranker = ranker
        self._popular = popular
        self._pinned = PinnedPopularity(popular)
        self._spans = SpanVectors()
        self._answers = Answers()
        self._pool = ThreadPoolExecutor(encoding.AT_ONCE, thread_name_prefix="encode")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._views: OrderedDict[tuple[object, ...], View] = OrderedDict()
        self._viewed: Snapshot | None = None
        self.answered_at = 0.0

    def search(self, query: SearchQuery) -> SearchAnswer:
        """See `Search.search`."""
        state, digest, depth, offset = _read_cursor(query)
        snapshot = self._snapshot_for(state)
        used: Mapping[AssetId, float] = {}
        if query.text.strip():
            used, digest = self._pinned.of(query.scope, digest)
        asked = self._asked(query, snapshot, digest, depth, offset)
        answer = self._answers.get(snapshot, asked)
        if answer is None:
            answer = self._answered(query, snapshot, used, (digest, depth), offset)
            # of an older snapshot only pages are read, each once; a model that is missing may be back with the next question
            if snapshot is self._snapshot() and "model_missing" not in answer.degraded:
                self._answers.keep(snapshot, asked, answer)
        if snapshot.n_tables:
            self.answered_at = time.monotonic()
        return answer

    def _asked(self, query: SearchQuery, snapshot: Snapshot, digest: str, depth: int, offset: int) -> Hashable:
        """All that an answer depends on besides its snapshot; the scope, the filters and people's vocabulary are in the query."""
        encoder = self._encoder(snapshot)
        model = encoder.model_id if encoder is not None else None
        ranker = self._ranker()
        return replace(query, cursor=None), offset, digest, depth, _day(query), ranker.id, ranker.model, model

    def _answered(
        self, query: SearchQuery, snapshot: Snapshot, used: Mapping[AssetId, float], pinned: tuple[str, int], offset: int
    ) -> SearchAnswer:
        digest, depth = pinned
        view = self._view(snapshot, query)
        degraded: list[str] = []
        kinds = _kinds(query)
        together = AnswerSet() if query.answer_set else None
        corrections: tuple[Correction, ...] = ()
        also: tuple[str, ...] = ()
        if not query.text.strip():
            found = browse(view, kinds)
            mode = Mode.LEXICAL if self._encoder(snapshot) is None else Mode.HYBRID
        else:
            question = replace(self._understood(query, snapshot, view, degraded), popular=used, depth=depth)
            found = _found(view, question, lambda asked: self._ranker_for(asked, snapshot), kinds)
            mode = Mode.LEXICAL if question.vector is None else Mode.HYBRID
            corrections, also = question.corrections, question.also
            if question.failed:
                degraded.append("model_missing")
            if query.answer_set and Kind.COLUMN not in kinds:
                together = answer_set(view, question, found)
        if query.fold:
            found = folded(view, found)
        done, every = view.coverage
        if mode is Mode.HYBRID and done < every:
            degraded.append("vectors_pending")
        page = found.order[offset : offset + query.limit]
        more = offset + query.limit < len(found.order)
        return SearchAnswer(
            mode=mode,
            degraded=tuple(degraded),
            answerable=round(found.answerable, 4),
            generation=snapshot.label,
            total=found.matched.total,
            hits=tuple(found.hit(position) for position in page.tolist()),
            facets=count_facets(found.matched.parts(view)),
            cursor=_write_cursor(f"{_state(snapshot)}~{digest}~{depth}", offset + query.limit, query) if more else None,
            coverage=round(done / every, 4) if every else 1.0,
            offset=offset,
            answer_set=together,
            corrections=corrections,
            also_called=also,
        )

    def candidates(self, query: SearchQuery) -> tuple[list[Record], Candidates]:
        """The tables that a question's answer is ranked from, with their features: what `headwater train-ranker` learns from.

        Raises:
            ModelUnavailable: there is no encoder.

        """
        snapshot = self._snapshot()
        view = self._view(snapshot, query)
        degraded: list[str] = []
        question = self._understood(query, snapshot, view, degraded)
        if question.vector is None:
            raise ModelUnavailable("Training needs a model and the tables' vectors; `headwater doctor` says what is missing")
        found = candidates_of(view, question)
        return view.records(found.tables), found

    def suggest(self, prefix: str, scope: AccessScope, *, limit: int = 8) -> Sequence[Suggestion]:
        """See `Search.suggest`."""
        view = self._view(self._snapshot(), SearchQuery("", scope))
        return suggestions(view, prefix, limit=limit, used=most_used(view, self._popular(scope)))

    def vocabulary(self, scope: AccessScope) -> Sequence[Proposal]:
        """See `Search.vocabulary`."""
        view = self._view(self._snapshot(), SearchQuery("", scope))
        return tuple(
            Proposal(one.short, one.meaning, one.texts, round(one.confidence, 4)) for _, one in sorted(learned(view).items())
        )

    def status(self) -> IndexStatus:
        """See `Search.status`."""
        return self._status()

    def _understood(self, query: SearchQuery, snapshot: Snapshot, view: View, degraded: list[str]) -> Question:
        encoder = self._encoder(snapshot)
        done, every = view.coverage
        begun = encoding.begin(self._pool, encoder, query.text) if encoder is not None and (done or not every) else None
        # what teaches short forms is all that the caller may see, not only what passes the filters
        known = expansion.understood(self._view(snapshot, SearchQuery("", query.scope)), query.text, query.vocabulary)
        words = Question(query.text, known.terms, known.alternatives, known.text, known.misspelt)
        if encoder is None or begun is None:
            degraded.append("model_missing" if encoder is None else "vectors_pending")
            return words
        vectors = encoding.Encoding(self._pool, encoder, known.text, known.spelled_out, self._spans, begun)
        return replace(words, encoding=vectors)

    def _ranker_for(self, question: Question, snapshot: Snapshot) -> Ranker:
        encoder = self._encoder(snapshot)
        return self._ranker().beside(encoder.model_id if encoder is not None and question.vector is not None else None)

    def _snapshot_for(self, state: str | None) -> Snapshot:
        current = self._snapshot()
        now = _state(current)
        with self._lock:
            self._kept[now] = current
            self._kept.move_to_end(now)
            while len(self._kept) > KEPT_SNAPSHOTS:
                self._kept.popitem(last=False)
            # a cursor older than what is kept goes on in the current snapshot, which the answer's generation shows
            return self._kept.get(state, current) if state else current

    def _view(self, snapshot: Snapshot, query: SearchQuery) -> View:
        key = (query.scope.key, query.filters, query.where, _day(query))
        with self._lock:
            if snapshot is self._snapshot() and snapshot is not self._viewed:
                # views hold the segments of their snapshot: those of an older one would keep them in memory
                self._viewed = snapshot
                self._views.clear()
            current = snapshot is self._viewed
            known = self._views.get(key) if current else None
            if known is not None:
                self._views.move_to_end(key)
                return known
        view = view_of(snapshot, query.scope, query.filters, query.where, dt.datetime.now(dt.UTC).date())
        with self._lock:
            if snapshot is self._viewed:
                self._views[key] = view
            while len(self._views) > KEPT_VIEWS:
                self._views.popitem(last=False)
        return view


def _found(view: View, question: Question, ranker_of: Callable[[Question], Ranker], kinds: tuple[Kind, ...]) -> Found:
    """Tables, columns, or both by score; without a kind all but columns."""
    columns = Kind.COLUMN in kinds
    tables = not columns or len(kinds) > 1
    pieces = []
    if tables:
        pieces.append(table_hits(view, question, ranker_of, kinds=kinds))
    if columns:
        pieces.append(column_hits(view, question.text, question.terms, question.alternatives, question.vector))
    return pieces[0] if len(pieces) == 1 else Found.merged(*pieces)


def _kinds(query: SearchQuery) -> tuple[Kind, ...]:
    """The kinds that are looked for; a condition on kinds is asked of tables and columns alike."""
    if query.filters.kind or not asks_for_columns(query.where):
        return query.filters.kind
    return tuple(Kind)


def _day(query: SearchQuery) -> dt.date | None:
    """Today where what fits depends on it."""
    return dt.datetime.now(dt.UTC).date() if depends_on_day(query.where) else None


def _state(snapshot: Snapshot) -> str:
    """What a cursor points at: vectors that came in move the order although the label stays."""
    return f"{snapshot.label}.{snapshot.coverage[0]}"


def _write_cursor(state: str, offset: int, query: SearchQuery) -> str:
    return cursor_of(state, offset, query.digest)


def _read_cursor(query: SearchQuery) -> tuple[str | None, str, int, int]:
    """The state of the index, the digest of popularity and the depth that a page stays with, and where it begins."""
    if query.cursor is None:
        return None, "", depth_for(query.limit), 0
    state, offset, digest = values_of(query.cursor, str, int, str)
    if digest != query.digest:
        raise refused(OF_ANOTHER)
    index, _, rest = state.partition("~")
    digest, _, known = rest.partition("~")
    # there are no others, whatever a cursor may say; one that says none was given by a version which always took all
    depth = DEPTH if known in ("", str(DEPTH)) else USUAL
    return index, digest, depth, offset
