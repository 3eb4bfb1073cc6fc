"""Rows of people's words as lines and back: cells that spreadsheets do not run, bad lines that are named, good ones kept."""

from __future__ import annotations

import csv
import gzip
import io
import json
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog import exchange_lines
from services.catalog.exchange import Row, digest, labels
from services.catalog.exchange_lines import COLUMNS, csv_cells, csv_header, json_line, read_rows
from services.common.errors import BadRequest

HEAD = "qualified_name,column,description,tags,status\r\n"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12) | st.sampled_from(
    [
        "",
        "-",
        "'",
        "''",
        "'-",
        "=1+1",
        "'=1",
        "@x",
        "+1",
        "\t",
        "\r",
        "a\r\nb",
        "a;b",
        "\\",
        'say "x"',
        "😀",
        "\u202e",
        "null",
    ]
)
LABEL = TEXT.map(str.strip).filter(bool)
ROWS = st.builds(
    Row,
    name=TEXT.filter(bool),
    column=st.none() | TEXT,
    source=TEXT,
    namespace=TEXT,
    said=st.fixed_dictionaries(
        {},
        optional={
            "description": st.none() | TEXT,
            "tags": st.none() | st.lists(LABEL, max_size=3),
            "status": st.sampled_from(["endorsed", None]),
            "successor": TEXT,
        },
    ),
    people=st.frozensets(st.sampled_from(["description", "tags"])),
    exported=st.dictionaries(st.sampled_from(["description", "status"]), st.just("0123456789ab")),
    revision=st.none() | st.integers(1, 9),
)


def as_csv(*rows: Row) -> bytes:
    out = io.StringIO(newline="")
    written = csv.writer(out, lineterminator="\r\n")
    written.writerow(csv_header())
    written.writerows(csv_cells(row) for row in rows)
    return out.getvalue().encode()


def read(data: bytes | str, kind: str = "csv") -> list[tuple[int, Row | str]]:
    return list(read_rows(io.BytesIO(data.encode() if isinstance(data, str) else data), kind))


def written(row: Row) -> Row:
    """A row as a CSV file has it: null is written by people only."""
    return Row(
        **{**{f: getattr(row, f) for f in row.__slots__}, "said": {k: v for k, v in row.said.items() if v is not None}}
    )


@settings(deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_rows_come_back_from_csv_exactly(rows):
    """Whatever is in them: line breaks, quotes, formulas, the sign for taking back, nothing at all."""
    rows = [written(row) for row in rows]
    assert [row for _, row in read(as_csv(*rows))] == rows


@settings(deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_rows_come_back_from_json_lines_exactly(rows):
    """Null, the empty text and the empty list are three things."""
    assert read("\n".join(map(json_line, rows)), "jsonl") == list(enumerate(rows, 1))


@given(ROWS)
def test_no_cell_is_a_formula(row):
    """None begins as spreadsheets' formulas do, whatever the text is."""
    assert not [cell for cell in csv_cells(written(row)) if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(st.lists(TEXT), st.lists(TEXT))
def test_digests_are_of_what_people_would_store(some, others):
    """Labels without blanks around and each once; texts however their lines end."""
    assert (digest("tags", some) == digest("tags", others)) is (labels(some) == labels(others))
    assert digest("description", "a\r\nb") == digest("description", "a\nb") != digest("description", "ab")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", {}),
        ("-", {"description": None}),
        ("'", {"description": ""}),
        ("'-", {"description": "-"}),
        ("-5 degrees", {"description": "-5 degrees"}),
        ("=SUM(A1)", {"description": "=SUM(A1)"}),
        ("'=SUM(A1)", {"description": "=SUM(A1)"}),
        ("'tis", {"description": "'tis"}),
    ],
)
def test_what_a_person_types_into_a_cell(cell, expected):
    """Empty leaves as it is, `-` takes back, an apostrophe alone says that there is nothing to say."""
    assert read(f"qualified_name,description\nt,{cell}\n")[0][1].said == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("pii; gdpr ;pii", ["pii", "gdpr", "pii"]), (r"a\;b;c\\", ["a;b", "c\\"]), ("'", []), (";;", []), ("a\\", ["a\\"])],
)
def test_labels_in_a_cell(cell, expected):
    """Between semicolons; a backslash keeps one inside a label."""
    assert read(f"qualified_name,tags\nt,{cell}\n")[0][1].said == {"tags": expected}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spreadsheets_dialects(mark, delimiter, end):
    """A byte order mark, semicolons or tabs, either end of lines, blank lines, columns in any order and case."""
    lines = [["Description", " QUALIFIED_NAME "], ["Ü", "shop.t"], ["", ""], ["x", "shop.u"]]
    text = mark + "".join(delimiter.join(cells) + end for cells in lines)
    assert [(n, row.name, row.said) for n, row in read(text)] == [
        (2, "shop.t", {"description": "Ü"}),
        (4, "shop.u", {"description": "x"}),
    ]


def test_bad_csv_lines_are_named_and_good_ones_kept():
    """Too few cells, bytes that are no UTF-8, a quote that is never closed: the lines around them are read."""
    data = HEAD.encode() + (
        b'a,,fine,,\r\nb,only\r\nc,,\xff\xfe,,\r\nd,,"open,,\r\ne,,fine,,\r\nf,,"two\r\nlines",,\r\n'
        b'g,,"x"y,,\r\nh,,fine,,\r\n,,no name,,\r\ni,,"end'
    )
    found = read(data)
    assert [(number, row.name) for number, row in found if isinstance(row, Row)] == [(2, "a"), (6, "e"), (7, "f"), (10, "h")]
    assert {number: why.split(":")[0] for number, why in found if isinstance(why, str)} == {
        3: "has 2 cells, not 5",
        4: "is not UTF-8",
        5: "is not CSV",
        9: "is not CSV",
        11: "has no qualified_name",
        12: "is not CSV",
    }


def test_bad_json_lines_are_named_and_good_ones_kept():
    """No JSON, no object, unknown or wrong keys, nesting without end, bytes that are no UTF-8."""
    lines = [
        json_line(Row("a")),
        "{",
        "[]",
        '{"qualified_name": "b", "descripton": "x"}',
        '{"description": "x"}',
        '{"qualified_name": "b", "tags": "pii"}',
        '{"qualified_name": "b", "column": 5}',
        '{"qualified_name": "b", "people": [1]}',
        '{"qualified_name": "b", "exported": {"tags": 1}}',
        '{"qualified_name": "b", "column": "c", "owners": ["x"]}',
        "[" * 100_000,
        "",
        json_line(Row("z")),
    ]
    data = b"\xef\xbb\xbf" + "\n".join(lines).encode() + b"\n\xff\n"
    found = read(data, "jsonl")
    assert [(number, row.name) for number, row in found if isinstance(row, Row)] == [(1, "a"), (13, "z")]
    assert [number for number, why in found if isinstance(why, str)] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14]
    assert dict(found)[4] == "nobody knows descripton"


@pytest.mark.parametrize(
    "data",
    ["", "a,b\n", "description\nx\n", "qualified_name,colour\n", "qualified_name,qualified_name\n", '"qualified_name\n'],
)
def test_a_csv_file_must_name_its_columns(data):
    """Without a first line of known names nothing else can be understood."""
    with pytest.raises(BadRequest, match=r"column|line 1"):
        read(data)


def test_text_of_another_encoding_is_refused():
    """What Excel calls Unicode text is UTF-16."""
    with pytest.raises(BadRequest, match="UTF-8"):
        read(HEAD.encode("utf-16"))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_without_end_takes_bounded_memory(kind, monkeypatch):
    """It is named, and what follows is read."""
    monkeypatch.setattr(exchange_lines, "MAX_RECORD_BYTES", 1_000)
    good = Row("after", said={"description": "x"})
    long = "x" * 5_000
    data = f"{HEAD}t,,{long},,\r\nafter,,x,,\r\n" if kind == "csv" else f'{{"a": "{long}"}}\n{json_line(good)}\n'
    first, second = read(data, kind)
    assert (first[1], second[1].said) == ("is longer than 1,000 bytes", {"description": "x"})


def test_a_cell_of_a_megabyte_is_a_cell():
    """Comments of warehouses may be long; a quoted one may go over many lines."""
    text = 'a line "of" text\n' * 60_000
    assert read(as_csv(Row("t", said={"description": text})))[0][1].said == {"description": text}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_cut_or_damaged_archive_gives_what_can_be_read(kind):
    """And names the line from which on nothing could be."""
    many = [Row(f"t{number}", said={"description": f"{number * 7919}" * 9}) for number in range(3_000)]
    data = as_csv(*many) if kind == "csv" else "".join(json_line(row) + "\n" for row in many).encode()
    packed = gzip.compress(data)
    found = list(read_rows(gzip.GzipFile(fileobj=io.BytesIO(packed[: len(packed) // 2])), kind))
    assert 100 < len(found) < 3_000
    assert found[-1][1] == "the compressed file is damaged from here on"
    whole = [row for _, row in found[:-1] if isinstance(row, Row)]
    assert [row.name for row in whole] == [row.name for row in islice(many, len(whole))]
    assert len(whole) >= len(found) - 2


def test_the_columns_of_both_formats_are_the_same():
    """A CSV file can be made of the other."""
    row = Row("t", "c", "s", "n", {"description": "x", "tags": []}, frozenset(["tags"]), {"tags": "0"}, 4)
    assert set(json.loads(json_line(row))) <= set(COLUMNS)
    assert read(as_csv(row))[0][1] == read(json_line(row), "jsonl")[0][1] == row
