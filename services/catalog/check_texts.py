"""A check's report for a terminal and for a pull request; names are never taken for markup.

Beside journey 3, the last step. Used by `headwater check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.catalog.checked import Checked, Report, Verdict
from services.catalog.impact import Affected, How
from services.catalog.redefinitions import details
from services.common.model.schema_changes import ChangeKind, SchemaChange

_SHOWN = 10
"""Affected datasets that are written out for each change; the JSON has more."""
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~@])")
_SIGNS = {Verdict.SAFE: "ok", Verdict.UNKNOWN: "?", Verdict.RISKY: "!", Verdict.BREAKING: "x"}


def as_text(report: Report) -> str:
    """Lines for a terminal."""
    lines: list[str] = []
    for one in report.changes:
        lines.append(f"{_SIGNS[one.verdict]:>2}  {said(one.change)}: {one.verdict}, {one.why}")
        lines += [f"      {text}" for text in _details(one)]
        lines += [f"      {_affected(dataset)}" for dataset in _shown(one)]
        lines += [f"      and {left} more" for left in _left(one)]
        lines += [f"      {text}" for text in _keys(one)]
    lines += [f" ?  {problem}" for problem in report.problems]
    lines.append(_summed(report))
    return "\n".join(lines) + "\n"


def as_markdown(report: Report) -> str:
    """A comment for a pull request."""
    lines = [f"### Lineage check: {report.verdict}", ""]
    if not report.changes:
        lines.append(f"{_summed(report).capitalize()}.")
    else:
        lines += ["| change | verdict | who is affected |", "| --- | --- | --- |"]
    for one in report.changes:
        who = "; ".join(plain(_affected(dataset)) for dataset in _shown(one))
        who += "".join(f"; and {left} more" for left in _left(one))
        who = "; ".join((*([who] if who else []), *map(plain, _keys(one))))
        why = "; ".join((one.why, *_details(one)))
        lines.append(f"| {plain(said(one.change))} | **{one.verdict}**: {plain(why)} | {who or 'nobody that is known'} |")
    owners = sorted({owner for one in report.changes for owner in _to_tell(one)})
    if owners:
        lines += ["", f"To tell: {', '.join(map(plain, owners))}"]
    if report.problems:
        lines += ["", *(f"- unknown: {plain(problem)}" for problem in report.problems)]
    return "\n".join(lines) + "\n"


def _summed(report: Report) -> str:
    if not report.changes:
        return "nothing that is known changes" if report.problems else "nothing changes"
    count = "1 change" if len(report.changes) == 1 else f"{len(report.changes)} changes"
    return f"{count}, the worst is {report.verdict}"


def said(change: SchemaChange) -> str:
    """A change in words."""
    what = change.table if change.column is None else f"{change.table}.{change.column}"
    if change.kind is ChangeKind.RENAME and change.to is not None:
        return f"rename {what} to {change.to}"
    if change.kind is ChangeKind.RETYPE and change.to is not None:
        return f"change the type of {what} to {change.to}"
    return f"{change.kind} {what}"


def plain(text: str) -> str:
    """A text in Markdown, with nothing in it taken for markup; on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _shown(one: Checked) -> tuple[Affected, ...]:
    return one.impact.affected[:_SHOWN] if one.impact is not None else ()


def _details(one: Checked) -> tuple[str, ...]:
    """What of a table that is made anew means something else, a text each."""
    found = tuple(details(one.redefined)) if one.redefined is not None else ()
    return found[:_SHOWN] + ((f"and {len(found) - _SHOWN} more",) if len(found) > _SHOWN else ())


def _to_tell(one: Checked) -> Iterator[str]:
    for dataset in one.impact.affected if one.impact is not None else ():
        yield from dataset.owners
    for key in one.keys:
        yield from key.table.owners


def _keys(one: Checked) -> Iterator[str]:
    """The keys that point at what changes, a text each."""
    for pointing in one.keys[:_SHOWN]:
        table = pointing.table
        owners = f", of {', '.join(table.owners)}" if table.owners else ""
        yield f"key of {table.name.qualified} ({', '.join(pointing.key.columns)}){owners}"
    if len(one.keys) > _SHOWN:
        yield f"and {len(one.keys) - _SHOWN} more keys"


def _left(one: Checked) -> Iterator[int]:
    if one.impact is not None and one.impact.total > len(_shown(one)):
        yield one.impact.total - len(_shown(one))


def _affected(one: Affected) -> str:
    columns = f" ({', '.join(one.columns)})" if one.columns and one.columns != ("*",) else ""
    how = ", only which rows" if one.how is How.FILTER else ""
    owners = f", of {', '.join(one.owners)}" if one.owners else ""
    return f"{one.node.name.qualified}{columns}, {one.node.depth} down{how}{owners}"
