"""The sample warehouse, crawled once by the command line itself; modules that change it take a copy."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from services.cli.main import main
from tests.support.commands import Done, hw


@dataclass(frozen=True)
class Demo:
    """`headwater demo --no-serve` in an empty folder: the home that it made, and what it said."""

    home: Path
    ran: Done

    def copy(self, folder: Path) -> Path:
        """A home of equal content whose source still is the one warehouse file."""
        home = folder / "home"
        shutil.copytree(self.home, home, ignore=shutil.ignore_patterns("*.duckdb", "queries.jsonl"))
        return home


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    ran = hw("demo", "--no-serve", cwd=folder)
    assert ran.code == 0, ran.err
    return Demo(folder / ".headwater-demo", ran)


@pytest.fixture(scope="module")
def demo_copy(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's own demo home."""
    return demo.copy(tmp_path_factory.mktemp("copy"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """`headwater …` inside this process, with the quick encoder: for setting a scene, and for what needs no process."""
    for name in [name for name in os.environ if name.startswith("HEADWATER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEADWATER_MODEL", "hashing")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str | Path, home: Path | None = None, cwd: Path | None = None) -> Done:
        where = cwd or (home.parent if home is not None else None)
        assert where is not None
        monkeypatch.chdir(where)
        if home is not None:
            monkeypatch.setenv("HEADWATER_HOME", str(home))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse's way to refuse
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    yield run
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level
