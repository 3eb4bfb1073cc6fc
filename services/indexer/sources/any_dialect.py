"""Every other SQLAlchemy URL: whatever dialect is installed, read through its reflection, as far as that goes.

Journey 1, step 1. How many statements are sent is the dialect's affair: they are counted as they go. Most dialects read
the columns of a whole schema at once; a view's definition always takes a statement of its own.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.engine.reflection import Inspector, ObjectKind
from sqlalchemy.exc import ArgumentError, CompileError, DBAPIError, NoSuchModuleError, SAWarning, SQLAlchemyError
from sqlalchemy.pool import NullPool

from services.common.errors import SourceFailed, WrongSettings
from services.common.model.assets import (
    SQL_UNREADABLE,
    Column,
    Container,
    ContainerRead,
    ContainersListed,
    ForeignKey,
    Found,
    Index,
    Kind,
)
from services.common.model.crawls import SourceInfo
from services.common.model.names import from_catalog, parse_name
from services.common.model.platforms import platform_named
from services.common.runtime.source_settings import SourceSettings, file_stem
from services.indexer.sources.source import Item, Selection, Source, one_line

MOST_DEFINITIONS = 500
"""So many views' definitions are read, one statement each; further views say that theirs was not."""
# engines whose catalog shows what exists to whoever may open them at all
_SHOWS_ALL = frozenset({"sqlite", "duckdb"})
_ENGINES_OWN = frozenset(
    {"information_schema", "mysql", "performance_schema", "pg_catalog", "sys", "system", "db_accessadmin", "guest"}
    | {"db_backupoperator", "db_datareader", "db_datawriter", "db_ddladmin", "db_denydatareader", "db_denydatawriter"}
    | {"db_owner", "db_securityadmin", "xdb", "ctxsys", "mdsys", "outln", "dbsnmp", "audsys", "gsmadmin_internal", "lbacsys"}
)
# packages with a dialect for SQLAlchemy, by the scheme of their URLs (their own pages; none of them is a dependency)
_PACKAGES = {
    "athena": "PyAthena[SQLAlchemy]",
    "clickhouse": "clickhouse-sqlalchemy",
    "clickhousedb": "clickhouse-connect",
    "cockroachdb": "sqlalchemy-cockroachdb",
    "crate": "sqlalchemy-cratedb",
    "databricks": "databricks-sqlalchemy",
    "db2": "ibm_db_sa",
    "drill": "sqlalchemy-drill",
    "druid": "pydruid[sqlalchemy]",
    "exa": "sqlalchemy-exasol",
    "firebird": "sqlalchemy-firebird",
    "hana": "sqlalchemy-hana",
    "hive": "PyHive[hive]",
    "ibm_db_sa": "ibm_db_sa",
    "impala": "impyla",
    "kylin": "kylinpy",
    "monetdb": "sqlalchemy-monetdb",
    "mssql": "pymssql or pyodbc",
    "oracle": "oracledb",
    "redshift": "sqlalchemy-redshift and redshift_connector",
    "rockset": "rockset-sqlalchemy",
    "starrocks": "starrocks",
    "teradata": "teradatasqlalchemy",
    "teradatasql": "teradatasqlalchemy",
    "trino": "trino[sqlalchemy]",
    "vertica": "vertica-sqlalchemy-dialect",
}
_Listed = Mapping[tuple[str | None, str], Any]


def is_known(scheme: str) -> bool:
    """Whether a URL's scheme (`trino`, `mssql+pymssql`) is that of a dialect which is installed or could be."""
    if scheme.partition("+")[0] in _PACKAGES:
        return True
    try:
        registry.load(scheme.replace("+", "."))
    except NoSuchModuleError:
        return False
    return True


@dataclass(slots=True)
class _Schema:
    """A schema as it was read: its tables in the order of their names, or why some of it is missing."""

    parts: tuple[str, ...]
    tables: list[Found] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    grants: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Read:
    """What was read, and the dialect's list of schemas, or why there is none."""

    schemas: list[_Schema]
    listed: bool
    grants: tuple[str, ...] | None


class AnyDialectSource(Source):
    """A database through its SQLAlchemy dialect; a container is a schema, a name's parts are those of its platform.

    What a dialect cannot tell (comments, indexes, definitions) is absent. Nobody knows what it hides from a role: the
    grants of a container are a digest of the names that it shows, so that a table which is no longer shown is `unseen`,
    never gone, except on engines that are known to show everything.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        self._selection = Selection.of(settings)
        self._platform = platform_named(info.platform)
        self._sent: list[str] = []
        self._read: _Read | None = None
        self._url = _url(info, settings)
        self._engine = _engine(info, self._url)
        event.listen(self._engine, "before_cursor_execute", self._note)

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def sent(self) -> Sequence[str]:
        return self._sent

    def expected(self) -> int:
        """How many tables and views the globs let through; reads the catalog if that has not happened yet."""
        return sum(len(schema.tables) for schema in self._all().schemas)

    def read(self) -> Iterator[Item]:
        """Schema by schema, in the order of the dialect's list. Reading again gives the same again."""
        read, namespace = self._all(), self._info.namespace
        for schema in read.schemas:
            yield from schema.tables
            failure = "; ".join(schema.failures) or None
            container = Container(namespace, schema.parts)
            yield ContainerRead(container, complete=failure is None, failure=failure, grants=schema.grants)
        if read.listed:
            yield ContainersListed(Container(namespace, self._outer()), grants=read.grants)

    def close(self) -> None:
        """Forget what was read; the connection is closed as soon as that has happened."""
        self._read = None
        self._engine.dispose()

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self._sent.append(statement)

    def _said(self, error: BaseException) -> str:
        # the error's own text repeats the statement and its values
        inner = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        return one_line(inner, self._url.password)

    def _all(self) -> _Read:
        if self._read is None:
            try:
                with self._engine.connect() as connection:
                    self._read = self._everything(connection)
            except (SQLAlchemyError, OSError) as error:
                text = self._said(error)
                # the driver's error holds on to the connection and its password: it must not travel along
                raise SourceFailed(f"{self._info.name}: {self._info.platform} failed: {text}") from None
        return self._read

    def _everything(self, connection: Connection) -> _Read:
        inspector = inspect(connection)
        try:
            names: list[str | None] = list(dict.fromkeys(inspector.get_schema_names()))
            listed = True
        except NotImplementedError:
            names, listed = [None], False
        wanted = [name for name in names if name is None or not _is_engines_own(name)]
        views = 0
        schemas = []
        for name in wanted:
            parts = self._parts(name)
            if parts is None:
                continue  # another database of the same server: a source of its own
            schema = self._schema(connection, inspector, name, parts, MOST_DEFINITIONS - views)
            views += sum(table.kind is not Kind.TABLE for table in schema.tables)
            schemas.append(schema)
        return _Read(schemas, listed, self._grants([".".join(schema.parts) for schema in schemas]))

    def _outer(self) -> tuple[str, ...]:
        database = self._database()
        return (database,) if database and self._platform.levels > 2 else ()

    def _database(self) -> str | None:
        if self._platform.file:
            return file_stem(self._url.database or "")
        # Trino and its kin write catalog/schema
        return (self._url.database or "").partition("/")[0] or self._info.database

    def _parts(self, schema: str | None) -> tuple[str, ...] | None:
        """The name parts of a schema; None where it belongs to another database."""
        if self._platform.levels == 2:
            own = self._database() if self._platform.file or schema is None else schema
            return (own,) if own else ()
        outer = self._outer()
        if self._platform.name == "duckdb" and schema is not None:
            spelled = tuple(part.text for part in parse_name(schema))
            return spelled if spelled[:1] == outer else None
        return (*outer, schema) if schema else outer

    def _grants(self, shown: Sequence[str]) -> tuple[str, ...] | None:
        if self._info.platform in _SHOWS_ALL:
            return None
        digest = hashlib.sha256("\n".join(sorted(shown)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return (f"is shown {len(shown)} names ({digest}); what {self._info.platform} hides is not known",)

    def _schema(
        self, connection: Connection, inspector: Inspector, name: str | None, parts: tuple[str, ...], definitions: int
    ) -> _Schema:
        schema = _Schema(parts)

        def listed(what: str, read: Callable[..., Any], **options: Any) -> Any:
            try:
                with warnings.catch_warnings(record=True) as doubts:
                    warnings.simplefilter("always", SAWarning)
                    answer = read(schema=name, **options)
            except NotImplementedError:
                return {}  # the dialect has no such list, which says nothing about the tables
            except SQLAlchemyError as error:
                if isinstance(error, DBAPIError) and (error.connection_invalidated or connection.closed):
                    raise
                connection.rollback()
                schema.failures.append(f"schema {name or '(default)'}: {what}: {self._said(error)}")
                return {}
            # what the dialect did not understand it leaves out: that is not a whole list
            said = dict.fromkeys(one_line(str(doubt.message), self._url.password) for doubt in doubts)
            schema.failures.extend(f"schema {name or '(default)'}: {what}: {text}" for text in said)
            return answer

        kinds = dict.fromkeys(listed("tables", inspector.get_table_names), Kind.TABLE)
        kinds |= dict.fromkeys(listed("views", inspector.get_view_names), Kind.VIEW)
        kinds |= dict.fromkeys(listed("materialized views", inspector.get_materialized_view_names), Kind.MATERIALIZED_VIEW)
        columns: _Listed = listed("columns", inspector.get_multi_columns, kind=ObjectKind.ANY)
        primary: _Listed = listed("primary keys", inspector.get_multi_pk_constraint)
        foreign: _Listed = listed("foreign keys", inspector.get_multi_foreign_keys)
        indexes: _Listed = listed("indexes", inspector.get_multi_indexes, kind=ObjectKind.ANY)
        comments: _Listed = listed("comments", inspector.get_multi_table_comment, kind=ObjectKind.ANY)
        # some dialects answer with less than was asked for, without a word
        if silent := [table for table in kinds if (name, table) not in columns and not schema.failures]:
            schema.failures.append(
                f"schema {name or '(default)'}: columns of {len(silent)} tables, such as {silent[0][:80]}, lack"
            )
        default = inspector.default_schema_name if name is not None and "." not in name else None
        for table, kind in sorted(kinds.items()):
            if not self._selection.permits((*parts, table)):
                continue
            key = (name, table)
            sql: str | None = None
            properties: dict[str, Any] = {}
            if kind is not Kind.TABLE:
                sql, properties = self._definition(connection, inspector, key, definitions)
                definitions -= 1
            schema.tables.append(
                Found(
                    from_catalog(self._info.namespace, (*parts, table)),
                    kind,
                    description=(comments.get(key) or {}).get("text") or None,
                    columns=tuple(self._column(column) for column in columns.get(key, ())),
                    primary_key=tuple((primary.get(key) or {}).get("constrained_columns") or ()),
                    foreign_keys=tuple(self._foreign_key(item, parts, default) for item in foreign.get(key, ())),
                    indexes=tuple(_index(item) for item in indexes.get(key, ())),
                    sql=sql,
                    properties=properties,
                )
            )
        schema.grants = self._grants(list(kinds))
        return schema

    def _definition(
        self, connection: Connection, inspector: Inspector, key: tuple[str | None, str], left: int
    ) -> tuple[str | None, dict[str, Any]]:
        """A view's SQL, or the property that says why it has none."""
        if left <= 0:
            return None, {SQL_UNREADABLE: f"definitions of more than {MOST_DEFINITIONS} views are not read one by one"}
        try:
            sql = inspector.get_view_definition(key[1], schema=key[0])
        except NotImplementedError:
            return None, {SQL_UNREADABLE: f"the dialect {self._engine.dialect.name} has no definitions"}
        except SQLAlchemyError as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            connection.rollback()
            return None, {SQL_UNREADABLE: self._said(error)}
        return (sql, {}) if sql else (None, {SQL_UNREADABLE: "the server shows no definition"})

    def _column(self, column: Mapping[str, Any]) -> Column:
        try:
            type_ = column["type"].compile(self._engine.dialect)
        except (CompileError, AttributeError, TypeError):
            type_ = None  # a type that the dialect does not know
        default = column.get("default")
        return Column(
            column["name"],
            type_ or None,
            nullable=column.get("nullable"),
            default=None if default is None else str(default),
            description=column.get("comment") or None,
        )

    def _foreign_key(self, item: Mapping[str, Any], own: tuple[str, ...], default: str | None) -> ForeignKey:
        # a dialect that names no schema means the one that needs none to be named
        schema = item.get("referred_schema") or default
        outer = (self._parts(schema) or own) if schema else own
        return ForeignKey(
            tuple(item["constrained_columns"]), (*outer, item["referred_table"]), tuple(item.get("referred_columns") or ())
        )


def _index(item: Mapping[str, Any]) -> Index:
    terms = item.get("expressions") or item.get("column_names") or ()
    return Index(item.get("name") or "", tuple(str(term) for term in terms if term is not None), bool(item.get("unique")))


def _is_engines_own(schema: str) -> bool:
    low = schema.lower().rpartition(".")[2].strip('"')
    outer = schema.lower().partition(".")[0].strip('"')
    return low in _ENGINES_OWN or low.startswith(("pg_toast", "pg_temp")) or (outer != low and outer in ("system", "temp"))


def _url(info: SourceInfo, settings: SourceSettings) -> URL:
    try:
        url = make_url(settings.connection_url())
    except (ArgumentError, ValueError):
        raise WrongSettings(f"the URL of source {info.name} is none that SQLAlchemy can read") from None
    if "plugin" in url.query:
        raise WrongSettings(f"the URL of source {info.name} has the parameter plugin, which would load code")
    return url


def _engine(info: SourceInfo, url: URL) -> Engine:
    """An engine that keeps no connection; its driver is imported now.

    Raises:
        WrongSettings: the dialect or its driver is not installed, or it is an asynchronous one.

    """
    needed = _PACKAGES.get(url.drivername.partition("+")[0], "a package with a SQLAlchemy dialect for it")
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    except NoSuchModuleError:
        raise WrongSettings(f"source {info.name}: no dialect {url.drivername} is installed: pip install {needed}") from None
    except ModuleNotFoundError as error:
        text = f"source {info.name}: the dialect {url.drivername} needs the driver {error.name}: pip install {needed}"
        raise WrongSettings(text) from None
    except (ArgumentError, TypeError, ValueError):
        raise WrongSettings(f"the URL of source {info.name} is none that {url.drivername} can read") from None
    if engine.dialect.is_async:
        raise WrongSettings(
            f"source {info.name}: {url.drivername} is an asynchronous driver; name another one of its dialect"
        )
    return engine
