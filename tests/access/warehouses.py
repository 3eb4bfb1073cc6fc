"""Made-up warehouses for the access oracle, each from a seed alone.

Tables carry code words that stand nowhere else, so that one byte of a hidden name in an answer is seen. What an answer may
depend on besides names is there too: views that name hidden tables and names that no crawl has shown, keys, copies, equal
names in several schemas, restricted columns, tables that went away.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from services.common.model.access import AccessScope
from services.common.model.names import DatasetName, Namespace, ScopePath
from tests.access.worlds import Line, Shelf, Word, World

NOUNS = [
    "order",
    "customer",
    "invoice",
    "payment",
    "salary",
    "employee",
    "product",
    "stock",
    "shipment",
    "return",
    "contract",
    "ticket",
    "visit",
    "campaign",
    "budget",
    "account",
    "ledger",
    "region",
    "store",
    "supplier",
    "price",
    "discount",
    "refund",
    "session",
    "click",
    "device",
    "lead",
    "forecast",
]
SHORT = {"cust": "customer", "inv": "invoice", "prod": "product", "acct": "account", "supp": "supplier", "disc": "discount"}
"""Short forms that some columns have, with the word that their descriptions say."""
VERBS = [
    "daily",
    "monthly",
    "open",
    "closed",
    "gross",
    "net",
    "current",
    "historic",
    "pending",
    "approved",
    "regional",
    "online",
]
PLACES = ["berlin", "lisbon", "oslo", "lyon", "porto", "turin"]
PEOPLE = [f"team-{word}" for word in ("sales", "hr", "finance", "web", "ops", "risk", "growth")]
TAGS = ["pii", "gold", "finance", "raw", "certified", "gdpr"]
STATUSES = ["endorsed", "warned", "deprecated"]
QUESTIONS = (
    "how many {a} did we have per {b}",
    "which table has the {a} of every {b}",
    "{a} {b}",
    "{a}",
    "list all {a} that were {v} in {p}",
    "where is the {v} {a}",
    "{v} {a} {b} by {p}",
)


def make_world(seed: int, *, tables: int, scopes: int, published: bool) -> World:
    """A world of about so many tables over four sources."""
    dice = random.Random(seed)
    maker = _Maker(dice)
    shelves = [
        maker.shelf("wh", "postgres://db1:5432", {"shop": ["public", "sales", "hr"], "erp": ["public", "fin"]}, tables // 2),
        maker.shelf("lake", "duckdb:///srv/lake.duckdb", {"lake": ["raw", "mart", "hr"]}, tables // 5),
        maker.shelf("snow", "snowflake://acct", {"DWH": ["CORE", "HR"]}, tables // 10, upper=True),
        maker.flat("flat", tables - tables // 2 - tables // 5 - tables // 10),
    ]
    chosen = tuple(maker.scope(shelves) for _ in range(scopes))
    shelves[0] = maker.crawled_again(shelves[0], chosen)
    return World(seed, tuple(shelves), tuple(maker.words(shelves)), chosen, tuple(maker.ghosts), published=published)


class _Maker:
    """Makes the parts of one world with one pair of dice."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.ghosts: list[tuple[str, DatasetName]] = []
        self._codes = 0

    def code(self) -> str:
        """A word that is made once and never again, and no beginning of another one."""
        self._codes += 1
        return "zk" + "".join(chr(ord("a") + int(digit)) for digit in f"{self._codes:04d}") + "k"

    def shelf(self, name: str, namespace: str, schemas: dict[str, list[str]], n: int, *, upper: bool = False) -> Shelf:
        """A source with schemas; the last sixth of it are views over the tables before."""
        places = [(database, schema) for database, inner in schemas.items() for schema in inner]
        lines: list[Line] = []
        for _ in range(n - n // 6):
            database, schema = self.dice.choice(places)
            line = {"database": database, "schema": schema, **self.table(lines, upper=upper)}
            lines.append(line)
            if self.dice.random() < 0.15:  # a copy beside it, or the same name elsewhere
                lines.append(self.copy(line, places, upper=upper))
        unique = list({(line["database"], line["schema"], line["name"]): line for line in lines}.values())
        self._keys(unique)
        for at in range(n // 6):
            database, schema = self.dice.choice(places)
            unique.append(self.view(name, namespace, database, schema, unique, at, upper=upper))
        return Shelf(name, namespace, tuple(unique))

    def flat(self, name: str, n: int) -> Shelf:
        """A source of many small databases without schemas: the evidence of a whole database moves its tables."""
        lines = [{"database": f"db_{self.dice.choice(NOUNS)}", **self.table([], upper=False)} for _ in range(n)]
        return Shelf(name, None, tuple({(line["database"], line["name"]): line for line in lines}.values()))

    def table(self, before: Sequence[Line], *, upper: bool) -> Line:
        dice = self.dice
        pieces = dice.sample(NOUNS, dice.randint(1, 2))
        if dice.random() < 0.2:
            pieces.insert(0, dice.choice(VERBS))
        if dice.random() < 0.8:
            pieces.append(self.code())
        name = "_".join(pieces)
        if before and dice.random() < 0.1:
            name = dice.choice(before)["name"].lower()
        elif dice.random() < 0.1:
            name = "".join(piece.title() for piece in pieces) if "zk" not in name else name
        line: Line = {"name": name.upper() if upper else name, "columns": [*self.columns(), *_teaching(name)]}
        if dice.random() < 0.7:
            line["description"] = self.sentence()
        if dice.random() < 0.4:
            line["tags"] = dice.sample(TAGS, dice.randint(1, 2))
        if dice.random() < 0.5:
            line["owners"] = [dice.choice(PEOPLE)]
        if dice.random() < 0.2:
            line["retention"] = f"{dice.randint(1, 9)} years"
        return line

    def columns(self) -> list[Line]:
        out: list[Line] = [{"name": "id", "type": "bigint"}]
        for noun in self.dice.sample(NOUNS, self.dice.randint(1, 4)):
            column: Line = {"name": f"{noun}_{self.dice.choice(('id', 'amount', 'date', 'name'))}", "type": "text"}
            if self.dice.random() < 0.4:
                column["description"] = self.sentence()
            if self.dice.random() < 0.15:
                column["restricted"] = True
            out.append(column)
        return out

    def sentence(self) -> str:
        dice = self.dice
        return (
            f"{dice.choice(VERBS)} {dice.choice(NOUNS)}s of each {dice.choice(NOUNS)} in {dice.choice(PLACES)}".capitalize()
        )

    def copy(self, line: Line, places: Sequence[tuple[str, str]], *, upper: bool) -> Line:
        if self.dice.random() < 0.5:
            database, schema = self.dice.choice(places)
            return {**line, "database": database, "schema": schema}
        suffix = self.dice.choice(("_bak", "_old", "_20240131"))
        return {**line, "name": line["name"] + (suffix.upper() if upper else suffix)}

    def _keys(self, lines: list[Line]) -> None:
        """Foreign keys between tables of one database, some to tables that do not exist."""
        for line in lines:
            if self.dice.random() < 0.6:
                other = self.dice.choice([o for o in lines if o["database"] == line["database"]])
                full = [other["database"], other["schema"], other["name"]]
                written = (
                    full[self.dice.choice((0, 1)) :]
                    if other["schema"] != line["schema"]
                    else full[self.dice.choice((0, 1, 2)) :]
                )
                line["foreign_keys"] = [{"columns": ["id"], "ref_table": ".".join(written), "ref_columns": ["id"]}]

    def view(
        self, source: str, namespace: str, database: str, schema: str, lines: Sequence[Line], at: int, *, upper: bool
    ) -> Line:
        dice = self.dice
        here = [line for line in lines if line["database"] == database]
        names = [self._reference(dice.choice(here), schema) for _ in range(dice.randint(1, 3))]
        if dice.random() < 0.3:
            names.append(self._ghost(source, namespace, database, dice.choice(here)["schema"], upper=upper))
        joined = " ".join(f"JOIN {other} t{n} ON t{n}.id = t0.id" for n, other in enumerate(names[1:], 1))
        sql = f"SELECT t0.* FROM {names[0]} t0 {joined}"
        sql = dice.choice(
            (
                sql,
                f"CREATE VIEW v AS {sql}",
                f"WITH picked AS ({sql}) SELECT * FROM picked",
                f"{sql} WHERE t0.id IN (SELECT id FROM {names[-1]})",
                f"{sql} UNION ALL SELECT * FROM {names[-1]}",
            )
        )
        if dice.random() < 0.08:
            sql = f"SELEC * FRM {names[0]} ((("
        line = self.table([], upper=upper)
        line.pop("foreign_keys", None)
        name = f"v{at}_{line['name']}"
        kind = dice.choice(("view", "view", "materialized_view"))
        return {
            **line,
            "database": database,
            "schema": schema,
            "name": name.upper() if upper else name,
            "kind": kind,
            "sql": sql,
        }

    def _reference(self, line: Line, schema: str) -> str:
        """A table as SQL names it: with its schema, or short where the engine would look for it."""
        parts = (line["schema"], line["name"])
        quoted = [part if part in (part.lower(), part.upper()) else f'"{part}"' for part in parts]
        return ".".join(quoted[1:] if line["schema"] in (schema, "public") and self.dice.random() < 0.5 else quoted)

    def _ghost(self, source: str, namespace: str, database: str, schema: str, *, upper: bool) -> str:
        if self.ghosts and self.dice.random() < 0.4:
            again = [g for s, g in self.ghosts if s == source and g.parts[0] == database]
            if again:
                return ".".join(self.dice.choice(again).parts[1:])
        name = f"{self.dice.choice(NOUNS)}_{self.code()}"
        name = name.upper() if upper else name
        self.ghosts.append((source, DatasetName(Namespace(namespace), (database, schema, name))))
        return f"{schema}.{name}"

    def scope(self, shelves: Sequence[Shelf]) -> AccessScope:
        """Globs of every shape: wide, narrow, wild in the middle, upper case, a deny inside an allow, nothing at all."""
        dice = self.dice
        paths = [shelf.path(line) for shelf in shelves for line in shelf.lines]
        shapes: tuple[Callable[[], tuple[tuple[str, ...], tuple[str, ...]]], ...] = (
            lambda: (("*",), ("*.hr",)),
            lambda: (("WH.Shop", "lake.*"), (self._glob(paths), "*_bak")),
            lambda: ((dice.choice(("wh.shop.sales.*", "wh.shop.public", "*.mart.*", "wh.?rp.*", "flat")),), ()),
            lambda: (("*",), tuple(self._glob(paths) for _ in range(dice.randint(3, 12)))),
            lambda: (tuple(self._glob(paths) for _ in range(dice.randint(4, 12))), (f"*{dice.choice(NOUNS)}*",)),
            lambda: (("**",), tuple(dice.sample(paths, len(paths) // 3))),
            lambda: (tuple(dice.sample(paths, len(paths) // 2)), ("*zk???a*",)),
            lambda: dice.choice((((), ("wh",)), (("*",), ("*",)), (("wh",), ("wh.shop.hr", "wh.erp.*")))),
        )
        return AccessScope(*dice.choice(shapes)())

    def _glob(self, paths: Sequence[ScopePath]) -> str:
        parts = self.dice.choice(paths).split(".")
        match self.dice.randrange(5):
            case 0:
                return ".".join(parts[: self.dice.randint(2, len(parts))])
            case 1:
                return ".".join([*parts[:-1], parts[-1][:3] + "*"]).upper()
            case 2:
                return "*." + parts[-1]
            case 3:
                parts[self.dice.randrange(len(parts))] = "*"
                return ".".join(parts)
            case _:
                return ".".join([*parts[:-1], "?" + parts[-1][1:]])

    def crawled_again(self, shelf: Shelf, scopes: Sequence[AccessScope]) -> Shelf:
        """A second crawl that no longer finds some tables and finds others changed.

        Of each schema that a scope shows anything of, it still finds something that the scope shows: only a container that
        a crawl comes to can lose tables, and the catalog without hidden tables must be crawled over the same containers.
        """
        kept = list(shelf.lines)
        for line in self.dice.sample(shelf.lines, len(shelf.lines) // 8):
            rest = [other for other in kept if other is not line]
            near = [other for other in rest if (other["database"], other["schema"]) == (line["database"], line["schema"])]
            if all(any(s.permits(shelf.path(o)) for o in near) for s in scopes if s.permits(shelf.path(line))):
                kept = rest
        changed = [
            {**line, "columns": [*line["columns"], {"name": "added_later"}]} if self.dice.random() < 0.1 else line
            for line in kept
        ]
        return Shelf(shelf.name, shelf.namespace, shelf.lines, tuple(changed))

    def words(self, shelves: Sequence[Shelf]) -> Iterable[Word]:
        """What people say, of tables that are there after the last crawl."""
        dice = self.dice
        there = [(shelf, line) for shelf in shelves for line in (shelf.lines if shelf.later is None else shelf.later)]
        every = [(shelf.dataset(line).id, line) for shelf, line in there]
        for asset, line in dice.sample(every, len(every) // 4):
            patch: dict[str, Any] = {}
            successor = None
            if dice.random() < 0.5:
                patch["description"] = self.sentence()
            if dice.random() < 0.4:
                patch |= {"tags": dice.sample(TAGS, 2), "owners": [dice.choice(PEOPLE)]}
            if dice.random() < 0.5:
                patch["status"] = dice.choice(STATUSES)
            if dice.random() < 0.5:
                successor = dice.choice([other for other, _ in every if other != asset])
                patch["successor"] = successor
            if dice.random() < 0.3:
                column = dice.choice(line["columns"])["name"]
                patch["columns"] = [
                    {"name": column, "description": self.sentence(), "tags": [dice.choice((*TAGS, "restricted"))]}
                ]
            if patch:
                yield Word(asset, patch, successor)


def _teaching(table: str) -> list[Line]:
    """A column of some tables whose description says what its short form means; from the table's name alone."""
    dice = random.Random(table)
    if dice.random() > 0.3:
        return []
    short, word = dice.choice(list(SHORT.items()))
    text = f"{dice.choice(VERBS)} {word} that the {dice.choice(NOUNS)} in {dice.choice(PLACES)} belongs to"
    return [{"name": f"{short}_ref", "type": "text", "description": text}]
