"""What a recorded warehouse holds and shows, as rows with the columns of the vendors' pages; it can change while it is read.

Used by the benchmarks of faults and of statements, and by tests that change a recorded warehouse in the middle of a crawl.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.support.bigquery import Answer as BigQueryAnswer
from tests.support.bigquery import recorded as recorded_bigquery
from tests.support.snowflake import Answer as SnowflakeAnswer
from tests.support.snowflake import recorded as recorded_snowflake

Rows = list[dict[str, Any]]
DATABASE, PROJECT = "SHOP", "acme-prod"
VIEW = "v"
RIGHTS = ("bigquery.tables.get", "bigquery.tables.list", "bigquery.datasets.get", "bigquery.jobs.create")
_BORN = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Made:
    """A table or view (`v`): its schema and name, its number in the account, when it was made and when dropped."""

    schema: str
    name: str
    number: int
    created: str
    deleted: str | None = None

    @property
    def columns(self) -> list[tuple[str, str | None]]:
        """Names and defaults."""
        stem = self.name if self.name == VIEW else self.name.removeprefix("t")
        return [("id", None), (f"c_{stem}", "'x'" if self.name != VIEW else None)]


@dataclass
class Stock:
    """Tables `t0`, `t1`, … and a view `v` in each of some schemas, of which some may be hidden from the role.

    Attributes:
        hidden: schemas whose tables the role is not shown.
        unlisted: schemas that it is not shown either.
        late: Account Usage as it was then, where it has not heard of anything since.

    """

    living: dict[tuple[str, str], Made] = field(default_factory=dict)
    dropped: list[Made] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    late: list[Made] | None = None
    schemas: tuple[str, ...] = ()
    _numbers: Iterator[int] = field(default_factory=lambda: count(1_001))

    @classmethod
    def of(cls, tables: int, schemas: Iterable[str] = ("one", "two")) -> Stock:
        """So many tables and a view in each schema."""
        stock = cls(schemas=tuple(schemas))
        for schema in stock.schemas:
            for name in (*(f"t{at}" for at in range(tables)), VIEW):
                stock.create(schema, name)
        return stock

    def create(self, schema: str, name: str) -> None:
        """A table, as new."""
        number = next(self._numbers)
        self.living[schema, name] = Made(schema, name, number, _at(number))

    def drop(self, schema: str, name: str) -> None:
        """It is gone, and Account Usage knows of it unless it is late."""
        made = self.living.pop((schema, name))
        self.dropped.append(Made(schema, name, made.number, made.created, _at(next(self._numbers))))

    def rebuild(self, schema: str, name: str) -> None:
        """Dropped and made anew as it was."""
        self.drop(schema, name)
        self.create(schema, name)

    def hide(self, schema: str, *, whole: bool) -> None:
        """Rights on a schema's tables are lost; with `whole` the one on the schema too."""
        self.hidden.add(schema)
        if whole:
            self.unlisted.add(schema)

    def show(self) -> None:
        """All rights are back, and Account Usage is up to date."""
        self.hidden.clear()
        self.unlisted.clear()
        self.late = None

    def listed(self) -> list[str]:
        """Schemas that the role is shown."""
        return [schema for schema in self.schemas if schema not in self.unlisted]

    def shown(self, schema: str | None = None) -> list[Made]:
        """What the role is shown, of one schema or of all."""
        return [
            made
            for made in self.living.values()
            if made.schema not in self.hidden and schema in (None, made.schema) and made.schema not in self.unlisted
        ]

    def usage(self) -> list[Made]:
        """What Account Usage tells of, whoever may see it."""
        return [*self.living.values(), *self.dropped] if self.late is None else self.late


def _at(number: int) -> str:
    return (_BORN + dt.timedelta(seconds=number)).isoformat()


def _rows(template: dict[str, Any], rows: Iterable[dict[str, Any]]) -> Rows:
    """Rows with every column of the vendor's page; none that it does not have."""
    made = []
    for row in rows:
        assert row.keys() <= template.keys(), row.keys() - template.keys()
        made.append(template | row)
    return made


def _snowflake(name: str, rows: Iterable[dict[str, Any]]) -> Rows:
    return _rows(dict.fromkeys(recorded_snowflake(name)[0]), rows)


def _bigquery(name: str, rows: Iterable[dict[str, Any]]) -> Rows:
    return _rows(dict.fromkeys(recorded_bigquery(name)[0]), rows)


def snowflake_answers(stock: Stock) -> dict[str, SnowflakeAnswer | Callable[[str, list[str]], SnowflakeAnswer]]:
    """What `RecordedSnowflake` says of a stock in the database `SHOP`."""

    def of(text: str, values: list[str]) -> list[Made]:
        return stock.shown(values[0] if "TABLE_SCHEMA = ?" in text else None)

    def tables(text: str, values: list[str]) -> SnowflakeAnswer:
        flags = dict.fromkeys(
            ("IS_TRANSIENT", "IS_TEMPORARY", "IS_ICEBERG", "IS_DYNAMIC", "IS_IMMUTABLE", "IS_HYBRID"), "NO"
        )
        return _snowflake(
            "tables",
            (
                _key(made)
                | {"TABLE_TYPE": "VIEW" if made.name == VIEW else "BASE TABLE", "CREATED": made.created}
                | {"TABLE_OWNER": "LOADER", "LAST_ALTERED": made.created, "ROW_COUNT": 5, "BYTES": 1024}
                | flags
                for made in of(text, values)
            ),
        )

    def columns(text: str, values: list[str]) -> SnowflakeAnswer:
        return _snowflake(
            "columns",
            (
                _key(made)
                | {"COLUMN_NAME": name, "ORDINAL_POSITION": at, "COLUMN_DEFAULT": default, "IS_NULLABLE": "YES"}
                | {"DATA_TYPE": "TEXT", "CHARACTER_MAXIMUM_LENGTH": 20, "IS_IDENTITY": "NO"}
                for made in of(text, values)
                for at, (name, default) in enumerate(made.columns, 1)
            ),
        )

    def views(text: str, values: list[str]) -> SnowflakeAnswer:
        return _snowflake(
            "views",
            (
                _key(made)
                | {"VIEW_DEFINITION": "create view v as select id, c_1 from t1", "IS_SECURE": "NO", "CREATED": made.created}
                | {"TABLE_OWNER": "LOADER", "LAST_ALTERED": made.created}
                for made in of(text, values)
                if made.name == VIEW
            ),
        )

    def primary(text: str, _values: list[str]) -> SnowflakeAnswer:
        named = re.search(r'IN SCHEMA "\w+"\."(\w+)"', text)
        return _snowflake(
            "primary_keys",
            (
                {"SCHEMA_NAME": made.schema, "TABLE_NAME": made.name, "COLUMN_NAME": "id"}
                | {"KEY_SEQUENCE": 1, "CONSTRAINT_NAME": f"pk_{made.number}"}
                for made in stock.shown(named and named[1])
                if made.name != VIEW
            ),
        )

    def usage(_text: str, _values: list[str]) -> SnowflakeAnswer:
        return [
            {"TABLE_ID": made.number, "TABLE_SCHEMA": made.schema, "TABLE_NAME": made.name, "CREATED": made.created}
            | {"ALIVE": "NO" if made.deleted else "YES"}
            for made in stock.usage()
        ]

    def schemata(_text: str, _values: list[str]) -> SnowflakeAnswer:
        return _snowflake("schemata", ({"CATALOG_NAME": DATABASE, "SCHEMA_NAME": schema} for schema in stock.listed()))

    return {
        "SHOW DATABASES": _snowflake("databases", [{"NAME": DATABASE, "KIND": "STANDARD"}]),
        r"INFORMATION_SCHEMA\.SCHEMATA": schemata,
        r"INFORMATION_SCHEMA\.TABLES": tables,
        r"INFORMATION_SCHEMA\.COLUMNS": columns,
        r"INFORMATION_SCHEMA\.VIEWS": views,
        "SHOW PRIMARY KEYS": primary,
        r"ACCOUNT_USAGE\.TABLES": usage,
        r"ACCOUNT_USAGE\.SCHEMATA": lambda *_: [{"SCHEMA_NAME": schema, "ALIVE": "YES"} for schema in stock.schemas],
        "QUERY_HISTORY_BY_SESSION": [{"BYTES_SCANNED": 4096, "EXECUTION_TIME": 2500}],
    }


def _key(made: Made) -> dict[str, str]:
    return {"TABLE_SCHEMA": made.schema, "TABLE_NAME": made.name}


def bigquery_answers(stock: Stock) -> dict[str, BigQueryAnswer | Callable[[dict[str, Any]], BigQueryAnswer]]:
    """What `RecordedBigQuery` says of a stock in the project `acme-prod`."""

    def of(body: dict[str, Any]) -> list[Made]:
        parameters = body.get("queryParameters") or [{"parameterValue": {"value": None}}]
        return stock.shown(parameters[0]["parameterValue"]["value"])

    def answer(name: str, more: Callable[[Made], Iterable[dict[str, Any]]]) -> Callable[[dict[str, Any]], BigQueryAnswer]:
        def rows(body: dict[str, Any]) -> BigQueryAnswer:
            named = re.findall(rf"`{PROJECT}`\.`(?!region-)(\w+)`", body["query"])
            refused = [dataset for dataset in named if dataset in stock.unlisted or dataset not in stock.schemas]
            if refused:
                return 403, "accessDenied", f"Access Denied: Dataset {PROJECT}:{refused[0]}"
            found = [made for made in of(body) if not named or made.schema in named]
            keyed = ({"table_schema": made.schema, "table_name": made.name} | row for made in found for row in more(made))
            return _bigquery(name, keyed)

        return rows

    def tables(made: Made) -> Iterator[dict[str, Any]]:
        yield {"table_type": "VIEW" if made.name == VIEW else "BASE TABLE", "creation_time": made.created}

    def columns(made: Made) -> Iterator[dict[str, Any]]:
        for at, (name, default) in enumerate(made.columns, 1):
            row = {"column_name": name, "ordinal_position": at, "is_nullable": "YES", "data_type": "STRING"}
            yield row | {"column_default": default, "is_hidden": "NO", "is_partitioning_column": "NO"}

    def fields(made: Made) -> Iterator[dict[str, Any]]:
        for name, _ in made.columns:
            yield {"column_name": name, "field_path": name, "data_type": "STRING", "description": f"{name} of {made.name}"}

    def views(made: Made) -> Iterator[dict[str, Any]]:
        if made.name == VIEW:
            yield {"view_definition": "SELECT id, c_1 FROM t1"}

    def keys(made: Made) -> Iterator[dict[str, Any]]:
        if made.name != VIEW:
            yield {"constraint_name": f"{made.name}.pk$", "column_name": "id", "ordinal_position": 1}

    def storage(made: Made) -> Iterator[dict[str, Any]]:
        yield {"total_rows": 5, "total_logical_bytes": 1024, "storage_last_modified_time": made.created}

    def schemata(_body: dict[str, Any]) -> BigQueryAnswer:
        return _bigquery("schemata", ({"catalog_name": PROJECT, "schema_name": schema} for schema in stock.listed()))

    return {
        "SCHEMATA": schemata,
        r"\.TABLES\b": answer("tables", tables),
        r"\.COLUMNS\b": answer("columns", columns),
        "COLUMN_FIELD_PATHS": answer("fields", fields),
        "TABLE_OPTIONS": answer("options", lambda _: ()),
        r"\.VIEWS\b": answer("views", views),
        "TABLE_STORAGE": answer("storage", storage),
        "KEY_COLUMN_USAGE": answer("keys", keys),
        "CONSTRAINT_COLUMN_USAGE": answer("references", lambda _: ()),
    }
