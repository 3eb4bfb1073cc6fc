"""Log lines: one an event, JSON that a collector can read, and nothing that an input could forge."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.common.runtime import logs

FORGED = 'x\n{"event": "forged", "level": "info"}\r\x85\u2028\x1b[2K\x1b[31mred\x07\x00'


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever a test sets up is gone after it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged, each line read as JSON; standard output stays empty."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "" or err.endswith("\n")
    return [json.loads(line) for line in err.split("\n")[:-1]]


def test_a_line_says_what_when_where_and_for_which_request(capsys):
    """Its own fields among them."""
    logs.configure("info", "json")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        logs.get_logger("crawl").warning("container failed", container="shop.public", tables=3)
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "component": "crawl",
        "container": "shop.public",
        "event": "container failed",
        "level": "warning",
        "request_id": "r-1",
        "tables": 3,
    }


def test_a_logger_made_before_the_set_up_follows_it(capsys):
    """Modules make theirs when they are imported, which is earlier; each new set-up counts from then on."""
    logger = logs.get_logger("early")
    logs.configure("info", "json")
    logger.info("one")
    logs.configure("error", "json")
    logger.info("two")
    logger.error("three")
    assert [line["event"] for line in lines(capsys)] == ["one", "three"]


def test_a_logger_works_without_any_set_up():
    """A library that logs early, or a script that never sets up anything, must not fail for it."""
    code = "from services.common.runtime.logs import get_logger; get_logger('x').warning('early', n=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "early" in done.stdout + done.stderr


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_what_is_less_severe_is_left_out(capsys, level):
    """For each level that can be set."""
    logs.configure(level, "json")
    logger = logs.get_logger("x")
    order = ["debug", "info", "warning", "error"]
    for name in order:
        getattr(logger, name)(name)
    assert [line["level"] for line in lines(capsys)] == order[order.index(level) :]


def test_no_value_makes_a_second_line(capsys):
    """Line breaks of every kind and terminal codes are escaped: in the event, a field, its name, a request's id."""
    logs.configure("info", "json")
    with structlog.contextvars.bound_contextvars(request_id=FORGED):
        logs.get_logger(FORGED).info(FORGED, **{FORGED: FORGED}, nested={"a": [FORGED]})
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert all(char.isprintable() for char in err.rstrip("\n"))
    line = json.loads(err)
    assert (line["event"], line[FORGED], line["component"], line["request_id"]) == (FORGED,) * 4
    assert line["nested"] == {"a": [FORGED]}


def test_an_exception_is_part_of_its_line(capsys):
    """With its traceback, and without the values of local variables, which may be anybody's data."""
    logs.configure("info", "json")

    def fail() -> None:
        query = "SELECT " + "S3CR3T"
        raise ValueError(FORGED + str(len(query)))

    try:
        fail()
    except ValueError:
        logs.get_logger("x").exception("it failed")
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert "in fail" in line["exception"]
    assert "SELECT S3CR3T" not in line["exception"]


def test_values_that_json_lacks_are_described(capsys):
    """A log line is never the reason why something fails."""
    logs.configure("info", "json")
    logs.get_logger("x").info("odd", path=object, number=float("inf"), text="a\udc80", data=b"\xff")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_libraries_say_what_matters_in_the_same_form(capsys):
    """Their warnings, with the request's id; not what they say of every request or statement."""
    logs.configure("debug", "json")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        logging.getLogger("some.library").warning("the %s is %s", "disk", FORGED)
        logging.getLogger("some.library").info("chatter")
        for noisy in ("sqlalchemy.engine.Engine", "sqlglot", "alembic.runtime.migration", "uvicorn.access"):
            logging.getLogger(noisy).warning("SELECT 'S3CR3T'")
    (line,) = lines(capsys)
    assert (line["component"], line["level"], line["event"]) == ("some.library", "warning", f"the disk is {FORGED}")
    assert line["request_id"] == "r-1"


def test_a_librarys_exception_is_one_line(capsys):
    """A server's tracebacks too."""
    logs.configure("info", "json")
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("some.server").exception("Exception in ASGI application")
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]


def test_setting_up_twice_says_things_once(capsys):
    """For our lines and for those of libraries."""
    for _ in range(3):
        logs.configure("info", "json")
    logs.get_logger("x").info("ours")
    logging.getLogger("lib").error("theirs")
    assert [line["event"] for line in lines(capsys)] == ["ours", "theirs"]


def test_on_a_terminal_a_line_is_for_people(capsys):
    """Not JSON; terminal codes in a value are still shown, not obeyed."""
    logs.configure("info", "console")
    logs.get_logger("x").info("crawled", source="wh", tables=3, name=FORGED)
    err = capsys.readouterr().err
    assert "crawled" in err
    assert not err.startswith("{")
    assert "\x1b[2K" not in err
    assert "\x07" not in err
    assert len(err.rstrip("\n").split("\n")) == 1


def test_elsewhere_auto_means_json(capsys):
    """A file or a pipe is no terminal."""
    logs.configure("info", "auto")
    logs.get_logger("x").info("one")
    assert [line["event"] for line in lines(capsys)] == ["one"]
