"""The abbreviations that a view teaches: what its tables say about their own names, counted, with a confidence each.

Journey 2, step "question understood". Everything is counted inside the view, once a view: what a scope hides teaches nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
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
    described, told, texts = _counts(view)
    out = []
    for short in sorted(told):
        counts = _without_first_words(told[short])
        candidates = max(len(texts[short]), 1)
        found = [
            Meaning(short, meaning, n, confidence)
            for meaning, n in counts.items()
            if n >= (MIN_TEXTS_PHRASE if " " in meaning else MIN_TEXTS) and n >= MIN_SHARE * described[short]
            if (confidence := _confidence(n, described[short], candidates, _chance(view, short, meaning))) >= CONFIDENT
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


def _counts(view: View) -> tuple[Counter[str], dict[str, Counter[str]], dict[str, set[str]]]:
    """Texts by short form; by short form and meaning; and the texts by short form that have any candidate."""
    described: Counter[str] = Counter()
    told: dict[str, Counter[str]] = defaultdict(Counter)
    texts: dict[str, set[str]] = defaultdict(set)
    seen: set[str] = set()
    for part in view.parts:
        seen.update(_terms_seen(part.segment.evidence, part.tables))
    for term in seen:
        short, meaning, text = term.split(SEPARATOR)
        if meaning:
            told[short][meaning] += 1
            texts[short].add(text)
        else:
            described[short] += 1
    return described, told, texts


def _terms_seen(postings: Postings, mask: NDArray[np.bool_]) -> Sequence[str]:
    """The terms that a seen document has."""
    if not postings.n_terms:
        return ()
    hits = np.add.reduceat(mask[postings.docs].astype(np.int64), postings.start[:-1])
    return [postings.term(row).decode("utf-8", "replace") for row in np.flatnonzero(hits).tolist()]


def _without_first_words(counts: Mapping[str, int]) -> Mapping[str, int]:
    """Without words that only begin a longer meaning: `estrogen` where `estrogen receptor` is said as well."""
    phrases = {meaning: n for meaning, n in counts.items() if " " in meaning}
    return {
        meaning: n
        for meaning, n in counts.items()
        if " " in meaning or not any(p.split()[0] == meaning and 2 * m >= n for p, m in phrases.items())
    }


def _chance(view: View, short: str, meaning: str) -> float:
    """The share of the view's described columns without a short form that have a word, as if half a column more had it."""
    if " " in meaning:
        return PHRASE_CHANCE
    having, others = 0.5, 1.0
    for part in view.parts:
        words = part.segment.column_words
        rest = part.open_columns & (words.lengths[:, 1] > 0)
        named, told = words.find(short), words.find(meaning)
        if named is not None:
            rest[named[0][named[1][:, 0] > 0]] = False
        others += int(rest.sum())
        having += int((rest[told[0]] & (told[1][:, 1] > 0)).sum()) if told is not None else 0
    return having / others
