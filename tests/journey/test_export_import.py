"""`headwater export`, `import` and `history` as people run them: files edited, sent back, piped, damaged, in conflict."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import PATIENCE_S, Done, command, environment, hw, simple_table, write_metadata

ORDERS = "shop.public.orders"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that has crawled two tables."""
    made = tmp_path / "home"
    crawl(made, simple_table("orders", "One row an order"), simple_table("bills"))
    return made


def crawl(home: Path, *tables: dict[str, Any]) -> None:
    home.parent.mkdir(exist_ok=True, parents=True)
    done = hw("crawl", write_metadata(home.parent / "shop.jsonl", *tables), "--no-wait", home=home)
    assert done.code == 0, done.err


def piped(*arguments: str, home: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(arguments), env=environment(home), input=given, capture_output=True, timeout=PATIENCE_S, check=False
    )


def rows_in(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def write_rows(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        written = csv.DictWriter(opened, rows[0])
        written.writeheader()
        written.writerows(rows)


def edited(file: Path, column: str = "", **cells: str) -> None:
    """Change the row of the orders, or of one of their columns, as a spreadsheet would."""
    rows = rows_in(file)
    for row in rows:
        if (row["qualified_name"], row["column"]) == (ORDERS, column):
            row.update(cells)
    write_rows(file, rows)


def imported(home: Path, file: Path | str, *flags: str) -> tuple[Done, Any]:
    done = hw("import", file, "--json", *flags, home=home)
    return done, done.json


def people_say(home: Path) -> list[Any]:
    out = piped("export", "-", "--format", "jsonl", home=home)
    assert out.returncode == 0, out.stderr
    lines = [json.loads(line) for line in out.stdout.decode().splitlines()]
    return [
        (line["qualified_name"], line.get("column"), {name: line[name] for name in line["people"]})
        for line in lines
        if line["people"]
    ]


def test_a_file_goes_out_is_edited_and_comes_back(home):
    """First tried, then done, then nothing is left to do; another home that crawls the same takes it too."""
    file = home.parent / "words.csv"
    assert hw("export", file, home=home).code == 0
    assert [(row["qualified_name"], row["column"]) for row in rows_in(file)] == [
        (f"shop.public.{name}", column) for name in ("bills", "orders") for column in ("", "id", "amount")
    ]
    edited(file, description="=Orders,\nline two", tags="core; pii", owners="sales", status="endorsed")
    edited(file, "amount", description="Euro 😀")
    dry = hw("import", file, "--dry-run", home=home)
    assert (dry.code, people_say(home)) == (0, [])
    assert "would change: shop.public.orders description: the catalog holds nothing, the file '=Orders, line two'" in dry.out
    done, report = imported(home, file)
    assert (done.code, report["changed"]["total"], report["tables"]) == (0, 5, 1)
    said = people_say(home)
    assert said == [
        (
            ORDERS,
            None,
            {"description": "=Orders,\nline two", "owners": ["sales"], "tags": ["core", "pii"], "status": "endorsed"},
        ),
        (ORDERS, "amount", {"description": "Euro 😀"}),
    ]
    assert imported(home, file)[1]["changed"]["total"] == 0
    assert hw("export", file, home=home).code == 0
    assert any(row["description"].startswith("'=Orders") for row in rows_in(file))
    other = home.parent / "other" / "home"
    crawl(other, simple_table("orders", "One row an order"), simple_table("bills"))
    # the other file is another source; the namespace in the rows is that of both
    done, report = imported(other, file)
    assert (done.code, report["changed"]["total"], people_say(other)) == (0, 5, said)


def test_pipes_and_archives(home):
    """`-` is the standard streams; `.gz` is packed; a program reads what another writes."""
    packed = home.parent / "words.jsonl.gz"
    assert hw("export", packed, home=home).code == 0
    lines = [json.loads(line) for line in gzip.decompress(packed.read_bytes()).splitlines()]
    for line in lines:
        line["tags"] = ["seen"]
    packed.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    assert hw("import", packed, home=home).code == 0
    out = piped("export", "-", home=home)
    assert out.stdout.startswith(b"source,namespace,qualified_name,column,")
    back = piped("import", "-", "--json", home=home, given=out.stdout.replace(b",seen,", b",-,"))
    assert (back.returncode, json.loads(back.stdout)["changed"]["total"], people_say(home)) == (0, 6, [])


def test_what_was_said_in_between_is_kept_until_forced(home):
    """Exit 3 and the field by name; the rest of the file is brought in."""
    old, new = home.parent / "old.csv", home.parent / "new.csv"
    assert hw("export", old, home=home).code == 0
    assert hw("export", new, home=home).code == 0
    edited(new, description="of bob")
    assert hw("import", new, home=home).code == 0
    edited(old, description="of ann", status="warned")
    done = hw("import", old, home=home)
    assert done.code == 3
    assert "conflict: shop.public.orders description: the catalog holds 'of bob', the file 'of ann'" in done.out
    assert people_say(home) == [(ORDERS, None, {"description": "of bob", "status": "warned"})]
    done, report = imported(home, old, "--force")
    assert (done.code, report["conflicts"]["total"]) == (0, 0)
    assert people_say(home) == [(ORDERS, None, {"description": "of ann", "status": "warned"})]


def test_bad_lines_are_named_and_good_lines_kept(home):
    """Unknown rows, cells of a megabyte, bytes that are no UTF-8: exit 3, with the numbers of the lines."""
    file = home.parent / "words.csv"
    long = "x" * 1_000_000
    file.write_bytes(
        b"qualified_name,column,description\n"
        b"orders,,fine\n"
        b"nowhere,,x\n" + f"bills,,{long}\n".encode() + b"bills,id,\xff\n"
        b"bills,amount\n"
        b'bills,amount,"open\n'
        b"bills,amount,fine too\n"
    )
    done, report = imported(home, file)
    assert done.code == 3
    assert [entry["line"] for entry in report["unknown"]["listed"]] == [3]
    assert [entry["line"] for entry in report["invalid"]["listed"]] == [4, 5, 6, 7]
    assert people_say(home) == [
        ("shop.public.bills", "amount", {"description": "fine too"}),
        (ORDERS, None, {"description": "fine"}),
    ]
    assert "line 5: invalid: is not UTF-8" in hw("import", file, home=home).out


@pytest.mark.parametrize(
    ("name", "content", "code", "told"),
    [
        ("words.xlsx", "", 2, "neither in .csv nor in .jsonl"),
        ("words.csv", "name,comment\n", 2, "qualified_name"),
        ("words.csv", "", 2, "the file is empty"),
        ("words.csv.gz", "no archive", 2, "damaged"),
        ("words.jsonl", "{\n", 3, "is not JSON"),
        ("words.jsonl", "", 0, "0 rows"),
    ],
)
def test_files_that_are_none_of_ours(home, name, content, code, told):
    """A clear line and the right exit code."""
    file = home.parent / name
    file.write_text(content)
    done = hw("import", file, home=home)
    assert done.code == code, done.err
    assert told in done.out + done.err


def test_a_file_that_cannot_be_written_or_read(home):
    """Exit 1; an export that fails leaves the file that was there."""
    assert hw("import", home.parent / "nowhere.csv", home=home).code == 1
    assert hw("export", home.parent / "no" / "folder.csv", home=home).code == 1
    folder = home.parent / "folder.csv"
    folder.mkdir()
    assert hw("export", folder, home=home).code == 1
    assert [path for path in home.parent.iterdir() if path.name.startswith(".folder")] == []


def test_a_history_of_two_crawls(home):
    """What changed and whom it breaks; the schema of a moment; what it cannot be asked."""
    first = hw("history", ORDERS, "--json", home=home).json["versions"]
    assert [(version["event"], version["column_count"]) for version in first] == [("created", 2)]
    columns = [{"name": "id", "type": "integer"}, {"name": "paid", "type": "boolean"}, {"name": "amount", "type": "numeric"}]
    crawl(home, simple_table("orders", "One row an order", columns=columns), simple_table("bills"))
    told = hw("history", "orders", "--json", home=home).json["versions"]
    assert [(version["number"], version["event"], version["breaking"]) for version in told] == [
        (2, "changed", "breaking"),
        (1, "created", "compatible"),
    ]
    difference = told[0]["difference"]
    assert [column["name"] for column in difference["added"]] == ["paid"]
    assert [(item["name"], item["before"], item["after"]) for item in difference["retyped"]] == [("id", "bigint", "integer")]
    text = hw("history", "orders", home=home)
    assert "~ id  type bigint → integer  (breaking)" in text.out
    assert "+ paid  boolean  (compatible)" in text.out
    then = hw("history", "orders", "--as-of", first[0]["at"], "--json", home=home).json
    assert [(column["name"], column["type"]) for column in then["schema"]["columns"]] == [
        ("id", "bigint"),
        ("amount", "numeric"),
    ]
    assert "amount  numeric" in hw("history", "orders", "--as-of", first[0]["at"], home=home).out
    assert hw("history", "orders", "--as-of", "2020-01-01T00:00:00Z", home=home).code == 1
    assert hw("history", "orders", "--as-of", "2020-01-01T00:00:00", home=home).code == 2
    assert hw("history", "orders", "--as-of", "yesterday", home=home).code == 2
    assert hw("history", "orders", "--limit", "0", home=home).code == 2
    assert hw("history", "nowhere", home=home).code == 1


def test_csv_is_what_programs_call_csv(home):
    """Lines end with CR LF, as RFC 4180 has it, and Python's own reader finds the same number of cells in each."""
    out = piped("export", "-", home=home).stdout.decode()
    assert out.count("\r\n") == out.count("\n") == 7
    assert {len(cells) for cells in csv.reader(io.StringIO(out, newline=""), strict=True)} == {12}
