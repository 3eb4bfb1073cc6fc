"""The abbreviations that a view teaches: what its tables say about their own names, counted, with a confidence each.

Journey 2, step "question understood". Everything is counted inside the view, once a view: what a scope hides teaches nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.retrieve.told import Told, counted
from services.indexer.retrieve.view import Seen, View

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
_ROUNDING = 1e-9


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


class Learned(Mapping[str, Meaning]):
    """The best meaning of each short form that a view teaches with enough confidence, by short form, in order.

    What is counted is counted at once, of all short forms; how sure a meaning is, which takes longer, only of those that somebody
    asks for.
    """

    def __init__(self, view: View) -> None:
        # not the view, which keeps this: it would wait for the collector of cycles, with all arrays that are kept with it
        self._parts = view.parts
        self._told = counted(view)
        likely: dict[str, dict[str, tuple[int, int, int]]] = {}
        for one in self._told:
            for pair, counts in _likely(one):
                short, meaning = one.evidence.words(pair)
                likely.setdefault(short, {})[meaning] = counts
        self._likely = dict(sorted(likely.items()))
        self._found: dict[str, Meaning | None] = {}

    def __getitem__(self, short: str) -> Meaning:
        found = self._best(short) if short in self._likely else None
        if found is None:
            raise KeyError(short)
        return found

    def __iter__(self) -> Iterator[str]:
        return (short for short in self._likely if self._best(short) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def may_concern(self, concerns: Callable[[str, str], bool]) -> Iterator[Meaning]:
        """The meanings of the short forms of which a short form and a meaning that it may have concern somebody, in order."""
        for short, meanings in self._likely.items():
            if any(concerns(short, meaning) for meaning in meanings) and (found := self._best(short)) is not None:
                yield found

    @cached_property
    def _n_described(self) -> int:
        parts = ((part.open_columns, part.segment.column_words.lengths[:, 1]) for part in self._parts)
        return sum(int((shown & (lengths > 0)).sum()) for shown, lengths in parts)

    def _best(self, short: str) -> Meaning | None:
        if short not in self._found:
            self._found[short] = max(
                self._sure(short), key=lambda one: (one.confidence, one.texts, one.meaning), default=None
            )
        return self._found[short]

    def _sure(self, short: str) -> Iterator[Meaning]:
        begun = _first_words(self._told, short)
        for meaning, (n, described, candidates) in self._likely[short].items():
            if 2 * begun.get(meaning, 0) >= n:
                continue
            confidence = _confidence(n, described, candidates, _chance(self._parts, self._n_described, short, meaning))
            if confidence >= CONFIDENT:
                yield Meaning(short, meaning, n, confidence)


def learned(view: View) -> Learned:
    """What a view teaches; remembered with it."""
    known = view.kept.get("learned")
    if not isinstance(known, Learned):
        known = view.kept["learned"] = Learned(view)
    return known


def _likely(told: Told) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """The pairs that may have enough confidence however small the chance, with texts, described ones and candidates."""
    pairs = told.evidence
    described, candidates = told.described[pairs.short_of], told.candidates[pairs.short_of]
    enough = pairs.means & (told.texts >= np.where(pairs.phrase, MIN_TEXTS_PHRASE, MIN_TEXTS))
    enough &= told.texts >= MIN_SHARE * described
    enough &= told.texts >= (CONFIDENT**2 - _ROUNDING) * candidates  # a confidence is at most the root of that share
    for pair in np.flatnonzero(enough).tolist():
        yield pair, (int(told.texts[pair]), int(described[pair]), int(candidates[pair]))


def _first_words(told: Sequence[Told], short: str) -> dict[str, int]:
    """How many texts say a longer meaning that a word only begins, as `estrogen` where `estrogen receptor` is said as well."""
    out: dict[str, int] = {}
    for one in told:
        at = one.evidence.short_at(short)
        if at is None:
            continue
        begin, end = one.evidence.pairs_of(at)
        said = one.evidence.phrase[begin:end] & (one.texts[begin:end] >= MIN_TEXTS_PHRASE)
        for pair in (np.flatnonzero(said) + begin).tolist():
            word = one.evidence.words(pair)[1].split()[0]
            out[word] = max(out.get(word, 0), int(one.texts[pair]))
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


def _chance(parts: Sequence[Seen], n_described: int, short: str, meaning: str) -> float:
    """The share of a view's described columns without a short form that have a word, as if half a column more had it."""
    if " " in meaning:
        return PHRASE_CHANCE
    having, others = 0.5, 1.0 + n_described
    for part in parts:
        words = part.segment.column_words
        named = _columns_with(words, short, 0)
        named = named[part.open_columns[named] & (words.lengths[named, 1] > 0)]
        told = _columns_with(words, meaning, 1)
        told = told[part.open_columns[told]]
        others -= len(named)
        having += len(told) - _common(told, named)
    return having / others


def _columns_with(words: Postings, term: str, field: int) -> NDArray[np.int32]:
    """The columns that have a term in a field, ascending."""
    found = words.find(term)
    return np.zeros(0, dtype=np.int32) if found is None else found[0][found[1][:, field] > 0]


def _common(some: NDArray[np.int32], others: NDArray[np.int32]) -> int:
    """How many columns two ascending lists have in common."""
    if len(some) > len(others):
        some, others = others, some
    places = np.searchsorted(others, some)
    places[places == len(others)] = 0
    return int((others[places] == some).sum())
