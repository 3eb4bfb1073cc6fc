"""What kind of question a judged question is, by rules over its words, the catalog's names and its gold tables.

Used where a file of judgements names no class. The classes are the ones of which people complain apart: a catalog that
answers questions well and finds no half-typed name is a bad one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from services.evaluation.judgements import Judgement
from services.evaluation.measures import fits

CLASSES = ("exact_name", "partial_name", "typo", "abbreviation", "synonym", "question")
FEW_WORDS = 3
"""Up to so many words a text is a name that somebody half remembers; longer ones are read as questions."""
LEAST_CHARS = 4
"""Shorter words have too many neighbours at one edit to be called mistyped."""
Words = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Named:
    """A table as the rules see it: the parts of its name and its columns' names, in lower case."""

    parts: tuple[str, ...]
    columns: tuple[str, ...]


class Classifier:
    """Classifies questions over one catalog.

    Args:
        tables: every table.
        words: splits a text into stemmed content words, as search does.

    """

    def __init__(self, tables: Iterable[Named], words: Words) -> None:
        self._words = words
        self._by_table: dict[str, list[Named]] = defaultdict(list)
        self._names: set[str] = set()
        self._ends: set[str] = set()
        self._edits: dict[str, set[str]] = defaultdict(set)
        for table in tables:
            self._by_table[table.parts[-1]].append(table)
            self._names.add(".".join(table.parts))
            self._ends.update(".".join(table.parts[at:]) for at in range(1, len(table.parts)))
            self._ends.update(f"{table.parts[-1]}.{column}" for column in table.columns)
        self._tables = sorted(self._by_table)
        for name in self._tables:
            for shorter in _deletions(name):
                self._edits[shorter].add(name)

    def classified(self, judgements: Iterable[Judgement]) -> list[Judgement]:
        """The judgements, each that names no class with one of `CLASSES`."""
        return [replace(one, kind=self.kind(one)) if one.kind == "all" else one for one in judgements]

    def kind(self, judgement: Judgement) -> str:
        """The class of a question; the first rule that fits, in the order of `CLASSES`."""
        typed = judgement.question.strip().lower().replace('"', "").replace("`", "")
        if typed in self._names:
            return "exact_name"
        if typed in self._ends or (" " not in typed and self._begins_a_name(typed)):
            return "partial_name"
        if self._is_mistyped(typed):
            return "typo"
        return self._by_words(judgement)

    def _begins_a_name(self, typed: str) -> bool:
        return len(typed) > 1 and any(name.startswith(typed) for name in self._tables)

    def _is_mistyped(self, typed: str) -> bool:
        """Whether it is one edit away from a table's name: shared deletions find all such names and a few others."""
        last = typed.rpartition(".")[2]
        if " " in typed or len(last) < LEAST_CHARS:
            return False
        near = {name for shorter in _deletions(last) for name in self._edits.get(shorter, ())}
        return any(_one_edit(last, name) for name in near)

    def _by_words(self, judgement: Judgement) -> str:
        asked = set(self._words(judgement.question))
        gold = [
            table for wanted in judgement.gold for table in self._by_table.get(wanted[-1], ()) if fits(wanted, table.parts)
        ]
        if not asked or not gold:
            return "question"
        in_names = {word for table in gold for word in self._words(table.parts[-1].replace("_", " "))}
        in_columns = {word for table in gold for name in table.columns for word in self._words(name.replace("_", " "))}
        if asked & in_names:
            return "question"
        if len(asked) <= FEW_WORDS and any(_abbreviates(a, b) for a in asked for b in in_names):
            return "abbreviation"
        return "question" if asked & in_columns else "synonym"


def _deletions(word: str) -> Iterator[str]:
    """The word, and each word that one deletion makes of it."""
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


def _one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, substitution or exchange of neighbours makes `b` of `a`; not for equal words."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[at:], b[at:]
    if len(a) != len(b):
        return rest_a[1:] == rest_b if len(a) > len(b) else rest_a == rest_b[1:]
    return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])


def _abbreviates(a: str, b: str) -> bool:
    """Whether the shorter word has the first letter of the longer and its letters in their order."""
    short, long = sorted((a, b), key=len)
    if len(short) < 2 or len(short) == len(long) or short[0] != long[0]:
        return False
    letters = iter(long)
    return all(char in letters for char in short)
