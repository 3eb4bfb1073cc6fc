"""Where a hit says what the question says: places in its name, its description and its columns, as the reader sees them.

Journey 2, the last step: taken when the hit is made whole, so that nothing is marked that is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
_BETWEEN = "\n"
"""Stands before each word of a name, in none of them, and so in no match that begins in one and ends in another."""


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


@dataclass(frozen=True, slots=True)
class Words:
    """The words that are worth marking.

    Attributes:
        typed: those of the question; they are found inside of names too.
        read: what they were read as, as `customer` for `custmer`, or are also called, as `qty` for quantity: only whole words.

    """

    typed: frozenset[str]
    read: frozenset[str] = frozenset()

    def any_of(self, words: frozenset[str]) -> bool:
        """Whether one of some words is among them."""
        return not (self.typed.isdisjoint(words) and self.read.isdisjoint(words))

    def __contains__(self, word: str) -> bool:
        return word in self.typed or word in self.read


def question_words(text: str, read: Iterable[str] = ()) -> Words:
    """The words of a question that are worth marking; `read` is what the index read or also calls them."""
    typed = dict.fromkeys(place.word for place in places(text[:MAX_CHARS]) if place.word not in SENTENCE_WORDS)
    others = dict.fromkeys(place.word for one in read for place in places(one))
    return Words(frozenset(list(typed)[:MAX_WORDS]), frozenset(list(others)[:MAX_WORDS]))


def highlights(words: Words, asset: Asset, column: Column | None) -> tuple[Highlight, ...]:
    """The places of a hit, in the order name, description, columns, each from left to right; never in a restricted column."""
    if not words.typed:
        return ()
    shown = column or asset
    found = [_marked("name", None, column.name if column else asset.table, words, name=True)]
    found.append(_marked("description", None, shown.description or "", words, name=False))
    if column is None:
        names = _worth_marking(words, [one.name for one in asset.columns if not one.restricted])
        found += [_marked("columns", one, one, words, name=True) for one in names]
    return tuple(place for places_found in found for place in places_found)[:MAX_PLACES]


def marked_name(words: Words, name: str) -> tuple[Highlight, ...]:
    """The places in a name alone, from left to right."""
    return tuple(_marked("name", None, name, words, name=True))[:MAX_PLACES]


def _marked(field: str, text: str | None, where: str, words: Words, *, name: bool) -> list[Highlight]:
    return [Highlight(field, text, start, end) for start, end in _joined(_spans(where[:MAX_CHARS], words, name=name))]


def _spans(text: str, words: Words, *, name: bool) -> Iterator[tuple[int, int]]:
    if not name:
        yield from ((place.start, place.end) for place in places(text) if place.word in words)
        return
    pieces, _, line = _pieces(text)
    within = [word for word in words.typed if len(word) >= MIN_BEGINNING and word in line]
    for word, start, end, piece in pieces:
        if word in words:
            yield start, end
        elif within:
            yield from _inside(piece, start, within)


def _worth_marking(words: Words, names: Sequence[str]) -> list[str]:
    """Those of some names that have one of the words, or may have it inside: most have none, and are looked at together."""
    read = [_pieces(name[:MAX_CHARS]) for name in names]
    every = "".join(line for _, _, line in read)
    near = [typed for typed in _typed(words.typed) if typed in every]
    if not near:
        return [name for name, (_, said, _) in zip(names, read, strict=True) if words.any_of(said)]
    return [
        name
        for name, (_, said, line) in zip(names, read, strict=True)
        if words.any_of(said) or any(typed in line for typed in near)
    ]


@lru_cache(maxsize=8_192)
def _pieces(name: str) -> tuple[tuple[tuple[str, int, int, str], ...], frozenset[str], str]:
    """The words of a name with their places, and in lower case as they stand there; the words alone; and all as they stand there.

    A warehouse has the same names in many tables.

    A letter whose lower case is two would move what stands behind it: such a piece is left empty, and nothing is found inside.
    """
    found = ((*place, name[place.start : place.end].lower()) for place in places(name))
    pieces = tuple((word, start, end, piece if len(piece) == end - start else "") for word, start, end, piece in found)
    return pieces, frozenset(word for word, *_ in pieces), "".join(f"{_BETWEEN}{piece}" for *_, piece in pieces)


def _inside(piece: str, start: int, words: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The beginning of a word that was typed in part, and words of a glued one; of words that are long enough to be looked for."""
    for word in words:
        at = piece.find(word) if len(word) >= MIN_WITHIN else 0
        if at >= 0 and piece.startswith(word, at):
            yield start + at, start + at + len(word)


@lru_cache(maxsize=256)
def _typed(words: frozenset[str]) -> tuple[str, ...]:
    """The words that may stand inside of a name's, and, behind `_BETWEEN`, those that a name's may begin with."""
    return tuple(word if len(word) >= MIN_WITHIN else _BETWEEN + word for word in words if len(word) >= MIN_BEGINNING)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch made one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out
