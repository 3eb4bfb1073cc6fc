"""Tables that are used together, as they cross between catalog and indexer: a basket in, ranked tables with reasons out.

Journey 2, beside search: the catalog resolves names and asks inside a scope, the indexer answers, the catalog hydrates.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, DatasetName
from services.common.model.search import Join, Reason

MAX_BASKET = 50
"""Tables of one basket."""


class Basis(StrEnum):
    """What a recommendation rests on: queries that read both tables, or closeness of names, texts, columns and lineage."""

    OBSERVED = "observed"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class RelatedQuery:
    """A basket of tables inside a scope.

    Attributes:
        assets: the tables that the catalog knows.
        names: names that the catalog does not know: those of tables that only logs know are found, the others are words.
        limit: items at most, 1 to 200.

    """

    assets: tuple[AssetId, ...]
    scope: AccessScope
    names: tuple[str, ...] = ()
    limit: int = 10


@dataclass(frozen=True, slots=True)
class RelatedItem:
    """A table that goes with a basket.

    Attributes:
        listed: False for one that no crawl has shown, known only from logs.
        score: better when higher; comparable within one answer only.
        probability: 0 to 1, how likely somebody who uses the basket uses this table in the same query.
        join_on: columns to join it with tables of the basket on; the basket's table is `one`.
        queries: in how many distinct queries it was seen with a table of the basket; `people` asked them, `last` on that day.

    """

    asset: AssetId
    name: DatasetName
    listed: bool
    score: float
    basis: Basis
    probability: float
    why: tuple[Reason, ...]
    join_on: tuple[Join, ...] = ()
    queries: int = 0
    people: int = 0
    last: dt.date | None = None


@dataclass(frozen=True, slots=True)
class RelatedAnswer:
    """Items, best first, ties in order of id; `unknown` are names that nobody knows, in the order they were given."""

    items: tuple[RelatedItem, ...]
    unknown: tuple[str, ...] = ()


class Duplicate(StrEnum):
    """What a table is of another that it is like, where their columns are the same."""

    COPY = "copy"
    SHARD = "date shard"
    VERSION = "version"
    SAME_COLUMNS = "same columns"


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """A table that is like another in structure and text, whoever uses either.

    Attributes:
        probability: 0 to 1, how likely one is a copy, shard or version of the other or was made from its columns.
        duplicate: what it is of the other; None where it is only like it.
        shared: columns of one name; `only_here` are those of the table asked for alone, `only_there` those of this one.

    """

    asset: AssetId
    name: DatasetName
    probability: float
    duplicate: Duplicate | None
    shared: int
    only_here: int
    only_there: int
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class RecentQuery:
    """Whose recent tables are asked for, inside a scope.

    Attributes:
        person: a caller's name, which becomes what logs keep of it; or, with `as_kept`, that itself: a name or a stand-in.
        limit: tables at most, 1 to `MAX_BASKET`.

    """

    person: str
    scope: AccessScope
    as_kept: bool = False
    limit: int = 10


@dataclass(frozen=True, slots=True)
class RecentTable:
    """A table that somebody read or wrote: how often by executions, and on which day last; None where no log says when."""

    asset: AssetId
    name: DatasetName
    listed: bool
    queries: int
    last: dt.date | None


@dataclass(frozen=True, slots=True)
class ColumnUsage:
    """How often a column is used, in executions: read, and to filter, join or group; 0 of one that is only written.

    Attributes:
        people: distinct users, 0 where logs name nobody.
        last: the last day; None where no log says.
        last_written: the last day on which a statement filled it that names its columns; None where no log says.
        trend: as of the table.

    """

    name: str
    queries: int
    filters: int
    joins: int
    groups: int
    people: int
    last: dt.date | None
    last_written: dt.date | None
    trend: float | None


@dataclass(frozen=True, slots=True)
class JoinUsage:
    """A pair of columns that queries compare.

    Attributes:
        asset: the other table.
        on: pairs of this table's column and the other's.
        queries: distinct statements; `people` distinct users, 0 where nobody says who; `runs` executions.
        declared: whether a key declares it.
        cardinality: `one to one`, `one to many`, `many to one` or `many to many`, this table's side first, as keys make it
            likely; None where no key says anything.

    """

    asset: AssetId
    name: DatasetName
    on: tuple[tuple[str, str], ...]
    kind: str
    queries: int
    people: int
    last: dt.date | None
    declared: bool
    runs: int
    cardinality: str | None


@dataclass(frozen=True, slots=True)
class UserUsage:
    """A user as logs are kept, how often they read the table, and when last; `program` where they behave as one."""

    user: str
    queries: int
    last: dt.date | None
    program: bool


@dataclass(frozen=True, slots=True)
class StatementUsage:
    """A statement by its fingerprint, as no text is kept: executions, distinct users, last day, and what else it reads."""

    fingerprint: str
    queries: int
    people: int
    last: dt.date | None
    reads: tuple[DatasetName, ...]


@dataclass(frozen=True, slots=True)
class AssetUsage:
    """What logs say of one table, as far as they go.

    Attributes:
        queries: executions that read it; `statements` distinct ones.
        people: distinct users, 0 where logs name nobody.
        last_read, last_written: days; None where no log says.
        popularity: executions with a half-life of 90 days, each user's counted with a logarithm, shrunk for few users.
        trend: executions of the last 30 days of the log against the 30 before, as a share; None without both.
        weeks: executions a week of the last 12 weeks of the log, oldest first.
        declared_share: of the executions that join it on columns, the share for which a key declares them; None without any.
        users: those who read it most, for administrators alone; none where logs keep no users.
        top: the statements that read it most.
        since, until: the days that logs cover.

    """

    queries: int
    statements: int
    people: int
    last_read: dt.date | None
    last_written: dt.date | None
    popularity: float
    trend: float | None
    weeks: tuple[int, ...]
    columns: tuple[ColumnUsage, ...]
    joins: tuple[JoinUsage, ...]
    declared_share: float | None
    users: tuple[UserUsage, ...]
    top: tuple[StatementUsage, ...]
    since: dt.date | None
    until: dt.date | None


@dataclass(frozen=True, slots=True)
class Unused:
    """A table that logs do not show to be read lately.

    Attributes:
        last_read: the last day; None where it was never read in the log.
        log_since, log_until: what the log of its source covers; None where no log of it has come.
        state: `not read` within the days asked for, or `no log since` where the log ends before or begins within them.

    """

    asset: AssetId
    name: DatasetName
    last_read: dt.date | None
    log_since: dt.date | None
    log_until: dt.date | None
    state: str
