"""Judged questions: a JSON Lines file of questions with the tables that answer them."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from services.common.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Judgement:
    """A question and the tables that answer it, lower case; no gold means that nothing does.

    Attributes:
        database: only tables of this database count and are asked for, where it is given.
        kind: the question's class, such as `paraphrase`; `all` where the file names none.

    """

    question: str
    gold: tuple[tuple[str, ...], ...]
    database: str | None
    kind: str


def read_judgements(path: Path) -> list[Judgement]:
    """The judgements of a file, gzipped or not.

    Raises:
        BadRequest: it cannot be read, or a line is no judgement; the line is named.

    """
    try:
        judgements = [_judgement(text, number, path) for number, text in _lines(path)]
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error
    if not judgements:
        raise BadRequest(f"{path} holds no judgements")
    return judgements


def shuffled(judgements: list[Judgement], seed: int) -> list[Judgement]:
    """The same questions, each with another one's gold and none of its own: what a measure must say nothing good of.

    Raises:
        BadRequest: the questions have too much gold in common.

    """
    answered = [judgement for judgement in judgements if judgement.gold]
    own = [frozenset(judgement.gold) for judgement in answered]
    order = random.Random(seed).sample(range(len(answered)), len(answered))  # noqa: S311 - a control, not a secret
    given = dict(zip(order, order[1:] + order[:1], strict=True))
    for at in order:
        if own[at].isdisjoint(own[given[at]]):
            continue
        fits = (o for o in order if own[at].isdisjoint(own[given[o]]) and own[o].isdisjoint(own[given[at]]))
        other = next(fits, None)
        if other is None:
            raise BadRequest("these judgements cannot be shuffled: too many have gold in common")
        given[at], given[other] = given[other], given[at]
    return [replace(judgement, gold=answered[given[at]].gold) for at, judgement in enumerate(answered)]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                yield number, text


def _judgement(text: str, number: int, path: Path) -> Judgement:
    try:
        raw = json.loads(text)
        question, gold, database = raw["question"], raw["gold"], raw.get("database")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest(f"{path} line {number} is no judgement: it needs question and gold") from error
    names = isinstance(gold, list) and all(isinstance(name, str) for name in gold)
    if not isinstance(question, str) or not names or not isinstance(database, str | None):
        raise BadRequest(f"{path} line {number}: question is a text, gold a list of names, database a name")
    kind = raw.get("class")
    parts = tuple(tuple(name.lower().split(".")) for name in gold)
    return Judgement(question, parts, database, kind if isinstance(kind, str) else "all")
