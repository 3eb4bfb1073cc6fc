"""Walks of the graph inside a scope: breadth first, bounded, and as if what the scope hides did not exist.

Journey 3, step "answer". Hidden datasets are left out before anything is counted, and nothing is reached through them.
"""

from __future__ import annotations

from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.lineage import Hub, LineageRequest, LineageStatus, Subgraph
from services.common.model.names import AssetId, ScopePath
from services.common.runtime.db import Database
from services.lineage.breadth import reach
from services.lineage.graph import LineageGraph, Snapshot
from services.lineage.inside import Inside
from services.lineage.pages import Cursor, Teller, page_of
from services.lineage.store import definitions

MAX_DEPTH = 100
MAX_LIMIT = 10_000
"""Nodes of one answer: about 3 MB of JSON, more than anything draws or reads."""
MIN_BYTES, MAX_BYTES = 10_000, 16_000_000
"""The smallest holds some nodes with their edges; the largest is what a browser takes without a pause."""


class LineageWalker:
    """`LineageQuery` on the graph of this process."""

    def __init__(self, graph: LineageGraph, database: Database) -> None:
        self._graph = graph
        self._database = database

    def walk(self, request: LineageRequest) -> Subgraph:
        """The neighbourhood of an asset inside a scope: at most `depth` steps up and down, at most `limit` nodes.

        Up and down are walked apart: a sibling, made from the same source, is neither. A dataset that is both (there is
        a cycle) stands at its smaller distance, upstream where they are equal. `total` counts what is within `depth`.

        Raises:
            BadRequest: `depth`, `limit`, `fan_out` or `max_bytes` is out of its bounds, or the cursor is none of this walk,
                or of a graph that has changed since.
            NotFound: nothing of that id is in the graph, or the scope hides it.

        """
        check_bounds(request)
        if request.cursor is None:
            return walk(self._graph.current(), request)
        return walk(self._graph.recent(Cursor.read(request.cursor).version), request)

    def mentioned(self, asset: AssetId, sha256: str) -> tuple[ScopePath, ...] | None:
        """The scope paths of every dataset that the asset's definition reads, hidden ones included, in order.

        Args:
            asset: whose definition it is.
            sha256: of the definition's text, in hexadecimal.

        Returns:
            None where it is not known what that text reads: it could not be read, or it has not been followed yet. It
            may then name anything.

        """
        with self._database.read() as connection:
            return definitions.told(connection, asset, sha256)

    def status(self) -> LineageStatus:
        """How far the graph is."""
        snapshot = self._graph.current()
        datasets, edges = snapshot.size
        return LineageStatus(snapshot.seq, datasets, edges, snapshot.parsed, snapshot.unparsed)


def check_bounds(request: LineageRequest) -> None:
    """See to it that a walk is bounded.

    Raises:
        BadRequest: `depth`, `limit`, `fan_out` or `max_bytes` is out of its bounds.

    """
    if not 1 <= request.depth <= MAX_DEPTH or not 1 <= request.limit <= MAX_LIMIT:
        raise BadRequest(f"a walk has a depth of 1 to {MAX_DEPTH} and a limit of 1 to {MAX_LIMIT}")
    if not 1 <= request.fan_out <= MAX_LIMIT or not MIN_BYTES <= request.max_bytes <= MAX_BYTES:
        raise BadRequest(f"a walk has a fan_out of 1 to {MAX_LIMIT} and max_bytes of {MIN_BYTES} to {MAX_BYTES}")


def walk(snapshot: Snapshot, request: LineageRequest) -> Subgraph:
    """The answer to a request with sane bounds, on one state of the graph.

    Raises:
        BadRequest: the cursor is none of this walk.
        NotFound: as for `LineageWalker.walk`.

    """
    shown = snapshot.inside(request.scope)
    start = found(snapshot, shown, request.asset)
    walked = snapshot.inside(FULL_SCOPE) if request.opaque else shown
    begin = Cursor.begin(request, snapshot.version)
    told = None if request.opaque else begin.before + request.limit  # marks stand for hidden ones in their order
    reached = reach(snapshot.out, snapshot.into, walked, start, request, told)
    teller = Teller.of(snapshot, shown, reached.nodes if request.opaque else reached.nodes[:0])
    page = page_of(teller, reached, request, begin)
    ids = {node.id for node in page.nodes} if reached.hubs else set()
    problem = snapshot.problems.get(request.asset)
    return Subgraph(
        nodes=page.nodes,
        edges=page.edges,
        total=reached.total,
        truncated=reached.beyond or page.cut or bool(reached.hubs),
        state="complete" if problem is None else "unparsed",
        problem=problem,
        hubs=tuple(
            Hub(teller.id(node), direction, count, gone_to)
            for node, direction, count, gone_to in reached.hubs
            if teller.id(node) in ids
        ),
        cursor=page.cursor,
    )


def found(snapshot: Snapshot, inside: Inside, asset: AssetId) -> int:
    """The node of an asset that is shown.

    Raises:
        NotFound: nothing of that id is in the graph, or the scope hides it.

    """
    node = snapshot.nodes.number(asset)
    if node is None or not inside.shows_one(node):
        raise NotFound(f"there is no lineage of {asset}, or you may not see it")
    return node
