"""Two Snowflakes to test against over TCP: fakesnow's server, and one that answers with recorded rows.

Used by `tests/integration/test_source_snowflake.py`; the connector that speaks with them is the real one.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import snowflake.connector

from tests.support.answering import AnsweringServer, Reply

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-snowflake" / "bin" / "fakesnow"
GOLDEN = ROOT / "tests" / "golden" / "snowflake"
_START_S = 60.0
_TIMES = re.compile(r"CREATED|CREATED_ON|DELETED|LAST_ALTERED|LAST_DDL")


class FakeSnow:
    """fakesnow's server on a free loopback port, from its own environment; everything in it is in memory."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the server ends
        command = [str(PROGRAM), "-s", "-p", str(self.port), "--host", "127.0.0.1"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._wait()

    @classmethod
    def missing(cls) -> str | None:
        """Why there can be no emulator here; None where there can be one."""
        return None if PROGRAM.exists() else "no fakesnow: tools/emulators.sh snowflake makes .venv-snowflake"

    def url(self, path: str = "", account: str = "Acme-Prod", **parameters: str) -> str:
        """The URL of a source; any user and password will do."""
        given = {"host": "127.0.0.1", "port": str(self.port), "protocol": "http", **parameters}
        return f"snowflake://reader:secret@{account}{path}?" + "&".join(f"{key}={value}" for key, value in given.items())

    def run(self, *statements: str) -> None:
        """Statements in order, as an administrator in a session of their own."""
        with snowflake.connector.connect(
            user="admin", password="x", account="x", host="127.0.0.1", port=self.port, protocol="http"
        ) as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def hang(self) -> None:
        """Stop the process where it is: connections stay open, and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End the server. Can be called again."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                urlopen(f"http://127.0.0.1:{self.port}/", timeout=1).close()
            except URLError as error:
                if getattr(error, "code", None) == 404:
                    return
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._log.seek(0)
                    raise RuntimeError(f"fakesnow did not start: {self._log.read()[-2000:]!r}") from error
                time.sleep(0.05)
            else:
                return


Answer = list[dict[str, Any]] | tuple[int, str, str] | None
"""Rows; or an error's number, SQLSTATE and words; or None, upon which the connection is cut in the middle."""


def recorded(name: str) -> list[dict[str, Any]]:
    """Rows of a file under `tests/golden/snowflake`, without its first line, which names the vendor's page."""
    head, *rows = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert head["page"].startswith("https://docs.snowflake.com/")
    columns = [column.upper() for column in head["columns"]]
    for row in rows:
        assert {key.upper() for key in row} <= set(columns), (name, row)
    return [dict.fromkeys(columns) | {key.upper(): value for key, value in row.items()} for row in rows]


class RecordedSnowflake(AnsweringServer):
    """A server that answers each statement with the rows of the first pattern that is found in it.

    Attributes:
        logins: the data of each login request.
        asked: statements and their bound values, in order.

    """

    def __init__(self, answers: dict[str, Answer | Callable[[str, list[str]], Answer]], login_error: str | None = None):
        self.answers, self.login_error = answers, login_error
        self.logins: list[dict[str, Any]] = []
        self.asked: list[tuple[str, list[str]]] = []
        super().__init__()

    url = FakeSnow.url

    def respond(self, path: str, body: dict[str, Any]) -> Reply:
        """The JSON of one answer, or a cut in the middle."""
        answer = self._said(path.partition("?")[0], body)
        return Reply(b'{"data": {"rowset": [[', missing=100) if answer is None else Reply.of(answer)

    def _said(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if path == "/session/v1/login-request":
            self.logins.append(body["data"])
            if self.login_error is not None:
                return {"data": {}, "code": "390100", "message": self.login_error, "success": False}
            data = {"token": "t", "masterToken": "m", "serverVersion": "9.0", "parameters": [], "sessionInfo": {}}
            return {"data": data, "success": True}
        if path != "/queries/v1/query-request":
            return {"data": None, "success": True}
        text = body["sqlText"]
        values = [binding["value"] for _, binding in sorted((body.get("bindings") or {}).items())]
        self.asked.append((text, values))
        for pattern, answer in self.answers.items():
            if re.search(pattern, text):
                return result_of(answer(text, values) if callable(answer) else answer)
        return result_of([])


def result_of(answer: Answer) -> dict[str, Any] | None:
    """What the server sends for an answer; None for a cut."""
    if answer is None:
        return None
    if isinstance(answer, tuple):
        number, state, words = answer
        code = f"{number:06d}"
        return {"data": {"errorCode": code, "sqlState": state}, "code": code, "message": words, "success": False}
    columns = list(answer[0]) if answer else ["NOTHING"]
    rowtype = [_described(column, [row[column] for row in answer]) for column in columns]
    rowset = [[_sent(row[column], rowtype[at]["type"]) for at, column in enumerate(columns)] for row in answer]
    data = {"rowtype": rowtype, "rowset": rowset, "total": len(rowset), "returned": len(rowset), "queryId": "q"}
    return {"data": data | {"queryResultFormat": "json", "parameters": [], "statementTypeId": 4096}, "success": True}


def _described(column: str, values: list[Any]) -> dict[str, Any]:
    numbers = any(isinstance(value, int) for value in values)
    kind = "timestamp_ltz" if _TIMES.fullmatch(column) else "fixed" if numbers else "text"
    return {
        "name": column,
        "type": kind,
        "nullable": True,
        "length": None,
        "scale": 9 if kind == "timestamp_ltz" else 0,
        "precision": 38,
    }


def _sent(value: Any, kind: str) -> str | None:
    if value is None:
        return None
    return f"{dt.datetime.fromisoformat(value).timestamp():.9f}" if kind == "timestamp_ltz" else str(value)
