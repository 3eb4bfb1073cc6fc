"""Fills the sample warehouse's tables; the step between its definitions and its comments in `warehouse.py`.

The rows are written in SQL under `warehouse/rows/`: draws are hashes of a key and a word, so that every build is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import duckdb

# Each file may use what the ones before it have made: `macros` the draws, `inventory` the table k of variants, `crm` the table la.
ROW_FILES: Final = (
    "macros",
    "hr",
    "inventory",
    "crm",
    "sales",
    "marketing",
    "web",
    "logistics",
    "finance",
    "erp",
    "staging",
    "mart",
    "scratch",
)


def fill_tables(connection: duckdb.DuckDBPyConnection, read_sql: Callable[[str], str]) -> None:
    """Insert every row, a file and a transaction at a time, into tables that exist and are empty.

    `read_sql` gives the text of a resource by its name without ending (`rows/hr`). What the files keep to themselves is
    temporary and ends with the connection. Raises `duckdb.Error` where a row breaks a key: a defect of the files, never worth
    a retry.
    """
    for name in ROW_FILES:
        connection.begin()
        connection.execute(read_sql(f"rows/{name}"))
        connection.commit()
