"""A node of dbt's manifest, with its part of the catalog and of the last run, becomes a table as its warehouse names it.

Journey 1, step 1; used by `dbt_folder` alone. Shapes: schemas.getdbt.com, manifest v9 (dbt 1.5) to v12 (1.8 and later),
catalog v1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from services.common.model.assets import Column, ForeignKey, Found, Kind
from services.common.model.names import DatasetName, Namespace, SqlPart, from_catalog, from_sql, parse_name, platform_of
from services.common.model.platforms import Case, Platform
from services.indexer.sources.dbt_runs import Runs

TABLES = frozenset({"model", "seed", "snapshot", "source"})
"""Resource types that may be tables."""
_KEPT = (
    *("unique_id", "resource_type", "package_name", "database", "schema", "name", "alias", "identifier", "relation_name"),
    *("description", "columns", "tags", "meta", "source_meta", "config", "group", "access", "contract", "deprecation_date"),
    *("constraints", "compiled_code", "original_file_path", "depends_on", "external", "freshness", "quoting", "version"),
)
_KEPT_CONFIG = ("materialized", "tags", "meta", "group", "access", "contract", "quoting", "enabled")
_KINDS = {
    "view": Kind.VIEW,
    "materialized_view": Kind.MATERIALIZED_VIEW,
    "dynamic_table": Kind.DYNAMIC_TABLE,
    "external": Kind.EXTERNAL_TABLE,
}
_MOST = 500  # tests, exposures and dependencies of one table that are kept
_LARGEST_META = 2**16
_FOREIGN = re.compile(r"\s*(?:references\s+)?(?P<table>[^()]+?)\s*(?:\((?P<columns>[^()]*)\)\s*)?", re.IGNORECASE)


@dataclass(slots=True)
class Project:
    """What the tables of a manifest share, gathered before the first of them.

    Attributes:
        quotes: by part (`database`, `schema`, `identifier`), where a name has no rendered relation to tell it.
        owners: owner by group, tests and exposures by the unique id of what they are about.

    """

    namespace: Namespace
    quotes: Mapping[str, bool]
    runs: Runs
    owners: Mapping[str, str] = field(default_factory=dict)
    tests: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    exposures: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def platform(self) -> Platform:
        """The naming rules of the warehouse."""
        return platform_of(self.namespace)


def trimmed(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is kept of a node until it is handed on; None where it is no table (a test, an ephemeral model, disabled).

    Raises:
        ValueError: a part of it has the wrong type; the text names the part.

    """
    kind = node.get("resource_type")
    if kind not in TABLES:
        return None
    kept = {key: node[key] for key in _KEPT if node.get(key) is not None}
    _check(kept)
    config = kept.get("config", {})
    if config.get("materialized") == "ephemeral" or config.get("enabled") is False:
        return None
    kept["config"] = {key: config[key] for key in _KEPT_CONFIG if config.get(key) is not None}
    return kept


def _check(node: Mapping[str, Any]) -> None:
    wanted = {
        str: (
            "unique_id",
            "database",
            "schema",
            "name",
            "alias",
            "identifier",
            "relation_name",
            "description",
            "compiled_code",
        ),
        dict: ("columns", "meta", "source_meta", "config", "contract", "depends_on", "freshness", "quoting", "external"),
        list: ("constraints",),
    }
    for type_, keys in wanted.items():
        for key in keys:
            if not isinstance(node.get(key), type_ | None):
                raise ValueError(f"{key} is no {type_.__name__}")  # noqa: TRY004 — the caller reports values
    for key in ("unique_id", "name", "schema"):
        if not node.get(key):
            raise ValueError(f"it has no {key}")
    if not all(
        isinstance(column, dict) and isinstance(column.get("name"), str) for column in node.get("columns", {}).values()
    ):
        raise ValueError("a column is no object with a name")


def name_of(node: Mapping[str, Any], project: Project) -> DatasetName:
    """The table as the warehouse's own catalog spells it: unquoted parts are folded as its engine folds them."""
    parts: Sequence[SqlPart] = ()
    rendered = node.get("relation_name")
    if rendered:
        try:
            parts = parse_name(rendered)
        except ValueError:
            parts = ()  # not a name alone, such as dbt-duckdb's read of a file
    if len(parts) < 2:
        quotes = {**project.quotes, **mapped(node, "quoting"), **mapped(node.get("config", {}), "quoting")}
        table = node.get("identifier") or node.get("alias") or node["name"]
        spelled = (("database", node.get("database")), ("schema", node["schema"]), ("identifier", table))
        parts = [SqlPart(text, quoted=bool(quotes.get(part))) for part, text in spelled if text]
    return _named(parts, project)


def _named(parts: Sequence[SqlPart], project: Project) -> DatasetName:
    platform = project.platform
    if len(parts) > platform.levels:
        parts = parts[-platform.levels :]  # dbt's database where the engine has none
    stem = PurePosixPath(project.namespace).stem if platform.file else None
    named = from_sql(project.namespace, parts, database=stem if platform.levels == 2 else None)
    return from_catalog(named.namespace, named.parts)


def found_from(node: Mapping[str, Any], catalog: Mapping[str, Any] | None, project: Project) -> Found:
    """The table: documented facts of the manifest, types and order of columns from the catalog where it has them."""
    name = name_of(node, project)
    columns = _columns(node, catalog or {}, project.platform)
    primary, foreign = _keys(node, name, project)
    spelled = {column.name.lower(): column.name for column in columns}
    return Found(
        name=name,
        kind=_kind(node, catalog or {}),
        description=node.get("description") or None,
        columns=columns,
        primary_key=tuple(spelled.get(column.lower(), column) for column in primary),
        foreign_keys=tuple(
            replace(key, columns=tuple(spelled.get(column.lower(), column) for column in key.columns)) for key in foreign
        ),
        sql=node.get("compiled_code") or None,
        tags=texts((*listed(node, "tags"), *listed(node["config"], "tags"))),
        owners=_owners(node, project),
        properties={"dbt": _properties(node, catalog or {}, project)},
    )


def _kind(node: Mapping[str, Any], catalog: Mapping[str, Any]) -> Kind:
    if node["resource_type"] != "source":
        return _KINDS.get(str(node["config"].get("materialized")), Kind.TABLE)
    seen = str(mapped(catalog, "metadata").get("type") or "").upper()
    if "VIEW" in seen:
        return Kind.MATERIALIZED_VIEW if "MATERIALIZED" in seen else Kind.VIEW
    return Kind.EXTERNAL_TABLE if node.get("external") or "EXTERNAL" in seen else Kind.TABLE


def _columns(node: Mapping[str, Any], catalog: Mapping[str, Any], platform: Platform) -> tuple[Column, ...]:
    seen = [column for column in mapped(catalog, "columns").values() if isinstance(column, dict) and column.get("name")]
    seen.sort(key=lambda column: index if isinstance(index := column.get("index"), int) else 0)
    documented: dict[str, Mapping[str, Any]] = {}
    for column in node.get("columns", {}).values():
        documented.setdefault(column["name"].lower(), column)
    out = [_column(str(column["name"]), column, documented.pop(str(column["name"]).lower(), {})) for column in seen]
    out += [_column(_folded(column, platform), {}, column) for column in documented.values()]
    return tuple(out)


def _column(name: str, seen: Mapping[str, Any], said: Mapping[str, Any]) -> Column:
    types = [str(constraint.get("type")) for constraint in listed(said, "constraints") if isinstance(constraint, dict)]
    type_ = seen.get("type") or said.get("data_type")
    description = said.get("description") or seen.get("comment")
    return Column(
        name,
        str(type_) if type_ else None,
        nullable=False if {"not_null", "primary_key"} & set(types) else None,
        description=str(description) if description else None,
        tags=texts((*listed(said, "tags"), *listed(mapped(said, "config"), "tags"))),
    )


def _folded(column: Mapping[str, Any], platform: Platform) -> str:
    name: str = column["name"]
    if column.get("quote") or platform.case in (Case.SENSITIVE, Case.INSENSITIVE):
        return name
    return platform.lower(name) if platform.case is Case.LOWER else name.upper()


def _keys(node: Mapping[str, Any], own: DatasetName, project: Project) -> tuple[list[str], list[ForeignKey]]:
    """Keys that constraints of the model or of its columns state; tests are no keys."""
    stated = [(item, listed(item, "columns")) for item in listed(node, "constraints") if isinstance(item, dict)]
    for column in node.get("columns", {}).values():
        stated += [(item, [column["name"]]) for item in listed(column, "constraints") if isinstance(item, dict)]
    primary = [str(name) for item, names in stated if item.get("type") == "primary_key" for name in names]
    foreign = [
        ForeignKey(tuple(map(str, names)), *target)
        for item, names in stated
        if item.get("type") == "foreign_key" and names and (target := _target(item, own, project))
    ]
    return list(dict.fromkeys(primary)), foreign


def _target(item: Mapping[str, Any], own: DatasetName, project: Project) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    table, columns = item.get("to"), listed(item, "to_columns")
    if not table:  # before 1.9 a foreign key is SQL: `schema.other (id)`
        match = _FOREIGN.fullmatch(str(item.get("expression") or ""))
        if match is None or not match["table"]:
            return None
        table, columns = match["table"], [part.strip() for part in (match["columns"] or "").split(",") if part.strip()]
    try:
        parts = _named(parse_name(str(table)), project).parts
    except ValueError:
        return None
    missing = len(own.parts) - len(parts)
    return (*own.parts[:missing], *parts) if missing > 0 else parts, tuple(map(str, columns))


def _owners(node: Mapping[str, Any], project: Project) -> tuple[str, ...]:
    metas = (mapped(node["config"], "meta"), mapped(node, "meta"), mapped(node, "source_meta"))
    named = next((owner for meta in metas if (owner := meta.get("owner"))), None)
    owners = named if isinstance(named, list) else [named]
    group = project.owners.get(str(node.get("group") or node["config"].get("group")))
    return texts((*owners, group))


def _properties(node: Mapping[str, Any], catalog: Mapping[str, Any], project: Project) -> dict[str, Any]:
    unique_id, config = node["unique_id"], node["config"]
    run = dict(project.runs.of(unique_id))
    run.pop("failures", None)
    freshness = {
        key: value for key, value in mapped(node, "freshness").items() if isinstance(value, dict) and value.get("count")
    }
    facts = {
        "unique_id": unique_id,
        "package": node.get("package_name"),
        "resource_type": node["resource_type"],
        "materialized": config.get("materialized"),
        "path": node.get("original_file_path"),
        "version": node.get("version"),
        "group": node.get("group") or config.get("group"),
        "access": node.get("access") or config.get("access"),
        "contract": True if mapped(node, "contract").get("enforced") else None,
        "deprecation_date": node.get("deprecation_date"),
        "meta": bounded({**mapped(node, "meta"), **mapped(config, "meta")}),
        "owner_role": mapped(catalog, "metadata").get("owner"),
        "tests": [{**test, **_outcome(test, project)} for test in project.tests.get(unique_id, ())[:_MOST]],
        "freshness": freshness,
        "last_run": run,
        "exposures": project.exposures.get(unique_id, [])[:_MOST],
        "depends_on": listed(mapped(node, "depends_on"), "nodes")[:_MOST],
    }
    return {key: value for key, value in facts.items() if value not in (None, {}, [])}


def _outcome(test: Mapping[str, Any], project: Project) -> dict[str, Any]:
    outcome = project.runs.of(test["unique_id"])
    state = outcome.get("state", "unknown")
    # a test that ran passes or not; one that merely compiled is a success
    return {
        "state": "unknown" if state == "success" else state,
        "failures": outcome.get("failures"),
        "at": outcome.get("at"),
    }


def bounded(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """What people put into `meta`, unless it is very large."""
    size = len(json.dumps(meta))
    return meta if size <= _LARGEST_META else {"left_out": f"{size} characters, more than {_LARGEST_META}"}


def mapped(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key; an empty one where there is none."""
    value = node.get(key)
    return value if isinstance(value, dict) else {}


def listed(node: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key, a text as a list of it; an empty one where there is none."""
    value = node.get(key)
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Those that are texts or numbers, each once."""
    return tuple(dict.fromkeys(str(value) for value in values if value and isinstance(value, str | int)))
