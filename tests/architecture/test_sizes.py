"""Files and functions that a reader can hold in mind: whoever nears a limit has two ideas in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES = {"services": 400, "tests": 600}
FUNCTION_LINES = 60
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
EXCEPTIONS: dict[str, str] = {}
"""`path` or `path:function` → why it may be longer; an entry that is no longer needed fails the test below."""


def python_files() -> list[Path]:
    return sorted(path for folder in FILE_LINES for path in (ROOT / folder).rglob("*.py"))


def too_long(path: str, source: str) -> Iterator[str]:
    """What is over a limit: the file, or functions in it by their names."""
    if len(source.splitlines()) > FILE_LINES[path.partition("/")[0]]:
        yield path
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTION) and own_lines(node) > FUNCTION_LINES:
            yield f"{path}:{node.name}"


def own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without those of functions inside it, such as a router's routes, which count for themselves."""
    inner = [child for child in ast.walk(node) if isinstance(child, FUNCTION) and child is not node]
    inside = {line for child in inner for line in range(child.lineno, (child.end_lineno or 0) + 1)}
    return (node.end_lineno or 0) - node.lineno + 1 - len(inside)


def test_files_and_functions_are_short():
    """But for the exceptions above, each with its reason."""
    found = set()
    for path in python_files():
        found.update(too_long(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
    assert found == set(EXCEPTIONS)
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())


def test_there_is_something_to_measure():
    """Both folders are found from here."""
    assert len(python_files()) > 100


@pytest.mark.parametrize(
    ("lines", "found"),
    [(60, set()), (61, {"services/x.py:f"}), (401, {"services/x.py", "services/x.py:f"})],
)
def test_the_measure_itself_can_fail(lines, found):
    """Limits count as allowed; the definition's own line counts."""
    source = "def f():\n" + "    pass\n" * (lines - 1)
    assert set(too_long("services/x.py", source)) == found


def test_routes_inside_a_router_count_for_themselves():
    """And the router for what is left."""
    route = "    def g{}():\n" + "        pass\n" * 39
    assert set(too_long("services/x.py", "def f():\n" + route.format(1) + route.format(2))) == set()
    assert set(too_long("services/x.py", "def f():\n    def g():\n" + "        pass\n" * 60)) == {"services/x.py:g"}
