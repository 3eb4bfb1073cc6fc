"""Builds the sample warehouse's DuckDB file, all of it or nothing; the first step of `headwater demo`.

The definitions, views, rows and comments are SQL files under `warehouse/`; this module only runs them in order.
"""

from __future__ import annotations

import hashlib
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

import duckdb

from services.common.errors import Conflict
from services.demo.rows import ROW_FILES, fill_tables

SCHEMA_FILES: Final = (
    "sales",
    "crm",
    "inventory",
    "finance",
    "marketing",
    "hr",
    "web",
    "logistics",
    "erp",
    "staging",
    "mart",
    "scratch",
)
"""One file of table definitions a schema, each named after it; no key crosses schemas, because DuckDB has none that do."""

_FILES: Final = (*SCHEMA_FILES, "views", *(f"rows/{name}" for name in ROW_FILES), "comments")


def read_sql(name: str) -> str:
    """The text of the SQL resource `name` (`sales`, `rows/hr`, `habits`); `FileNotFoundError` if the package lacks it."""
    return resources.files("services.demo").joinpath("warehouse", f"{name}.sql").read_text(encoding="utf-8")


def _version() -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update(f"{name}\0{read_sql(name)}\0".encode())
    return digest.hexdigest()[:12]


WAREHOUSE_VERSION: Final = _version()
"""Twelve hexadecimal digits that change whenever a definition, a row or a comment of the sample does."""


def build_warehouse(path: Path) -> None:
    """Make the sample warehouse at `path`, whose folder is created; a file of this very build is left as it is.

    The file appears whole or not at all: it is built beside `path` and renamed into place. Raises `Conflict` when something
    else lies there, a sample of another version included: nothing else is ever overwritten, and a retry helps only after that
    file is moved away.
    """
    if _already_there(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        # The smallest blocks there are: with a thousand short columns the default's 256 KiB made 109 MB of these 24.
        with duckdb.connect(str(draft), config={"default_block_size": "16384"}) as connection:
            _run_files(connection)
        # Two builders at once make the same file: the later one finds the earlier one's and keeps it.
        if not _already_there(path):
            draft.rename(path)


def _already_there(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute("SELECT sample_version()").fetchone()
    except duckdb.Error as error:
        raise Conflict(f"{path} exists and is not a sample warehouse that can be read; move it away") from error
    if found != (WAREHOUSE_VERSION,):
        raise Conflict(f"{path} is a sample warehouse of another version; move it away and build again")
    return True


def _run_files(connection: duckdb.DuckDBPyConnection) -> None:
    # Transactions, because a commit of its own for each of 600 statements waits for the disk as often.
    connection.begin()
    for name in (*SCHEMA_FILES, "views"):
        connection.execute(read_sql(name))
    connection.commit()
    fill_tables(connection, read_sql)
    connection.begin()
    connection.execute(read_sql("comments"))
    # The mark is a macro, because a table for it would be one more thing to find in the catalog.
    connection.execute(f"CREATE MACRO sample_version() AS '{WAREHOUSE_VERSION}'")
    connection.commit()
    connection.execute("CHECKPOINT")
