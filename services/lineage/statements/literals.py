"""The words of a text that anybody's SQL would take for part of a literal or a comment.

Journey 3, step "log → facts". A log may say the wrong dialect, and a text that is read as another engine's has names where
there are literals. A name that no crawl knows is kept only if it is none of these words.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

_WORD = re.compile(r"\w+")
_DOLLARS = re.compile(r"\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)", re.DOTALL)
_CLOSING = {"[": "]", "{": "}", "(": ")", "<": ">"}
_Q_QUOTE = re.compile(r"[qQ]'(?P<mark>\S)")
_BEFORE_QUOTE = re.compile(r"\S(?=')")
_BEGINS_AS_NUMBER = re.compile(r"(?<!\w)\d\w*")


class LiteralWords:
    """Words in lower case, asked for with `in`. What they take of memory grows with the text, and no faster.

    Args:
        words: each of them.
        numbers: words that begin with a digit; an engine may end the number anywhere in one, so each of their ends is a word.

    """

    def __init__(self, words: Iterable[str], numbers: Iterable[str] = ()) -> None:
        self._words = frozenset(words)
        # turned round, what ends with a name begins with it, and stands right behind it in their order
        self._ends = sorted({number[:0:-1] for number in numbers})

    def __contains__(self, word: object) -> bool:
        """Whether it is one."""
        if not isinstance(word, str) or not word:
            return False
        if word in self._words:
            return True
        turned = word[::-1]
        at = bisect_left(self._ends, turned)
        return at < len(self._ends) and self._ends[at].startswith(turned)


def literal_words(text: str) -> tuple[LiteralWords, LiteralWords]:
    """Those words: where double quotes surely hold a name, as in the place of a table; and anywhere.

    Time and memory grow with the length of `text` alone, whatever stands in it.
    """
    numbers = _lower(_BEGINS_AS_NUMBER.findall(text))
    narrow = _in_dollars(text) | _in_q_quotes(text) | _hidden(text, double_is_text=False)
    return LiteralWords(narrow, numbers), LiteralWords(narrow | _hidden(text, double_is_text=True), numbers)


def _hidden(text: str, *, double_is_text: bool) -> set[str]:
    found: set[str] = set()
    for pattern in _ways(double_is_text=double_is_text):
        for match in pattern.finditer(text):
            if match.lastgroup == "hidden":
                found |= _lower(_WORD.findall(match[0]))
    return found


def _in_dollars(text: str) -> set[str]:
    return {word for match in _DOLLARS.finditer(text) for word in _lower(_WORD.findall(match[0]))}


def _in_q_quotes(text: str) -> set[str]:
    """What stands in Oracle's quotes, whichever of their beginnings is one: one may stand in another, or in a comment."""
    closed: dict[str, list[int]] = {}
    for match in _BEFORE_QUOTE.finditer(text):
        closed.setdefault(match[0], []).append(match.start())
    found: set[str] = set()
    spans: list[tuple[int, int]] = []
    ends: set[int] = set()
    for match in _Q_QUOTE.finditer(text):
        begin, places = match.end(), closed.get(_CLOSING.get(match["mark"], match["mark"]), [])
        at = bisect_left(places, begin)
        end = places[at] if at < len(places) else len(text)
        if match["mark"].isalnum() or match["mark"] == "_":
            # such a mark may be one word with what it marks; no word goes on behind a quote, so none is looked at twice
            ends.add(end)
            if first := _WORD.match(text, begin, end):
                found.add(first[0].lower())
        if spans and begin <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((begin, end))
    spans += [(text.rfind("'", 0, end) + 1, end) for end in ends]
    for span in spans:
        found |= _lower(_WORD.findall(text, *span))
    return found


def _lower(words: Iterable[str]) -> set[str]:
    return set(map(str.lower, words))


@cache
def _ways(*, double_is_text: bool) -> tuple[re.Pattern[str], ...]:
    """Each combination of what else dialects differ in: backslashes, and which signs begin a comment."""
    choices = itertools.product((False, True), repeat=2)
    return tuple(_way(escapes=one, double_is_text=double_is_text, more_comments=two) for one, two in choices)


def _way(*, escapes: bool, double_is_text: bool, more_comments: bool) -> re.Pattern[str]:
    inner = r"\\.|" if escapes else ""
    not_in = r"\\" if escapes else ""
    single = rf"'(?:{inner}[^'{not_in}]++|'')*+(?:'|\Z)"
    double = rf'"(?:{inner}[^"{not_in}]++|"")*+(?:"|\Z)'
    comments = r"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)" + (r"|\#[^\n]*+|//[^\n]*+" if more_comments else "")
    hidden = "|".join([comments, single, *([double] if double_is_text else [])])
    skipped = "|".join([r"`[^`]*+`", *([] if double_is_text else [double])])
    return re.compile(rf"(?P<hidden>{hidden})|(?P<skipped>{skipped})", re.DOTALL)
