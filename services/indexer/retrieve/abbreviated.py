"""Parts of names that a question's words may be written as: `rev_by_cust_mth` for monthly revenue per customer.

Journey 2, step "question understood". By letters alone (`text/short_forms`), for catalogs that teach nothing; what a catalog or
its people say that a short form means comes before what its letters may mean. Only names inside the caller's view count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from services.common.model.vocabulary import Synonyms
from services.indexer.index.postings import Postings
from services.indexer.index.segment import TABLE_FIELDS, Segment
from services.indexer.retrieve.counted import Alternative
from services.indexer.retrieve.learned import Meaning
from services.indexer.retrieve.view import View
from services.indexer.text.abbreviations import LONGEST, SHORTEST, may_be_short
from services.indexer.text.short_forms import ByLetters, likelihood, same_family, shortens

MAX_GUESSES = 8
"""Short forms looked up for a word: the likeliest."""
KEPT_WORDS = 8_192
"""Words whose short forms are remembered with a view: questions share most of their words."""
UNTOLD = 0.2
"""Guesses that are less likely are none: of those only 6 of 100 were right (`bench/vocabulary.py`)."""
_IN_NAMES = [TABLE_FIELDS.index("name"), TABLE_FIELDS.index("columns")]


def guessed(
    view: View, asked: Sequence[str], meanings: Mapping[str, Meaning], said: Sequence[Synonyms]
) -> Iterator[tuple[str, Alternative]]:
    """The short forms that words of a question may have in names; each counts as much as it is likely.

    Args:
        view: whose tables are looked through.
        asked: the question's words.
        meanings: what the view teaches: such a short form is read as nothing else.
        said: what people decided of words of the question: a short form among them that they gave a meaning has no other, and a
            rejected meaning is none.

    """
    decided = {one.term.lower() for one in said if one.synonyms}
    rejected = {(one.term.lower(), meaning) for one in said for meaning in one.rejected}
    for word in dict.fromkeys(asked):
        likely = [
            (weight, short)
            for weight, short in _likely(view, word)
            if short not in meanings and short not in decided and not _is_rejected(short, word, rejected)
        ]
        for weight, short in likely[:MAX_GUESSES]:
            if weight < UNTOLD:
                break
            yield word, Alternative((short,), weight, f"{short} read as {word}", guess=True)


def _likely(view: View, word: str) -> tuple[tuple[float, str], ...]:
    """The short forms of a word with how likely each is, likeliest first; remembered."""
    kept = view.kept.setdefault("likely short forms", {})
    assert isinstance(kept, dict)
    found: tuple[tuple[float, str], ...] | None = kept.get(word)
    if found is None:
        found = tuple(sorted(((likelihood(short, word), short) for short in short_forms(view, word)), reverse=True))
        if len(kept) >= KEPT_WORDS:
            kept.clear()
        kept[word] = found
    return found


def short_forms(view: View, word: str) -> set[str]:
    """The parts of seen names that a word may be shortened to."""
    found = {short for part in view.parts for short in parts_of(part.segment).within(word) if shortens(short, word)}
    return {short for short in found if _is_seen(view, short)}


def parts_of(segment: Segment) -> ByLetters:
    """The parts of a segment's names that may be short forms; remembered with it."""
    known = segment.kept.get("short parts")
    if not isinstance(known, ByLetters):
        known = ByLetters(_short_parts(segment.words))
        segment.kept["short parts"] = known
    return known


def _short_parts(words: Postings) -> list[str]:
    """The terms of names of tables and columns that may be short forms."""
    if not words.n_terms:
        return []
    named = np.logical_or.reduceat(_in_names(words.tf), words.start[:-1])
    lengths = np.diff(words.term_start)
    rows = np.flatnonzero((lengths >= SHORTEST) & (lengths <= LONGEST) & named)
    terms = (words.term(row).decode("utf-8", "replace") for row in rows.tolist())
    return [term for term in terms if may_be_short(term)]


def _is_seen(view: View, short: str) -> bool:
    """Whether a seen table has a short form in its name or its columns: a hidden one must not make others be read so."""
    for part in view.parts:
        found = part.segment.words.find(short)
        if found is not None and bool((part.tables[found[0]] & _in_names(found[1])).any()):
            return True
    return False


def _in_names(tf: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which postings are of the name of a table or of its columns, bool (postings,)."""
    return np.asarray((tf[:, _IN_NAMES] > 0).any(axis=1), dtype=np.bool_)


def _is_rejected(short: str, word: str, rejected: set[tuple[str, str]]) -> bool:
    return any(term == short and same_family(word, meaning) for term, meaning in rejected)
