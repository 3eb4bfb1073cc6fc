"""The words of a text that anybody's SQL would take for part of a literal or a comment.

Journey 3, step "log → facts". A log may say the wrong dialect, and a text that is read as another engine's has names where
there are literals. A name that no crawl knows is kept only if it is none of these words.
"""

from __future__ import annotations

import itertools
import re
from functools import cache

_WORD = re.compile(r"\w+")
_DOLLARS = re.compile(r"\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)", re.DOTALL)
_CLOSING = {"[": "]", "{": "}", "(": ")", "<": ">"}
_Q_QUOTE = re.compile(r"[qQ]'(?P<mark>\S)")
_BEGINS_AS_NUMBER = re.compile(r"(?<!\w)\d\w*")


def literal_words(text: str) -> tuple[set[str], set[str]]:
    """Those words, in lower case: where double quotes surely hold a name, as in the place of a table; and anywhere."""
    narrow = _always_hidden(text) | _hidden(text, double_is_text=False)
    return narrow, narrow | _hidden(text, double_is_text=True)


def _hidden(text: str, *, double_is_text: bool) -> set[str]:
    return {
        word.lower()
        for pattern in _ways(double_is_text=double_is_text)
        for match in pattern.finditer(text)
        if match.lastgroup == "hidden"
        for word in _WORD.findall(match[0])
    }


def _always_hidden(text: str) -> set[str]:
    """What stands between dollars or in Oracle's quotes, and letters that follow a digit."""
    found: set[str] = set()
    for match in _DOLLARS.finditer(text):
        found.update(map(str.lower, _WORD.findall(match[0])))
    for match in _Q_QUOTE.finditer(text):
        end = text.find(_CLOSING.get(match["mark"], match["mark"]) + "'", match.end())
        found.update(map(str.lower, _WORD.findall(text[match.end() : end if end >= 0 else len(text)])))
    for number in _BEGINS_AS_NUMBER.findall(text):
        found.update(number.lower()[at:] for at in range(1, len(number)))
    return found


@cache
def _ways(*, double_is_text: bool) -> tuple[re.Pattern[str], ...]:
    """Each combination of what else dialects differ in: backslashes, and which signs begin a comment."""
    choices = itertools.product((False, True), repeat=2)
    return tuple(_way(escapes=one, double_is_text=double_is_text, more_comments=two) for one, two in choices)


def _way(*, escapes: bool, double_is_text: bool, more_comments: bool) -> re.Pattern[str]:
    inner = r"\\.|" if escapes else ""
    not_in = r"\\" if escapes else ""
    single = rf"'(?:{inner}[^'{not_in}]|'')*+(?:'|\Z)"
    double = rf'"(?:{inner}[^"{not_in}]|"")*+(?:"|\Z)'
    comments = r"--[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)" + (r"|\#[^\n]*+|//[^\n]*+" if more_comments else "")
    hidden = "|".join([comments, single, *([double] if double_is_text else [])])
    skipped = "|".join([r"`[^`]*+`", *([] if double_is_text else [double])])
    return re.compile(rf"(?P<hidden>{hidden})|(?P<skipped>{skipped})", re.DOTALL)
