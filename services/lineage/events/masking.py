"""What of an event may be kept: secrets, SQL and literals are taken out before anything is stored. Pure.

Journey 3, before the store. SQL stays as its hash; a message of an engine stays without what it quotes of rows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.common.model.secret_text import MASK, is_secret_name, masked_text
from services.lineage.events.sql_text import without_sql

MAX_DEPTH = 200
"""Objects and arrays inside one another: Spark's plans reach 60; Python's own reader of JSON gives up near 1,000."""
MAX_MESSAGE = 2_000
"""Characters kept of an error's message."""
_CACHED = 400
_NAMED_TO = 3
# facets that are programs or plans: what they hold is code with its literals, and only its hash is kept
_CODE_FACETS = frozenset({"sql", "sourceCode", "spark.logicalPlan", "spark_unknown", "stackTrace"})
_MESSAGE_KEYS = frozenset({"message", "errorMessage", "errorDescription", "log", "reason", "taskInstanceError"})
# what a facet has by its schema is no SQL, or is masked by its own rule; all that is said elsewhere may be any text
_KNOWN_FACETS = frozenset(
    {
        *(
            "schema",
            "documentation",
            "ownership",
            "tags",
            "symlinks",
            "columnLineage",
            "datasetType",
            "jobType",
            "dataSource",
        ),
        *("nominalTime", "parent", "storage", "version", "datasetVersion", "lifecycleStateChange", "processing_engine"),
        *(
            "sourceCodeLocation",
            "outputStatistics",
            "inputStatistics",
            "externalQuery",
            "catalog",
            "hierarchy",
            "errorMessage",
        ),
    }
)
_FACETS = frozenset({"facets", "inputFacets", "outputFacets"})
_KNOWN_KEYS = frozenset(
    {
        *("eventType", "eventTime", "producer", "schemaURL", "run", "job", "dataset", "inputs", "outputs", "runId"),
        *("namespace", "name", "facets", "inputFacets", "outputFacets", "_producer", "_schemaURL"),
    }
)
# words about how a column is made, inside a facet that is known otherwise
_EXPRESSIONS = frozenset({"transformationDescription"})
_STATEMENT = re.compile(
    r"\s*+(?:--[^\n]*+\n\s*+|/\*.*?\*/\s*+)*+(?:with|select|insert|update|delete|merge|create|replace|alter|copy|call|truncate)\b"
    r".*?\s(?:from|into|set|as|table|view|using|on|values|select)\s",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"'(?:[^']|'')*+(?:'|\Z)|\$(\w*+)\$.*?(?:\$\1\$|\Z)", re.DOTALL)
# with a quote escaped by a backslash it is not told where a literal ends: all from the first quote to the last
_ESCAPED = re.compile(r"'(?=[^\n]*?\\').*'", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])\d[\d.]*+(?![\w.])")
# an identifier is named by what it is; anything else between double quotes is a value that the engine could not take
_NAMED = re.compile(
    r"""(?P<what>\b(?:relation|table|view|column|schema|database|function|constraint|index|role|type|model|node|dag|task)\s++)?
        "(?:[^"\\]|\\.)*+(?:"|\Z)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ROW = re.compile(r"(?P<head>=\s*+\()[^)]*+(?=\))")
_SQL_LINE = re.compile(r"(?P<head>\b(?:LINE\s\d++:|\[SQL:|\[parameters:|QUERY:|STATEMENT:))[^\n]*+", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"(?<![\w.:-])\d{4,}+(?![\w:-])")


class TooDeep(ValueError):
    """A value is nested deeper than `MAX_DEPTH`; `pointer` leads to the facet that is."""

    def __init__(self, pointer: str) -> None:
        super().__init__(f"is nested deeper than {MAX_DEPTH} levels")
        self.pointer = pointer


def masked_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as it may be kept.

    Raises:
        TooDeep: it is nested too deep.

    """
    try:
        return _structure(event, 1)
    except (TooDeep, RecursionError):
        raise TooDeep(_deepest(event)) from None


def masked_message(text: str) -> str:
    """An engine's message without secrets and without what it quotes of statements and rows; at most `MAX_MESSAGE` long."""
    text = masked_text(text[: 2 * MAX_MESSAGE])
    text = _SQL_LINE.sub(rf"\g<head> {MASK}", text)
    text = _ESCAPED.sub(f"'{MASK}'", text)
    text = _QUOTED.sub(f"'{MASK}'", text)
    text = _NAMED.sub(lambda match: match[0] if match["what"] else f'"{MASK}"', text)
    text = _ROW.sub(rf"\g<head>{MASK}", text)
    text = _LONG_NUMBER.sub(MASK, text)
    return text[:MAX_MESSAGE]


def without_literals(sql: str) -> str:
    """A statement with each string and number in it shown as `***`."""
    return without_sql(_NUMBER.sub(MASK, _QUOTED.sub(MASK, sql))) if "\\" not in sql else without_sql(sql)


def sha256(value: object) -> str:
    """The hash of a text, or of a value's canonical JSON, in hexadecimal."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _structure(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """An event, a run, a job or a dataset: what the spec has there as it is, facets each by its name, the rest as any text."""
    if depth > MAX_DEPTH:
        raise TooDeep("")
    found: dict[str, Any] = {}
    for key, one in value.items():
        if key in _FACETS and isinstance(one, dict):
            found[key] = {
                _key(name): _masked(facet, name, depth + 2, known=name in _KNOWN_FACETS) for name, facet in one.items()
            }
        elif key in ("run", "job", "dataset") and isinstance(one, dict):
            found[key] = _structure(one, depth + 1)
        elif key in ("inputs", "outputs") and isinstance(one, list):
            some = (_structure(each, depth + 2) if isinstance(each, dict) else _masked(each, key, depth + 2) for each in one)
            found[key] = list(some)
        else:
            found[_key(key)] = _masked(one, key, depth, known=key in _KNOWN_KEYS)
    return found


def _masked(value: Any, key: str, depth: int, *, known: bool = False) -> Any:
    """A value of any kind; `known` where its facet says what it is, so that it is no SQL."""
    if isinstance(value, str):
        mask = _masked_string if len(value) <= _CACHED else _masked_string.__wrapped__
        return mask(key, value, known=known and key not in _EXPRESSIONS)
    if depth > MAX_DEPTH:
        raise TooDeep("")
    if isinstance(value, dict):
        if key in _CODE_FACETS:
            return _hashed(value)
        known = known and key != "transformations"
        return {name if known else _key(name): _masked(one, name, depth + 1, known=known) for name, one in value.items()}
    if isinstance(value, list):
        if key in _CODE_FACETS:
            return {"sha256": sha256(value)}
        return [_masked(one, key, depth + 1, known=known) for one in value]
    return value


def _key(name: str) -> str:
    """A name in an object, which may be a statement too."""
    return name if without_sql(name) == name else f"sha256:{sha256(name)}"


def _deepest(event: Mapping[str, Any]) -> str:
    """A pointer to what is nested too deep, down to a facet's name: below that it would only grow."""
    ahead: list[tuple[Any, str, int]] = [(event, "", 0)]
    while ahead:
        value, pointer, depth = ahead.pop()
        if depth > MAX_DEPTH:
            return pointer
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ahead += [
            (one, f"{pointer}/{_escaped(str(name))}" if depth < _NAMED_TO else pointer, depth + 1) for name, one in items
        ]
    return ""


def _hashed(facet: Mapping[str, Any]) -> dict[str, Any]:
    """A facet that is code: what describes it stays, the rest is one hash."""
    kept = {k: v for k, v in facet.items() if k in ("_producer", "_schemaURL", "_deleted", "dialect", "language")}
    rest = {k: v for k, v in facet.items() if k not in kept}
    query = rest.get("query")
    return {
        **{k: v for k, v in kept.items() if isinstance(v, str | bool)},
        "sha256": sha256(query if isinstance(query, str) else rest),
    }


@lru_cache(maxsize=20_000)
def _masked_string(key: str, value: str, *, known: bool) -> str:
    if key in _CODE_FACETS:
        return f"sha256:{sha256(value)}"
    if is_secret_name(key) and value:
        return MASK
    if key in _MESSAGE_KEYS:
        return masked_message(value if known else without_sql(masked_text(value)))
    text = masked_text(value)
    if known:
        return without_literals(text) if _STATEMENT.match(text[:10_000]) else text
    return without_sql(text)


def _escaped(key: str) -> str:
    return key[:100].replace("~", "~0").replace("/", "~1")
