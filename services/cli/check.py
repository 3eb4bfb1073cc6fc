"""`headwater check`: what breaks, and who is affected, if a script were run or a dbt project rebuilt. For pull requests.

Beside journey 3, in the terminal: exit code 1 says that something breaks, 3 that something could not be checked.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from services.catalog.api.impact_shapes import report_shape
from services.catalog.check import MAX_CHANGES, Checker
from services.catalog.check_texts import as_markdown, as_text
from services.catalog.checked import Report, Verdict
from services.cli.exits import DONE, FAILED, PARTLY
from services.cli.manifests import Model, planned_changes, read_models
from services.cli.near import Near
from services.cli.sql_files import read_text, warn_of
from services.cli.terminal import print_json, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.schema_changes import MadeBy, PlannedChanges
from services.common.ports import LineageQuery
from services.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    """Check one script or one project."""
    if arguments.against is not None and arguments.manifest is None:
        raise BadRequest("--against goes with --manifest: it is the manifest before the change")
    new = None if arguments.manifest is None else read_models(arguments.manifest)
    old = None if arguments.against is None else read_models(arguments.against)
    sql = None if arguments.ddl is None else read_text(arguments.ddl)
    if sql is not None:
        warn_of(arguments.dialect, set())
    space = Workspace(settings_of(arguments))
    try:
        space.lineage.follower.catch_up()
        walker = space.lineage.walker
        planned = walker.planned(sql, arguments.dialect) if sql is not None else _of_models(walker, new or {}, old)
        report = _checked(Checker(space.reader, walker, FULL_SCOPE, Near(space)), planned)
    finally:
        space.close()
    if arguments.format == "json":
        print_json(report_shape(report).model_dump(mode="json", by_alias=True))
    else:
        print((as_markdown if arguments.format == "markdown" else as_text)(report), end="")
    if report.verdict is Verdict.BREAKING:
        return FAILED
    # what is not known was not checked: a pipeline must not take it for safe
    unknown = any(one.verdict is Verdict.UNKNOWN for one in report.changes)
    return PARTLY if report.problems or unknown else DONE


def _of_models(walker: LineageQuery, new: dict[str, Model], old: dict[str, Model] | None) -> PlannedChanges:
    planned = planned_changes(new, old)
    changes, problems = list(planned.changes), list(planned.problems)
    for model, was in planned.rebuilt:
        found = walker.planned(f"CREATE OR REPLACE VIEW {model.relation} AS {model.code}", model.dialect)
        before = None if was is None or was.code is None else MadeBy(was.code, was.dialect)
        changes += [replace(change, table=model.relation, was_made_by=before) for change in found.changes]
        if found.problems or not found.changes:
            problems.append(f"{model.relation}: its SQL could not be read")
    return PlannedChanges(tuple(changes), planned.models, tuple(problems))


def _checked(checker: Checker, planned: PlannedChanges) -> Report:
    """A whole project may have more changes than one check takes."""
    reports = []
    for at in range(0, max(1, len(planned.changes)), MAX_CHANGES):
        end = at + MAX_CHANGES if at + MAX_CHANGES < len(planned.changes) else len(planned.changes) + 1
        needs = tuple(replace(one, after=one.after - at) for one in planned.needs if at <= one.after < end)
        part = replace(planned, changes=planned.changes[at : at + MAX_CHANGES], problems=(), needs=needs)
        reports.append(checker.check(part))
    problems = (*planned.problems, *(one for report in reports for one in report.problems))
    return Report(tuple(one for report in reports for one in report.changes), tuple(dict.fromkeys(problems)))
