"""Where data comes from and what depends on it, as it crosses between catalog and lineage.

Journey 3: edges carry what they rest on; answers are bounded and say when they were cut.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """A walk inside a scope.

    Attributes:
        depth: dataset hops, 1 to 100.
        limit: bounds the nodes of the answer.
        fan_out: from a dataset with more neighbours in a direction only the first ones by id are gone to.
        max_bytes: about how large the answer may be as JSON; fewer nodes than `limit` come where it would be larger.
        cursor: of the page before; the rest of the request is then the same as it was.
        opaque: whether what the scope hides is marked instead of absent, without any name.
        column: walk from this column of the asset, and between columns.
        as_of: on the edges that held then; None = now.
        kinds: only edges of these kinds; empty = all along which data flows. Of a walk between columns also the ways a column
            gets into another one, and `direct`, `indirect`.
        stale: also edges that runs and logs have not shown for long.

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
    column: str | None = None
    as_of: dt.datetime | None = None
    kinds: tuple[str, ...] = ()
    stale: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether tables are walked as they are connected now."""
        return self.column is None and self.as_of is None and not self.kinds and not self.stale


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A dataset in the answer, or a column of one; `depth` is its distance, negative upstream, 0 for what is asked about.

    `column` is None for a dataset, and `*` for columns, or rows, that nobody can tell apart. `listed` is False for a dataset
    that no crawl has shown, known only from SQL or events, `told` is True where an event named it, so that the catalog has it
    all the same; `gone` is True for one that a complete crawl no longer found.
    `opaque` marks something that the scope hides: its id holds in this answer only, and its name is empty.
    """

    id: AssetId
    name: DatasetName
    kind: Kind | None
    depth: int
    listed: bool
    gone: bool = False
    opaque: bool = False
    column: str | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """Data flows from `source` to `target`. `kind` is what it rests on (`view`, …), `evidence` says where that was read.

    Between columns (`column` of the source, `into` of the target, spelled as in the nodes) `kind` is how the one gets into
    the other (`identity`, `filter`, …), `direct` whether it is read in the column's own expression, and `basis` what that
    rests on.
    """

    source: AssetId
    target: AssetId
    kind: str
    evidence: tuple[str, ...]
    confidence: float
    column: str | None = None
    into: str | None = None
    basis: str | None = None
    direct: bool | None = None

    @property
    def ends(self) -> tuple[tuple[AssetId, str | None], tuple[AssetId, str | None]]:
        """Source and target as nodes are told apart: the dataset, and the column of it."""
        return (self.source, self.column), (self.target, self.into)


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
        state: `complete`, or `unparsed` where the asset's own definition could not be read, with `problem` saying why; of a
            walk between columns also `partly` where it is not known of all its columns what they are made from; `pending` where
            the catalog has it and lineage has not followed yet, which the catalog says.
        hubs: the datasets whose neighbours were not all gone to, in order of nodes.
        cursor: leads to the next nodes; None where there are none.
        stale: edges that lead on from these nodes, in the direction asked for, and were left out because nothing has shown them
            for long.

    """

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    total: int
    truncated: bool
    state: str = "complete"
    problem: str | None = None
    hubs: tuple[Hub, ...] = ()
    cursor: str | None = None
    stale: int = 0


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """What of the lineage inside a scope is other at `until` than at `since`; with `asset` only the edges at it."""

    scope: AccessScope
    since: dt.datetime
    until: dt.datetime
    asset: AssetId | None = None
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class LineageDiff:
    """Edges between datasets, in order of source, target and kind.

    Attributes:
        opened: hold at the later instant and not at the earlier one.
        closed: the other way round.
        nodes: their ends; `depth` is 0.
        total: how many edges there are, also those that `limit` cut.

    """

    opened: tuple[LineageEdge, ...]
    closed: tuple[LineageEdge, ...]
    nodes: tuple[LineageNode, ...]
    total: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """How far the definitions of one source are understood.

    Attributes:
        definitions: that are known, of assets that exist: parsed, partly and unparsed together.
        partly: templates, and texts that only another dialect's rules could read.
        reasons: why definitions could not be read, with how many.
        unresolved_names: datasets that definitions name and no crawl has shown.
        columns: of the targets of definitions whose sources may all be seen.
        columns_resolved: of which it is known what they are made from.
        column_names_unresolved: names of columns in those whose table could not be told.
        columns_untold: definitions whose columns are not counted, because they may name what the scope hides.
        waiting: definitions that are still to be read for their columns.

    """

    source: str
    definitions: int = 0
    parsed: int = 0
    partly: int = 0
    unparsed: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    unresolved_names: int = 0
    columns: int = 0
    columns_resolved: int = 0
    column_names_unresolved: int = 0
    columns_untold: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """How far the statements of one source's query logs are understood.

    Attributes:
        statements: distinct ones: parsed, partly and unparsed together.
        partly: of which only tables, or only some columns, could be told.
        reasons: why statements could not be read, with how many.
        unresolved_names: datasets that statements read or write and no crawl has shown.
        first_at, last_at: the time that the logs cover; None where no line had a time.
        executions: how often any of them ran.

    """

    source: str
    statements: int
    parsed: int
    partly: int
    unparsed: int
    reasons: Mapping[str, int]
    unresolved_names: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    executions: int


@dataclass(frozen=True, slots=True)
class JobCoverage:
    """How far the SQL that events bring is understood, of the jobs of one namespace (as their producer calls it).

    `statements` are parsed, partly and unparsed together; `unresolved_names` datasets that they name and no crawl has shown.
    """

    namespace: str
    statements: int
    parsed: int
    partly: int
    unparsed: int
    reasons: Mapping[str, int]
    unresolved_names: int


@dataclass(frozen=True, slots=True)
class LineageCoverage:
    """The coverage of each source inside a scope, by name, and when edges become stale.

    `logs` and `jobs` are empty in a scope that hides anything: what people and jobs run tells of tables that the scope hides.
    """

    sources: tuple[SourceCoverage, ...]
    stale_days: float
    logs: tuple[LogCoverage, ...] = ()
    jobs: tuple[JobCoverage, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """A person says that data flows from `source` to `target`."""

    source: AssetId
    target: AssetId
    by: str


@dataclass(frozen=True, slots=True)
class PathsRequest:
    """Ways along which data flows from `source` to `target`: at most `limit` (1 to 100) of at most `depth` steps (1 to 100).

    With `from_column` and `to_column`, both or none of them, ways between these columns.
    """

    source: AssetId
    target: AssetId
    scope: AccessScope
    depth: int = 20
    limit: int = 10
    from_column: str | None = None
    to_column: str | None = None


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways from one dataset to another, the shortest first; none where no data flows, or both ends are one.

    Attributes:
        paths: each the ids from source to target, none twice.
        nodes: the datasets on them in order of id, at depth 0.
        edges: the edges along them.
        truncated: whether there are more of at most `depth` steps; what takes more steps is not looked for.
        columns: between columns each path's columns, beside its ids; empty between datasets.

    """

    paths: tuple[tuple[AssetId, ...], ...]
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    truncated: bool
    columns: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class LineageStatus:
    """How far the graph is: every change up to `seq` is in it; how many definitions were read and how many could not be."""

    seq: Seq
    datasets: int
    edges: int
    parsed: int
    unparsed: int
