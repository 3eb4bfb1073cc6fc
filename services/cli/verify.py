"""`headwater verify`: prove that the index holds what the store holds, name what differs, mend it when asked."""

from __future__ import annotations

import argparse
from typing import Any

from services.cli.exits import DONE, FAILED
from services.cli.terminal import print_json, progress, say, settings_of
from services.indexer.verify import VerifyReport
from services.workspace import Workspace

SHOWN = 50
"""Findings printed; `--json` has all."""


def run(arguments: argparse.Namespace) -> int:
    """Verify, repair if asked and needed, and verify again."""
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        report = _verified(space)
        repaired = bool(report.findings) and arguments.repair
        if repaired:
            if not arguments.json:
                _print(report)
            with progress("repairing") as update:
                space.indexer.repair(report, lambda told: update(told.encoded, told.encoded + told.waiting))
            report = _verified(space)
    finally:
        space.close()
    if arguments.json:
        print_json({**_plain(report), "repaired": repaired})
    else:
        _print(report)
    return FAILED if report.findings else DONE


def _verified(space: Workspace) -> VerifyReport:
    with progress("verifying") as update:
        return space.indexer.verify(update)


def _print(report: VerifyReport) -> None:
    for finding in report.findings[:SHOWN]:
        print(f"{finding.name or 'index'}: {finding.problem}" + (f"  ({finding.asset})" if finding.asset else ""))
    if len(report.findings) > SHOWN:
        print(f"and {len(report.findings) - SHOWN:,} more; --json lists them all")
    generation = f"generation {report.generation}" if report.generation else "nothing is published"
    print(
        f"{generation}: {report.checked:,} assets compared, {len(report.findings):,} differences, "
        f"{report.newer:,} newer than it, {report.pending:,} texts waiting for their vector"
    )
    if report.findings:
        say("`headwater verify --repair` builds the index anew from the store")


def _plain(report: VerifyReport) -> dict[str, Any]:
    return {
        "generation": report.generation,
        "checked": report.checked,
        "newer": report.newer,
        "pending": report.pending,
        "findings": [{"id": f.asset, "qualified_name": f.name or None, "problem": f.problem} for f in report.findings],
    }
