"""The weights of answer sets: fitted to spider_train alone, in warehouses of three kinds, written into the package.

Run: `make bench ARGS="answer_sets_fit DATA"`; it writes `services/indexer/retrieve/answer_weights.py`. The questions of one half of the databases are
asked with an encoder of the other half, as a question from outside would be: with one that saw them the hits look surer than they are.
The three kinds: databases apart, all in one schema, and one schema without keys in which a quarter of the databases have shortened
names, a quarter the database's name before each, a tenth of the tables a copy, among 2,000 real tables of other warehouses.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.answer_sets import Asked, flat_names, questions
from bench.answerable import shorten
from bench.halves import half_of, model_of
from bench.ranker import home
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Filters
from services.common.runtime import logs
from services.evaluation.judgements import Judgement, read_judgements
from services.indexer.retrieve.answer_features import FEATURES, Evidence
from services.indexer.retrieve.answer_set import Model
from services.indexer.retrieve.view import view_of

TRAINING = (("spider_train", 700), ("spider_train_synonyms", 400))
"""Questions of each half and kind of warehouse, drawn with a fixed seed."""
KEEP = {"spider_union": 3, "spider_union_flat": 2, "mixed": 1}
"""Of the questions one in so many is taken with its keys, and one of the others without any; the mixed warehouse has none."""
RIDGE = 30.0
"""Of 3, 10, 30, 100 and 300; from 30 to 100 the open pools are within .005 of F1."""
SHARP_RIDGE = 3.0
"""Of the sharpness, over gaps in their standard deviation; without it 7.02 comes out instead of 6.97."""
OTHERS = 2_000
MOST_COLUMNS = 60
WEIGHTS_FILE = Path("services/indexer/retrieve/answer_weights.py")


def main() -> None:
    """Fit, and write the weights."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(prog="bench answer_sets_fit", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/answer_sets"))
    arguments = parser.parse_args()
    asked = list(material(arguments.data, arguments.out.absolute()))
    model = fit(asked)
    write_weights(model)
    print(f"{len(asked)} questions; sharpness {model.sharpness:.3f}, {len(model.weights)} weights in {WEIGHTS_FILE}")


def material(data: Path, out: Path) -> Iterator[Asked]:
    """The training questions, with keys and without. Of the mixed warehouse one half: its texts take longest to encode."""
    out.mkdir(parents=True, exist_ok=True)
    folder = data / "retrieval"
    for half in (0, 1):
        encoder = str(model_of(1 - half, out / "models"))
        for seed, (pool, renamed) in enumerate((("spider_union", None), ("spider_union_flat", flat_names(folder)))):
            yield from _kept(pool, asked_in(folder, out, pool, encoder, sample(folder, half, seed), renamed))
        if half == 0:
            yield from asked_in(out, out, "mixed", encoder, sample(folder, half, 2), mixed(data, out))


def asked_in(tables: Path, out: Path, pool: str, encoder: str, asked: Sequence[Judgement], renamed) -> list[Asked]:
    """Questions asked of a pool whose tables are in a folder."""
    space = home(tables, out, pool, encoder)
    view = view_of(space.indexer._snapshot(), FULL_SCOPE, Filters())  # noqa: SLF001 - the benchmark looks inside
    found = questions(space, view, asked, renamed=renamed)
    space.close()
    return found


def sample(folder: Path, half: int, seed: int) -> list[Judgement]:
    """Questions about one half of the databases."""
    out: list[Judgement] = []
    for name, n in TRAINING:
        every = read_judgements(folder / f"{name}.questions.jsonl.gz")
        mine = [one for one in every if half_of(one.database or one.gold[0][0]) == half]
        out += [mine[at] for at in np.random.default_rng(seed).permutation(len(mine))[:n]]
    return out


def _kept(pool: str, asked: list[Asked]) -> list[Asked]:
    step = KEEP[pool]
    return [*asked[::step], *without_keys(asked[1::step])]


def without_keys(asked: Sequence[Asked]) -> list[Asked]:
    """The same questions where no key is declared, as in most warehouses."""
    return [
        replace(one, evidence=Evidence(replace(one.evidence.pool, declared=np.zeros_like(one.evidence.pool.declared))))
        for one in asked
    ]


def mixed(data: Path, out: Path) -> dict[tuple[str, str], str]:
    """Write the mixed warehouse; what its tables are called, by database and name."""
    dice = random.Random(5)
    mine = _tables(data / "retrieval" / "spider_union.tables.jsonl.gz")
    others = [
        *_tables(data / "schemas" / "bigquery_etl.tables.jsonl.gz"),
        *_tables(data / "schemas" / "dbt.tables.jsonl.gz"),
    ]
    dice.shuffle(others)
    taken: set[str] = set()
    made, renamed = [], {}
    for table in mine:
        database, name = table["database"], table["name"]
        lot = _lot("s" + database)
        short = shorten if lot < 25 else str
        called = f"{database}_{name}" if 25 <= lot < 50 else short(name)
        moved = _moved(table, _free(called, taken), [{**one, "name": short(one["name"])} for one in table["columns"]])
        made.append(moved)
        renamed[database.lower(), name.lower()] = moved["name"].lower()
        if _lot("c" + database + name) < 10:
            copy = _free(moved["name"] + dice.choice(["_v2", "_old", "_2021", "_daily"]), taken)
            made.append({**moved, "name": copy, "columns": moved["columns"][: max(2, len(moved["columns"]) - 1)]})
    made += [_moved(table, _free(table["name"], taken), table["columns"]) for table in others[:OTHERS]]
    dice.shuffle(made)
    with gzip.open(out / "mixed.tables.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(table) + "\n" for table in made)
    return renamed


def _tables(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def _lot(text: str) -> int:
    return zlib.crc32(text.lower().encode()) % 100


def _free(name: str, taken: set[str]) -> str:
    """A name that no other table has, numbered where one does."""
    free, number = name, 1
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free.lower())
    return free


def _moved(table: dict[str, Any], name: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
    kept = {key: value for key, value in table.items() if key not in ("foreign_keys", "primary_key")}
    return {**kept, "database": "warehouse", "schema": "public", "name": name, "columns": columns[:MOST_COLUMNS]}


def fit(asked: Sequence[Asked]) -> Model:
    """How sharply scores tell the anchor, and what belongs beside each gold table that may be it; each question counts once."""
    rows, targets, counts, heads = [], [], [], []
    for one in asked:
        features = one.evidence.features
        gold = np.isin(np.arange(features.shape[1]), list(one.gold))
        anchors = np.flatnonzero(gold[: len(features)])
        if not len(anchors):
            continue
        heads.append((one.evidence.gaps[: len(features)], gold[: len(features)]))
        for anchor in anchors.tolist():
            rest = np.arange(len(gold)) != anchor
            rows.append(features[anchor][rest])
            targets.append(gold[rest].astype(np.float64))
            counts.append(np.full(int(rest.sum()), 1.0 / len(anchors)))
    weights, bias = _logistic(np.vstack(rows), np.concatenate(targets), np.concatenate(counts))
    return Model(_sharpness(heads), bias, dict(zip(FEATURES, weights.tolist(), strict=True)))


def _sharpness(heads: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Where the softmax of scores gives the gold tables among the first hits the highest likelihood, by Newton's method."""
    sharp, ridge = 1.0, SHARP_RIDGE * float(np.concatenate([gaps for gaps, _ in heads]).var())
    for _ in range(30):
        slope, curve = -ridge * sharp, ridge
        for gaps, gold in heads:
            every = np.exp(sharp * gaps)
            every /= every.sum()
            right = every * gold / (every * gold).sum()
            slope += float(right @ gaps - every @ gaps)
            curve += float(every @ gaps**2 - (every @ gaps) ** 2)
        sharp += slope / max(curve, 1e-9)
    return sharp


def _logistic(features: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, float]:
    """Newton's method with a ridge over standardised features; weights and bias of raw ones."""
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    scaled = np.hstack([np.ones((len(features), 1)), (features - mean) / spread])
    ridge = np.eye(scaled.shape[1]) * RIDGE
    ridge[0, 0] = 0.0
    weights = np.zeros(scaled.shape[1])
    for _ in range(12):
        chances = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (counts * (chances - targets)) + ridge @ weights
        curve = (scaled * (counts * chances * (1 - chances))[:, None]).T @ scaled + ridge
        weights = weights - np.linalg.solve(curve, slope)
    raw = weights[1:] / spread
    return raw, float(weights[0] - raw @ mean)


def write_weights(model: Model) -> None:
    """The module with the weights of a model."""
    lines = [
        '"""How much each feature speaks for a table to be in an answer set. Made by a command, not edited.',
        "",
        'Journey 2, step "answer set": `make bench ARGS="answer_sets_fit DATA"` writes this file. Trained on spider_train and its',
        "synonyms alone; what it gains on pools that it never saw is in `bench/RESULTS.md`.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "",
        f"SHARPNESS = {round(model.sharpness, 3)}",
        '"""How much likelier a hit is the anchor for each unit of score, as a logarithm."""',
        f"BIAS = {round(model.bias, 4)}",
        "WEIGHTS: Mapping[str, float] = {",
        *(f'    "{name}": {round(value, 4)},' for name, value in model.weights.items()),
        "}",
        '"""One weight a feature, of its value as it is."""',
    ]
    WEIGHTS_FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
