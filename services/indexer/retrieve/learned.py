"""The abbreviations that a view teaches: what its tables say about their own names, counted, with a confidence each.

Journey 2, step "question understood". Everything is counted inside the view, once a view: what a scope hides teaches nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.retrieve.evidence import TextsBy, evidence_of, number
from services.indexer.retrieve.view import View
from services.indexer.text.abbreviations import SEPARATOR

# chosen on the first half of the databases by bench/vocabulary.py, which tells precision and recall on the second
MIN_TEXTS, MIN_TEXTS_PHRASE = 3, 2
"""So many different descriptions must say the same word, or the same words in a row: those are hardly ever there by chance."""
MIN_SHARE = 0.03
"""Of the descriptions of a short form's names, so many must have the meaning: `id` stands beside every word somewhere."""
SURPRISE = 4.0
"""Log-likelihood ratio (nats) against the meaning's share in other descriptions at which its confidence is 1 - 1/e. Of shuffled
descriptions the best pairs reach 4."""
PHRASE_CHANCE = 2e-4
"""Share of texts in which words with some given initials follow each other by chance."""
CONFIDENT = 0.7
"""From this confidence on a meaning is proposed, and used until somebody rejects it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a short form stands for.

    Attributes:
        short: lower case letters.
        meaning: a word, or words with single spaces; the last one singular.
        texts: how many different descriptions say so.
        confidence: above 0, below 1.

    """

    short: str
    meaning: str
    texts: int
    confidence: float


def learned(view: View) -> Mapping[str, Meaning]:
    """The best meaning of each short form that a view teaches with enough confidence, by short form."""
    known = view.kept.get("learned")
    if not isinstance(known, dict):
        known = {meaning.short: meaning for meaning in _best(view)}
        view.kept["learned"] = known
    return known


def _best(view: View) -> list[Meaning]:
    counted = _counts(view)
    n_described = sum(int((part.open_columns & (part.segment.column_words.lengths[:, 1] > 0)).sum()) for part in view.parts)
    out = []
    for short in sorted(counted.told):
        described, candidates = counted.described.get(short, 0), counted.candidates[short]
        found = [
            Meaning(short, meaning, n, confidence)
            for meaning, n in _without_first_words(counted.told[short]).items()
            if n >= (MIN_TEXTS_PHRASE if " " in meaning else MIN_TEXTS) and n >= MIN_SHARE * described
            if (confidence := _confidence(n, described, candidates, _chance(view, n_described, short, meaning))) >= CONFIDENT
        ]
        if found:
            out.append(max(found, key=lambda one: (one.confidence, one.texts, one.meaning)))
    return out


def _confidence(n: int, described: int, candidates: int, chance: float) -> float:
    """How sure it is that a meaning is meant.

    Args:
        n: texts that have the meaning beside the short form.
        described: texts beside the short form.
        candidates: those of them that have any candidate.
        chance: the share of other texts that have the meaning.

    """
    expected = max(described * chance, 1e-9)
    if n <= expected:
        return 0.0
    surprise = n * math.log(n / expected) - (n - expected)
    return (1.0 - math.exp(-surprise / SURPRISE)) * math.sqrt(n / candidates)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Different texts in a view: by short form, by short form with any candidate, by short form and meaning (two at least)."""

    described: Mapping[str, int]
    candidates: Mapping[str, int]
    told: Mapping[str, Mapping[str, int]]


def _counts(view: View) -> _Counted:
    parts = [(evidence_of(part.segment), _terms_seen(part.segment.evidence, part.tables)) for part in view.parts]
    if not any(seen.any() for _, seen in parts):
        return _Counted({}, {}, {})
    short, pair, text, means = (
        np.concatenate([getattr(evidence, name)[seen] for evidence, seen in parts])
        for name in ("short", "pair", "text", "means")
    )
    by_pair = TextsBy.of(pair, text)
    candidates = TextsBy.of(short[means], text[means])
    told: dict[str, dict[str, int]] = {}
    for key, n in by_pair.at_least(MIN_TEXTS_PHRASE):
        name, meaning = next(words for evidence, _ in parts if (words := evidence.words(key)) is not None)
        if meaning:
            told.setdefault(name, {})[meaning] = n
    return _Counted(
        {name: by_pair.count(number(f"{name}{SEPARATOR}".encode())) for name in told},
        {name: candidates.count(number(name.encode())) for name in told},
        told,
    )


def _terms_seen(postings: Postings, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which terms a seen document has, bool (terms,)."""
    if not postings.n_terms:
        return np.zeros(0, dtype=np.bool_)
    seen: NDArray[np.bool_] = np.add.reduceat(mask[postings.docs].astype(np.int64), postings.start[:-1]) > 0
    return seen


def _without_first_words(counts: Mapping[str, int]) -> Mapping[str, int]:
    """Without words that only begin a longer meaning: `estrogen` where `estrogen receptor` is said as well."""
    phrases = {meaning: n for meaning, n in counts.items() if " " in meaning}
    return {
        meaning: n
        for meaning, n in counts.items()
        if " " in meaning or not any(p.split()[0] == meaning and 2 * m >= n for p, m in phrases.items())
    }


def _chance(view: View, n_described: int, short: str, meaning: str) -> float:
    """The share of the view's described columns without a short form that have a word, as if half a column more had it."""
    if " " in meaning:
        return PHRASE_CHANCE
    having, others = 0.5, 1.0 + n_described
    for part in view.parts:
        words = part.segment.column_words
        named = _columns_with(words, short, 0)
        named = named[part.open_columns[named] & (words.lengths[named, 1] > 0)]
        told = _columns_with(words, meaning, 1)
        told = told[part.open_columns[told]]
        others -= len(named)
        having += len(told) - len(np.intersect1d(told, named, assume_unique=True))
    return having / others


def _columns_with(words: Postings, term: str, field: int) -> NDArray[np.int32]:
    """The columns that have a term in a field, ascending."""
    found = words.find(term)
    return np.zeros(0, dtype=np.int32) if found is None else found[0][found[1][:, field] > 0]
