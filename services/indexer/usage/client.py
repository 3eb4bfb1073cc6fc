"""The `Recommendations` port over HTTP, for a catalog that runs apart from the indexer. `app` serves the other end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from services.common.model.access import AccessScope
from services.common.model.names import AssetId
from services.common.model.related import (
    AssetUsage,
    RecentQuery,
    RecentTable,
    RelatedAnswer,
    RelatedQuery,
    SimilarItem,
    Unused,
)
from services.common.runtime import wire
from services.common.runtime.service_client import ServiceClient

PREFIX = "/internal/v1/usage"


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """Whose usage is asked for, in which scope."""

    asset: AssetId
    scope: AccessScope


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """What is like which table, in which scope."""

    asset: AssetId
    scope: AccessScope
    limit: int


@dataclass(frozen=True, slots=True)
class UnusedRequest:
    """Since how many days, in which scope."""

    scope: AccessScope
    days: int


class HttpRecommendations:
    """Implements `Recommendations`.

    Args:
        client: reaches the indexer.

    """

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def related(self, query: RelatedQuery) -> RelatedAnswer:
        """See `Recommendations.related`; ServiceUnavailable when the indexer does not answer."""
        return wire.load(RelatedAnswer, self._client.post(f"{PREFIX}/related", wire.dump(query)))

    def usage(self, asset: AssetId, scope: AccessScope) -> AssetUsage | None:
        """See `Recommendations.usage`; ServiceUnavailable when the indexer does not answer."""
        body = self._client.post(f"{PREFIX}/usage", wire.dump(UsageRequest(asset, scope)))
        return cast("AssetUsage | None", wire.load(AssetUsage | None, body))  # type: ignore[arg-type]  # a union is a type here

    def similar(self, asset: AssetId, scope: AccessScope, *, limit: int) -> Sequence[SimilarItem]:
        """See `Recommendations.similar`; ServiceUnavailable when the indexer does not answer."""
        body = self._client.post(f"{PREFIX}/similar", wire.dump(SimilarRequest(asset, scope, limit)))
        return wire.load(tuple[SimilarItem, ...], body)

    def recent(self, query: RecentQuery) -> Sequence[RecentTable]:
        """See `Recommendations.recent`; ServiceUnavailable when the indexer does not answer."""
        return wire.load(tuple[RecentTable, ...], self._client.post(f"{PREFIX}/recent", wire.dump(query)))

    def unused(self, scope: AccessScope, *, days: int) -> Sequence[Unused]:
        """See `Recommendations.unused`; ServiceUnavailable when the indexer does not answer."""
        body = self._client.post(f"{PREFIX}/unused", wire.dump(UnusedRequest(scope, days)))
        return wire.load(tuple[Unused, ...], body)
