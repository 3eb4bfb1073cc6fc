"""sentence-transformers itself: the one module that imports it, and only when a function here runs.

It is the reference that the converter is held to, it trains models, and it encodes those that the converter does not
know, in a process of its own (`worker` starts `serve_reference`).
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from services.common.errors import Conflict, ModelUnavailable, WrongSettings
from services.indexer.embed.encoder import Vectors, well_formed

_BATCH_TEXTS = 32
_WARM_UP_SHARE = 0.1
_WEIGHT_DECAY = 0.01
_MAX_GRADIENT_NORM = 1.0
"""With a warm-up over a tenth of the steps, the defaults of sentence-transformers' own trainer."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What `fine_tune` did: steps taken, and the loss (lower is better) of the first and the last of them."""

    folder: Path
    steps: int
    first_loss: float
    last_loss: float


def load_reference(path: Path) -> Any:
    """The model in the folder `path` as a `SentenceTransformer` on the processor. Takes 5 to 20 s and 600 MB.

    Nothing is downloaded and no code from the folder is run.

    Raises:
        ModelUnavailable: sentence-transformers is not installed, or it cannot load the folder.

    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from safetensors import SafetensorError  # noqa: PLC0415
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    except ImportError as error:
        raise ModelUnavailable("sentence-transformers is not installed: run `pip install 'headwater[train]'`") from error
    try:
        return SentenceTransformer(str(path), device="cpu", local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        raise ModelUnavailable(f"sentence-transformers cannot load {path}: {error}") from error


def reference_vectors(model: Any, texts: Sequence[str], *, query: bool) -> Vectors:
    """Unit vectors of `texts` by the model's own prompts for questions or documents, shape (len(texts), dimension)."""
    encode = model.encode_query if query else model.encode_document
    rows = encode(
        [well_formed(text) for text in texts],
        batch_size=_BATCH_TEXTS,
        show_progress_bar=False,
        convert_to_numpy=True,
        normalize_embeddings=True,
    )
    return np.ascontiguousarray(rows, dtype=np.float32)


def serve_reference(connection: Connection, folder: str, threads: int) -> None:
    """The worker process's life: load, then answer requests until the other end is closed.

    A message is bytes, never a pickle. In: `{"query": bool, "texts": [str, …]}`. Out: `{"rows", "dimension", "truncated"}`
    and then the float32 rows, or `{"error": str}`. The first message out tells the dimension, or why there is no model.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it hangs up when it ends
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            import torch  # noqa: PLC0415

            torch.set_num_threads(max(1, threads))
            model = load_reference(Path(folder))
        except Exception as error:  # noqa: BLE001 - the process's edge: the parent hears of whatever it is
            _send(connection, {"error": str(error)})
            return
        _send(connection, {"dimension": int(model.encode_document(["-"]).shape[1])})
        while True:
            _answer(connection, model, json.loads(connection.recv_bytes()))


def _answer(connection: Connection, model: Any, request: Mapping[str, Any]) -> None:
    try:
        vectors = reference_vectors(model, request["texts"], query=request["query"])
        truncated = _truncated(model, request["texts"])
    except Exception as error:  # noqa: BLE001 - as above; the next request may fare better
        _send(connection, {"error": f"sentence-transformers could not encode: {error}"})
        return
    _send(connection, {"rows": vectors.shape[0], "dimension": vectors.shape[1], "truncated": truncated})
    connection.send_bytes(vectors.tobytes())


def fine_tune(
    pairs: Sequence[tuple[str, str]],
    base: Path,
    out: Path,
    *,
    epochs: int = 1,
    batch_size: int = 32,
    learning_rate: float = 2e-5,
    max_steps: int | None = None,
    seed: int = 0,
) -> TrainingReport:
    """Train the model in `base` on (question, document) pairs and save it as the folder `out`.

    The loss is MultipleNegativesRankingLoss: of a batch's documents the question's own should be nearest, so a batch
    never holds a question or a document twice. The same seed, pairs and threads give the same weights.

    Raises:
        WrongSettings: fewer than two different pairs, a batch size under 2, no step at all, or a loss that diverged.
        Conflict: `out` is already there.
        ModelUnavailable: `base` cannot be loaded.

    """
    if batch_size < 2 or len(set(pairs)) < 2 or epochs < 1 or (max_steps is not None and max_steps < 1):
        raise WrongSettings("Training needs two different pairs, batches of two, and one step, at the least")
    if out.exists():
        raise Conflict(f"{out} exists already; name another folder")
    model = load_reference(base)
    batches = _training_batches(pairs, epochs=epochs, batch_size=batch_size, seed=seed)[:max_steps]
    losses = _train(model, batches, learning_rate=learning_rate, seed=seed)
    making = out.with_name(f".{out.name}-{uuid4().hex}")
    try:
        making.mkdir(parents=True)
        model.save_pretrained(str(making), create_model_card=False)
        making.rename(out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return TrainingReport(folder=out, steps=len(losses), first_loss=losses[0], last_loss=losses[-1])


def _train(model: Any, batches: Sequence[Sequence[tuple[str, str]]], *, learning_rate: float, seed: int) -> list[float]:
    """One optimiser step a batch, warmed up and then falling linearly to zero; the losses in order."""
    import torch  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss  # noqa: PLC0415

    torch.manual_seed(seed)
    loss_of = MultipleNegativesRankingLoss(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=_WEIGHT_DECAY)
    warm_up = max(1, round(len(batches) * _WARM_UP_SHARE))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm_up, (len(batches) - step) / max(1, len(batches) - warm_up + 1), 1.0)
    )
    losses: list[float] = []
    model.train()
    for batch in batches:
        columns = [
            model.preprocess([well_formed(pair[side]) for pair in batch], prompt=model.prompts.get(name) or None)
            for side, name in enumerate(("query", "document"))
        ]
        loss = loss_of(columns, torch.empty(0))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _MAX_GRADIENT_NORM)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.item()))
        if not math.isfinite(losses[-1]):
            raise WrongSettings(f"Training diverged at step {len(losses)}; lower the learning rate")
    model.eval()
    return losses


def _training_batches(
    pairs: Sequence[tuple[str, str]], *, epochs: int, batch_size: int, seed: int
) -> list[list[tuple[str, str]]]:
    random = np.random.default_rng(seed)
    different = list(dict.fromkeys(pairs))
    batches: list[list[tuple[str, str]]] = []
    for _ in range(epochs):
        shuffled = [different[position] for position in random.permutation(len(different))]
        batches += [batch for batch in _without_repeats(shuffled, batch_size) if len(batch) > 1]
    if not batches:
        raise WrongSettings("Every pair shares its question or its document with all others: nothing can be told apart")
    return batches


def _without_repeats(pairs: Sequence[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    """Batches in which no question and no document comes twice; pairs that do not fit wait for the next batch."""
    waiting = list(pairs)
    while waiting:
        batch: list[tuple[str, str]] = []
        left: list[tuple[str, str]] = []
        seen: tuple[set[str], set[str]] = (set(), set())
        for position, (question, document) in enumerate(waiting):
            if len(batch) == size:
                left += waiting[position:]
                break
            if question in seen[0] or document in seen[1]:
                left.append((question, document))
                continue
            batch.append((question, document))
            seen[0].add(question)
            seen[1].add(document)
        yield batch
        waiting = left


def _truncated(model: Any, texts: Sequence[str]) -> int:
    """How many of `texts` have more tokens than the model reads."""
    limit = model.max_seq_length
    if limit is None:
        return 0
    whole = model.tokenizer([well_formed(text) for text in texts], truncation=False, padding=False, verbose=False)
    return sum(len(ids) > limit for ids in whole["input_ids"])


def _send(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())
