"""Names with one word more than another: a basket stands on one side of such pairs, and what goes with it stands there too."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.model.access import AccessScope
from services.indexer.usage.features import FEATURES, features
from services.indexer.usage.reading import Reading
from services.indexer.usage.variants import LEAST, MOST
from tests.support.feeds import asset
from tests.support.usages import fact, name, reading

KINDS = ("card", "charge", "coupon", "plan", "refund")
PAIRED = [asset(f"shop.pay.{mark}{kind}", "id") for mark in ("", "trial_") for kind in KINDS]
OTHERS = [asset(f"shop.{one}", "id") for one in ("crm.customers", "crm.trial_customers", "web.clicks")]


def odds(made: Reading, basket: tuple[str, ...], *candidates: str) -> list[float]:
    rows = [np.asarray(sorted(made.known.row[name(f"shop.{one}").id] for one in basket), dtype=np.int64)]
    wanted = np.asarray([made.known.row[name(f"shop.{one}").id] for one in candidates], dtype=np.int64)
    return [round(float(one), 3) for one in made.variants.odds(rows[0], wanted)]


def test_a_basket_without_the_word_goes_with_tables_without_it():
    made = reading([*PAIRED, *OTHERS], [])
    plain, trial = odds(made, ("pay.card", "pay.plan"), "pay.coupon", "pay.trial_coupon")
    assert LEAST <= trial < -0.5
    assert 0.2 < plain <= MOST
    assert odds(made, ("pay.trial_card", "pay.trial_plan"), "pay.trial_coupon", "pay.coupon") == [plain, trial]


def test_the_more_of_a_basket_agree_the_surer_it_is():
    made = reading([*PAIRED, *OTHERS], [])
    one, three = (
        odds(made, basket, "pay.trial_coupon") for basket in (("pay.card",), ("pay.card", "pay.plan", "pay.charge"))
    )
    assert three[0] < one[0] < 0


@pytest.mark.parametrize(
    ("basket", "told_of"), [("web.clicks", "pay.trial_coupon"), ("crm.customers", "crm.trial_customers")]
)
def test_nothing_is_told_where_the_basket_is_on_no_side_or_pairs_are_few(basket, told_of):
    """Two tables of another schema that differ by the word are a coincidence: there nothing is told of them."""
    assert odds(reading([*PAIRED, *OTHERS], []), (basket,), told_of, "web.clicks") == [0.0, 0.0]


def test_what_the_log_reads_of_such_pairs_tips_a_basket_that_has_both():
    """People who read the trial's tables: a basket with one of each side leans to them."""
    log = [fact(at, "shop.pay.trial_refund", "shop.pay.trial_charge") for at in range(1, 9)]
    basket = ("pay.card", "pay.trial_plan")
    assert (
        odds(reading(PAIRED, log), basket, "pay.trial_coupon")[0] > odds(reading(PAIRED, []), basket, "pay.trial_coupon")[0]
    )


def test_hidden_tables_make_no_pairs():
    made = reading([*PAIRED, *OTHERS], [], AccessScope(("*",), ("*.trial_*",)))
    without = reading([one for one in (*PAIRED, *OTHERS) if "trial" not in one.name.parts[-1]], [])
    assert odds(made, ("pay.card",), "pay.coupon") == odds(without, ("pay.card",), "pay.coupon") == [0.0]
    assert made.variants.more.index.size == 0


def test_an_empty_catalog_has_no_pairs():
    assert reading([], []).variants.more.index.size == 0


def test_a_table_and_its_view_stand_for_each_other():
    """Another layer of one name, or what is made from a table alone, is no other table; a sibling is."""
    tables = [asset(f"shop.{one}", "id") for one in ("sales.orders", "sales_derived.orders_v1", "sales.lines", "crm.vip")]
    made = reading(tables, [fact(1, "shop.sales.orders", writes=["shop.crm.vip"])])
    basket = np.asarray([made.known.row[name("shop.sales.orders").id]], dtype=np.int64)
    wanted = ("shop.sales_derived.orders_v1", "shop.crm.vip", "shop.sales.lines")
    candidates = np.asarray([made.known.row[name(one).id] for one in wanted], dtype=np.int64)
    found = features(made, basket, candidates)[:, FEATURES.index("other_table")]
    assert found.tolist() == [0.0, 0.0, 1.0]


def test_texts_and_names_speak_again_for_what_nobody_has_queried():
    tables = [asset(f"shop.sales.{one}", "id") for one in ("orders", "orders_daily", "orders_hourly")]
    made = reading(tables, [fact(1, "shop.sales.orders_daily", "shop.sales.orders")])
    at = [made.known.row[name(f"shop.sales.{one}").id] for one in ("orders", "orders_daily", "orders_hourly")]
    found = features(made, np.asarray(at[:1]), np.asarray(at[1:]))
    told = {
        one: found[:, FEATURES.index(one)].tolist() for one in ("queried", "name_rank", "name_rank_new", "text_new", "text")
    }
    assert told["queried"] == [1.0, 0.0]
    assert told["name_rank_new"] == [0.0, told["name_rank"][1]]
    assert told["text_new"] == [0.0, told["text"][1]]
    assert told["name_rank"][1] > 0
