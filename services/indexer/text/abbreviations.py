"""What a table says about abbreviations: names beside their own descriptions. Pure; nothing is decided here.

Journey 1, step "document text". A column `cust_id` that is described as "identifier of the customer" is evidence for cust =
customer. Each table's evidence is indexed with it and counted inside a view when somebody asks (`retrieve/learned.py`), so that
what a scope hides teaches nobody anything. There is no built-in list.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache

from services.common.model.assets import Asset
from services.common.model.words import stem
from services.indexer.text.segmenter import segmenter
from services.indexer.text.tokens import STOP_WORDS, split_identifier

SHORTEST, LONGEST = 2, 6
"""Letters of an abbreviation. One letter stands for too much; seven are rarely a short form."""
MIN_LONGER = 2
"""So many letters at least are left out."""
MAX_WORDS = 60
"""Of a description, so many words are read: what comes later is seldom about the name."""
COMMON_RANK = 2_500
"""Among so many most frequent words of the word list, a short one is a word (`name`, `year`), not an abbreviation."""
SEPARATOR = "\t"
"""Between short form, meaning and the text that says so; in no token."""

_WORDS = re.compile(r"[a-z]+")
_VOWELS = frozenset("aeiou")
_INFLECTIONS = frozenset({"s", "es", "d", "ed", "ing", "er", "ers", "or", "ly", "al", "ally", "ness", "y", "able"})


def evidence_terms(asset: Asset) -> tuple[str, ...]:
    """What the names of an asset and their descriptions say, restricted columns left out; each once, in order.

    Returns:
        `short TAB meaning TAB text` for each meaning that a described name may have, and `short TAB TAB text` for each
        described short form. `text` stands for the name's parts and the description: what is written twice in the same
        words counts once.

    """
    described = [(asset.table, asset.description or "")]
    described += [(column.name, column.description or "") for column in asset.columns if not column.restricted]
    return tuple(dict.fromkeys(term for name, text in described if text for term in _evidence(name, text)))


@lru_cache(maxsize=32_768)
def _evidence(name: str, description: str) -> tuple[str, ...]:
    shorts = [part.lower() for part in split_identifier(name)]
    words = _WORDS.findall(description.lower())[:MAX_WORDS]
    text = hashlib.sha256(" ".join(words).encode()).hexdigest()[:8]
    out: list[str] = []
    for short in dict.fromkeys(shorts):
        if not may_be_short(short):
            continue
        out.append(SEPARATOR.join((short, "", text)))
        out.extend(SEPARATOR.join((short, meaning, text)) for meaning in dict.fromkeys(_meanings(short, words)))
    return tuple(out)


def may_be_short(part: str) -> bool:
    """Whether a part of a name may be an abbreviation: two to six letters, and no common word."""
    if not SHORTEST <= len(part) <= LONGEST or not (part.isascii() and part.isalpha()) or part in STOP_WORDS:
        return False
    found = segmenter()
    return found is None or not found.is_common(part, COMMON_RANK)


def _meanings(short: str, words: list[str]) -> Iterator[str]:
    """Words and runs of words that a short form may stand for."""
    for word in words:
        # most words are told apart by their first letter
        if word[0] != short[0] or word.endswith("ed"):
            continue  # what was done (`preferred`), seldom what is named (`preference`)
        if word not in STOP_WORDS and abbreviates(short, stem(word)) and not _is_glued(word):
            yield stem(word)
    letters = "".join(word[0] for word in words)
    start = letters.find(short)
    while start >= 0:
        run = words[start : start + len(short)]
        if _initials(short, run):
            yield " ".join([*run[:-1], stem(run[-1])])
        start = letters.find(short, start + 1)


def _is_glued(word: str) -> bool:
    """Whether a word of a description is a name without breaks (`paypalcustomer`), which says nothing of its beginning."""
    found = segmenter()
    return found is not None and len(found.parts(word)) > 1


def _initials(short: str, run: list[str]) -> bool:
    """Whether words in a row that begin with a short form's letters are meant; function words stand inside only (`date of birth`)."""
    return short not in run and min(map(len, run)) > 1 and run[0] not in STOP_WORDS and run[-1] not in STOP_WORDS


def abbreviates(short: str, word: str) -> bool:
    """Whether a word (singular) can be shortened to a short form (or to its plural): a beginning of it, then consonants of it.

    `cust` and `customer`, `amt` and `amount`, `hrs` and `hour`; not `tap` and `tapped`, which are one word inflected.
    """
    return _shortens(short, word) or (len(short) > SHORTEST and short.endswith("s") and _shortens(short[:-1], word))


def _shortens(short: str, word: str) -> bool:
    if len(word) < len(short) + MIN_LONGER or word[0] != short[0]:
        return False
    if word.startswith(short):
        rest = word[len(short) :]
        return rest not in _INFLECTIONS and rest.removeprefix(short[-1]) not in _INFLECTIONS
    same = next(at for at, (one, other) in enumerate(zip(short, word, strict=False)) if one != other)
    if not _VOWELS.isdisjoint(short[same:]):
        return False
    if len(short) == SHORTEST:
        # two letters fit nearly every word: the second must be its next consonant
        return next((letter for letter in word[1:] if letter not in _VOWELS), "") == short[1]
    letters = iter(word[same:])
    return all(letter in letters for letter in short[same:])
