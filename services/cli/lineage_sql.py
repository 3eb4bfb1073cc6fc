"""`headwater lineage-sql`: the lineage that is in SQL itself, of tables and columns. Journey 3 without a catalog.

A `.jsonl` file holds one text a line and is answered one line each. A statement that cannot be parsed is an answer, not a
failure: its reason stands beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from services.cli.exits import DONE, PARTLY
from services.cli.sql_files import read_text, warn_of
from services.cli.terminal import print_json, say
from services.common.errors import BadRequest
from services.lineage.sql.facts import ColumnEdge, Lineage, ScriptLineage
from services.lineage.sql.frames import Limits
from services.lineage.sql.script import Script
from services.lineage.sql.worker import SqlParser

_SECONDS = 20.0
"""For one text: a person waits for it, where a crawl has thousands of views to read."""
_LINES = 128
"""Of a `.jsonl` file that are read at once."""
_SHOWN = 20
"""Column edges of one column and kind that are printed for people."""


def run(arguments: argparse.Namespace) -> int:
    """Read a file and print what was found."""
    schema = _schema(arguments.schema) if arguments.schema is not None else {}
    with SqlParser(Limits(seconds=_SECONDS)) as parser:
        if _suffixes(arguments.file)[-1:] == [".jsonl"]:
            return _lines(arguments, schema, parser)
        warn_of(arguments.dialect, set())
        script = Script(read_text(arguments.file), arguments.dialect or "", schema)
        found = parser.read_scripts([script])[0]
    if arguments.json:
        print_json(found.shape())
    else:
        _print(found)
    return DONE


def _lines(arguments: argparse.Namespace, schema: Mapping[str, list[str]], parser: SqlParser) -> int:
    lines = (line for line in read_text(arguments.file).split("\n") if line.strip())
    warned: set[str] = set()
    code, number = DONE, 0
    while batch := list(islice(lines, _LINES)):
        questions = [_question(line, number + at + 1, arguments, schema) for at, line in enumerate(batch)]
        number += len(batch)
        scripts = [script for _, script, _ in questions if script is not None]
        for one in scripts:
            warn_of(one.dialect, warned)
        answers = iter(parser.read_scripts(scripts))
        for name, script, problem in questions:
            shape = (next(answers) if script is not None else ScriptLineage()).shape()
            if problem is not None:
                say(f"headwater: {problem}")
                shape["error"] = problem
                code = PARTLY
            print(json.dumps({"id": name, **shape}, ensure_ascii=False))
    sys.stdout.flush()
    return code


def _question(
    line: str, number: int, arguments: argparse.Namespace, schema: Mapping[str, list[str]]
) -> tuple[Any, Script | None, str | None]:
    """The id of a line, what it asks, and what is wrong with it."""
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return None, None, f"line {number} is not JSON"
    if not isinstance(value, dict) or not isinstance(value.get("sql"), str):
        name = value.get("id") if isinstance(value, dict) else None
        return name, None, f"line {number} is not an object with a text called sql"
    name = value.get("id")
    try:
        known = _columns(value["schema"]) if value.get("schema") is not None else schema
    except BadRequest as error:
        return name, None, f"line {number}: {error.detail}"
    texts = {key: value.get(key) for key in ("dialect", "default_database", "default_schema")}
    if any(text is not None and not isinstance(text, str) for text in texts.values()):
        return name, None, f"line {number}: dialect, default_database and default_schema are texts"
    dialect = texts["dialect"] or arguments.dialect or ""
    return name, Script(value["sql"], dialect, known, texts["default_database"], texts["default_schema"]), None


def _suffixes(file: str) -> list[str]:
    return [suffix.lower() for suffix in Path(file).suffixes if suffix.lower() != ".gz"]


def _schema(file: Path) -> dict[str, list[str]]:
    """Columns by table: a JSON object, or lines as `metadata://` reads them."""
    text = read_text(str(file))
    if _suffixes(str(file))[-1:] == [".jsonl"]:
        return dict(_table_lines(text, file))
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadRequest(f"{file} is not JSON; it is an object of lists of columns by table") from error
    return _columns(value)


def _table_lines(text: str, file: Path) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            table = json.loads(line)
            parts = [table[key] for key in ("database", "schema", "name") if table.get(key)]
            yield ".".join(parts), [column["name"] for column in table["columns"]]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadRequest(f"{file}, line {number}: not a table with a name and columns") from error


def _columns(value: object) -> dict[str, list[str]]:
    if not isinstance(value, dict) or not all(isinstance(one, list | dict) for one in value.values()):
        raise BadRequest("a schema is an object of lists of columns by table")
    return {str(table): [_column(one) for one in columns] for table, columns in value.items()}


def _column(one: object) -> str:
    return str(one.get("name")) if isinstance(one, dict) else str(one)


def _print(found: ScriptLineage) -> None:
    for number, one in enumerate(found.statements, 1):
        what = f"{number:>3}  {one.type}"
        if one.lineage.sources or one.lineage.targets:
            what += f": {', '.join(one.lineage.sources) or '-'} → {', '.join(one.lineage.targets) or 'the result'}"
        print(what)
        if one.error is not None:
            print(f"     not understood: {one.error}")
    whole = found.whole
    print(f"\nreads   {', '.join(whole.sources) or '-'}\nwrites  {', '.join(whole.targets) or '-'}")
    _print_columns(whole)


def _print_columns(whole: Lineage) -> None:
    into: dict[str, dict[str, list[ColumnEdge]]] = {}
    for edge in whole.column_edges:
        target = f"{edge.target}.{edge.into}" if edge.target is not None else edge.into
        into.setdefault(target, {}).setdefault(edge.kind.word, []).append(edge)
    for target, kinds in into.items():
        print(f"\n{target}")
        for kind, edges in kinds.items():
            names = [f"{edge.source}.{edge.column}" if edge.source is not None else f"?.{edge.column}" for edge in edges]
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            print(f"  {kind:<14} {', '.join(names[:_SHOWN])}{more}")
