"""What kind of values a column's type holds, as one letter: enough to say whether two columns can be joined on. Pure.

Journey 1, step "document". Engines spell types in hundreds of ways (`character varying(20)`, `NUMBER(38,0)`, `INT64`,
`ARRAY<STRUCT<…>>`); a letter a column is what the index keeps of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

INTEGER, NUMBER, TEXT, TIME, BOOLEAN, UUID, BINARY, NESTED, UNKNOWN = "intdbuxj?"
"""The letters. `NUMBER` is any number that may have a fraction, or of which the source does not say whether it may."""
_FAMILIES = (
    (NESTED, r"array|struct|record|map|json|variant|object|super|row\b|tuple|.*\[\]$|.*<|repeated|list|union|vector|geo"),
    (BOOLEAN, r"bool|bit$|bit\(1\)$|logical"),
    (UUID, r"uuid|uniqueidentifier|guid"),
    (TIME, r"date|time|year|interval|abstime|smalldatetime"),
    (INTEGER, r"(big|small|tiny|medium|huge|u|unsigned )*int|serial|bigserial|smallserial|oid|long$|short$|byteint|rowid"),
    (NUMBER, r"num|dec|float|double|real|money|smallmoney|bignumeric|bigdecimal|fixed|percent"),
    (BINARY, r"bytea|blob|.*blob|binary|varbinary|image|bytes|raw|long raw|bit"),
    (TEXT, r"char|.*char|text|.*text|string|clob|.*clob|enum|set|name|citext|uni|symbol|inet|cidr|macaddr|xml|others"),
)
_PATTERNS = tuple((letter, re.compile(pattern)) for letter, pattern in _FAMILIES)
_COMPATIBLE = ({INTEGER, NUMBER}, {TEXT, UUID})


def type_families(types: Iterable[str | None]) -> str:
    """A letter for each of some types, in order."""
    return "".join(map(type_family, types))


@lru_cache(maxsize=8_192)
def type_family(type_: str | None) -> str:
    """The letter of a type as a source spells it; `UNKNOWN` where it does not say, or in words that nobody knows."""
    text = (type_ or "").strip().lower()
    return next((letter for letter, pattern in _PATTERNS if pattern.match(text)), UNKNOWN) if text else UNKNOWN


def joinable(one: str, other: str) -> bool:
    """Whether columns of two families may hold equal values: unknown ones with all but what is nested."""
    if NESTED in (one, other):
        return False
    return one == other or UNKNOWN in (one, other) or any({one, other} <= family for family in _COMPATIBLE)
