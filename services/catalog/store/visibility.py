"""The SQL form of `AccessScope.permits`. Every SELECT of assets for a caller goes through here; a test sees to it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, literal_column, not_, or_, true

from services.catalog.store.tables import asset
from services.catalog.store.text import clean
from services.common.model.access import AccessScope, collapse

_ESCAPE = "/"
_MEANT_LITERALLY = str.maketrans({char: _ESCAPE + char for char in (_ESCAPE, "%", "_")})
_WILD = {"*": "%", "?": "_"}
_TOGETHER = 200
"""Patterns joined flat by OR; SQLite refuses expressions more than 1,000 deep, so longer lists are nested."""


def visible(scope: AccessScope, path: ColumnElement[str] | None = None) -> ColumnElement[bool]:
    """Whether a caller with `scope` may see the row: equal to `scope.permits` for every path that can be stored.

    Args:
        scope: the caller's.
        path: where the row's scope path is; `asset.scope_path` unless given.

    """
    if scope.is_full:
        return true()
    where = asset.c.scope_path if path is None else path
    allowed = _any_covers(scope.allow, where)
    return and_(allowed, not_(_any_covers(scope.deny, where))) if scope.deny else allowed


def _any_covers(globs: tuple[str, ...], path: ColumnElement[str]) -> ColumnElement[bool]:
    # a glob covers itself and what is below it: with a dot behind both, that is one pattern instead of two
    dotted = path + literal_column("'.'")
    patterns = sorted({_pattern(glob) for glob in globs if clean(glob) == glob})  # other text is never stored
    tests = [dotted.like(pattern, escape=_ESCAPE) for pattern in patterns]
    if not tests:
        return false()
    groups = [or_(*tests[at : at + _TOGETHER]) for at in range(0, len(tests), _TOGETHER)]
    # an OR of ORs would be written flat again
    return groups[0] if len(groups) == 1 else not_(and_(*(not_(group) for group in groups)))


def _pattern(glob: str) -> str:
    body = "".join(_WILD.get(char) or char.translate(_MEANT_LITERALLY) for char in collapse(glob))
    return f"{body}.%"
