"""What each warehouse platform does with names: case, ports, how many parts. Used by `names`, the only reader.

Journey 1 and 3, step "canonical ids". Sources: the platforms' own manuals on identifiers, and OpenLineage's dataset
naming for the namespace schemes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from string import ascii_lowercase, ascii_uppercase


class Case(Enum):
    """What the engine does with the letters of an identifier."""

    LOWER = "lower"  # unquoted names fold to lower case, quoted ones are kept
    UPPER = "upper"  # unquoted names fold to upper case, quoted ones are kept
    SENSITIVE = "sensitive"  # names are kept and compared as written, quoted or not
    INSENSITIVE = "insensitive"  # names are kept as written but compared without case, quoted or not


@dataclass(frozen=True, slots=True)
class Platform:
    """One engine's naming rules.

    Attributes:
        name: the scheme of its OpenLineage namespaces, such as `postgres`.
        case: what happens to the letters of a name.
        levels: how many parts a full table name has: 3 = database.schema.table, 2 = database.table.
        port: the port written out when a URL names none; None for platforms without one.
        dialect: sqlglot's name of its SQL, empty for the generic parser.
        file: whether a namespace is a file's absolute path.
        ascii_case: whether only the letters A to Z have a case: `É` and `é` are then two names. Measured on
            PostgreSQL 15 (UTF-8), SQLite 3 and DuckDB 2.

    """

    name: str
    case: Case
    levels: int = 3
    port: int | None = None
    dialect: str = ""
    file: bool = False
    ascii_case: bool = False

    def lower(self, text: str) -> str:
        """`text` in the lower case of the engine."""
        return text.translate(_ASCII_LOWER) if self.ascii_case else text.lower()


_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_KNOWN = (
    Platform("postgres", Case.LOWER, port=5432, dialect="postgres", ascii_case=True),
    Platform("mysql", Case.SENSITIVE, levels=2, port=3306, dialect="mysql"),
    Platform("duckdb", Case.INSENSITIVE, dialect="duckdb", file=True, ascii_case=True),
    Platform("sqlite", Case.INSENSITIVE, levels=2, dialect="sqlite", file=True, ascii_case=True),
    Platform("snowflake", Case.UPPER, dialect="snowflake"),
    Platform("bigquery", Case.SENSITIVE, dialect="bigquery"),
    Platform("redshift", Case.INSENSITIVE, port=5439, dialect="redshift"),
    Platform("trino", Case.INSENSITIVE, port=8080, dialect="trino"),
    Platform("mssql", Case.INSENSITIVE, port=1433, dialect="tsql"),
    Platform("oracle", Case.UPPER, port=1521, dialect="oracle"),
    Platform("databricks", Case.INSENSITIVE, dialect="databricks"),
    Platform("hive", Case.INSENSITIVE, levels=2, port=10000, dialect="hive"),
    Platform("spark", Case.INSENSITIVE, dialect="spark"),
    Platform("athena", Case.INSENSITIVE, dialect="athena"),
    Platform("clickhouse", Case.SENSITIVE, levels=2, port=8123, dialect="clickhouse"),
    Platform("teradata", Case.INSENSITIVE, levels=2, port=1025, dialect="teradata"),
    Platform("metadata", Case.SENSITIVE),
    Platform("dbt", Case.INSENSITIVE, file=True),
)
_BY_NAME = {platform.name: platform for platform in _KNOWN}

_SPELLINGS = {
    "postgresql": "postgres",
    "pg": "postgres",
    "mariadb": "mysql",
    "awsathena": "athena",
    "sqlserver": "mssql",
    "presto": "trino",
}


def canonical_scheme(scheme: str) -> str:
    """The one spelling of a URL scheme: lower case, driver suffix dropped, `postgresql` and `mariadb` translated."""
    base = scheme.lower().split("+", 1)[0]
    return _SPELLINGS.get(base, base)


def platform_named(scheme: str) -> Platform:
    """The rules for a scheme; an engine nobody described keeps names as written, which never merges two tables."""
    name = canonical_scheme(scheme)
    return _BY_NAME.get(name, Platform(name, Case.SENSITIVE))
