"""A source's settings: where a warehouse is, what to read of it, and the identity that its URL gives it.

Every crawl begins here. Fields that may hold a credential are left out of `repr`, and no error repeats a value.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.common.errors import WrongSettings
from services.common.model.crawls import SourceInfo
from services.common.model.names import Namespace, canonical_namespace
from services.common.model.platforms import canonical_scheme, platform_named

_SERVERS = ("postgres", "mysql", "snowflake", "redshift", "trino", "mssql", "databricks", "clickhouse")
_PASSWORD = re.compile(r"(?P<head>^[^:]+://[^:/@]*:)(?P<password>.*)(?=@)", re.DOTALL)
_SECRET_PARAMETER = re.compile(
    r"(?P<head>[?&;][^=&;]*(?:passw|pwd|secret|token|credential|key)[^=&;]*=)[^&;]*", re.IGNORECASE
)


class Strict(BaseModel):
    """What is not known is refused, nothing can be changed afterwards, and errors repeat no value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SourceSettings(Strict):
    """`[sources.NAME]`: a warehouse to crawl."""

    url: str = Field(
        description="Where it is: postgresql://, duckdb:///FILE, sqlite:///FILE, metadata://FILE, …", repr=False
    )
    namespace: str | None = Field(default=None, description="Its OpenLineage namespace; from the URL unless set")
    aliases: tuple[str, ...] = Field(default=(), description="Other namespaces that mean the same: replica, load balancer")
    password: str | None = Field(
        default=None, description="`env:NAME` or `file:PATH`, put into the URL when connecting; never stored", repr=False
    )
    include: tuple[str, ...] = Field(default=(), description="Globs over database.schema.table; none means everything")
    exclude: tuple[str, ...] = Field(default=(), description="Globs over database.schema.table, taken out again")
    schedule: str | None = Field(default=None, description="When `serve` crawls it by itself: a cron line, `0 6 * * 1-5`")
    timezone: str = Field(default="UTC", description="Of the schedule, and of times without an offset in this source")
    into: str | None = Field(default=None, description="For dbt artifacts: the source whose tables the models become")
    timeout_s: float = Field(default=300.0, gt=0, description="How long one statement may take, in seconds")
    catalog_beyond_grants: bool = Field(
        default=False, description="PostgreSQL: also read schemas that the role may not use; its catalog shows them"
    )
    query_log: bool = Field(default=False, description="PostgreSQL: a crawl also reads what ran, from `pg_stat_statements`")
    hold_share: float = Field(
        default=0.5, ge=0, le=1, description="More than this share of the tables gone at once waits for a person's yes"
    )
    query_tag: str = Field(
        default="headwater", description="Snowflake, BigQuery: what the crawl's statements are tagged with"
    )
    private_key: str | None = Field(
        default=None, description="Snowflake: `env:NAME` or `file:PATH` of a PEM key, instead of a password", repr=False
    )
    private_key_passphrase: str | None = Field(
        default=None, description="Snowflake: `env:NAME` or `file:PATH` of the key's passphrase", repr=False
    )
    oauth_token: str | None = Field(
        default=None, description="Snowflake, BigQuery: `env:NAME` or `file:PATH` of an OAuth token", repr=False
    )
    credentials: str | None = Field(
        default=None, description="BigQuery: `env:NAME` or `file:PATH` of a service account's JSON", repr=False
    )

    @field_validator("schedule")
    @classmethod
    def _is_a_cron_line(cls, value: str | None) -> str | None:
        if value is not None:
            if len(value.split()) != 5:
                raise ValueError("is no cron line of five fields, such as 0 6 * * 1-5")
            try:
                CronSim(value, dt.datetime.now(dt.UTC))
            except CronSimError as error:
                raise ValueError(f"is no cron line of five fields, such as 0 6 * * 1-5: {error}") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no timezone, such as UTC or Europe/Vienna") from None
        return value

    @field_validator("password", "private_key", "private_key_passphrase", "oauth_token", "credentials")
    @classmethod
    def _is_a_reference(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("env:", "file:")):
            raise ValueError("write a reference, env:NAME or file:PATH, never the secret itself")
        return value

    def connection_url(self) -> str:
        """The URL with its password filled in, for the driver alone: never log, store or return it.

        Raises:
            WrongSettings: the reference leads nowhere, or there is no place for a password in the URL.

        """
        if self.password is None:
            return self.url
        secret = quote(read_reference(self.password), safe="")
        match = re.fullmatch(r"(?P<scheme>[^:]+://)(?P<user>[^:/@]*)(?::[^@/]*)?@(?P<rest>.*)", self.url, re.DOTALL)
        if match is None:
            raise WrongSettings("a source with a password needs a URL that names a user: scheme://user@host/database")
        return f"{match['scheme']}{match['user']}:{secret}@{match['rest']}"


def source_namespace(source: SourceSettings) -> Namespace | None:
    """The namespace of a configured source; None for artifacts of another one (`into`) that is not known.

    Raises:
        ValueError: the URL or the namespace cannot be split; the message repeats nothing of either.

    """
    if source.into is not None and source.namespace is None:
        return None
    return url_namespace(source.url) if source.namespace is None else canonical_namespace(source.namespace)


def url_namespace(url: str) -> Namespace:
    """The namespace of what a URL leads to: a host, a file's absolute path, or a metadata file's stem.

    Raises:
        ValueError: the URL cannot be split; the message repeats nothing of it.

    """
    scheme, found, rest = url.partition("://")
    if not found:
        raise ValueError("the URL has no scheme, such as postgresql:// or duckdb:///")
    scheme = canonical_scheme(scheme)
    if scheme == "metadata":
        return Namespace(f"metadata://{file_stem(rest)}")
    if scheme == "dbt":
        return canonical_namespace(f"dbt://{Path(rest.partition('?')[0]).expanduser().absolute()}")
    if scheme == "bigquery":
        return Namespace(scheme)  # OpenLineage's: the name's first part is the project
    if platform_named(scheme).file:
        return canonical_namespace(f"{scheme}://{file_of(url)}")
    if "@" in "".join(re.split(r"[/?#]", rest, maxsplit=1)[1:]):
        # a password cut in two would otherwise become a host and a port
        raise ValueError("the URL has an @ in the wrong place; write / # ? @ in a password as %2F %23 %3F %40")
    return canonical_namespace(url)


def url_database(url: str) -> str | None:
    """The one database of its namespace that a URL leads to; None where it leads to all that is there.

    A namespace of PostgreSQL or MySQL is a server, of Snowflake an account, of BigQuery everything: a URL's path names
    what of it is meant. Files are namespaces of their own.
    """
    scheme, _, rest = url.partition("://")
    name = canonical_scheme(scheme)
    if name == "bigquery":
        return unquote(re.split(r"[/?#]", rest, maxsplit=1)[0]) or None
    if name not in _SERVERS:
        return None
    path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")[2]
    return unquote(path.split("/", maxsplit=1)[0]).strip('"') or None


def file_of(url: str) -> Path:
    """The absolute path that a file URL names: `duckdb:///rel.db` is relative, `duckdb:////abs.db` absolute, as in SQLAlchemy."""
    rest = url.partition("://")[2].partition("?")[0]
    rest = rest.removeprefix("/")
    return Path(rest).expanduser().absolute()


def file_stem(path: str) -> str:
    """A file's name without `.gz` and without its last suffix: `x/spider.tables.jsonl.gz` → `spider.tables`."""
    name = Path(path.removesuffix(".gz")).name
    return Path(name).stem or name


def read_reference(reference: str) -> str:
    """The secret that `env:NAME` or `file:PATH` leads to, without a trailing newline.

    Raises:
        WrongSettings: the variable is not set, the file cannot be read, or either is empty.

    """
    kind, _, where = reference.partition(":")
    if kind == "env":
        value = os.environ.get(where)
    else:
        try:
            value = Path(where).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise WrongSettings(f"the secret {reference} cannot be read: {error.strerror}") from error
        except ValueError:  # the error itself would carry the bytes
            raise WrongSettings(f"the secret {reference} cannot be read: it is no UTF-8 text") from None
    if not value:
        raise WrongSettings(f"the secret {reference} is empty or not set")
    return value


def mask(url: str) -> str:
    """A URL with its password, wherever it stands, shown as `***`: for people and logs."""
    return _SECRET_PARAMETER.sub(r"\g<head>***", _PASSWORD.sub(r"\g<head>***", url))


def source_info(name: str, source: SourceSettings) -> SourceInfo:
    """A configured source as the catalog may tell of it: never its URL."""
    namespace = source_namespace(source) or Namespace(f"into:{source.into}")
    aliases = tuple(canonical_namespace(alias) for alias in source.aliases)
    platform = canonical_scheme(source.url.partition("://")[0])
    return SourceInfo(name, namespace, platform, aliases, url_database(source.url), source.into, source.hold_share)
