"""Names typed otherwise than they are: other separators, one mistake, or only the beginnings of their words.

Journey 2, step "identifier or words", after `names.py` found those typed as they are. Inside the view: what a scope hides
corrects nothing and completes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.name_index import name_words, squeezed
from services.indexer.index.segment import Segment
from services.indexer.index.signatures import one_edit
from services.indexer.retrieve.view import View
from services.indexer.text.document import Record

SAME = 1.0
"""The name but for its separators and case: `order items` for `order_items`."""
ONE_EDIT = 0.9
"""The name but for one typing mistake."""
PARTLY = 0.5
"""Each word typed begins a word of the name, in the name's order; up to `ONE_EDIT` by how much of it was typed."""
LEFT_OUT = 0.7
"""What is left of that where words were left out, at the beginning or between; numbers are left out for nothing."""
MAX_NAME_CHARS = 200
"""Longer questions are no names with mistakes."""
MAX_WORDS = 6
"""Nor are those of more words the beginnings of a name's, unless no space is between them."""
MAX_NAME_WORDS = 20
"""And of more words than that in no case."""
MIN_CHARS = 3
"""Shorter texts are one edit from too many names."""
MIN_BEGINNING = 2
"""Shorter texts begin too many words."""
MAX_PARTLY = 200
"""Tables of which the question is a part that are ranked: those with the shortest names."""
_SEPARATORS = re.compile(r"[\s_.\-/:>]")


@dataclass(frozen=True)
class Spelled:
    """Tables that a question means if it is a name typed otherwise.

    Attributes:
        closeness: by table, numbered as in the view: above 0, at most 1.

    """

    closeness: dict[int, float]

    def rows(self) -> NDArray[np.int64]:
        """The tables, ascending."""
        return np.asarray(sorted(self.closeness), dtype=np.int64)


NOTHING = Spelled({})
"""The question is no name, however it is read."""


def spelled_tables(view: View, text: str, unknown: tuple[str, ...]) -> Spelled:
    """The seen tables whose name a question may be, typed otherwise.

    Args:
        view: what is seen.
        text: the question.
        unknown: the question's words that nothing seen has. Without one, a word is taken for what it says: only a text
            with separators is looked for as a part of a name, and only one that is a name but for its separators as a name.

    """
    typed = text.strip().strip(";,")
    whole = squeezed(typed)
    if not (MIN_BEGINNING <= len(whole) <= MAX_NAME_CHARS):
        return NOTHING
    identifier = _SEPARATORS.search(typed) is not None and not any(char.isspace() for char in typed)
    found: dict[int, float] = {}
    if identifier or (unknown and len(typed.split()) <= MAX_WORDS):
        found |= _partly(view, typed)
    found |= _mistyped(view, whole, edits=bool(unknown) and len(whole) >= MIN_CHARS)
    return Spelled(found)


def _mistyped(view: View, whole: str, *, edits: bool) -> dict[int, float]:
    found: dict[int, float] = {}
    for part in view.parts:
        index = part.segment.postfixes
        near = index.signatures.near(whole)
        near = near[part.tables[index.rows[near]]]
        for row, start in zip(index.rows[near].tolist(), index.starts[near].tolist(), strict=True):
            name = squeezed(".".join(part.segment.records[row].parts[start:]))
            if name == whole:
                found[part.offset + row] = SAME
            elif edits and one_edit(name, whole):
                found.setdefault(part.offset + row, ONE_EDIT)
    return found


def _partly(view: View, typed: str) -> dict[int, float]:
    """Tables with words that the typed ones begin, one after the other, and parts in front that its parts begin."""
    *outer, last = [piece for piece in typed.split(".") if piece.strip()] or [""]
    begins = name_words(last)
    if not begins or len(begins) > MAX_NAME_WORDS or sum(map(len, begins)) < MIN_BEGINNING:
        return {}
    lengths, tables = [], []
    for part in view.parts:
        rows = _with_all(part.segment, begins, part.tables)
        tables.append(rows + part.offset)
        lengths.append(part.segment.name_lengths[rows])
    wanted = [piece.strip('"`[] ').lower() for piece in outer]
    found = _shortest(view, np.concatenate(tables), np.concatenate(lengths)) if tables else []
    shares = ((table, _share(record, wanted, begins)) for table, record in found)
    return {table: PARTLY + (ONE_EDIT - PARTLY) * share for table, share in shares if share > 0}


def _with_all(segment: Segment, begins: list[str], seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The seen tables that have, for each of some beginnings, a word that begins so, in whatever order."""
    mask = seen
    for begin in dict.fromkeys(begins):
        here = np.zeros(len(segment), dtype=np.bool_)
        here[segment.name_words.with_prefix(begin)] = True
        mask = mask & here
    return np.flatnonzero(mask).astype(np.int64)


def _shortest(view: View, tables: NDArray[np.int64], lengths: NDArray[np.int32]) -> list[tuple[int, Record]]:
    """The tables with the shortest names, equal ones by name and then by id: cut inside the view, over all segments."""
    if len(tables) > MAX_PARTLY:
        kept = lengths <= np.partition(lengths, MAX_PARTLY - 1)[MAX_PARTLY - 1]
        tables = tables[kept]
    pairs = list(zip(tables.tolist(), view.records(tables), strict=True))
    pairs.sort(key=lambda pair: (len(pair[1].parts[-1]), pair[1].parts[-1].lower(), pair[1].id))
    return pairs[:MAX_PARTLY]


def _share(record: Record, outer: list[str], begins: list[str]) -> float:
    """How much of a table's name was typed, 0 to 1; 0 where it does not fit at all."""
    before = [part.lower() for part in record.parts[:-1]]
    for wanted in reversed(outer):
        while before and not before[-1].startswith(wanted):
            before.pop()
        if not before:
            return 0.0
        before.pop()
    words = name_words(record.parts[-1])
    left_out, at = False, 0
    for begin in begins:
        found = next((n for n in range(at, len(words)) if words[n].startswith(begin)), None)
        if found is None:
            return 0.0
        left_out = left_out or any(not word.isdigit() for word in words[at:found])
        at = found + 1
    typed, whole = sum(map(len, begins)), sum(map(len, words))
    return (typed / whole) * (LEFT_OUT if left_out else 1.0)
