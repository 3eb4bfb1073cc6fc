"""How well an answer says that nothing answers: pools whole, database by database, and with their names shortened, with a control.

Run: `make bench ARGS="answerable DATA"`. Each question is asked once as it is and once with its gold tables hidden. Database by
database is what a small warehouse is; shortened names (`cust`, `mth`) are what many are called, by a rule that knows nothing of how
Headwater reads them. The control deals the same numbers out again between the questions with and without an answer.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.relevance import indexed
from bench.report import machine, print_table
from services.cli.search import UNLIKELY
from services.common.model.access import AccessScope
from services.common.model.search import SearchQuery
from services.common.runtime import logs
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements
from services.evaluation.measures import auroc

POOLS = ("spider_union_flat", "spider2_lite_flat", "fiben", "spider_union", "spider_train")
SHORTENED = ("spider_union_flat", "spider_union", "spider_train")
"""Of the others one is short already or glued; its tables are many, and take minutes to encode once more."""
BY_DATABASE = ("spider_union", "spider_train")
EACH = 300
"""Questions of each pool, the first ones; of spider_train, whose databases stand together, every 25th."""
HEAD = ["names", "asked of", "n", "AUROC", "Brier", "control AUROC", "right first and doubted", "hidden and doubted"]


@dataclass(frozen=True)
class Told:
    """What was said of one question with its gold tables and without them, and whether a gold table came first."""

    here: float
    hidden: float
    right: bool


def main() -> None:
    """Print one table."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/relevance"))
    arguments = parser.parse_args()
    folder, cache = arguments.data / "retrieval", None
    rows: list[list[object]] = []
    for name in POOLS:
        pool = "spider_union" if name == "spider_train" else name
        judgements = list(read_judgements(folder / f"{name}.questions.jsonl.gz"))
        judgements = (judgements[::25] if name == "spider_train" else judgements)[:EACH]
        for short in (False, True) if name in SHORTENED else (False,):
            source = (
                shortened(folder / f"{pool}.tables.jsonl.gz", arguments.out) if short else folder / f"{pool}.tables.jsonl.gz"
            )
            space, cache = indexed(source, arguments.out / (f"{pool}_short" if short else pool), cache)
            for alone in (False, True) if name in BY_DATABASE else (False,):
                told = [asked(space, one, short=short, alone=alone) for one in judgements]
                scope = "its own database" if alone else "the pool"
                rows.append([f"{name}, shortened" if short else name, scope, len(told), *figures(told)])
            space.close()
    print_table(HEAD, rows)
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def asked(space: Workspace, judgement: Judgement, *, short: bool, alone: bool) -> Told:
    """One question of the pool or of its own database, with its gold tables and without."""
    gold = [(*one[:-1], shorten(one[-1])) if short else one for one in judgement.gold]
    shown = (f"pool.{gold[0][0]}.*",) if alone else ("*",)
    hidden = tuple(f"pool.{one[0]}*.{one[-1]}" if len(one) == 2 else f"pool.{'.'.join(one)}" for one in gold)
    search = space.indexer.retriever.search
    whole = search(SearchQuery(judgement.question, AccessScope(shown), limit=1))
    without = search(SearchQuery(judgement.question, AccessScope(shown, hidden), limit=1))
    first = [space.reader.get(hit.asset, AccessScope(("*",))).table.lower() for hit in whole.hits]
    return Told(whole.answerable, without.answerable, first[:1] in [[one[-1].lower()] for one in gold])


def figures(told: Sequence[Told]) -> list[object]:
    """A row's figures."""
    here, hidden = [one.here for one in told], [one.hidden for one in told]
    dealt = random.Random(1).sample([*here, *hidden], 2 * len(told))
    brier = np.mean([*((1 - chance) ** 2 for chance in here), *(chance**2 for chance in hidden)])
    right = [one.here < UNLIKELY for one in told if one.right]
    return [
        auroc(here, hidden) or 0.0,
        float(brier),
        auroc(dealt[: len(told)], dealt[len(told) :]) or 0.0,
        float(np.mean(right)) if right else 0.0,
        float(np.mean([chance < UNLIKELY for chance in hidden])),
    ]


def shortened(tables: Path, out: Path) -> Path:
    """The same tables with every word of their names cut short, and without descriptions; made once."""
    target = out / f"short.{tables.name}"
    out.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with gzip.open(tables, "rt", encoding="utf-8") as lines, gzip.open(target, "wt", encoding="utf-8") as made:
            made.writelines(json.dumps(_short_table(json.loads(line))) + "\n" for line in lines)
    return target


def _short_table(table: dict) -> dict:
    keys = [
        {
            "columns": [*map(shorten, key["columns"])],
            "ref_table": shorten(key["ref_table"]),
            "ref_columns": [*map(shorten, key["ref_columns"])],
        }
        for key in table.get("foreign_keys", [])
    ]
    columns = [{**column, "name": shorten(column["name"]), "description": None} for column in table["columns"]]
    primary = [*map(shorten, table.get("primary_key") or [])]
    return {
        **table,
        "name": shorten(table["name"]),
        "description": None,
        "columns": columns,
        "foreign_keys": keys,
        "primary_key": primary,
    }


def shorten(name: str) -> str:
    """A name with every word of five letters or more cut short: to its beginning, or to its first letter and consonants."""
    return re.sub(r"[A-Za-z]{5,}", lambda word: _shorten(word[0]), name)


def _shorten(word: str) -> str:
    if zlib.crc32(word.lower().encode()) % 2:
        return word[:4] if len(word) > 6 else word[:3]
    letters = word[0] + re.sub("[aeiou]", "", word[1:], flags=re.IGNORECASE)
    once = re.sub(r"(.)\1+", r"\1", letters, flags=re.IGNORECASE)
    return once[:2] + once[-1] if len(once) > 4 else once


if __name__ == "__main__":
    main()
