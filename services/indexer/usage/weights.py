"""What each feature weighs, and how likely an item of a given share is right: the shipped figures, and those of a home.

Journey 2, "used together". A home learns its own, pulled to these; `make bench-usage ARGS="DATA --fit"` learns these anew.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.common.runtime.logs import get_logger
from services.indexer.usage.features import FEATURES
from services.indexer.usage.sparse import Floats, Ints

MODEL_VERSION = 2
"""Raised whenever a feature means something else: weights of another version are not read."""
_TOO_MUCH = 1_000
BY_HAND = 0.5
"""Where every weight starts: all features are scaled to speak alike."""
SHIPPED = {
    "share": 0.68,
    "lift": 0.48,
    "basket": 0.12,
    "often": 0.35,
    "text": 0.49,
    "text_best": 0.54,
    "name": 0.24,
    "home": 0.29,
    "whole_name": 0.26,
    "columns": 0.47,
    "schema": 0.59,
    "small_schema": 0.69,
    "schemas": 0.74,
    "step": 1.07,
    "step_home": 0.56,
    "step_both": 0.95,
    "subject": 0.15,
    "stem": 0.3,
    "lineage": 0.27,
    "siblings": 0.61,
    "alias": 0.44,
    "like": 0.31,
    "home_company": 0.28,
    "mixes": 0.15,
    "popular": 0.78,
    "recent": 0.52,
    "fresh": 0.13,
    "latest": 0.16,
    "unqueried": 0.31,
    "statements": 2.12,
    "statement": 1.68,
    "company": 0.7,
    "like_company": 0.38,
    "turned": 0.82,
    "turned_best": 0.81,
    "new_both": 0.93,
    "key": 0.5,
    "name_best": 0.27,
    "text_rank": 1.06,
    "name_rank": 0.71,
}
"""Learned from five open logs (bigquery-etl, dbt, Stack Exchange, JOB, TPC-DS), pulled to `BY_HAND`; each held out in turn in
`bench/RESULTS.md`."""
TRUTH = ("constant", "share", "place", "observed")
"""What a probability is told from: nothing, the logarithm of an item's softmax share among all candidates, that of its place in
the list, and whether statements use both."""
CALIBRATION = (0.767, 0.667, -0.697, -0.099)
"""One a word of `TRUTH`: the log-odds of being right, learned with the shipped weights."""
_log = get_logger("usage")


@dataclass(frozen=True, eq=False)
class Model:
    """What orders candidates and tells how likely they are.

    Attributes:
        weights: one a feature, 0 or more, float64 (features,).
        truth: one a word of `TRUTH`, float64.

    """

    weights: Floats
    truth: Floats


def shipped() -> Model:
    """What is shipped."""
    return Model(np.asarray([SHIPPED.get(name, BY_HAND) for name in FEATURES]), np.asarray(CALIBRATION))


def read_weights(path: Path) -> Model | None:
    """What a home learned; None where it has nothing of this version."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("version") != MODEL_VERSION:
        return None
    weights, truth = (_numbers(kept.get(part), names) for part, names in (("weights", FEATURES), ("truth", TRUTH)))
    if weights is None or truth is None or (weights < 0).any():
        _log.warning("the weights of used together are not read: they are damaged", file=path.name)
        return None
    return Model(weights, truth)


def _numbers(kept: object, names: Sequence[str]) -> Floats | None:
    values = [kept.get(name) for name in names] if isinstance(kept, dict) else [None]
    found = [float(value) for value in values if isinstance(value, int | float) and abs(value) < _TOO_MUCH]
    return np.asarray(found) if len(found) == len(names) else None


def write_weights(path: Path, model: Model, *, learned_from: int) -> None:
    """Keep a model beside the index, with how many questions they were learned from; replaces the file as a whole.

    Raises:
        OSError: nothing can be written there.

    """
    kept = {
        "version": MODEL_VERSION,
        "learned_from": learned_from,
        "weights": {name: round(float(value), 5) for name, value in zip(FEATURES, model.weights, strict=True)},
        "truth": {name: round(float(value), 5) for name, value in zip(TRUTH, model.truth, strict=True)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def evidence(scores: Floats, order: Ints, observed: NDArray[np.bool_]) -> Floats:
    """What `TRUTH` names of each candidate in the order of the list, float64 (candidates, words).

    Args:
        scores: of all candidates.
        order: their places in the list.
        observed: whether statements use the candidate with the basket.

    """
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    share = np.log(np.maximum(shares, 1e-12))[order]
    return np.stack([np.ones(len(order)), share, np.log(np.arange(1.0, len(order) + 1)), observed[order]], axis=1)


def probabilities(found: Floats, truth: Floats) -> Floats:
    """How likely each candidate is the table that goes with the basket, 0 to 1, by its evidence."""
    # not a matrix product, which may add up a row differently by where it stands
    odds = np.clip((found * truth).sum(axis=1), -50, 50)
    likely: Floats = 1.0 / (1.0 + np.exp(-odds))
    return likely
