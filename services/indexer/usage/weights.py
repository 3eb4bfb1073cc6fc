"""What each feature weighs, and how likely an item of a given share is right: the shipped figures, and those of a home.

Journey 2, "used together". A home learns its own, pulled to these; `make bench-usage ARGS="DATA --fit"` learns these anew.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import numpy as np

from services.common.runtime.logs import get_logger
from services.indexer.usage.features import FEATURES
from services.indexer.usage.sparse import Floats

MODEL_VERSION = 1
"""Raised whenever a feature means something else: weights of another version are not read."""
BY_HAND = 0.5
"""Where every weight starts: all features are scaled to speak alike."""
SHIPPED = {
    "share": 1.27,
    "lift": 1.05,
    "basket": 0.95,
    "often": 0.87,
    "text": 0.72,
    "text_best": 0.81,
    "name": 0.94,
    "home": 0.47,
    "whole_name": 0.71,
    "columns": 0.66,
    "schema": 0.56,
    "small_schema": 0.56,
    "schemas": 0.61,
    "step": 0.88,
    "step_home": 0.55,
    "step_both": 0.81,
    "subject": 0.42,
    "stem": 0.5,
    "lineage": 0.42,
    "siblings": 0.54,
    "alias": 0.46,
    "like": 0.49,
    "home_company": 0.77,
    "mixes": 0.49,
    "popular": 0.88,
    "recent": 0.52,
    "fresh": 0.32,
    "latest": 0.3,
    "unqueried": 0.5,
}
"""Learned from five open logs (bigquery-etl, dbt, Stack Exchange, JOB, TPC-DS), pulled to `BY_HAND`; each held out in turn in
`bench/RESULTS.md`."""
CALIBRATION = (0.39, 0.88)
"""Intercept and slope of the log-odds of being right over the log of an item's softmax share among all candidates."""
_log = get_logger("usage")


def shipped() -> Floats:
    """The shipped weights, float64 (features,)."""
    return np.asarray([SHIPPED.get(name, BY_HAND) for name in FEATURES])


def read_weights(path: Path) -> Floats | None:
    """The weights that a home learned; None where it has none of this version."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("version") != MODEL_VERSION or not isinstance(kept.get("weights"), dict):
        return None
    values = [kept["weights"].get(name) for name in FEATURES]
    if not all(isinstance(value, int | float) and 0 <= value < 1_000 for value in values):
        _log.warning("the weights of used together are not read: they are damaged", file=path.name)
        return None
    return np.asarray(values, dtype=np.float64)


def write_weights(path: Path, weights: Floats, *, learned_from: int) -> None:
    """Keep weights beside the index, with how many questions they were learned from; replaces the file as a whole.

    Raises:
        OSError: nothing can be written there.

    """
    kept = {
        "version": MODEL_VERSION,
        "learned_from": learned_from,
        "weights": {name: round(float(value), 5) for name, value in zip(FEATURES, weights, strict=True)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def probabilities(scores: Floats) -> Floats:
    """For each candidate, how likely it is the table that goes with the basket, 0 to 1; `scores` are of all candidates."""
    if not len(scores):
        return scores
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    intercept, slope = CALIBRATION
    odds = intercept + slope * np.log(np.maximum(shares, 1e-12))
    out: Floats = 1.0 / (1.0 + np.exp(-np.clip(odds, -50, 50)))
    return out
