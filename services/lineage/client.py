"""`LineageQuery` and `LineageRecord` over HTTP: what the catalog uses where the lineage service is a process of its own.

Journey 3, the crossing back to the catalog.
"""

from __future__ import annotations

from services.common.model.access import AccessScope
from services.common.model.lineage import (
    Declaration,
    DiffRequest,
    LineageCoverage,
    LineageDiff,
    LineageRequest,
    LineageStatus,
    Paths,
    PathsRequest,
    Subgraph,
)
from services.common.model.names import AssetId, ScopePath
from services.common.model.schema_changes import PlannedChanges, Redefinition, RedefinitionRequest
from services.common.runtime.service_client import ServiceClient
from services.common.runtime.wire import dump, load
from services.lineage.app import PREFIX, MentionedAnswer, MentionedRequest, PlannedRequest, SayRequest


class HttpLineage:
    """Asks a lineage service; raises what it raised.

    Args:
        service: a client of it, which is closed by its owner.

    Raises (every verb):
        ServiceUnavailable: it does not answer; trying again helps.

    """

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    def walk(self, request: LineageRequest) -> Subgraph:
        """See `LineageQuery.walk`."""
        return load(Subgraph, self._service.post(f"{PREFIX}/walk", dump(request)))

    def paths(self, request: PathsRequest) -> Paths:
        """See `LineageQuery.paths`."""
        return load(Paths, self._service.post(f"{PREFIX}/paths", dump(request)))

    def planned(self, sql: str, dialect: str) -> PlannedChanges:
        """See `LineageQuery.planned`."""
        return load(PlannedChanges, self._service.post(f"{PREFIX}/planned", dump(PlannedRequest(sql, dialect))))

    def redefinition(self, request: RedefinitionRequest) -> Redefinition:
        """See `LineageQuery.redefinition`."""
        return load(Redefinition, self._service.post(f"{PREFIX}/redefinition", dump(request)))

    def mentioned(self, asset: AssetId, sha256: str) -> tuple[ScopePath, ...] | None:
        """See `LineageQuery.mentioned`."""
        body = dump(MentionedRequest(asset, sha256))
        return load(MentionedAnswer, self._service.post(f"{PREFIX}/mentioned", body)).paths

    def status(self) -> LineageStatus:
        """See `LineageQuery.status`."""
        return load(LineageStatus, self._service.get(f"{PREFIX}/status"))

    def diff(self, request: DiffRequest) -> LineageDiff:
        """See `LineageRecord.diff`."""
        return load(LineageDiff, self._service.post(f"{PREFIX}/diff", dump(request)))

    def coverage(self, scope: AccessScope) -> LineageCoverage:
        """See `LineageRecord.coverage`."""
        return load(LineageCoverage, self._service.post(f"{PREFIX}/coverage", dump(scope)))

    def declare(self, said: Declaration, scope: AccessScope) -> bool:
        """See `LineageRecord.declare`."""
        return load(bool, self._service.post(f"{PREFIX}/declare", dump(SayRequest(said, scope))))

    def retract(self, said: Declaration, scope: AccessScope) -> bool:
        """See `LineageRecord.retract`."""
        return load(bool, self._service.post(f"{PREFIX}/retract", dump(SayRequest(said, scope))))
