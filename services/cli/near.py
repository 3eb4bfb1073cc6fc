"""Names that are near one that nobody has, for commands; the index is opened for them alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from services.catalog.near_names import near_names
from services.common.errors import HeadwaterError
from services.common.model.access import FULL_SCOPE
from services.common.model.near_columns import did_you_mean
from services.common.ports import Search
from services.workspace import Workspace


def unknown_name(text: str, near: Sequence[str]) -> str:
    """A line about a name that nobody has."""
    return f"no table is called {text}{did_you_mean(near) or f'; `headwater search {text!r}` finds what is like it'}"


class Near:
    """Looks near names up in a home's index, which is opened when first needed.

    Args:
        space: the home; its indexer is not open yet.

    """

    def __init__(self, space: Workspace) -> None:
        self._space = space

    def __call__(self, text: str) -> tuple[str, ...]:
        """The nearest few; none where there is no index that can be read."""
        try:
            return near_names(text, FULL_SCOPE, self._search)
        except HeadwaterError:  # that the name is unknown is worth more than why nothing can be proposed
            return ()

    @cached_property
    def _search(self) -> Search:
        self._space.indexer.open()
        return self._space.indexer.retriever
