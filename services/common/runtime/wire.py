"""Values of `common/model` as JSON and back, for the HTTP adapters of the ports and for `--json`.

A frozen dataclass, a tuple of them or None: what `dump` writes, `load` reads back as an equal value.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from services.common.errors import BadRequest

T = TypeVar("T")


@lru_cache(maxsize=256)
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", kind))


def dump(value: object, kind: Any = None) -> bytes:
    """`value` as UTF-8 JSON; `kind` is its type where that cannot be read off it (`tuple[Change, ...]`)."""
    return _adapter(cast("Hashable", kind or type(value))).dump_json(value)


def plain(value: object, kind: Any = None) -> Any:
    """`value` as dicts, lists and JSON scalars."""
    return _adapter(cast("Hashable", kind or type(value))).dump_python(value, mode="json")


def load(kind: type[T], body: bytes | str) -> T:
    """The value that `dump` wrote.

    Raises:
        BadRequest: the text is not the JSON of a `kind`.

    """
    try:
        return cast("T", _adapter(cast("Hashable", kind)).validate_json(body))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise BadRequest(f"not a {getattr(kind, '__name__', kind)}: {where}: {first['msg']}") from None
