"""One `metadata://` line becomes a table: the format, checked by pydantic, and everything a line can get wrong.

Journey 1, step 1; used by `metadata_file` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container as Holding
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.common.model.assets import RESTRICTED, Column, ForeignKey, Found, Kind
from services.common.model.names import AssetId, DatasetName, Namespace, canonical_namespace, from_catalog, parse_name

# databases cannot store a NUL in text; an even number of backslashes before it means a backslash and the letters u0000
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _ColumnLine(_Line):
    name: str = Field(min_length=1)
    type: str | None = None
    description: str | None = None
    nullable: bool | None = None
    default: str | None = None
    tags: list[str] | None = None
    restricted: bool | None = None


class _ForeignKeyLine(_Line):
    columns: list[str] = Field(min_length=1)
    ref_table: str = Field(min_length=1)
    ref_columns: list[str] | None = None


class _TableLine(_Line):
    model_config = ConfigDict(extra="allow")

    database: str = Field(min_length=1)
    schema_: str | None = Field(default=None, alias="schema")
    name: str = Field(min_length=1)
    kind: Literal["table", "view", "materialized_view"] = "table"
    description: str | None = None
    namespace: str | None = None
    columns: list[_ColumnLine] | None = None
    primary_key: list[str] | None = None
    foreign_keys: list[_ForeignKeyLine] | None = None
    sql: str | None = None
    tags: list[str] | None = None
    owners: list[str] | None = None


def found_from(raw: bytes, namespace: Namespace) -> Found:
    """A line as a table of `namespace`, or of the namespace that it names. Foreign keys are still as the line has them.

    Unknown keys become properties. A column that the line repeats is one column.

    Raises:
        ValueError: what is wrong with the line, for a person; nothing of its content is repeated.

    """
    if b"u0000" in raw and _NUL.search(raw):
        raise ValueError("a text holds a NUL character")
    try:
        line = _TableLine.model_validate_json(raw)
    except ValidationError as error:
        raise ValueError(_explain(error)) from None
    own = namespace if line.namespace is None else _namespace(line.namespace)
    name = from_catalog(own, (line.database, line.schema_ or "", line.name))
    return Found(
        name=name,
        kind=Kind(line.kind),
        description=line.description or None,
        columns=_columns(name, line.columns or ()),
        primary_key=tuple(line.primary_key or ()),
        foreign_keys=tuple(
            ForeignKey(tuple(key.columns), (key.ref_table,), tuple(key.ref_columns or ())) for key in line.foreign_keys or ()
        ),
        sql=line.sql or None,
        tags=tuple(line.tags or ()),
        owners=tuple(line.owners or ()),
        properties=_properties(line.model_extra or {}),
    )


def with_full_references(found: Found, known: Holding[AssetId]) -> Found:
    """`found` with its foreign keys' `table`, `schema.table` or `database.schema.table` as full name parts.

    What the text leaves out is the table's own database and schema. `known`, the tables of the file, decides where a
    text could mean several.
    """
    if not found.foreign_keys:
        return found
    keys = (replace(key, ref_table=_resolved(key.ref_table[0], found.name, known)) for key in found.foreign_keys)
    return replace(found, foreign_keys=tuple(keys))


def _resolved(text: str, own: DatasetName, known: Holding[AssetId]) -> tuple[str, ...]:
    prefix = own.parts[:-1]
    try:
        parts = tuple(part.text for part in parse_name(text))
    except ValueError:
        parts = (text,)
    # a dot may also be a letter of the name
    for spelling in ((text,), parts):
        for length in range(len(prefix), -1, -1):
            candidate = from_catalog(own.namespace, (*prefix[:length], *spelling))
            if candidate.id in known:
                return candidate.parts
    return {1: (*prefix, *parts), 2: (prefix[0], *parts)}.get(len(parts), parts)


def _namespace(text: str) -> Namespace:
    try:
        return canonical_namespace(text)
    except ValueError:
        raise ValueError("namespace: it has no text, or a port that is no number") from None


def _columns(table: DatasetName, lines: Sequence[_ColumnLine]) -> tuple[Column, ...]:
    columns = [_column(line) for line in lines]
    if len({column.name.lower() for column in columns}) == len(columns):
        return tuple(columns)
    merged: dict[str, Column] = {}
    for column in columns:
        first = merged.setdefault(table.column_id(column.name), column)
        if first is not column:
            merged[table.column_id(column.name)] = replace(
                first,
                type=first.type or column.type,
                description=first.description or column.description,
                tags=tuple(dict.fromkeys((*first.tags, *column.tags))),
            )
    return tuple(merged.values())


def _column(line: _ColumnLine) -> Column:
    tags = dict.fromkeys((*(line.tags or ()), *((RESTRICTED,) if line.restricted else ())))
    return Column(
        line.name,
        line.type or None,
        nullable=line.nullable,
        default=line.default,
        description=line.description or None,
        tags=tuple(tags),
    )


def _properties(extra: dict[str, Any]) -> dict[str, Any]:
    if extra:
        try:
            json.dumps(extra, allow_nan=False)
        except ValueError:
            raise ValueError("a number is not finite") from None
    return extra


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return "not valid JSON: " + str(first["ctx"]["error"]).replace(" at line 1 column ", " at byte ")
    where = ".".join(str(step) for step in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    message = "not an object" if first["type"] == "model_type" else first["msg"]
    return f"{where}: {message}{more}" if where else message
