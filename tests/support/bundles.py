"""Bundles for tests: exported from a home, served inside the test, mutated.

A sidecar here is the application itself, called as from this machine; processes are for the journeys.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from services.bundle.check import begin_check
from services.bundle.sidecar import Sidecar, create_sidecar
from services.common.runtime.settings import Settings

ADDRESS = "http://127.0.0.1:8642"


@dataclass(frozen=True)
class Alone:
    """A sidecar that answers; whoever asks is on this machine and shows no token."""

    client: TestClient
    app: Sidecar

    def get(self, path: str, _caller: str = "", params: Any = None) -> Any:
        return self.client.get(f"/api/v1{path}", params=params)


@contextmanager
def sidecar(folder: Path, **settings: Any) -> Iterator[Alone]:
    """The sidecar over a bundle, running. Its home is a place where nothing can be."""
    made = Settings(home=Path("/dev/null/home"), bundle=folder, threads=1, **settings)
    app = create_sidecar(made, begin_check(folder))
    with TestClient(app, base_url=ADDRESS, client=("127.0.0.1", 1), raise_server_exceptions=False) as client:
        yield Alone(client, app)


def bytes_below(folder: Path) -> bytes:
    """Everything that stands in the files of a folder, and their names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return b"\n".join(str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes() for path in files)


def mutate(path: Path, dice: random.Random) -> str:
    """Damage a file in one way that changes its bytes; what was done."""
    data = bytearray(path.read_bytes())
    before = bytes(data)
    while bytes(data) == before:
        kind = dice.choice(("flip", "flip", "cut", "grow", "zero", "swap", "splice", "gone", "empty"))
        at = dice.randrange(len(data)) if data else 0
        match kind:
            case "gone":
                path.unlink()
                return f"{path.name} gone"
            case "empty":
                data = bytearray()
            case "flip" if data:
                data[at] ^= 1 << dice.randrange(8)
            case "cut":
                del data[at:]
            case "grow":
                data += dice.randbytes(dice.randint(1, 4096))
            case "zero":
                end = min(len(data), at + dice.choice((1, 8, 512, 4096)))
                data[at:end] = bytes(end - at)
            case "swap" if len(data) > 1:
                other = dice.randrange(len(data))
                data[at], data[other] = data[other], data[at]
            case "splice" if len(data) > 1:
                data[at:at] = data[: dice.randint(1, len(data))]
            case _:
                continue
    path.unlink()  # copies in these tests share their bytes by hard links
    path.write_bytes(bytes(data))
    return f"{path.name} {kind} at {at}"


def linked_copy(folder: Path, to: Path) -> Path:
    """A copy of a bundle that takes no space: its files are links to the same bytes."""
    shutil.copytree(folder, to, copy_function=lambda source, target: Path(target).hardlink_to(source))
    return to
