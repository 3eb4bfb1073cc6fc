"""Which columns a statement of a log fills, as far as it names them, and by whatever way."""

from __future__ import annotations

import pytest

from services.lineage.sql.logged import LogStatement
from services.lineage.sql.usage import read_usage

MERGE = """
MERGE INTO s.t USING s.u ON t.id = u.id
WHEN MATCHED THEN UPDATE SET a = u.x
WHEN NOT MATCHED THEN INSERT (id, a) VALUES (u.id, u.x)
"""


@pytest.mark.parametrize(
    ("sql", "filled"),
    [
        ("INSERT INTO s.t (a, b) VALUES (1, 2)", {"a", "b"}),
        ("INSERT INTO s.t (a, b) SELECT x, 5 FROM s.u", {"a", "b"}),
        ("UPDATE s.t SET a = 1, b = c + 1 WHERE d = 2", {"a", "b"}),
        ("CREATE TABLE s.t AS SELECT x, y AS z FROM s.u", {"x", "z"}),
        (MERGE, {"id", "a"}),
        ("DELETE FROM s.t WHERE a = 1", set()),
        ("INSERT INTO s.t SELECT * FROM s.u", set()),
        ("SELECT a FROM s.t", set()),
    ],
)
def test_the_columns_that_a_statement_fills(sql, filled):
    usage = read_usage(LogStatement(sql, "snowflake" if sql == MERGE else "postgres"))
    written = {(usage.tables[place][-1].text, column) for place, column, how in usage.uses if how == "write"}
    assert written == {("t", column) for column in filled}


def test_columns_of_a_table_that_is_known_are_filled_in_their_order():
    usage = read_usage(LogStatement("INSERT INTO s.t SELECT x, 1 FROM s.u", "postgres", {"s.t": ["a", "b"]}))
    assert {column for _, column, how in usage.uses if how == "write"} == {"a", "b"}
