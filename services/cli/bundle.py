"""`headwater bundle`: put what a catalog answers into one folder, and prove that such a folder is whole."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from services.bundle.check import check
from services.bundle.manifest import BundleManifest, read_manifest
from services.cli.exits import DONE
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import BadRequest


def run(arguments: argparse.Namespace) -> int:
    """Export or verify a bundle."""
    return _export(arguments) if arguments.action == "export" else _verify(arguments)


def _export(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    from services.bundle.export import export_bundle

    made = export_bundle(settings, arguments.folder, token=arguments.token)
    if made.encoded:
        say(f"{made.encoded:,} texts had no vector yet and were encoded for the bundle")
    _tell(arguments, {**_plain(made.manifest), "encoded": made.encoded}, "written, checked")
    return DONE


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.token is not None:
        raise BadRequest("--token says what to export; a bundle that is there holds what it holds")
    check(arguments.folder)
    _tell(arguments, _plain(read_manifest(arguments.folder)), "whole")
    return DONE


def _tell(arguments: argparse.Namespace, plain: dict[str, Any], state: str) -> None:
    if arguments.json:
        print_json(plain)
        return
    part = "a part of the catalog" if plain["scoped"] else "the whole catalog"
    print(
        f"{arguments.folder}: {state}; {plain['assets']:,} assets, {part}, generation {plain['generation']}, "
        f"{plain['bytes'] / 1e6:,.1f} MB in {plain['files']} files, {plain['age_s']} s old"
    )


def _plain(manifest: BundleManifest) -> dict[str, Any]:
    return {
        "created": manifest.created.isoformat(),
        "age_s": manifest.age_s(dt.datetime.now(dt.UTC)),
        "version": manifest.version,
        "scoped": manifest.scoped,
        "generation": manifest.label,
        "assets": manifest.assets,
        "model": manifest.model,
        "bytes": manifest.size_bytes,
        "files": len(manifest.files),
    }
