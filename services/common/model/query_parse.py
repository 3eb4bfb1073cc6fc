"""A question understood: free words for the ranking, and a tree of conditions; what cannot be meant is refused with its place.

Journey 2, step "query text understood". Pure; nothing of a question is ever executed. The syntax is told in
`docs/how-to/search-with-filters.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from services.common.model.conditions import AllOf, AnyOf, Condition, Not, Saying
from services.common.model.filter_values import filter_condition
from services.common.model.query_errors import QueryRefused
from services.common.model.query_text import FIELDS, MAX_PIECES, Piece, Sort, is_prose, pieces

MAX_DEPTH = 20
"""Parentheses and NOTs inside each other."""
MAX_CONDITIONS = 200
"""Filters, phrases and words under operators in one question."""
_MEANT = frozenset({Sort.PHRASE, Sort.FILTER, Sort.UNKNOWN, Sort.OPERATOR, Sort.MINUS, Sort.UNCLOSED})


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as it is answered.

    Attributes:
        words: what goes to the ranking: free words, and those of conditions that are not negated. May be empty.
        where: what every hit must fulfil; None for nothing.

    """

    words: str
    where: Condition | None


@dataclass(frozen=True, slots=True)
class _Read:
    """A condition that was read; `free` where it is a word that no operator touches."""

    condition: Condition
    free: bool = False


def understand(text: str, *, me: str) -> Understood:
    """Read a question.

    Args:
        text: as typed. A sentence, a name, or words without filters, operators and quotes are words as a whole.
        me: the caller's name, which `owner:me` stands for.

    Raises:
        QueryRefused: with the place: an operator without one of its sides, a parenthesis or quote without the other, an
            unknown field or value.

    """
    found = pieces(text)
    if len(found) > MAX_PIECES or not any(p.sort in _MEANT for p in found) or is_prose(found, text):
        return Understood(text, None)
    return _Parser(found, me, len(text)).understood()


class _Parser:
    """Recursive descent: OR binds weakest, then AND and standing side by side, then NOT."""

    def __init__(self, found: list[Piece], me: str, length: int) -> None:
        self._found = found
        self._me = me
        self._end = Piece(Sort.CLOSE, "", length, length)
        self._at = 0
        self._depth = 0
        self._conditions = 0
        self._words: list[str] = []

    def understood(self) -> Understood:
        """All of it."""
        read = self._any(negated=False)
        if self._at < len(self._found):
            raise _refused(self._next, "this parenthesis closes none", "take it away, or open one before")
        kept = [one.condition for one in read if not one.free]
        return Understood(" ".join(self._words), _joined(AllOf, kept) if kept else None)

    @property
    def _next(self) -> Piece:
        return self._found[self._at] if self._at < len(self._found) else self._end

    def _takes(self, operator: str) -> bool:
        if self._next.sort is Sort.OPERATOR and self._next.text == operator:
            self._at += 1
            return True
        return False

    def _any(self, *, negated: bool) -> list[_Read]:
        """Parts joined by OR. Without one: the items side by side, so that free words stay free."""
        first = self._every(negated=negated)
        parts = [first]
        while self._next.sort is Sort.OPERATOR and self._next.text == "OR":
            operator = self._next
            self._at += 1
            parts.append(self._operand(operator, lambda: self._every(negated=negated)))
        if len(parts) == 1:
            return first
        return [_Read(_joined(AnyOf, [_joined(AllOf, [one.condition for one in part]) for part in parts]))]

    def _every(self, *, negated: bool) -> list[_Read]:
        """Items side by side, or joined by AND, which makes the words beside it conditions."""
        out: list[_Read] = []
        if self._next.sort is Sort.OPERATOR and self._next.text != "NOT":
            raise _refused(self._next, f"{self._next.text} has nothing on its left", _OPERATOR_HELP)
        while self._next.sort is not Sort.CLOSE and not (self._next.sort is Sort.OPERATOR and self._next.text == "OR"):
            operator = self._next
            if self._takes("AND"):
                last = out.pop()
                items = self._operand(operator, lambda: self._item(negated=negated))
                out += [_Read(last.condition), *(_Read(one.condition) for one in items)]
            else:
                out += self._item(negated=negated)
        return out

    def _operand(self, operator: Piece, read: Callable[[], list[_Read]]) -> list[_Read]:
        missing = self._next.sort is Sort.CLOSE or (self._next.sort is Sort.OPERATOR and self._next.text != "NOT")
        if missing:
            raise _refused(operator, f"{operator.text} has nothing on its right", _OPERATOR_HELP)
        return read()

    def _item(self, *, negated: bool) -> list[_Read]:
        piece = self._next
        self._at += 1
        match piece.sort:
            case Sort.OPEN:
                return self._group(piece, negated=negated)
            case Sort.OPERATOR | Sort.MINUS:
                return [self._negation(piece, negated=negated)]
            case Sort.UNKNOWN:
                raise _unknown_field(piece)
            case Sort.UNCLOSED:
                raise _refused(piece, "this quote is not closed", 'put another " behind the phrase, or leave this one out')
            case _:
                return [self._leaf(piece, negated=negated)]

    def _group(self, piece: Piece, *, negated: bool) -> list[_Read]:
        self._deeper(piece)
        inside = self._any(negated=negated)
        if self._at >= len(self._found):
            raise _refused(piece, "this parenthesis is not closed", "close it, or leave it out")
        self._at += 1
        self._depth -= 1
        if not inside:
            raise _refused(piece, "these parentheses are empty", "put something between them, or leave them out")
        return inside

    def _negation(self, piece: Piece, *, negated: bool) -> _Read:
        self._deeper(piece)
        inside = self._operand(piece, lambda: self._item(negated=not negated))
        self._depth -= 1
        return _Read(Not(_joined(AllOf, [one.condition for one in inside])))

    def _leaf(self, piece: Piece, *, negated: bool) -> _Read:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS and piece.sort is not Sort.WORD:
            raise _refused(piece, f"a question has at most {MAX_CONDITIONS} conditions", "ask for less at once")
        if piece.sort is Sort.FILTER:
            return _Read(filter_condition(piece, self._me))
        if not negated:
            self._words.append(piece.text)
        return _Read(Saying(piece.text, phrase=piece.sort is Sort.PHRASE), free=piece.sort is Sort.WORD)

    def _deeper(self, piece: Piece) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _refused(piece, f"this is more than {MAX_DEPTH} levels deep", "ask for less at once")


_OPERATOR_HELP = "put something on both sides, or write it in lower case to mean the word"


def _joined(kind: type[AllOf | AnyOf], conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else kind(tuple(conditions))


def _refused(piece: Piece, problem: str, advice: str) -> QueryRefused:
    return QueryRefused(problem, advice, piece.start, piece.end)


def _unknown_field(piece: Piece) -> QueryRefused:
    near = get_close_matches(piece.field.lower(), FIELDS, n=1, cutoff=0.6)
    meant = f"did you mean {near[0]}:? " if near else ""
    known = f'{meant}known are {", ".join(FIELDS)}; put "quotes" around it to search for it as it stands'
    return QueryRefused(f"there is no field {piece.field}", known, piece.start, piece.start + len(piece.field))
