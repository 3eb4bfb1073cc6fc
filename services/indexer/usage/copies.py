"""Names without the marks that copies carry: a backup, a day's shard, a version. What is left is the name of what was copied.

Journey 2, "similar tables". Pure; the marks are those that people and tools put on names, at either end and as whole words.
"""

from __future__ import annotations

import re
from enum import StrEnum

_MARKS = (
    "backup|backups|bak|bkp|bck|copy|old|orig|original|tmp|temp|archive|archived|arch|new|test|dup|duplicate|snapshot|clone"
)
_BETWEEN = r"(?:_|-|\.|\$|\s)+"
_COPY = re.compile(
    rf"^copy{_BETWEEN}of{_BETWEEN}|^(?:{_MARKS}|zz?|xx?){_BETWEEN}|{_BETWEEN}(?:{_MARKS})(?:_?\d{{1,3}})?$", re.IGNORECASE
)
# a year from 1900 to 2099 with a month, and a day; or quarters and weeks of it
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?:{_BETWEEN}|(?<=[a-z]))[ymd]?(?:19|20)\d\d(?:[_-]?(?:{_MONTH}(?:[_-]?{_DAY}(?:[_t-]?\d{{2,6}})?)?|q[1-4]|w\d\d))?$",
    re.IGNORECASE,
)
_VERSION = re.compile(rf"(?:{_BETWEEN}v|{_BETWEEN}|(?<=[a-z])v)\d{{1,3}}$", re.IGNORECASE)
_PASSES = 4
"""A name may carry several marks: `orders_bak_20240101`."""


class Mark(StrEnum):
    """What a name says that it is a copy by."""

    DATE = "date"
    COPY = "copy"
    VERSION = "version"


def without_marks(name: str) -> tuple[str, frozenset[Mark]]:
    """A name in lower case without its marks, and which kinds it had; a name that is nothing but marks stays as it is."""
    left, found = name.lower(), set[Mark]()
    for _ in range(_PASSES):
        before = left
        for kind, pattern in ((Mark.DATE, _DATE), (Mark.COPY, _COPY), (Mark.VERSION, _VERSION)):
            shorter = pattern.sub("", left)
            if shorter and shorter != left:
                left = shorter
                found.add(kind)
        if left == before:
            break
    return left, frozenset(found)
