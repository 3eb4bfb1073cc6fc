"""Every memory limit in `deploy/` is held by a run under the same limit: the process is killed where it needs more.

Uses the kernel's control groups; where they cannot be used, the peak that the process reports is compared with the limit.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.commands import ROOT, command, environment, hw, simple_table, until, write_metadata

MODEL = "all-MiniLM-L6-v2+headwater"
DEPLOY = ROOT / "deploy" / "k8s"
GROUPS = Path("/sys/fs/cgroup")
_UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}
TABLES = 300


def limit_of(file: str, container: str) -> int:
    """The memory limit of a container in a manifest, in bytes. Read as text: the project itself needs no YAML."""
    text = (DEPLOY / file).read_text(encoding="utf-8")
    after = text[re.search(rf"^ *- name: {container}$", text, re.MULTILINE).end() :]
    number, unit = re.search(r"limits: \{memory: (\d+)(Mi|Gi)\}", after).groups()
    return int(number) * _UNITS[unit]


class Group:
    """A control group with a memory limit; `kills` counts what the kernel ended in it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._v2 = (GROUPS / "cgroup.controllers").exists()
        folder.mkdir()
        (folder / ("memory.max" if self._v2 else "memory.limit_in_bytes")).write_text(str(limit))

    @classmethod
    def possible(cls) -> bool:
        try:
            cls(_place("probe"), 1 << 28).remove()
        except OSError:
            return False
        return True

    def prefix(self) -> list[str]:
        """A command line that puts what follows it into the group."""
        return ["/bin/sh", "-c", f'echo $$ > {self._folder}/cgroup.procs && exec "$@"', "sh"]

    @property
    def kills(self) -> int:
        told = (self._folder / ("memory.events" if self._v2 else "memory.oom_control")).read_text()
        return int(re.search(r"^oom_kill (\d+)$", told, re.MULTILINE)[1])

    def remove(self) -> None:
        self._folder.rmdir()


def _place(name: str) -> Path:
    parent = GROUPS if (GROUPS / "cgroup.controllers").exists() else GROUPS / "memory"
    return parent / f"headwater-{name}"


@contextlib.contextmanager
def limited(name: str, limit: int) -> Iterator[Group]:
    if not Group.possible():
        pytest.skip("no control groups of memory that this user may make")
    group = Group(_place(name), limit)
    try:
        yield group
    finally:
        until(lambda: _gone(group), "the group's end")


def _gone(group: Group) -> bool:
    try:
        group.remove()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def crawled(tmp_path_factory) -> Path:
    """A home of a few hundred tables with the default model, and a bundle of it."""
    folder = tmp_path_factory.mktemp("limits")
    lines = [simple_table(f"orders_{at}", f"What region {at} ordered, paid and sent back") for at in range(TABLES)]
    url = write_metadata(folder / "shop.jsonl", *lines)
    done = hw("crawl", url, home=folder / "home", HEADWATER_MODEL=MODEL)
    assert done.code == 0, done.err
    assert hw("bundle", "export", folder / "bundle", home=folder / "home", HEADWATER_MODEL=MODEL).code == 0
    return folder


CASES = (
    ("base/statefulset.yaml", "headwater", ["serve"]),
    ("components/sidecar/sidecar.yaml", "headwater", ["serve", "--role", "sidecar"]),
)


@pytest.mark.parametrize(("file", "container", "arguments"), CASES, ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_a_server_answers_under_its_limit(crawled, file, container, arguments):
    """Start, checks, and two hundred questions; nothing is killed for memory."""
    limit = limit_of(file, container)
    env = environment(
        crawled / "home", HEADWATER_MODEL=MODEL, HEADWATER_BUNDLE=str(crawled / "bundle"), HEADWATER_THREADS="2"
    )
    log = crawled / f"{arguments[-1]}.log"
    with limited(arguments[-1], limit) as group, log.open("wb") as out:
        process = subprocess.Popen([*group.prefix(), *command([*arguments, "--port", "0"])], env=env, stdout=out, stderr=out)
        try:
            said = until(lambda: re.search(r"at (http://\S+)", log.read_text()) or process.poll() is not None, "a server")
            assert isinstance(said, re.Match), log.read_text()[-1000:]
            with httpx2.Client(base_url=said[1], trust_env=False, timeout=60) as client:
                until(lambda: client.get("/readyz").status_code == 200, "readiness")
                for at in range(200):
                    answer = client.get("/api/v1/search", params={"q": f"what did region {at} send back?", "limit": 20})
                    assert answer.json()["mode"] == "hybrid"
            assert group.kills == 0
        finally:
            process.terminate()
            process.wait(60)


def test_the_upgrade_runs_under_its_limit(tmp_path):
    """The init container of a new volume."""
    with limited("upgrade", limit_of("base/statefulset.yaml", "upgrade")) as group:
        done = subprocess.run(
            [*group.prefix(), *command(["db", "upgrade"])], env=environment(tmp_path / "home"), check=False
        )
        assert (done.returncode, group.kills) == (0, 0)


def test_a_limit_that_is_too_small_is_seen(crawled):
    """The same run under 64 MiB is killed: the groups hold what they say."""
    env = environment(crawled / "home", HEADWATER_MODEL=MODEL, HEADWATER_BUNDLE=str(crawled / "bundle"))
    with limited("small", 64 << 20) as group:
        done = subprocess.run([*group.prefix(), *command(["search", "orders"])], env=env, check=False, capture_output=True)
        assert done.returncode != 0
        assert group.kills >= 1
