"""`headwater lineage-sql`: files of SQL and of lines, schemas, warnings, wrong use."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from services.cli.main import main

SQL = "CREATE TEMP TABLE r AS SELECT id, v * 2 AS w FROM s WHERE d > 1; INSERT INTO t (total) SELECT sum(w) FROM r"


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = main(["lineage-sql", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_file_is_answered_as_one_document(capsys, tmp_path):
    """What is made and used inside is thought away at the top, and stands in its statement."""
    file = tmp_path / "a.sql"
    file.write_text(SQL)
    code, out, err = run(capsys, str(file), "--dialect", "postgres", "--json")
    value = json.loads(out)
    assert (code, err) == (0, "")
    assert (value["sources"], value["targets"], value["table_edges"]) == (["s"], ["t"], [["s", "t"]])
    assert {"from": ["s", "v"], "to": ["t", "total"], "kind": "aggregation"} in value["column_edges"]
    assert {"from": ["s", "d"], "to": ["t", "total"], "kind": "filter"} in value["column_edges"]
    assert [one["type"] for one in value["statements"]] == ["CREATE_TABLE", "INSERT"]
    assert value["statements"][1]["sources"] == ["r"]


def test_people_get_words(capsys, tmp_path):
    """Statements, what is read and written, and columns by kind."""
    file = tmp_path / "a.sql"
    file.write_text(SQL + "; SELECT x FRM (y")
    code, out, _ = run(capsys, str(file))
    assert code == 0
    assert "2  INSERT: r → t" in out
    assert "t.total\n  aggregation    s.v\n  filter         s.d" in out
    assert "not understood: its syntax is not understood at line 1" in out


def test_lines_are_answered_line_by_line(capsys, tmp_path):
    """Each with its id, its own dialect, schema and defaults; a line that is none is said and the others are answered."""
    lines = [
        {"id": 1, "sql": "SELECT * FROM a", "schema": {"a": ["x", "y"]}},
        {
            "id": "two",
            "sql": "INSERT INTO t SELECT [x] FROM [s]",
            "dialect": "mssql",
            "schema": None,
            "default_schema": "dbo",
        },
        {"id": 3, "sql": "SELECT a FROM t", "dialect": "klingon"},
        {"id": 4},
    ]
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode() + b"\n{\n"))
    code, out, err = run(capsys, str(file), "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert [one["id"] for one in found] == [1, "two", 3, 4, None]
    assert [edge["from"] for edge in found[0]["column_edges"]] == [["a", "x"], ["a", "y"]]
    assert (found[1]["sources"], found[1]["targets"]) == (["dbo.s"], ["dbo.t"])
    assert found[2]["sources"] == ["t"]
    assert "warning: there is no dialect called 'klingon'" in err
    assert "line 4" in err
    assert "line 5" in err


@pytest.mark.parametrize("name", ["s.json", "s.jsonl"])
def test_a_schema_is_an_object_or_lines_of_tables(capsys, tmp_path, name):
    """Both forms name the columns of a star."""
    file, schema = tmp_path / "a.sql", tmp_path / name
    file.write_text("SELECT * FROM shop.t")
    table = {"database": "shop", "name": "t", "columns": [{"name": "x"}]}
    schema.write_text(json.dumps({"shop.t": ["x"]} if name == "s.json" else table))
    _, out, _ = run(capsys, str(file), "--schema", str(schema), "--json")
    assert json.loads(out)["column_edges"] == [{"from": ["shop.t", "x"], "to": [None, "x"], "kind": "identity"}]


def test_too_much_is_an_answer_and_no_file_is_wrong_use(capsys, tmp_path):
    """Ten megabytes and fifty thousand brackets have a reason; a schema that is none is wrong use."""
    file = tmp_path / "a.sql"
    file.write_text("SELECT '" + "x" * 10_000_000 + "'")
    _, out, _ = run(capsys, str(file), "--json")
    assert json.loads(out)["statements"][0]["error"] == "it is longer than 1 MB"
    file.write_text("SELECT " + "(" * 50_000 + "1" + ")" * 50_000)
    _, out, _ = run(capsys, str(file), "--json")
    assert json.loads(out)["statements"][0]["error"] == "it is nested too deeply"
    code, _, told = run(capsys, str(tmp_path / "none.sql"))
    assert (code, "none.sql cannot be read: No such file or directory" in told, "Traceback" in told) == (2, True, False)
    wrong = Path(tmp_path / "wrong.json")
    wrong.write_text("[]")
    assert run(capsys, str(file), "--schema", str(wrong))[0] == 2
