"""How well `confidence` of edges between tables tells right from wrong: tables of other schemas, unknown ones, texts half understood.

Used by `python -m bench.lineage_confidence`. Each text of a case with known truth is the definition of a view in the schema `mart`
of a PostgreSQL; a table that it names without a schema stands in `mart` or in `public`, by lot, and a crawl has shown 70 % of them.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.lineage import lines, plain
from services.common.model.names import DatasetName, Namespace
from services.lineage.column_follow import read_definitions
from services.lineage.resolve import resolve
from services.lineage.sql.statement import Reading, Statement
from tests.support.lineages import InlineReader

KNOWN = 0.7
"""Of the tables, as a crawl shows them."""
NAMESPACE = Namespace("postgres://bench:5432")
VIEW = DatasetName(NAMESPACE, ("db", "mart", "the view"))


@dataclass(frozen=True)
class TableCase:
    """A text and the tables that it reads, in lower case as it names them."""

    suite: str
    sql: str
    dialect: str
    truth: frozenset[str]


@dataclass(frozen=True)
class TableSample:
    """An edge that was said: what it was told, whether its text was understood as a whole, whether it is right."""

    suite: str
    sure: bool
    guessed: bool
    confidence: float
    right: bool


def table_cases(data: Path) -> Iterator[TableCase]:
    """Other projects' cases that read something into one table, and models of dbt whose authors declare what they read."""
    for suite in ("sqllineage", "openlineage"):
        for case in lines(data / "lineage" / f"{suite}.jsonl.gz"):
            sources, targets = case["expected_sources"], case["expected_targets"]
            if sources and len(targets or ()) < 2 and not any("/" in name for name in sources):
                yield TableCase(suite, case["sql"], case["dialect"] or "", frozenset(plain(name) or "" for name in sources))
    declared: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in lines(data / "lineage" / "dbt_edges.jsonl.gz"):
        declared[edge["project"], edge["target"].lower()].add(edge["source"].lower())
    for model in lines(data / "usage" / "dbt.jsonl.gz"):
        truth = declared.get((model.get("project") or "", model["target"].lower()))
        if truth:
            yield TableCase(f"dbt {model['project'].partition(':')[0]}", model["sql"], "", frozenset(truth))


def table_samples(cases: Sequence[TableCase], draws: int, seed: int) -> list[TableSample]:
    """Every edge between tables that is said, `draws` times a case."""
    read = read_definitions(InlineReader(), [Statement(case.sql, case.dialect) for case in cases])
    found = []
    for number, (case, reading) in enumerate(zip(cases, read, strict=True)):
        for draw in range(draws):
            found.extend(_said(case, reading, random.Random(f"{seed} {number} {draw}")))
    return found


def _said(case: TableCase, reading: Reading, chance: random.Random) -> Iterator[TableSample]:
    there = {_placed(name, chance) for name in sorted(case.truth)}
    shown = {name for name in sorted(there) if chance.random() < KNOWN}
    for link in resolve(reading.reads, VIEW, lambda name: _key(name) in shown):
        right = _key(link.name) in there
        yield TableSample(case.suite, link.sure, reading.guessed, link.confidence, right)


def _placed(name: str, chance: random.Random) -> tuple[str, ...]:
    parts = tuple(re.split(r"\.", name))
    return (*(("db", chance.choice(("mart", "public")), *parts)[-3:]),) if len(parts) == 1 else ("db", *parts)[-3:]


def _key(name: DatasetName) -> tuple[str, ...]:
    return tuple(part.lower() for part in name.parts[-3:])


def cells(found: Sequence[TableSample]) -> list[list[str]]:
    """By what is seen of an edge: how many, what they were told, and how many are right."""
    rows = []
    for sure in (True, False):
        for guessed in (False, True):
            mine = [one for one in found if (one.sure, one.guessed) == (sure, guessed)]
            if mine:
                what = "the table is known, or only one can be meant" if sure else "one of several, none of them known"
                told = f"{np.mean([one.confidence for one in mine]):.3f}"
                right = f"{np.mean([one.right for one in mine]):.3f}"
                rows.append([what, "in part, or by guess" if guessed else "whole", f"{len(mine):,}", told, right])
    return rows
