"""The `Search` port over HTTP, for a catalog that runs apart from the indexer. `app` serves the other end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.model.access import AccessScope
from services.common.model.search import IndexStatus, SearchAnswer, SearchQuery, Suggestion
from services.common.model.vocabulary import Proposal
from services.common.runtime import wire
from services.common.runtime.service_client import ServiceClient

PREFIX = "/internal/v1/index"


@dataclass(frozen=True, slots=True)
class SuggestRequest:
    """What is being typed, by whom, and how many completions are wanted."""

    prefix: str
    scope: AccessScope
    limit: int


class HttpSearch:
    """Implements `Search`.

    Args:
        client: reaches the indexer.

    """

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def search(self, query: SearchQuery) -> SearchAnswer:
        """See `Search.search`; ServiceUnavailable when the indexer does not answer."""
        return wire.load(SearchAnswer, self._client.post(f"{PREFIX}/search", wire.dump(query)))

    def suggest(self, prefix: str, scope: AccessScope, *, limit: int = 8) -> Sequence[Suggestion]:
        """See `Search.suggest`; ServiceUnavailable when the indexer does not answer."""
        body = wire.dump(SuggestRequest(prefix, scope, limit))
        return wire.load(tuple[Suggestion, ...], self._client.post(f"{PREFIX}/suggest", body))

    def vocabulary(self, scope: AccessScope) -> Sequence[Proposal]:
        """See `Search.vocabulary`; ServiceUnavailable when the indexer does not answer."""
        return wire.load(tuple[Proposal, ...], self._client.post(f"{PREFIX}/vocabulary", wire.dump(scope)))

    def status(self) -> IndexStatus:
        """See `Search.status`; ServiceUnavailable when the indexer does not answer."""
        return wire.load(IndexStatus, self._client.get(f"{PREFIX}/status"))
