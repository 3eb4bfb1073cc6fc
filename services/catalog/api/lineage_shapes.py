"""Answers about lineage as the API and the commands show them: walks, differences, coverage.

Journey 3, reading. Field names are the API's; they are written out so that internal renames never change them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import Field, SkipValidation

from services.catalog.api.schemas import Shape
from services.common.model.assets import Kind
from services.common.model.lineage import Direction, LineageCoverage, LineageDiff, LineageEdge, LineageNode, Subgraph
from services.common.model.names import AssetId, column_id


@dataclass(slots=True)
class NodeShape:
    """A dataset of a lineage answer; `depth` is negative upstream, `listed` and `gone` say what crawls showed, `told` that an
    event named it: then the catalog has it, listed or not.

    With `column` in the question it is a column: `id` is its own, `asset` its dataset's. `opaque` marks something that you may
    not see, where the setting `lineage.hidden` says so.
    """

    id: str
    qualified_name: str
    namespace: str
    kind: Kind | None
    depth: int
    listed: bool
    gone: bool
    asset: str | None = None
    column: str | None = None
    opaque: bool = False
    told: bool = False


class HubShape(Shape):
    """A dataset with more neighbours in one direction than were gone to: `shown` of `count`, the first ones by id."""

    id: str
    direction: Direction
    count: int
    shown: int


@dataclass(slots=True)
class EdgeShape:
    """Data flows from `from` to `to`; `kind` and `evidence` say what that rests on. Between columns `kind` is how the one gets
    into the other, `direct` whether in the column's own expression, and `basis` what that rests on.
    """

    from_: Annotated[str, Field(serialization_alias="from")]
    to: str
    kind: str
    evidence: tuple[str, ...]
    confidence: float
    basis: str | None = None
    direct: bool | None = None


class LineageShape(Shape):
    """A bounded neighbourhood. `state` is `unparsed` where the asset's own definition could not be read, `partly` where not
    all of its columns could, `pending` where lineage has not followed the catalog to it yet; `stale` counts the edges that were left out because nothing has shown them for long. `cursor` leads
    to the next nodes, with the edges between them and those before.
    """

    # by the hundred, and made here of typed values: to validate each would take longer than to write it
    nodes: SkipValidation[list[NodeShape]]
    edges: SkipValidation[list[EdgeShape]]
    total: int
    truncated: bool
    state: str
    problem: str | None
    stale: int = 0
    hubs: list[HubShape] = Field(default_factory=list)
    cursor: str | None = None


class DiffNodeShape(Shape):
    """A dataset at an end of an edge that opened or closed."""

    id: str
    qualified_name: str
    namespace: str
    kind: Kind | None
    listed: bool
    gone: bool


class DiffShape(Shape):
    """What holds at the later instant and not at the earlier one, and the other way round; `total` counts both."""

    since: dt.datetime = Field(serialization_alias="from")
    until: dt.datetime = Field(serialization_alias="to")
    opened: SkipValidation[list[EdgeShape]]
    closed: SkipValidation[list[EdgeShape]]
    nodes: list[DiffNodeShape]
    total: int
    truncated: bool


class CoverageShape(Shape):
    """How far the definitions of one source are understood. `columns_share` is null where there is no column to know of."""

    source: str
    definitions: int
    parsed: int
    partly: int
    unparsed: int
    reasons: dict[str, int]
    unresolved_names: int
    columns: int
    columns_resolved: int
    columns_share: float | None
    column_names_unresolved: int
    columns_untold: int
    waiting: int


class LogCoverageShape(Shape):
    """How far the statements of one source's query logs are understood, and the time that the logs cover."""

    source: str
    statements: int
    parsed: int
    partly: int
    unparsed: int
    reasons: dict[str, int]
    unresolved_names: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    executions: int


class JobCoverageShape(Shape):
    """How far the SQL that OpenLineage events bring is understood, of the jobs of one namespace."""

    namespace: str
    statements: int
    parsed: int
    partly: int
    unparsed: int
    reasons: dict[str, int]
    unresolved_names: int


class CoveragesShape(Shape):
    """The coverage of every source with definitions, by name; `stale_days` is how long an edge may go unseen.

    `logs` and `jobs` are empty for a caller who does not see everything.
    """

    sources: list[CoverageShape]
    stale_days: float
    logs: list[LogCoverageShape]
    jobs: list[JobCoverageShape]


class DeclaredShape(Shape):
    """What a person said of an edge, and whether that is news."""

    from_: str = Field(serialization_alias="from")
    to: str
    kind: str
    changed: bool


def lineage_shape(graph: Subgraph) -> LineageShape:
    """A sub-graph as the API shows it."""
    ids = _Ids(graph.nodes)
    return LineageShape(
        nodes=[_node(node, ids) for node in graph.nodes],
        edges=[_edge(edge, ids) for edge in graph.edges],
        total=graph.total,
        truncated=graph.truncated,
        state=graph.state,
        problem=graph.problem,
        stale=graph.stale,
        hubs=[HubShape(id=hub.id, direction=hub.direction, count=hub.count, shown=hub.shown) for hub in graph.hubs],
        cursor=graph.cursor,
    )


def diff_shape(found: LineageDiff, since: dt.datetime, until: dt.datetime) -> DiffShape:
    """A difference as the API shows it."""
    ids = _Ids(found.nodes)
    nodes = [
        DiffNodeShape(
            id=node.id,
            qualified_name=node.name.qualified,
            namespace=node.name.namespace,
            kind=node.kind,
            listed=node.listed,
            gone=node.gone,
        )
        for node in found.nodes
    ]
    return DiffShape(
        since=since,
        until=until,
        opened=[_edge(edge, ids) for edge in found.opened],
        closed=[_edge(edge, ids) for edge in found.closed],
        nodes=nodes,
        total=found.total,
        truncated=found.truncated,
    )


def coverage_shape(found: LineageCoverage) -> CoveragesShape:
    """Coverage as the API shows it."""
    sources = [
        CoverageShape(
            source=one.source,
            definitions=one.definitions,
            parsed=one.parsed,
            partly=one.partly,
            unparsed=one.unparsed,
            reasons=dict(sorted(one.reasons.items())),
            unresolved_names=one.unresolved_names,
            columns=one.columns,
            columns_resolved=one.columns_resolved,
            columns_share=round(one.columns_resolved / one.columns, 4) if one.columns else None,
            column_names_unresolved=one.column_names_unresolved,
            columns_untold=one.columns_untold,
            waiting=one.waiting,
        )
        for one in found.sources
    ]
    logs = [LogCoverageShape(**{**asdict(one), "reasons": dict(sorted(one.reasons.items()))}) for one in found.logs]
    jobs = [JobCoverageShape(**{**asdict(one), "reasons": dict(sorted(one.reasons.items()))}) for one in found.jobs]
    return CoveragesShape(sources=sources, stale_days=found.stale_days, logs=logs, jobs=jobs)


class _Ids(dict[tuple[AssetId, str | None], str]):
    """The ids of datasets and columns, each made once: an answer names a column in every edge of it."""

    def __init__(self, nodes: Iterable[LineageNode]) -> None:
        super().__init__()
        self._platforms = {node.id: node.name.platform for node in nodes}

    def __missing__(self, end: tuple[AssetId, str | None]) -> str:
        asset, column = end
        made = self[end] = asset if column is None else column_id(asset, column, self._platforms[asset])
        return made


def _node(node: LineageNode, ids: _Ids) -> NodeShape:
    name, column = node.name, node.column
    return NodeShape(
        id=ids[node.id, column],
        qualified_name=name.qualified if column is None else f"{name.qualified}.{column}",
        namespace=name.namespace,
        kind=node.kind if column is None else Kind.COLUMN,
        depth=node.depth,
        listed=node.listed,
        gone=node.gone,
        opaque=node.opaque,
        told=node.told,
        asset=None if column is None else node.id,
        column=column,
    )


def _edge(edge: LineageEdge, ids: _Ids) -> EdgeShape:
    source, target = edge.ends
    return EdgeShape(
        from_=ids[source],
        to=ids[target],
        kind=edge.kind,
        evidence=edge.evidence,
        confidence=edge.confidence,
        basis=edge.basis,
        direct=edge.direct,
    )
