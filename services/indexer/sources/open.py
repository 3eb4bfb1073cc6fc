"""A configured URL becomes a source: the one table from schemes to the classes that read them.

Journey 1, step 1. A driver is imported when a source needs it, so that the extras stay optional.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from services.common.errors import WrongSettings
from services.common.model.crawls import SourceInfo
from services.common.model.names import canonical_namespace
from services.common.model.platforms import canonical_scheme
from services.common.runtime.source_settings import SourceSettings, source_namespace, url_database
from services.indexer.sources.source import Source

_SourceClass = Callable[[SourceInfo, SourceSettings], Source]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Where the class for a scheme is, how its URLs look, and what to install when its driver is missing."""

    module: str
    name: str
    looks: str
    extra: str | None = None


_READERS = {
    "postgres": _Reader("postgresql", "PostgresSource", "postgresql://USER@HOST/DATABASE", extra="postgres"),
    "duckdb": _Reader("duckdb_file", "DuckDbSource", "duckdb:///FILE"),
    "sqlite": _Reader("sqlite_file", "SqliteSource", "sqlite:///FILE"),
    "metadata": _Reader("metadata_file", "MetadataSource", "metadata://FILE.jsonl"),
    "mysql": _Reader("mysql", "MySqlSource", "mysql://USER@HOST/DATABASE", extra="mysql"),
    "snowflake": _Reader("snowflake", "SnowflakeSource", "snowflake://USER@ACCOUNT/DATABASE", extra="snowflake"),
    "bigquery": _Reader("bigquery", "BigQuerySource", "bigquery://PROJECT", extra="bigquery"),
    "dbt": _Reader("dbt_folder", "DbtSource", "dbt://FOLDER"),
}
_ANY = _Reader("any_dialect", "AnyDialectSource", "any other SQLAlchemy URL whose dialect is installed")


def open_source(name: str, settings: SourceSettings) -> Source:
    """The source called `name`, ready to be read; nothing is connected to yet.

    Raises:
        WrongSettings: no source reads such a URL, its driver is not installed, or it cannot have a namespace.

    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.\-]*)://", settings.url)
    scheme = canonical_scheme(match[1]) if match else ""
    reader = _READERS.get(scheme) or (_any_dialect(match[1]) if match else None)
    if reader is None:
        known = ", ".join(entry.looks for entry in (*_READERS.values(), _ANY))
        begins = f"begins with {match[1]}://" if match else "has no scheme"  # the rest may hold a password
        raise WrongSettings(f"the URL of source {name} {begins}; known are {known}")
    info = _info(name, scheme, settings)
    return _class_of(reader)(info, settings)


def _info(name: str, platform: str, settings: SourceSettings) -> SourceInfo:
    try:
        namespace = source_namespace(settings)
        aliases = tuple(canonical_namespace(alias) for alias in settings.aliases)
    except ValueError:
        # the message would repeat a piece of the URL, and a password with an unescaped sign ends up as the port
        raise WrongSettings(
            f"the URL, namespace or an alias of source {name} cannot be split into host and port; "
            "signs such as / # ? @ in a password are written as %2F %23 %3F %40"
        ) from None
    if namespace is None or (settings.into is not None and platform != "dbt"):
        raise WrongSettings(f"source {name} says `into`, which is for dbt artifacts alone, and names another source")
    return SourceInfo(
        name=name,
        namespace=namespace,
        platform=platform,
        aliases=aliases,
        database=url_database(settings.url),
        into=settings.into,
        hold_share=settings.hold_share,
    )


def _any_dialect(scheme: str) -> _Reader | None:
    """The reader of every other dialect, where a URL's scheme is that of one."""
    module = importlib.import_module(f"services.indexer.sources.{_ANY.module}")
    return _ANY if module.is_known(scheme) else None


def _class_of(reader: _Reader) -> _SourceClass:
    try:
        module = importlib.import_module(f"services.indexer.sources.{reader.module}")
    except ModuleNotFoundError as error:
        if reader.extra is None or (error.name or "").startswith("services"):
            raise
        raise WrongSettings(f"{reader.looks} needs a driver: pip install 'headwater[{reader.extra}]'") from error
    return cast("_SourceClass", getattr(module, reader.name))
