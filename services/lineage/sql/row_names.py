"""Names that stand for a row in code: a loop's variable, a cursor, the row before and after a trigger.

Journey 3, step "SQL → edges", on tokens of blocks and routines.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from sqlglot import Token, TokenType

from services.lineage.sql.facts import TableKey
from services.lineage.sql.relation import Relation, origins
from services.lineage.sql.tokens import word
from services.lineage.sql.writes import ANSWER, Facts

_IN_TRIGGERS = ("new", "old", "inserted", "deleted")
_STATES = frozenset({"NEW", "OLD", "NEW_TABLE", "OLD_TABLE"})
_TO_CURSOR = frozenset({"FROM", "IN"})
_FETCH = 8
"""Tokens from FETCH to INTO at most: `FETCH RELATIVE -2 FROM c INTO r`."""
_HEAD = 60
"""Tokens of a trigger among which its table and the names of its rows stand."""


@dataclass(slots=True)
class _Loop:
    """A loop that has begun, or is about to.

    Attributes:
        name: of the row that it is at; empty where it goes through no rows.
        cursor: what stands behind IN.
        end: the word behind END that ends it.
        hidden: what the name meant before it.

    """

    name: str = ""
    cursor: str = ""
    rows: Relation | None = None
    end: str = "LOOP"
    hidden: Relation | None = None


@dataclass(slots=True)
class RowNames:
    """The names that are known at a place in a text, each with what is in its row.

    Attributes:
        relations: all of them.
        tables: those that FROM may name too: the rows that a trigger is run for.

    """

    relations: dict[str, Relation] = field(default_factory=dict)
    tables: dict[str, Relation] = field(default_factory=dict)
    _cursors: dict[str, Relation] = field(default_factory=dict)
    _open: list[_Loop] = field(default_factory=list)
    _coming: _Loop | None = None
    _query: _Loop | str | None = None

    def inside(self) -> RowNames:
        """Those at the beginning of a block: what it names is forgotten with it."""
        return RowNames(dict(self.relations), self.tables, self._cursors, list(self._open))

    def of_trigger(self, tokens: Sequence[Token], relation: Relation) -> RowNames:
        """Those in a trigger on a table."""
        rows, tables = _referenced(tokens)
        seen = {**self.tables, **dict.fromkeys((*_IN_TRIGGERS, *tables), relation)}
        return RowNames({**self.relations, **seen, **dict.fromkeys(rows, relation)}, seen, self._cursors)

    def walk(self, tokens: Sequence[Token]) -> None:
        """Go through the code between two statements, where loops begin and end.

        `FOR r IN (SELECT …)`, `CURSOR c IS SELECT …` with `FOR r IN c`, `c CURSOR FOR SELECT …`; `OPEN c FOR SELECT …` and
        `FETCH c INTO r`, behind which `r` is the row.
        """
        words = [word(token) for token in tokens]
        cursor: str | None = None
        self._query = None
        for at, text in enumerate(words):
            if text in (";", "BEGIN"):
                self._coming = cursor = None
            elif text in ("CURSOR", "OPEN"):
                cursor = _cursor(words, at) or cursor
            elif text == "FETCH":
                self._fetch(words, at)
            elif _is_loop(words, at):
                self._coming = self._coming or _Loop(words[at + 1].lower(), _behind_in(words, at))
            elif text in ("LOOP", "FOR") and at and words[at - 1] == "END":
                self._leave(text)
            elif text == "LOOP" or (text == "DO" and self._coming is not None):
                self._enter("LOOP" if text == "LOOP" else "FOR")
        if words and words[-1] in ("IS", "FOR"):
            self._query = cursor
        elif words[-1:] == ["IN"] or words[-2:] == ["IN", "("]:
            self._query = self._coming

    def _fetch(self, words: Sequence[str], at: int) -> None:
        fetched = _fetched(words, at)
        if fetched is not None:
            self._name(fetched[1], self._cursors.get(fetched[0]))

    def _enter(self, end: str) -> None:
        loop, self._coming = self._coming or _Loop(), None
        loop.end = end
        self._open.append(loop)
        if loop.name:
            loop.hidden = self.relations.pop(loop.name, None)
            self._name(loop.name, loop.rows or self._cursors.get(loop.cursor))

    def _leave(self, end: str) -> None:
        if all(loop.end != end for loop in self._open):
            return
        while True:
            loop = self._open.pop()
            self.relations.pop(loop.name, None)
            self._name(loop.name, loop.hidden)
            if loop.end == end:
                return

    def _name(self, name: str, rows: Relation | None) -> None:
        if rows is not None:
            self.relations[name] = rows

    def take(self, facts: Facts, looped: Container[str]) -> None:
        """Keep the rows of a query that a loop or a cursor goes through: its result is not handed out.

        Args:
            facts: those of the statement behind the code that was gone through last.
            looped: the cursors that loops go through.

        """
        answers = [write for write in facts.writes if write.how == ANSWER]
        if self._query is None or len(answers) != 1 or len(facts.writes) != 1:
            return
        relation = Relation(list(answers[0].columns), set(answers[0].rows))
        if isinstance(self._query, _Loop):
            self._query.rows = relation
        else:
            self._cursors[self._query] = relation
            if self._query not in looped:
                return
        facts.writes = []

    def note(self, facts: Facts) -> None:
        """Add the tables behind the rows to what a statement reads, where it uses their columns."""
        behind = {key for one in self.relations.values() for key, _ in origins(one.items)}
        for write in facts.writes if behind else ():
            used = {key for column in write.columns for key, _ in column.direct}
            more = sorted(key for key in used & behind if key is not None and key not in (*write.sources, write.table))
            write.sources = (*write.sources, *more)
            facts.reads = tuple(dict.fromkeys((*facts.reads, *more)))


def looped_cursors(tokens: Sequence[Token]) -> set[str]:
    """The names behind `FOR r IN` and `FETCH` in a block: what those cursors give is not handed out."""
    words = [word(token) for token in tokens]
    fetched = (found[0] for at in range(len(words)) if (found := _fetched(words, at)) is not None)
    return {*(_behind_in(words, at) for at in range(len(words)) if _is_loop(words, at)), *fetched}


def _fetched(words: Sequence[str], at: int) -> tuple[str, str] | None:
    """The cursor and the variable of `FETCH [NEXT FROM] c INTO r` that begins here; None where several variables are filled."""
    if words[at] != "FETCH" or (at and words[at - 1] == "."):
        return None
    into = next((place for place in range(at + 2, min(at + _FETCH, len(words))) if words[place] == "INTO"), None)
    if into is None or words[into + 2 : into + 3] == [","] or into + 1 == len(words):
        return None
    name = next((place for place in range(at + 1, into) if words[place] in _TO_CURSOR), None)
    cursor = words[name + 1] if name is not None else words[at + 1]
    return cursor.lower(), words[into + 1].lower()


def _is_loop(words: Sequence[str], at: int) -> bool:
    return words[at] == "FOR" and at + 2 < len(words) and words[at + 2] == "IN"


def _behind_in(words: Sequence[str], at: int) -> str:
    start = at + 3 + (words[at + 3 : at + 4] == ["("])
    return words[start].lower() if start < len(words) else ""


def _cursor(words: Sequence[str], at: int) -> str:
    """The name of the cursor that is declared, or opened for a query, at this place; empty where one is only opened."""
    if words[at] == "OPEN":
        return words[at + 1].lower() if words[at + 2 : at + 3] == ["FOR"] else ""
    behind = words[at + 2 : at + 3] in (["IS"], ["("], ["RETURN"])
    return words[at + 1 if behind else max(at - 1, 0)].lower()


def _referenced(tokens: Sequence[Token]) -> tuple[list[str], list[str]]:
    """The names that REFERENCING gives to rows and to tables of rows: `NEW AS n`, `OLD TABLE AS o`."""
    words = [word(token) for token in tokens[:_HEAD]]
    at = words.index("REFERENCING") + 1 if "REFERENCING" in words else len(words)
    found: tuple[list[str], list[str]] = ([], [])
    while at < len(words) and words[at] in _STATES:
        is_table = words[at].endswith("_TABLE") or words[at + 1 : at + 2] == ["TABLE"]
        at += 1 + (words[at + 1 : at + 2] in (["TABLE"], ["ROW"]))
        at += words[at : at + 1] == ["AS"]
        found[is_table].extend(name.lower() for name in words[at : at + 1])
        at += 1 + (words[at + 1 : at + 2] == [","])
    return found


def trigger_table(tokens: Sequence[Token]) -> TableKey | None:
    """The name of the table that a trigger is on, as written."""
    head = list(tokens[:_HEAD])
    words = [word(token) for token in head]
    if "TRIGGER" not in words or "ON" not in words:
        return None
    head = [token for token in head[words.index("ON") + 1 :] if token.text not in ("[", "]")]
    parts = [head[0].text] if head else []
    for dot, part in zip(head[1::2], head[2::2], strict=False):
        if dot.token_type is not TokenType.DOT:
            break
        parts.append(part.text)
    return tuple(parts) or None
