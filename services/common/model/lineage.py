"""Where data comes from and what depends on it, as it crosses between catalog and lineage.

Journey 3: edges carry what they rest on; answers are bounded and say when they were cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.common.model.access import AccessScope
from services.common.model.assets import Kind
from services.common.model.changes import Seq
from services.common.model.names import AssetId, DatasetName


class Direction(StrEnum):
    """Which way to walk: `upstream` = what it is made from, `downstream` = what is made from it."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class LineageRequest:
    """A walk inside a scope. `depth` counts dataset hops, 1 to 100; `limit` bounds the nodes of the answer."""

    asset: AssetId
    scope: AccessScope
    direction: Direction = Direction.BOTH
    depth: int = 3
    limit: int = 200


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A dataset in the answer; `depth` is its distance, negative upstream, 0 for the asset asked about.

    `listed` is False for a dataset that no crawl has shown, known only from SQL or events; `gone` is True for one that a
    complete crawl no longer found.
    """

    id: AssetId
    name: DatasetName
    kind: Kind | None
    depth: int
    listed: bool
    gone: bool = False


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """Data flows from `source` to `target`. `kind` is what it rests on (`view`, …), `evidence` says where that was read."""

    source: AssetId
    target: AssetId
    kind: str
    evidence: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A bounded answer: nodes in order of distance and id, and the edges among them.

    Attributes:
        total: how many nodes the walk reaches inside the scope, the asked one included, also those that were cut.
        truncated: whether `limit` or `depth` cut anything.
        state: `complete`, or `unparsed` where the asset's own definition could not be read, with `problem` saying why.

    """

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    total: int
    truncated: bool
    state: str = "complete"
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class LineageStatus:
    """How far the graph is: every change up to `seq` is in it; how many definitions were read and how many could not be."""

    seq: Seq
    datasets: int
    edges: int
    parsed: int
    unparsed: int
