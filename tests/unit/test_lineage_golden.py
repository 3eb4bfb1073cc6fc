"""SQL text beside the tables that it reads, in files: `tests/golden/lineage_tables` says how a case is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.lineage.sql.parse import read_tables
from services.lineage.sql.statement import Statement, TableRef

FOLDER = Path(__file__).parents[1] / "golden" / "lineage_tables"
_HEAD = re.compile(r"^-- (dialect|reads|target|problem):[ ]*(.*)$")


@dataclass(frozen=True)
class Case:
    name: str
    statement: Statement
    reads: list[str]
    target: str | None
    problem: str | None


def cases(file: Path) -> list[Case]:
    blocks = re.split(r"^-- case: ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [_case(file.stem, block) for block in blocks]


def _case(stem: str, block: str) -> Case:
    name, *lines = block.rstrip().split("\n")
    head: dict[str, str] = {}
    while lines and (match := _HEAD.match(lines[0])):
        head[match[1]] = match[2].strip()
        lines.pop(0)
    reads = sorted(part.strip() for part in head["reads"].split(",") if part.strip())
    statement = Statement("\n".join(lines), head.get("dialect", stem))
    return Case(f"{stem}: {name}", statement, reads, head.get("target"), head.get("problem"))


def shown(ref: TableRef) -> str:
    return ".".join(f'"{part.text}"' if part.quoted else part.text for part in ref)


ALL = [case for file in sorted(FOLDER.glob("*.sql")) for case in cases(file)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_definition_reads_these_tables(case):
    """Reads, target and problem are those written beside the SQL."""
    reading = read_tables(case.statement)
    assert sorted(map(shown, reading.reads)) == case.reads
    assert (reading.target and shown(reading.target)) == case.target
    assert (reading.problem and reading.problem.name) == case.problem


def test_the_files_cover_the_main_dialects():
    """A file that no longer matches the pattern would drop its cases silently."""
    stems = {case.name.partition(":")[0] for case in ALL}
    assert stems >= {"postgres", "duckdb", "sqlite", "snowflake", "bigquery", "mysql"}
    assert len(ALL) >= 60
