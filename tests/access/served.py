"""Headwater served inside a test: a home, an application of role `all`, and a client that calls it as from this machine."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from starlette.testclient import TestClient

from services import compose
from services.common.model.access import AccessScope, Role
from services.common.runtime.settings import Settings, TokenSettings
from services.common.runtime.source_settings import SourceSettings
from services.indexer.crawl import run_crawl
from services.indexer.index.generation import Generations
from tests.access.worlds import Line, Shelf, World

ADDRESS = "http://127.0.0.1:8642"
READY_S = 60.0
"""Nothing here takes longer than two seconds on an idle machine."""
_composing = threading.Lock()


def token(name: str, role: Role = Role.READER, scope: AccessScope | None = None) -> TokenSettings:
    """The settings of a caller whose token is its name twice."""
    globs = {} if scope is None else {"allow": scope.allow, "deny": scope.deny}
    return TokenSettings(sha256=hashlib.sha256(secret(name).encode()).hexdigest(), role=role, **globs)


def secret(name: str) -> str:
    """The token of a caller."""
    return f"{name}-{name}-token"


def bearer(name: str) -> dict[str, str]:
    """The header that a caller sends."""
    return {"Authorization": f"Bearer {secret(name)}"}


@functools.cache
def _migrated() -> Path:
    """A home with empty databases, made once and copied: migrating takes longer than everything else."""
    home = Path(tempfile.mkdtemp(prefix="headwater-access-"))
    compose.upgrade_all(Settings(home=home, model="hashing"))
    return home


def new_home(folder: Path) -> Path:
    """A home with empty databases."""
    home = folder / "home"
    home.mkdir(parents=True)
    for file in _migrated().iterdir():
        shutil.copy(file, home / file.name)
    return home


@dataclass(frozen=True)
class Served:
    """A running application.

    Attributes:
        client: sends no token by itself.
        space: the services behind it.
        settings: what it was started with.

    """

    client: TestClient
    space: compose.Workspace
    settings: Settings

    def get(self, path: str, caller: str, params: Any = None) -> Any:
        """The answer to a GET of the public API."""
        return self.client.get(f"/api/v1{path}", params=params, headers=bearer(caller))

    def post(self, path: str, caller: str, body: Any) -> Any:
        """The answer to a POST of the public API."""
        return self.client.post(f"/api/v1{path}", json=body, headers=bearer(caller))

    def crawl(self, source: str) -> None:
        """Crawl a source to its end, as a crawl beside a running server does."""
        outcome = run_crawl(source, self.settings.sources[source], self.space.sink, by="maker")
        assert outcome.record.state.value == "complete", outcome.record.failures
        # what comes and goes between two looks of the follower is not in its graph, in one of two catalogs perhaps
        self.space.lineage.follower.catch_up()

    def settle(self, *, published: bool = True) -> None:
        """Wait until words, vectors and lineage of everything that was committed are there."""
        head = self.space.feed.head()
        generations = Generations(self.settings.home / "index")
        _wait(lambda: self.space.lineage.walker.status().seq >= head, "lineage")
        _wait(lambda: self.space.indexer.status().vector_seq >= head and self.space.indexer.ready, "index")
        if published and head:
            _wait(lambda: (known := generations.current()) is not None and known.seq >= head, "a generation")
            _wait(
                lambda: self.space.indexer.retriever._snapshot().generation == generations.current().number, "the generation"
            )
        # what goes together is made anew at a bounded rate; here it is asked for at once
        self.space.indexer.usage.catch_up(self.space.lineage.statements)
        self.space.indexer.usage.refresh()


def _wait(is_there: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + READY_S
    while not is_there():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.01)


def composed(settings: Settings) -> tuple[Any, compose.Workspace]:
    """The application of role `all`, and the workspace that it made for itself."""
    made: list[compose.Workspace] = []

    class Noted(compose.Workspace):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    with _composing, mock.patch.object(compose, "Workspace", Noted):
        app = compose.create_all(settings)
    return app, made[0]


@contextmanager
def served(
    settings: Settings, *, client: str = "127.0.0.1", before: Callable[[Served], None] | None = None
) -> Iterator[Served]:
    """The application, running; `before` is called with it before it starts."""
    app, space = composed(settings)
    caller = TestClient(app, base_url=ADDRESS, client=(client, 1), raise_server_exceptions=False, follow_redirects=False)
    made = Served(caller, space, settings)
    if before is not None:
        before(made)
    with caller:
        yield made


def write_lines(folder: Path, name: str, lines: Sequence[Line]) -> Path:
    """A file of `metadata://` lines."""
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


@contextmanager
def served_world(folder: Path, world: World, tokens: Mapping[str, AccessScope]) -> Iterator[Served]:
    """A world crawled, said and served, for readers of these scopes and an administrator called `admin`."""
    home = new_home(folder)
    files = {shelf.name: write_lines(folder, shelf.name, shelf.lines) for shelf in world.shelves}
    settings = Settings(
        home=home,
        model="hashing",
        threads=1,
        sources={
            shelf.name: SourceSettings(url=f"metadata://{files[shelf.name]}", namespace=shelf.namespace)
            for shelf in world.shelves
        },
        tokens={"admin": token("admin", Role.ADMIN), **{name: token(name, scope=scope) for name, scope in tokens.items()}},
    )

    def crawled(made: Served) -> None:
        for shelf in world.shelves:
            made.crawl(shelf.name)

    with served(settings, before=crawled) as made:
        for shelf in world.shelves:
            if shelf.later is not None:
                _crawl_again(made, folder, shelf)
        _say(made, world)
        made.settle(published=world.published)
        yield made


def _crawl_again(made: Served, folder: Path, shelf: Shelf) -> None:
    write_lines(folder, shelf.name, shelf.later or ())
    made.crawl(shelf.name)


def _say(made: Served, world: World) -> None:
    for word in world.words:
        path = f"/api/v1/assets/{word.asset}"
        tag = made.client.get(path, headers=bearer("admin")).headers["ETag"]
        answer = made.client.patch(path, json=word.patch, headers={**bearer("admin"), "If-Match": tag})
        assert answer.status_code == 200, answer.text
