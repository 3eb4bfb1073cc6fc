"""How well glued names come apart, on real names that had breaks until they were glued, and on ordinary words.

Run: `make bench ARGS="vocabulary DATA"` (schemas in `DATA/schemas/*.tables.jsonl.gz`, `DATA/retrieval/*.tables.jsonl.gz`).
Databases are halved by a hash of their names: constants were chosen on the first half, figures are told of both.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.report import machine, print_table
from services.indexer.text.segmenter import segmenter
from services.indexer.text.tokens import split_identifier

POOLS = ("schemas/bigquery_etl", "schemas/dbt", "schemas/omop", "schemas/mediawiki", "schemas/stackexchange")
QUESTIONED = ("retrieval/spider_union", "retrieval/spider2_lite")
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
    print(machine(["numpy"]))


def tables(data: Path, half: int) -> Iterator[dict]:
    """The tables of one half of the databases, as their lines say."""
    for pool in (*POOLS, *QUESTIONED):
        with gzip.open(data / f"{pool}.tables.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                table = json.loads(line)
                if hashlib.sha256(table["database"].encode()).digest()[0] & 1 == half:
                    yield table


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
