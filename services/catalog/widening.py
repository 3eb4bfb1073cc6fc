"""What a column's new type means for those who read it: the same values, wider ones, or perhaps lost ones.

Beside journey 1: a schema's history asks it. Type texts are compared, no SQL is parsed; what is not known here is a loss.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Retyping(StrEnum):
    """What a change of type does to the values that are there."""

    SAME = "same"  # another spelling, such as BigQuery's INT64 and INTEGER
    WIDER = "wider"  # every value is kept; a reader with a fixed width may overflow
    LOSSY = "lossy"  # values may be lost or mean something else, or the pair is not known here


class _Span(NamedTuple):
    """Whole numbers from -2**low (0 where there is no sign) up to below 2**high."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class _Type:
    """A type's text in parts: name without case and blanks, arguments, and whether the numbers have no sign."""

    name: str
    arguments: tuple[str, ...] = ()
    unsigned: bool = False

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The arguments as numbers; None where one is none."""
        try:
            return tuple(int(argument) for argument in self.arguments)
        except ValueError:
            return None


_TEXT = re.compile(r"(?P<head>[^()]+)(?:\((?P<inner>[^()]*)\)(?P<tail>[^()]*))?")
_LONGEST = 2_000
"""A type's text beyond this, such as a struct of hundreds of fields, is only compared as a text."""

_ALIASES = {
    # PostgreSQL 17 manual, table 8.1; MySQL 8.4 manual, 13.1; BigQuery, "Data types", the aliases of each type
    "int2": "smallint",
    "int4": "integer",
    "int": "integer",
    "bool": "boolean",
    "dec": "decimal",
    "numeric": "decimal",
    "number": "decimal",
    "fixed": "decimal",
    "bigdecimal": "bignumeric",
    "character varying": "varchar",
    "char varying": "varchar",
    "varchar2": "varchar",
    "national character varying": "nvarchar",
    "nvarchar2": "nvarchar",
    "character": "char",
    "bpchar": "char",
    "string": "text",
    "clob": "text",
    "double precision": "double",
    "float8": "double",
    "float4": "real",
    "float32": "real",
    "bytes": "bytea",
    "binary varying": "varbinary",
    "record": "struct",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time with time zone": "timetz",
    "time without time zone": "time",
}
_BITS = {
    "tinyint": 8,
    "byteint": 8,
    "smallint": 16,
    "mediumint": 24,
    "integer": 32,
    "bigint": 64,
    "int8": 64,  # PostgreSQL, Redshift, DuckDB; ClickHouse's Int8 is told apart below
    "int16": 16,
    "int32": 32,
    "int64": 64,
    "int128": 128,
    "int256": 256,
    "hugeint": 128,
    "uint8": 8,
    "uint16": 16,
    "uint32": 32,
    "uint64": 64,
    "uint128": 128,
    "uint256": 256,
    "utinyint": 8,
    "usmallint": 16,
    "uinteger": 32,
    "ubigint": 64,
}
_BITS_IN_NAME = re.compile(r"u?int(16|32|64|128|256)")
_BIGQUERY_WHOLE = {"integer", "smallint", "bigint", "tinyint", "byteint"}
"""In BigQuery these are all INT64. The spelling INT64 beside one of them is found nowhere else: engines that show
`int64` (ClickHouse) show no `integer`."""
_EXACT_IN = {"real": 24, "double": 53, "float": 24, "float64": 53}
"""Whole numbers of so many bits are exact in it (IEEE 754 binary32 and binary64). `float` is the smaller of the two in
MySQL, Hive and Spark."""
_FLOATS = {("real", "float"), ("real", "double"), ("real", "float64"), ("float", "double")}
"""Wider pairs. `float` is four bytes in MySQL, Hive and Spark and eight elsewhere: from `real` and to `double` it widens."""
_SAME_FLOATS = {frozenset(pair) for pair in (("float", "float64"), ("double", "float64"))}
"""BigQuery says FLOAT and FLOAT64 of one type; elsewhere float64 is double."""
_BARE_DECIMAL = (29, 9)
"""Digits before and behind the point that a `numeric` without arguments holds at least: BigQuery's NUMERIC(38, 9).
PostgreSQL's holds more, the others show their arguments."""
_BIGNUMERIC = (38, 38)
"""The same of BigQuery's BIGNUMERIC, of 76.76 digits."""
_UNBOUNDED = {"tinytext": 255, "text": 2**40, "varchar": 2**40, "mediumtext": 2**41, "longtext": 2**42}
"""Without an argument: PostgreSQL's and Snowflake's are one; MySQL's four follow each other (manual, 13.3.4)."""
_BLOBS = {"tinyblob": 255, "bytea": 2**40, "blob": 2**40, "varbinary": 2**40, "mediumblob": 2**41, "longblob": 2**42}
_MOMENTS = {"timestamp", "timestamptz", "time", "timetz", "datetime", "datetime2", "datetimeoffset"}
"""Their argument is a number of digits of a second; between two of them every meaning differs."""


def retyping(before: str | None, after: str | None) -> Retyping:
    """What it means that a column's type was `before` and is `after`, in any platform's spelling and case.

    A type that the source did not say before or does not say now is the same: nothing is known to have changed.
    """
    if before is None or after is None or _plain(before) == _plain(after):
        return Retyping.SAME
    old, new = _element(_plain(before), _plain(after))
    was, now = _parsed(old), _parsed(new)
    if old == new:
        return Retyping.SAME
    if was is None or now is None:
        return Retyping.LOSSY
    for family in (_wholes, _decimals, _floats, _texts, _binaries, _moments):
        found = family(was, now)
        if found is not None:
            return found
    return Retyping.SAME if was == now else Retyping.LOSSY


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _element(before: str, after: str) -> tuple[str, str]:
    """What two lists are of, where both are lists in the same spelling: `text[]`, `array<string>`, `array(varchar)`."""
    while True:
        for start, end in (("", "[]"), ("array<", ">"), ("array(", ")"), ("list(", ")")):
            if all(text.startswith(start) and text.endswith(end) for text in (before, after)):
                before, after = (text[len(start) : len(text) - len(end)].strip() for text in (before, after))
                break
        else:
            return before, after


def _parsed(text: str) -> _Type | None:
    match = _TEXT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    words = " ".join((match["head"] + " " + (match["tail"] or "")).split())
    unsigned = words.endswith((" unsigned", " unsigned zerofill"))
    name = words.removesuffix(" zerofill").removesuffix(" unsigned") if unsigned else words
    name = _ALIASES.get(name, name)
    arguments = tuple(part.strip() for part in match["inner"].split(",")) if match["inner"] is not None else ()
    if arguments == ("max",):  # SQL Server
        arguments = ()
    if name in _BITS:
        arguments = ()  # MySQL's display width
    return _Type(name, arguments, unsigned or (name in _BITS and name.startswith("u")))


def _span(kind: _Type) -> _Span | None:
    bits = _BITS.get(kind.name)
    if bits is None:
        return None
    return _Span(0, bits) if kind.unsigned else _Span(bits - 1, bits - 1)


def _wholes(was: _Type, now: _Type) -> Retyping | None:
    old, new = _span(was), _span(now)
    if old is None or new is None:
        return None
    names = {was.name, now.name}
    if "int64" in names and names - {"int64"} <= _BIGQUERY_WHOLE:
        return Retyping.SAME
    if "int8" in names and any(_BITS_IN_NAME.fullmatch(name) for name in names):
        return Retyping.LOSSY  # eight bits or eight bytes: beside int16 and the like it is not known which
    return _ordered(old == new, new.low >= old.low and new.high >= old.high)


def _ordered(same: bool, wider: bool) -> Retyping:  # noqa: FBT001 - two answers of one comparison
    if same:
        return Retyping.SAME
    return Retyping.WIDER if wider else Retyping.LOSSY


def _room(kind: _Type) -> tuple[int, int] | None:
    """Digits before and behind the point; None where it is no decimal, or none that can be understood."""
    if kind.name == "bignumeric" and not kind.arguments:
        return _BIGNUMERIC
    numbers = kind.numbers
    if kind.name not in ("decimal", "bignumeric") or numbers is None or len(numbers) > 2:
        return None
    if not numbers:
        return _BARE_DECIMAL
    scale = numbers[1] if len(numbers) > 1 else 0
    return numbers[0] - scale, scale


def _decimals(was: _Type, now: _Type) -> Retyping | None:
    new = _room(now)
    span = _span(was)
    if new is not None and span is not None:
        return Retyping.WIDER if new[0] >= len(str(2**span.high)) else Retyping.LOSSY
    old = _room(was)
    if old is None or new is None:
        return None
    if was == now:
        return Retyping.SAME
    if not was.arguments and was.name == "decimal" and now.name == "decimal":
        return Retyping.LOSSY  # PostgreSQL's numeric has no bound at all
    return _ordered(old == new and was.name == now.name, new[0] >= old[0] and new[1] >= old[1])


def _floats(was: _Type, now: _Type) -> Retyping | None:
    if now.name not in _EXACT_IN:
        return None
    if was.name in _BITS:
        bits = 64 if now.name == "float64" and was.name in _BIGQUERY_WHOLE else _BITS[was.name]
        return Retyping.WIDER if bits <= _EXACT_IN[now.name] and not now.arguments else Retyping.LOSSY
    if was.name not in _EXACT_IN:
        return None
    if was.arguments or now.arguments:  # float(24) and float(53): a number of bits in some engines, of digits in MySQL
        return Retyping.SAME if was == now else Retyping.LOSSY
    if was.name == now.name or frozenset((was.name, now.name)) in _SAME_FLOATS:
        return Retyping.SAME
    return Retyping.WIDER if (was.name, now.name) in _FLOATS else Retyping.LOSSY


def _texts(was: _Type, now: _Type) -> Retyping | None:
    return _sized(was, now, _UNBOUNDED, _letters, fixed="char")


def _letters(name: str) -> str:
    return name.removeprefix("n") if name in ("nchar", "nvarchar", "ntext") else name


def _binaries(was: _Type, now: _Type) -> Retyping | None:
    return _sized(was, now, _BLOBS, lambda name: name, fixed="binary")


def _sized(
    was: _Type, now: _Type, unbounded: dict[str, int], plainly: Callable[[str], str], *, fixed: str
) -> Retyping | None:
    """Texts or bytes by what they hold at most. Into a fixed length values are padded, so that only its own growth fits."""
    known = {*unbounded, fixed}
    old_name, new_name = plainly(was.name), plainly(now.name)
    if old_name not in known or new_name not in known:
        return None
    old, new = (_length(kind, plainly(kind.name), unbounded, fixed) for kind in (was, now))
    national = was.name != old_name and now.name == new_name  # from all letters to those of one code page
    if old is None or new is None or national or (new_name == fixed and old_name != fixed):
        return Retyping.LOSSY
    alike = (old_name == fixed) is (new_name == fixed) and (was.name == old_name) is (now.name == new_name)
    return _ordered(old == new and alike, new >= old)


def _length(kind: _Type, name: str, unbounded: dict[str, int], fixed: str) -> int | None:
    numbers = kind.numbers
    if not kind.arguments:
        return 1 if name == fixed else unbounded[name]
    return numbers[0] if numbers else None  # Oracle's `20 char` is no number, and not known here


def _moments(was: _Type, now: _Type) -> Retyping | None:
    if was.name != now.name or was.name not in _MOMENTS:
        return None
    old, new = was.numbers, now.numbers
    if not old or not new:  # how many digits none means differs from engine to engine
        return Retyping.SAME if was == now else Retyping.LOSSY
    return _ordered(old == new, new >= old)
