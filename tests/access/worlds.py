"""What the access oracle crawls: sources as `metadata://` lines, what people say of them, and the scopes that look at them.

`warehouses` makes worlds up; here they are values, with the world that a scope's reader lives in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, DatasetName, Namespace, ScopePath, scope_path

Line = dict[str, Any]


@dataclass(frozen=True)
class Shelf:
    """One source: its name, namespace (None: the file's own), lines as first crawled, and as crawled again later."""

    name: str
    namespace: str | None
    lines: tuple[Line, ...]
    later: tuple[Line, ...] | None = None

    def dataset(self, line: Line) -> DatasetName:
        parts = tuple(part for part in (line["database"], line.get("schema"), line["name"]) if part)
        return DatasetName(Namespace(self.namespace or f"metadata://{self.name}"), parts)

    def path(self, line: Line) -> ScopePath:
        return scope_path(self.name, self.dataset(line).parts)


@dataclass(frozen=True)
class Word:
    """What somebody says about a table: a merge patch of it; `successor` is another table's id, or None."""

    asset: AssetId
    patch: dict[str, Any]
    successor: AssetId | None = None


@dataclass(frozen=True)
class World:
    """Everything that is crawled and said, and the scopes that it is looked at through.

    Attributes:
        ghosts: names that no crawl shows and that views mention, with the source they belong to.
        published: whether the index stands in a published generation when it is asked; else in the delta's segments.

    """

    seed: int
    shelves: tuple[Shelf, ...]
    words: tuple[Word, ...]
    scopes: tuple[AccessScope, ...]
    ghosts: tuple[tuple[str, DatasetName], ...]
    published: bool

    def paths(self) -> dict[AssetId, ScopePath]:
        """Where each crawled table stands."""
        return {shelf.dataset(line).id: shelf.path(line) for shelf in self.shelves for line in _every(shelf)}

    def without_hidden(self, scope: AccessScope) -> World:
        """The world in which the tables that a scope hides never were: not crawled, and nothing said of them."""
        paths = self.paths()
        shown = {asset for asset, path in paths.items() if scope.permits(path)}
        shelves = tuple(
            Shelf(
                shelf.name,
                shelf.namespace,
                tuple(line for line in shelf.lines if shelf.dataset(line).id in shown),
                None if shelf.later is None else tuple(line for line in shelf.later if shelf.dataset(line).id in shown),
            )
            for shelf in self.shelves
        )
        words = [word for word in self.words if word.asset in shown]
        words = [word if word.successor is None or word.successor in shown else _unsaid(word) for word in words]
        return World(
            self.seed, shelves, tuple(w for w in words if w.patch), self.scopes, self.ghosts, published=self.published
        )

    def hidden_codes(self, scope: AccessScope) -> set[str]:
        """The code words that stand in names which a scope hides and in no other text: never in an answer."""
        hidden: set[str] = set()
        open_text: list[str] = []
        for shelf in self.shelves:
            for line in _every(shelf):
                name = line["name"].lower()
                if scope.permits(shelf.path(line)):
                    open_text.append(name)
                else:
                    hidden |= _codes(name)
        for source, ghost in self.ghosts:
            if not scope.permits(scope_path(source, ghost.parts)):
                hidden |= _codes(ghost.qualified.lower())
        shown = " ".join(open_text)
        return {code for code in hidden if code not in shown}

    def loosely_counted(self, scope: AccessScope) -> set[str]:
        """Tables of which something was said that the scope hides: only their revisions count it."""
        paths = self.paths()
        return {word.asset for word in self.words if word.successor and not scope.permits(paths[word.successor])}


def _every(shelf: Shelf) -> Iterable[Line]:
    return (*shelf.lines, *(shelf.later or ()))


def _unsaid(word: Word) -> Word:
    return Word(word.asset, {field: value for field, value in word.patch.items() if field != "successor"})


def _codes(text: str) -> set[str]:
    return {piece for piece in text.replace(".", "_").split("_") if piece.startswith("zk")}
