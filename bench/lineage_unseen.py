"""Lineage from SQL on a suite that it was not made with: DataHub's golden files, from a checkout of datahub-project/datahub.

`make bench ARGS="lineage_unseen PATH"`, PATH being the checkout or its folder `metadata-ingestion/tests/unit/sql_parsing`. Tables
and columns are compared as in `bench lineage`; `--misses` shows each case that is answered differently. The control gives every
case the answer of another one.
"""

from __future__ import annotations

import argparse
import ast
import json
import logging
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.lineage import columns_right, ours, shares, tables_right
from bench.report import machine, print_table

FOLDER = Path("metadata-ingestion/tests/unit/sql_parsing")
_OWN_NAMES = {"mssql": "tsql"}
Case = dict[str, Any]


def golden_cases(folder: Path) -> Iterator[Case]:
    """Each call of `assert_sql_result` whose arguments are written out and whose golden file says which tables there are."""
    for file in sorted(folder.glob("test_*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "assert_sql_result":
                case = _case(call, folder)
                if case is not None:
                    yield case


def _case(call: ast.Call, folder: Path) -> Case | None:
    given = {word.arg: _plain(word.value) for word in call.keywords}
    sql = _plain(call.args[0]) if call.args else given.get("sql")
    golden = folder / "goldens" / str(given.get("expected_file"))
    if not isinstance(sql, str) or not golden.is_file():
        return None
    expected = json.loads(golden.read_text(encoding="utf-8"))
    if "in_tables" not in expected or expected.get("debug_info", {}).get("table_error"):
        return None
    dialect = str(given.get("override_dialect") or given.get("dialect"))
    schema = {_name(urn): list(columns) for urn, columns in (given.get("schemas") or {}).items()}
    return {
        "id": golden.stem,
        "sql": sql,
        "dialect": _OWN_NAMES.get(dialect, dialect),
        "schema": schema,
        "expected_sources": [_name(urn) for urn in expected["in_tables"]],
        "expected_targets": [_name(urn) for urn in expected["out_tables"]],
        "expected_column_edges": _edges(expected.get("column_lineage")),
    }


def _plain(node: ast.expr) -> Any:
    """A literal's value; of `FOLDER / "name"` the name; None for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _plain(node.right)
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _name(urn: str) -> str:
    return urn.split(",")[1]


def _edges(lineage: list[Case] | None) -> list[Any] | None:
    if lineage is None:
        return None
    return [
        [[_name(source["table"]), source["column"]], [down.get("table") and _name(down["table"]), down["column"]]]
        for one in lineage
        for down in [one["downstream"]]
        for source in one["upstreams"]
    ]


def main() -> None:
    """Print the shares that are answered as the golden files say."""
    parser = argparse.ArgumentParser(prog="bench lineage_unseen")
    parser.add_argument("path", type=Path)
    parser.add_argument("--misses", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL + 1)
    sys.setrecursionlimit(20_000)
    inside = arguments.path / FOLDER
    cases = list(golden_cases(inside if inside.is_dir() else arguments.path))
    found = [ours(case) for case in cases]
    mixed = list(found)
    random.Random(1).shuffle(mixed)
    judged = [case["expected_column_edges"] is not None for case in cases]
    rows = []
    for name, answers in (("headwater", found), ("control: answers shuffled", mixed)):
        tables = [tables_right(answer, case) for answer, case in zip(answers, cases, strict=True)]
        columns = [columns_right(answer, case) for answer, case, judge in zip(answers, cases, judged, strict=True) if judge]
        rows.append([name, *shares(sum(tables), len(tables)), *shares(sum(columns), len(columns))])
    for case, answer, judge in zip(cases, found, judged, strict=True) if arguments.misses else ():
        if not tables_right(answer, case) or (judge and not columns_right(answer, case)):
            print(f"missed: {case['id']}: {json.dumps(answer)[:400]}")
    print_table(["method", "table exact", "share", "column exact", "share"], rows)
    print(machine(["sqlglot"]))


if __name__ == "__main__":
    main()
