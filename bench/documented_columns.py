"""Columns found by what their descriptions say: the description, less the words of the column's name, is the question.

Run: `make bench ARGS="documented_columns DATA"`. Two variants over the same sampled columns: their descriptions are left out of
what is indexed, so that name, table and neighbours must do; and everything is indexed as it is (`--variant` takes one). MiniLM alone
is the plain model by cosine, over each of three texts of a column, so that it stands at its best one. The control asks for
another column with the same question. "The most that the words can tell" is what a method would have that puts every column first
whose description says the question word by word, and takes them in any order: columns of other names may be described alike.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.relevance import MODELS, all_changes
from bench.report import machine, print_table
from bench.search_peers import K, plain_encoder
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Kind
from services.common.model.search import Filters, SearchQuery
from services.common.model.words import stem
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer.crawl import run_crawl
from services.indexer.text.document import Document, document_of, text_hash
from services.indexer.text.tokens import raw_words, spaced

POOLS = ("retrieval/spider2_lite", "schemas/bigquery_etl")
SAMPLED = 1_000
SEED = 20_261_126
MIN_WORDS = 3
"""A description that has fewer words beside the name's says nothing to ask for."""
FORMS = ("name: description", "table name: description", "description, or the name where there is none")
"""What the plain model embeds of a column."""
ColumnName = tuple[str, str]
"""Qualified table and column, lower case."""


@dataclass(frozen=True)
class Question:
    """A description, and every column that has it and the same name: they are equally right."""

    text: str
    gold: frozenset[ColumnName]


def main() -> None:
    """Print one table."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/documented_columns"))
    parser.add_argument("--cache", type=Path, help="an `indexer.db` with vectors of earlier homes")
    parser.add_argument("--only", action="append")
    parser.add_argument("--variant", choices=["left out", "indexed"], help="one of the two alone")
    parser.add_argument("--sampled", type=int, default=SAMPLED)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    known = kept(arguments.out)
    for pool in POOLS:
        if arguments.only and not any(name in pool for name in arguments.only):
            continue
        with gzip.open(arguments.data / f"{pool}.tables.jsonl.gz", "rt", encoding="utf-8") as lines:
            tables = [json.loads(line) for line in lines]
        asked = questions(tables, random.Random(arguments.seed), arguments.sampled)
        for variant, shown in (("left out", without(tables, asked)), ("indexed", tables)):
            if arguments.variant not in (None, variant):
                continue
            if variant == "indexed":
                rows.append(
                    [
                        Path(pool).name,
                        len(asked),
                        variant,
                        "the most that the words can tell",
                        told_by_words(tables, asked),
                        "",
                        "",
                    ]
                )
            home = arguments.out / f"{Path(pool).name}-{variant.replace(' ', '-')}"
            for method, row in compared(shown, asked, home, arguments.cache, known):
                rows.append([Path(pool).name, len(asked), variant, method, *row])
                print(rows[-1], file=sys.stderr, flush=True)
        keep(arguments.out, known)
    print_table(["columns", "n", "descriptions asked for", "method", f"R@{K}", "first right", "MRR"], rows)
    print(machine(["faiss-cpu", "onnxruntime", "numpy"]))


def kept(out: Path) -> dict[bytes, NDArray[np.float32]]:
    """The plain model's vectors of an earlier run, by the hash of their text."""
    file = out / "plain.npz"
    if not file.exists():
        return {}
    with np.load(file) as held:
        return {bytes(key): vector for key, vector in zip(held["keys"], held["vectors"], strict=True)}


def keep(out: Path, known: dict[bytes, NDArray[np.float32]]) -> None:
    """Keep vectors for the next run."""
    keys = np.asarray([list(key) for key in known], dtype=np.uint8)
    np.savez(out / "plain.npz", keys=keys, vectors=np.stack(list(known.values())))


def named(table: dict, column: str) -> ColumnName:
    """A column's qualified name."""
    return ".".join(part for part in (table["database"], table.get("schema"), table["name"]) if part).lower(), column.lower()


def questions(tables: Sequence[dict], dice: random.Random, n: int) -> list[Question]:
    """Sampled pairs of a column's name and description, each pair once, however many tables have it."""
    of_pair: dict[tuple[str, str], set[ColumnName]] = {}
    for table in tables:
        for column in table["columns"]:
            if text := asked_by(column["name"], column.get("description") or ""):
                of_pair.setdefault((column["name"].lower(), text), set()).add(named(table, column["name"]))
    pairs = dice.sample(sorted(of_pair), min(n, len(of_pair)))
    return [Question(pair[1], frozenset(of_pair[pair])) for pair in pairs]


@lru_cache(maxsize=262_144)
def asked_by(name: str, description: str) -> str:
    """A description less the words of a name, as it is written, no two inflections told apart; empty where too little is left."""
    own = {stem(word) for word in raw_words(spaced(name))} | {stem(word) for word in raw_words(name)}
    left = [word for word in description[:400].split() if not {stem(piece) for piece in raw_words(word)} & own]
    return " ".join(left) if len(raw_words(" ".join(left))) >= MIN_WORDS else ""


def told_by_words(tables: Sequence[dict], asked: Sequence[Question]) -> float:
    """The R@K to be expected of any order of the columns whose descriptions say a question word by word, before all others."""
    saying: dict[str, set[ColumnName]] = {}
    for table in tables:
        for column in table["columns"]:
            if text := asked_by(column["name"], column.get("description") or ""):
                saying.setdefault(" ".join(raw_words(text)), set()).add(named(table, column["name"]))
    recalls = []
    for question in asked:
        alike = len(saying[" ".join(raw_words(question.text))])
        recalls.append(min(1.0, len(question.gold) * K / alike / min(len(question.gold), K)))
    return statistics.fmean(recalls)


def without(tables: Sequence[dict], asked: Sequence[Question]) -> list[dict]:
    """The tables with the descriptions of the columns that are asked for left out."""
    gold = frozenset(name for question in asked for name in question.gold)

    def shown(table: dict, column: dict) -> dict:
        return {**column, "description": None} if named(table, column["name"]) in gold else column

    return [{**table, "columns": [shown(table, column) for column in table["columns"]]} for table in tables]


def compared(
    tables: Sequence[dict],
    asked: Sequence[Question],
    home: Path,
    cache: Path | None,
    known: dict[bytes, NDArray[np.float32]],
) -> Iterator[tuple[str, list[object]]]:
    """Headwater, its control, and the plain model, on the same questions."""
    space = indexed(tables, home, cache)
    found = list(headwater(space, asked))
    yield "headwater, kind=column", told(found, asked)
    others = list(asked)
    random.Random(1).shuffle(others)
    yield "control: headwater, columns shuffled", told(found, others)
    for form in FORMS:
        yield f"MiniLM alone, {form}", told(list(plain(space, asked, form, known)), asked)
    space.close()


def indexed(tables: Sequence[dict], home: Path, cache: Path | None) -> Workspace:
    """A home with these tables, crawled and encoded."""
    home.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(json.dumps(list(tables)).encode()).hexdigest()[:12]
    file = home / f"{digest}.jsonl"
    file.write_text("\n".join(map(json.dumps, tables)), encoding="utf-8")
    if cache is not None and not (home / "indexer.db").exists():
        shutil.copy(cache, home / "indexer.db")
    space = Workspace(Settings(home=home.absolute()))
    run_crawl("pool", SourceSettings(url=f"metadata://{file.absolute()}"), space.sink, by="bench")
    space.indexer.open()
    if not space.indexer.lease.acquire():
        raise SystemExit(f"{home} is in use")
    space.indexer.index_now(space.feed.head(), lambda _told: None)
    print(f"{home.name}: {space.indexer.encoded} texts encoded", file=sys.stderr, flush=True)
    return space


def headwater(space: Workspace, asked: Sequence[Question]) -> Iterator[list[ColumnName]]:
    """The first columns that Headwater finds for each question."""
    names = {str(d.record.id): qualified(d) for d in documents(space)}
    for question in asked:
        query = SearchQuery(question.text, FULL_SCOPE, filters=Filters(kind=(Kind.COLUMN,)), limit=K)
        hits = space.indexer.retriever.search(query).hits
        yield [(names[hit.asset], hit.columns[0].lower()) for hit in hits]


def plain(
    space: Workspace, asked: Sequence[Question], form: str, known: dict[bytes, NDArray[np.float32]]
) -> Iterator[list[ColumnName]]:
    """The first columns by cosines of the plain model alone; `known` keeps vectors of texts for the next call."""
    encoder = plain_encoder(MODELS.absolute())
    columns: dict[str, list[ColumnName]] = {}
    for document in documents(space):
        for name, text in zip(document.record.columns, document.column_texts, strict=True):
            columns.setdefault(formed(document, text, form), []).append((qualified(document), name.lower()))
    texts = sorted(columns)
    missing = [text for text in texts if text_hash(text) not in known]
    for at in range(0, len(missing), 64):
        batch = missing[at : at + 64]
        known |= zip(map(text_hash, batch), encoder.encode_documents(batch), strict=True)
    rows = np.stack([known[text_hash(text)] for text in texts])
    for question in asked:
        near = np.argsort(-(rows @ encoder.encode_query(question.text)), kind="stable")[:K]
        yield [name for at in near.tolist() for name in columns[texts[at]]][:K]


def formed(document: Document, text: str, form: str) -> str:
    """The text of a column in one of `FORMS`."""
    if form == FORMS[1]:
        return f"{document.name_text} {text}"
    if form == FORMS[2]:
        name, _, description = text.partition(": ")
        return description or name
    return text


def documents(space: Workspace) -> Iterator[Document]:
    """Every table of a home."""
    return (document_of(change.asset) for change in all_changes(space) if change.asset is not None)


def qualified(document: Document) -> str:
    """A table's qualified name as questions have it."""
    return ".".join(document.record.parts).lower()


def told(found: Sequence[Sequence[ColumnName]], asked: Sequence[Question]) -> list[object]:
    """R@K, the share whose first column is right, and MRR. Where more than K columns are right, K of them are all."""
    recalls, firsts, ranks = [], [], []
    for names, question in zip(found, asked, strict=True):
        right = [name in question.gold for name in names[:K]]
        recalls.append(sum(right) / min(len(question.gold), K))
        firsts.append(float(right[:1] == [True]))
        ranks.append(1 / (right.index(True) + 1) if any(right) else 0.0)
    return [statistics.fmean(recalls), statistics.fmean(firsts), statistics.fmean(ranks)]


if __name__ == "__main__":
    main()
