"""Tables and views for a question: matches, candidates, rank, and each hit with its columns and reasons.

Journey 2, the main line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.search import Hit
from services.common.model.words import stem
from services.indexer.retrieve.candidates import table_candidates
from services.indexer.retrieve.features import NAMES, Asked, Candidates
from services.indexer.retrieve.found import Found, Matched
from services.indexer.retrieve.lexical import Matches, NamesSaying, match_tables
from services.indexer.retrieve.names import Named, named_tables
from services.indexer.retrieve.question import Question
from services.indexer.retrieve.rank import Ranked, Ranker, Told, rank, reasons, weak_features
from services.indexer.retrieve.spelling import NOTHING, spelled_tables
from services.indexer.retrieve.view import View
from services.indexer.text.tokens import raw_words

COLUMN_COSINE = 0.35
"""A column is named in a hit from this cosine on: below it, unrelated column names of the open pools are as near."""
MAX_COLUMNS = 3
"""Columns named in a hit."""
AHEAD_OF = 10
"""The best hit's lead is taken over so many."""
DENSE_FLOOR = 0.1
"""A table matches a question by meaning alone from this cosine on. At 0.2 glued names (`HASLEGALNAME`) lost 2 points of R@10."""


def table_hits(view: View, question: Question, ranker_of: Callable[[Question], Ranker], *, kinds: tuple[Kind, ...]) -> Found:
    """The tables of a view for a question, ranked.

    Args:
        view: what is seen.
        question: what is asked; its words are looked up before its vectors are waited for.
        ranker_of: gives the weights, once it is known whether there are vectors.
        kinds: what is looked for; others than tables (`column`) do not count here.

    """
    asked = _asked(view, question)
    matches, named = asked.matches, asked.named
    candidates = table_candidates(view, asked, question.vector, question.depth)
    wanted = of_kinds(view, kinds)
    candidates = candidates.only(wanted[candidates.tables].tolist())
    ids: list[str] = list(candidates.ids)
    ranker = ranker_of(question)
    ranked = rank(candidates, ids, ranker)
    near = _near(candidates)
    order = ranked.order[near[ranked.order] | (matches.scores[candidates.tables[ranked.order]] > 0)]
    mask = (matches.scores > 0) & wanted
    mask[candidates.tables[near]] = True
    sharing = NamesSaying(view, question.names)
    spelled = {stem(word): word for word in raw_words(question.read)}
    return Found(
        order=order,
        scores=ranked.scores,
        keys=ids,
        tables=candidates.tables,
        matched=Matched.of_tables(mask),
        hit=lambda position: _hit(view, candidates, ranked, position, matches, sharing, named, spelled),
        answerable=_answerable(candidates, order, matches, named, ranked if ranker.model else None),
        read=candidates.read,
    )


def candidates_of(view: View, question: Question) -> Candidates:
    """The candidates of a question, as `table_hits` ranks them."""
    return table_candidates(view, _asked(view, question), question.vector, question.depth)


def _asked(view: View, question: Question) -> Asked:
    matches = match_tables(view, question.terms, question.alternatives)
    named = named_tables(view, question.text)
    exact = named.full or named.partial
    spelled = NOTHING if exact else spelled_tables(view, question.text, (*matches.unseen, *question.misspelt))
    return Asked(question.text, matches, named, spelled, lambda: question.spans, question.popular)


def of_kinds(view: View, kinds: tuple[Kind, ...]) -> NDArray[np.bool_]:
    """Which seen tables are of one of some kinds, `column` aside; all where no other kind is wanted. bool (tables,)."""
    wanted = frozenset(kind.value for kind in kinds if kind is not Kind.COLUMN)
    if not wanted or not view.parts:
        return view.seen
    mask: NDArray[np.bool_] = np.concatenate([part.segment.facets["kind"].having(wanted) for part in view.parts])
    return view.seen & mask


def _near(candidates: Candidates) -> NDArray[np.bool_]:
    """Which candidates match by their name or their meaning, words aside."""
    by_name = candidates.features[:, : len(NAMES)].any(axis=1) if len(candidates.tables) else np.zeros(0, dtype=np.bool_)
    if candidates.best is None:
        return np.asarray(by_name, dtype=np.bool_)
    return np.asarray(by_name | (np.maximum(candidates.cosines, candidates.best.mean) >= DENSE_FLOOR), dtype=np.bool_)


def _hit(
    view: View,
    candidates: Candidates,
    ranked: Ranked,
    position: int,
    matches: Matches,
    sharing: NamesSaying,
    named: Named,
    spelled: Mapping[str, str],
) -> Hit:
    table = int(candidates.tables[position])
    words = tuple(spelled.get(word, word) for word in matches.of(table))
    record = view.record(table)
    near, columns = _columns(view, candidates, position, sharing)
    says, shared = candidates.says(table), matches.said(table)
    # words that it has itself are told anyway
    meant = tuple(word for word in says if stem(word) not in shared) or says
    if table in named.column:
        columns = tuple(dict.fromkeys((named.column[table], *columns)))
    return Hit(
        id=record.id,
        asset=record.id,
        kind=record.kind,
        score=float(ranked.scores[position]),
        why=reasons(
            ranked.contributions[position],
            Told(words, columns, meant, near, weak_features(candidates.features[position])),
        ),
        columns=columns,
    )


def _columns(
    view: View, candidates: Candidates, position: int, sharing: NamesSaying
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that are near in meaning, and those that speak for a table: near and sharing a word, only near, only sharing."""
    table = int(candidates.tables[position])
    part, row = view.locate(table)
    record = part.segment.records[row]
    start = int(part.segment.column_start[row]) + part.column_offset
    shared = [record.columns[at] for at in sharing.of(part, row).tolist()]
    near: list[str] = []
    if candidates.best is not None:
        near = [record.columns[c - start] for c, cosine in candidates.best.of(position) if cosine >= COLUMN_COSINE]
    both = [name for name in near if name in shared]
    return tuple(near[:MAX_COLUMNS]), tuple(dict.fromkeys([*both, *near, *shared]))[:MAX_COLUMNS]


def _answerable(
    candidates: Candidates, order: NDArray[np.int64], matches: Matches, named: Named, learned: Ranked | None
) -> float:
    """See `answerable` and, where a learned ranker ordered, `standing_out`."""
    if named.full or named.partial:
        return 1.0
    if not len(order):
        return 0.0
    best = int(order[0])
    table = candidates.tables[best : best + 1]
    read = float(matches.read(table)[0])
    if learned is not None:
        first = learned.scores[order[:AHEAD_OF]]
        return standing_out(float(first[0]), ahead(first), read - float(matches.covered(table)[0]))
    top = np.sort(candidates.cosines)[::-1]
    return answerable(float(candidates.cosines[best]), float(top[0] - top[:AHEAD_OF].mean()), read)


def ahead(first: NDArray[np.float64]) -> float:
    """By how much the best of at most `AHEAD_OF` scores, best first, is ahead of so many on average; those that are not there count 0.

    The mean of those that are there would hold it against an only hit that it is the only one.
    """
    return float(first[0] - first.sum() / AHEAD_OF)


def standing_out(score: float, lead: float, doubted: float) -> float:
    """How likely it is that the best hit answers the question, 0 to 1, by what a learned ranker says of it.

    Args:
        score: of the best hit, where meaning weighs 1.
        lead: by how much it is ahead of the first ten on average.
        doubted: the share of the question's weight in words that it has in short, as far as their likelihood was taken off.

    The first coefficients were fitted to 800 questions of spider_train, each asked once as it is and once with its gold
    tables hidden, in the half of the databases that the encoder had not seen. Sixteen other numbers of the best hit were
    tried: with them the fit was closer there, and farther on the pools that it was not made for. What is read by its letters
    may count little in the order and be the answer all the same, since the short forms of one name speak for each other:
    `doubted` counts as much as is best on pools with shortened names and moves nothing on the others (`bench/answerable.py`).

    """
    return 1.0 / (1.0 + math.exp(-(1.70 * score + 1.95 * lead + 4.0 * doubted - 3.29)))


def answerable(cosine: float, lead: float, coverage: float) -> float:
    """How likely it is that the best hit answers the question, 0 to 1, by a logistic of three numbers.

    Args:
        cosine: of the best hit.
        lead: by how much the nearest table is ahead of the ten nearest on average.
        coverage: the share of the question's weight in words that the best hit has.

    The coefficients are set by hand on the open pools with the gold tables taken out; `bench/relevance.py` prints the AUROC.

    """
    return 1.0 / (1.0 + math.exp(-(4.0 * cosine + 7.0 * lead + 2.0 * coverage - 3.4)))
