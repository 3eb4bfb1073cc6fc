"""Where a hit says what the question says: places in its name, its description and its columns, as the reader sees them.

Journey 2, the last step: taken when the hit is made whole, so that nothing is marked that is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.common.model.assets import Asset, Column
from services.common.model.sentence_words import SENTENCE_WORDS
from services.common.model.words import places

MAX_CHARS = 4_000
"""Of a text, so much is marked."""
MAX_PLACES = 100
"""Places of one hit that are told; what is wanted is a glance, not a concordance."""
MAX_WORDS = 64
"""Words of a question that are looked for, as in the index."""
MIN_BEGINNING = 2
"""A word of a name that begins with what was typed is marked so far, from this length on."""
MIN_WITHIN = 4
"""Inside of a glued name a word is marked from this length on."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """A place to be marked.

    Attributes:
        field: `name`, `description` or `columns`.
        text: of `columns`, the column's name; else None.
        start, end: in code points, of the field or the column's name; `end` behind the last.

    """

    field: str
    text: str | None
    start: int
    end: int


def question_words(text: str) -> frozenset[str]:
    """The words of a question that are worth marking."""
    words = dict.fromkeys(place.word for place in places(text[:MAX_CHARS]) if place.word not in SENTENCE_WORDS)
    return frozenset(list(words)[:MAX_WORDS])


def highlights(words: frozenset[str], asset: Asset, column: Column | None) -> tuple[Highlight, ...]:
    """The places of a hit, in the order name, description, columns, each from left to right; never in a restricted column."""
    if not words:
        return ()
    shown = column or asset
    found = [_marked("name", None, column.name if column else asset.table, words, name=True)]
    found.append(_marked("description", None, shown.description or "", words, name=False))
    if column is None:
        found += [_marked("columns", one.name, one.name, words, name=True) for one in asset.columns if not one.restricted]
    return tuple(place for places_found in found for place in places_found)[:MAX_PLACES]


def _marked(field: str, text: str | None, where: str, words: frozenset[str], *, name: bool) -> list[Highlight]:
    return [Highlight(field, text, start, end) for start, end in _joined(_spans(where[:MAX_CHARS], words, name=name))]


def _spans(text: str, words: frozenset[str], *, name: bool) -> Iterator[tuple[int, int]]:
    for place in places(text):
        if place.word in words:
            yield place.start, place.end
        elif name:
            yield from _inside(text[place.start : place.end], place.start, words)


def _inside(piece: str, start: int, words: frozenset[str]) -> Iterator[tuple[int, int]]:
    """The beginning of a word that was typed in part, and words of a glued one."""
    lowered = piece.lower()
    if len(lowered) != len(piece):  # a letter whose lower case is two: places would be off
        return
    for word in words:
        at = lowered.find(word) if len(word) >= MIN_WITHIN else 0
        if at >= 0 and len(word) >= MIN_BEGINNING and lowered.startswith(word, at):
            yield start + at, start + at + len(word)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch made one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
