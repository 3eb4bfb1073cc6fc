"""Datasets, jobs, runs and graphs in the shapes of Marquez' read API (0.50), for its clients. The last step of journey 3."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from services.common.model.assets import Asset
from services.common.model.events import Job, Run, RunState
from services.common.model.lineage import LineageEdge
from services.common.model.names import AssetId, DatasetName

Body = dict[str, Any]
_STATES = {
    RunState.START: "RUNNING",
    RunState.RUNNING: "RUNNING",
    RunState.COMPLETE: "COMPLETED",
    RunState.ABORT: "ABORTED",
    RunState.FAIL: "FAILED",
    RunState.OTHER: "NEW",
}


def namespace(name: str, first: dt.datetime | None, last: dt.datetime | None) -> Body:
    """A namespace; nobody owns one here."""
    return {
        "name": name,
        "createdAt": _time(first),
        "updatedAt": _time(last),
        "ownerName": "headwater",
        "description": None,
        "isHidden": False,
    }


def dataset(asset: Asset) -> Body:
    """A dataset with its columns as fields."""
    return {
        "id": {"namespace": asset.name.namespace, "name": asset.name.qualified},
        "type": "DB_TABLE",
        "name": asset.name.qualified,
        "physicalName": asset.name.qualified,
        "createdAt": _time(asset.first_seen),
        "updatedAt": _time(asset.last_seen),
        "namespace": asset.name.namespace,
        "sourceName": asset.source,
        "fields": [
            {"name": column.name, "type": column.type, "tags": list(column.tags), "description": column.description}
            for column in asset.columns
        ],
        "tags": list(asset.tags),
        "lastModifiedAt": _time(asset.last_altered),
        "lastLifecycleState": None,
        "description": asset.description,
        "currentVersion": None,
        "facets": {},
        "deleted": asset.gone_at is not None,
    }


def job(found: Job) -> Body:
    """A job with its datasets and the run that began last."""
    latest = run(found.latest, found) if found.latest is not None else None
    return {
        "id": {"namespace": found.namespace, "name": found.name},
        "type": "BATCH",
        "name": found.name,
        "simpleName": found.name.rpartition(".")[2],
        "parentJobName": None,
        "createdAt": _time(found.first_seen),
        "updatedAt": _time(found.last_seen),
        "namespace": found.namespace,
        "inputs": [_id(name) for name in found.inputs],
        "outputs": [_id(name) for name in found.outputs],
        "location": None,
        "description": found.description,
        "latestRun": latest,
        "latestRuns": [latest] if latest is not None else [],
        "facets": dict(found.facets),
        "currentVersion": None,
        "tags": [],
    }


def run(found: Run, of: Job | None) -> Body:
    """A run, its state in Marquez' words."""
    return {
        "id": found.id,
        "createdAt": _time(found.started_at),
        "updatedAt": _time(found.updated_at),
        "nominalStartTime": _time(found.nominal_start),
        "nominalEndTime": _time(found.nominal_end),
        "state": _STATES[found.state],
        "startedAt": _time(found.started_at),
        "endedAt": _time(found.ended_at),
        "durationMs": found.duration_ms,
        "args": {},
        "jobVersion": {"namespace": of.namespace, "name": of.name, "version": None} if of is not None else None,
        "inputDatasetVersions": [],
        "outputDatasetVersions": [],
        "facets": {"errorMessage": {"message": found.error}} if found.error is not None else {},
    }


def dataset_node(name: DatasetName) -> str:
    """The id of a dataset's node."""
    return f"dataset:{name.namespace}:{name.qualified}"


def job_node(found: Job) -> str:
    """The id of a job's node."""
    return f"job:{found.namespace}:{found.name}"


def field_node(name: DatasetName, column: str) -> str:
    """The id of a column's node."""
    return f"datasetField:{name.namespace}:{name.qualified}:{column}"


def graph(assets: Iterable[Asset], jobs: Iterable[Job]) -> Body:
    """Datasets and jobs with the edges between them: from a dataset to a job that reads it, from a job to what it writes."""
    data = {dataset_node(asset.name): ("DATASET", dataset(asset)) for asset in assets}
    edges: list[tuple[str, str]] = []
    for one in jobs:
        node = job_node(one)
        data[node] = ("JOB", job(one))
        edges += [(dataset_node(name), node) for name in one.inputs if dataset_node(name) in data]
        edges += [(node, dataset_node(name)) for name in one.outputs if dataset_node(name) in data]
    ends = _Ends(edges)
    return {"graph": [_node(id_, kind, body, ends) for id_, (kind, body) in sorted(data.items())]}


def column_graph(
    names: Mapping[AssetId, DatasetName], edges: Iterable[LineageEdge], types: Mapping[str, str | None]
) -> Body:
    """Columns with what each is made from; `types` are of columns, by the ids of their nodes."""
    pairs: dict[tuple[str, str], LineageEdge] = {}
    for edge in edges:
        if edge.column is not None and edge.into is not None:
            pairs[field_node(names[edge.source], edge.column), field_node(names[edge.target], edge.into)] = edge
    data: dict[str, Body] = {}
    for (source, target), edge in pairs.items():
        for node, id_, column in ((source, edge.source, edge.column), (target, edge.target, edge.into)):
            data.setdefault(node, _field(names[id_], str(column), types.get(node)))
        data[target]["inputFields"].append(
            {
                "namespace": names[edge.source].namespace,
                "dataset": names[edge.source].qualified,
                "field": edge.column,
                "transformationType": edge.kind.upper(),
                "transformationDescription": None,
            }
        )
    ends = _Ends(pairs)
    return {"graph": [_node(id_, "DATASET_FIELD", body, ends) for id_, body in sorted(data.items())]}


def _field(name: DatasetName, column: str, kind: str | None) -> Body:
    return {
        "namespace": name.namespace,
        "dataset": name.qualified,
        "datasetVersion": None,
        "field": column,
        "fieldType": kind,
        "transformationDescription": None,
        "transformationType": None,
        "inputFields": [],
    }


class _Ends:
    """The edges of a graph by the node that they begin and end at, in their order."""

    def __init__(self, edges: Iterable[tuple[str, str]]) -> None:
        self.into: dict[str, list[Body]] = {}
        self.out: dict[str, list[Body]] = {}
        for origin, destination in edges:
            edge = {"origin": origin, "destination": destination}
            self.into.setdefault(destination, []).append(edge)
            self.out.setdefault(origin, []).append(edge)


def _node(id_: str, kind: str, data: Body, ends: _Ends) -> Body:
    return {"id": id_, "type": kind, "data": data, "inEdges": ends.into.get(id_, []), "outEdges": ends.out.get(id_, [])}


def _id(name: DatasetName) -> Body:
    return {"namespace": name.namespace, "name": name.qualified}


def _time(at: dt.datetime | None) -> str | None:
    return None if at is None else at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
