"""`headwater history`: what changed in a table's schema, and whether that breaks its readers. Beside journey 1, in the terminal."""

from __future__ import annotations

import argparse

from services.catalog.api.history import MAX_VERSIONS, DifferenceShape, HistoryShape, history_of, instant, schema_as_of
from services.cli.exits import DONE
from services.cli.lineage import named_asset
from services.cli.terminal import print_json, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    """Show one table's versions, or the schema that was valid at an instant."""
    if not 1 <= arguments.limit <= MAX_VERSIONS:
        raise BadRequest(f"--limit is 1 to {MAX_VERSIONS}")
    try:
        at = None if arguments.as_of is None else instant(arguments.as_of)
    except ValueError as error:
        raise BadRequest(f"--as-of {arguments.as_of}: {error}") from None
    space = Workspace(settings_of(arguments))
    try:
        asset = named_asset(space, arguments.asset, gone=True)
        if at is None:
            found = history_of(space.reader, asset, FULL_SCOPE, limit=arguments.limit)
        else:
            found = schema_as_of(space.reader, asset, FULL_SCOPE, at)
    finally:
        space.close()
    if arguments.json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        _print(found)
    return DONE


def _print(found: HistoryShape) -> None:
    for version in found.versions:
        renamed = f" from {version.previous_name}" if version.previous_name else ""
        print(f"{version.number:>3}  {version.at:%Y-%m-%d %H:%M:%S}Z  {version.event}{renamed}: {version.breaking}")
        if version.event in ("changed", "renamed") or version.since_drop is not None:
            _print_difference(version.since_drop or version.difference)
        else:
            print(f"       {len(version.difference.added or version.difference.removed)} columns")
    if found.cursor is not None:
        print(f"  …  and older ones; --limit takes up to {MAX_VERSIONS}")
    if found.schema_ is not None:
        print(f"{found.schema_.name} as it was at {found.schema_.as_of.isoformat()}:")
        for column in found.schema_.columns:
            null = {True: " null", False: " not null", None: ""}[column.nullable]
            key = " key" if column.name in found.schema_.primary_key else ""
            print(f"     {column.name}  {column.type or '?'}{null}{key}")


def _print_difference(found: DifferenceShape) -> None:
    for sign, placed in (("+", found.added), ("-", found.removed)):
        for item in placed:
            print(f"     {sign} {item.name}  {item.type or '?'}  ({item.breaking})")
    for pair in found.renamed:
        print(f"       {pair.after} is likely {pair.before} renamed")
    for label, items in (("type", found.retyped), ("nullable", found.nullability), ("position", found.reordered)):
        for turned in items:
            print(f"     ~ {turned.name}  {label} {turned.before} → {turned.after}  ({turned.breaking})")
    if found.commented:
        print(f"     ~ comments of {', '.join(item.name for item in found.commented)}")
    for label, whole in (("the table's comment", found.described), ("primary key", found.primary_key)):
        if whole is not None:
            print(f"     ~ {label}  ({whole.breaking})")
    if found.table_renamed is not None:
        print(f"     ~ the table's name  {found.table_renamed.before} → {found.table_renamed.after}")
