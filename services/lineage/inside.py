"""The graph as one scope shows it: which datasets are there, and which sets of guards are met. Decided when asked, and kept.

Journey 3, step "answer". What is hidden is left out before anything is counted, and nothing is reached through it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import AccessScope, chooser, chooser_below
from services.common.model.names import ScopePath
from services.lineage.csr import Adjacency, Bools, Permit
from services.lineage.csr import Nodes as Numbers
from services.lineage.nodes import Nodes

SCOPES = 32
"""Scopes whose decisions a snapshot keeps: two bytes a dataset each, so at most 64 MB for a million datasets."""
_FIRST, _CHUNK = 4, 1_000
"""Neighbours that are looked at for many datasets at once, and of one at once that needs more: a hub may have any number."""
_UNKNOWN, _EACH = -1, 2


class Views:
    """The decisions of the scopes that were asked for last. Safe for threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[AccessScope, Inside] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, scope: AccessScope, make: Callable[[], Inside]) -> Inside:
        """The decisions of `scope`, made where nobody holds them."""
        with self._lock:
            found = self._held.get(scope)
            if found is None:
                found = self._held[scope] = make()
                if len(self._held) > SCOPES:
                    self._held.popitem(last=False)
            self._held.move_to_end(scope)
            return found


class Inside:
    """What a scope shows of a snapshot. Threads may decide the same dataset twice, to the same end.

    A dataset that only definitions name is shown where one of the edges that they give it is: without those
    nobody would know of it. One that is gone is shown where it has an edge: whether it was ever followed is chance.
    """

    def __init__(
        self,
        nodes: Nodes,
        out: Adjacency,
        into: Adjacency,
        guards: Sequence[tuple[ScopePath, ...]],
        scope: AccessScope,
    ) -> None:
        self.scope = scope
        self._may, self._may_below = chooser(scope), chooser_below(scope)
        self._nodes = nodes
        self._out = out
        self._into = into
        self._below = np.full(len(nodes.containers), _UNKNOWN, np.int8)
        self._permitted = np.full(len(nodes), _UNKNOWN, np.int8)
        self._shown = np.full(len(nodes), _UNKNOWN, np.int8)
        met = np.ones(len(guards), np.bool_)
        if not scope.is_full:
            met[:] = [all(map(scope.permits, paths)) for paths in guards]
        self.met: Bools | None = None if met.all() else met
        """Whether each set of guards is met; None where all are."""
        self._all_decided = False
        if scope.is_full:
            self._permitted[:] = 1
            self._shown[:] = nodes.known() | _any(out) | _any(into)
            self._all_decided = True

    def shows(self, nodes: Numbers) -> Bools:
        """For each of these datasets whether it exists as far as the scope goes."""
        shown = self._shown.take(nodes)
        unknown = nodes[shown < 0]
        if len(unknown):
            self._decide(unknown)
            shown = self._shown.take(nodes)
        return shown > 0

    def shows_one(self, node: int) -> bool:
        """Whether one dataset does."""
        return bool(self.shows(np.array([node], np.intp))[0])

    def hidden(self) -> Bools:
        """The datasets that are known to be hidden by now, to be passed over; a fresh array."""
        return np.equal(self._shown, 0)

    @property
    def permit(self) -> Permit | None:
        """Picks those that are shown; None where `hidden` has all that are not."""
        return None if self._all_decided else self.only

    def only(self, nodes: Numbers) -> Numbers:
        """Those of `nodes` that are shown."""
        chosen: Numbers = nodes[self.shows(nodes)]
        return chosen

    def beside(self, graph: Adjacency, node: int) -> Numbers:
        """What is shown next to `node` in one direction, along edges that are shown, ascending."""
        row = graph.row(node)
        ends = graph.indices[row]
        if self.met is not None and graph.guards is not None:
            ends = ends[self.met.take(graph.guards[row])]
        once = np.ones(len(ends), np.bool_)  # they ascend: numpy's `unique` would take ten times as long for a hub's
        np.not_equal(ends[1:], ends[:-1], out=once[1:])
        return self.only(ends[once].astype(np.intp))

    def _decide(self, nodes: Numbers) -> None:
        permitted = self._permits(nodes)
        self._shown[nodes[~permitted]] = 0
        known = permitted & self._nodes.known(nodes)
        self._shown[nodes[known]] = 1
        named = nodes[permitted & ~known]
        if len(named):
            shown = self._have_permitted(self._out, named)
            shown[~shown] = self._have_permitted(self._into, named[~shown])
            self._shown[named] = shown

    def _have_permitted(self, graph: Adjacency, nodes: Numbers) -> Bools:
        """For each of these whether an entry that is shown leads to a permitted dataset."""
        row = graph.indptr.take(nodes)[:, None] + np.arange(_FIRST)
        there = row < graph.indptr.take(nodes + 1)[:, None]
        found = np.zeros(row.shape, np.bool_)
        found[there] = self._leads_to_permitted(graph, row[there])
        having: Bools = np.logical_or.reduce(found, axis=1)
        for at in np.flatnonzero(~having & there[:, -1]).tolist():
            having[at] = self._has_permitted(graph, int(nodes[at]))
        return having

    def _has_permitted(self, graph: Adjacency, node: int) -> bool:
        row = graph.row(node)
        for begin in range(row.start + _FIRST, row.stop, _CHUNK):
            if self._leads_to_permitted(graph, np.arange(begin, min(row.stop, begin + _CHUNK))).any():
                return True
        return False

    def _leads_to_permitted(self, graph: Adjacency, places: Numbers) -> Bools:
        led: Bools = self._permits(graph.indices.take(places).astype(np.intp))
        if self.met is not None and graph.guards is not None:
            led &= self.met.take(graph.guards.take(places))
        return led

    def _permits(self, nodes: Numbers) -> Bools:
        permitted = self._permitted.take(nodes)
        unknown = nodes[permitted < 0]
        if len(unknown):
            self._permitted[unknown] = self._asked(unknown)
            permitted = self._permitted.take(nodes)
        chosen: Bools = np.greater(permitted, 0)
        return chosen

    def _asked(self, nodes: Numbers) -> NDArray[np.int8]:
        """Whether the scope permits each: most schemas it shows or hides as a whole, in the others every name is looked at."""
        within = self._nodes.within.take(nodes)
        permitted = self._below.take(within)
        if (permitted == _UNKNOWN).any():
            for container in np.flatnonzero(np.bincount(within[permitted == _UNKNOWN])).tolist():
                said = self._may_below(self._nodes.containers[container])
                self._below[container] = _EACH if said is None else said
            permitted = self._below.take(within)
        each = np.flatnonzero(permitted == _EACH)
        permitted[each] = [self._may(path) for path in self._nodes.paths_of(nodes[each])]
        return permitted


def _any(graph: Adjacency) -> Bools:
    return graph.indptr[1:] > graph.indptr[:-1]
