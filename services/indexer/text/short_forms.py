"""Which words a part of a name may be short for, by its letters alone. Pure; no list of abbreviations, in any domain.

Journey 2, step "question understood". `abbreviations.py` learns what a catalog says of its own names; most catalogs describe
little. People shorten words in two ways: by their beginning (`rev`, `cust`) and by their consonants (`mth`, `qty`). What a
part of a name could stand for is counted in the word list of the pinned model: the more words, the less it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.common.model.words import stem
from services.indexer.text.abbreviations import LONGEST, SHORTEST
from services.indexer.text.segmenter import segmenter

MIN_WORD = 4
"""Letters of a word that is shortened."""
MIN_BEGINNING = 3
"""Letters of a beginning: two begin hundreds of words."""
KEPT = 0.6
"""Of the consonants of a word, so many are there where it is shortened to consonants: of gold short forms (`bench/vocabulary.py`)
those that keep half of them were wrong in 80 of 81 cases."""
KNOWN_RANK = 12_000
"""So many of the most frequent words are counted as what a short form may stand for."""
UNLIKELY, LIKELY = 0.15, 0.8
"""How likely a reading is that is a vanishing share of all that a short form fits, and one that is all of it."""
_SMOOTH = 8
_RARE = 1.0 / 30_000
"""What a word counts that is not among the frequent ones."""
_VOWELS = frozenset("aeiou")
_ENDINGS = ("ly", "ing", "ed", "es", "s")
_FAMILY = 2
"""Words of one family have all letters but so many at the end in common: `customer` and `customers`."""


def shortens(short: str, word: str) -> bool:
    """Whether a part of a name may be short for a word: a beginning of it, or its first letters and then its consonants.

    Args:
        short: two to six letters, lower case.
        word: lower case. Endings that only inflect it are left aside: `mth` is as good for monthly as for month.

    """
    if word[:1] != short[:1] or len(word) < MIN_WORD or not SHORTEST <= len(short) <= LONGEST:
        return False
    if word.startswith(short):
        return len(short) >= MIN_BEGINNING and len(word) >= len(short) + 2
    if len(short) == SHORTEST or not word.endswith(_ENDINGS):
        return _by_consonants(short, word)
    bases = {word.removesuffix(ending) for ending in _ENDINGS}
    # the g of `missing` is no letter that anybody keeps
    return any(_by_consonants(short, base) for base in (bases - {word} if word.endswith("ing") else bases | {word}))


def _by_consonants(short: str, word: str) -> bool:
    if len(word) < max(MIN_WORD, len(short) + 1):
        return False
    same = next((at for at, (one, other) in enumerate(zip(short, word, strict=False)) if one != other), len(short))
    if not _VOWELS.isdisjoint(short[same:]):
        return False
    letters = iter(word[same:])
    if not all(letter in letters for letter in short[same:]):
        return False
    consonants = [letter for letter in word[1:] if letter not in _VOWELS]
    if not consonants or consonants[-1] != short[-1]:
        return False
    kept = len(set(short[1:]) - _VOWELS) / len(set(consonants))
    # two letters fit nearly every word: nothing but vowels may be left out
    return kept == 1.0 if len(short) == SHORTEST else kept >= KEPT or same >= MIN_BEGINNING


def same_family(one: str, other: str) -> bool:
    """Whether two words are hardly more than inflections of each other."""
    one, other = stem(one), stem(other)
    common = max(MIN_WORD, min(len(one), len(other)) - _FAMILY)
    return one[:common] == other[:common]


def likelihood(short: str, word: str) -> float:
    """How likely it is that a short form means a word that it fits, above 0 and below 1: less the more other words it fits.

    Told by the share of the word, inflections included, in all frequent words that the short form fits, each counted by its
    rank (Zipf 1949). The line was fitted to 384 pairs of a gold short form and a word of the open pools' questions, of which .38
    are right; on folds of short forms that it was not fitted to, AUROC .77 (`bench/vocabulary.py`).
    """
    readings = _readings(short)
    own = sum(mass for other, mass in readings if same_family(word, other)) or _RARE
    rest = sum(mass for other, mass in readings if not same_family(word, other))
    return UNLIKELY + (LIKELY - UNLIKELY) * own / (own + rest)


@lru_cache(maxsize=16_384)
def _readings(short: str) -> tuple[tuple[str, float], ...]:
    """The frequent English words that a short form fits, with what each counts; none where no word list is there."""
    ranks = _ranks()
    return tuple((word, 1.0 / (ranks[word] + _SMOOTH)) for word in _frequent().like(short) if shortens(short, word))


class ByLetters:
    """Words to be found by the letters that they are made of.

    Args:
        words: lower case letters.

    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = sorted(words)
        self._letters = np.asarray([letters_of(word) for word in self._words], dtype=np.uint32)
        first = [word[0] for word in self._words]
        self._range = {letter: (first.index(letter), len(first) - first[::-1].index(letter)) for letter in set(first)}

    def like(self, short: str) -> list[str]:
        """The words that begin like a short form and have all of its letters, in alphabetical order."""
        return self._found(short[:1], lambda letters: letters_of(short) & ~letters == 0)

    def within(self, word: str) -> list[str]:
        """Those that begin like a word and have no letter that it has not, in alphabetical order."""
        return self._found(word[:1], lambda letters: letters & ~np.uint32(letters_of(word)) == 0)

    def _found(self, first: str, fits: Callable[[NDArray[np.uint32]], NDArray[np.bool_]]) -> list[str]:
        low, high = self._range.get(first, (0, 0))
        return [self._words[low + at] for at in np.flatnonzero(fits(self._letters[low:high])).tolist()]


def letters_of(word: str) -> int:
    """The letters of a word as bits, a to z; other characters have none."""
    out = 0
    for letter in word:
        if "a" <= letter <= "z":
            out |= 1 << (ord(letter) - ord("a"))
    return out


@lru_cache(maxsize=1)
def _ranks() -> Mapping[str, int]:
    found = segmenter()
    return found.ranks(KNOWN_RANK, MIN_WORD) if found is not None else {}


@lru_cache(maxsize=1)
def _frequent() -> ByLetters:
    return ByLetters(list(_ranks()))
