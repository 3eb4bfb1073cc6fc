"""Two dbt manifests compared: models that are gone, renamed columns, other types, and models whose SQL has changed.

Beside journey 3: what `headwater check --manifest` asks about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import BadRequest
from services.common.model.schema_changes import ChangeKind, SchemaChange
from services.indexer.sources.dbt_artifacts import ArtifactBroken, Entry, entries
from services.indexer.sources.dbt_manifest import trimmed


@dataclass(frozen=True, slots=True)
class Model:
    """What a manifest says of a model, seed or snapshot.

    Attributes:
        relation: its name in the warehouse, parts joined by dots and quoted where dbt quotes them.
        code: its compiled SQL; None where the project was parsed and not compiled.
        dialect: of that SQL.
        columns: the documented columns with their types, where a type is said.
        contracted: whether dbt enforces that there are no others.

    """

    relation: str
    code: str | None
    dialect: str
    columns: Mapping[str, str | None]
    contracted: bool


@dataclass(frozen=True, slots=True)
class ManifestChanges:
    """What is known to change, the models whose new SQL must be read to know, and what could not be compared.

    Each rebuilt model comes with what it was in the other manifest, None where there is none.
    """

    changes: tuple[SchemaChange, ...]
    rebuilt: tuple[tuple[Model, Model | None], ...]
    models: int
    problems: tuple[str, ...]


def read_models(path: Path) -> dict[str, Model]:
    """The models of a manifest by their unique ids; the file may be packed and of any size.

    Raises:
        BadRequest: it is no manifest, damaged, without nodes, or a node is no object or lacks what a table needs.

    """
    dialect, nodes = "", 0
    found: dict[str, Model] = {}
    try:
        for entry in entries(path, ("nodes",), ("metadata",), needed=("metadata", "nodes")):
            if entry.section == "metadata":
                dialect = str(entry.value.get("adapter_type") or "") if isinstance(entry.value, dict) else ""
            else:
                nodes += 1
                found |= dict(_model(entry, nodes))
    except (ArtifactBroken, _NodeBroken) as error:
        raise BadRequest(f"{path} is no manifest of dbt: {error}") from None
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror or 'an error of the disk'}") from None
    if not nodes:
        raise BadRequest(f"{path} is no manifest of dbt: it has no nodes")
    return {key: Model(m.relation, m.code, dialect, m.columns, m.contracted) for key, m in found.items()}


class _NodeBroken(Exception):
    """A node that cannot be understood: what is not compared must not count as unchanged."""


def _model(entry: Entry, number: int) -> Iterator[tuple[str, Model]]:
    if not entry.key:
        raise _NodeBroken("its nodes are no object")
    if not isinstance(entry.value, dict):
        raise _NodeBroken(f"node {number} is no object")
    try:
        node = trimmed(entry.value)
    except ValueError as error:
        raise _NodeBroken(f"of node {number}, {error}") from None
    if node is None:
        return
    parts = (node.get("database"), node.get("schema"), node.get("alias") or node["name"])
    relation = node.get("relation_name") or ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)
    columns = {str(one["name"]): one.get("data_type") for one in node.get("columns", {}).values()}
    contracted = bool(node.get("contract", {}).get("enforced"))
    yield entry.key, Model(relation, node.get("compiled_code"), "", columns, contracted)


def planned_changes(new: Mapping[str, Model], old: Mapping[str, Model] | None) -> ManifestChanges:
    """What changes from `old` to `new`; without `old`, every model of `new` may have changed since the last crawl."""
    changes: list[SchemaChange] = []
    rebuilt: list[tuple[Model, Model | None]] = []
    problems: list[str] = []
    for key, before in (old or {}).items():
        now = new.get(key)
        if now is None:
            changes.append(SchemaChange(ChangeKind.DROP, before.relation))
        elif now.relation != before.relation:
            changes.append(SchemaChange(ChangeKind.RENAME, before.relation, to=now.relation))
        else:
            changes += _of_columns(before, now)
    for key, now in new.items():
        known = None if old is None else old.get(key)
        if (old is not None and known is None) or (known is not None and known.relation != now.relation):
            continue  # it is new, or told as renamed
        if known is None or known.code != now.code:
            if now.code is not None:
                rebuilt.append((now, known))
            elif not now.contracted and not now.columns:
                problems.append(f"{now.relation}: the manifest has no compiled SQL; run dbt compile")
    return ManifestChanges(tuple(changes), tuple(rebuilt), len(new), tuple(problems))


def _of_columns(before: Model, now: Model) -> Iterator[SchemaChange]:
    """Columns that are documented no more count as gone only where nothing better is known: SQL, or a contract."""
    for name, type_ in before.columns.items():
        if name not in now.columns:
            if now.contracted or now.code is None:
                yield SchemaChange(ChangeKind.DROP, before.relation, name)
        elif type_ is not None and now.columns[name] is not None and now.columns[name] != type_:
            yield SchemaChange(ChangeKind.RETYPE, before.relation, name, now.columns[name])
