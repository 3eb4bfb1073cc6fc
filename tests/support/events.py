"""OpenLineage events to send: small ones in the spec's shape, and stores to send them to."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from services.common.model.access import FULL_SCOPE
from services.common.model.events import Delivery, Outcome
from services.common.model.names import Namespace, Namespaces
from services.common.runtime.db import Database
from services.lineage.events.intake import EventIntake
from services.lineage.sql.logged import LogStatement, Shape, Shaped, Usage
from services.lineage.sql.shape import read_shape
from services.lineage.sql.statement import Problem
from services.lineage.sql.usage import read_usage
from services.lineage.statements.jobs import JobSql
from services.lineage.store import event_tables, tables

WH = "postgres://db1:5432"
NAMESPACES = Namespaces(
    aliases={Namespace("postgres://replica:5432"): Namespace(WH)},
    sources={Namespace(WH): "wh", Namespace("duckdb:///srv/shop.duckdb"): "duck"},
)
PRODUCER = "https://github.com/headwater/tests"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
SQL_SCHEMA = "https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json"
_VARIES = frozenset({"seq", "arrived", "arrived_at"})
_KEYED = ("job", "run", "event_dataset", "node")
_STATE = (
    *(event_tables.job, event_tables.run, event_tables.run_dataset, event_tables.job_dataset, event_tables.job_column),
    event_tables.job_statement,
    *(event_tables.event_dataset, event_tables.symlink, tables.observed, tables.observed_column, tables.node),
)


def dataset(name: str, namespace: str = WH, **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "facets": facets}


def run_event(
    state: str,
    at: str,
    run: str = "one",
    job: str = "load",
    *,
    inputs: Iterable[Mapping[str, Any]] = (),
    outputs: Iterable[Mapping[str, Any]] = (),
    run_facets: Mapping[str, Any] | None = None,
    job_facets: Mapping[str, Any] | None = None,
    namespace: str = "airflow",
) -> dict[str, Any]:
    """An event of a run; `run` is a word, of which the run's id is made."""
    return {
        "eventType": state,
        "eventTime": at,
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": run_id(run), "facets": dict(run_facets or {})},
        "job": {"namespace": namespace, "name": job, "facets": dict(job_facets or {})},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def run_id(word: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, word))


def columns_from(source: str, *pairs: tuple[str, str], namespace: str = WH, subtype: str = "IDENTITY") -> dict[str, Any]:
    """A columnLineage facet: pairs of a source's column and the column that it gets into."""
    fields: dict[str, Any] = {}
    for column, into in pairs:
        one = {"namespace": namespace, "name": source, "field": column}
        one["transformations"] = [{"type": "DIRECT", "subtype": subtype}]  # type: ignore[assignment]
        fields.setdefault(into, {"inputFields": []})["inputFields"].append(one)
    return {"fields": fields}


def sql(text: str, **more: str) -> dict[str, Any]:
    """Facets of a job that runs this text."""
    return {"sql": {"_producer": PRODUCER, "_schemaURL": SQL_SCHEMA, "query": text, **more}}


class InlineReader:
    """Reads statements in this process."""

    def read_shapes(self, shapes: Sequence[Shape]) -> list[Shaped | Problem]:
        return [read_shape(shape) for shape in shapes]

    def read_usages(self, statements: Sequence[LogStatement]) -> list[Usage]:
        return [read_usage(statement) for statement in statements]


def with_sql(database: Database) -> tuple[EventIntake, JobSql]:
    """An intake whose events' SQL is read when `catch_up` is called."""
    job_sql = JobSql(database, InlineReader(), lambda: NAMESPACES, key=lambda: b"k" * 32)
    return EventIntake(database, lambda: NAMESPACES, sql=job_sql), job_sql


def symlink(name: str, namespace: str = WH, type_: str = "TABLE") -> dict[str, Any]:
    return {"identifiers": [{"namespace": namespace, "name": name, "type": type_}]}


def send(intake: EventIntake, *events: Mapping[str, Any]) -> list[Outcome]:
    """Each event alone."""
    return [intake.accept(Delivery(json.dumps(event), scope=FULL_SCOPE)).outcomes[0] for event in events]


def send_batch(intake: EventIntake, events: Sequence[Mapping[str, Any]]) -> tuple[Outcome, ...]:
    return intake.accept(Delivery(json.dumps(list(events)), batch=True, scope=FULL_SCOPE)).outcomes


def state(database: Database) -> dict[str, list[str]]:
    """Everything that events leave behind but when it arrived."""
    found = {}
    with database.read() as connection:
        for table in _STATE:
            names = [c for c in table.c if c.name not in _VARIES and (c.name != "id" or table.name in _KEYED)]
            found[table.name] = sorted(map(repr, connection.execute(select(*names)).all()))
    return found
