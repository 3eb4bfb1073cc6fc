"""Which half of spider_train's databases an adapter was trained on, and the model of one half alone.

The shipped adapter is the sum of two, each trained on half of the databases (`bench/adapter.py`). What is learned after it
from spider_train, and what is measured on it, takes the questions of one half with the model of the other.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from services.indexer.embed.model_files import ADAPTER, DEFAULT_MODEL, locate

RANK = 16
"""Of each half's adapter; the shipped file holds the first half's rows, then the second's."""


def half_of(database: str) -> int:
    """0 or 1: the half whose adapter saw questions about a database."""
    return int(hashlib.md5(database.encode(), usedforsecurity=False).hexdigest(), 16) % 2


def model_of(half: int, out: Path) -> Path:
    """The plain model with one half's adapter alone, at the strength of the shipped sum, as a folder."""
    folder = out / f"half{half}"
    if (folder / "model.safetensors").exists():
        return folder
    shutil.copytree(locate(DEFAULT_MODEL).folder, folder, dirs_exist_ok=True)
    tensors, adapter = load_file(folder / "model.safetensors"), load_file(ADAPTER)
    rows = slice(half * RANK, (half + 1) * RANK)
    for name in [name for name in adapter if name.endswith(".a")]:
        layer = name.removesuffix(".a")
        a, b = adapter[name][rows].astype(np.float32), adapter[f"{layer}.b"][:, rows].astype(np.float32)
        # in the sum each half counts a half
        tensors[f"{layer}.weight"] = tensors[f"{layer}.weight"] + 2.0 * (b @ a)
    (folder / "model.safetensors").unlink()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
