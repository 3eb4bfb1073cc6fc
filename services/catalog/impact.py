"""Who is affected when a table or a column of it changes: everything that is made from it, with how far, how, and owners.

Beside journey 3: the lineage service says what depends on it, inside the caller's scope; the catalog says whose that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.catalog.assets import AssetReader
from services.catalog.propagation import Propagation, reached
from services.common.errors import BadRequest
from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.lineage import Direction, LineageEdge, LineageNode, LineageRequest, Subgraph
from services.common.model.names import AssetId
from services.common.model.schema_changes import ChangeKind
from services.common.ports import LineageQuery

MAX_AFFECTED = 10_000
"""What one answer holds; who must tell more than that many owners does not read a list."""
_PAGE = 5_000
_DEPTH = 100
_FAN_OUT = 10_000
_BYTES = 16_000_000


class How(StrEnum):
    """How a change gets somewhere: with the values themselves, or only by deciding which rows there are."""

    DIRECT = "direct"
    FILTER = "filter"


class Sort(StrEnum):
    """Orders of what is affected; equal ones by depth and name. In `order` each comes after all that it is made from."""

    DEPTH = "depth"
    ORDER = "order"
    NAME = "name"
    SOURCE = "source"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Affected:
    """A dataset that is made from what changes.

    Attributes:
        node: the dataset at its distance.
        how: `FILTER` where only its rows depend on the column.
        columns: those of its columns that are affected; `*` for all of them. Empty where a whole table changes.
        source: the source that it belongs to; its namespace where no crawl has shown it.
        owners: whom to tell.
        tests: how many tests watch what is affected of it.
        stage: how many steps the longest way to it has, so that it is above that of all it is made from; a loop has one, which
            is 0 where what changes is in it.
        carries: how many others are affected through it alone; None where the answer was cut and that is not known.

    """

    node: LineageNode
    how: How
    columns: tuple[str, ...]
    source: str
    owners: tuple[str, ...]
    tests: int = 0
    stage: int = 0
    carries: int | None = None


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change of one asset affects.

    Attributes:
        asked: the asset.
        column: the column that changes, in its own spelling; None where the whole table does.
        affected: in the order asked for.
        total: how many datasets are affected, also those that were cut.
        edges: between the datasets in `affected` and `asked`, as pairs, each with whether it is direct.
        tests: how many tests watch what changes.
        loops: datasets that are made from each other, each loop in order of ids.
        stale: how many edges from `asked` or what is affected were left out because nothing has shown them for long.

    """

    asked: LineageNode
    change: ChangeKind
    column: str | None
    affected: tuple[Affected, ...]
    total: int
    truncated: bool
    edges: tuple[tuple[AssetId, AssetId, bool], ...]
    tests: int = 0
    loops: tuple[tuple[AssetId, ...], ...] = ()
    stale: int = 0

    def by_depth(self) -> Mapping[int, int]:
        """How many at each distance, near to far."""
        return dict(sorted(Counter(one.node.depth for one in self.affected).items()))

    def by_source(self) -> Mapping[str, int]:
        """How many of each source, in order of name."""
        return dict(sorted(Counter(one.source for one in self.affected).items()))

    def by_owner(self) -> Mapping[str | None, int]:
        """How many of each owner, in order of name; those that nobody owns last, under None."""
        counts = Counter(owner for one in self.affected for owner in one.owners)
        nobody = sum(not one.owners for one in self.affected)
        return {**dict(sorted(counts.items())), **({None: nobody} if nobody else {})}


def impact_of(
    reader: AssetReader,
    lineage: LineageQuery,
    scope: AccessScope,
    asset: AssetId,
    *,
    change: ChangeKind = ChangeKind.DROP,
    column: str | None = None,
    sort: Sort = Sort.DEPTH,
    limit: int = 1_000,
) -> Impact:
    """Who is affected by a change of `asset`, or of its column, as far as lineage is known and the scope shows it.

    Raises:
        BadRequest: a type changes and no column is named, or `limit` is out of its bounds.
        NotFound: the asset or the column is unknown, or the scope hides it.

    """
    if change is ChangeKind.RETYPE and column is None:
        raise BadRequest("a type is that of a column: say which one with `column`")
    if not 1 <= limit <= MAX_AFFECTED:
        raise BadRequest(f"an impact has a limit of 1 to {MAX_AFFECTED}")
    # of tables the walk counts what it does not tell; of columns only what is told is known to be of so many tables
    most = MAX_AFFECTED if column is not None else limit
    graph = _everything_below(lineage, LineageRequest(asset, scope, Direction.DOWNSTREAM, _DEPTH, column=column), most)
    found = _datasets(graph, asset, column)
    total = len(found) if column is not None and not graph.truncated else max(len(found), _total(graph, column))
    kept = found[:limit]
    known = reader.many([asset, *(one.node.id for one in kept)], scope)
    told = [_told(one, known.get(one.node.id)) for one in kept]
    ids = {asset, *(one.node.id for one in told)}
    edges = {(e.source, e.target): False for e in graph.edges if {e.source, e.target} <= ids and e.source != e.target}
    for edge in graph.edges:
        if (edge.source, edge.target) in edges and _is_direct(edge):
            edges[edge.source, edge.target] = True
    truncated = graph.truncated or total > len(kept)
    told, loops = placed(asset, told, edges, truncated=truncated)
    spelled = graph.nodes[0].column
    return Impact(
        asked=_as_dataset(graph.nodes[0]),
        change=change,
        column=column if spelled is None else spelled,
        affected=tuple(sorted(told, key=_KEYS[sort])),
        total=total,
        truncated=truncated,
        edges=tuple((source, target, direct) for (source, target), direct in sorted(edges.items())),
        tests=watching(known.get(asset), () if column is None else (column,)),
        loops=loops,
        stale=graph.stale,
    )


def without(impact: Impact, gone: frozenset[AssetId], cut: frozenset[tuple[AssetId, AssetId]] = frozenset()) -> Impact:
    """The same where some datasets are gone before the change: neither they are affected nor what it reaches only through them.

    Of an answer that was cut the latter stay, as another way may be among what was cut.

    Args:
        impact: who would be affected.
        gone: the datasets.
        cut: pairs of which the second no longer reads what changes of the first.

    """
    asked = impact.asked.id
    gone = gone - {asked}
    edges = {
        (source, target): direct
        for source, target, direct in impact.edges
        if gone.isdisjoint((source, target)) and (source, target) not in cut
    }
    if len(edges) == len(impact.edges) and gone.isdisjoint(one.node.id for one in impact.affected):
        return impact
    within = None if impact.truncated else set(reached(asked, edges))
    left = [one for one in impact.affected if one.node.id not in gone and (within is None or one.node.id in within)]
    ids = {asked, *(one.node.id for one in left)}
    edges = {pair: direct for pair, direct in edges.items() if ids.issuperset(pair)}
    told, loops = placed(asked, left, edges, truncated=impact.truncated)
    return replace(
        impact,
        affected=tuple(told),
        total=impact.total - len(impact.affected) + len(left),
        edges=tuple((*pair, direct) for pair, direct in edges.items()),
        loops=loops,
    )


def placed(
    asset: AssetId, told: Sequence[Affected], edges: Mapping[tuple[AssetId, AssetId], bool], *, truncated: bool
) -> tuple[list[Affected], tuple[tuple[AssetId, ...], ...]]:
    """Affected datasets with the stage of each and what it carries, and the loops."""
    spread = Propagation(asset, (one.node.id for one in told), edges)
    stages, carried = spread.stages(), {} if truncated else spread.carried()
    placed = [replace(one, stage=stages[one.node.id], carries=carried.get(one.node.id)) for one in told]
    return placed, tuple(sorted(tuple(sorted(loop)) for loop in spread.loops()))


def _total(graph: Subgraph, column: str | None) -> int:
    """How many datasets the walk has reached; of a walk between columns only those that it told are known."""
    return graph.total - 1 if column is None else 0


def _everything_below(lineage: LineageQuery, request: LineageRequest, most: int) -> Subgraph:
    """The whole walk, or its start and `most` nodes below, as one answer."""
    asked = replace(request, limit=min(_PAGE, most + 1), fan_out=_FAN_OUT, max_bytes=_BYTES)
    found = lineage.walk(asked)
    nodes, edges, stale, page = list(found.nodes), list(found.edges), found.stale, found
    while page.cursor is not None and len(nodes) <= most:
        page = lineage.walk(replace(asked, cursor=page.cursor))
        nodes += page.nodes
        edges += page.edges
        stale += page.stale
    return replace(found, nodes=tuple(nodes), edges=tuple(edges), truncated=page.truncated, stale=stale)


def _datasets(graph: Subgraph, asset: AssetId, column: str | None) -> list[Affected]:
    """The datasets below, near ones first, each once, with how and where the change gets into them."""
    direct = _reached_directly(graph, column)
    columns: dict[AssetId, list[str]] = {}
    first: dict[AssetId, LineageNode] = {}
    for node in graph.nodes:
        if node.id == asset:
            continue
        first.setdefault(node.id, _as_dataset(node))
        if node.column is not None:
            columns.setdefault(node.id, []).append(node.column)
    return [
        Affected(
            node=node,
            how=How.DIRECT if id_ in direct else How.FILTER,
            columns=tuple(sorted(columns.get(id_, ()))),
            source=node.name.namespace,
            owners=(),
        )
        for id_, node in first.items()
    ]


def _reached_directly(graph: Subgraph, column: str | None) -> set[AssetId]:
    """The datasets that values get into; of a table that changes as a whole that is everything."""
    if column is None:
        return {node.id for node in graph.nodes}
    direct = [((edge.source, edge.column), (edge.target, edge.into)) for edge in graph.edges if _is_direct(edge)]
    start = next(node for node in graph.nodes if node.depth == 0)
    return {id_ for id_, _ in reached((start.id, start.column), direct)}


def _is_direct(edge: LineageEdge) -> bool:
    return edge.direct is not False


def _as_dataset(node: LineageNode) -> LineageNode:
    return node if node.column is None else replace(node, column=None)


def _told(one: Affected, asset: Asset | None) -> Affected:
    if asset is None:
        return one
    return replace(one, source=asset.source, owners=asset.owners, tests=watching(asset, one.columns))


def watching(asset: Asset | None, columns: Sequence[str]) -> int:
    """How many tests artifacts know of these columns, and of the table as a whole; without columns, or with `*`, all of them."""
    if asset is None:
        return 0
    said = [one.get("tests") for one in asset.properties.values() if isinstance(one, dict)]
    about = [test.get("column") for tests in said if isinstance(tests, list) for test in tests if isinstance(test, dict)]
    wanted = {column.lower() for column in columns}
    every = not wanted or "*" in wanted
    return sum(every or not isinstance(column, str) or column.lower() in wanted for column in about)


def _near(one: Affected) -> tuple[object, ...]:
    return one.node.depth, one.node.name.qualified, one.node.id


_KEYS = {
    Sort.DEPTH: _near,
    Sort.ORDER: lambda one: (one.stage, *_near(one)),
    Sort.NAME: lambda one: (one.node.name.qualified, one.node.id),
    Sort.SOURCE: lambda one: (one.source, *_near(one)),
    Sort.OWNER: lambda one: (not one.owners, one.owners, *_near(one)),
}


def pairs(impact: Impact, ids: Sequence[AssetId]) -> Iterator[tuple[AssetId, AssetId, bool]]:
    """The edges between `ids`."""
    among = set(ids)
    return (edge for edge in impact.edges if edge[0] in among and edge[1] in among)
