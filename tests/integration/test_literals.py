"""No literal of a statement stays anywhere: every literal position of every dialect, then a search of the home's bytes.

The home is searched while the databases are open (with their write-ahead logs) and after a server was killed.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlglot.dialects.dialect import Dialect

from tests.support.commands import Server, command, environment

TEXT = "kanari7f3q"
NUMBER = "4929111222333447"
HEX = TEXT.encode().hex()
DIALECTS = sorted(name for name in Dialect.classes if name != "dialect")
POSITIONS = [
    "SELECT a FROM t WHERE b = 'C'",
    "SELECT a FROM t WHERE b = 'it''s C'",
    r"SELECT a FROM t WHERE b = 'it\'s C here'",
    r"SELECT a FROM t WHERE b = E'it\'s C here' AND d = 2",
    'SELECT a FROM t WHERE b = "C"',
    'SELECT a FROM t WHERE b = "say ""C"""',
    "SELECT a FROM t WHERE b = $$C it's C$$",
    "SELECT a FROM t WHERE b = $tag$ C $tag$ AND d = 1",
    "SELECT a FROM t WHERE b = q'[C it's C]'",
    "SELECT a FROM t WHERE b = Q'!C!'",
    "SELECT a FROM t WHERE b = N'C' OR b = U&'C' OR b = _utf8'C'",
    "SELECT a FROM t WHERE b = r'C' OR b = R\"C\" OR b = b'C'",
    "SELECT a FROM t WHERE b = '''C''' OR b = \"\"\"C\"\"\"",
    "SELECT a FROM t WHERE b = xHEXX OR b = 0xHEX",
    "SELECT a FROM t WHERE b = x'HEX' OR b = X'HEX'",
    "SELECT a FROM t WHERE b = NUM AND d = -NUM AND e = NUM.5",
    "SELECT a /* C */ FROM t -- C\nWHERE b = 1",
    "SELECT a FROM t # C\nWHERE b = 1",
    "SELECT a FROM t // C\nWHERE b = 1",
    "SELECT a FROM t /* one /* C */ two C */ WHERE b = 1",
    "SELECT /*+ INDEX(C) */ a FROM t",
    "SELECT a FROM t WHERE d > DATE 'C' - INTERVAL 'C' DAY",
    "SELECT a -> 'C', a ->> 'C', a #>> '{C}', a['C'] FROM t",
    "SELECT JSON_VALUE(a, '$.C'), PARSE_JSON('{\"C\": \"C\"}') FROM t",
    "SELECT a FROM t WHERE b LIKE 'C%' ESCAPE '!' OR b IN ('C', 'x') OR b BETWEEN 'C' AND 'C'",
    "SELECT 'C', 'C' AS k, concat('C', a), CASE WHEN a = 'C' THEN 'C' ELSE b END FROM t LIMIT NUM",
    "CREATE TABLE z AS SELECT 'C', concat('C', a), NUM, a || \"C\" FROM t",
    "INSERT INTO z SELECT 'C', concat('C', a), a + NUM FROM t",
    "INSERT INTO z (p, q) VALUES ('C', NUM), ('C', 2)",
    "UPDATE z SET p = 'C' WHERE q = NUM",
    "MERGE INTO z USING t ON z.p = t.a AND t.b = 'C' WHEN MATCHED THEN UPDATE SET q = 'C'",
    "DELETE FROM z WHERE p = 'C'",
    "COPY z FROM 's3://C/x' CREDENTIALS 'aws_access_key_id=C;aws_secret_access_key=C'",
    "COPY INTO z FROM 's3://C/x' CREDENTIALS=(AWS_KEY_ID='C' AWS_SECRET_KEY='C')",
    "UNLOAD ('SELECT a FROM t WHERE b = ''C''') TO 's3://C/x' IAM_ROLE 'C'",
    "LOAD DATA INFILE 'C' INTO TABLE z FIELDS TERMINATED BY 'C'",
    "SELECT * FROM read_csv('C.csv') JOIN t ON true",
    "SELECT * FROM 'C.parquet'",
    "CREATE USER u IDENTIFIED BY 'C'",
    "ALTER ROLE u PASSWORD 'C'",
    "SET search_path = 'C'",
    "CALL p('C', NUM)",
    "EXECUTE IMMEDIATE 'SELECT a FROM t WHERE b = ''C'''",
    "DO $$ BEGIN PERFORM a FROM t WHERE b = 'C'; END $$",
    "COMMENT ON TABLE t IS 'C'",
    "CREATE TABLE z (p text DEFAULT 'C' COMMENT 'C' CHECK (p <> 'C')) COMMENT = 'C'",
    "CREATE FUNCTION f() RETURNS int AS $$ SELECT 'C' $$ LANGUAGE sql",
    "SELECT * FROM t PIVOT (max(a) FOR b IN ('C' AS one, 'x' AS two))",
    "SELECT a FROM t WHERE b = 'C' UNION ALL SELECT a FROM t WHERE b = 'C'; SELECT 'C'",
    "WITH k AS (SELECT 'C' AS v) SELECT t.a FROM t JOIN k ON k.v = t.b AND t.d = 'C'",
    "SELECT a FROM t WHERE b = 'C",
    "SELECT a FROM t WHERE b = 'C' AND (",
    "C' AND b = 1",
    "SELECT a FROM WHERE b = 'C' FROM FROM",
    "EXPLAIN SELECT a FROM t WHERE b = 'C'",
    "SELECT {'k': 'C'}, MAP {'C': 1}, ARRAY['C'], STRUCT('C' AS k) FROM t",
    "SELECT a FROM t WHERE MATCH (b) AGAINST ('C') OR REGEXP_LIKE(b, 'C') OR b ~ 'C' OR b RLIKE 'C'",
    "SELECT a FROM t AS OF TIMESTAMP 'C'",
    "SELECT STRING_AGG(a, 'C' ORDER BY b) FROM t GROUP BY 1 HAVING max(b) = 'C' ORDER BY b = 'C'",
    "SELECT a FROM s3('https://C/x.csv', 'C', 'C', 'CSV')",
    "SELECT GET_PATH(a, 'C'), a:\"C\"::text FROM t",
]
"""C is the text, NUM the number, HEX the text in hexadecimal digits."""


def lines() -> Iterator[dict[str, str]]:
    for dialect in (*DIALECTS, None):
        for position in POSITIONS:
            line = {"sql": with_canary(position), "user": "ann", "at": "2031-05-01T09:00:00Z"}
            yield line if dialect is None else {**line, "dialect": dialect}


def with_canary(position: str) -> str:
    """The position with the text wherever C stands alone, the number for NUM, the digits for HEX."""
    out, at = [], 0
    while at < len(position):
        if position.startswith("NUM", at):
            out.append(NUMBER)
            at += 3
        elif position.startswith("HEX", at):
            out.append(HEX)
            at += 3 + position.startswith("HEXX", at)
        elif position[at] == "C" and not _in_word(position, at):
            out.append(TEXT)
            at += 1
        else:
            out.append(position[at])
            at += 1
    return "".join(out)


def _in_word(text: str, at: int) -> bool:
    return text[at - 1 : at].isalnum() or text[at + 1 : at + 2].isalnum() or text[at + 1 : at + 2] == "_"


def found_in(folder: Path) -> list[str]:
    """Files of a folder, however named, that hold a canary in any case, as UTF-8 or UTF-16."""
    needles = [form for word in (TEXT, HEX, NUMBER) for form in (word.encode(), word.encode("utf-16-le"))]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}: {needle!r}" for path in files for needle in needles if needle in path.read_bytes().lower()]


def crawl(home: Path, *arguments: str | Path) -> str:
    """Everything that `headwater crawl` says, which must succeed; two thousand new statements take their time."""
    ran = subprocess.run(
        command(["crawl", *arguments]), env=environment(home), cwd=home.parent, capture_output=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return (ran.stdout + ran.stderr).decode()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home that has crawled `t` but not `z`, and read the log: through the command, as people do."""
    folder = tmp_path_factory.mktemp("literals")
    columns = [{"name": name} for name in ("a", "b", "d")]
    (folder / "w.jsonl").write_text(json.dumps({"database": "w", "name": "t", "columns": columns}), encoding="utf-8")
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines())), encoding="utf-8")
    said = crawl(folder / "home", f"metadata://{folder}/w.jsonl", "--query-log", folder / "log.jsonl", "--json")
    (folder / "said").write_text(said, encoding="utf-8")
    return folder / "home"


def test_every_position_is_one_where_a_literal_can_stand():
    """The search below would find nothing if nothing were hidden."""
    assert all(TEXT in with_canary(one) or HEX in with_canary(one) or NUMBER in with_canary(one) for one in POSITIONS)
    assert len(DIALECTS) > 25


def test_no_literal_is_in_the_home_or_in_what_was_said(home):
    """Databases, their logs, the index, the report and standard error."""
    assert found_in(home) == []
    said = (home.parent / "said").read_text(encoding="utf-8").lower()
    assert not any(word in said for word in (TEXT, HEX, NUMBER))


def test_no_literal_is_left_by_a_server_that_was_killed(home):
    """Nor in the write-ahead logs that it leaves while another process reads the same log again."""
    with Server(home=home) as server:
        server.ready()
        crawl(home, "--query-log", home.parent / "log.jsonl")
        server.stop(signal.SIGKILL)
    said = server.log.read_text(encoding="utf-8").lower()
    assert found_in(home) == []
    assert not any(word in said for word in (TEXT, HEX, NUMBER))


def test_what_is_no_literal_is_kept(home):
    """Tables and columns are, so that an empty store is not what makes the search find nothing."""
    database = (home / "lineage.db").read_bytes()
    assert b'"a", "select"' in database or b'"select"' in database
    assert database.count(b'["z", false]') > 10
