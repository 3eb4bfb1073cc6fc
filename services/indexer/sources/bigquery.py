"""BigQuery: a fixed number of statements a region on its INFORMATION_SCHEMA, through the vendor's client over REST.

Journey 1, step 1. The only module that imports the BigQuery client. No row of a user's table is ever read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY

from services.common.errors import SourceFailed
from services.common.model.assets import Container, ContainerRead, ContainersListed
from services.common.model.crawls import SourceInfo
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources import bigquery_rows as sql
from services.indexer.sources.bigquery_rows import Row, TableKey
from services.indexer.sources.bigquery_url import credentials_of, location_of
from services.indexer.sources.source import Item, MissingGrant, Selection, Source, moved, one_line, told_moved

MAX_BYTES_BILLED = 10 * 2**30
"""A statement that would be billed for more is refused by the server; INFORMATION_SCHEMA costs 10 MB at the least."""
_DATASETS_AT_ONCE = 100  # keys are asked of each dataset, many in one statement
_LONGEST_LABEL = 63
_SEES_TABLES = ("bigquery.tables.get", "bigquery.tables.list")
_SEES_DATASETS = ("bigquery.datasets.get",)
_RUNS = ("bigquery.jobs.create",)
_PROJECTS = "https://cloudresourcemanager.googleapis.com"
# the server's reasons ("Error messages"): the answer of one statement is too large
_TOO_MUCH = frozenset({"responseTooLarge", "resourcesExceeded"})
_HALF_ANSWERS = (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


class _HalfAnswerError(GoogleAPIError):
    """The client met something that is no answer."""


class _BoundedSession(AuthorizedSession):
    """Ends the waiting for a server that says nothing any more.

    The client waits a minute for each page but the first, and asks for ten minutes again and again (3.47).
    """

    def __init__(self, credentials: Credentials, seconds: float) -> None:
        super().__init__(credentials, refresh_timeout=seconds)  # type: ignore[no-untyped-call] # google-auth's own
        self._seconds = seconds
        self._heard = time.monotonic()
        self.configure_mtls_channel()  # type: ignore[no-untyped-call] # as the client does with a session of its own

    def request(self, *positional: Any, **named: Any) -> requests.Response:
        """As the base does; without a byte, or without an answer that is one, for at most the source's timeout.

        Raises:
            _HalfAnswerError: it has been too long; the client does not try again then.

        """
        if time.monotonic() - self._heard > self._seconds:
            raise _HalfAnswerError(f"no whole answer within {self._seconds:g} s")
        named["timeout"] = self._seconds
        answer: requests.Response = super().request(*positional, **named)  # type: ignore[no-untyped-call] # google-auth's own
        if answer.ok:
            self.listen()
        return answer

    def listen(self) -> None:
        """From now on the server has its time again."""
        self._heard = time.monotonic()


@dataclass(slots=True)
class _Session:
    """A client that notes what it is sent and what that costs."""

    client: bigquery.Client
    http: _BoundedSession
    settings: SourceSettings
    sent: list[str]
    costs: dict[str, float]

    def rows(self, text: str, region: str, dataset: str | None = None) -> list[Row]:
        """The whole answer, all pages of it."""
        self.sent.append(text)
        values = [] if dataset is None else [bigquery.ScalarQueryParameter("dataset", "STRING", dataset)]
        label = re.sub(r"[^a-z0-9_\-]", "_", self.settings.query_tag.lower())[:_LONGEST_LABEL]
        config = bigquery.QueryJobConfig(
            labels={"headwater": label}, maximum_bytes_billed=MAX_BYTES_BILLED, query_parameters=values
        )
        seconds = self.settings.timeout_s
        self.http.listen()
        try:
            answer = self.client.query_and_wait(
                text,
                job_config=config,
                location=region,
                api_timeout=seconds,
                wait_timeout=seconds,
                retry=DEFAULT_RETRY.with_timeout(seconds),
                job_retry=DEFAULT_JOB_RETRY.with_timeout(seconds),
            )
            rows: list[Row] = [{name.lower(): value for name, value in row.items()} for row in answer]
            if answer.total_rows is not None and answer.total_rows != len(rows):
                raise _HalfAnswerError(
                    f"half an answer: {len(rows)} of {answer.total_rows} rows"
                )  # the client does not count
        except _HALF_ANSWERS as error:
            raise _HalfAnswerError(f"half an answer: {type(error).__name__} {error}") from None
        self.costs["bytes"] = self.costs.get("bytes", 0.0) + float(answer.total_bytes_processed or 0)
        self.costs["warehouse_seconds"] = self.costs.get("warehouse_seconds", 0.0) + float(answer.slot_millis or 0) / 1000
        return rows


@dataclass(slots=True)
class _Region:
    """What a region holds: its datasets, rows by statement, datasets of which something could not be read, and what `moved`."""

    name: str
    datasets: list[str]
    rows: dict[str, list[Row]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    moved: set[TableKey] = field(default_factory=set)


class BigQuerySource(Source):
    """The datasets of a project in some regions, or one of them; a container is a dataset, parts are project, dataset, table.

    Ten statements a region; a dataset more in a hundred costs two more, and where an answer is too large it is asked for
    dataset by dataset.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        self._settings = settings
        self._selection = Selection.of(settings)
        self._location = location_of(settings.url)
        self._sent: list[str] = []
        self._costs: dict[str, float] = {}

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def sent(self) -> Sequence[str]:
        return tuple(self._sent)

    @property
    def costs(self) -> Mapping[str, float]:
        """`bytes` processed, and the seconds of slots as `warehouse_seconds`."""
        return dict(self._costs)

    def expected(self) -> int | None:
        return None

    def read(self) -> Iterator[Item]:
        """Region by region and dataset by dataset, in the order of their names."""
        with self._session() as session:
            held = self._held()
            names: list[str] = []
            whole = True
            for region in self._location.regions:
                try:
                    contents = self._region(session, region)
                except GoogleAPICallError as error:
                    if len(self._location.regions) == 1:
                        raise
                    whole = False
                    failure = f"region {region}: {one_line(error)}"
                    yield ContainerRead(self._container(), complete=False, failure=failure)
                    continue
                names += contents.datasets
                held = _both(held, self._held())  # lost in between, they would make what is hidden look dropped
                yield from self._tables(contents, held)
            if whole and self._location.dataset is None:
                regions = [f"region {region}" for region in self._location.regions]
                yield ContainersListed(self._container(), (*self._lines("dataset", names, held, _SEES_DATASETS), *regions))

    def close(self) -> None:
        """Nothing to let go of: a client lives only as long as `read` does."""

    def grants(self) -> str:
        project = self._location.project
        member = "serviceAccount:headwater-reader@" + project + ".iam.gserviceaccount.com"
        return (
            "# on the project, not on datasets: only then does a table that is not shown count as gone\n"
            f"gcloud iam service-accounts create headwater-reader --project={project}\n"
            + "".join(
                f"gcloud projects add-iam-policy-binding {project} --member={member} --role={role}\n"
                for role in ("roles/bigquery.metadataViewer", "roles/bigquery.jobUser")
            )
        )

    def missing(self) -> Iterator[MissingGrant]:
        held = self._held()
        if held is None:
            yield MissingGrant(
                "resourcemanager: projects.testIamPermissions", "what the role may do is not known: nothing counts as gone"
            )
        losses = {
            _RUNS: "everything: no statement can be sent",
            _SEES_TABLES: "tables of datasets that the role was not given; what is not shown stays `unseen`",
            _SEES_DATASETS: "datasets that the role was not given; what is not shown stays `unseen`",
        }
        for permissions, lost in losses.items():
            for permission in permissions:
                if held is not None and permission not in held:
                    yield MissingGrant(f"{permission} on project {self._location.project}", lost)

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        credentials = credentials_of(self._settings, self._location)
        options = {"api_endpoint": self._location.endpoint} if self._location.endpoint else None
        http = _BoundedSession(credentials, self._settings.timeout_s)
        try:
            with closing(
                bigquery.Client(project=self._location.project, credentials=credentials, client_options=options, _http=http)
            ) as client:
                yield _Session(client, http, self._settings, self._sent, self._costs)
        except (GoogleAPIError, GoogleAuthError) as error:
            where = f"BigQuery project {self._location.project}"
            raise SourceFailed(f"{self._info.name}: {where} failed: {one_line(error)}") from None

    def _held(self) -> frozenset[str] | None:
        """Which of the permissions the role has on the whole project; None where that cannot be known."""
        credentials: Credentials = credentials_of(self._settings, self._location)
        base = self._location.endpoint if self._location.local else _PROJECTS
        asked = [*_SEES_TABLES, *_SEES_DATASETS, *_RUNS]
        try:
            with AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call] # google-auth's own
                answer = session.post(
                    f"{base}/v1/projects/{self._location.project}:testIamPermissions",
                    json={"permissions": asked},
                    timeout=self._settings.timeout_s,
                )
                answer.raise_for_status()
                return frozenset(answer.json().get("permissions", ())) & set(asked)
        except (requests.RequestException, GoogleAuthError, *_HALF_ANSWERS):
            return None

    def _region(self, session: _Session, region: str) -> _Region:
        project, dataset = self._location.project, self._location.dataset
        of_region = f"`{project}`.`region-{region}`"
        of_scope = of_region if dataset is None else f"`{project}`.`{dataset}`"
        if dataset is None:
            datasets = sorted(row["schema_name"] for row in session.rows(sql.SCHEMATA.format(scope=of_scope), region))
        else:
            datasets = [dataset]
        contents = _Region(region, datasets)
        for name in ("TABLES", "COLUMNS", "FIELDS", "OPTIONS", "VIEWS"):
            text: str = getattr(sql, name).format(scope=of_scope)
            contents.rows[name] = self._selected(session, text, contents)
        storage = sql.STORAGE.format(region=of_region)
        contents.rows["STORAGE"] = self._selected(session, storage, contents, ask_each=dataset is not None)
        for name in ("KEYS", "REFERENCES"):
            contents.rows[name] = []
            for at in range(0, len(datasets), _DATASETS_AT_ONCE):
                some = datasets[at : at + _DATASETS_AT_ONCE]
                one = getattr(sql, name)
                text = "\nUNION ALL\n".join(one.format(scope=f"`{project}`.`{each}`") for each in some)
                contents.rows[name] += session.rows(text, region)
        again = self._selected(session, sql.AGAIN.format(scope=of_scope), contents)
        contents.moved = moved(sql.times_from(contents.rows["TABLES"]), sql.times_from(again))
        return contents

    def _selected(self, session: _Session, text: str, contents: _Region, *, ask_each: bool = False) -> list[Row]:
        """A view: at once, or dataset by dataset where the server says that the answer is too large."""
        if not ask_each:
            try:
                return session.rows(text, contents.name)
            except GoogleAPICallError as error:
                if not any(item.get("reason") in _TOO_MUCH for item in error.errors):
                    raise
        rows: list[Row] = []
        for dataset in contents.datasets:
            try:
                rows += session.rows(f"{text} AND table_schema = @dataset", contents.name, dataset)
            except GoogleAPICallError as error:
                contents.unread.setdefault(dataset, one_line(error))
        return rows

    def _tables(self, contents: _Region, held: frozenset[str] | None) -> Iterator[Item]:
        """A dataset of which something could not be read yields no table: columns that are missing would look dropped."""
        facts = sql.facts_from(self._location.project, contents.rows)
        by_dataset: dict[str, list[Row]] = {}
        for row in contents.rows["TABLES"]:
            by_dataset.setdefault(row["table_schema"], []).append(row)
        for dataset in contents.datasets:
            failure = contents.unread.get(dataset)
            if failure is not None:
                reason = f"dataset {dataset}: {failure}"
                yield ContainerRead(self._container(dataset), complete=False, failure=reason)
                continue
            rows = (row for row in by_dataset.get(dataset, ()) if (dataset, row["table_name"]) not in contents.moved)
            tables = sql.folded(sql.found_from(row, facts, self._info.namespace) for row in rows)
            yield from (table for table in tables if self._selection.permits(table.name.parts))
            changed = (name for home, name in contents.moved if home == dataset and self._permits(dataset, name))
            if (what := told_moved(changed)) is not None:
                yield ContainerRead(self._container(dataset), complete=False, failure=f"dataset {dataset}: {what}")
                continue
            names = [table.name.parts[-1] for table in tables]
            grants = self._lines("table", names, held, _SEES_TABLES)
            yield ContainerRead(self._container(dataset), complete=True, grants=grants)

    def _permits(self, dataset: str, name: str) -> bool:
        return self._selection.permits((self._location.project, dataset, name))

    def _lines(self, kind: str, shown: Iterable[str], held: frozenset[str] | None, needed: Sequence[str]) -> tuple[str, ...]:
        """What the role may do. Held on the project, a permission covers all that is in it; else each thing is a line."""
        if held is not None and held.issuperset(needed):
            return tuple(f"project {self._location.project}: {permission}" for permission in needed)
        return tuple(sorted(f"{kind} {name}" for name in shown))

    def _container(self, *parts: str) -> Container:
        return Container(self._info.namespace, (self._location.project, *parts))


def _both(before: frozenset[str] | None, after: frozenset[str] | None) -> frozenset[str] | None:
    return None if before is None or after is None else before & after
