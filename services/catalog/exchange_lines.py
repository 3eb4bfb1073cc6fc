"""Rows of people's words as lines of a file and back: CSV that spreadsheets may open, and JSON Lines.

Beside journey 1, the outermost step of export and import. `docs/how-to/export-and-import.md` describes both formats.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from services.catalog.exchange import LISTS, Row
from services.catalog.store.hydrate import COLUMN_FIELDS, TABLE_FIELDS
from services.common.errors import BadRequest

FIELDS = ("description", "owners", "tags", "status", "successor")
COLUMNS = ("source", "namespace", "qualified_name", "column", *FIELDS, "people", "revision", "exported")
"""The columns of a CSV file and the keys of a JSON line; only `qualified_name` must be there."""
MAX_RECORD_BYTES = 8_000_000
"""A line, or a CSV record of several lines, beyond this is not read: memory stays bounded whatever the file is."""
TAKE_BACK = "-"
"""A CSV cell that takes people's word back; in JSON Lines that is null."""
_GUARDED = re.compile(r"'*(?:[=+\-@\t\r\n].*)?", re.DOTALL)
"""Texts that a spreadsheet would take for a formula (OWASP, "CSV Injection"), and those that would read back as another
text: a cell of one of them begins with one apostrophe more. The empty text is one: it is written `'`."""
_DELIMITERS = ",;\t"
Numbered = tuple[int, Row | str]
"""The number of a line, from 1, and its row, or what is wrong with it."""


def csv_header() -> tuple[str, ...]:
    """The first record of a CSV file."""
    return COLUMNS


def csv_cells(row: Row) -> tuple[str, ...]:
    """A row as the cells of a CSV record."""
    cells = {name: plain_cell(_text(name, value)) for name, value in row.said.items()}
    cells["source"], cells["namespace"], cells["qualified_name"] = map(plain_cell, (row.source, row.namespace, row.name))
    cells["column"] = "" if row.column is None else plain_cell(row.column)
    cells["people"] = ";".join(name for name in FIELDS if name in (row.people or ()))
    cells["revision"] = "" if row.revision is None else str(row.revision)
    cells["exported"] = ";".join(f"{name}={value}" for name, value in (row.exported or {}).items())
    return tuple(cells.get(name, "") for name in COLUMNS)


def json_line(row: Row) -> str:
    """A row as one line of JSON, without the line's end."""
    line: dict[str, Any] = {"source": row.source, "namespace": row.namespace, "qualified_name": row.name}
    if row.column is not None:
        line["column"] = row.column
    line |= {name: row.said[name] for name in FIELDS if name in row.said}
    line["people"] = [name for name in FIELDS if name in (row.people or ())]
    line |= {"revision": row.revision, "exported": dict(row.exported or {})}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def read_rows(stream: IO[bytes], kind: str) -> Iterator[Numbered]:
    """The rows of a file, `csv` or `jsonl`, one after another. Lines that cannot be read are told, the others are kept.

    Raises:
        BadRequest: a CSV file whose first record does not name columns that are known, `qualified_name` among them.

    """
    lines = _Lines(stream)
    return _csv_rows(lines) if kind == "csv" else _json_rows(lines)


class _Lines:
    """The lines of a file with their numbers. Those handed out since `begin` can be put back."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._back: deque[str] = deque()
        self._read = 0
        self._taken: list[str] = []
        self._size = 0
        self.number = 0
        self.wrong: dict[int, str] = {}

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._next()
        self.number += 1
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD_BYTES and len(self._taken) > 1:
            raise csv.Error("a quote is opened and not closed")
        return line

    def begin(self) -> int:
        """The number of the next line, with which a record begins."""
        self._taken.clear()
        self._size = 0
        return self.number + 1

    def put_back_all_but_the_first(self) -> None:
        """Go back to the record's second line: the first one is what is wrong."""
        behind = self._taken[1:]
        self._back.extendleft(reversed(behind))
        self.number -= len(behind)

    def why_wrong(self, start: int) -> str | None:
        """What was wrong with the lines from `start` to the last one handed out."""
        found = [self.wrong.pop(number) for number in range(start, self.number + 1) if number in self.wrong]
        return found[0] if found else None

    def _next(self) -> str:
        self._read += 1
        try:
            raw = self._stream.readline(MAX_RECORD_BYTES)
            if len(raw) == MAX_RECORD_BYTES and not raw.endswith(b"\n"):
                while (rest := self._stream.readline(MAX_RECORD_BYTES)) and not rest.endswith(b"\n"):
                    pass
                return self._refused(f"is longer than {MAX_RECORD_BYTES:,} bytes")
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self._stream = _NOTHING
            return self._refused("the compressed file is damaged from here on")
        if not raw:
            raise StopIteration
        if self._read == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return self._refused("is not UTF-8")

    def _refused(self, why: str) -> str:
        self.wrong[self._read] = why
        return "\n"


class _Nothing:
    """A file at its end."""

    def readline(self, _size: int = -1) -> bytes:
        return b""


_NOTHING: Any = _Nothing()


def _json_rows(lines: _Lines) -> Iterator[Numbered]:
    while True:
        number = lines.begin()
        text = next(lines, None)
        if text is None:
            return
        why = lines.why_wrong(number)
        if why is not None:
            yield number, why
        elif text.strip():
            yield number, _json_row(text)


def _json_row(text: str) -> Row | str:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    if not isinstance(line, dict):
        return "is no JSON object"
    unknown = sorted(set(line) - set(COLUMNS))
    if unknown:
        return f"nobody knows {', '.join(unknown)}"
    said = {name: line[name] for name in FIELDS if name in line}
    problem = _wrong_kinds(line, said)
    if problem is not None:
        return problem
    column = line.get("column")
    return _checked(
        Row(
            name=line["qualified_name"],
            column=column,
            source=line.get("source") or "",
            namespace=line.get("namespace") or "",
            said=said,
            people=None if line.get("people") is None else frozenset(line["people"]),
            exported=line.get("exported"),
            revision=line.get("revision"),
        )
    )


def _wrong_kinds(line: Mapping[str, Any], said: Mapping[str, Any]) -> str | None:
    if not isinstance(line.get("qualified_name"), str) or not line["qualified_name"]:
        return "has no qualified_name"
    for name in ("source", "namespace", "column"):
        if not isinstance(line.get(name), str | None):
            return f"{name} is no text"
    for name, value in said.items():
        if value is not None and not (_are_texts(value) if name in LISTS else isinstance(value, str)):
            return f"{name} is no {'list of texts' if name in LISTS else 'text'}"
    exported = line.get("exported")
    if not (line.get("people") is None or _are_texts(line["people"])):
        return "people is no list of fields"
    if not (exported is None or (isinstance(exported, dict) and _are_texts(list(exported.values())))):
        return "exported is not as an export wrote it"
    return None


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _csv_rows(lines: _Lines) -> Iterator[Numbered]:
    csv.field_size_limit(MAX_RECORD_BYTES)
    lines.begin()
    first = next(lines, None)
    if first is None:
        raise BadRequest("the file is empty: a CSV file begins with the names of its columns")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        header = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        header = []
    wrong = lines.why_wrong(1) or _wrong_header(header)
    if wrong:
        raise BadRequest(f"line 1 {wrong}")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = lines.begin()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            lines.put_back_all_but_the_first()
            yield start, f"is not CSV: {error}"
            continue
        if cells is None:
            return
        why = lines.why_wrong(start)
        if why is not None:
            yield start, why
        elif any(cells):
            yield start, _csv_row(header, cells)


def _wrong_header(header: Sequence[str]) -> str | None:
    if "qualified_name" not in header:
        return "must name the columns, qualified_name among them (comma, semicolon or tab between them)"
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        return f"names columns that nobody knows: {', '.join(unknown)[:200]}; known are {', '.join(COLUMNS)}"
    return "names a column twice" if len(set(header)) < len(header) else None


def _csv_row(header: Sequence[str], cells: Sequence[str]) -> Row | str:
    if len(cells) != len(header):
        return f"has {len(cells)} cells, not {len(header)}"
    line = dict(zip(header, cells, strict=True))
    said: dict[str, Any] = {}
    for name in FIELDS:
        cell = line.get(name, "")
        if cell == TAKE_BACK:
            said[name] = None
        elif cell:
            text = _uncelled(cell)
            said[name] = _labels(text) if name in LISTS else text
    if not line["qualified_name"]:
        return "has no qualified_name"
    revision = line.get("revision", "")
    return _checked(
        Row(
            name=_uncelled(line["qualified_name"]),
            column=_uncelled(line["column"]) if line.get("column") else None,
            source=_uncelled(line.get("source", "")),
            namespace=_uncelled(line.get("namespace", "")),
            said=said,
            people=frozenset(filter(None, line["people"].split(";"))) if "people" in line else None,
            exported=_exported(line["exported"]) if "exported" in line else None,
            revision=int(revision) if revision.isdecimal() and len(revision) < 18 else None,
        )
    )


def _checked(row: Row) -> Row | str:
    known = TABLE_FIELDS if row.column is None else COLUMN_FIELDS
    unknown = [name for name in row.said if name not in known]
    return f"a column has no {', '.join(unknown)}" if unknown else row


def _exported(cell: str) -> dict[str, str]:
    pairs: Iterable[tuple[str, str, str]] = (part.strip().partition("=") for part in cell.split(";"))
    return {name: value for name, _, value in pairs if name}


def plain_cell(text: str) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula, and that reads back as the text that it was."""
    return f"'{text}" if _GUARDED.fullmatch(text) else text


def _uncelled(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _GUARDED.fullmatch(cell[1:]) else cell


def _text(name: str, value: Any) -> str:
    if name not in LISTS:
        return str(value)
    return "; ".join(label.replace("\\", "\\\\").replace(";", "\\;") for label in value)


def _labels(text: str) -> list[str]:
    r"""Labels between semicolons; `\;` and `\\` are a semicolon and a backslash of a label."""
    pieces = re.findall(r"((?:[^;\\]|\\.|\\$)*)(?:;|$)", text, re.DOTALL)
    return [label for piece in pieces if (label := re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL).strip())]
