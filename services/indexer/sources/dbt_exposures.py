"""An exposure of dbt's manifest (a dashboard, a notebook, an application) becomes an asset that is made from its models.

Journey 1, step 1; used by `dbt_folder` alone. No warehouse shows it, so it stands in a schema of its own, beside the tables of
the warehouse: globs name it like a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.common.model.assets import MADE_FROM, Found, Kind
from services.common.model.names import DatasetName, from_catalog
from services.indexer.sources.dbt_manifest import Project, bounded, listed, mapped, texts

DATABASE, SCHEMA = "dbt", "exposures"
_FACTS = ("unique_id", "package_name", "type", "maturity", "url", "label", "original_file_path")


def exposure_name(name: str, project: Project) -> DatasetName:
    """Where the exposure of that name stands: `dbt.exposures.NAME`, or `dbt_exposures.NAME` where names have two parts."""
    outer = (DATABASE, SCHEMA) if project.platform.levels > 2 else (f"{DATABASE}_{SCHEMA}",)
    return from_catalog(project.namespace, (*outer, name))


def kept_exposure(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is kept of an exposure until it is handed on; None where it is disabled.

    Raises:
        ValueError: it has no name.

    """
    if mapped(value, "config").get("enabled") is False:
        return None
    if not isinstance(value.get("name"), str) or not value["name"]:
        raise ValueError("it has no name")
    kept = ("name", "description", "owner", "tags", "meta", "config", "depends_on", *_FACTS)
    return {key: value[key] for key in kept if value.get(key) is not None}


def exposure_from(node: Mapping[str, Any], made_from: Sequence[Sequence[str]], project: Project) -> Found:
    """The asset.

    Args:
        node: of `kept_exposure`.
        made_from: the names of the tables that it shows, in parts.
        project: whose it is.

    """
    owner = mapped(node, "owner")
    emails = owner.get("email")
    facts = {
        **{key: node.get(key) for key in _FACTS},
        "resource_type": "exposure",
        "meta": bounded({**mapped(node, "meta"), **mapped(mapped(node, "config"), "meta")}),
    }
    description = node.get("description")
    return Found(
        name=exposure_name(node["name"], project),
        kind=Kind.EXPOSURE,
        description=description if isinstance(description, str) and description else None,
        tags=texts((*listed(node, "tags"), *listed(mapped(node, "config"), "tags"))),
        owners=texts(emails if isinstance(emails, list) else [emails or owner.get("name")]),
        properties={
            "dbt": {key: value for key, value in facts.items() if value not in (None, {}, [])},
            MADE_FROM: [list(parts) for parts in made_from],
        },
    )
