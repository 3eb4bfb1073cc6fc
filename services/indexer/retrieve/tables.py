"""Tables and views for a question: matches, candidates, rank, and each hit with its columns and reasons.

Journey 2, the main line.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.search import Hit
from services.indexer.retrieve.candidates import table_candidates
from services.indexer.retrieve.features import Candidates
from services.indexer.retrieve.found import Found, Matched
from services.indexer.retrieve.lexical import Matches, match_tables
from services.indexer.retrieve.names import Named, named_tables
from services.indexer.retrieve.rank import Ranked, rank, reasons
from services.indexer.retrieve.view import View
from services.indexer.text.tokens import tokens

COLUMN_COSINE = 0.35
"""A column is named in a hit from this cosine on: below it, unrelated column names of the open pools are as near."""
MAX_COLUMNS = 3
"""Columns named in a hit."""
DENSE_FLOOR = 0.2
"""A table matches a question by meaning alone from this cosine on; unrelated texts stay around 0.1."""


def table_hits(
    view: View, text: str, terms: tuple[str, ...], vector: NDArray[np.float32] | None, *, kinds: tuple[Kind, ...]
) -> Found:
    """The tables of a view for a question, ranked. `kinds` besides tables (`column`) do not count here."""
    matches = match_tables(view, terms)
    named = named_tables(view, text)
    candidates = table_candidates(view, matches, named, vector)
    wanted = {kind for kind in kinds if kind is not Kind.COLUMN}
    if wanted:
        candidates = candidates.only([view.record(table).kind in wanted for table in candidates.tables.tolist()])
    ids = [view.record(table).id for table in candidates.tables.tolist()]
    ranked = rank(candidates, [str(asset) for asset in ids])
    near = _near(candidates)
    order = ranked.order[near[ranked.order] | (matches.scores[candidates.tables[ranked.order]] > 0)]
    mask = matches.scores > 0
    mask[candidates.tables[near]] = True
    return Found(
        order=order,
        scores=ranked.scores,
        keys=[str(asset) for asset in ids],
        matched=Matched(mask, int(mask.sum())),
        hit=lambda position: _hit(view, candidates, ranked, position, terms, named),
        answerable=_answerable(candidates, order, matches, named),
    )


def _near(candidates: Candidates) -> NDArray[np.bool_]:
    """Which candidates match by their name or their meaning, words aside."""
    by_name = candidates.features[:, :3].any(axis=1) if len(candidates.tables) else np.zeros(0, dtype=np.bool_)
    if candidates.best is None:
        return np.asarray(by_name, dtype=np.bool_)
    return np.asarray(by_name | (np.maximum(candidates.cosines, candidates.best.mean) >= DENSE_FLOOR), dtype=np.bool_)


def _hit(view: View, candidates: Candidates, ranked: Ranked, position: int, terms: tuple[str, ...], named: Named) -> Hit:
    table = int(candidates.tables[position])
    record = view.record(table)
    columns = _columns(view, candidates, position, terms)
    if table in named.column:
        columns = tuple(dict.fromkeys((named.column[table], *columns)))
    words = tuple(term for term in terms if _has(view, table, term))
    return Hit(
        id=record.id,
        asset=record.id,
        kind=record.kind,
        score=float(ranked.scores[position]),
        why=reasons(ranked.contributions[position], words, columns),
        columns=columns,
    )


def _columns(view: View, candidates: Candidates, position: int, terms: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that speak for a table: those sharing a word with the question, then those near in meaning."""
    table = int(candidates.tables[position])
    part, row = view.locate(table)
    record = part.segment.records[row]
    wanted = set(terms)
    sharing = [
        name
        for name, hidden in zip(record.columns, record.restricted, strict=True)
        if not hidden and wanted.intersection(tokens(name))
    ]
    near: list[str] = []
    if candidates.best is not None:
        start = int(part.segment.column_start[row]) + part.column_offset
        near = [record.columns[c - start] for c, cosine in candidates.best.of(position) if cosine >= COLUMN_COSINE]
    both = [name for name in near if name in sharing]
    return tuple(dict.fromkeys([*both, *near, *sharing]))[:MAX_COLUMNS]


def _has(view: View, table: int, term: str) -> bool:
    part, row = view.locate(table)
    found = part.segment.words.find(term)
    if found is None:
        return False
    at = int(np.searchsorted(found[0], row))
    return at < len(found[0]) and int(found[0][at]) == row


def _answerable(candidates: Candidates, order: NDArray[np.int64], matches: Matches, named: Named) -> float:
    if named.full or named.partial:
        return 1.0
    if not len(order):
        return 0.0
    best = int(order[0])
    top = np.sort(candidates.cosines)[::-1]
    lead = float(top[0] - top[:10].mean())
    return answerable(float(candidates.cosines[best]), lead, float(matches.coverage[candidates.tables[best]]))


def answerable(cosine: float, lead: float, coverage: float) -> float:
    """How likely it is that the best hit answers the question, 0 to 1, by a logistic of three numbers.

    Args:
        cosine: of the best hit.
        lead: by how much the nearest table is ahead of the ten nearest on average.
        coverage: the share of the question's weight in words that the best hit has.

    The coefficients are set by hand on the open pools with the gold tables taken out; `bench/relevance.py` prints the AUROC.

    """
    return 1.0 / (1.0 + math.exp(-(4.0 * cosine + 7.0 * lead + 2.0 * coverage - 3.4)))
