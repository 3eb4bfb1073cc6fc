"""Queries foretold: one table of each held-out query is taken away and asked for with the others alone, beside peers and controls.

Run: `make bench-usage ARGS=DATA`, with `--logs bigquery_etl,dbt` for some, `--only ours,peers` for some of `PARTS`, `--plot FILE` to
draw how true probabilities are, `--fit` to learn what is shipped anew. Each log is measured with weights that the other logs
taught, and learns its own from its earlier part. Tables only are encoded; `implicit` runs in an environment of its own
(`tools/usage_peers.sh`, or the interpreter that `IMPLICIT_PYTHON` names).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from bench.relevance import all_changes
from bench.report import machine, print_table
from bench.usage_plot import drawn
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset
from services.common.model.changes import Seq
from services.common.model.names import AssetId, DatasetName, Namespace, Namespaces
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer.crawl import run_crawl
from services.indexer.embed.open import open_encoder
from services.indexer.index.segment import build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.text.document import document_of, text_hash
from services.indexer.usage import evaluate
from services.indexer.usage.evaluate import METHODS, NOT_FOUND, Asked, Calibration
from services.indexer.usage.features import FEATURES
from services.indexer.usage.known import Known, known_of
from services.indexer.usage.learn import Question, asked_of, model_of, questions
from services.indexer.usage.reading import Reading, reading_of
from services.indexer.usage.sparse import Floats
from services.indexer.usage.statements import Run, Statement
from services.indexer.usage.weights import AT_ITS_WORD, BY_HAND, TRUTH, Model

OUT = Path("bench/out/usage")
PEER = Path(os.environ.get("IMPLICIT_PYTHON", ".venv-peer-implicit/bin/python"))
PARTS = ("ours", "control", "peers", "features")
LOGS = {
    "bigquery_etl": ("bigquery_etl_early", "bigquery_etl", "time"),
    "dbt": ("dbt", "dbt", "folds"),
    "stackexchange": ("stackexchange", "stackexchange", "folds"),
    "job": ("job", None, "folds"),
    "tpcds": ("tpcds", None, "folds"),
}
"""Log, schema and split of each."""
TAUGHT = {"bigquery_etl": 240, "dbt": 240}
"""Questions of each log that teach the shipped weights; 80 of the others, which have few tables."""
FEW = 80
GROUPS = {
    "counts of what is read together": ("share", "lift", "basket", "often"),
    "statements that read nearly the basket": ("statements", "statement"),
    "company of others": ("alias", "like", "home_company", "company", "like_company"),
    "names that differ alike": ("step", "step_home", "step_both", "turned", "turned_best"),
    "texts": ("text", "text_best", "text_rank", "text_new", "text_best_new"),
    "names": ("name", "whole_name", "name_best", "name_rank", "name_rank_new", "name_rank_alike", "stem"),
    "places": ("home", "schema", "small_schema", "schemas", "subject"),
    "columns and keys": ("columns", "key"),
    "lineage": ("lineage", "siblings"),
    "how much and how lately": ("popular", "recent", "fresh", "mixes", "mixes_schemas"),
    "whether it is queried": ("unqueried", "queried", "new_both"),
    "versions, variants, layers": ("latest", "variant", "other_table"),
    "those of pairs and of what nobody has queried": (
        *("queried", "mixes_schemas", "other_table", "variant"),
        *("text_new", "text_best_new", "name_rank_new", "name_rank_alike"),
    ),
}
"""Features that are left out together; the last group overlaps with the others."""
POOLED_PULL = 0.01
"""The pull to `BY_HAND` where the questions of several logs are learned from."""


@dataclass(frozen=True, eq=False)
class Log:
    """A log with the catalog that it was run on."""

    name: str
    known: Known
    statements: tuple[Statement, ...]
    split: str

    def parts(self, folds: int) -> list[tuple[list[Statement], list[Statement]]]:
        """What learns and what is asked."""
        if self.split == "time":
            return list(evaluate.time_split(self.statements))
        return list(evaluate.fold_split(self.statements))[:folds]


def main() -> None:
    """Print the tables."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--logs", default=",".join(LOGS), help="which logs are measured")
    parser.add_argument("--folds", type=int, default=5, help="of a log that is split in folds, so many of the five")
    parser.add_argument("--only", default="ours,control,peers", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--plot", type=Path, help="draw how true the probabilities of the logs are that were measured")
    parser.add_argument("--fit", action="store_true", help="print what is learned from all logs, and nothing else")
    arguments = parser.parse_args()
    every = {name: opened(arguments.data, name) for name in LOGS}
    taught = {name: asked_of(log.known, log.parts(1)[0][0], most=TAUGHT.get(name, FEW)) for name, log in every.items()}
    if arguments.fit:
        model = learned(taught, None)
        print({name: round(float(value), 2) for name, value in zip(FEATURES, model.weights, strict=True)})
        print({name: round(float(value), 3) for name, value in zip(TRUTH, model.truth, strict=True)})
        return
    rows: list[list[object]] = []
    bins: dict[str, Calibration] = {}
    only = arguments.only.split(",")
    for name in arguments.logs.split(","):
        log, start = every[name], learned(taught, name)
        found: list[Iterator[list[object]]] = []
        if "ours" in only:
            found.append(measured(log, start, arguments.folds, bins))
        if "control" in only:
            found.append(control(log, start, bins))
        if "peers" in only:
            found.append(peers(log, arguments.folds))
        if "features" in only:
            found.append(without_each(log, start))
        for row in chain.from_iterable(found):
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    head = ["log", "n", "method", "Hit@1", "Hit@10", "95 %", "MRR", "read in learning", "never read, known"]
    print_table(head, rows)
    print()
    print_table(["log", "Brier skill", "AUROC", *(f"≥ {low:g}" for low in evaluate.BINS[:-1])], _told(bins))
    if arguments.plot:
        arguments.plot.write_text(drawn({name: bins[name] for name in LOGS if name in bins}), encoding="utf-8")
    print(machine(["numpy", "faiss-cpu", "onnxruntime"]))


def learned(taught: Mapping[str, Sequence[Question]], without: str | None) -> Model:
    """A model from all logs but one, each log weighing by how many tables it has to tell apart."""
    pool = [question for name, found in taught.items() if name != without for question in found]
    half = Model(np.full(len(FEATURES), BY_HAND), np.asarray(AT_ITS_WORD))
    return model_of(pool, half, pull=POOLED_PULL)


def opened(data: Path, name: str) -> Log:
    """A log over its catalog, the tables of which are encoded once and kept."""
    log, schema, split = LOGS[name]
    assets = list(_assets(data / "schemas" / f"{schema}.tables.jsonl.gz")) if schema else []
    namespace = assets[0].name.namespace if assets else Namespace(f"metadata://{name}")
    ids = {asset.name.qualified.lower(): asset.name for asset in assets}
    with gzip.open(data / "usage" / f"{log}.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    statements = tuple(_statement(at, line, name, ids, namespace) for at, line in enumerate(lines))
    known = known_of(_snapshot(assets, name), statements, Namespaces())
    return Log(name, known, statements, split)


def _assets(schema: Path) -> Iterator[Asset]:
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as home:
        space = Workspace(Settings(home=Path(home)))
        try:
            run_crawl("log", SourceSettings(url=f"metadata://{schema}"), space.sink, by="bench")
            yield from [change.asset for change in all_changes(space) if change.asset is not None]
        finally:
            space.close()


def _snapshot(assets: Sequence[Asset], name: str) -> Snapshot:
    documents = [document_of(asset) for asset in assets]
    if not documents:
        return Snapshot((), 0, Seq(0), 1)
    OUT.mkdir(parents=True, exist_ok=True)
    file = OUT / f"{name}.npz"
    texts = sorted({document.text for document in documents})
    if not file.exists() or len(np.load(file)["rows"]) != len(texts):
        encoder = open_encoder(Settings().model, OUT / "models", threads=1)
        rows = [encoder.encode_documents(texts[at : at + 64]) for at in range(0, len(texts), 64)]
        np.savez(file, rows=np.concatenate(rows).astype(np.float16))
        encoder.close()
    vectors = dict(zip(map(text_hash, texts), np.load(file)["rows"], strict=True))
    dimension = len(next(iter(vectors.values())))
    segment = build_segment(documents, lambda hashes: {h: vectors[h] for h in hashes if h in vectors}, dimension)
    return Snapshot((Live(segment, np.ones(len(segment), dtype=np.bool_)),), 1, Seq(1), dimension)


def _statement(number: int, line: dict[str, str], log: str, ids: dict[str, DatasetName], namespace: Namespace) -> Statement:
    database = {"dbt": line.get("project"), "bigquery_etl": None}.get(log, log)

    def name(table: str) -> DatasetName:
        parts = (database, table) if database else tuple(table.split(".", 2))
        return ids.get(".".join(parts).lower()) or DatasetName(namespace, parts)

    reads = [name(table) for table in line["tables"]]
    writes = [name(line["target"])] if line["target"] else []
    day = dt.date(*map(int, line["at"].split(" ")[0].split("T")[0].split("-"))).toordinal() if line["at"] else 0
    return Statement(
        fingerprint=f"{number:06d}",
        source="log",
        reads=tuple(dict.fromkeys(one.id for one in reads)),
        writes=tuple(one.id for one in writes),
        joins=(),
        uses=(),
        names={one.id: one for one in (*reads, *writes)},
        runs=(Run(day, "", 1),),
    )


def measured(log: Log, start: Model, folds: int, bins: dict[str, Calibration]) -> Iterator[list[object]]:
    """Our rows, popularity and co-occurrence."""
    asked = _asked(log, folds, start)
    names = {"used together": "**headwater**", "shipped weights": "headwater, weights of the other logs alone"}
    for method in METHODS:
        yield _row(log.name, names.get(method, method), asked, method)
    bins[log.name] = evaluate.calibration(asked)


def control(log: Log, start: Model, bins: dict[str, Calibration]) -> Iterator[list[object]]:
    """The log with its tables dealt anew: what is left must be popularity's, and probabilities must tell next to nothing."""
    shuffled = _asked(Log(log.name, log.known, tuple(evaluate.shuffled(log.statements, 1)), log.split), 1, start)
    bins[f"{log.name}, control: log shuffled"] = evaluate.calibration(shuffled)
    yield _row(log.name, "control: log shuffled", shuffled, METHODS[0])
    yield _row(log.name, "control: log shuffled, popularity", shuffled, "popularity")


def _told(bins: Mapping[str, Calibration]) -> list[list[object]]:
    return [
        [name, one.brier_skill or 0.0, one.auroc or 0.0]
        + [f"{right:.3f} of {mean:.3f} ({n})" if n else "–" for n, mean, right in one.bins]
        for name, one in bins.items()
    ]


def _asked(log: Log, folds: int, start: Model, without: frozenset[str] = frozenset()) -> Asked:
    asked = Asked()
    for learns, asks in log.parts(folds):
        evaluate.ask(log.known, learns, asks, asked, start=start, without=without)
    return asked


def _row(log: str, told: str, asked: Asked, method: str) -> list[object]:
    row = evaluate.figures(asked, method)
    parts = ["–" if value is None else f"{value:.3f}" for value in (row.seen, row.unseen)]
    low, high = row.interval
    return [log, len(asked.seen), told, row.hit_1, row.hit_10, f"{low:.3f}–{high:.3f}", row.mrr, *parts]


def without_each(log: Log, start: Model) -> Iterator[list[object]]:
    """One row a group of features that is left out, on the first fold; weights begin as the other logs taught them with all."""
    for told, names in GROUPS.items():
        begin = Model(np.where([name in names for name in FEATURES], 0.0, start.weights), start.truth)
        yield _row(log.name, f"without {told}", _asked(log, 1, begin, frozenset(names)), METHODS[0])


def peers(log: Log, folds: int) -> Iterator[list[object]]:
    """Text alone, PPMI and a singular value decomposition, and `implicit` where its environment is there."""
    scores = {"text alone": _text, "PPMI + SVD, 32 dimensions": _ppmi}
    places: dict[str, list[int]] = {}
    for learns, asks in log.parts(folds):
        reading = reading_of(log.known, learns, FULL_SCOPE)
        found = list(questions(asks))
        for name, score in scores.items():
            table = score(reading)
            places.setdefault(name, []).extend(_places(reading, found, table))
        for name, table in _implicit(reading).items():
            places.setdefault(name, []).extend(_places(reading, found, table))
    for name, these in places.items():
        at = np.asarray(these)
        yield [
            log.name,
            len(at),
            name,
            float((at <= 1).mean()),
            float((at <= 10).mean()),
            "",
            float((1.0 / at).mean()),
            "",
            "",
        ]


def _places(reading: Reading, found: Sequence[tuple[tuple[AssetId, ...], AssetId]], table: Floats) -> Iterator[int]:
    """Places by the mean of rows of a table-by-table score; a table that the reading does not show is not found."""
    row = reading.known.row
    for basket, right in found:
        rows = [row[one] for one in basket if reading.shown[row[one]]]
        if not rows or not reading.shown[row[right]]:
            yield NOT_FOUND
            continue
        scores = np.where(reading.shown, table[rows].mean(axis=0), -np.inf)
        scores[rows] = -np.inf
        here = scores[row[right]]
        yield int((scores > here).sum()) + (int((scores == here).sum()) + 1) // 2


def _text(reading: Reading) -> Floats:
    vectors = reading.known.vectors(np.arange(len(reading.known)))
    return (vectors @ vectors.T).astype(np.float64)


def _dense(reading: Reading) -> Floats:
    together = reading.counts.together
    out = np.zeros((len(together), len(together)))
    out[np.repeat(np.arange(len(together)), np.diff(together.start)), together.index] = together.value
    return out


def _ppmi(reading: Reading) -> Floats:
    """Positive PMI, shrunk by one, its left singular vectors (Levy & Goldberg, NIPS 2014)."""
    counts = _dense(reading)
    rows = counts.sum(axis=1) + 2.0
    with np.errstate(divide="ignore"):
        pmi = np.log(counts * counts.sum() / np.outer(rows, rows))
    ppmi = np.where(counts > 0, np.maximum(pmi, 0.0) * counts / (counts + 1.0), 0.0)
    used = np.flatnonzero(counts.any(axis=1))
    left, strength, _ = np.linalg.svd(ppmi[np.ix_(used, used)])
    vectors = np.zeros((len(counts), min(32, len(used))))
    vectors[used] = (left * np.sqrt(strength))[:, :32]
    scores: Floats = vectors @ vectors.T
    return scores


def _implicit(reading: Reading) -> dict[str, Floats]:
    if not PEER.exists():
        return {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        reads = reading.counts.reads
        owner = np.repeat(np.arange(len(reads)), np.diff(reads.start))
        np.savez(f"{folder}/reads.npz", statement=owner, table=reads.index, shape=[len(reads), reads.width])
        subprocess.run([str(PEER), "bench/peers/implicit_peer.py", folder], check=True, stderr=subprocess.DEVNULL)
        return {name: np.load(f"{folder}/{file}.npy") for name, file in (("implicit BM25", "bm25"), ("implicit ALS", "als"))}


if __name__ == "__main__":
    main()
