"""Cursors of pages: a few values as one word that a caller hands back, and never needs to read."""

from __future__ import annotations

import base64
import json
from types import UnionType
from typing import Any

from services.common.errors import BadRequest

OF_ANOTHER = "the cursor belongs to another question; ask again without it"
"""What a page says of a cursor that another question's page gave."""
_MOST = 2**53
"""No page begins behind it; whoever adds to such a number stays inside of what databases and arrays hold."""
_NOT_OURS = "this cursor was not given by a page"
_POINTER = {"pointer": "/query/cursor", "detail": "leave it out, or send the cursor of the page before"}


def cursor_of(*values: object) -> str:
    """The cursor of values that JSON can hold."""
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def values_of(cursor: str, *kinds: type | UnionType) -> tuple[Any, ...]:
    """The values of a cursor, one of each kind; an int is 0 to 2^53, and no bool.

    Raises:
        BadRequest: it was not made of such values.

    """
    try:
        read = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):  # binascii's and json's errors are ValueErrors
        raise refused() from None
    if not isinstance(read, list) or len(read) != len(kinds) or not all(map(_is_one, read, kinds)):
        raise refused()
    return tuple(read)


def refused(why: str = _NOT_OURS) -> BadRequest:
    """What to raise about a cursor."""
    return BadRequest(why, errors=(_POINTER,))


def _is_one(value: object, kind: type | UnionType) -> bool:
    if isinstance(value, int):
        return kind is bool if isinstance(value, bool) else kind is int and 0 <= value <= _MOST
    return isinstance(value, kind)
