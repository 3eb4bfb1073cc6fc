"""The abbreviations that a view teaches: what its tables say about their own names, counted, with a confidence each.

Journey 2, step "question understood". Everything is counted inside the view, once a view: what a scope hides teaches nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.index.segment import Segment
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


@dataclass(frozen=True, eq=False)
class _Spelled:
    """The evidence of a segment as numbers, an entry a term; made once a segment, since counting comes with every new view.

    Attributes:
        short, pair, text: stand for the short form, for it with the meaning, and for the text; uint64 (terms,).
        means: whether there is a meaning, bool (terms,).
        words: short form and meaning of each pair.

    """

    short: NDArray[np.uint64]
    pair: NDArray[np.uint64]
    text: NDArray[np.uint64]
    means: NDArray[np.bool_]
    words: Mapping[int, tuple[str, str]]


def _counts(view: View) -> _Counted:
    parts = [(_spelled(part.segment), _terms_seen(part.segment.evidence, part.tables)) for part in view.parts]
    if not any(seen.any() for _, seen in parts):
        return _Counted({}, {}, {})
    short, pair, text, means = (
        np.concatenate([getattr(spelled, name)[seen] for spelled, seen in parts])
        for name in ("short", "pair", "text", "means")
    )
    words = [spelled.words for spelled, _ in parts]
    by_pair = _texts_by(pair, text)
    candidates = _texts_by(short[means], text[means])
    told: dict[str, dict[str, int]] = {}
    for key, n in by_pair.items():
        if n >= MIN_TEXTS_PHRASE:
            name, meaning = next(known[key] for known in words if key in known)
            if meaning:
                told.setdefault(name, {})[meaning] = n
    return _Counted(
        {name: by_pair.get(_number(f"{name}{SEPARATOR}"), 0) for name in told},
        {name: candidates[_number(name)] for name in told},
        told,
    )


def _texts_by(key: NDArray[np.uint64], text: NDArray[np.uint64]) -> dict[int, int]:
    """How many different texts each key has."""
    order = np.lexsort((text, key))
    key, text = key[order], text[order]
    new = np.ones(len(key), dtype=np.bool_)
    new[1:] = (key[1:] != key[:-1]) | (text[1:] != text[:-1])
    found, counts = np.unique(key[new], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _spelled(segment: Segment) -> _Spelled:
    known = segment.facet_codes.get("evidence")
    if not isinstance(known, _Spelled):
        terms = [term.decode("utf-8", "replace").split(SEPARATOR) for term in segment.evidence.terms()]
        pairs = [_number(f"{short}{SEPARATOR}{meaning}") for short, meaning, _ in terms]
        known = _Spelled(
            short=np.asarray([_number(short) for short, _, _ in terms], dtype=np.uint64),
            pair=np.asarray(pairs, dtype=np.uint64),
            text=np.asarray([int(text, 16) for _, _, text in terms], dtype=np.uint64),
            means=np.asarray([bool(meaning) for _, meaning, _ in terms], dtype=np.bool_),
            words={key: (short, meaning) for key, (short, meaning, _) in zip(pairs, terms, strict=True)},
        )
        segment.facet_codes["evidence"] = known
    return known


def _number(text: str) -> int:
    """64 bits that stand for a text: two of a million are the same once in 37 million catalogs."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


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
