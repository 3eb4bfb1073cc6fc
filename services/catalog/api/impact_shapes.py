"""The shapes of impacts, paths and checks in the public API. The last step of journey 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, SkipValidation

from services.catalog.checked import SHOWN, Checked, Report, Verdict
from services.catalog.declared_keys import Pointing
from services.catalog.impact import Affected, How, Impact
from services.common.model.assets import Kind
from services.common.model.lineage import LineageNode, Paths
from services.common.model.names import AssetId
from services.common.model.schema_changes import ChangeKind, Origin, Redefinition, Sameness


@dataclass(slots=True)
class EndShape:
    """A dataset that is named in an answer; `told` says that an event named it, so that the catalog has it, listed or not."""

    id: str
    qualified_name: str
    namespace: str
    kind: Kind | None
    listed: bool
    gone: bool
    told: bool


@dataclass(slots=True)
class AffectedShape(EndShape):
    """A dataset that is affected: how far, how, in which columns, whom to tell, and how many tests watch it.

    `stage` is above that of all it is made from; `carries` says how many others are affected through it alone, null where the
    answer was cut.
    """

    depth: int
    how: How
    columns: list[str]
    source: str
    owners: list[str]
    tests: int
    stage: int
    carries: int | None


class OwnerShape(BaseModel, frozen=True):
    """How many affected datasets somebody owns; `owner` is null for those that nobody does."""

    owner: str | None
    datasets: int


class GroupsShape(BaseModel, frozen=True):
    """How many of the affected datasets in the answer are at which distance, of which source, and whose."""

    depth: dict[int, int]
    source: dict[str, int]
    owner: list[OwnerShape]


@dataclass(slots=True)
class DrawnShape:
    """The change gets from `from` to `to`; `direct` is false where only rows are decided about."""

    from_: Annotated[str, Field(serialization_alias="from")]
    to: str
    direct: bool


class ImpactShape(BaseModel, frozen=True):
    """Who is affected by a change of an asset, or of a column of it; `loops` are datasets that are made from each other.

    `stale` counts the edges that were left out because nothing has shown them for long.
    """

    asset: EndShape
    change: ChangeKind
    column: str | None
    # by the thousand, and made here of typed values: to validate each would take longer than to write it
    affected: SkipValidation[list[AffectedShape]]
    groups: GroupsShape
    edges: SkipValidation[list[DrawnShape]]
    total: int
    truncated: bool
    tests: int
    loops: list[list[str]]
    stale: int


@dataclass(slots=True)
class PathNodeShape(EndShape):
    """A dataset on a path, or a column of one: `id` is then its own, `asset` its dataset's."""

    asset: str | None = None
    column: str | None = None


class PathEdgeShape(BaseModel, frozen=True):
    """An edge along a path, with what it rests on; between columns `kind` says how and `basis` on what, as in walks."""

    from_: str = Field(serialization_alias="from")
    to: str
    kind: str
    evidence: list[str]
    confidence: float
    basis: str | None = None
    direct: bool | None = None


class PathsShape(BaseModel, frozen=True):
    """Ways from one asset to another as lists of ids, the shortest first; `truncated` says that there are more.

    Between columns the ids are those of columns.
    """

    paths: list[list[str]]
    nodes: list[PathNodeShape]
    edges: list[PathEdgeShape]
    truncated: bool


class KeyShape(BaseModel, frozen=True):
    """A declared key that points at what changes; `ref_columns` is empty where it is not known what it points at."""

    id: str
    qualified_name: str
    columns: list[str]
    ref_columns: list[str]
    owners: list[str]


class OriginShape(BaseModel, frozen=True):
    """A column that is read, and how: `kind` as of edges between columns; `column` is `*` where only the table is known."""

    id: str
    qualified_name: str
    column: str
    kind: str


class ColumnMeaningShape(BaseModel, frozen=True):
    """A column that is made otherwise: what it is no longer read from, and what it is read from now and was not.

    Both empty: of the same columns by another expression. `column` is `*` for some columns, it is not known which.
    """

    column: str
    was: list[OriginShape]
    now: list[OriginShape]


class RedefinitionShape(BaseModel, frozen=True):
    """What of a table that is made anew means something else; `state` is `unknown` where that could not be told, `problem` why.

    `rows` says that other rows are in it: `rows_was` no longer decide about them, `rows_now` do and did not.
    """

    state: Sameness
    columns: list[ColumnMeaningShape]
    rows: bool
    rows_was: list[OriginShape]
    rows_now: list[OriginShape]
    problem: str | None


class CheckedShape(BaseModel, frozen=True):
    """One change, judged; `asset` is null where no known asset, or more than one, is called so.

    `stale` counts the edges that were left out because nothing has shown them for long.
    `redefined` is null but for a table or view that is made from another query than it was, or where that is not known.
    `keys` are the first 100 of the `total_keys` declared keys of other tables that point at what goes or changes.
    """

    change: ChangeKind
    table: str
    column: str | None
    to: str | None
    asset: str | None
    verdict: Verdict
    why: str
    affected: list[AffectedShape]
    total: int
    stale: int
    keys: list[KeyShape]
    total_keys: int
    redefined: RedefinitionShape | None = None


class ReportShape(BaseModel, frozen=True):
    """Every change judged, the worst verdict, and what could not be read."""

    verdict: Verdict
    changes: list[CheckedShape]
    problems: list[str]


def impact_shape(impact: Impact) -> ImpactShape:
    """An impact as the API shows it."""
    owners = [OwnerShape(owner=owner, datasets=count) for owner, count in impact.by_owner().items()]
    return ImpactShape(
        asset=_end(impact.asked),
        change=impact.change,
        column=impact.column,
        affected=list(map(_affected, impact.affected)),
        groups=GroupsShape(depth=dict(impact.by_depth()), source=dict(impact.by_source()), owner=owners),
        edges=[DrawnShape(from_=source, to=target, direct=direct) for source, target, direct in impact.edges],
        total=impact.total,
        truncated=impact.truncated,
        tests=impact.tests,
        loops=list(map(list, impact.loops)),
        stale=impact.stale,
    )


def paths_shape(found: Paths) -> PathsShape:
    """Paths as the API shows them."""
    names = {node.id: node.name for node in found.nodes}

    def id_of(asset: AssetId, column: str | None) -> str:
        return asset if column is None else names[asset].column_id(column)

    columns: Sequence[Sequence[str | None]] = found.columns or [(None,) * len(path) for path in found.paths]
    return PathsShape(
        paths=[list(map(id_of, path, theirs)) for path, theirs in zip(found.paths, columns, strict=True)],
        nodes=list(map(_passed, found.nodes)),
        edges=[
            PathEdgeShape(
                from_=id_of(edge.source, edge.column),
                to=id_of(edge.target, edge.into),
                kind=edge.kind,
                evidence=list(edge.evidence),
                confidence=edge.confidence,
                basis=edge.basis,
                direct=edge.direct,
            )
            for edge in found.edges
        ],
        truncated=found.truncated,
    )


def report_shape(report: Report) -> ReportShape:
    """A check's report as the API shows it."""
    return ReportShape(verdict=report.verdict, changes=list(map(_checked, report.changes)), problems=list(report.problems))


def _checked(one: Checked) -> CheckedShape:
    change, impact = one.change, one.impact
    return CheckedShape(
        change=change.kind,
        table=change.table,
        column=change.column,
        to=change.to,
        asset=None if one.asset is None else one.asset.id,
        verdict=one.verdict,
        why=one.why,
        affected=[] if impact is None else list(map(_affected, impact.affected)),
        total=0 if impact is None else impact.total,
        stale=0 if impact is None else impact.stale,
        keys=[_key(pointing) for pointing in one.keys[:SHOWN]],
        total_keys=len(one.keys),
        redefined=None if one.redefined is None else _redefined(one.redefined),
    )


def _redefined(found: Redefinition) -> RedefinitionShape:
    return RedefinitionShape(
        state=found.state,
        columns=[
            ColumnMeaningShape(column=one.column, was=_origins(one.was), now=_origins(one.now)) for one in found.columns
        ],
        rows=found.rows,
        rows_was=_origins(found.rows_was),
        rows_now=_origins(found.rows_now),
        problem=found.problem,
    )


def _origins(found: Sequence[Origin]) -> list[OriginShape]:
    return [
        OriginShape(id=one.table.id, qualified_name=one.table.qualified, column=one.column, kind=one.kind) for one in found
    ]


def _key(pointing: Pointing) -> KeyShape:
    table = pointing.table
    return KeyShape(
        id=table.id,
        qualified_name=table.name.qualified,
        columns=list(pointing.key.columns),
        ref_columns=list(pointing.ref_columns),
        owners=list(table.owners),
    )


def _end(node: LineageNode) -> EndShape:
    return EndShape(**_named(node))


def _passed(node: LineageNode) -> PathNodeShape:
    column = node.column
    if column is None:
        return PathNodeShape(**_named(node))
    own = {"id": node.name.column_id(column), "qualified_name": f"{node.name.qualified}.{column}", "kind": Kind.COLUMN}
    return PathNodeShape(**(_named(node) | own), asset=node.id, column=column)


def _affected(one: Affected) -> AffectedShape:
    return AffectedShape(
        **_named(one.node),
        depth=one.node.depth,
        how=one.how,
        columns=list(one.columns),
        source=one.source,
        owners=list(one.owners),
        tests=one.tests,
        stage=one.stage,
        carries=one.carries,
    )


def _named(node: LineageNode) -> dict[str, Any]:
    return {
        "id": node.id,
        "qualified_name": node.name.qualified,
        "namespace": node.name.namespace,
        "kind": node.kind,
        "listed": node.listed,
        "gone": node.gone,
        "told": node.told,
    }
