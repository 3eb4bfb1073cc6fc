"""Names that are near one that nobody has, for "did you mean": typing mistakes, beginnings, a wrong schema in front.

Beside journey 2. Inside the caller's scope, as completions are: a hidden table is near nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.catalog.assets import AssetReader
from services.common.errors import NotFound, ServiceUnavailable
from services.common.model.access import AccessScope
from services.common.model.names import parse_name
from services.common.model.near_columns import did_you_mean
from services.common.ports import Search

SHOWN = 3
"""Names that are told."""
_ASKED = 20
"""Completions asked for: some of them are columns and tags."""
_LEAST_CHARS, _MOST_CHARS = 3, 1_000
"""Shorter texts are near too much, longer ones are no names."""


def near_names(text: str, scope: AccessScope, search: Search) -> tuple[str, ...]:
    """The qualified names of at most `SHOWN` assets that a name may be a slip for, nearest first.

    Empty where nothing is near, and while the indexer does not answer: that the name is unknown is worth more.
    """
    return NearNames(scope, search)(text)


class NearNames:
    """`near_names` for all names of one request: each is looked up once, and none any more after the indexer did not answer.

    A request may have hundreds, and each would wait for an indexer that hangs.
    """

    def __init__(self, scope: AccessScope, search: Search) -> None:
        self._scope = scope
        self._search = search
        self._known: dict[str, tuple[str, ...]] = {}
        self._answers = True

    def __call__(self, text: str) -> tuple[str, ...]:
        """As `near_names` says."""
        if text not in self._known and self._answers:
            try:
                self._known[text] = _nearest(text, self._scope, self._search)
            except ServiceUnavailable:
                self._answers = False
        return self._known.get(text, ())


def _nearest(text: str, scope: AccessScope, search: Search) -> tuple[str, ...]:
    for wanted in _tries(text.strip()):
        found = search.suggest(wanted, scope, limit=_ASKED)
        names = dict.fromkeys(one.text for one in found if one.asset is not None)
        if names:
            return tuple(names)[:SHOWN]
    return ()


def no_such_id(text: str, scope: AccessScope, reader: AssetReader, search: Search) -> NotFound:
    """The answer to a text that is no id where one is asked for: whose name it is, else what is near.

    The same for what a scope hides as for what does not exist.
    """
    short = text if len(text) <= _MOST_CHARS else f"{text[:64]}…"
    named = reader.by_name(text, scope) if short == text else ()
    if len(named) == 1:
        return NotFound(f"{short} is a name, and an id is asked for: that of {named[0].name.qualified} is {named[0].id}")
    if named:
        return NotFound(f"{short} is a name, and an id is asked for: GET /api/v1/assets?name= lists those called so")
    return NotFound(f"there is no asset {short}, or you may not see it{did_you_mean(near_names(text, scope, search))}")


def _tries(text: str) -> Iterator[str]:
    """The name as it was typed, then without what stands in front of its own part."""
    if not _LEAST_CHARS <= len(text) <= _MOST_CHARS:
        return
    yield text
    try:
        own = parse_name(text)[-1].text
    except ValueError:
        return
    if own != text and len(own) >= _LEAST_CHARS:
        yield own
