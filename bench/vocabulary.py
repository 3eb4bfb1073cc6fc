"""How well glued names come apart and how well abbreviations are learned, on real schemas, with controls that must fail.

Run: `make bench ARGS="vocabulary DATA"` (schemas in `DATA/schemas/*.tables.jsonl.gz`, `DATA/retrieval/*.tables.jsonl.gz`).
Databases are halved by a hash of their names: constants were chosen on the first half. Names that had breaks are glued and taken
apart again. Abbreviations are learned from all databases of the second half and judged by `vocabulary_gold.py`, which was written
from names alone; the control learns from the same descriptions, shuffled between the columns.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.report import machine, print_table
from bench.vocabulary_gold import GOLD, JUDGED
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset, Column
from services.common.model.changes import START
from services.common.model.names import DatasetName, Namespace
from services.common.model.search import Filters
from services.evaluation.judgements import read_judgements
from services.indexer.index.segment import build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.retrieve.learned import CONFIDENT, Meaning, learned
from services.indexer.retrieve.view import view_of
from services.indexer.store.cache import no_vectors
from services.indexer.text.document import document_of
from services.indexer.text.segmenter import segmenter
from services.indexer.text.short_forms import likelihood, same_family, shortens
from services.indexer.text.tokens import content_words, split_identifier

POOLS = ("schemas/bigquery_etl", "schemas/dbt", "schemas/omop", "schemas/mediawiki", "schemas/stackexchange")
QUESTIONED = ("retrieval/spider_union", "retrieval/spider2_lite")
ASKED = ("spider_train", "spider_train_synonyms", "spider_union", "spider2_lite", "fiben")
LIKELIHOODS = (0.0, 0.2, 0.4, 0.6, 1.0)
SAMPLE = 4_000


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    rows = [row for half in (0, 1) for row in glued_rows(list(tables(arguments.data, half)), f"half {half + 1}")]
    print_table(
        ["names", "n", "whole name right", "cuts right (precision)", "cuts found (recall)", "ordinary words cut"], rows
    )
    lines = list(tables(arguments.data, 1))
    print()
    print_table(
        [
            "abbreviations",
            "described names",
            "learned",
            "right, gold from names alone",
            "right, all judged",
            "recall of the gold",
        ],
        list(learned_rows(lines)),
    )
    print()
    print_table(
        ["read by letters alone", "pairs", "mean likelihood", "right", "control: meanings shuffled"],
        list(guessed_rows(arguments.data)),
    )
    print(machine(["numpy"]))


def guessed_rows(data: Path) -> Iterator[list[object]]:
    """How often a short form of the gold means a word of the pools' questions that it fits, by how likely that is said to be."""
    asked = {word for pool in ASKED for word in _questioned(data, pool)}
    pairs = [
        (short, word, likelihood(short, word)) for short in sorted(GOLD) for word in sorted(asked) if shortens(short, word)
    ]
    mixed = dict(zip(GOLD, random.Random(1).sample(list(GOLD.values()), len(GOLD)), strict=True))
    for low, high in ((0.0, 1.0), *pairwise(LIKELIHOODS)):
        chosen = [one for one in pairs if low <= one[2] < high]
        mean = sum(likely for _, _, likely in chosen) / max(len(chosen), 1)
        yield [f"likelihood {low} to {high}", len(chosen), mean, _share_right(chosen, GOLD), _share_right(chosen, mixed)]


def _share_right(pairs: list[tuple[str, str, float]], gold: Mapping[str, tuple[str, ...]]) -> float:
    right = sum(any(same_family(word, one) for one in gold[short] if " " not in one) for short, word, _ in pairs)
    return right / max(len(pairs), 1)


def _questioned(data: Path, pool: str) -> Iterator[str]:
    """The longer content words of a pool's questions, singular."""
    for one in read_judgements(data / f"retrieval/{pool}.questions.jsonl.gz"):
        yield from (word for word in content_words(one.question) if len(word) > 3 and word.isascii() and word.isalpha())


def tables(data: Path, half: int) -> Iterator[dict]:
    """The tables of one half of the databases, as their lines say."""
    for pool in (*POOLS, *QUESTIONED):
        with gzip.open(data / f"{pool}.tables.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                table = json.loads(line)
                if hashlib.sha256(table["database"].encode()).digest()[0] & 1 == half:
                    yield table


def learned_rows(lines: list[dict]) -> Iterator[list[object]]:
    """What is learned from the half that was not looked at; recall is of the gold's short forms, whatever descriptions say."""
    n = sum(bool(column.get("description")) for line in lines for column in line["columns"])
    for confidence in (CONFIDENT, 0.8, 0.9):
        found = [one for one in taught(lines).values() if one.confidence >= confidence]
        yield [f"confidence from {confidence}", n, len(found), *_judged(found)]
    found = list(taught(shuffled(lines)).values())
    yield ["control: descriptions shuffled between columns", n, len(found), *_judged(found)]


def taught(lines: list[dict]) -> Mapping[str, Meaning]:
    """What a catalog of some tables teaches somebody who sees all of it."""
    documents = [document_of(_asset(line)) for line in lines]
    segment = build_segment(documents, no_vectors, 1)
    live = Live(segment, np.ones(len(segment), dtype=np.bool_))
    return learned(view_of(Snapshot((live,), 1, START, 1), FULL_SCOPE, Filters()))


def shuffled(lines: list[dict]) -> list[dict]:
    """The same tables with the descriptions of columns given to other columns."""
    described = [column["description"] for line in lines for column in line["columns"] if column.get("description")]
    random.Random(1).shuffle(described)
    rest = iter(described)
    return [
        {
            **{key: value for key, value in line.items() if key != "description"},
            "columns": [{**c, "description": next(rest)} if c.get("description") else c for c in line["columns"]],
        }
        for line in lines
    ]


def _judged(found: list[Meaning]) -> list[object]:
    right = [one for one in found if one.meaning in GOLD.get(one.short, ())]
    wrong = [f"{one.short}={one.meaning}" for one in found if one not in right]
    named = [one for one in found if one.short in GOLD]
    judged = [one for one in wrong if one in JUDGED]
    print("counted as wrong:", ", ".join(sorted(set(wrong) - JUDGED)), file=sys.stderr)
    return [
        len(right) / len(named) if named else "",
        (len(right) + len(judged)) / len(found) if found else "",
        len(right) / len(GOLD),
    ]


def _asset(line: dict) -> Asset:
    parts = tuple(part for part in (line["database"], line.get("schema"), line["name"]) if part)
    columns = tuple(Column(one["name"], description=one.get("description")) for one in line["columns"])
    return Asset(
        DatasetName(Namespace("bench://vocabulary"), parts), "bench", description=line.get("description"), columns=columns
    )


def glued_rows(lines: list[dict], label: str) -> Iterator[list[object]]:
    """Names that were glued; the control glues the letters of each word in a random order."""
    chance = random.Random(1)
    names = sorted({tuple(parts) for line in lines for parts in _broken(line)})
    chosen = chance.sample(names, min(SAMPLE, len(names)))
    words = _prose(lines)
    cut = sum(n for word, n in words.items() if len(segmenter().parts(word)) > 1) / sum(words.values())
    yield [label, len(chosen), *_figures(chosen, chosen), cut]
    mixed = [tuple("".join(chance.sample(word, len(word))) for word in name) for name in chosen]
    yield [f"{label}, control: letters of each word shuffled", len(chosen), *_figures(mixed, mixed), ""]


def _figures(names: list[tuple[str, ...]], gold: list[tuple[str, ...]]) -> list[float]:
    found = [segmenter().parts("".join(name)) for name in names]
    pairs = [(_cuts(mine), _cuts(right)) for mine, right in zip(found, gold, strict=True)]
    both = sum(len(mine & right) for mine, right in pairs)
    exact = sum(mine == right for mine, right in zip(found, gold, strict=True)) / len(names)
    return [exact, both / max(sum(len(mine) for mine, _ in pairs), 1), both / sum(len(right) for _, right in pairs)]


def _cuts(parts: tuple[str, ...]) -> set[int]:
    places = [len("".join(parts[:at])) for at in range(1, len(parts))]
    return set(places)


def _broken(line: dict) -> Iterator[list[str]]:
    """The names of a table and its columns that have two to five words of letters, told apart by breaks."""
    for name in (line["name"], *(column["name"] for column in line["columns"])):
        parts = [part.lower() for part in split_identifier(name)]
        if 2 <= len(parts) <= 5 and all(part.isascii() and part.isalpha() for part in parts):
            yield parts


def _prose(lines: list[dict]) -> Counter[str]:
    texts = (text for line in lines for text in (line, *line["columns"]) if text.get("description"))
    return Counter(word for text in texts for word in re.findall(r"(?<![\w.])[a-z]{5,}(?![\w.(])", text["description"]))


if __name__ == "__main__":
    main()
