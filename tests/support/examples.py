"""Runs the examples of a page: its `console` blocks in one shell, what they print compared with what the page shows.

Used by `tests/docs/test_examples.py`; CONTRIBUTING.md describes the conventions.
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support import zygote_client
from tests.support.pages import ROOT, Block
from tests.support.zygote import LINEAR, begun

PORTS = ("8642", "8643", "8644")
"""The default ports, which pages name; free ones take their place when an example runs."""
TIMEOUT_S = 240
_MARK = "<<example {at} ended with {code}>>"
_ENDED = re.compile(r"<<example (\d+) ended with (\d+)>>\n?")
_LINKED = ("services", "bench")
ADMIN_URL = "EXAMPLE_ADMIN_URL"
"""The variable of the shell that says where an administrator's statements go; no page names it."""
_AS_ADMIN = f"""python3 -c 'import os, sys, psycopg
with psycopg.connect(os.environ["{ADMIN_URL}"], autocommit=True) as connection:
    connection.execute(sys.stdin.read())' <<'END OF STEP'
{{statements}}END OF STEP"""

_COMMAND = """#!/bin/sh
export PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}}
run() {{
    if [ -e "{begun}/$1-$HEADWATER_MODEL" ]; then exec {python} -I -S {client} {kept}/socket "$@"; fi
    : >"{begun}/$1-$HEADWATER_MODEL"
    exec {python} -m services "$@"
}}
if [ "$*" != "demo --no-serve" ] || [ -n "$HEADWATER_MODEL$HEADWATER_HOME" ] || [ -e .headwater-demo ]; then run "$@"; fi
if [ ! -e {kept}/demo/said ]; then
    mkdir -p {kept}/demo
    (run "$@") >{kept}/demo/printed 2>{kept}/demo/said.new || exit
    cp -r .headwater-demo {kept}/demo/home && pwd >{kept}/demo/folder && mv {kept}/demo/said.new {kept}/demo/said
else
    cp -r {kept}/demo/home .headwater-demo
    sed -i "s|$(cat {kept}/demo/folder)|$PWD|g" .headwater-demo/headwater.toml
fi
cat {kept}/demo/printed
cat {kept}/demo/said >&2
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page, the lines that must be found in its output, and where in the page it stands."""

    command: str
    expected: tuple[str, ...]
    line: int


def steps_of(blocks: Iterable[Block]) -> list[Step]:
    """The steps of all `console` blocks but those marked `no-run`, and between them the blocks marked `sql step`.

    The latter are an administrator's statements at the PostgreSQL of the page, run where they stand, in one transaction.

    Raises:
        ValueError: a block that is to be run does not begin with a command.

    """
    steps: list[Step] = []
    for block in blocks:
        if block.language == "console" and "no-run" not in block.flags:
            steps += _steps(block)
        elif block.language == "sql" and "step" in block.flags:
            steps.append(Step(_AS_ADMIN.format(statements=block.body), (), block.line))
    return steps


def _steps(block: Block) -> list[Step]:
    steps: list[Step] = []
    for number, line in enumerate(block.body.splitlines(), block.line + 1):
        if line.startswith("$ "):
            steps.append(Step(line[2:], (), number))
        elif not steps:
            raise ValueError(f"line {number}: a console block begins with a command, `$ …`")
        elif line == ">" or line.startswith("> "):
            steps[-1] = Step(f"{steps[-1].command}\n{line[2:]}", (), steps[-1].line)
        elif line.strip():
            last = steps[-1]
            steps[-1] = Step(last.command, (*last.expected, line), last.line)
    return steps


class Shell:
    """One shell in a fresh folder that looks like a checkout, with free ports in place of the default ones.

    Args:
        folder: an empty folder.
        replacements: further texts that are replaced in commands and in what is expected.
        admin_url: where the statements of `sql step` blocks go.

    """

    def __init__(self, folder: Path, replacements: Mapping[str, str] | None = None, *, admin_url: str | None = None) -> None:
        self._folder = folder
        self._admin_url = admin_url
        self._replacements = {**dict(zip(PORTS, _free_ports(len(PORTS)), strict=True)), **(replacements or {})}
        for name in _LINKED:
            if (ROOT / name).exists():
                (folder / name).symlink_to(ROOT / name)

    def run(self, steps: Iterable[Step]) -> list[str]:
        """Run steps in order and say what is wrong, a text each; nothing is left running."""
        steps = list(steps)
        script = self._folder / ".example.sh"
        script.write_text("".join(self._scripted(at, step) for at, step in enumerate(steps)), encoding="utf-8")
        output = self._output(script)
        pieces = _ENDED.split(output)  # output, number, code, output, number, code, …
        codes = {int(number): int(code) for number, code in zip(pieces[1::3], pieces[2::3], strict=True)}
        printed = dict(zip(map(int, pieces[1::3]), pieces[0::3], strict=False))
        wrong: list[str] = []
        for at, step in enumerate(steps):
            if at not in codes:
                return [*wrong, f"line {step.line}: `{step.command}` did not end; printed: {pieces[-1][-2000:]}"]
            if codes[at] != 0:
                return [*wrong, f"line {step.line}: `{step.command}` ended with {codes[at]}: {printed[at][-2000:]}"]
            wrong += self._missing(step, printed[at])
        return wrong

    def _missing(self, step: Step, printed: str) -> list[str]:
        at = 0
        for line in step.expected:
            parts = self._replaced(line).strip().split("…")
            found = re.compile(".*?".join(map(re.escape, parts))).search(printed, at)
            if found is None:
                return [f"line {step.line}: `{step.command}` did not print {line!r} but: {printed[-2000:]}"]
            at = found.end()
        return []

    def _scripted(self, at: int, step: Step) -> str:
        # after a command that failed the others would only wait for what will not come
        ended = f"code=$?; printf '{_MARK.format(at=at, code='%d')}\\n' $code; [ $code = 0 ] || exit"
        return f"{self._replaced(step.command)}\n{ended}\n"

    def _replaced(self, text: str) -> str:
        for old, new in self._replacements.items():
            text = text.replace(old, new)
        return text

    def _output(self, script: Path) -> str:
        own = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        programs = Path(sys.executable).parent
        environment = own | {
            "PATH": f"{self._commands()}:{programs}:{os.environ['PATH']}",
            "HEADWATER_PORT": self._replacements[PORTS[0]],
            "COLUMNS": "120",
        }
        if self._admin_url is not None:
            environment[ADMIN_URL] = self._admin_url
        log = self._folder / ".example.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                ["bash", "--noprofile", "--norc", str(script)],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                pass  # what is missing from the log is told
            finally:
                _end(process)
        return log.read_text(encoding="utf-8", errors="replace")

    def _commands(self) -> Path:
        """A folder with `headwater` in it, of this checkout, whether it is installed or not.

        The first of each command in a run is an interpreter of its own; the next ones are forked from one that has imported them. The sample
        warehouse is made once, by the first page; the others have a copy of its home, and of what was said.
        """
        folder = self._folder / ".bin"
        folder.mkdir()
        program = folder / "headwater"
        program.write_text(
            _COMMAND.format(
                root=ROOT, python=sys.executable, client=zygote_client.__file__, kept=fork_server().parent, begun=begun()
            ),
            encoding="utf-8",
        )
        program.chmod(0o755)
        return folder


@cache
def fork_server() -> Path:
    """The socket of a process that forks commands for shells, as long as this process is there."""
    folder = tempfile.TemporaryDirectory(prefix="hw-forks-", dir="/tmp")  # a socket's path may have 107 bytes at most
    place = Path(folder.name) / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.zygote", "--at", str(place)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | LINEAR,
        stdin=subprocess.DEVNULL,
    )

    def end() -> None:
        process.terminate()
        process.wait()
        folder.cleanup()

    atexit.register(end)
    until = time.monotonic() + TIMEOUT_S
    while not place.exists():
        assert process.poll() is None, "the process that forks commands did not start"
        assert time.monotonic() < until, "the process that forks commands is not ready"
        time.sleep(0.02)
    return place


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the shell and whatever it left behind: they are one process group of our own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


def _free_ports(count: int) -> list[str]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [str(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
