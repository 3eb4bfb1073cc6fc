"""`headwater import`: a file that `headwater export` wrote, or a person did, brought in as people's words."""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from services.catalog.exchange_import import Importer, ImportReport, Outcome, Outcomes
from services.catalog.exchange_lines import read_rows
from services.cli.exits import DONE, PARTLY
from services.cli.export import STANDARD, file_kind
from services.cli.terminal import print_json, progress, say, settings_of
from services.common.model.access import FULL_SCOPE, Principal, Role
from services.workspace import Workspace

BY = Principal("cli", Role.EDITOR, FULL_SCOPE)
"""Who is recorded as having said what a file says."""


def run(arguments: argparse.Namespace) -> int:
    """Bring in every row that can be; what cannot is listed with its line."""
    kind, zipped = file_kind(arguments.file, arguments.format)
    with _opened(arguments.file, zipped=zipped) as stream:
        space = Workspace(settings_of(arguments))
        try:
            importer = Importer(space.reader, space.curator, BY, force=arguments.force, dry_run=arguments.dry_run)
            with progress("importing") as update:
                report = importer.run(read_rows(stream, kind), lambda rows: update(rows, None))
        finally:
            space.close()
    if arguments.json:
        print_json(_json(report))
    else:
        _print(report)
    return DONE if report.whole else PARTLY


@contextmanager
def _opened(file: str, *, zipped: bool) -> Iterator[IO[bytes]]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as raw:
        if not zipped:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield cast("IO[bytes]", unpacked)


def _print(report: ImportReport) -> None:
    for label, outcomes in (
        ("would change" if report.dry_run else "", report.changed),
        ("conflict", report.conflicts),
        ("unknown", report.unknown),
        ("invalid", report.invalid),
    ):
        for outcome in outcomes.listed if label else ():
            where = " ".join(filter(None, (outcome.name, outcome.field)))
            print(f"line {outcome.line}: {label}: {where + ': ' if where else ''}{outcome.text}")
        if label and outcomes.total > len(outcomes.listed):
            print(f"and {outcomes.total - len(outcomes.listed):,} more ({label})")
    if report.conflicts.total:
        say("conflicts were left as they are; --force writes over them")
    done = "would be changed" if report.dry_run else "changed"
    print(
        f"{report.rows:,} rows: {report.changed.total:,} fields of {report.tables:,} tables {done}, "
        f"{report.conflicts.total:,} conflicts, {report.unknown.total:,} unknown, {report.invalid.total:,} invalid"
    )


def _json(report: ImportReport) -> dict[str, Any]:
    kinds = {"changed": report.changed, "conflicts": report.conflicts, "unknown": report.unknown, "invalid": report.invalid}
    head: dict[str, Any] = {"dry_run": report.dry_run, "rows": report.rows, "tables": report.tables}
    return head | {name: _outcomes(outcomes) for name, outcomes in kinds.items()}


def _outcomes(outcomes: Outcomes) -> dict[str, Any]:
    return {"total": outcomes.total, "listed": [_outcome(outcome) for outcome in outcomes.listed]}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "line": outcome.line,
        "name": outcome.name or None,
        "field": outcome.field or None,
        "detail": outcome.text,
    }
