"""Trains the encoder's adapter: questions of spider_train against the texts of tables, half of the databases at a time.

Run: `make bench ARGS="adapter DATA --out FOLDER"`, on a graphics card where there is one (a minute; hours without). It writes the
two halves and their sum, which ships as `services/indexer/embed/schema_adapter.safetensors`, and prints how well vectors alone find the
tables of every open pool at several strengths, with the plain model as the control. Low rank after Hu et al. 2021
(arXiv:2106.09685); the loss is the usual contrastive one, other tables of the batch as wrong answers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from bench.halves import RANK, half_of
from bench.relevance import all_changes
from bench.report import machine, print_table
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements
from services.evaluation.measures import fits
from services.indexer.crawl import run_crawl
from services.indexer.embed.model_files import DEFAULT_MODEL, locate
from services.indexer.text.document import document_of

STEPS, BATCH, RATE, WARM_UP = 400, 192, 5e-4, 30
SHARPNESS = 20.0
STRENGTH = 0.5
"""How much of what was learned is added: at 1.0 the gain on unlike schemas turns into a loss (docs/adr/0024)."""
GAIN = 2.0
MAX_QUESTION_TOKENS, MAX_TABLE_TOKENS, MAX_TOKENS = 64, 96, 256
NAME_ALONE = 0.15
"""Share of the pairs in which the table's name stands for the table."""
POOLS = ("spider_union_flat", "spider2_lite_flat", "fiben")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class LowRank(nn.Module):
    """A dense layer with W + strength * GAIN * B A; only A and B are learned."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer
        self.a = nn.Parameter(torch.randn(rank, layer.in_features, device=DEVICE) / math.sqrt(layer.in_features))
        self.b = nn.Parameter(torch.zeros(layer.out_features, rank, device=DEVICE))
        self.strength = 1.0

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """The layer and what was learned beside it."""
        return self.layer(value) + (value @ self.a.T @ self.b.T) * (self.strength * GAIN)


class Model:
    """The plain encoder with learnable low-rank parts."""

    def __init__(self) -> None:
        folder = locate(DEFAULT_MODEL).folder
        self.bert = AutoModel.from_pretrained(folder, dtype=torch.float32).to(DEVICE).eval()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self.parts: dict[str, LowRank] = {}
        self.bert.requires_grad_(False)
        for name, module in list(self.bert.named_modules()):
            if isinstance(module, nn.Linear) and name.startswith("encoder.layer"):
                parent, _, last = name.rpartition(".")
                self.parts[name] = LowRank(module, RANK)
                setattr(self.bert.get_submodule(parent), last, self.parts[name])

    def encode(self, texts: Sequence[str], most: int) -> torch.Tensor:
        """Unit vectors, (texts, dimension)."""
        read = self._tokenizer(list(texts), truncation=True, max_length=most, padding=True, return_tensors="pt").to(DEVICE)
        hidden = self.bert(**read).last_hidden_state
        mask = read["attention_mask"].unsqueeze(-1).float()
        return functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)

    def at(self, strength: float) -> None:
        """Count what was learned so much."""
        for part in self.parts.values():
            part.strength = strength


def main() -> None:
    """Train both halves, write them, and print what each strength finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/adapter"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--pool", action="append", choices=POOLS, help="measure on this pool; may repeat (default: all)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    data = arguments.data / "retrieval"
    tables = texts_of(data, "spider_union")
    rows, halves, pools = [], [], arguments.pool or POOLS
    for half in (0, 1):
        questions = [one for one in training(data) if half_of(one.database or one.gold[0][0]) == half]
        model = trained(questions, tables, steps=arguments.steps, seed=half)
        halves.append(model)
        for strength in (0.0, STRENGTH, 1.0):
            model.at(strength)
            label = "plain, the control" if strength == 0.0 else f"half {half} at {strength}"
            rows.append([label, *(recall(model, data, pool) for pool in pools)])
    save_file(summed(halves), arguments.out / "schema_adapter.safetensors")
    print_table(["vectors alone, R@10", *pools], rows)
    print(machine(["torch", "transformers"]))


def texts_of(data: Path, pool: str) -> dict[tuple[str, ...], tuple[str, str]]:
    """By a table's name parts in lower case: what is embedded of it, and of its name alone."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        space = Workspace(Settings(home=Path(folder), model="hashing"))
        source = SourceSettings(url=f"metadata://{(data / pool).absolute()}.tables.jsonl.gz")
        run_crawl("pool", source, space.sink, by="bench")
        documents = [document_of(change.asset) for change in all_changes(space) if change.asset is not None]
        space.close()
    return {tuple(part.lower() for part in one.record.parts): (one.text, one.name_text) for one in documents}


def training(data: Path) -> Iterator[Judgement]:
    """All questions that may be trained on."""
    for name in ("spider_train", "spider_train_synonyms"):
        yield from read_judgements(data / f"{name}.questions.jsonl.gz")


def trained(questions: Sequence[Judgement], tables, *, steps: int, seed: int) -> Model:
    """A model whose questions lie near the tables that answer them."""
    dice = random.Random(seed)
    torch.manual_seed(seed)
    model = Model()
    learned = [weight for part in model.parts.values() for weight in (part.a, part.b)]
    optimiser = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.01)
    pairs = [(one.question, gold) for one in questions if (gold := [tables[g] for g in one.gold if g in tables])]
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min((step + 1) / WARM_UP, (steps - step) / max(1, steps - WARM_UP), 1.0)
        loss = loss_of(model, dice.sample(pairs, BATCH), dice)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        if step % 50 == 0:
            print(json.dumps({"half": seed, "step": step, "loss": round(float(loss.detach()), 4)}), flush=True)
    return model


def loss_of(model: Model, batch, dice: random.Random) -> torch.Tensor:
    """Of a batch's tables the question's own should be nearest, and of its questions the table's own; tables that answer
    several of its questions are no wrong answers to any of them.
    """
    shown = [dice.choice(gold) for _, gold in batch]
    texts = [text if dice.random() > NAME_ALONE else name for text, name in shown]
    right = [{side for pair in gold for side in pair} for _, gold in batch]
    asked = model.encode([question for question, _ in batch], MAX_QUESTION_TOKENS)
    found = model.encode(texts, MAX_TABLE_TOKENS)
    also = [[i != j and text in answers for j, text in enumerate(texts)] for i, answers in enumerate(right)]
    scores = (asked @ found.T * SHARPNESS).masked_fill(torch.tensor(also, device=DEVICE), -1e4)
    own = torch.arange(len(batch), device=DEVICE)
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2


@torch.no_grad()
def recall(model: Model, data: Path, pool: str) -> float:
    """R@10 of a pool's questions by the table's text alone."""
    tables = texts_of(data, pool)
    names = list(tables)
    judgements = read_judgements(data / f"{pool}.questions.jsonl.gz")
    rows = encoded(model, [tables[name][0] for name in names])
    asked = encoded(model, [one.question for one in judgements])
    hits = []
    for one, best in zip(judgements, (asked @ rows.T).topk(min(10, len(names)), dim=1).indices.tolist(), strict=True):
        hits.append(sum(any(fits(gold, names[at]) for at in best) for gold in one.gold) / len(one.gold))
    return float(np.mean(hits))


def encoded(model: Model, texts: Sequence[str]) -> torch.Tensor:
    """Vectors of many texts, (texts, dimension); texts of like length share a batch."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    rows = torch.cat([model.encode([texts[at] for at in order[b : b + 64]], MAX_TOKENS) for b in range(0, len(order), 64)])
    return rows[torch.argsort(torch.tensor(order, device=DEVICE))]


def summed(halves: Sequence[Model]) -> dict[str, np.ndarray]:
    """Both halves side by side as one adapter, each at half of `STRENGTH`: W + B A is then their mean at `STRENGTH`."""
    out = {}
    for name in halves[0].parts:
        parts = [model.parts[name] for model in halves]
        out[f"{name}.a"] = np.concatenate([p.a.detach().cpu().numpy() for p in parts], axis=0).astype(np.float16)
        share = GAIN * STRENGTH / len(halves)
        out[f"{name}.b"] = (np.concatenate([p.b.detach().cpu().numpy() for p in parts], axis=1) * share).astype(np.float16)
    return out


if __name__ == "__main__":
    main()
