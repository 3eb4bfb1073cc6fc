"""Readers of query logs: what the vendors' documented rows become, the ugly ones included. Rows are recorded shapes, no engine ran.

Each reader's file cites the page that documents its columns.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.common.errors import BadRequest
from services.common.model.usage import IntakeReport, LogLine
from services.indexer.logs.intake import take_in
from services.indexer.logs.line import Skipped, Why, time_of
from services.indexer.logs.open import open_log

UTC = ZoneInfo("UTC")
VIENNA = ZoneInfo("Europe/Vienna")


def read(
    folder: Path, content: str | bytes, name: str = "log", zone: ZoneInfo = UTC
) -> tuple[str, list[LogLine], Counter[Why]]:
    """The format that a file is taken for, its lines, and what was left out."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    log = open_log(path, zone)
    entries = list(log.entries)
    lines = [entry for entry in entries if isinstance(entry, LogLine)]
    return log.format, lines, Counter(entry.why for entry in entries if isinstance(entry, Skipped))


def jsonl(*rows: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


def as_csv(*rows: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def at(hour: int, minute: int = 0, second: int = 0) -> dt.datetime:
    return dt.datetime(2031, 5, 1, hour, minute, second, tzinfo=dt.UTC)


ONE = {
    "sql": "SELECT 1",
    "user": "ann",
    "at": "2031-05-01T09:00:00",
    "database": "shop",
    "tables": ["a.b", "c"],
    "target": "t",
}


def test_the_designs_lines_in_both_forms(tmp_path):
    """JSON Lines and CSV give the same; times without an offset are in the source's timezone; odd ones are none."""
    shape = {**ONE, "tables": "a.b;c"}
    for content in (jsonl(ONE, {**ONE, "at": "long ago"}), as_csv(shape, {**shape, "at": "long ago"})):
        name, (line, other), skipped = read(tmp_path, content, zone=VIENNA)
        assert (name, skipped) == ("query lines", Counter())
        assert (line.sql, line.user, line.database, line.tables, line.target) == (
            "SELECT 1",
            "ann",
            "shop",
            ("a.b", "c"),
            "t",
        )
        assert (line.at, other.at) == (at(7), None)


def test_lines_that_are_none_are_counted_with_their_place(tmp_path):
    """Not JSON, no object, no text: each by its number; what is around them is read."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"sql": "SELECT 1"}\nnot json\n[1]\n{"user": "x"}\n{"sql": ""}\n{"sql": 7}\n', encoding="utf-8")
    entries = list(open_log(path, UTC).entries)
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry.why for entry in entries if isinstance(entry, Skipped)] == [
        Why.NOT_READ, Why.NOT_READ, Why.NO_TEXT, Why.NO_TEXT,
    ]  # fmt: skip


def test_a_file_that_was_cut_is_read_as_far_as_it_goes(tmp_path):
    """Gzip that ends in the middle, and a last line that does."""
    packed = gzip.compress("".join(json.dumps({"sql": f"SELECT {n}", "x": n * "y"}) + "\n" for n in range(900)).encode())
    _, lines, skipped = read(tmp_path, packed[: len(packed) // 2], "log.jsonl.gz")
    assert len(lines) > 10
    assert skipped == Counter({Why.ENDS: 1})
    _, lines, skipped = read(tmp_path, '{"sql": "SELECT 1"}\n{"sql": "SEL')
    assert (len(lines), skipped) == (1, Counter({Why.ENDS: 1}))
    _, lines, skipped = read(tmp_path, 'sql,user,at\n"SELECT 1",ann,2031-05-01\n"SELECT 2')
    assert (len(lines), skipped) == (1, Counter({Why.ENDS: 1}))


@pytest.mark.parametrize("whole", ['{"sql": "SELECT 1"}\n{"sql": 1}\n', '{"sql": "SELECT 1"}\n{"sql": "SELECT 2"}'])
def test_a_last_line_that_is_whole_was_not_cut(tmp_path, whole):
    """One that has its end, and one that is a row without it."""
    assert Why.ENDS not in read(tmp_path, whole)[2]


def test_the_line_where_a_packed_text_log_breaks_off_is_no_statement(tmp_path):
    """Half a statement would be another one, and stay when the whole file is read."""
    text = "".join(
        f"2031-05-01 09:00:00 UTC [{n}] LOG:  duration: 1.0 ms  statement: SELECT {n} FROM t\n" for n in range(900)
    )
    packed = gzip.compress(text.encode())
    _, lines, skipped = read(tmp_path, packed[: len(packed) // 2], "pg.log.gz")
    assert len(lines) > 10
    assert skipped == Counter({Why.ENDS: 1})
    assert {line.sql.split()[-2:] == ["FROM", "t"] for line in lines} == {True}


def test_a_file_that_is_called_packed_and_is_not_is_refused(tmp_path):
    """Nothing of it can be read, so it is no empty log either; one that breaks off at once is broken, and not empty."""
    with pytest.raises(BadRequest, match="is no gzip file"):
        read(tmp_path, jsonl(ONE), "log.jsonl.gz")
    assert read(tmp_path, gzip.compress(jsonl(ONE).encode())[:20], "log.jsonl.gz") == (
        "a broken file",
        [],
        Counter({Why.ENDS: 1}),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_are_told_apart(tmp_path, encoding):
    """A mark says UTF-16; what is no UTF-8 is read byte for byte, and counted."""
    path = tmp_path / "log.jsonl"
    path.write_bytes('{"sql": "SELECT größe FROM t"}\n{"sql": "SELECT 2"}\n'.encode(encoding))
    log = open_log(path, UTC)
    assert [entry.sql for entry in log.entries] == ["SELECT größe FROM t", "SELECT 2"]
    assert log.found.recoded == (1 if encoding == "latin-1" else 0)


def test_a_statement_of_many_megabytes_is_a_line_like_others(tmp_path):
    """Up to 32 MB; the rest of a longer one is passed over, and the line after it is read."""
    five = json.dumps({"sql": "SELECT '" + "x" * 5_000_000 + "'"})
    huge = json.dumps({"sql": "x" * 34_000_000})
    _, lines, skipped = read(tmp_path, f'{five}\n{huge}\n{{"sql": "SELECT 2"}}\n')
    assert [len(line.sql) for line in lines] == [5_000_009, 8]
    assert skipped == Counter({Why.NOT_READ: 1})


def test_what_is_no_log_is_refused_with_what_to_do(tmp_path):
    """A picture, prose, a table of something else."""
    for content in (b"\x89PNG\r\n\x1a\n\x00\x00", b"dear diary\n", b"name,age\nann,7\n"):
        with pytest.raises(BadRequest, match="no query log that can be read"):
            read(tmp_path, content)
    with pytest.raises(BadRequest, match="cannot be read"):
        open_log(tmp_path / "absent", UTC)


def test_an_empty_file_is_an_empty_log(tmp_path):
    """No line, no error."""
    assert read(tmp_path, "") == ("an empty file", [], Counter())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2031-05-01 09:00:00.123 UTC", at(9).replace(microsecond=123_000)),
        ("2031-05-01T09:00:00Z", at(9)),
        ("2031-05-01 09:00:00+02", at(7)),
        ("2031-05-01 09:00:00.000 -0700", at(16)),
        (1935392400, at(9)),
        ("1935392400123", at(9).replace(microsecond=123_000)),
        (True, None),
        ("yesterday", None),
        (-5, None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_times_as_vendors_write_them(text, wanted):
    """ISO 8601, its relatives, and numbers since 1970; anything else is no time."""
    assert time_of(text, UTC) == wanted


SNOWFLAKE = {
    "QUERY_ID": "01b", "QUERY_TEXT": "select 1", "DATABASE_NAME": "SHOP", "SCHEMA_NAME": "PUBLIC", "QUERY_TYPE": "SELECT",
    "USER_NAME": "ANN", "EXECUTION_STATUS": "SUCCESS", "START_TIME": "2031-05-01 09:00:00.000 +0000", "TOTAL_ELAPSED_TIME": 42,
}  # fmt: skip


def test_snowflakes_history(tmp_path):
    """Hidden and failed texts are counted; CSV and JSON Lines are the same."""
    rows = [
        SNOWFLAKE,
        {**SNOWFLAKE, "QUERY_TEXT": "<redacted>"},
        {**SNOWFLAKE, "EXECUTION_STATUS": "FAIL"},
        {**SNOWFLAKE, "QUERY_TEXT": ""},
    ]
    for content in (jsonl(*rows), as_csv(*rows)):
        name, (line,), skipped = read(tmp_path, content)
        assert name == "Snowflake QUERY_HISTORY"
        assert (line.user, line.database, line.schema, line.at, line.duration_ms) == ("ANN", "SHOP", "PUBLIC", at(9), 42)
        assert skipped == Counter({Why.REDACTED: 1, Why.FAILED: 1, Why.NO_TEXT: 1})


BIGQUERY = {
    "job_id": "j", "project_id": "p", "user_email": "a@b.c", "query": "select 1", "statement_type": "SELECT", "state": "DONE",
    "error_result": None, "creation_time": "2031-05-01 09:00:00 UTC", "start_time": "2031-05-01 09:00:01 UTC",
    "end_time": "2031-05-01 09:00:03 UTC", "referenced_tables": [{"project_id": "p", "dataset_id": "d", "table_id": "t"}],
    "destination_table": {"project_id": "p", "dataset_id": "_anon", "table_id": "x"},
}  # fmt: skip


def test_bigquerys_jobs(tmp_path):
    """A script is its statements; errors are left out; where there is no text the job's own tables count."""
    rows = [
        BIGQUERY,
        {**BIGQUERY, "statement_type": "SCRIPT"},
        {**BIGQUERY, "error_result": {"reason": "invalidQuery"}},
        {**BIGQUERY, "query": None},
        {**BIGQUERY, "query": None, "referenced_tables": []},
    ]
    name, (line, bare), skipped = read(tmp_path, jsonl(*rows))
    assert name == "BigQuery INFORMATION_SCHEMA.JOBS"
    assert (line.user, line.database, line.at, line.duration_ms, line.tables) == ("a@b.c", "p", at(9, 0, 1), 2000, None)
    assert (bare.sql, bare.tables, bare.target) == ("", ("`p`.`d`.`t`",), None)
    assert skipped == Counter({Why.TWICE: 1, Why.FAILED: 1, Why.NO_TEXT: 1})


def test_redshifts_history_and_its_texts_in_pieces(tmp_path):
    """CHAR columns are padded, line ends are two characters, a text without its beginning is none."""
    whole = {
        "user_id": "7", "query_id": "1", "database_name": "dev   ", "query_type": "SELECT", "status": "success   ",
        "start_time": "2031-05-01 09:00:00.000001", "elapsed_time": "1500", "query_text": "select a\\nfrom t   ",
    }  # fmt: skip
    name, (line,), skipped = read(tmp_path, as_csv(whole, {**whole, "status": "failed"}))
    assert name == "Redshift SYS_QUERY_HISTORY"
    assert (line.sql, line.database, line.user, line.duration_ms) == ("select a\nfrom t", "dev", "7", 1.5)
    assert skipped == Counter({Why.FAILED: 1})
    pieces = [
        {"userid": "100", "xid": "1", "pid": "2", "query": "5", "sequence": "0", "text": "select a".ljust(198) + " "},
        {"userid": "100", "xid": "1", "pid": "2", "query": "5", "sequence": "1", "text": "from t"},
        {"userid": "100", "xid": "1", "pid": "2", "query": "6", "sequence": "1", "text": "lost"},
        {"userid": "100", "xid": "1", "pid": "2", "query": "7", "sequence": "0", "text": "select 2"},
    ]
    name, lines, skipped = read(tmp_path, as_csv(*pieces))
    assert name == "Redshift texts in pieces"
    assert [" ".join(line.sql.split()) for line in lines] == ["select a from t", "select 2"]
    assert skipped == Counter({Why.NOT_READ: 1})


def test_databricks_history(tmp_path):
    """Texts under a customer's own key are not shown."""
    row = {
        "statement_id": "s", "executed_by": "a@b.c", "statement_text": "select 1", "execution_status": "FINISHED",
        "start_time": "2031-05-01T09:00:00.000Z", "total_duration_ms": 12,
    }  # fmt: skip
    rows = [row, {**row, "execution_status": "CANCELED"}, {**row, "statement_text": None}]
    name, (line,), skipped = read(tmp_path, jsonl(*rows))
    assert (name, line.user, line.dialect, line.at) == ("Databricks system.query.history", "a@b.c", "databricks", at(9))
    assert skipped == Counter({Why.FAILED: 1, Why.REDACTED: 1})


def test_trinos_events(tmp_path):
    """Catalog and schema complete names; a failed query is none."""
    event = {
        "metadata": {"queryId": "q", "query": "select 1", "queryState": "FINISHED"},
        "context": {"user": "ann", "catalog": "hive", "schema": "web"},
        "createTime": "2031-05-01T09:00:00.000Z", "endTime": "2031-05-01T09:00:01.500Z",
    }  # fmt: skip
    failed = {**event, "metadata": {**event["metadata"], "queryState": "FAILED"}}
    name, (line,), skipped = read(tmp_path, jsonl(event, failed))
    assert (name, line.user, line.database, line.schema, line.duration_ms) == (
        "Trino query-completed events", "ann", "hive", "web", 1500,
    )  # fmt: skip
    assert skipped == Counter({Why.FAILED: 1})


def test_clickhouses_query_log(tmp_path):
    """Only a query that finished, and only as it was asked first; the type is a word or a number."""
    row = {
        "type": "QueryFinish", "query": "SELECT 1", "user": "default", "initial_user": "ann", "is_initial_query": 1,
        "current_database": "web", "query_start_time": "2031-05-01 09:00:00", "query_duration_ms": 3,
    }  # fmt: skip
    rows = [
        row, {**row, "type": 2}, {**row, "type": "QueryStart"}, {**row, "type": "ExceptionWhileProcessing"},
        {**row, "is_initial_query": 0},
    ]  # fmt: skip
    name, lines, skipped = read(tmp_path, jsonl(*rows), zone=VIENNA)
    assert (name, len(lines), lines[0].user, lines[0].at) == ("ClickHouse system.query_log", 2, "ann", at(7))
    assert skipped == Counter({Why.TWICE: 2, Why.FAILED: 1})


MARIADB = """/usr/sbin/mariadbd, Version: 10.11.19-MariaDB (Debian). started with:
Tcp port: 3306  Unix socket: /run/mysqld/mysqld.sock
Time\t\t    Id Command\tArgument
310501  9:00:00\t     5 Connect\tann@localhost on shop using Socket
\t\t     5 Query\tSELECT *
FROM orders

WHERE a = 'x'
310501  9:00:01\t     6 Connect\tbob@localhost on  using TCP/IP
\t\t     6 Init DB\tshop
\t\t     6 Prepare\tSELECT ?
\t\t     6 Execute\tSELECT 7
\t\t     5 Quit\t
2031-05-01T09:00:02.000000Z\t    7 Query\tSELECT 3
"""


def test_the_general_log_of_mariadb_and_mysql(tmp_path):
    """A text goes on over lines; user and database are the session's; what is prepared counts when it runs."""
    name, lines, skipped = read(tmp_path, "garbage\n" + MARIADB, zone=VIENNA)
    assert name == "MariaDB or MySQL general log"
    assert [(line.sql, line.user, line.database, line.at) for line in lines] == [
        ("SELECT *\nFROM orders\n\nWHERE a = 'x'", "ann", "shop", at(7)),
        ("SELECT 7", "bob", "shop", at(7, 0, 1)),
        ("SELECT 3", None, None, at(9, 0, 2)),
    ]
    assert skipped == Counter({Why.NOT_READ: 1})


SLOW = """/usr/sbin/mariadbd, Version: 10.11.19-MariaDB (Debian). started with:
Tcp port: 3306  Unix socket: /run/mysqld/mysqld.sock
Time\t\t    Id Command\tArgument
# Time: 310501  9:00:00
# User@Host: ann[ann] @ localhost []
# Thread_id: 5  Schema: shop  QC_hit: No
# Query_time: 0.250000  Lock_time: 0.000100  Rows_sent: 1  Rows_examined: 9
use shop;
SET timestamp=1935392400;
SELECT *
FROM orders;
# User@Host: bob[bob] @ localhost []
# Query_time: 1.0  Lock_time: 0  Rows_sent: 0  Rows_examined: 0
SET timestamp=1935392401;
# administrator command: Quit;
"""


def test_the_slow_log(tmp_path):
    """Times are the server's own seconds; commands that are no statements are left out."""
    name, (line,), _ = read(tmp_path, SLOW, zone=VIENNA)
    assert name == "MariaDB or MySQL slow log"
    assert (line.sql, line.user, line.database, line.at, line.duration_ms) == (
        "SELECT *\nFROM orders;",
        "ann",
        "shop",
        at(9),
        250,
    )


STDERR = """2031-05-01 09:00:00.000 UTC [7] ann@shop LOG:  statement: SELECT *
\tFROM orders
2031-05-01 09:00:01.000 UTC [7] ann@shop LOG:  execute <unnamed>: SELECT 2
2031-05-01 09:00:01.000 UTC [7] ann@shop DETAIL:  parameters: $1 = 'secret'
2031-05-01 09:00:02.000 UTC [8] bob@shop LOG:  statement: SELECT broken
2031-05-01 09:00:02.000 UTC [8] bob@shop ERROR:  column "broken" does not exist at character 8
2031-05-01 09:00:02.000 UTC [8] bob@shop STATEMENT:  SELECT broken
2031-05-01 09:00:03.000 UTC [9] bob@shop LOG:  duration: 12.5 ms  statement: SELECT 3
2031-05-01 09:00:04.000 UTC [9] bob@shop LOG:  duration: 1.5 ms  bind <unnamed>: SELECT 3
2031-05-01 09:00:05.000 UTC [1] LOG:  checkpoint starting: time
"""


def test_postgresqls_stderr_log(tmp_path):
    """Continued lines belong to their entry; a statement that an error follows failed; parameters are nobody's business."""
    name, lines, skipped = read(tmp_path, STDERR)
    assert name == "PostgreSQL log"
    told = {line.sql: (line.user, line.database, line.at, line.duration_ms) for line in lines}
    assert told == {
        "SELECT *\nFROM orders": ("ann", "shop", at(9), None),
        "SELECT 2": ("ann", "shop", at(9, 0, 1), None),
        "SELECT 3": ("bob", "shop", at(9, 0, 3), 12.5),
    }
    assert skipped == Counter({Why.FAILED: 1})


def test_postgresqls_csvlog(tmp_path):
    """The same from fields; an abbreviation of a zone is the source's timezone."""

    def row(second: int, session: str, level: str, message: str) -> list[str]:
        fields = [""] * 26
        fields[0], fields[1], fields[2], fields[5] = f"2031-05-01 09:00:0{second}.000 CEST", "ann", "shop", session
        fields[11], fields[13] = level, message
        return fields

    out = io.StringIO()
    csv.writer(out).writerows(
        [
            row(0, "a", "LOG", "statement: SELECT *\nFROM orders"),
            row(1, "b", "LOG", "statement: SELECT broken"),
            row(2, "b", "ERROR", "no such column"),
            row(3, "a", "LOG", "disconnection"),
            ["short"],
        ]
    )
    name, (line,), skipped = read(tmp_path, out.getvalue(), zone=VIENNA)
    assert (name, line.sql, line.at) == ("PostgreSQL csvlog", "SELECT *\nFROM orders", at(7))
    assert skipped == Counter({Why.FAILED: 1, Why.NOT_READ: 1})


def test_dbt_models_are_queries(tmp_path):
    """Each with its table and those that it depends on; an ephemeral one is no table; a model without SQL is counted."""

    def node(name: str, kind: str = "model", **more: Any) -> dict[str, Any]:
        return {"resource_type": kind, "database": "shop", "schema": "mart", "name": name, "alias": name, **more}

    manifest = {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "adapter_type": "postgres",
            "generated_at": "2031-05-01T09:00:00Z",
        },
        "nodes": {
            "model.p.a": node(
                "a", compiled_code="select 1 from raw.o", depends_on={"nodes": ["source.p.raw.o", "model.p.e"]}
            ),
            "model.p.e": node("e", compiled_code="select 2", config={"materialized": "ephemeral"}),
            "model.p.py": node("py", raw_code=""),
            "test.p.t": node("t", "test", compiled_code="select 3"),
        },
        "sources": {"source.p.raw.o": {**node("o", "source"), "schema": "raw", "identifier": "o"}},
    }
    packed = read(tmp_path, gzip.compress(json.dumps(manifest).encode()), "manifest.json.gz")
    assert read(tmp_path, json.dumps(manifest, indent=1)[:-20], "manifest.json") == (packed[0], [], Counter({Why.ENDS: 1}))
    name, lines, skipped = read(tmp_path, json.dumps(manifest), "manifest.json")
    assert (name, lines, skipped) == packed
    assert (name, skipped) == ("dbt manifest", Counter({Why.NO_TEXT: 1}))
    first = lines[0]
    assert (first.tables, first.target, first.dialect, first.at) == (
        ('"shop"."raw"."o"',), '"shop"."mart"."a"', "postgres", at(9),
    )  # fmt: skip
    assert [line.target for line in lines] == ['"shop"."mart"."a"', None]


class Facts:
    """Takes lines, and keeps them."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def put(self, lines: list[LogLine], *, source: str) -> IntakeReport:
        self.lines.extend(lines)
        return IntakeReport(lines=len(lines))


def test_lines_that_are_alike_are_numbered_and_users_are_kept_as_told(tmp_path):
    """Equal in time, user and text: the first, the second; a stand-in in the place of the name."""
    path = tmp_path / "log.jsonl"
    path.write_text(jsonl(ONE, ONE, {**ONE, "user": "bob"}, ONE), encoding="utf-8")
    facts = Facts()
    report = take_in("log", open_log(path, UTC), facts, source="", users=lambda name: f"<{name}>")  # type: ignore[arg-type]
    assert [(line.nth, line.user) for line in facts.lines] == [(0, "<ann>"), (1, "<ann>"), (0, "<bob>"), (2, "<ann>")]
    assert report.taken.lines == 4
