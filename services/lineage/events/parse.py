"""JSON to events: OpenLineage 2.0.2, read leniently where producers differ and refused with a place where it cannot be meant.

Journey 3, the first step. Pure; nothing is stored of what is refused.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from services.common.errors import BadRequest
from services.common.model.events import Delivery, RunState
from services.common.model.names import AssetId, DatasetName, Namespaces, from_openlineage
from services.common.model.platforms import Case
from services.lineage.events import facets
from services.lineage.events.event import Event, EventDataset
from services.lineage.events.masking import MAX_DEPTH, TooDeep, masked_event, sha256
from services.lineage.store.job_edges import MAX_PAIRS

MAX_NAME = 2_000
"""Characters of a namespace, a name or a run's id: paths in object stores reach 1,024."""
MAX_DATASETS = 1_000
"""Datasets of one event, inputs or outputs."""
MAX_AHEAD = dt.timedelta(hours=1)
"""How far in the future an event's time may be: more is no clock that is a little off, and would hide what comes until then."""
EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""Before this there were no pipelines that send events; such a time is a clock that was never set."""
_AS_SENT = Namespaces()
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class Refused(ValueError):
    """An event cannot be meant; `pointer` (RFC 6901) leads to the place."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer
        self.detail = detail


def read_delivery(delivery: Delivery) -> list[Any]:
    """The JSON values of a delivery, one an event.

    Raises:
        BadRequest: the text is no JSON, nested too deep for any reader, or a batch is no array; with the place.

    """
    try:
        value = json.loads(delivery.text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place: dict[str, str | int] = {"pointer": "", "start": error.pos, "end": error.pos + 1, "detail": error.msg}
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"the body is not JSON: {error.msg}, {where}", errors=(place,)) from None
    except RecursionError:
        at = _too_deep_at(delivery.text)
        detail = f"nested deeper than {MAX_DEPTH} levels"
        place = {"pointer": "", "start": at, "end": at + 1, "detail": detail}
        raise BadRequest(f"the body is {detail} at character {at}", errors=(place,)) from None
    except ValueError as error:  # NaN and Infinity, integers of thousands of digits
        detail = str(error)[:200]
        raise BadRequest(f"the body is not JSON: {detail}", errors=({"pointer": "", "detail": detail},)) from None
    if not delivery.batch:
        return [value]
    if not isinstance(value, list):
        detail = "a batch is an array of events"
        raise BadRequest(detail, errors=({"pointer": "", "detail": detail},))
    return value


def parse_event(raw: Any, now: dt.datetime) -> Event:
    """One event.

    Args:
        raw: its JSON value.
        now: our time, which bounds the event's.

    Raises:
        Refused: it is none, or says something that cannot be.

    """
    event = _object(raw, "")
    try:
        body = masked_event(event)
        digest = sha256(event)
    except TooDeep as error:
        raise Refused(error.pointer, str(error)) from None
    except RecursionError:
        raise Refused("", "is nested deeper than any reader goes") from None
    at = _time(event.get("eventTime"), "/eventTime", now)
    if "job" in event or "run" in event:
        return _of_job(body, digest, at, facets.sql(event))
    if "dataset" in event:
        dataset = _dataset(body["dataset"], "/dataset")
        return Event(digest, at, body, datasets=(dataset,))
    raise Refused("", "is none: an event has a run and a job, a job, or a dataset")


def _of_job(body: Mapping[str, Any], digest: str, at: dt.datetime, sql: tuple[str, str]) -> Event:
    if "job" not in body:
        raise Refused("/job", "is missing: a run belongs to a job")
    job = _object(body["job"], "/job")
    inputs, outputs = (_datasets(body, key) for key in ("inputs", "outputs"))
    if len(inputs) * len(outputs) > MAX_PAIRS:
        raise Refused(
            "/inputs", f"{len(inputs)} inputs and {len(outputs)} outputs are over {MAX_PAIRS} pairs; send them in parts"
        )
    run: Mapping[str, Any] = _object(body["run"], "/run") if "run" in body else {}
    return Event(
        sha256=digest,
        at=at,
        body=body,
        namespace=_text(job.get("namespace"), "/job/namespace"),
        name=_text(job.get("name"), "/job/name"),
        run=_text(run.get("runId"), "/run/runId") if "run" in body else "",
        state=_state(body.get("eventType")),
        inputs=inputs,
        outputs=outputs,
        job_facets=_facets(job, "/job"),
        run_facets=_facets(run, "/run"),
        sql=sql[0],
        dialect=sql[1],
    )


def _datasets(body: Mapping[str, Any], key: str) -> tuple[EventDataset, ...]:
    listed = body.get(key)
    if listed is None:
        return ()
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise Refused(f"/{key}", "is no array")
    if len(listed) > MAX_DATASETS:
        raise Refused(f"/{key}", f"has {len(listed)} datasets; {MAX_DATASETS} are the most")
    return tuple(_dataset(one, f"/{key}/{index}") for index, one in enumerate(listed))


def _dataset(raw: Any, pointer: str) -> EventDataset:
    dataset = _object(raw, pointer)
    name = _name(dataset, pointer)
    said = _facets(dataset, pointer)
    return EventDataset(_id(name), name, said, facets.symlinks(said, dataset_name), facets.column_reads(said, dataset_name))


def _name(dataset: Mapping[str, Any], pointer: str) -> DatasetName:
    namespace = _text(dataset.get("namespace"), f"{pointer}/namespace")
    name = _text(dataset.get("name"), f"{pointer}/name")
    try:
        return dataset_name(namespace, name)
    except ValueError as error:
        raise Refused(f"{pointer}/namespace", str(error)) from None


@lru_cache(maxsize=20_000)
def _id(name: DatasetName) -> AssetId:
    return name.id


@lru_cache(maxsize=20_000)
def dataset_name(namespace: str, name: str) -> DatasetName:
    """A dataset as it was sent, in the one spelling of its engine, so that it does not tell which event named it first.

    Raises:
        ValueError: the namespace cannot be split.

    """
    found = from_openlineage(namespace, name, among=_AS_SENT)
    if found.platform.case is Case.INSENSITIVE:
        return DatasetName(found.namespace, tuple(found.platform.lower(part) for part in found.parts))
    return found


def _facets(owner: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    found = owner.get("facets")
    if found is None:
        return {}
    for name, facet in _object(found, f"{pointer}/facets").items():
        if not isinstance(facet, dict):
            raise Refused(f"{pointer}/facets/{name[:100]}", "is no object")
    return dict(found)


def _object(raw: Any, pointer: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise Refused(pointer, "is no object")
    return raw


def _text(raw: Any, pointer: str) -> str:
    if raw is None:
        raise Refused(pointer, "is missing")
    if not isinstance(raw, str) or not raw.strip():
        raise Refused(pointer, "is no text, or empty")
    if len(raw) > MAX_NAME:
        raise Refused(pointer, f"has {len(raw)} characters; {MAX_NAME} are the most")
    if not facets.is_storable(raw):
        raise Refused(pointer, "holds a NUL or half a character, which no database takes")
    return raw


def _state(raw: Any) -> RunState:
    if raw is None:
        return RunState.OTHER
    try:
        return RunState(raw.upper() if isinstance(raw, str) else "")
    except ValueError:
        raise Refused("/eventType", f"is none of {', '.join(RunState)}") from None


def _time(raw: Any, pointer: str, now: dt.datetime) -> dt.datetime:
    text = _text(raw, pointer)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refused(pointer, "is no time such as 2026-01-31T09:00:00Z") from None
    at = facets.in_utc(found)
    if at is None or at < EARLIEST:
        raise Refused(pointer, f"is before {EARLIEST.date()}: a clock that was not set")
    if at > now + MAX_AHEAD:
        raise Refused(pointer, "is more than an hour in the future: check the clock or the offset of whoever sent it")
    return at


def _too_deep_at(text: str) -> int:
    """Where JSON text opens one level more than `MAX_DEPTH`."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > MAX_DEPTH:
            return found.start()
    return len(text)


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")
