"""`metadata://` files: the format, lines scattered and repeated, and everything that can be wrong with one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import SourceFailed
from services.common.model.assets import Column, ForeignKey, Kind
from services.indexer.sources import metadata_file
from tests.support.crawled import crawl

ORDERS: dict[str, Any] = {"database": "shop", "schema": "sales", "name": "orders", "columns": [{"name": "id"}]}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """A file of these lines (values become JSON, bytes are kept); its URL."""

    def build(*lines: Any, name: str = "wh.tables.jsonl") -> str:
        raw = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        path = tmp_path / name
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return f"metadata://{path}"

    return build


def test_a_line_says_everything_of_a_table(write: Callable[..., str]) -> None:
    """Every key of the format, and those that are none become properties."""
    read = crawl(
        write(
            {
                "database": "shop",
                "schema": "sales",
                "name": "recent",
                "kind": "view",
                "description": "newest first",
                "columns": [
                    {"name": "id", "type": "int", "description": "key", "nullable": False, "default": "0"},
                    {"name": "mail", "tags": ["pii"], "restricted": True, "anything": 1},
                ],
                "primary_key": ["id"],
                "foreign_keys": [{"columns": ["id"], "ref_table": "orders", "ref_columns": ["id"]}],
                "sql": "SELECT 1",
                "tags": ["gold"],
                "owners": ["ann"],
                "sla": {"hours": 4},
            }
        )
    )
    recent = read.tables["sales.recent"]
    assert recent.name.parts == ("shop", "sales", "recent")
    assert recent.name.namespace == "metadata://wh.tables"
    assert (recent.kind, recent.description, recent.sql) == (Kind.VIEW, "newest first", "SELECT 1")
    assert recent.columns[0] == Column("id", "int", nullable=False, default="0", description="key")
    assert recent.columns[1].tags == ("pii", "restricted")
    assert recent.columns[1].restricted
    assert recent.primary_key == ("id",)
    assert recent.foreign_keys == (ForeignKey(("id",), ("shop", "sales", "orders"), ("id",)),)
    assert (recent.tags, recent.owners, recent.properties) == (("gold",), ("ann",), {"sla": {"hours": 4}})


def test_the_least_line_is_a_database_and_a_name(write: Callable[..., str]) -> None:
    """Null is the same as absent; without a schema a name has two parts."""
    nothing = dict.fromkeys(("schema", "description", "columns", "sql", "tags", "owners", "foreign_keys", "primary_key"))
    read = crawl(write({"database": "shop", "name": "t"}, {"database": "shop", "name": "u"} | nothing))
    t, u = read.tables["t"], read.tables["u"]
    assert (t.name.parts, t.kind, t.columns, t.description) == (("shop", "t"), Kind.TABLE, (), None)
    assert u.columns == ()


def test_lines_of_a_container_may_be_scattered(write: Callable[..., str]) -> None:
    """They come together, containers in the order of their names; the last line of a table counts."""
    read = crawl(
        write(
            {"database": "b", "name": "t1", "description": "old"},
            {"database": "a", "schema": "s", "name": "t2"},
            {"database": "b", "name": "t3"},
            {"database": "b", "name": "t1", "description": "new"},
            {"database": "b", "name": "away", "namespace": "POSTGRESQL://DB1/ignored"},
        )
    )
    order = [(getattr(item, "name", None) and item.name.parts) or item.container.parts for item in read.stream]
    assert order == [("a", "s", "t2"), ("a", "s"), ("b", "t1"), ("b", "t3"), ("b",), ("b", "away"), ("b",)]
    assert read.tables["t1"].description == "new"
    assert read.tables["away"].name.namespace == "postgres://db1:5432"
    assert (read.expected, read.statements) == (4, 0)


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("customer", ("shop", "sales", "customer")),
        ("unknown", ("shop", "sales", "unknown")),
        ("hr.person", ("shop", "hr", "person")),
        ("other.hr.person", ("other", "hr", "person")),
        ("erp.flat", ("erp", "flat")),
        ("v1.2", ("shop", "sales", "v1.2")),
        ('"v1.2"', ("shop", "sales", "v1.2")),
        ('"no end', ("shop", "sales", '"no end')),
    ],
)
def test_foreign_keys_name_the_whole_table(write: Callable[..., str], text: str, resolved: tuple[str, ...]) -> None:
    """What is left out is the table's own; the tables of the file decide what a dot means."""
    known = [("shop", "sales", "customer"), ("shop", "hr", "person"), ("shop", "sales", "v1.2")]
    others = [{"database": database, "schema": schema, "name": name} for database, schema, name in known]
    line = ORDERS | {"foreign_keys": [{"columns": ["x"], "ref_table": text}]}
    read = crawl(write(line, *others, {"database": "erp", "name": "flat"}))
    assert read.tables["sales.orders"].foreign_keys == (ForeignKey(("x",), resolved),)


def test_a_column_that_a_line_repeats_is_one_column(write: Callable[..., str]) -> None:
    """Real exports do so; what the first says less comes from the second. Case tells columns apart here."""
    columns = [{"name": "npi", "type": "text"}, {"name": "NPI"}, {"name": "npi", "type": "int", "description": "who"}]
    read = crawl(write(ORDERS | {"columns": columns}))
    assert read.tables["sales.orders"].columns == (Column("npi", "text", description="who"), Column("NPI"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{'database': 1}", "not valid JSON"),
        (b'{"database": "shop", "name": "t"', "not valid JSON"),
        (b'{"database": "caf\xe9", "name": "t"}', "unicode"),
        (b'{"database": "\\ud800", "name": "t"}', "not valid JSON"),
        (b'{"database": "a\\u0000b", "name": "t"}', "NUL"),
        (b'{"database": "a", "name": "t", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "recursion limit"),
        (b'{"database": "a", "name": "t", "x": NaN}', "not finite"),
        (b'{"database": "a", "name": "t", "x": ' + b"9" * 5000 + b"}", "out of range"),
        (b"[]", "not an object"),
        (b'"text"', "not an object"),
        ({"database": "a"}, "name: Field required"),
        ({"database": "a", "name": ""}, "name: "),
        ({"database": "a", "name": 7}, "name: "),
        ({"database": "a", "name": "t", "kind": "column"}, "kind: "),
        ({"database": "a", "name": "t", "columns": [{"type": "int"}]}, "columns.0.name: "),
        ({"database": "a", "name": "t", "namespace": "postgres://h:port"}, "namespace"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_counts_as_complete(write: Callable[..., str], line: Any, reason: str) -> None:
    """The good lines are kept; the line might have been of any container, so none may lose tables."""
    read = crawl(write(ORDERS, line, {"database": "erp", "name": "flat"}))
    assert set(read.tables) == {"sales.orders", "flat"}
    assert len(read.containers) == 2
    for end in read.containers.values():
        assert not end.complete
        assert (end.failure or "").startswith("line 2: ")
        assert reason in (end.failure or "")
        assert "\n" not in (end.failure or "")


def test_a_backslash_before_u0000_is_no_nul(write: Callable[..., str]) -> None:
    """`\\\\u0000` in JSON is a backslash and five letters."""
    read = crawl(write(ORDERS | {"description": "C:\\u0000"}))
    assert read.tables["sales.orders"].description == "C:\\u0000"
    assert read.containers["sales"].complete


def test_many_wrong_lines_are_counted(write: Callable[..., str]) -> None:
    """Twenty are named, the rest is a number."""
    failure = crawl(write(*[b"junk"] * 25, ORDERS)).containers["sales"].failure or ""
    assert "line 20: " in failure
    assert "line 21: " not in failure
    assert failure.endswith("; and 5 more")


def test_a_file_of_wrong_lines_alone_is_not_an_empty_source(write: Callable[..., str]) -> None:
    """The failure has a container to be reported with, although no line told one."""
    read = crawl(write(b"junk"))
    (end,) = read.containers.values()
    assert (read.tables, end.complete, end.container.parts) == ({}, False, ())


def test_globs_choose_tables_and_containers_stay_complete(write: Callable[..., str]) -> None:
    """A foreign key may lead to a table that is left out."""
    line = ORDERS | {"foreign_keys": [{"columns": ["x"], "ref_table": "person"}]}
    read = crawl(write(line, ORDERS | {"name": "person"}, ORDERS | {"schema": "hr"}), exclude=("shop.hr", "*.PERSON"))
    assert set(read.tables) == {"sales.orders"}
    assert read.tables["sales.orders"].foreign_keys[0].ref_table == ("shop", "sales", "person")
    assert read.expected == 1
    assert {name: end.complete for name, end in read.containers.items()} == {"sales": True, "hr": True}


@pytest.mark.parametrize("name", ["wh.tables.jsonl.gz", "packed.jsonl"])
def test_gzip_is_known_by_its_content(write: Callable[..., str], tmp_path: Path, name: str) -> None:
    """Whatever the file is called; the stem leaves `.gz` out."""
    write(ORDERS, name="x.gz")
    (tmp_path / name).write_bytes((tmp_path / "x.gz").read_bytes())
    read = crawl(f"metadata://{tmp_path / name}")
    assert read.containers["sales"].complete
    assert read.tables["sales.orders"].name.namespace == f"metadata://{name.partition('.jsonl')[0]}"


def test_a_gzip_file_cut_off_keeps_what_was_read(tmp_path: Path) -> None:
    """And counts as incomplete: the rest is not known to be gone."""
    lines = b"".join(
        json.dumps(ORDERS | {"name": f"t{i:05}", "x": str(hash(i * 7919))}).encode() + b"\n" for i in range(5000)
    )
    packed = gzip.compress(lines)
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    read = crawl(f"metadata://{tmp_path / 'cut.jsonl.gz'}")
    assert 0 < len(read.tables) < 5000
    assert "damaged or cut off" in (read.containers["sales"].failure or "")


def test_a_line_that_is_too_long_is_skipped_without_being_held(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next line is read as if nothing had been."""
    monkeypatch.setattr(metadata_file, "LONGEST_LINE_BYTES", 1000)
    long = json.dumps(ORDERS | {"name": "long", "description": "x" * 5000}).encode()
    fits = json.dumps(ORDERS | {"name": "fits"}).encode()
    fits += b" " * (999 - len(fits))
    read = crawl(write(long, fits, ORDERS))
    assert set(read.tables) == {"sales.fits", "sales.orders"}
    assert read.containers["sales"].failure == "line 1: longer than 1000 bytes"


def test_byte_order_mark_blank_lines_and_windows_ends_are_no_trouble(write: Callable[..., str]) -> None:
    """What editors and exports do to files."""
    read = crawl(write(b"\xef\xbb\xbf" + json.dumps(ORDERS).encode() + b"\r", b"", b"  \t\r"))
    assert set(read.tables) == {"sales.orders"}
    assert read.containers["sales"].complete


def test_the_path_is_what_stands_behind_the_scheme(
    write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, absolute with three slashes, and with four."""
    write(ORDERS, name="wh.jsonl")
    monkeypatch.chdir(tmp_path)
    for path in ("wh.jsonl", "./wh.jsonl", f"{tmp_path}/wh.jsonl", f"/{tmp_path}/wh.jsonl"):
        assert crawl(f"metadata://{path}").tables["sales.orders"].name.namespace == "metadata://wh"
    with pytest.raises(SourceFailed, match="No such file"):
        crawl("metadata:///wh.jsonl")
    with pytest.raises(SourceFailed, match="directory"):
        crawl(f"metadata://{tmp_path}")


def test_an_empty_file_is_empty(write: Callable[..., str]) -> None:
    """No container is claimed to have been read."""
    assert crawl(write()).stream == []
