"""What a person wants changed, checked: a JSON merge patch of an asset as a value. The first step of a curation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.catalog.store.hydrate import COLUMN_FIELDS, TABLE_FIELDS
from services.catalog.store.text import clean
from services.common.errors import BadRequest
from services.common.model.assets import Status
from services.common.model.names import parse_asset_id

MAX_DESCRIPTION_CHARS = 20_000
"""Ten times the longest description seen in open warehouses' documentation; longer texts belong on a page of their own."""
MAX_LABEL_CHARS = 200
MAX_LABELS = 100
Errors = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class CuratedPatch:
    """Fields to change: those absent stay as they are, None takes people's word back so that the crawl's shows again.

    Attributes:
        table: values by name, of `description`, `tags`, `owners`, `status`, `successor`.
        columns: the same by column, of `description`, `tags`, `status`, `successor` (another column's name).

    """

    table: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def parse_patch(body: object) -> CuratedPatch:
    """A merge patch as it came: an object with some of the table's fields, and `columns` as a list of objects with `name`.

    Columns that the list does not name stay as they are.

    Raises:
        BadRequest: with a pointer at every part that is unknown, cannot be changed, or has the wrong form.

    """
    if not isinstance(body, Mapping):
        raise BadRequest("a patch is a JSON object")
    errors: Errors = []
    table = _fields({k: v for k, v in body.items() if k != "columns"}, TABLE_FIELDS, "", errors)
    columns = _columns(body.get("columns", []), errors)
    if errors:
        raise BadRequest("; ".join(f"{e['pointer']}: {e['detail']}" for e in errors), errors=tuple(errors))
    return CuratedPatch(table, columns)


def _columns(given: object, errors: Errors) -> dict[str, Mapping[str, Any]]:
    if not isinstance(given, list):
        errors.append({"pointer": "/columns", "detail": "must be a list of objects with a name"})
        return {}
    columns: dict[str, Mapping[str, Any]] = {}
    for at, item in enumerate(given):
        pointer = f"/columns/{at}"
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str):
            errors.append({"pointer": pointer, "detail": "must be an object with a name"})
        elif name in columns:
            errors.append({"pointer": f"{pointer}/name", "detail": f"the column {name} comes twice"})
        else:
            columns[name] = _fields({k: v for k, v in item.items() if k != "name"}, COLUMN_FIELDS, pointer, errors)
    return columns


def _fields(given: Mapping[str, Any], known: tuple[str, ...], pointer: str, errors: Errors) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in given.items():
        read = _READ[name if pointer == "" else f"column {name}"] if name in known else _refuse
        try:
            fields[name] = None if value is None and name in known else read(value)
        except ValueError as error:
            escaped = name.replace("~", "~0").replace("/", "~1")
            errors.append({"pointer": f"{pointer}/{escaped}", "detail": str(error)})
    return fields


def _refuse(_value: object) -> None:
    raise ValueError("is no field that can be changed")


def _description(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_DESCRIPTION_CHARS:
        raise ValueError(f"must be text of at most {MAX_DESCRIPTION_CHARS} characters, or null")
    return clean(value)


def _labels(value: object) -> list[str]:
    wrong = f"must be a list of at most {MAX_LABELS} texts of 1 to {MAX_LABEL_CHARS} characters, or null"
    if not isinstance(value, list) or len(value) > MAX_LABELS:
        raise ValueError(wrong)
    labels: list[str] = []
    for item in value:
        label = clean(item).strip() if isinstance(item, str) else ""
        if not label or len(label) > MAX_LABEL_CHARS:
            raise ValueError(wrong)
        labels.append(label)
    return list(dict.fromkeys(labels))


def _status(value: object) -> str:
    if value not in tuple(Status):
        raise ValueError(f"must be one of {', '.join(Status)}, or null")
    return str(value)


def _asset_id(value: object) -> str:
    found = parse_asset_id(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be the id of a table, or null")
    return found


def _column_name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be the name of another column, or null")
    return clean(value)


_READ: dict[str, Callable[[object], Any]] = {
    "description": _description,
    "tags": _labels,
    "owners": _labels,
    "status": _status,
    "successor": _asset_id,
    "column description": _description,
    "column tags": _labels,
    "column status": _status,
    "column successor": _column_name,
}
