"""Text and JSON that every database can store, and the folded forms that filters compare. Step one of the sink.

PostgreSQL stores neither NUL nor lone surrogates; both are replaced visibly, on SQLite too, so that both hold the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

NUL_SHOWN = "\N{SYMBOL FOR NULL}"


def clean(text: str) -> str:
    r"""`text` with NUL as `␀` and lone surrogates (undecodable bytes) as `\udc80`. Idempotent; other text is kept."""
    if "\x00" in text:
        text = text.replace("\x00", NUL_SHOWN)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def clean_json(value: Any) -> Any:
    """`value` as JSON that every database stores: text cleaned, keys as text, numbers that JSON lacks as text."""
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean_json(item) for item in value]
    return clean(str(value))


def folded(values: Iterable[str]) -> str:
    """A list as one text to search in: lower case, a line each, with a line break at both ends; empty for none."""
    lines = [" ".join(value.lower().split()) for value in values]
    return "\n" + "\n".join(lines) + "\n" if lines else ""
