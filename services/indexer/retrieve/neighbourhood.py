"""What a candidate's surroundings speak for it: tables that it is joined with by keys, and those beside it in its schema.

Journey 2, step "features". A question is often answered by several tables together, of which one alone shares few words
with it: the table that says the rest of the question, and the one that connects two others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.distinct import distinct
from services.indexer.retrieve.coverage import Coverage
from services.indexer.retrieve.view import View

MAX_DEGREE = 64
"""Tables with more keys than this bring no neighbours in as candidates: everything is joined with a calendar."""
SAYS = 0.15
"""From this share on a table says a word; below, being the best at it means nothing."""


@dataclass(frozen=True)
class Surroundings:
    """Numbers of each candidate, float64 (n,) each.

    Attributes:
        neighbour: by how much the best table that it is joined with stands out.
        bridge: by how much the second best does: it connects two tables that fit.
        adds: what it says of the question that a neighbour which stands out does not.
        together: the share of the question that it says with its neighbours, each word by whoever says it best.
        own: the share of the question that it says better than all its neighbours.
        container: the share of the question that the candidates of its schema say together; 0 where there is only one.

    """

    neighbour: NDArray[np.float64]
    bridge: NDArray[np.float64]
    adds: NDArray[np.float64]
    together: NDArray[np.float64]
    own: NDArray[np.float64]
    container: NDArray[np.float64]


def surroundings(view: View, tables: NDArray[np.int64], evidence: NDArray[np.float64], words: Coverage) -> Surroundings:
    """What the surroundings of some tables (ascending numbers of the view) speak for them.

    Args:
        view: where the keys are looked up.
        tables: the candidates.
        evidence: what speaks for each of them alone, float64 (n,).
        words: which words of the question they say.

    """
    n = len(tables)
    owner, other = _pairs(view, tables)
    standing = np.maximum(evidence - (float(evidence.mean()) if n else 0.0), 0.0)
    best, second = _two_best(owner, standing[other], n)
    around = words.said.copy()
    np.maximum.at(around.T, owner, words.said.T[other])
    leads = (words.said >= around) & (words.said > SAYS)
    adds = np.zeros(n)
    gain = words.of(np.maximum(words.said[:, owner] - words.said[:, other], 0.0)) * standing[other]
    np.maximum.at(adds, owner, gain)
    return Surroundings(
        neighbour=best,
        bridge=second,
        adds=adds,
        together=words.of(around),
        own=words.of(words.said * leads),
        container=_container(view, tables, words),
    )


def joined_with(view: View, tables: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tables that some tables are joined with by keys, hubs left aside; ascending, each once."""
    joins = view.joins
    found = [np.zeros(0, dtype=np.int64)]
    for table in tables.tolist():
        edges = joins.of(table)
        if len(edges) <= MAX_DEGREE:
            found.append(joins.other_end(edges, table))
    return distinct(found)


def _pairs(view: View, tables: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Candidates and their neighbours among the candidates, by position, each pair once, ascending."""
    near = view.joins.among(tables)
    n = max(len(tables), 1)
    pairs = distinct([near.owner * n + near.position])
    return pairs // n, pairs % n


def _two_best(
    owner: NDArray[np.int64], values: NDArray[np.float64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each owner's values the largest and the second largest, 0 where there is none."""
    best, second = np.zeros(n), np.zeros(n)
    order = np.lexsort((-values, owner))
    first = np.diff(owner[order], prepend=-1) > 0
    best[owner[order][first]] = values[order][first]
    after = np.zeros_like(first)
    after[1:] = first[:-1] & ~first[1:]
    second[owner[order][after]] = values[order][after]
    return best, second


def _container(view: View, tables: NDArray[np.int64], words: Coverage) -> NDArray[np.float64]:
    group, n = _grouped(view, tables)
    if n < 2:
        return np.zeros(len(tables))
    best = np.zeros((len(words.said), n))
    np.maximum.at(best.T, group, words.said.T)
    return words.of(best)[group]


def _grouped(view: View, tables: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The number of each table's schema, and how many schemas there are."""
    code: dict[tuple[str, ...], int] = {}
    group = np.zeros(len(tables), dtype=np.int64)
    for part in view.parts:
        here = (tables >= part.offset) & (tables < part.offset + len(part.segment))
        names, codes = part.segment.homes
        found, place = np.unique(codes[tables[here] - part.offset], return_inverse=True)
        numbers = [code.setdefault(names[at], len(code)) for at in found.tolist()]
        group[here] = np.asarray(numbers, dtype=np.int64)[place]
    return group, len(code)
