"""The examples of README and of the how-to pages do what the pages show."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.examples import Shell, steps_of
from tests.support.pages import ROOT, Block, blocks, pages, text_of

_NEEDS_POSTGRES = "<!-- needs: postgres -->"
_DATABASE = "shop"
RUN = [page for page in pages() if steps_of(blocks(page))]


def test_readme_and_every_how_to_have_examples_that_run() -> None:
    expected = {ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md")}
    assert expected <= set(RUN)


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_do_what_it_shows(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    missing = [tool for tool in ("bash", "curl") if shutil.which(tool) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"examples need {missing}")
    if missing:
        pytest.skip(f"examples need {missing}")
    found = list(blocks(page))
    replacements = {}
    if _NEEDS_POSTGRES in text_of(page):
        replacements = _prepared_database(request, found)
    wrong = Shell(tmp_path, replacements).run(steps_of(found))
    assert not wrong, "\n".join(wrong)


def _prepared_database(request: pytest.FixtureRequest, found: list[Block]) -> dict[str, str]:
    """A database made by the page's own SQL; what the page calls host, database and role is called otherwise there."""
    server = request.getfixturevalue("postgres_server")
    url = server.create_database(_DATABASE)
    database = urlsplit(url).path.removeprefix("/")
    role = f"headwater_reader_{database.rpartition('_')[2]}"
    with server.connect(url) as connection:
        for block in found:
            if block.language == "sql":
                connection.execute(
                    block.body.replace(f"DATABASE {_DATABASE}", f"DATABASE {database}").replace("headwater_reader", role)
                )
    request.addfinalizer(lambda: _drop_role(server, url, role))
    own = urlsplit(url)
    return {
        f"headwater_reader@db1:5432/{_DATABASE}": f"{role}@{own.hostname}:{own.port}/{database}",
        f'"{_DATABASE}.': f'"{database}.',
        f"{_DATABASE}.sales": f"{database}.sales",
    }


def _drop_role(server, url: str, role: str) -> None:
    with server.connect(url) as connection:
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")
