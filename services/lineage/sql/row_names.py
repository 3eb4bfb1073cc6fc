"""Names that stand for a row in code: a loop's variable, a cursor, the row before and after a trigger.

Journey 3, step "SQL → edges", on tokens of blocks and routines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import Token, TokenType

from services.lineage.sql.facts import TableKey
from services.lineage.sql.relation import Relation, origins
from services.lineage.sql.tokens import word
from services.lineage.sql.writes import ANSWER, Facts

_IN_TRIGGERS = ("new", "old", "inserted", "deleted")


@dataclass(slots=True)
class RowNames:
    """The names that are known at a place in a text, each with what is in its row."""

    relations: dict[str, Relation] = field(default_factory=dict)

    def of_trigger(self, relation: Relation) -> RowNames:
        """Those in a trigger on a table."""
        return RowNames({**self.relations, **dict.fromkeys(_IN_TRIGGERS, relation)})

    def take(self, names: Sequence[str], facts: Facts) -> None:
        """Give names to the row of a query that a loop or a cursor goes through: its result is not handed out."""
        answers = [write for write in facts.writes if write.how == ANSWER]
        if names and len(answers) == 1 and len(facts.writes) == 1:
            relation = Relation(list(answers[0].columns), set(answers[0].rows))
            self.relations.update(dict.fromkeys(names, relation))
            facts.writes = []

    def note(self, facts: Facts) -> None:
        """Add the tables behind the rows to what a statement reads, where it uses their columns."""
        behind = {key for one in self.relations.values() for key, _ in origins(one.items)}
        for write in facts.writes if behind else ():
            used = {key for column in write.columns for key, _ in column.direct}
            more = sorted(key for key in used & behind if key is not None and key not in (*write.sources, write.table))
            write.sources = (*write.sources, *more)
            facts.reads = tuple(dict.fromkeys((*facts.reads, *more)))


def loop_names(tokens: Sequence[Token]) -> dict[int, list[str]]:
    """The names for the rows of queries in a block, by the `id` of the query's first token.

    `FOR r IN (SELECT …)`, `CURSOR c IS SELECT …` with `FOR r IN c`, `c CURSOR FOR SELECT …`.
    """
    words = [word(token) for token in tokens]
    aliases: dict[str, list[str]] = {}
    found: dict[int, list[str]] = {}
    for at in range(len(tokens) - 3):
        if words[at] == "FOR" and words[at + 2] == "IN":
            start = at + 3 + (words[at + 3] == "(")
            if start < len(tokens) and words[start] in ("SELECT", "WITH"):
                found[id(tokens[start])] = [words[at + 1].lower()]
            else:
                aliases.setdefault(words[start].lower() if start < len(tokens) else "", []).append(words[at + 1].lower())
    for at in range(1, len(tokens)):
        query = _cursor_query(words, at)
        if query is not None:
            name = words[at + 1] if words[at + 2] in ("IS", "(") else words[at - 1]
            found[id(tokens[query])] = aliases.get(name.lower(), [])
    return found


def _cursor_query(words: Sequence[str], at: int) -> int | None:
    """Where the query of a cursor begins that is declared at this place."""
    if words[at] != "CURSOR":
        return None
    for start in range(at + 2, min(at + 40, len(words))):
        if words[start] in ("SELECT", "WITH"):
            return start if words[start - 1] in ("IS", "FOR") else None
        if words[start] in (";", "BEGIN"):
            break
    return None


def trigger_table(tokens: Sequence[Token]) -> TableKey | None:
    """The name of the table that a trigger is on, as written."""
    words = [word(token) for token in tokens[:40]]
    if "TRIGGER" not in words or "ON" not in words:
        return None
    at = words.index("ON") + 1
    parts = [tokens[at].text] if at < len(tokens) else []
    while at + 2 < len(tokens) and tokens[at + 1].token_type is TokenType.DOT:
        at += 2
        parts.append(tokens[at].text)
    return tuple(parts) or None
