"""What is read of an event's facets: symlinks, columns and their lineage, words, owners, times and errors. Pure.

Journey 3. A facet that is not as its schema says says nothing: whoever sent it meant something, but not to us. Schemas:
OpenLineage's `spec/facets`, columnLineage to 1-2-0.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from services.common.model.assets import Column, Kind
from services.common.model.names import DatasetName
from services.lineage.events.event import EVERY, ColumnRead, Symlink

Naming = Callable[[str, str], DatasetName]
"""Namespace and name to a dataset; raises ValueError."""
MAX_COLUMNS = 10_000
"""Columns of a schema, and pairs of columns of a columnLineage facet, that are read of one dataset."""
MAX_TEXT = 10_000
"""Characters of a description."""
_TABLES = frozenset({"TABLE", "VIEW"})
_DIRECT = {"IDENTITY": "identity", "TRANSFORMATION": "transformation", "AGGREGATION": "aggregation"}
_INDIRECT = {
    "JOIN": "join",
    "GROUP_BY": "group",
    "FILTER": "filter",
    "SORT": "sort",
    "WINDOW": "window",
    "CONDITIONAL": "conditional",
}
_KINDS = {"VIEW": Kind.VIEW, "MATERIALIZED_VIEW": Kind.MATERIALIZED_VIEW, "EXTERNAL_TABLE": Kind.EXTERNAL_TABLE}


def symlinks(facets: Mapping[str, Any], named: Naming) -> tuple[Symlink, ...]:
    """The other names of a dataset."""
    found = []
    for one in _objects(facets, "symlinks", "identifiers"):
        name = _name(one, named)
        if name is not None:
            found.append(Symlink(name, str(one.get("type", "")).upper() in _TABLES))
    return tuple(found)


def column_reads(facets: Mapping[str, Any], named: Naming) -> tuple[ColumnRead, ...]:
    """What the columns of a dataset are made from, and what decides about its rows; the first `MAX_COLUMNS` of it."""
    facet = facets.get("columnLineage")
    if not isinstance(facet, dict):
        return ()
    found: dict[ColumnRead, None] = {}
    for read in _all_reads(facet, named):
        found[read] = None
        if len(found) >= MAX_COLUMNS:
            break
    return tuple(found)


def _all_reads(facet: Mapping[str, Any], named: Naming) -> Iterator[ColumnRead]:
    fields = facet.get("fields")
    for into, field in fields.items() if isinstance(fields, dict) else ():
        if not isinstance(field, dict) or not into:
            continue
        older = str(field.get("transformationType", "")).upper()
        for one in _list(field.get("inputFields")):
            yield from _reads(one, into, "identity" if older == "IDENTITY" else "transformation", named)
    for one in _list(facet.get("dataset")):
        yield from _reads(one, EVERY, "filter", named)


def _reads(one: Any, into: str, otherwise: str, named: Naming) -> Iterator[ColumnRead]:
    name = _name(one, named) if isinstance(one, dict) else None
    column = _text(one, "field") if isinstance(one, dict) else None
    if name is None or column is None:
        return
    kinds = {_kind(said, otherwise) for said in _list(one.get("transformations"))} or {otherwise}
    for kind in sorted(kinds):
        yield ColumnRead(name, column, into, kind)


def _kind(said: Any, otherwise: str) -> str:
    if not isinstance(said, dict):
        return otherwise
    kind, subtype = (str(said.get(key, "")).upper() for key in ("type", "subtype"))
    if kind == "INDIRECT":
        return _INDIRECT.get(subtype, "filter")
    return _DIRECT.get(subtype, "transformation") if kind == "DIRECT" else otherwise


def columns(facets: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns of the facet `schema`, in its order; fields of fields are left out."""
    found: dict[str, Column] = {}
    for one in _objects(facets, "schema", "fields"):
        name = _text(one, "name")
        if name is not None and len(found) < MAX_COLUMNS:
            found.setdefault(name, Column(name, _text(one, "type"), description=_text(one, "description")))
    return tuple(found.values())


def description(facets: Mapping[str, Any]) -> str | None:
    """The text of the facet `documentation`."""
    facet = facets.get("documentation")
    return _text(facet, "description") if isinstance(facet, dict) else None


def owners(facets: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the facet `ownership`, each once, without the scheme that some producers put before them."""
    names = (_text(one, "name") for one in _objects(facets, "ownership", "owners"))
    return tuple(dict.fromkeys(name.partition(":")[2] or name for name in names if name is not None))


def tags(facets: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of the facet `tags` that are about the dataset, not about a field: `key`, or `key:value`."""
    found = []
    for one in _objects(facets, "tags", "tags"):
        key, value = _text(one, "key"), _text(one, "value")
        if key is not None and not one.get("field"):
            found.append(key if value in (None, "true") else f"{key}:{value}")
    return tuple(dict.fromkeys(found))


def kind(facets: Mapping[str, Any]) -> Kind:
    """What the facet `datasetType` says; a table where it says nothing that we know."""
    facet = facets.get("datasetType")
    said = _text(facet, "datasetType") if isinstance(facet, dict) else None
    return _KINDS.get((said or "").upper(), Kind.TABLE)


def sql(event: Mapping[str, Any]) -> tuple[str, str]:
    """The text and the dialect of the job's facet `sql`, of an event as it was sent but for what no database takes; else empty."""
    found: Any = event
    for key in ("job", "facets", "sql"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return "", ""
    query, dialect = found.get("query"), found.get("dialect")
    return storable(query) if isinstance(query, str) else "", storable(dialect) if isinstance(dialect, str) else ""


def job_type(facets: Mapping[str, Any]) -> str | None:
    """What kind of job it is, such as `TASK`."""
    facet = facets.get("jobType")
    return _text(facet, "jobType") if isinstance(facet, dict) else None


def error_message(facets: Mapping[str, Any]) -> str | None:
    """The message of the facet `errorMessage`, which is masked already."""
    facet = facets.get("errorMessage")
    return _text(facet, "message") if isinstance(facet, dict) else None


def nominal(facets: Mapping[str, Any], key: str) -> dt.datetime | None:
    """`nominalStartTime` or `nominalEndTime`."""
    facet = facets.get("nominalTime")
    text = _text(facet, key) if isinstance(facet, dict) else None
    return time(text) if text is not None else None


def time(text: str) -> dt.datetime | None:
    """An ISO 8601 time in UTC; None where the text is none."""
    try:
        return in_utc(dt.datetime.fromisoformat(text))
    except ValueError:
        return None


def in_utc(at: dt.datetime) -> dt.datetime | None:
    """A time in UTC; without an offset it is taken for UTC. None where that is before or after all time."""
    try:
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except OverflowError:
        return None


def _objects(facets: Mapping[str, Any], facet: str, key: str) -> list[Mapping[str, Any]]:
    found = facets.get(facet)
    return [one for one in _list(found.get(key)) if isinstance(one, dict)] if isinstance(found, dict) else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(one: Mapping[str, Any], named: Naming) -> DatasetName | None:
    namespace, name = _text(one, "namespace"), _text(one, "name")
    if namespace is None or name is None:
        return None
    try:
        return named(namespace, name)
    except ValueError:
        return None


def _text(one: Mapping[str, Any], key: str) -> str | None:
    value = one.get(key)
    return storable(value[:MAX_TEXT]) if isinstance(value, str) and value.strip() else None


def is_storable(text: str) -> bool:
    """Whether a database takes the text: PostgreSQL refuses NUL, UTF-8 has no half of a surrogate pair."""
    return (text.isascii() and "\0" not in text) or storable(text) == text


def storable(text: str) -> str:
    """The text with what no database takes left out or replaced."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
