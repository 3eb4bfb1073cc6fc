"""Commands that tests fork instead of beginning an interpreter: they say and leave behind what one of their own would."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import commands, examples
from tests.support.commands import Done, Server, hw, simple_table, write_metadata
from tests.support.examples import Shell, steps_of
from tests.support.pages import Block
from tests.support.zygote import Forked


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forked")
    url = write_metadata(folder / "shop.jsonl", simple_table("orders", "Zeile 1\r\nZeile 2"), simple_table("bills"))
    assert hw("crawl", url, "--no-wait", home=folder / "home").code == 0
    return folder / "home"


@pytest.fixture
def begun(monkeypatch) -> list[object]:
    """What was begun, in order; as if nothing had been before."""
    made: list[object] = []
    real = commands._begun
    seen: set[str] = set()
    monkeypatch.setattr(commands, "is_first", lambda command, _model: command not in seen and not seen.add(command))

    def noted(*given: object) -> object:
        made.append(real(*given))
        return made[-1]

    monkeypatch.setattr(commands, "_begun", noted)
    return made


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["serch"], 2),
        (["export", "-"], 0),
        (["import", "-", "--json"], 2),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_fork_says_what_an_interpreter_says(home, begun, arguments, code):
    """Both streams to the byte, and the exit code; also of wrong use, and of a command that reads its empty input."""
    first, second = hw(*arguments, home=home), hw(*arguments, home=home)
    assert isinstance(begun[0], subprocess.Popen)
    assert isinstance(begun[1], Forked)
    assert second == first
    assert first.code == code, first.err


def test_a_fork_has_its_own_folder_and_environment(home, begun, tmp_path):
    """And nothing of those before; what an interpreter reads when it starts makes another interpreter."""
    away = tmp_path / "away"
    away.mkdir()
    (away / "headwater.toml").write_text(
        '[sources.mine]\nurl = "postgresql://me@127.0.0.1:1/x"\npassword = "env:MINE_PASSWORD"\n'
    )

    def told(**env: str) -> Done:
        return hw("doctor", cwd=away, **env)

    assert "MINE_PASSWORD" in told().out
    assert "MINE_PASSWORD" not in told(MINE_PASSWORD="x").out
    assert "MINE_PASSWORD" in told().out
    assert [type(one) for one in begun] == [subprocess.Popen, Forked, Forked]
    begun.clear()
    for env in ({}, {"PYTHONIOENCODING": "ascii"}, {}):
        assert hw("--version", cwd=away, **env).code == 0
    assert [type(one) for one in begun] == [subprocess.Popen, subprocess.Popen, Forked]


def test_a_server_that_was_forked_ends_by_signals_as_one_that_was_begun(home, begun):
    """Told to stop it ends with 0; killed, with the signal; and what it did meanwhile is on the disk."""
    answers = []
    for at in range(2):
        with Server(home=home) as server:
            answers.append(server.ready().get("/assets", name="orders"))
            assert server.stop() == 0
        with Server(home=home) as killed:
            killed.ready()
            assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
            assert killed.process.poll() == -signal.SIGKILL
        assert isinstance(begun[2 * at + 1], Forked), at
    assert isinstance(begun[0], subprocess.Popen)
    assert answers[0] == answers[1]
    assert json.dumps(answers[0]).count('"name": "orders"') == 1


def test_a_fork_that_takes_too_long_is_ended(home, begun, monkeypatch):
    """As a process would be, with the same exception."""
    hw("serve", "--port", "x", home=home)
    monkeypatch.setattr(commands, "PATIENCE_S", 0.5)
    with pytest.raises(subprocess.TimeoutExpired):
        hw("serve", "--port", "0", home=home)
    assert isinstance(begun[1], Forked)
    assert begun[1].returncode == -signal.SIGKILL


SHELL = """$ export HEADWATER_MODEL=hashing
$ printf '{"database": "d", "schema": "s", "name": "t", "columns": [{"name": "a", "type": "int"}]}\\n' > t.jsonl && headwater crawl metadata://t.jsonl --home h --no-wait >none 2>none
$ headwater history nowhere --home h || echo "code $?"
code 1
$ headwater history elsewhere --home h 2>&1 >none | grep -c elsewhere
1
$ printf 'no JSON' | headwater import - --format jsonl --json --home h || echo "code $?"
code 3
$ printf 'no JSON' | headwater import - --format jsonl --json --home h | grep -c not.JSON || echo "code $?"
1
$ headwater serve --home h --port 0 2>first.log &
$ until grep -q 'serving (' first.log; do sleep 0.1; done; kill %1; wait %1; echo "ended $?"
ended 0
$ headwater serve --home h --port 0 2>second.log &
$ until grep -q 'serving (' second.log; do sleep 0.1; done; kill $!; wait $!; echo "ended $?"
ended 0
$ headwater serve --home h --port 0 2>third.log &
$ until grep -q 'serving (' third.log; do sleep 0.1; done; kill -9 $!; wait $! || echo "ended $?"
ended 137
$ headwater serve --home h --port 0 2>fourth.log & until grep -q 'serving (' fourth.log; do sleep 0.1; done; kill $!; wait $!
"""


def test_a_shells_commands_are_forked_and_end_as_their_own_would(tmp_path, monkeypatch):
    """In pipes, in the background, with their folder and their exit codes; one whose shell's child was killed frees its home."""
    kept = tmp_path / "begun"
    folder = tmp_path / "checkout"
    for one in (kept, folder):
        one.mkdir()
    monkeypatch.setattr(examples, "begun", lambda: kept)
    (kept / "history-hashing").touch()
    assert Shell(folder).run(steps_of([Block("console", frozenset(), SHELL, 1)])) == []
    assert {path.name for path in kept.iterdir()} == {"crawl-hashing", "history-hashing", "import-hashing", "serve-hashing"}
