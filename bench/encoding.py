"""Texts encoded for each second of the processor: ours beside sentence-transformers' own loop, the same weights in single precision.

Run: `make bench ARGS="encoding DATA"`, where torch and sentence-transformers are installed (`make setup`). Texts are documents of tables
and of columns recombined from real schemas, all distinct. Both get one thread and the same texts, each in a process of its own; times are
processor time of the process, loading left out. sentence-transformers sorts texts by length itself; its batch is the best of a
sweep. Every vector must have a cosine of .999 with the peer's; the control gives each text the next one's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.filtered import warehouse
from bench.report import machine, print_table
from services.indexer.embed.model_files import locate
from services.indexer.embed.open import open_encoder
from services.indexer.embed.reference import load_reference
from services.indexer.text.document import document_of

MODEL = "all-MiniLM-L6-v2"
BATCHES = (8, 16, 32, 64, 128)
SWEPT = 320
"""Texts by which the peer's batch is chosen."""
LEAST_COSINE, WANTED = 0.999, 2.0
Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench encoding", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--process", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.process is not None:
        {"ours": _ours, "theirs": _theirs}[given.process](given.data)
        return
    texts = distinct(given.data, given.texts)
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        for process in ("ours", "theirs"):
            command = [sys.executable, "-m", "bench.encoding", name, "--process", process]
            subprocess.run(command, check=True)
        told = {one: json.loads((folder / f"{one}.json").read_text(encoding="utf-8")) for one in ("ours", "theirs")}
        ours, theirs = (np.load(folder / f"{one}.npy") for one in ("ours", "theirs"))
    cosines = np.sum(ours * theirs, axis=1)
    shuffled = np.sum(ours * np.roll(theirs, 1, axis=0), axis=1)
    rows = [
        ["headwater, onnxruntime", told["ours"]["texts_s"], told["ours"]["tokens"], float(cosines.min()), ""],
        [
            f"sentence-transformers, batch {told['theirs']['batch']}",
            told["theirs"]["texts_s"],
            told["theirs"]["tokens"],
            1.0,
            ", ".join(f"{batch}: {rate:.0f}" for batch, rate in told["theirs"]["sweep"].items()),
        ],
        ["control: the next text's vectors", "", "", float(np.median(shuffled)), "median"],
    ]
    print_table(["encoder", "texts a processor second", "tokens a text", "least cosine", "batches, texts/s"], rows)
    ratio = told["ours"]["texts_s"] / told["theirs"]["texts_s"]
    print(f"\n{len(texts)} texts; {ratio:.2f} times as many, wanted {WANTED}")
    if cosines.min() < LEAST_COSINE:
        raise SystemExit("the vectors differ: other work was done")
    print(machine(["onnxruntime", "tokenizers", "torch", "sentence-transformers", "numpy"]))


def distinct(data: Path, n: int) -> list[str]:
    """So many distinct texts of tables and of their columns, as the index encodes them."""
    found: dict[str, None] = {}
    for asset in warehouse(data, n):
        found.update(dict.fromkeys(document_of(asset).texts))
        if len(found) >= n:
            break
    return list(found)[:n]


def _timed(encode: Encode, texts: Sequence[str]) -> tuple[float, NDArray[np.float32]]:
    begun = time.process_time()
    vectors = encode(texts)
    return len(texts) / (time.process_time() - begun), vectors


def _ours(folder: Path) -> None:
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    encoder = open_encoder(MODEL, folder / "models", threads=1)
    encoder.encode_documents(texts[:64])
    rate, vectors = _timed(encoder.encode_documents, texts)
    _tell(folder, "ours", vectors, {"texts_s": rate, "tokens": ""})


def _theirs(folder: Path) -> None:
    import torch

    torch.set_num_threads(1)
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    model = load_reference(locate(MODEL).folder)

    def with_batch(size: int) -> Encode:
        return lambda some: model.encode_document(
            list(some), batch_size=size, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True
        )

    with_batch(32)(texts[:64])
    sweep = {size: _timed(with_batch(size), texts[:SWEPT])[0] for size in BATCHES}
    best = max(sweep, key=lambda size: sweep[size])
    rate, vectors = _timed(with_batch(best), texts)
    tokens = float(np.mean([len(ids) for ids in model.tokenizer(texts)["input_ids"]]))
    _tell(folder, "theirs", vectors, {"texts_s": rate, "batch": best, "sweep": sweep, "tokens": tokens})


def _tell(folder: Path, name: str, vectors: NDArray[np.float32], told: dict[str, object]) -> None:
    np.save(folder / f"{name}.npy", vectors)
    (folder / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
