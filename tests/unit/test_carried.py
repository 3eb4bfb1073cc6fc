"""What is carried over to a basket: from statements that read nearly the same, by names that differ alike, by keys; and how likely."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.model.assets import RESTRICTED, Column, ForeignKey
from services.indexer.usage.carried import carried_over, statements_alike
from services.indexer.usage.features import FEATURES, features
from services.indexer.usage.learn import fit_truth, spaced
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Chosen, Floats
from services.indexer.usage.weights import CALIBRATION, SIGNS, TRUTH, evidence, probabilities
from tests.support.feeds import asset
from tests.support.usages import fact, name, reading

TABLES = [asset(f"shop.sales.{one}", "id") for one in ("orders", "customers", "regions", "targets", "calendar")]
FAMILY = [fact(1, "shop.sales.orders", "shop.sales.customers", "shop.sales.regions", "shop.sales.targets")]
CROWD = [fact(10 + at, "shop.sales.orders", "shop.sales.calendar", f"shop.other.t{at}") for at in range(6)]


def rows(made: Reading, *texts: str) -> np.ndarray:
    return np.asarray([made.known.row[name(text).id] for text in texts], dtype=np.int64)


def alike(made: Reading, *candidates: str) -> tuple[Floats, Floats]:
    basket = np.sort(rows(made, "shop.sales.orders", "shop.sales.customers", "shop.sales.regions"))
    return statements_alike(made.counts, basket, Chosen.of(rows(made, *candidates), len(made.known)))


def test_a_statement_that_reads_the_basket_counts_for_many_that_share_a_table():
    share, closest = alike(reading(TABLES, [*FAMILY, *CROWD]), "shop.sales.targets", "shop.sales.calendar")
    assert closest[0] == 1.0
    assert closest[1] == pytest.approx(1 / 4)
    assert share[0] > 3 * share[1] > 0


def test_without_a_statement_that_shares_a_table_nothing_is_alike():
    share, closest = alike(reading(TABLES, [fact(1, "shop.sales.targets", "shop.sales.calendar")]), "shop.sales.targets")
    assert (share[0], closest[0]) == (0.0, 0.0)


def test_statements_of_too_few_people_are_alike_to_nothing():
    share, closest = alike(reading(TABLES, [*FAMILY, *CROWD], min_people=2), "shop.sales.targets", "shop.sales.calendar")
    assert not share.any()
    assert not closest.any()


def test_a_program_s_statement_is_less_alike():
    program = [fact(1, "shop.sales.orders", "shop.sales.customers", "shop.sales.regions", "shop.sales.targets", weight=0.1)]
    assert alike(reading(TABLES, program), "shop.sales.targets")[1][0] == pytest.approx(0.1)


NAMED = [
    asset(f"shop.{app}.{kind}", "id")
    for app in ("web", "mail", "phone")
    for kind in ("clients_daily", "clients_first_seen", "sessions_hourly")
]


@pytest.mark.parametrize("log", [True, False])
def test_names_that_differ_as_those_of_tables_used_together_are_carried_over(log):
    """Without the log, the control, nothing is."""
    pairs = [
        fact(at, f"shop.{app}.clients_daily", f"shop.{app}.clients_first_seen") for at, app in enumerate(("web", "mail"), 1)
    ]
    made = reading(NAMED, pairs if log else [])
    basket = rows(made, "shop.phone.clients_daily")
    candidates = np.setdiff1d(np.arange(len(made.known)), basket)
    carried = carried_over(made, basket, Chosen.of(candidates, len(made.known)), np.full(len(candidates), 0.8))
    best = made.known.names[int(candidates[np.argmax(carried.turned)])].qualified
    if log:
        assert best == name("shop.phone.clients_first_seen").qualified
        assert carried.turned_best.max() > 0
    else:
        assert not carried.turned.any()
        assert not carried.company.any()


@pytest.mark.parametrize(("tags", "joined"), [((), 1.0), ((RESTRICTED,), 0.0)])
def test_a_declared_key_speaks_for_a_table_unless_its_column_is_restricted(tags, joined):
    lines = asset(
        "shop.sales.lines",
        Column("order_id", "integer", tags=tags),
        foreign_keys=(ForeignKey(("order_id",), ("sales", "orders"), ("id",)),),
    )
    made = reading([*TABLES, lines], [])
    found = features(made, rows(made, "shop.sales.orders"), rows(made, "shop.sales.lines", "shop.sales.regions"))
    assert found[:, FEATURES.index("key")].tolist() == [joined, 0.0]


TRUE = np.asarray([1.0, 1.5, -0.5, 0.0, 0.0, 0.0, 0.7, -0.4, 0.0, 0.0, 0.0, 0.0])
"""Log-odds of a made world: of what statements use together, more is right, and shares say less."""


def simulated(seed: int) -> tuple[Floats, np.ndarray]:
    random = np.random.default_rng(seed)
    n = 6_000
    signs = np.stack([np.ones(n), random.normal(-3, 2, n), random.random(n), *random.random((3, n))], axis=1)
    found = np.concatenate([signs, signs * random.integers(0, 2, n)[:, None]], axis=1)
    return found, random.random(n) < probabilities(found, TRUE)


def test_probabilities_that_are_learned_are_true():
    truth = fit_truth(*([part] for part in simulated(0)), np.asarray(CALIBRATION))
    found, right = simulated(1)
    told = probabilities(found, truth)
    for observed in (0.0, 1.0):  # of either kind by itself
        for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0)):
            here = (told >= low) & (told < high) & (found[:, len(SIGNS)] == observed)
            assert told[here].mean() == pytest.approx(right[here].mean(), abs=0.06)


def test_of_labels_that_are_shuffled_nothing_but_their_share_is_learned():
    found, right = simulated(0)
    shuffled = np.random.default_rng(2).permutation(right)
    told = probabilities(found, fit_truth([found], [shuffled], np.zeros(len(TRUTH))))
    assert told.std() < 0.05
    assert told.mean() == pytest.approx(right.mean(), abs=0.03)


def test_without_a_right_item_probabilities_stay_as_shipped():
    start = np.asarray(CALIBRATION)
    assert fit_truth([], [], start) is start
    assert fit_truth([np.ones((3, len(TRUTH)))], [np.zeros(3, dtype=bool)], start) is start


def test_evidence_follows_the_list_and_says_twice_what_statements_use_with_the_basket():
    values = np.zeros((3, len(FEATURES)))
    values[:, FEATURES.index("statement")] = (0.1, 0.2, 0.3)
    found = evidence(np.asarray([1.0, 3.0, 2.0]), values, np.asarray([1, 2, 0]), np.asarray([False, True, False]))
    assert found.shape == (3, len(TRUTH))
    assert found[:, SIGNS.index("statement")].tolist() == [0.2, 0.3, 0.1]
    assert np.all(np.diff(found[:, SIGNS.index("share")]) < 0)
    assert found[:, len(SIGNS) :].tolist() == [found[0, : len(SIGNS)].tolist(), [0.0] * 6, [0.0] * 6]


def test_questions_that_tell_how_true_probabilities_are_come_from_all_parts_of_a_log():
    assert list(spaced(list(range(10)), 5)) == [0, 2, 4, 6, 8]
    assert list(spaced(list(range(3)), 5)) == [0, 1, 2]
    assert list(spaced([], 5)) == []
