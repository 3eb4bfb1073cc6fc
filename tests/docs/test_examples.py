"""The examples of README and of the how-to pages do what the pages show."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.examples import Shell, steps_of
from tests.support.pages import ROOT, Block, blocks, pages, text_of
from tests.support.snowflake import FakeSnow

_DATABASE = "shop"
_ROLE = "headwater_reader"
RUN = [page for page in pages() if steps_of(blocks(page))]


NEEDS_A_CLUSTER = {ROOT / "docs" / "how-to" / "deploy-on-kubernetes.md"}
"""What it shows is built and validated by `tests/integration/test_deploy.py`, and its limits are held by runs."""


def test_readme_and_every_how_to_have_examples_that_run() -> None:
    expected = {ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md")}
    assert expected - NEEDS_A_CLUSTER <= set(RUN)


def test_an_administrators_step_stands_between_the_commands_and_its_failure_is_told(tmp_path: Path) -> None:
    """Otherwise a page could tell of a lost right that nobody ever took away."""
    command, step = Block("console", frozenset(), "$ echo before\n", 1), Block("sql", frozenset({"step"}), "SELECT 1;\n", 5)
    steps = steps_of([command, step, Block("sql", frozenset(), "SELECT 2;\n", 8), command])
    assert [found.line for found in steps] == [2, 5, 2]
    wrong = Shell(tmp_path, admin_url="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2").run(steps)
    assert len(wrong) == 1
    assert wrong[0].startswith("line 5: ")


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_do_what_it_shows(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    missing = [tool for tool in ("bash", "curl") if shutil.which(tool) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"examples need {missing}")
    if missing:
        pytest.skip(f"examples need {missing}")
    found = list(blocks(page))
    prepared = next((prepare(request, found) for mark, prepare in _NEEDED.items() if mark in text_of(page)), _Prepared())
    wrong = Shell(tmp_path, prepared.replacements, admin_url=prepared.admin_url).run(steps_of(found))
    assert not wrong, "\n".join(wrong)


@dataclass(frozen=True)
class _Prepared:
    """A database made by the page's own SQL; what the page calls host, database and role is called otherwise there."""

    replacements: dict[str, str] = field(default_factory=dict)
    admin_url: str | None = None


def _postgres(request: pytest.FixtureRequest, found: list[Block]) -> _Prepared:
    server = request.getfixturevalue("postgres_server")
    url = server.create_database(_DATABASE)
    own = urlsplit(url)
    database = own.path.removeprefix("/")
    role = f"reader_{database.rpartition('_')[2]}"
    first = [block.body for block in found if block.language == "sql" and "step" not in block.flags]
    schemas = re.findall(r"CREATE SCHEMA (\w+)", "".join(first))
    replacements = {
        f"{_ROLE}@db1:5432/{_DATABASE}": f"{role}@{own.hostname}:{own.port}/{database}",
        _ROLE: role,
        f"DATABASE {_DATABASE}": f"DATABASE {database}",
        f'DATABASE "{_DATABASE}"': f'DATABASE "{database}"',
        f'"{_DATABASE}.': f'"{database}.',
        **{f"{_DATABASE}.{schema}": f"{database}.{schema}" for schema in schemas},
    }
    request.addfinalizer(lambda: _drop_role(server, url, role))
    with server.connect(url) as connection:
        for body in first:
            connection.execute(_replaced(body, replacements))
    return _Prepared(replacements, url)


def _drop_role(server, url: str, role: str) -> None:
    with server.connect(url) as connection:
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")


def _mariadb(request: pytest.FixtureRequest, found: list[Block]) -> _Prepared:
    server = request.getfixturevalue("mariadb_server")
    url = server.create_database(_DATABASE)
    own = urlsplit(url)
    database = own.path.removeprefix("/")
    role = f"reader_{database.rpartition('_')[2]}"
    replacements = {
        f"{_ROLE}@db1:3306/{_DATABASE}": f"{role}@{own.hostname}:{own.port}/{database}",
        _ROLE: role,
        f"{_DATABASE}.": f"{database}.",
    }
    request.addfinalizer(lambda: server.run(f"DROP USER IF EXISTS {role}"))
    first = "".join(block.body for block in found if block.language == "sql")
    server.run(*filter(str.strip, _replaced(first, replacements).split(";")), url=url)
    return _Prepared(replacements)


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def _snowflake(request: pytest.FixtureRequest, found: list[Block]) -> _Prepared:
    """An emulator of its own; the page's account is reached there."""
    reason = FakeSnow.missing()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    server = FakeSnow()
    request.addfinalizer(server.stop)
    statements = "".join(block.body for block in found if block.language == "sql").split(";")
    server.run(*filter(str.strip, statements))
    reached = f"&host=127.0.0.1&port={server.port}&protocol=http"
    return _Prepared(
        {"SHOP?warehouse=CATALOG_WH&role=CATALOG_READER": f"SHOP?warehouse=CATALOG_WH&role=CATALOG_READER{reached}"}
    )


_NEEDED: dict[str, Callable[[pytest.FixtureRequest, list[Block]], _Prepared]] = {
    "<!-- needs: postgres -->": _postgres,
    "<!-- needs: mariadb -->": _mariadb,
    "<!-- needs: snowflake -->": _snowflake,
}
