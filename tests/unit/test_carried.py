"""What is carried over to a basket: from statements that read nearly the same, by names that differ alike, by keys; and how likely."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.model.assets import RESTRICTED, Column, ForeignKey
from services.indexer.usage.carried import carried_over, statements_alike
from services.indexer.usage.features import FEATURES, features
from services.indexer.usage.learn import fit_truth
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Floats
from services.indexer.usage.weights import CALIBRATION, probabilities
from tests.support.feeds import asset
from tests.support.usages import fact, name, reading

TABLES = [asset(f"shop.sales.{one}", "id") for one in ("orders", "customers", "regions", "targets", "calendar")]
FAMILY = [fact(1, "shop.sales.orders", "shop.sales.customers", "shop.sales.regions", "shop.sales.targets")]
CROWD = [fact(10 + at, "shop.sales.orders", "shop.sales.calendar", f"shop.other.t{at}") for at in range(6)]


def rows(made: Reading, *texts: str) -> np.ndarray:
    return np.asarray([made.known.row[name(text).id] for text in texts], dtype=np.int64)


def alike(made: Reading, *candidates: str) -> tuple[Floats, Floats]:
    basket = np.sort(rows(made, "shop.sales.orders", "shop.sales.customers", "shop.sales.regions"))
    return statements_alike(made.counts, basket, rows(made, *candidates))


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
    carried = carried_over(made, basket, candidates, np.full(len(candidates), 0.8))
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


def simulated(seed: int) -> tuple[Floats, np.ndarray]:
    random = np.random.default_rng(seed)
    evidence = np.stack(
        [np.ones(4000), random.normal(-3, 2, 4000), random.random(4000), random.integers(0, 2, 4000)], axis=1
    )
    return evidence, random.random(4000) < probabilities(evidence, np.asarray([1.0, 1.5, -0.5, 0.7]))


def test_probabilities_that_are_learned_are_true():
    truth = fit_truth(*([part] for part in simulated(0)), np.asarray(CALIBRATION))
    evidence, right = simulated(1)
    told = probabilities(evidence, truth)
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0)):
        here = (told >= low) & (told < high)
        assert told[here].mean() == pytest.approx(right[here].mean(), abs=0.05)


def test_of_labels_that_are_shuffled_nothing_but_their_share_is_learned():
    evidence, right = simulated(0)
    shuffled = np.random.default_rng(2).permutation(right)
    told = probabilities(evidence, fit_truth([evidence], [shuffled], np.zeros(4)))
    assert told.std() < 0.05
    assert told.mean() == pytest.approx(right.mean(), abs=0.03)


def test_without_a_right_item_probabilities_stay_as_shipped():
    start = np.asarray(CALIBRATION)
    assert fit_truth([], [], start) is start
    assert fit_truth([np.ones((3, 4))], [np.zeros(3, dtype=bool)], start) is start
