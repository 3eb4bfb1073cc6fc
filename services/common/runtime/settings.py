"""Settings: flags over `HEADWATER_*` variables over `headwater.toml`, checked once, before anything starts.

Every journey begins here. Fields that may hold a credential are left out of `repr`, and no error repeats a value.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from services.common.errors import WrongSettings
from services.common.model.access import AccessScope, Role
from services.common.model.names import Namespace, Namespaces, canonical_namespace
from services.common.model.platforms import canonical_scheme
from services.common.runtime.source_settings import (
    SourceSettings,
    Strict,
    source_namespace,
    url_database,
    url_namespace,
)

ENV_PREFIX = "HEADWATER_"
DEFAULT_HOME = Path(".headwater")
DEMO_HOME = Path(".headwater-demo")
"""Where the sample warehouse's home is unless one is named."""
DEFAULT_PORT = 8642
NO_BUNDLE = "role sidecar answers from a bundle: name its folder with --bundle or HEADWATER_BUNDLE"
"""What is said where a sidecar has none."""
# settings that are lists: in the environment their items are separated by commas
_LISTS = frozenset({"aliases", "include", "exclude", "allow", "deny", "cors_origins", "allowed_hosts"})
# variables with our prefix that are no settings: where settings are read from, and what the tests use
_NOT_SETTINGS = frozenset({"CONFIG", "TEST_POSTGRES_URL", "TEST_MARIADB_URL", "TEST_DBT"})


class TokenSettings(Strict):
    """`[tokens.NAME]`: a caller, known by the SHA-256 of its token; NAME is recorded with its writes."""

    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of the token, in hexadecimal", repr=False)
    role: Role = Field(default=Role.READER, description="reader, editor, admin or producer")
    allow: tuple[str, ...] = Field(default=("*",), description="Globs over source.database.schema.table that may be seen")
    deny: tuple[str, ...] = Field(default=(), description="Globs over source.database.schema.table that stay hidden")

    @property
    def scope(self) -> AccessScope:
        """What every read of this caller takes."""
        return AccessScope(self.allow, self.deny)


class UsageSettings(Strict):
    """`[usage]`: what is kept of query logs."""

    users: Literal["hashed", "names", "off"] = Field(
        default="hashed", description="Users in query logs: as stand-ins under the home's key, by name, or not at all"
    )
    min_people: int = Field(
        default=1, ge=1, le=1000, description="Tables that fewer people have used together count as never used together"
    )


class LineageSettings(Strict):
    """`[lineage]`: what walks show."""

    hidden: Literal["absent", "opaque"] = Field(
        default="absent", description="Assets that a caller may not see: absent from walks, or marks without a name"
    )


class Settings(Strict):
    """Everything that can be set. `HEADWATER_` and the name in capitals sets it from the environment; two underscores
    step into a table: `HEADWATER_SOURCES__WH__URL`.
    """

    home: Path = Field(default=DEFAULT_HOME, description="The data folder")
    host: str = Field(default="127.0.0.1", description="Address to serve on; anything but loopback needs tokens")
    port: int = Field(default=DEFAULT_PORT, ge=0, le=65535, description="Port to serve on; 0 takes a free one")
    database_url: str | None = Field(
        default=None, description="postgresql://… for production; SQLite files in the home unless set", repr=False
    )
    model: str = Field(
        default="all-MiniLM-L6-v2+headwater",
        description="The encoder: `all-MiniLM-L6-v2+headwater`, `all-MiniLM-L6-v2`, a folder, or `hashing`",
    )
    bundle: Path | None = Field(default=None, description="The bundle that role `sidecar` answers from")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that answer for `serve`, over one copy of the index")
    threads: int = Field(
        default=0,
        ge=0,
        description="Threads that each process works with: for encoding a text, and for eight requests each, 8 to 40 in all; "
        "0 = the machine's cores, shared out among the workers",
    )
    sources: dict[str, SourceSettings] = Field(default_factory=dict, description="Warehouses to crawl, by name")
    usage: UsageSettings = Field(default_factory=UsageSettings, description="What is kept of query logs")
    lineage: LineageSettings = Field(default_factory=LineageSettings, description="What walks of lineage show")
    tokens: dict[str, TokenSettings] = Field(default_factory=dict, description="Callers, by name")
    cors_origins: tuple[str, ...] = Field(default=(), description="Origins whose pages may call the API, written out")
    allowed_hosts: tuple[str, ...] = Field(default=(), description="Host headers accepted besides loopback's own names")
    internal_key: str | None = Field(
        default=None, min_length=16, description="Shared by the three services apart", repr=False
    )
    catalog_url: str = Field(
        default=f"http://127.0.0.1:{DEFAULT_PORT}", description="Where the catalog serves, for the others"
    )
    indexer_url: str = Field(default=f"http://127.0.0.1:{DEFAULT_PORT + 1}", description="Where the indexer serves")
    lineage_url: str = Field(default=f"http://127.0.0.1:{DEFAULT_PORT + 2}", description="Where the lineage service serves")
    max_body_bytes: int = Field(default=4_000_000, gt=0, description="Largest request body that is read")
    search_log: Literal["words", "hashes", "off"] = Field(
        default="words", description="How questions are recorded for feedback: in words, as hashes, or not at all"
    )
    search_log_days: int = Field(default=90, ge=1, le=3650, description="Days that recorded questions and feedback are kept")
    events_days: int = Field(default=30, ge=1, le=3650, description="Days that the texts of lineage events are kept")
    lineage_stale_days: int = Field(
        default=30, ge=1, le=3650, description="Days after which an edge that runs or query logs no longer show is hidden"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least severe line logged")
    log_format: Literal["auto", "json", "console"] = Field(default="auto", description="auto = console on a terminal")

    @field_validator("sources")
    @classmethod
    def _have_somewhere_to_go(cls, value: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
        """Artifacts get the namespace of the source whose tables they describe."""
        filled = {}
        for name, source in value.items():
            target = value.get(source.into or "")
            if source.into is not None and (target is None or target.into is not None):
                raise ValueError(f"source {name} goes into {source.into}, which is no other source")
            if target is not None:
                try:
                    namespace = source_namespace(target)
                except ValueError as error:
                    raise ValueError(f"source {source.into}: {error}") from None
                filled[name] = source.model_copy(update={"namespace": namespace})
            else:
                filled[name] = source
        return filled

    @field_validator("cors_origins")
    @classmethod
    def _are_written_out(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("*" in origin for origin in value):
            raise ValueError("write each origin out, such as https://portal.example.com; * would mean every page")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"postgres(ql)?(\+psycopg)?://", value):
            raise ValueError("only postgresql:// is served; leave it out for SQLite in the home")
        return value

    @model_validator(mode="after")
    def _namespaces_are_consistent(self) -> Self:
        self.namespaces()
        return self

    @property
    def n_threads(self) -> int:
        """Threads of each process: the setting, or its share of the cores of this machine."""
        return self.threads or max(1, (os.cpu_count() or 1) // self.workers)

    def namespaces(self) -> Namespaces:
        """Aliases and owners of all configured sources' namespaces.

        Raises:
            ValueError: an alias stands for two namespaces, two sources claim one, or `into` names no source.

        """
        aliases: dict[Namespace, Namespace] = {}
        owners: dict[Namespace, str] = {}
        databases: dict[Namespace, dict[str, str]] = {}
        for name, source in self.sources.items():
            try:
                namespace = source_namespace(source)
                names = [] if namespace is None else [namespace, *_also_known_as(source)]
            except ValueError as error:
                raise ValueError(f"source {name}: {error}") from None
            if source.into is not None:
                continue
            if namespace is None:
                raise ValueError(f"source {name} has no namespace")
            database = url_database(source.url)
            holder = databases.setdefault(namespace, {}).setdefault(database.lower(), name) if database else None
            if holder is None:
                holder = owners.setdefault(namespace, name)
            if holder != name:
                what = f"the same namespace {namespace}" + (f" and database {database}" if database else "")
                raise ValueError(f"sources {holder} and {name} have {what}")
            for alias in names:
                if aliases.setdefault(alias, namespace) != namespace:
                    raise ValueError(f"{alias} stands for two namespaces: {aliases[alias]} and {namespace}")
        return Namespaces(aliases={a: n for a, n in aliases.items() if a != n}, sources=owners, databases=databases)


def _also_known_as(source: SourceSettings) -> list[Namespace]:
    """Other namespaces of a source: its aliases, and the host that its URL names where another namespace is set."""
    scheme = canonical_scheme(source.url.partition("://")[0])
    # files of one name in two folders may each have a namespace of their own
    reached = [] if scheme in ("metadata", "dbt") else [url_namespace(source.url)]
    return [*reached, *map(canonical_namespace, source.aliases)]


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    default_home: Path = DEFAULT_HOME,
) -> Settings:
    """Settings from flags, the environment and one file, in this order of strength. Flags that are None do not count.

    The file is `config`, else `HEADWATER_CONFIG`, else `./headwater.toml`, else `headwater.toml` in the home.

    Raises:
        WrongSettings: a file that was named is missing, is no TOML, or a value is not allowed; every one is listed.

    """
    env = os.environ if environ is None else environ
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    from_env = _from_environment(env)
    home = Path(given.get("home") or from_env.get("home") or default_home).expanduser()
    values = _read_file(_config_file(config, env, home))
    _overlay(values, from_env)
    _overlay(values, given)
    values.setdefault("home", home)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise WrongSettings("; ".join(_explain(error))) from None  # pydantic's own text repeats the values
    return settings.model_copy(update={"home": Path(settings.home).expanduser().absolute()})


def _config_file(config: Path | None, env: Mapping[str, str], home: Path) -> Path | None:
    named = config or (Path(env[f"{ENV_PREFIX}CONFIG"]) if env.get(f"{ENV_PREFIX}CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise WrongSettings(f"there is no settings file {named}")
        return named
    return next((path for path in (Path("headwater.toml"), home / "headwater.toml") if path.is_file()), None)


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise WrongSettings(f"{path} cannot be read: {error.strerror}") from error


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, text in env.items():
        name = key.removeprefix(ENV_PREFIX)
        if name == key or name in _NOT_SETTINGS or name.startswith("TEST_"):
            continue
        *tables, last = name.lower().split("__")
        if not text and last not in _LISTS:  # set to nothing is not set; a list may be empty
            continue
        target = values
        for table in tables:
            target = target.setdefault(table, {})
            if not isinstance(target, dict):
                raise WrongSettings(f"{key} steps into {table}, which is also set to a single value")
        if isinstance(target.get(last), dict):
            raise WrongSettings(f"{key} is set to a single value, and other variables step into it")
        target[last] = [item.strip() for item in text.split(",") if item.strip()] if last in _LISTS else text
    return values


def _overlay(values: dict[str, Any], stronger: Mapping[str, Any]) -> None:
    for key, value in stronger.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _overlay(values[key], value)
        else:
            values[key] = value


def _explain(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors(include_input=False)]
