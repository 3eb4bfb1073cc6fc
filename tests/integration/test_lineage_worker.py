"""The worker process: limits that end it, a new one in its place, and the rest of the batch read all the same."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.errors import ServiceUnavailable
from services.lineage.sql.extract import read_script
from services.lineage.sql.frames import Limits
from services.lineage.sql.parse import read_tables
from services.lineage.sql.script import Script
from services.lineage.sql.statement import MAX_NESTING, Problem, Reading, Statement
from services.lineage.sql.worker import SqlParser

GOOD = Statement("SELECT * FROM sales.orders", "postgres")
LONG = Statement("SELECT " + ", ".join(f"c{number}" for number in range(50_000)) + " FROM t")


def names(reading: Reading) -> list[str]:
    return [".".join(part.text for part in ref) for ref in reading.reads]


@pytest.fixture
def parser() -> Iterator[SqlParser]:
    with SqlParser() as made:
        yield made


def test_a_batch_is_answered_in_order_with_what_reading_here_gives(parser):
    """Targets, quotes, problems and places cross the pipe unchanged; more statements than one frame holds."""
    some = [
        GOOD,
        Statement('CREATE VIEW a."B" AS SELECT * FROM "X".y', "postgres"),
        Statement("SELECT a FRM b c", "mysql"),
        Statement("", "duckdb"),
        Statement("SELECT '\udc80' FROM \u00e4.\u4e2d", "duckdb"),
    ]
    assert parser.read_many(some) == [read_tables(one) for one in some]
    many = [Statement(f"SELECT * FROM t{number}") for number in range(600)]
    assert [names(one) for one in parser.read_many(many)] == [[f"t{number}"] for number in range(600)]


def test_nothing_is_started_before_it_is_needed():
    """An unused parser costs nothing, a closed one starts again."""
    parser = SqlParser()
    assert parser.pid is None
    assert parser.read_many([]) == []
    assert parser.pid is None
    assert names(parser.read_many([GOOD])[0]) == ["sales.orders"]
    first = parser.pid
    parser.close()
    assert parser.pid is None
    parser.read_many([Statement("SELECT 1 FROM other")])
    assert parser.pid not in (None, first)
    parser.close()


def test_what_was_read_is_not_read_again(parser):
    """Equal text in an equal dialect is answered without a process; another dialect is another question."""
    text = "SELECT * FROM `T`"
    before = parser.read_many([Statement(text, "postgres"), Statement(text, "mysql"), Statement(text, "postgres")])
    assert before[0] == before[2] != before[1]
    parser.close()
    assert parser.read_many([Statement(text, "postgres")]) == before[:1]
    assert parser.pid is None


def test_fifty_thousand_brackets_and_ten_megabytes_are_refused_at_once(parser):
    """Neither ends the process nor takes long, and the statement beside them is read."""
    deep = Statement("SELECT " + "(" * 50_000 + "1" + ")" * 50_000)
    huge = Statement("SELECT '" + "x" * 10_000_000 + "' FROM t")
    parser.read_many([GOOD])
    pid = parser.pid
    found = parser.read_many([deep, huge, Statement("SELECT 1 FROM after")])
    assert [one.problem for one in found] == [Problem.TOO_NESTED, Problem.TOO_LARGE, None]
    assert parser.pid == pid


@pytest.mark.parametrize(
    "shape", ["({})", "(SELECT {})", "CASE WHEN a THEN {} END", "f({})", "[{}]", "x IN (SELECT a FROM t WHERE {})"]
)
def test_the_deepest_allowed_nesting_is_read(parser, shape):
    """The default stack ends at fifty levels; the worker's own does not."""
    text = "{}"
    for _ in range(MAX_NESTING - 1):
        text = text.format(shape)
    (found,) = parser.read_many([Statement("SELECT " + text.format("1") + " FROM t", "postgres")])
    assert found.problem is None or shape.startswith("x IN")  # a level of IN has two brackets
    if found.problem is None:
        assert "t" in names(found)


def test_chains_without_brackets_do_not_end_the_process(parser):
    """A chain of NOTs is stopped by the recursion limit; the process lives on and reads what comes after."""
    parser.read_many([GOOD])
    pid = parser.pid
    found = parser.read_many([Statement("SELECT " + "NOT " * 60_000 + "a"), Statement("SELECT 1 FROM after")])
    assert [one.problem for one in found] == [Problem.TOO_NESTED, None]
    assert parser.pid == pid


def test_a_statement_that_takes_too_long_is_given_up():
    """The process is replaced, and the rest of the batch is read by the new one."""
    with SqlParser(Limits(seconds=0.25)) as parser:
        parser.read_many([GOOD])
        pid = parser.pid
        found = parser.read_many([Statement("SELECT 1 FROM before"), LONG, Statement("SELECT 1 FROM after")])
        assert [one.problem for one in found] == [None, Problem.TIMEOUT, None]
        assert names(found[2]) == ["after"]
        assert parser.pid != pid


def test_what_depended_on_the_machine_is_tried_again():
    """A timeout is not remembered as the text's own problem."""
    with SqlParser(Limits(seconds=0.25)) as parser:
        assert parser.read_many([LONG])[0].problem is Problem.TIMEOUT
        parser._limits = Limits(seconds=60)
        parser.close()
        assert parser.read_many([LONG])[0].problem is None


def test_a_second_try_says_that_it_is_one_and_leaves_no_process():
    """What is asked for seldom does not hold memory all day."""
    with SqlParser(Limits(seconds=0.25), again=True) as parser:
        found = parser.read_many([GOOD, LONG])
        assert [one.problem for one in found] == [None, Problem.TIMEOUT_AGAIN]
        assert parser.pid is None


def test_a_statement_that_takes_too_much_memory_ends_only_its_process():
    """The limit is the process's address space; what it read before and after is answered."""
    with SqlParser(Limits(seconds=60, memory_bytes=110 << 20)) as parser:
        found = parser.read_many([GOOD, LONG, Statement("SELECT 1 FROM after")])
    assert [one.problem for one in found] == [None, Problem.MEMORY, None]


def test_a_killed_worker_is_replaced():
    """Whoever kills it, idle or at work, costs nothing but time."""
    with SqlParser(Limits(seconds=60)) as parser:
        parser.read_many([GOOD])
        os.kill(parser.pid, signal.SIGKILL)
        assert names(parser.read_many([Statement("SELECT 1 FROM idle")])[0]) == ["idle"]
        killer = threading.Timer(0.3, os.kill, (parser.pid, signal.SIGKILL))
        killer.start()
        found = parser.read_many([LONG, Statement("SELECT 1 FROM after")])
        killer.join()
        assert [one.problem for one in found] == [None, None]


def test_a_statement_whose_worker_dies_twice_is_given_up():
    """It is the one that is suspected; the statements before and after it are read."""
    with SqlParser(Limits(seconds=60)) as parser:
        parser.read_many([GOOD])
        killed: set[int] = set()
        done = threading.Event()

        def kill_each() -> None:
            while len(killed) < 2 and not done.wait(0.02):
                pid = parser.pid
                if pid is not None and pid not in killed and not done.wait(0.4):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)

        killer = threading.Thread(target=kill_each)
        killer.start()
        found = parser.read_many([Statement("SELECT 1 FROM before"), LONG, Statement("SELECT 1 FROM after")])
        done.set()
        killer.join()
        assert [one.problem for one in found] == [None, Problem.CRASHED, None]


def test_a_worker_that_cannot_start_is_an_error():
    """Not an unread definition: nothing is wrong with the SQL."""
    with SqlParser(Limits(memory_bytes=1 << 20)) as parser, pytest.raises(ServiceUnavailable):
        parser.read_many([GOOD])


def test_the_worker_ends_with_its_parser():
    """Closing leaves no process behind."""
    parser = SqlParser()
    parser.read_many([GOOD])
    pid = parser.pid
    parser.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_worker_is_told_no_secrets(parser, monkeypatch):
    """Its environment holds what Python needs, not what the service was configured with."""
    monkeypatch.setenv("HEADWATER_INTERNAL_KEY", "an internal key of ours")
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "hunter2")
    parser.read_many([GOOD])
    told = Path(f"/proc/{parser.pid}/environ")
    if not told.exists():
        pytest.skip("no /proc here")
    assert b"internal key" not in told.read_bytes()
    assert b"hunter2" not in told.read_bytes()


def test_threads_share_one_worker(parser):
    """Calls from several threads are answered each with their own."""
    answers: dict[int, list[str]] = {}

    def ask(number: int) -> None:
        answers[number] = names(parser.read_many([Statement(f"SELECT 1 FROM t{number}")])[0])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: [f"t{number}"] for number in range(8)}


def test_lineage_of_texts_crosses_the_pipe_unchanged(parser):
    """Edges, kinds, errors and nulls; one that breaks a limit is one statement with its reason; both questions share a process."""
    some = [
        Script("INSERT INTO t (a) SELECT max(x) FROM s, u WHERE y = 1; SELEC", "mysql", {"s": ["x"]}),
        Script("CREATE TABLE t AS SELECT * FROM s", "postgres", {"db.sch.s": ["a", "b"]}, "db", "sch"),
    ]
    assert parser.read_scripts(some) == [read_script(one) for one in some]
    large = Script("SELECT '" + "x" * 2_000_000 + "'")
    (found,) = parser.read_scripts([large])
    assert [(one.type, one.error) for one in found.statements] == [("UNPARSED", "it is longer than 1 MB")]
    pid = parser.pid
    assert names(parser.read_many([GOOD])[0]) == ["sales.orders"]
    assert parser.pid == pid
