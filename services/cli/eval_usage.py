"""`headwater eval-usage`: how well a query log's own queries are foretold, beside popularity and plain co-occurrence.

The log is read into a store of its own that is thrown away: nothing of it reaches the home, and no text of it is kept.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from zoneinfo import ZoneInfo

from services.cli.exits import DONE
from services.cli.terminal import print_json, progress, say, settings_of
from services.common.errors import BadRequest
from services.common.model.usage import NO_FACTS, StatementFact
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.indexer.logs.intake import take_in
from services.indexer.logs.open import open_log
from services.indexer.logs.users import users_of
from services.indexer.usage import evaluate
from services.indexer.usage.evaluate import METHODS, Asked
from services.indexer.usage.known import known_of
from services.indexer.usage.statements import Statement
from services.indexer.usage.store import statements_of
from services.lineage.service import Lineage
from services.lineage.store.line import LINE as LINEAGE_LINE
from services.workspace import Workspace, make_lineage


def run(arguments: argparse.Namespace) -> int:
    """Measure one log."""
    space = Workspace(settings_of(arguments))
    try:
        space.indexer.open()
        with _lineage_aside(space) as lineage:
            statements = _read(space, lineage, arguments.log, arguments.source or "")
        if arguments.shuffle is not None:
            statements = tuple(evaluate.shuffled(statements, arguments.shuffle))
        asked = _ask(space, statements, arguments.split)
    finally:
        space.close()
    if not asked.seen:
        raise BadRequest("nothing to ask: no statement of the part that asks reads two tables or more")
    if arguments.json:
        print_json(_plain(asked, arguments))
    else:
        _print(asked)
    return DONE


@contextmanager
def _lineage_aside(space: Workspace) -> Iterator[Lineage]:
    """A lineage service over the home's catalog with a store that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="headwater-eval-") as folder:
        database = Database.for_service("lineage", home=Path(folder), database_url=None)
        ensure_current(database, LINEAGE_LINE)
        lineage = make_lineage(space.settings, database, space.feed, space.namespaces)
        try:
            lineage.follower.catch_up()
            yield lineage
        finally:
            lineage.close()
            database.close()


def _read(space: Workspace, lineage: Lineage, log: Path, source: str) -> tuple[Statement, ...]:
    with progress(f"reading {log}") as update:
        opened = open_log(log, ZoneInfo("UTC"))
        report = take_in(
            str(log),
            opened,
            lineage.statements,
            source=source,
            users=users_of(space.settings.usage.users, space.settings.home),
            on_progress=lambda n: update(n, None),
        )
    facts: list[StatementFact] = []
    at = NO_FACTS
    while (page := lineage.statements.after(at)).upto != at:
        facts += page.facts
        at = page.upto
    unread = f", {report.taken.unread_lines} lines could not be read" if report.taken.unread_lines else ""
    say(f"{report.taken.lines} lines, {len({fact.fingerprint for fact in facts})} statements{unread}")
    return statements_of(facts)


def _ask(space: Workspace, statements: tuple[Statement, ...], split: str) -> Asked:
    known = known_of(space.indexer.snapshot(), statements, space.namespaces())
    asked = Asked()
    parts = list(evaluate.time_split(statements) if split == "time" else evaluate.fold_split(statements))
    with progress("asking") as update:
        for number, (learned, questions) in enumerate(parts):
            evaluate.ask(known, learned, questions, asked)
            update(number + 1, len(parts))
    return asked


def _plain(asked: Asked, arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "split": arguments.split,
        "shuffled": arguments.shuffle is not None,
        "n": len(asked.seen),
        "reachable": sum(asked.reachable) / len(asked.reachable),
        "seen": sum(asked.seen) / len(asked.seen),
        "methods": {method: asdict(evaluate.figures(asked, method)) for method in METHODS},
        "calibration": asdict(evaluate.calibration(asked)),
    }


def _print(asked: Asked) -> None:
    n = len(asked.seen)
    print(f"{n} questions; {sum(asked.reachable) / n:.3f} can be found, {sum(asked.seen) / n:.3f} were read in learning")
    print(f"{'method':<16} Hit@1 Hit@5 Hit@10 (95 %)       MRR   seen  unseen")
    for method in METHODS:
        row = evaluate.figures(asked, method)
        rest = "  ".join("–" if value is None else f"{value:.3f}" for value in (row.seen, row.unseen))
        low, high = row.interval
        print(f"{method:<16} {row.hit_1:.3f} {row.hit_5:.3f} {row.hit_10:.3f} [{low:.3f}, {high:.3f}] {row.mrr:.3f} {rest}")
    true = evaluate.calibration(asked)
    if true.auroc is not None and true.brier_skill is not None:
        print(f"probabilities: Brier skill {true.brier_skill:.3f}, AUROC {true.auroc:.3f}; items, told, right:")
    for n_items, told, right in true.bins:
        if n_items:
            print(f"  {n_items:>6} {told:.3f} {right:.3f}")
