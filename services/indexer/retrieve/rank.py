"""The order of the candidates: a linear model over explainable features, and the reasons that follow from it.

Journey 2, step "ranked". Contributions add up to the score, so that a reason's number is what removing it would cost. What
names a table stands first by construction; the other weights are learned by `headwater train-ranker`, or set by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from services.common.errors import WrongSettings
from services.common.model.search import Reason
from services.indexer.embed.hashing import HASHING_MODEL
from services.indexer.retrieve.features import FEATURES, LEARNED, Candidates, highest

NAME_STEP = 10.0
"""What a name adds: more than everything else together can, so that names come first by construction."""
FIXED: Mapping[str, float] = {
    "full_name": 2 * NAME_STEP,
    "partial_name": NAME_STEP,
    "column_name": NAME_STEP / 2,
    "fuzzy_name": 0.8 * NAME_STEP,
    "number": 0.08,
    "copy": -0.3,
    "status": 0.05,
    "popular": 0.02,
    "thin": 0.4,
}
"""Weights that no judgement teaches, where meaning weighs 1; a copy loses to its equal, never to something unrelated;
what is used much comes before what fits as well, and never before what fits better by more than that. What a thin table
loses is the weight that the open pools choose together (`bench/ranker.py`)."""
BY_HAND: Mapping[str, float] = {
    "words": 1.5,
    "meaning": 1.0,
    "columns": 0.3,
    "said": 0.5,
    "together": 0.5,
    "container": 0.2,
    "neighbour": 0.2,
}
"""The hand-set model: what a learned one must beat on judgements that it was not trained on. Features not named weigh 0."""
SHIPPED = "ranker.json"
_FORMAT = 1
_TEXTS = {
    "full_name": "this is its full name",
    "partial_name": "its name ends with what you typed",
    "column_name": "it has the column that you named",
    "fuzzy_name": "its name is what you typed, spelled otherwise or in part",
    "words": "shares words with the question",
    "covered": "has many of the question's words",
    "meaning": "its text is close in meaning",
    "name_meaning": "its name means what the question asks",
    "columns": "its columns are close to the question",
    "said": "its name and columns cover what is asked",
    "pairs": "a column covers two words of the question together",
    "neighbour": "a table that it joins fits too",
    "bridge": "it connects two tables that fit",
    "adds": "it covers what a joined table leaves out",
    "together": "joined with its neighbours it covers the question",
    "own": "it covers some of the question better than its neighbours",
    "container": "other tables of its schema cover the rest",
    "thin": "it has few columns and keys to ask for",
    "number": "its name has the question's number",
    "copy": "its name looks like a copy or a backup",
    "popular": "people use it a lot",
}
_IN_PART = {
    "covered": "has some of the question's words",
    "meaning": "its text is a little like the question in meaning",
    "said": "its name and columns cover a part of what is asked",
    "together": "joined with its neighbours it covers a part of the question",
}
"""What is said instead where the feature's value is below `_ENOUGH`: the model adds it up, but it is not true as it stands."""
_ENOUGH = {"covered": 0.5, "meaning": 0.35, "said": 0.5, "together": 0.5}
"""Shares of the question, and a cosine: below that, unrelated columns of the open pools are as near (`tables.COLUMN_COSINE`)."""
_NAMED = 3
"""Words and columns that one reason names."""
_SMALL = 0.005
"""Contributions below this are not told as reasons."""


@dataclass(frozen=True)
class Ranker:
    """Weights of the learned features, scaled so that meaning weighs about 1.

    Attributes:
        weights: one a feature of `LEARNED`.
        model: the name of the encoder whose cosines it weighs; empty for any. Beside another one, and where there are no
            vectors, the hand-set model orders.
        made: how it was made, for people: what it was trained on and what it was measured at; JSON values.

    """

    weights: Mapping[str, float]
    model: str = ""
    made: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def vector(self) -> NDArray[np.float64]:
        """One weight a feature of `FEATURES`."""
        both = {**FIXED, **self.weights}
        return np.asarray([both.get(name, 0.0) for name in FEATURES])

    @cached_property
    def id(self) -> str:
        """Twelve digits that stand for the weights: equal ones order everything alike."""
        return hashlib.sha256(self.vector.tobytes()).hexdigest()[:12]

    def beside(self, model_id: str | None) -> Ranker:
        """The ranker for questions that are encoded by a model, `NAME@DIGEST`; None where they are not encoded."""
        name = (model_id or "").partition("@")[0]
        if name in ("", HASHING_MODEL):
            return LETTERS
        return self if self.model in ("", name) else HAND_SET

    def to_text(self) -> str:
        """The ranker as JSON, for `from_text`."""
        weights = {name: round(self.weights.get(name, 0.0), 6) for name in LEARNED}
        return (
            json.dumps({"format": _FORMAT, "model": self.model, "weights": weights, "made": dict(self.made)}, indent=1)
            + "\n"
        )

    @classmethod
    def from_text(cls, text: str, where: str) -> Ranker:
        """A ranker from JSON.

        Raises:
            WrongSettings: it is no ranker, or of features that this version does not have; `where` is named.

        """
        try:
            raw = json.loads(text)
            weights = {str(name): float(value) for name, value in raw["weights"].items()}
            model, made = str(raw["model"]), dict(raw.get("made", {}))
            fits = raw["format"] == _FORMAT and set(weights) == set(LEARNED) and all(map(np.isfinite, weights.values()))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise WrongSettings(f"{where} is not a ranker; make it again with `headwater train-ranker`") from error
        if not fits:
            raise WrongSettings(f"{where} was made for other features; make it again with `headwater train-ranker`")
        return cls(weights, model, made)


LETTERS = Ranker({"words": 1.5, "meaning": 1.0, "columns": 0.3}, made={"by": "hand"})
"""Where vectors hold letters and no meaning, or there are none: single words are then no nearer to names that mean them."""
HAND_SET = Ranker(BY_HAND, made={"by": "hand"})


@lru_cache(maxsize=1)
def shipped_ranker() -> Ranker:
    """The learned ranker that comes with Headwater."""
    return Ranker.from_text(files("services.indexer.retrieve").joinpath(SHIPPED).read_text(encoding="utf-8"), SHIPPED)


@dataclass(frozen=True)
class Ranked:
    """Candidates in order.

    Attributes:
        order: positions in the candidates, best first, ties by asset id.
        scores: of each candidate, float64 (n,).
        contributions: float64 (n, features), rows adding up to the scores.

    """

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    contributions: NDArray[np.float64]


def rank(candidates: Candidates, ids: list[str], ranker: Ranker) -> Ranked:
    """Order candidates by score, equal ones by id."""
    contributions = candidates.features * ranker.vector
    # rounded, so that the last bits of a sum cannot turn an order that ids should decide
    scores = np.round(contributions.sum(axis=1), 6)
    order = highest(scores, lambda rows: [ids[row] for row in rows.tolist()], len(scores))
    return Ranked(order, scores, contributions)


@dataclass(frozen=True, slots=True)
class Told:
    """What the reasons of one candidate name.

    Attributes:
        words: the question's words that it has.
        columns: its columns that matched.
        meant: the question's words that its name or a column says by meaning alone.
        near: of its columns, those that are near the question in meaning.
        weak: the features whose values are too small for what they are called, from `weak_features`.

    """

    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    meant: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    weak: frozenset[str] = frozenset()


def weak_features(values: NDArray[np.float64]) -> frozenset[str]:
    """The features of a candidate, of which a row of `Candidates.features` is given, that hold in part alone."""
    return frozenset(name for name, least in _ENOUGH.items() if values[FEATURES.index(name)] < least)


def reasons(contributions: NDArray[np.float64], told: Told) -> tuple[Reason, ...]:
    """Why one candidate, whose row of `Ranked.contributions` is given, stands where it does, strongest first."""
    named = [
        Reason(name, _text(name, value, told), round(float(value), 4))
        for name, value in zip(FEATURES, contributions.tolist(), strict=True)
        if abs(value) >= _SMALL
    ]
    return tuple(sorted(named, key=lambda reason: -abs(reason.contribution)))


def _text(name: str, value: float, told: Told) -> str:
    if name == "words" and told.words:
        return _words(told.words)
    if name == "meaning":
        return _meaning(told) if value > 0 else "its text is far in meaning"
    if name == "columns" and told.columns:
        several = len(told.columns) > 1
        return f"its column{'s' if several else ''} {', '.join(told.columns)} {'are' if several else 'is'} close to the question"
    if name == "status":
        return "people endorsed it" if value > 0 else "people warned of it"
    return (_IN_PART if name in told.weak else _TEXTS)[name]


def _meaning(told: Told) -> str:
    """What is near in meaning: words that it has in other words, and columns, as far as any can be named."""
    if "meaning" in told.weak and not told.meant and not told.near:
        return _IN_PART["meaning"]
    to = f" to {', '.join(told.meant[:_NAMED])}" if told.meant else ""
    by = f": column{'s' if len(told.near) > 1 else ''} {', '.join(told.near[:_NAMED])}" if told.near else ""
    return f"its text is close in meaning{to}{by}"


def _words(words: tuple[str, ...]) -> str:
    """Words that it has, then names that are read as words (`mth read as monthly`), which are told in words already."""
    own = [word for word in words if " " not in word]
    told = [f"has the word{'s' if len(own) > 1 else ''} {', '.join(own)}"] if own else []
    return "; ".join([*told, *(word for word in words if " " in word)])
