"""SQL beside the lineage that is in it, in files: `tests/golden/lineage_columns` says how a case is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from services.lineage.sql.facts import ScriptLineage
from services.lineage.sql.script import Script

FOLDER = Path(__file__).parents[1] / "golden" / "lineage_columns"
_HEAD = re.compile(r"^-- (dialect|schema|reads|writes|direct|decides|error|types):[ ]*(.*)$")
_TABLE = re.compile(r"([\w.]+)\(([^)]*)\)")


@dataclass
class Case:
    """A text and what is expected of it: `expected` holds the lines of its head that begin with these words."""

    name: str
    script: Script
    expected: dict[str, list[str]] = field(default_factory=dict)
    head: list[str] = field(default_factory=list)


def cases(file: Path) -> list[Case]:
    """The cases of a file."""
    blocks = re.split(r"^-- case: ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [_case(file.stem, block) for block in blocks]


def _case(stem: str, block: str) -> Case:
    name, *lines = block.rstrip().split("\n")
    head: dict[str, list[str]] = {}
    kept = []
    while lines and (match := _HEAD.match(lines[0])):
        head.setdefault(match[1], []).append(match[2].strip())
        kept.append(lines.pop(0))
    schema = {
        table: [column.strip() for column in columns.split(",")]
        for line in head.pop("schema", [])
        for table, columns in _TABLE.findall(line)
    }
    dialect = head.pop("dialect", [""])[0]
    return Case(f"{stem}: {name}", Script("\n".join(lines), dialect, schema), head, kept)


def found(lineage: ScriptLineage) -> dict[str, list[str]]:
    """An answer in the words of the files; what says nothing is left out."""
    whole = lineage.whole

    def name(table: str | None, column: str) -> str:
        return f"{table}.{column}" if table is not None else f"?.{column}"

    direct = [
        f"{name(e.source, e.column)} > {e.into if e.target is None else name(e.target, e.into)} {e.kind.word}"
        for e in whole.column_edges
        if e.kind.direct
    ]
    decides = {f"{name(e.source, e.column)} {e.kind.word}" for e in whole.column_edges if not e.kind.direct}
    answer = {
        "types": [" ".join(one.type for one in lineage.statements)] if len(lineage.statements) > 1 else [],
        "reads": [", ".join(whole.sources)] if whole.sources else [],
        "writes": [", ".join(whole.targets)] if whole.targets else [],
        "direct": direct,
        "decides": [", ".join(sorted(decides))] if decides else [],
        "error": [one.error for one in lineage.statements if one.error is not None],
    }
    return {key: lines for key, lines in answer.items() if lines}
