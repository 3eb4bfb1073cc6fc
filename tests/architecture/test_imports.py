"""Who may import whom, and what a process pays for at its start: the contracts, and no heavy library where none belongs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINING = ("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "datasets")
"""What loads and trains models: seconds and hundreds of megabytes that neither an answer nor a command needs."""
AT_WORK = (
    *TRAINING,
    "numpy",
    "faiss",
    "sqlalchemy",
    "alembic",
    "fastapi",
    "onnxruntime",
    "onnx",
    "duckdb",
    "sqlglot",
    "pydantic",
)
"""What a command imports when it runs, and help never."""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in the project's root."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


LOADED = """
import contextlib, importlib, io, runpy, sys
target, *wanted = sys.argv[1:]
with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
    if target.startswith("-"):
        sys.argv = ["headwater", target]
        runpy.run_module("services", run_name="__main__")
    else:
        importlib.import_module(target)
print(len(out.getvalue()), *(name for name in wanted if name in sys.modules))
"""


def loaded(target: str, wanted: tuple[str, ...]) -> tuple[int, list[str]]:
    """What is imported by a module, or by the command with an option: characters printed, and which of `wanted`."""
    done = run(LOADED, target, *wanted)
    assert done.returncode == 0, done.stderr
    printed, *found = done.stdout.split()
    return int(printed), found


def test_the_import_contracts_hold():
    """The three services know nothing of one another; the layers and the vocabulary stay clean."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("module", ["services.catalog.app", "services.lineage.service", "services.compose"])
def test_a_start_does_not_load_what_few_answers_need(module):
    """networkx is imported by the first impact, or the first way between columns."""
    assert loaded(module, ("networkx", "sqlalchemy"))[1] == ["sqlalchemy"]


def test_what_few_answers_need_is_there_for_them():
    """The module that finds ways between columns loads it: the probe above sees it."""
    assert loaded("services.lineage.column_paths", ("networkx",))[1] == ["networkx"]


@pytest.mark.parametrize(
    "module", ["services.catalog.app", "services.indexer.app", "services.lineage.app", "services.compose"]
)
def test_a_serving_process_loads_no_training_library(module):
    """Everything that answers imports within its first second."""
    assert loaded(module, (*TRAINING, "fastapi"))[1] == ["fastapi"]


def test_the_model_s_runtime_keeps_and_sends_nothing_of_this_machine(tmp_path):
    """onnxruntime would keep a device's id and events under the user's cache, to send them, as soon as it is imported."""
    code = "import services.indexer.embed.onnx_encoder"
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, env=env, check=True, timeout=120)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_nothing_heavy(option):
    """It is there at once."""
    printed, found = loaded(option, AT_WORK)
    assert printed > 5
    assert found == []


@pytest.mark.parametrize("command", ["search", "related", "check", "lineage", "impact", "crawl", "doctor", "feedback"])
def test_a_command_that_reads_a_home_loads_no_web_framework(command):
    """Nor what makes a model: a third of what a command waited for."""
    assert loaded(f"services.cli.{command}", ("fastapi", "starlette", "onnx", "sqlalchemy"))[1] == ["sqlalchemy"]


def test_the_probe_itself_can_fail():
    """It sees what is imported."""
    assert loaded("services.common.runtime.db", AT_WORK)[1] == ["sqlalchemy", "pydantic"]
