"""Names of columns that are near one that a table does not have, for "did you mean".

Beside journey 3. Whoever asks gives the columns of one table that the caller may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import islice

SHOWN = 3
"""Names that are told."""
_LOOKED_AT = 5_000
"""Columns of one table that are compared: some 20 ms."""
_LEAST_CHARS, _MOST_CHARS = 2, 128
_ALIKE = 0.7
"""Of `SequenceMatcher`'s ratio: one letter of four may be another, and `id` is not `paid`."""


def near_columns(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """At most `SHOWN` of `names` that `text` may be a slip for or the short of, nearest first, in their own spelling."""
    wanted = text.strip().lower()
    if not _LEAST_CHARS <= len(wanted) <= _MOST_CHARS:
        return ()
    found = [(_likeness(wanted, name.lower()), name) for name in islice(names, _LOOKED_AT) if len(name) <= _MOST_CHARS]
    near = sorted(((-likeness, name) for likeness, name in found if likeness >= _ALIKE), key=lambda one: one[0])
    return tuple(name for _, name in near[:SHOWN])


def did_you_mean(names: Sequence[str]) -> str:
    """What is put behind "… is unknown"; empty where nothing is near."""
    if not names:
        return ""
    *others, last = names
    return f"; did you mean {', '.join(others)} or {last}?" if others else f"; did you mean {last}?"


def _likeness(wanted: str, name: str) -> float:
    """0 to 1; short forms (`amt`, `net`) and longer names of the same words are as good as a slip."""
    matcher = SequenceMatcher(None, wanted, name, autojunk=False)
    if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE:
        ratio = matcher.ratio()
        if ratio >= _ALIKE:
            return ratio
    short, long = sorted((wanted, name), key=len)
    return _ALIKE if len(short) > _LEAST_CHARS and short[0] == long[0] and _is_within(short, long) else 0.0


def _is_within(short: str, long: str) -> bool:
    """Whether all letters of one stand in the other in this order."""
    rest = iter(long)
    return all(letter in rest for letter in short)
