"""What each feature weighs, and how likely an item of a given share is right: the shipped figures, and those of a home.

Journey 2, "used together". A home learns its own, pulled to these; `make bench-usage ARGS="DATA --fit"` learns these anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.common.runtime.logs import get_logger
from services.common.runtime.once import replace_whole
from services.indexer.usage.features import FEATURES
from services.indexer.usage.sparse import Floats, Ints

MODEL_VERSION = 4
"""Raised whenever a feature means something else: weights of another version are not read."""
_TOO_MUCH = 1_000
BY_HAND = 0.5
"""Where every weight starts: all features are scaled to speak alike."""
SHIPPED = {
    "share": 0.7,
    "lift": 0.52,
    "basket": 0.11,
    "often": 0.38,
    "text": 0.24,
    "text_best": 0.29,
    "name": 0.0,
    "home": 0.21,
    "whole_name": 0.09,
    "columns": 0.41,
    "schema": 0.52,
    "small_schema": 0.66,
    "schemas": 0.68,
    "step": 0.98,
    "step_home": 0.49,
    "step_both": 0.9,
    "subject": 0.08,
    "stem": 0.27,
    "lineage": 0.39,
    "siblings": 0.59,
    "alias": 0.49,
    "like": 0.39,
    "home_company": 0.2,
    "mixes": 0.1,
    "popular": 0.76,
    "recent": 0.49,
    "fresh": 0.16,
    "latest": 0.25,
    "unqueried": 0.22,
    "statements": 2.11,
    "statement": 1.69,
    "company": 0.76,
    "like_company": 0.33,
    "turned": 0.71,
    "turned_best": 0.77,
    "new_both": 0.79,
    "key": 0.5,
    "name_best": 0.15,
    "text_rank": 0.78,
    "name_rank": 0.26,
    "queried": 0.78,
    "mixes_schemas": 0.61,
    "other_table": 0.61,
    "variant": 0.59,
    "text_new": 0.81,
    "text_best_new": 1.03,
    "name_rank_new": 0.78,
    "name_rank_alike": 0.78,
}
"""Learned from five open logs (bigquery-etl, dbt, Stack Exchange, JOB, TPC-DS), pulled to `BY_HAND`; each held out in turn in
`bench/RESULTS.md`."""
SIGNS = ("constant", "share", "place", "statement", "statements", "together")
"""What a probability is told from: nothing, the logarithm of an item's softmax share among all candidates, that of its place in
the list, how like the basket the closest statement is that reads the item, which share of such statements reads it, and how often
it is read with the basket (the feature `share`)."""
TRUTH = (*SIGNS, *(f"observed {sign}" for sign in SIGNS))
"""The signs of all items, and once more of those that statements use with the basket, 0 for others: what the same signs are worth differs."""
CALIBRATION = (0.278, 0.509, -0.923, 0.281, 0.55, -0.07, -0.115, 0.18, -0.199, 0.281, 0.55, -0.07)
"""One a word of `TRUTH`: the log-odds of being right, learned with the shipped weights."""
AT_ITS_WORD = tuple(float(name == "share") for name in TRUTH)
"""Log-odds that take a share for the probability: where learning the shipped ones begins."""
_SAID = [FEATURES.index(name) for name in ("statement", "statements", "share")]
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
    replace_whole(path, json.dumps(kept, indent=1))


def evidence(scores: Floats, values: Floats, order: Ints, observed: NDArray[np.bool_]) -> Floats:
    """What `TRUTH` names of each candidate in the order of the list, float64 (candidates, words).

    Args:
        scores: of all candidates.
        values: their features, float64 (candidates, features).
        order: their places in the list.
        observed: whether statements use the candidate with the basket.

    """
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    share = np.log(np.maximum(shares, 1e-12))[order]
    place = np.log(np.arange(1.0, len(order) + 1))
    signs = np.concatenate([np.stack([np.ones(len(order)), share, place], axis=1), values[order][:, _SAID]], axis=1)
    return np.concatenate([signs, signs * observed[order][:, None]], axis=1)


def probabilities(found: Floats, truth: Floats) -> Floats:
    """How likely each candidate is the table that goes with the basket, 0 to 1, by its evidence."""
    # not a matrix product, which may add up a row differently by where it stands
    odds = np.clip((found * truth).sum(axis=1), -50, 50)
    likely: Floats = 1.0 / (1.0 + np.exp(-odds))
    return likely
