"""Who asks, and what they may see. One predicate, `AccessScope.permits`, decides for every read in Headwater.

Journey 2, step 1: the caller becomes a `Principal` before anything is read; its scope travels with every question.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from services.common.model.names import ScopePath, lower_each


class Role(StrEnum):
    """What a token may do. Each role may do what the ones before it may, except `producer`, who only sends events."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"
    PRODUCER = "producer"


@dataclass(frozen=True, slots=True)
class AccessScope:
    """Which assets a caller may see: at least one `allow` glob matches and no `deny` glob does.

    Globs are matched without case against `source.database.schema.table`; `*` stands for any text, dots included, `?`
    for one character. A glob also covers everything below what it names: `wh.shop.hr` covers `wh.shop.hr.salaries`.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether nothing at all is hidden, so that filters can be skipped."""
        return not self.deny and "*" in self.allow

    @property
    def key(self) -> str:
        """A short text that is equal for equal scopes: part of every cache key."""
        text = repr([sorted(set(map(collapse, globs))) for globs in (self.allow, self.deny)])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def permits(self, path: ScopePath) -> bool:
        """Whether the asset at `path` may be seen. THE predicate: every other form of it is tested against this one."""
        return any(_glob(glob).fullmatch(path) for glob in self.allow) and not any(
            _glob(glob).fullmatch(path) for glob in self.deny
        )


def chooser(scope: AccessScope) -> Callable[[str], bool]:
    """`scope.permits` for those who ask it of thousands of paths: all globs of a side stand in one expression."""
    allowed, denied = _any_of(scope.allow), _any_of(scope.deny)
    return lambda path: bool(allowed(path)) and not denied(path)


def chooser_below(scope: AccessScope) -> Callable[[str], bool | None]:
    """What `scope` permits of a path and everything below it: True for all of it, False for nothing, None: ask for each.

    None may be said of what could be told; True and False are always so.
    """
    allowed, denied = _any_of(scope.allow), _any_of(scope.deny)
    may_allow, may_deny = _may_reach_below(scope.allow), _may_reach_below(scope.deny)

    def permits(path: str) -> bool | None:
        if denied(path):
            return False
        if not allowed(path):
            return None if may_allow(path) else False
        return None if may_deny(path) else True

    return permits


def _may_reach_below(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether one of the globs may name something below a path: as far as they are plain text they go its way."""
    heads = [(re.split("[*?]", glob, maxsplit=1)[0], glob) for glob in map(collapse, globs)]
    longer = sorted(head for head, _ in heads)
    wild = {head for head, glob in heads if head != glob}
    lengths = sorted(set(map(len, wild)))

    def may(path: str) -> bool:
        start = path + "."
        at = bisect_left(longer, start)
        if at < len(longer) and longer[at].startswith(start):
            return True
        return any(start[:length] in wild for length in lengths if length < len(start))

    return may


def _any_of(globs: tuple[str, ...]) -> Callable[[str], object]:
    if "*" in map(collapse, globs):
        return lambda _path: True
    if not globs:
        return lambda _path: False
    return re.compile("|".join(f"(?:{_glob(glob).pattern})" for glob in globs), re.DOTALL).fullmatch


FULL_SCOPE = AccessScope(allow=("*",))
"""Sees everything: the loopback administrator and the services themselves."""
NO_SCOPE = AccessScope()
"""Sees nothing."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: the name recorded with every write, the role, and the scope that every read takes."""

    name: str
    role: Role
    scope: AccessScope


@lru_cache(maxsize=4096)
def _glob(glob: str) -> re.Pattern[str]:
    first, *others = (
        "".join("." if char == "?" else re.escape(char) for char in piece) for piece in collapse(glob).split("*")
    )
    # the earliest place for each piece leaves most room for the rest, so no place is ever tried again: `(?>…)`
    body = first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + "".join(f".*{piece}" for piece in others[-1:])
    return re.compile(rf"{body}(?:\..*)?", re.DOTALL)


def collapse(glob: str) -> str:
    """A glob in its one spelling: lower case, runs of `*` as one (which also keeps matching from growing)."""
    return re.sub(r"\*+", "*", lower_each(glob))
