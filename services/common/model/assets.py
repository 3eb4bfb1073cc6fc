"""Tables, views and their columns: what a crawl finds (`Found`) and what the catalog holds (`Asset`).

Journey 1: sources yield `Found` values, the catalog's sink turns them into `Asset`s, the feed hands those on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.common.model.names import AssetId, ColumnId, DatasetName, Namespace, ScopePath, scope_path
from services.common.model.platforms import Platform

SQL_UNREADABLE = "sql_unreadable"
"""The property of a view whose definition the source would not give: why, such as `needs SHOW VIEW`. Its `sql` is None."""
MADE_FROM = "made_from"
"""The property of an asset that no SQL defines and a tool says is made from others: their names, in its namespace, as lists of
parts. Only a scope that hides nothing is shown it; lineage shows the rest what they may see."""
COLUMNS_PARTLY_SHOWN = ("columns_limited", "columns_unreadable", "broken")
"""Properties of a table of which the source did not show every column: what was known of the others stays."""
RESTRICTED = "restricted"
"""The tag of a column that is left out of its table's text and vector, and is found only as itself."""


class Kind(StrEnum):
    """What an asset is; the values of the `kind` filter."""

    TABLE = "table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized_view"
    EXTERNAL_TABLE = "external_table"
    DYNAMIC_TABLE = "dynamic_table"
    COLUMN = "column"
    JOB = "job"
    EXPOSURE = "exposure"  # what shows data to people: a dashboard, a notebook, an application


class Status(StrEnum):
    """What people say of an asset; absent means that nobody said anything."""

    ENDORSED = "endorsed"
    WARNED = "warned"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Description:
    """One of several descriptions of a thing, with where it is from.

    Attributes:
        origin: `person`, or the platform whose word it is: `dbt`, `postgres`, …
        source: the source that said it; None for a person.

    """

    origin: str
    source: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `description` and `tags` are what a reader sees: curated where a person wrote them, else crawled.

    Attributes:
        nullable: None where the source does not say.
        default: the default's SQL text as the source writes it.
        curated: the names of the fields that a person wrote (`description`, `tags`, `status`).
        status: what people say of the column, with `successor` naming the column to use instead.
        descriptions: all that is said, the one shown first, where artifacts describe the column too; else empty.

    """

    name: str
    type: str | None = None
    nullable: bool | None = None
    default: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    status: Status | None = None
    successor: str | None = None
    curated: tuple[str, ...] = ()
    descriptions: tuple[Description, ...] = ()

    @property
    def restricted(self) -> bool:
        """Whether the column is kept out of its table's text and vector."""
        return RESTRICTED in self.tags


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns that refer to another table, named by its parts in the source's spelling (full where the source says)."""

    columns: tuple[str, ...]
    ref_table: tuple[str, ...]
    ref_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table, with its columns or expressions in order."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """What a source reads as a whole, such as a schema: only one that was read completely may lose tables."""

    namespace: Namespace
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A table or view as a source showed it in one crawl; nothing in it comes from people.

    Attributes:
        name: namespace and parts as the source's own catalog spells them.
        rows, bytes: the source's own estimates; None where it has none.
        partitions: how many partitions were folded into this table; None where it has none.
        last_altered: when the source says the table was last changed, with an offset.
        object_id: what the engine calls the table for all its life, through renames: unique and never given out again
            within the source. None where the engine has no such thing (DuckDB, SQLite, MySQL).
        properties: whatever else the source said, JSON values by name.

    """

    name: DatasetName
    kind: Kind = Kind.TABLE
    object_id: str | None = None
    description: str | None = None
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    sql: str | None = None
    rows: int | None = None
    bytes: int | None = None
    partitions: int | None = None
    last_altered: dt.datetime | None = None
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerRead:
    """The end of one container in a source's stream: everything of it has been yielded, or why not.

    Attributes:
        grants: what the role may do in the container, a line each, in any order; a table that is not shown is known to
            be gone only if every line that held when it was last shown still holds. None where the engine shows what
            exists whatever the role may do.

    """

    container: Container
    complete: bool
    failure: str | None = None
    grants: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ContainersListed:
    """All containers below one, such as the schemas of a database, have been listed: what was not named is not there.

    Attributes:
        within: the outer container; `parts` is empty for a whole namespace.
        grants: as in `ContainerRead`, of the listing itself.

    """

    within: Container
    grants: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A dataset as the catalog holds it: crawled facts with people's words laid over them.

    `description`, `tags`, `owners` are what a reader sees; `curated` names the fields that a person wrote, and
    `crawled_description` is what the source says where a person's words cover it.

    Attributes:
        descriptions: all that is said, strongest first: the person's, what artifacts such as dbt's say, the warehouse's.
        version: counts the entries of its history, from 1: changes of the schema or of comments, drops, returns.
        revision: counts all changes, crawled or curated, from 1; the `ETag`.
        gone_at: when a complete crawl no longer found it; None while it exists.
        unseen_since, unseen_why: since when and why crawls no longer show it although it is not known to be gone.
        held: whether a crawl no longer found it and waits for a person's yes.
        listed: whether a crawl has shown it; False for one that only events name, which has no history.

    """

    name: DatasetName
    source: str
    kind: Kind = Kind.TABLE
    description: str | None = None
    crawled_description: str | None = None
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    sql: str | None = None
    rows: int | None = None
    bytes: int | None = None
    partitions: int | None = None
    last_altered: dt.datetime | None = None
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    status: Status | None = None
    successor: AssetId | None = None
    curated: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    revision: int = 1
    first_seen: dt.datetime | None = None
    last_seen: dt.datetime | None = None
    gone_at: dt.datetime | None = None
    descriptions: tuple[Description, ...] = ()
    unseen_since: dt.datetime | None = None
    unseen_why: str | None = None
    held: bool = False
    object_id: str | None = None
    listed: bool = True

    @property
    def id(self) -> AssetId:
        """The id in URLs."""
        return self.name.id

    @property
    def platform(self) -> Platform:
        """The naming rules and SQL dialect of its engine."""
        return self.name.platform

    @property
    def scope_path(self) -> ScopePath:
        """What access globs are matched against."""
        return scope_path(self.source, self.name.parts)

    @property
    def table(self) -> str:
        """The innermost part of its name."""
        return self.name.parts[-1]

    @property
    def database(self) -> str | None:
        """The outermost part of its name where there is more than one, else None."""
        return self.name.parts[0] if len(self.name.parts) > 1 else None

    @property
    def schema(self) -> str | None:
        """What stands between database and table, joined by dots; None where nothing does."""
        return ".".join(self.name.parts[1:-1]) or None

    def column_id(self, column: str) -> ColumnId:
        """The id of one of its columns."""
        return self.name.column_id(column)

    def referred(self, key: ForeignKey) -> DatasetName:
        """The table that one of its keys refers to, crawled or not; a short reference is to its own schema, as in SQL."""
        mine = self.name.parts
        return DatasetName(self.name.namespace, (*mine[: max(len(mine) - len(key.ref_table), 0)], *key.ref_table))
