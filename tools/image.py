"""Runs a Dockerfile's steps in a clean root where no builder exists, and measures what the image holds.

usage: tools/image.py ROOT TARGET WORK [--bind PATH …] [--bundle DIR]

ROOT is a folder with a bare system that stands for `FROM ${BASE}`, such as `debootstrap --variant=minbase` makes with python3 and
python3-venv; it is copied and not changed. With --bundle the image also serves that bundle, and a question is asked. WORK gets one folder a stage. Every RUN runs by chroot, as root, with the
paths of --bind mounted read-only (where packages come from, for machines without a network). Needs to be root itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[1]
DOCKERFILE = PROJECT / "deploy" / "docker" / "Dockerfile"
_KNOWN = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@dataclass
class Stage:
    """One `FROM … AS name` with its instructions in order."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def read_stages(text: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name. Raises ValueError for an instruction that this does not know."""
    stages: dict[str, Stage] = {}
    defaults: dict[str, str] = {}
    current: Stage | None = None
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        word, _, rest = line.partition(" ")
        if word not in _KNOWN:
            raise ValueError(f"{word} is not known here")
        if word == "ARG" and current is None:
            name, _, value = rest.partition("=")
            defaults[name] = value
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda found: defaults[found[1]], base)
            current = stages[name] = Stage(name, base)
        elif current is not None:
            current.steps.append((word, rest))
    return stages


class Builder:
    """Builds stages below a folder; `sizes` is what each step of the asked target added, in bytes."""

    def __init__(self, stages: dict[str, Stage], root: Path, work: Path, binds: list[Path]) -> None:
        self._stages = stages
        self._root = root
        self._work = work
        self._binds = binds
        self._settings: dict[str, tuple[dict[str, str], str, str]] = {}

    def build(self, name: str) -> Path:
        """The folder of a finished stage, built with all that it rests on."""
        folder = self._work / name
        if name in self._settings:
            return folder
        stage = self._stages[name]
        below = self.build(stage.base) if stage.base in self._stages else self._root
        subprocess.run(["cp", "-a", "--reflink=auto", f"{below}/.", str(folder)], check=True)
        environment, where, user = self._settings.get(
            stage.base, ({"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "/", "0:0")
        )
        environment = dict(environment)
        for word, rest in stage.steps:
            print(f"{name}: {word} {rest[:100]}", file=sys.stderr, flush=True)
            if word == "ENV":
                environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            elif word == "WORKDIR":
                where = rest
                (folder / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif word == "USER":
                user = rest
            elif word == "COPY":
                self._copy(folder, where, rest)
            elif word == "RUN":
                self.run(folder, environment, where, rest, user=user)
        self._settings[name] = environment, where, user
        return folder

    def settings(self, name: str) -> tuple[dict[str, str], str, str]:
        """Environment, folder and user that a container of the stage starts with."""
        return self._settings[name]

    def run(
        self, folder: Path, environment: dict[str, str], where: str, command: str, *, user: str = "0:0", sealed: bool = False
    ) -> str:
        """Run a shell command inside a stage's folder; its standard output. `sealed`: nothing but /tmp can be written."""
        mounts = [f"mount --bind {folder} {folder}"]
        mounts += [f"mkdir -p {folder}{path} && mount --rbind {path} {folder}{path}" for path in ("/proc", "/dev")]
        for path in self._binds:
            place = f"{folder}{path}"
            make = f"mkdir -p {place}" if path.is_dir() else f"mkdir -p {Path(place).parent} && touch {place}"
            mounts.append(f"{make} && mount --bind {path} {place}")
        if sealed:
            mounts += [f"mount -t tmpfs tmpfs {folder}/tmp", f"mount -o remount,ro,bind {folder}"]  # noqa: S108 - the image's
        uid, _, gid = user.partition(":")
        inner = f"cd {where} && {command}"
        enter = ["setpriv", f"--reuid={uid}", f"--regid={gid or uid}", "--clear-groups", "/bin/sh", "-c", inner]
        script = " && ".join([*mounts, f"exec chroot {folder} {shlex.join(enter)}"])
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", script],
            env={**passed, **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def _copy(self, folder: Path, where: str, rest: str) -> None:
        words = rest.split()
        origin = PROJECT
        if words[0].startswith("--from="):
            origin = self.build(words.pop(0).removeprefix("--from="))
        *sources, target = words
        into = folder / (target if target.startswith("/") else f"{where}/{target}").lstrip("/")
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
                if origin != PROJECT:  # between stages everything goes along
                    subprocess.run(["cp", "-a", f"{path}/.", str(into)], check=True)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, into)


def ask_bundle(builder: Builder, target: str) -> str:
    """What a sidecar in the image answers from /bundle, as the image's own user on a read-only file system."""
    environment, where, user = builder.settings(target)
    server = "headwater serve --role sidecar --bundle /bundle --port 18642 & P=$!; trap 'kill $P' EXIT"
    url = "http://127.0.0.1:18642"
    ask = (
        "import json, time, urllib.request as r\n"
        "for _ in range(900):\n"
        " try:\n"
        f"  r.urlopen('{url}/readyz'); break\n"
        " except OSError: time.sleep(0.1)\n"
        f"told = json.load(r.urlopen('{url}/api/v1/search?q=late+deliveries&limit=1'))\n"
        "print(told['mode'], told['total'], told['hits'][0]['qualified_name'])"
    )
    command = f"{server}; python3 -c {shlex.quote(ask)}"
    return builder.run(builder.build(target), environment, where, command, user=user, sealed=True).strip()


def size_of(folder: Path) -> int:
    """Bytes on disk below a folder, every file once."""
    done = subprocess.run(["du", "-sx", "--block-size=1", str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[0])


def measure(builder: Builder, target: str, root: Path) -> dict[str, object]:
    """What the image of a target holds, and whether it runs as its own user on a read-only file system."""
    folder = builder.build(target)
    environment, where, user = builder.settings(target)
    packages = next((folder / "opt/headwater/lib").glob("python*/site-packages"))
    names = sorted(path.name.partition("-")[0] for path in packages.glob("*.dist-info"))
    largest = sorted(((size_of(path), path.name) for path in packages.iterdir() if path.is_dir()), reverse=True)[:12]
    said = builder.run(
        folder, environment, where, "headwater --version && id -u && touch /etc/x 2>&1 || true", user=user, sealed=True
    )
    return {
        "target": target,
        "base_mb": round(size_of(root) / 1e6, 1),
        "added_mb": round((size_of(folder) - size_of(root)) / 1e6, 1),
        "packages": names,
        "has_torch": "torch" in names,
        "largest_mb": {name: round(size / 1e6, 1) for size, name in largest},
        "said": said.split("\n"),
    }


def main() -> int:
    """Build and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("target")
    parser.add_argument("work", type=Path)
    parser.add_argument("--bind", type=Path, action="append", default=[])
    parser.add_argument("--bundle", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True)
    builder = Builder(
        read_stages(DOCKERFILE.read_text(encoding="utf-8")), given.root.resolve(), given.work.resolve(), given.bind
    )
    print(json.dumps(measure(builder, given.target, given.root.resolve()), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
