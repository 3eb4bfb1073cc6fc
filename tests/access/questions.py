"""The cases of the access oracle: requests made up from a world's own words, and how their answers are fetched."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.common.model.names import AssetId, DatasetName, Namespace
from tests.access.answers import Answer, answer_of
from tests.access.served import Served
from tests.access.warehouses import NOUNS, PEOPLE, PLACES, QUESTIONS, STATUSES, TAGS, VERBS
from tests.access.worlds import World

Params = list[tuple[str, Any]]
MAX_PAGES = 40


@dataclass(frozen=True)
class Case:
    """One thing that a reader asks; `ask` fetches every answer that belongs to it, in order."""

    what: str
    ask: Callable[[Asker], list[Answer]]


@dataclass(frozen=True)
class Asker:
    """A reader of one catalog; `loosely` as in `answers.answer_of`."""

    served: Served
    caller: str
    loosely: frozenset[str] = frozenset()

    def one(self, route: str, path: str, params: Params | None = None) -> Answer:
        return answer_of(route, self.served.get(path, self.caller, params), self.loosely)

    def pages(self, route: str, path: str, params: Params, then: int) -> list[Answer]:
        """An answer and all that its cursor leads to, `then` items a page after the first."""
        out: list[Answer] = []
        asked = params
        while len(out) < MAX_PAGES:
            response = self.served.get(path, self.caller, asked)
            out.append(answer_of(route, response, self.loosely))
            cursor = response.json().get("cursor") if response.status_code == 200 else None
            if cursor is None:
                return out
            asked = [("limit", then), ("cursor", cursor), *(p for p in params if p[0] != "limit")]
        raise AssertionError(f"{path} has more than {MAX_PAGES} pages for {params}")

    def crawls(self, params: Params) -> list[Answer]:
        """The list of crawls, and each of them alone."""
        response = self.served.get("/crawls", self.caller, params)
        ids = [crawl["id"] for crawl in response.json().get("crawls", [])]
        return [answer_of("crawls", response), *(self.one("crawl", f"/crawls/{crawl}") for crawl in ids)]


def cases(world: World, dice: random.Random, n: int) -> Iterator[Case]:
    """`n` cases, everything at once first and then of every kind in turn."""
    made = _Questions(world, dice)
    yield made.everything()
    kinds = (
        made.search,
        made.asset,
        made.search,
        made.lineage,
        made.impact,
        made.column_lineage,
        made.columns,
        made.suggest,
        made.search,
        made.named,
        made.browse,
        made.listed,
        made.search,
        made.known_lineage,
        made.elsewhere,
    )
    for at in range(n - 1):
        yield kinds[at % len(kinds)]()


class _Questions:
    def __init__(self, world: World, dice: random.Random) -> None:
        self._world = world
        self._dice = dice
        self._datasets = [shelf.dataset(line) for shelf in world.shelves for line in shelf.lines]
        self._ghosts = [ghost for _, ghost in world.ghosts]
        self._schemas = sorted({d.parts[1] for d in self._datasets if len(d.parts) == 3})
        self._databases = sorted({d.parts[0] for d in self._datasets})
        self._sources = [shelf.name for shelf in world.shelves]

    def everything(self) -> Case:
        """The whole list, the lineage of every view, what completes each first letter, and the words that descriptions teach."""
        views = [view.id for view in self._views()]
        letters = sorted({noun[0] for noun in NOUNS})

        def ask(asker: Asker) -> list[Answer]:
            walked = [asker.one("lineage", f"/assets/{view}/lineage", [("depth", 100)]) for view in views]
            typed = [asker.one("suggest", "/suggest", [("q", letter), ("limit", 50)]) for letter in letters]
            taught = asker.one("vocabulary", "/vocabulary", [])
            return [*asker.pages("assets", "/assets", [("limit", 100)], 100), *walked, *typed, taught]

        return Case("everything", ask)

    def search(self) -> Case:
        params: Params = [("q", self._question()), ("limit", self._dice.choice((1, 3, 10, 50)))]
        params += self._filters() if self._dice.random() < 0.3 else []
        params += [("fold", "true")] if self._dice.random() < 0.3 else []
        params += [("answer", "tables")] if self._dice.random() < 0.5 else []
        if self._dice.random() < 0.2:
            params += [("kind", kind) for kind in self._dice.choice((["table"], ["view"], ["column", "table"], ["job"]))]
        return Case(f"/search {params}", lambda asker: asker.pages("search", "/search", params, 200))

    def columns(self) -> Case:
        params: Params = [("q", self._question()), ("kind", "column"), ("limit", self._dice.choice((2, 20, 200)))]
        return Case(f"/search {params}", lambda asker: asker.pages("search", "/search", params, 200))

    def browse(self) -> Case:
        params: Params = [*(self._filters() or [("kind", "view")]), ("limit", self._dice.choice((1, 7, 200)))]
        return Case(f"/search {params}", lambda asker: asker.pages("search", "/search", params, 200))

    def suggest(self) -> Case:
        params: Params = [("q", self._prefix()), ("limit", self._dice.choice((1, 3, 8, 50)))]
        return Case(f"/suggest {params}", lambda asker: [asker.one("suggest", "/suggest", params)])

    def listed(self) -> Case:
        params: Params = [("limit", self._dice.choice((1, 5, 200))), *(self._filters() if self._dice.random() < 0.6 else [])]
        return Case(f"/assets {params}", lambda asker: asker.pages("assets", "/assets", params, 100))

    def named(self) -> Case:
        params: Params = [("name", self._name())]
        return Case(f"/assets {params}", lambda asker: [asker.one("assets", "/assets", params)])

    def asset(self) -> Case:
        asset = self._id()
        rest = self._dice.choice((1, 2, 100))
        most = self._dice.choice((3, 20, 200))
        return Case(
            f"/assets/{asset}",
            lambda asker: [
                asker.one("asset", f"/assets/{asset}"),
                asker.one("changes", f"/assets/{asset}/changes", [("limit", rest)]),
                asker.one("versions", f"/assets/{asset}/versions"),
                asker.one("related", f"/assets/{asset}/related", [("limit", most)]),
                asker.one("similar", f"/assets/{asset}/similar", [("limit", most)]),
            ],
        )

    def lineage(self) -> Case:
        asset = self._id()
        params: Params = [
            ("direction", self._dice.choice(("upstream", "downstream", "both"))),
            ("depth", self._dice.choice((1, 2, 3, 100))),
            ("limit", self._dice.choice((1, 3, 200))),
        ]
        path = f"/assets/{asset}/lineage"
        return Case(f"lineage of {asset} {params}", lambda asker: asker.pages("lineage", path, params, 50))

    def impact(self) -> Case:
        asset, other = self._id(), self._id()
        params: Params = [("change", self._dice.choice(("drop", "rename"))), ("limit", self._dice.choice((1, 100)))]
        params += [("column", f"{self._dice.choice(NOUNS)}_id")] if self._dice.random() < 0.3 else []
        between: Params = [("from", other), ("to", asset), ("limit", 5)]
        if self._dice.random() < 0.4:  # and between columns, where there is such a column
            nouns = self._dice.choice(NOUNS), self._dice.choice(NOUNS)
            between += [("from_column", f"{nouns[0]}_id"), ("to_column", f"{nouns[1]}_id")]
        return Case(
            f"impact of {asset} {params}, paths from {other}",
            lambda asker: [
                asker.one("impact", f"/assets/{asset}/impact", params),
                asker.one("paths", "/lineage/paths", between),
            ],
        )

    def column_lineage(self) -> Case:
        """From a column of a table or view, along all edges or some, now or at a time before or after everything."""
        shelf = self._dice.choice(self._world.shelves)
        line = self._dice.choice([line for line in shelf.lines if line.get("columns")])
        asset = shelf.dataset(line).id
        column = self._dice.choice([*(column["name"] for column in line["columns"]), "nothing"])
        params: Params = [
            *(("column", column) for _ in range(self._dice.choice((0, 1, 1, 1)))),
            ("direction", self._dice.choice(("upstream", "downstream", "both"))),
            ("depth", self._dice.choice((1, 2, 100))),
            ("limit", self._dice.choice((2, 200))),
            *self._dice.choice(([], [("kinds", "direct")], [("kinds", "key")], [("kinds", "view"), ("kinds", "key")])),
            *self._dice.choice(([], [("as_of", "2001-01-01")], [("as_of", "2099-01-01")], [("stale", "true")])),
        ]
        path = f"/assets/{asset}/lineage"
        return Case(f"lineage of {asset} {params}", lambda asker: [asker.one("lineage", path, params)])

    def known_lineage(self) -> Case:
        """How far definitions are understood, and everything that ever opened, of all or of one asset."""
        params: Params = [("from", "2001-01-01"), ("to", "2099-01-01"), ("limit", self._dice.choice((3, 10_000)))]
        params += [("asset", self._id()) for _ in range(self._dice.choice((0, 1)))]
        return Case(
            f"/lineage/diff {params}",
            lambda asker: [
                asker.one("lineage coverage", "/lineage/coverage"),
                asker.one("lineage diff", "/lineage/diff", params),
            ],
        )

    def elsewhere(self) -> Case:
        """Sources, crawls, and requests that fail."""
        source = self._dice.choice([*self._sources, "nobody"])
        match self._dice.randrange(4):
            case 0:
                return Case("/sources", lambda asker: [asker.one("sources", "/sources")])
            case 1:
                return Case(f"/crawls of {source}", lambda asker: asker.crawls([("source", source)]))
            case 2:
                return Case("/crawls", lambda asker: asker.crawls([]))
            case _:
                params: Params = [("q", self._question()), ("cursor", "WyIxLjEiLDAsIngiXQ")]
                return Case(f"/search {params}", lambda asker: [asker.one("search", "/search", params)])

    def _question(self) -> str:
        dice = self._dice
        match dice.randrange(10):
            case 0 | 8 | 9 as case:
                return self._typed() if case else self._name()
            case 1:
                return dice.choice(self._datasets).parts[-1].replace("_", " ")
            case 2:
                return f"{dice.choice(self._code_words())} {dice.choice(NOUNS)}"
            case 3:
                return dice.choice(("qwerty zxcvb", "'; DROP TABLE x", "%", "🛒", "the of and", "*", "nobody.knows.this"))
            case 4:
                return " ".join(dice.sample([*NOUNS, *VERBS, *PLACES], dice.randint(2, 9)))
            case _:
                words = {"a": NOUNS, "b": NOUNS, "v": VERBS, "p": PLACES}
                return dice.choice(QUESTIONS).format(**{key: dice.choice(values) for key, values in words.items()})

    def _typed(self) -> str:
        """Typed filters, phrases and operators, of words that only hidden tables may have too."""
        dice = self._dice
        fields = [f'{field}:"{value}"' for field, value in self._filters()]
        code, noun, dataset = self._code_words()[0], dice.choice(NOUNS), dice.choice([*self._datasets, *self._ghosts])
        ends = [
            *fields,
            f'name:"{".".join(dataset.parts[-2:])}"',
            f"name:{dataset.parts[-1][:3]}*",
            f"column:{noun}_id",
            "column:*id",
            "kind:column,view",
            "quality:*",
            "updated:<9y",
            f'"{dataset.parts[-1].replace("_", " ")}"',
            f"({code} OR {noun})",
            "owner:me",
        ]
        chosen = dice.sample(ends, dice.randint(1, 3))
        negated = [f"NOT {one}" if dice.random() < 0.3 else one for one in chosen]
        return f"{dice.choice(('', noun, code))} {dice.choice((' ', ' OR ')).join(negated)}".strip()

    def _name(self) -> str:
        """A whole name, its end, a column of it, in another case, or with its namespace; of any table or ghost."""
        dice = self._dice
        dataset = dice.choice([*self._datasets, *self._datasets, *self._ghosts])
        parts = list(dataset.parts[dice.randrange(len(dataset.parts)) :])
        match dice.randrange(6):
            case 0:
                return ".".join(parts).upper()
            case 1:
                return f"{dataset.namespace}/{dataset.qualified}"
            case 2:
                return ".".join([*parts, f"{dice.choice(NOUNS)}_id"])
            case _:
                return ".".join(parts)

    def _prefix(self) -> str:
        dice = self._dice
        word = dice.choice(
            [dice.choice(self._datasets).parts[-1], dice.choice(NOUNS), self._name(), *self._code_words()[:1]]
        )
        return word[: dice.randint(1, max(1, len(word)))]

    def _code_words(self) -> list[str]:
        codes = [
            piece for d in (*self._datasets, *self._ghosts) for piece in d.parts[-1].lower().split("_") if piece[:2] == "zk"
        ]
        return self._dice.sample(codes, 3)

    def _filters(self) -> Params:
        dice = self._dice
        every: Sequence[tuple[str, Sequence[str]]] = (
            ("source", self._sources),
            ("database", self._databases),
            ("schema", self._schemas),
            ("tag", TAGS),
            ("owner", PEOPLE),
            ("status", STATUSES),
            ("platform", ("postgres", "duckdb", "snowflake", "metadata")),
        )
        chosen = dice.sample(every, dice.randint(1, 2))
        return [(field, value) for field, values in chosen for value in dice.sample(list(values), min(len(values), 2))]

    def _id(self) -> AssetId:
        """Of a table, seen or hidden; of a view; of a name that only SQL has; of nothing."""
        match self._dice.randrange(6):
            case 0 if self._ghosts:
                return self._dice.choice(self._ghosts).id
            case 1:
                return DatasetName(Namespace("postgres://db1:5432"), ("shop", "public", "nothing")).id
            case 2 | 3:
                return self._dice.choice(self._views()).id
            case _:
                return self._dice.choice(self._datasets).id

    def _views(self) -> list[DatasetName]:
        return [shelf.dataset(line) for shelf in self._world.shelves for line in shelf.lines if "sql" in line]
