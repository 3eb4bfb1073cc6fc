"""Weights from judged questions: what helps is found, what does not stays where the hand put it, and a ranker keeps its form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from services.common.errors import WrongSettings
from services.evaluation.judgements import Judgement
from services.evaluation.training import Outcome, folds_of, verdicts_of
from services.indexer.retrieve.features import FEATURES, LEARNED, SET
from services.indexer.retrieve.learn import Judged, fit
from services.indexer.retrieve.rank import BY_HAND, FIXED, HAND_SET, LETTERS, Ranker, shipped_ranker
from services.indexer.retrieve.ranker_file import RankerFile


def judged(rng: np.random.Generator, *, by: str, n: int = 40) -> Judged:
    """A question whose right table is the one with the largest value of a feature; all else is noise."""
    features = rng.random((n, len(FEATURES)))
    features[:, [FEATURES.index(name) for name in FEATURES if name not in LEARNED]] = 0.0
    gold = np.zeros(n, dtype=np.bool_)
    gold[features[:, FEATURES.index(by)].argmax()] = True
    return Judged(features, gold, 1)


def right_first(questions: list[Judged], ranker: Ranker) -> float:
    return float(np.mean([q.gold[(q.features @ ranker.vector).argmax()] for q in questions]))


@pytest.mark.parametrize("by", ["pairs", "bridge", "meaning"])
def test_the_feature_that_tells_is_found_whichever_it_is(by):
    rng = np.random.default_rng(1)
    train, held = [judged(rng, by=by) for _ in range(150)], [judged(rng, by=by) for _ in range(100)]
    learned = fit(train, pull=0.03)
    assert max(learned.weights, key=learned.weights.__getitem__) == by
    assert right_first(held, learned) > right_first(held, HAND_SET) + 0.15
    assert right_first(held, learned) > 0.35


def test_shuffled_labels_teach_nothing():
    """The control: the same questions with another table called right are learned from, and the gain is gone."""
    rng = np.random.default_rng(2)
    train, held = [judged(rng, by="adds") for _ in range(150)], [judged(rng, by="adds") for _ in range(100)]
    wrong = [Judged(q.features, rng.permutation(q.gold), q.wanted) for q in train]
    assert right_first(held, fit(train, pull=0.03)) > 0.4
    assert right_first(held, fit(wrong, pull=0.03)) < 0.15


def test_what_speaks_against_a_table_gets_no_weight_below_zero():
    rng = np.random.default_rng(3)
    against = [judged(rng, by="meaning") for _ in range(100)]
    for one in against:
        one.features[:, FEATURES.index("own")] = 1.0 - one.features[:, FEATURES.index("meaning")]
    assert min(fit(against).weights.values()) >= 0.0


def test_a_feature_left_out_or_constant_weighs_nothing():
    rng = np.random.default_rng(4)
    train = [judged(rng, by="pairs") for _ in range(60)]
    for one in train:
        one.features[:, FEATURES.index("container")] = 0.5
    learned = fit(train, without="pairs")
    assert learned.weights["pairs"] == learned.weights["container"] == 0.0


def test_questions_that_teach_nothing_are_refused():
    nothing = Judged(np.zeros((3, len(FEATURES))), np.zeros(3, dtype=np.bool_), 1)
    with pytest.raises(ValueError, match="right and a wrong"):
        fit([nothing])


def test_a_ranker_keeps_its_weights_as_text():
    ranker = fit([judged(np.random.default_rng(5), by="said") for _ in range(60)], made={"by": "test"})
    again = Ranker.from_text(ranker.to_text(), "here")
    assert again.vector == pytest.approx(ranker.vector, abs=1e-6)
    assert again.made == {"by": "test"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1, "weights": {"words": 1}}',
        '{"format": 9, "weights": {}}',
        '{"format": 1, "weights": 3}',
    ],
)
def test_what_is_no_ranker_is_refused_with_its_place(text):
    with pytest.raises(WrongSettings, match=r"over there.*train-ranker"):
        Ranker.from_text(text, "over there")


def test_weights_that_are_no_numbers_are_refused():
    text = json.dumps({"format": 1, "weights": dict.fromkeys(LEARNED, float("nan"))})
    with pytest.raises(WrongSettings):
        Ranker.from_text(text, "here")


def test_the_shipped_ranker_is_learned_and_names_stay_first():
    """Nothing that it can add up to reaches what a partial name adds."""
    shipped = shipped_ranker()
    assert shipped.id != HAND_SET.id
    assert shipped.made
    assert sum(shipped.weights.values()) < FIXED["column_name"]  # features are 1 at the most
    assert set(FIXED) | set(BY_HAND) <= set(FEATURES)
    assert set(SET) <= set(FIXED)


def test_a_ranker_orders_only_what_its_own_model_encoded():
    """Beside another model the hand-set one orders; without meaning, words and letters do."""
    shipped = shipped_ranker()
    assert shipped.beside("all-MiniLM-L6-v2+headwater@0123").id == shipped.id
    assert shipped.beside("other-model@0123").id == HAND_SET.id
    assert shipped.beside("hashing@384").id == shipped.beside(None).id == LETTERS.id
    assert Ranker(shipped.weights).beside("other-model@0123").id == shipped.id


def test_a_home_takes_up_a_ranker_that_is_switched_to_and_survives_a_damaged_one(tmp_path):
    file = RankerFile(tmp_path)
    assert file.current().id == shipped_ranker().id
    other = Ranker(dict.fromkeys(LEARNED, 0.5))
    file.switch(other)
    assert file.current().id == RankerFile(tmp_path).current().id == other.id
    (tmp_path / "ranker.json").write_text("{", encoding="utf-8")
    assert file.current().id == other.id
    assert RankerFile(tmp_path).current().id == shipped_ranker().id
    (tmp_path / "ranker.json").unlink()
    assert file.current().id == shipped_ranker().id


def test_questions_about_one_database_are_in_one_fold():
    asked = [Judgement(f"q{at}", ((f"db{at % 7}", "t"),), f"db{at % 7}", "all") for at in range(70)]
    folds = folds_of(asked)
    assert len(set(folds)) > 1
    assert all(
        len({fold for one, fold in zip(asked, folds, strict=True) if one.database == f"db{n}"}) == 1 for n in range(7)
    )
    alone = [Judgement(f"q{at}", (("db", f"t{at % 9}"),), "db", "all") for at in range(40)]
    assert len(set(folds_of(alone))) > 1


def test_what_changes_nearly_nothing_or_rests_on_shuffled_labels_is_not_switched_to():
    same = verdicts_of([], [])
    told = Outcome(same, same, 0.02).reasons_against
    assert any("better" in why for why in told)
    assert any("2%" in why for why in told)
