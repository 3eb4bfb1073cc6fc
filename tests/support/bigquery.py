"""A BigQuery to test against over TCP: it answers `jobs.query` and its pages with recorded rows; the client is the real one.

Used by `tests/integration/test_source_bigquery.py`. JSON: Google's reference of the REST API, `jobs.query`,
`jobs.getQueryResults`, and Resource Manager's `projects.testIamPermissions`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.answering import AnsweringServer, Reply

GOLDEN = Path(__file__).parents[1] / "golden" / "bigquery"
_TIMES = re.compile(r"creation_time|snapshot_time_ms|storage_last_modified_time")
Answer = list[dict[str, Any]] | tuple[int, str, str] | None
"""Rows; or an HTTP status, a reason and words; or None, upon which the connection is cut in the middle."""


def recorded(name: str) -> list[dict[str, Any]]:
    """Rows of a file under `tests/golden/bigquery`, without its first line, which names the vendor's page."""
    head, *rows = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert head["page"].startswith("https://cloud.google.com/bigquery/docs/")
    for row in rows:
        assert set(row) <= set(head["columns"]), (name, row)
    return [dict.fromkeys(head["columns"]) | row for row in rows]


class RecordedBigQuery(AnsweringServer):
    """A server that answers each statement with the rows of the first pattern that is found in it, some rows a page.

    Attributes:
        held: the permissions on the project; None answers that this cannot be asked.
        asked: the bodies of the statements, in order.
        pages: how many further pages were fetched.

    """

    def __init__(
        self,
        answers: dict[str, Answer | Callable[[dict[str, Any]], Answer]],
        held: list[str] | None = None,
        page_rows: int = 2,
    ) -> None:
        self.answers, self.held, self.page_rows = answers, held, page_rows
        self.asked: list[dict[str, Any]] = []
        self.pages = 0
        self._jobs: dict[str, list[dict[str, Any]]] = {}
        super().__init__()

    def url(self, path: str = "", *regions: str) -> str:
        """The URL of a source in the project `acme-prod`, in `eu` unless regions are named."""
        wanted = "".join(f"&region={region}" for region in regions or ("eu",))
        return f"bigquery://acme-prod{path}?endpoint=http://127.0.0.1:{self.port}{wanted}"

    def respond(self, path: str, body: dict[str, Any]) -> Reply:
        """Status and JSON of one answer, or a cut in the middle."""
        parts = urlsplit(path)
        if parts.path.endswith(":testIamPermissions"):
            if self.held is None:
                return problem_of(403, "forbidden", "Cloud Resource Manager API is disabled")
            return Reply.of({"permissions": [each for each in body["permissions"] if each in self.held]})
        job = parts.path.removesuffix("/cancel").rpartition("/")[2]
        if "query" in body:
            return self._asked(body)
        if job not in self._jobs:
            return problem_of(404, "notFound", f"Not found: {parts.path}")
        if parts.path.endswith("/cancel"):
            return Reply.of({"kind": "bigquery#jobCancelResponse"})
        return Reply.of(self._followed(parts.path, parse_qs(parts.query)))

    def _asked(self, body: dict[str, Any]) -> Reply:
        self.asked.append(body)
        answer = next((each for pattern, each in self.answers.items() if re.search(pattern, body["query"])), ())
        rows = answer(body) if callable(answer) else answer
        if isinstance(rows, tuple):
            return problem_of(*(rows or (400, "invalidQuery", f"nothing is recorded for {body['query']}")))
        if rows is None:
            return Reply(b'{"rows": [[', missing=100)
        job = f"job{len(self._jobs)}"
        self._jobs[job] = rows
        return Reply.of(self._page(job, 0))

    def _followed(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """What is asked of a statement that has run: the job, or one of its pages."""
        job = path.rpartition("/")[2]
        if "/jobs/" in path:
            table = {"projectId": "acme-prod", "datasetId": "_hidden", "tableId": job}
            return {
                "jobReference": self._page(job, 0)["jobReference"],
                "status": {"state": "DONE"},
                "configuration": {"query": {"query": "", "destinationTable": table}},
                "statistics": {"totalSlotMs": "500", "query": {"totalBytesProcessed": "1000", "totalSlotMs": "500"}},
            }
        self.pages += "pageToken" in query
        return self._page(job, int(query.get("pageToken", ["0"])[0]))

    def _page(self, job: str, start: int) -> dict[str, Any]:
        rows = self._jobs[job]
        columns = list(rows[0]) if rows else ["nothing"]
        kinds = [_kind(column, [row[column] for row in rows]) for column in columns] if rows else ["STRING"]
        end = start + self.page_rows
        page: dict[str, Any] = {
            "kind": "bigquery#queryResponse",
            "jobReference": {"projectId": "acme-prod", "jobId": job, "location": "eu"},
            "jobComplete": True,
            "schema": {
                "fields": [
                    {"name": name, "type": kind, "mode": "NULLABLE"} for name, kind in zip(columns, kinds, strict=True)
                ]
            },
            "totalRows": str(len(rows)),
            "totalBytesProcessed": "1000",
            "totalSlotMs": "500",
            "rows": [{"f": [{"v": _sent(row[name])} for name in columns]} for row in rows[start:end]],
        }
        return page | ({"pageToken": str(end)} if end < len(rows) else {})


def problem_of(status: int, reason: str, words: str) -> Reply:
    """What the server sends where it refuses: an HTTP status, a reason and words."""
    return Reply.of({"error": {"code": status, "message": words, "errors": [{"reason": reason, "message": words}]}}, status)


def _kind(column: str, values: list[Any]) -> str:
    if _TIMES.fullmatch(column):
        return "TIMESTAMP"
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "BOOLEAN"
    return "INTEGER" if known and all(isinstance(value, int) for value in known) else "STRING"


def _sent(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\S+", value):
        return str(int(dt.datetime.fromisoformat(value).timestamp() * 1_000_000))
    return str(value)
