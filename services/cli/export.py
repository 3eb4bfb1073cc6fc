"""`headwater export`: what people and crawls say of tables and columns, as a file that can be edited and brought back."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from services.catalog.exchange import Row, rows_of
from services.catalog.exchange_lines import csv_cells, csv_header, json_line
from services.cli.exits import DONE
from services.cli.terminal import progress, say, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.workspace import Workspace

STANDARD = "-"
"""The file that is standard output, or standard input."""


def run(arguments: argparse.Namespace) -> int:
    """Write a row for every table and column."""
    kind, zipped = file_kind(arguments.file, arguments.format)
    space = Workspace(settings_of(arguments))
    tables = rows = 0
    try:
        with progress("exporting") as update, _written(arguments.file, zipped=zipped) as out:
            write = _writer(out, kind)
            for of_table, total in rows_of(space.reader, FULL_SCOPE):
                for row in of_table:
                    write(row)
                tables, rows = tables + 1, rows + len(of_table)
                update(tables, total)
    finally:
        space.close()
    say(f"{rows:,} rows of {tables:,} tables written" + ("" if arguments.file == STANDARD else f" to {arguments.file}"))
    return DONE


def file_kind(file: str, said: str | None) -> tuple[str, bool]:
    """`csv` or `jsonl`, by the file's ending or as `--format` says, and whether the file is compressed.

    Raises:
        BadRequest: neither tells.

    """
    name = file.lower()
    zipped = name.endswith(".gz")
    ending = name.removesuffix(".gz").rpartition(".")[2]
    kind = said or ("csv" if file == STANDARD else ending)
    if kind not in ("csv", "jsonl"):
        raise BadRequest(f"{file} ends neither in .csv nor in .jsonl (with or without .gz); say --format csv or jsonl")
    return kind, zipped


def _writer(out: IO[str], kind: str) -> Callable[[Row], object]:
    if kind == "jsonl":
        return lambda row: out.write(json_line(row) + "\n")
    written = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    written.writerow(csv_header())
    return lambda row: written.writerow(csv_cells(row))


@contextmanager
def _written(file: str, *, zipped: bool) -> Iterator[IO[str]]:
    """A file to write, which takes its name only when all of it is there."""
    if file == STANDARD:
        text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield text
            text.flush()
        finally:
            text.detach()
        return
    path = Path(file)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with ExitStack() as stack:
            raw: IO[bytes] = stack.enter_context(unfinished.open("wb"))
            if zipped:
                raw = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(path.name, "wb", fileobj=raw, mtime=0)))
            yield stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
