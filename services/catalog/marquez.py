"""What Marquez' clients ask: nodes by their ids, and graphs of datasets and jobs, inside a scope.

Journey 3, reading; `api.marquez` has the routes, `api.marquez_shapes` the shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.catalog.assets import AssetReader
from services.common.errors import BadRequest, NotFound
from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.events import Job, JobsRequest, RunsRequest, job_id
from services.common.model.lineage import Direction, LineageEdge, LineageRequest
from services.common.model.names import AssetId, Namespaces, from_openlineage
from services.common.ports import LineageEvents, LineageQuery

MAX_NODES = 500
"""Datasets of one graph; Marquez' own answers have no bound and take seconds."""
MAX_JOBS = 1_000
MAX_COLUMNS = 100
"""Columns of a dataset whose lineage is walked for one answer."""


@dataclass(frozen=True, slots=True)
class Marquez:
    """Answers over the catalog's reader and the ports of lineage.

    Attributes:
        namespaces: which namespace a name's own stands for.

    """

    reader: AssetReader
    events: LineageEvents
    lineage: LineageQuery
    namespaces: Callable[[], Namespaces]

    def dataset(self, namespace: str, name: str, scope: AccessScope) -> Asset:
        """The dataset of a name, under whatever alias.

        Raises:
            NotFound: there is none, or the scope hides it.

        """
        try:
            asset = from_openlineage(namespace, name, among=self.namespaces()).id
        except ValueError:
            raise NotFound("there is no such dataset, or you may not see it") from None
        return self.reader.get(self.reader.renamed(asset, scope) or asset, scope)

    def job(self, namespace: str, name: str, scope: AccessScope) -> Job:
        """The job of a name.

        Raises:
            NotFound: there is none, or something that it reads or writes is hidden.

        """
        found = self.events.runs(RunsRequest(scope, job_id(namespace, name), limit=1)).job
        if found is None:
            raise NotFound("there is no such job, or you may not see it")
        return found

    def around(self, node: str, depth: int, scope: AccessScope) -> tuple[list[Asset], list[Job]]:
        """The datasets and jobs around a node, at most `MAX_NODES` and `MAX_JOBS`.

        Raises:
            BadRequest: the id is none of a dataset or a job.
            NotFound: there is no such node, or the scope hides it.

        """
        kind, namespace, name = _parts(node)
        started: list[Job] = []
        if kind == "job":
            started = [self.job(namespace, name, scope)]
            begin = [one.id for one in (*started[0].inputs, *started[0].outputs)][:20]
        elif kind == "dataset":
            begin = [self.dataset(namespace, name, scope).id]
        else:
            raise BadRequest("nodeId is dataset:NAMESPACE:NAME or job:NAMESPACE:NAME")
        ids = dict.fromkeys(id_ for start in begin for id_ in self._reached(start, depth, scope))
        page = self.events.jobs(JobsRequest(scope, datasets=tuple(ids)[:MAX_NODES], limit=MAX_JOBS))
        jobs = {job.id: job for job in (*started, *page.jobs)}
        beside = (name.id for job in jobs.values() for name in (*job.inputs, *job.outputs))
        wanted = list(dict.fromkeys([*ids, *beside]))[:MAX_NODES]
        return list(self.reader.many(wanted, scope).values()), list(jobs.values())

    def columns(
        self, node: str, depth: int, scope: AccessScope, *, downstream: bool
    ) -> tuple[dict[AssetId, Asset], list[LineageEdge]]:
        """The edges between columns that lead to a column, to any of a dataset or of what a job writes.

        Raises:
            BadRequest: the id is none of a column, a dataset or a job.
            NotFound: there is no such node, or the scope hides it.

        """
        found: dict[LineageEdge, None] = {}
        direction = Direction.BOTH if downstream else Direction.UPSTREAM
        for asset, column in self._starts(node, scope):
            request = LineageRequest(asset.id, scope, direction, depth, MAX_NODES, column=column)
            try:
                found |= dict.fromkeys(self.lineage.walk(request).edges)
            except NotFound:
                continue  # a column that nothing is known of
        ids = list(dict.fromkeys(end for edge in found for end in (edge.source, edge.target)))
        assets = self.reader.many(ids, scope)
        return assets, [edge for edge in found if edge.source in assets and edge.target in assets]

    def _starts(self, node: str, scope: AccessScope) -> list[tuple[Asset, str]]:
        kind, namespace, name = _parts(node)
        if kind == "datasetField":
            name, _, column = name.rpartition(":")
            return [(self.dataset(namespace, name, scope), column)]
        if kind == "job":
            ids = [one.id for one in self.job(namespace, name, scope).outputs]
            assets: Iterable[Asset] = self.reader.many(ids, scope).values()
        else:
            assets = [self.dataset(namespace, name, scope)]
        return [(asset, column.name) for asset in assets for column in asset.columns][:MAX_COLUMNS]

    def _reached(self, start: AssetId, depth: int, scope: AccessScope) -> list[AssetId]:
        try:
            graph = self.lineage.walk(LineageRequest(start, scope, Direction.BOTH, depth, MAX_NODES))
        except NotFound:
            return [start]  # in the catalog, and not in the graph yet
        return [node.id for node in graph.nodes]


def _parts(node: str) -> tuple[str, str, str]:
    """Kind, namespace and name of a node's id; a namespace may have colons, and a port that is a number, a name begins behind it.

    Raises:
        BadRequest: it is none.

    """
    kind, _, rest = node.partition(":")
    rest = rest.partition("#")[0]
    if kind not in ("dataset", "datasetField", "job") or ":" not in rest:
        raise BadRequest("nodeId is dataset:NAMESPACE:NAME, datasetField:NAMESPACE:NAME:FIELD or job:NAMESPACE:NAME")
    if kind == "datasetField":
        head, _, field = rest.rpartition(":")
        namespace, _, name = head.rpartition(":")
        return kind, namespace, f"{name}:{field}"
    namespace, _, name = rest.rpartition(":")
    return kind, namespace, name
