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
    """A walk inside a scope. `depth` counts dataset hops, 1 to 100; `limit` bounds the nodes of the answer.

    Attributes:
        fan_out: from a dataset with more neighbours in a direction only the first ones by id are gone to.
        max_bytes: about how large the answer may be as JSON; fewer nodes than `limit` come where it would be larger.
        cursor: of the page before; the rest of the request is then the same as it was.
        opaque: whether what the scope hides is marked instead of absent, without any name.

    """

    asset: AssetId
    scope: AccessScope
    direction: Direction = Direction.BOTH
    depth: int = 3
    limit: int = 200
    fan_out: int = 1_000
    max_bytes: int = 4_000_000
    cursor: str | None = None
    opaque: bool = False


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A dataset in the answer; `depth` is its distance, negative upstream, 0 for the asset asked about.

    `listed` is False for a dataset that no crawl has shown, known only from SQL or events; `gone` is True for one that a
    complete crawl no longer found. `opaque` marks something that the scope hides: its id holds in this answer only, and
    its name is empty.
    """

    id: AssetId
    name: DatasetName
    kind: Kind | None
    depth: int
    listed: bool
    gone: bool = False
    opaque: bool = False


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """Data flows from `source` to `target`. `kind` is what it rests on (`view`, …), `evidence` says where that was read."""

    source: AssetId
    target: AssetId
    kind: str
    evidence: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Hub:
    """A dataset of the answer with more neighbours in one direction than were gone to: `shown` of `count`, the first by id."""

    id: AssetId
    direction: Direction
    count: int
    shown: int


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A bounded answer: nodes in order of distance and id, and the edges among them.

    Attributes:
        edges: those among the nodes of this page, and between them and the pages before.
        total: how many nodes the walk reaches inside the scope, the asked one included, also those that were cut.
        truncated: whether anything was cut: by `depth`, by `limit` (then `cursor` leads on), or at `hubs`.
        state: `complete`, or `unparsed` where the asset's own definition could not be read, with `problem` saying why.
        hubs: the datasets whose neighbours were not all gone to, in order of nodes.
        cursor: leads to the next nodes; None where there are none.

    """

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    total: int
    truncated: bool
    state: str = "complete"
    problem: str | None = None
    hubs: tuple[Hub, ...] = ()
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LineageStatus:
    """How far the graph is: every change up to `seq` is in it; how many definitions were read and how many could not be."""

    seq: Seq
    datasets: int
    edges: int
    parsed: int
    unparsed: int
