"""What people decide about words: terms, their synonyms, and meanings that were rejected; stored, recorded, handed to searches.

Beside journey 2. A term may belong to tables; whoever may see none of them never learns of it.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, RowMapping

from services.catalog.assets import AssetReader
from services.catalog.store import words
from services.catalog.store.types import utc_now
from services.common.errors import BadRequest, Forbidden, PreconditionFailed, PreconditionRequired
from services.common.model.access import AccessScope, Principal
from services.common.model.assets import Asset
from services.common.model.names import AssetId
from services.common.model.vocabulary import Synonyms
from services.common.runtime.db import Database

MAX_WORDS = 64
"""Words of a question that are looked up."""
MAX_NAME_WORDS = 6
"""Longer names of terms are found by nobody's question."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be said about a term.

    Attributes:
        term: as people write it.
        synonyms, rejected: other names; meanings that nobody may take it for.
        definition: for people.
        tables: where it belongs; empty for everywhere.

    """

    term: str
    synonyms: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    definition: str | None = None
    tables: tuple[AssetId, ...] = ()

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is left of it: then the term is taken away."""
        return not (self.synonyms or self.rejected or self.definition or self.tables)


@dataclass(frozen=True, slots=True)
class Term:
    """A term as a reader sees it: with those of its tables that they may see."""

    entry: Entry
    tables: tuple[Asset, ...]
    revision: int
    by: str
    at: dt.datetime


class Vocabulary:
    """Reads and writes the terms of one catalog."""

    def __init__(self, database: Database, reader: AssetReader, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock

    def page(self, scope: AccessScope, *, after: str = "", limit: int = 100) -> tuple[tuple[Term, ...], str | None]:
        """Terms in the order of their keys, and the key after which the next page begins, None at the end."""
        with self._database.read() as connection:
            rows = words.terms_after(connection, after)
        shown = self._shown(rows, scope)
        page = [(row["key"], shown[row["key"]]) for row in rows if row["key"] in shown][: limit + 1]
        return tuple(term for _, term in page[:limit]), page[limit - 1][0] if len(page) > limit else None

    def said(self, text: str, scope: AccessScope) -> tuple[Synonyms, ...]:
        """What people decided about the words of a question, terms that the scope hides left out."""
        names = _names_in(text)
        if not names:
            return ()
        with self._database.read() as connection:
            rows = words.terms_called(connection, names)
        shown = self._shown(rows, scope)
        return tuple(Synonyms(one.entry.term, one.entry.synonyms, one.entry.rejected) for one in shown.values())

    def put(self, entry: Entry, principal: Principal, *, if_match: int | None) -> Term | None:
        """Say what a term is, in place of all that was said of it; None where that leaves nothing and it is taken away.

        Raises:
            Forbidden: the caller may not see everything: a word is said to all.
            BadRequest: it has no words, or a table is unknown.
            PreconditionRequired: the term is there already, and no revision was named.
            PreconditionFailed: it has another revision.

        """
        if not principal.scope.is_full:
            raise Forbidden(f"{principal.name} sees a part of the catalog; words are said to all, by who sees all of it")
        key = fold(entry.term)
        if not key:
            raise BadRequest("a term needs a word", errors=({"pointer": "/term", "detail": "has no word"},))
        unknown = [asset for asset in entry.tables if asset not in self._reader.many(entry.tables, principal.scope)]
        if unknown:
            raise BadRequest(f"there is no asset {unknown[0]}", errors=({"pointer": "/tables", "detail": "is unknown"},))
        with self._database.write() as connection:
            held = next(iter(words.terms_of(connection, [key])), None)
            revision = held["revision"] if held else None
            if held is not None and if_match is None:
                raise PreconditionRequired("the term is there already: send If-Match with its ETag as you read it")
            if if_match is not None and if_match != revision:
                raise PreconditionFailed(f"revision {if_match} was meant, but the term is at {revision or 'none'}")
            self._write(connection, key, entry, held, principal.name)
        return None if entry.says_nothing else self._one(key, principal.scope)

    def get(self, term: str, scope: AccessScope) -> Term | None:
        """A term, None where there is none for this caller."""
        return self._one(fold(term), scope)

    def decided(self, terms: Sequence[str], scope: AccessScope) -> dict[str, Term]:
        """Those of some terms that are there for this caller, by `fold` of the term."""
        with self._database.read() as connection:
            rows = words.terms_of(connection, sorted({fold(term) for term in terms}))
        return self._shown(rows, scope)

    def _one(self, key: str, scope: AccessScope) -> Term | None:
        with self._database.read() as connection:
            rows = words.terms_of(connection, [key])
        return self._shown(rows, scope).get(key)

    def _write(self, connection: Connection, key: str, entry: Entry, held: RowMapping | None, by: str) -> None:
        before = asdict(_entry(held)) if held is not None else None
        if before == asdict(entry) or (held is None and entry.says_nothing):
            return
        now = self._clock()
        if entry.says_nothing:
            words.drop_term(connection, key)
        else:
            # counted on record, so that a term that comes back never has a revision that somebody may still hold
            revision = words.times_said(connection, key) + 1
            row = {"key": key, **asdict(entry), "revision": revision, "by": by, "at": now}
            # a question with a rejected meaning must hear of the rejection too
            names = (entry.term, *entry.synonyms, *entry.rejected)
            words.put_term(connection, row, {fold(name) for name in names} - {""})
        words.record(connection, now, by, key, before=before, after=None if entry.says_nothing else asdict(entry))

    def _shown(self, rows: Sequence[RowMapping], scope: AccessScope) -> dict[str, Term]:
        """The terms that a scope lets through, with the tables that it lets through."""
        ids = [AssetId(asset) for row in rows for asset in row["tables"]]
        seen: Mapping[AssetId, Asset] = self._reader.many(ids, scope) if ids else {}
        out = {}
        for row in rows:
            tables = tuple(seen[AssetId(asset)] for asset in row["tables"] if asset in seen)
            if tables or not row["tables"]:
                entry = replace(_entry(row), tables=tuple(one.id for one in tables))
                out[row["key"]] = Term(entry, tables, row["revision"], row["by"], row["at"])
        return out


def fold(name: str) -> str:
    """A name as names are compared: its words in lower case with single spaces, forms of one letter made one."""
    normal = unicodedata.normalize("NFKC", name).casefold()
    return words.cut(" ".join(re.findall(r"\w+", normal.replace("_", " "))))


def _names_in(text: str) -> list[str]:
    """Every run of words of a question that may be a name, each also without a plural's `s`."""
    asked = fold(text[:4_000]).split()[:MAX_WORDS]
    runs = {
        " ".join(asked[start : start + length])
        for length in range(1, MAX_NAME_WORDS + 1)
        for start in range(len(asked) - length + 1)
    }
    return sorted(runs | {run.removesuffix("s") for run in runs})


def _entry(row: RowMapping) -> Entry:
    return Entry(
        row["term"],
        tuple(row["synonyms"]),
        tuple(row["rejected"]),
        row["definition"],
        tuple(AssetId(asset) for asset in row["tables"]),
    )
