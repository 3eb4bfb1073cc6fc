"""How sure an edge between columns is: within bounds, in the order that can be explained."""

from __future__ import annotations

import itertools

import pytest

from services.lineage.confidence import Signs, confidence


def test_nothing_is_impossible_and_nothing_certain():
    """Whatever was seen."""
    for listed, missing, shared, crowd in itertools.product((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 9.0)):
        for of_table in (1.0, 0.5, 1e-6):
            found = confidence(Signs(listed=listed, missing=missing, shared=shared, crowd=crowd), of_table)
            assert 0.001 <= found <= 0.999


def test_the_order_is_the_one_that_can_be_explained():
    """In the table's list, of one table, of two, of four, of one that lacks it."""
    listed, plain = confidence(Signs(listed=1.0)), confidence(Signs())
    two, four = confidence(Signs(shared=1.0, crowd=1.0)), confidence(Signs(shared=1.0, crowd=2.0))
    assert listed > plain > 0.9
    assert 0.6 > two > four
    assert confidence(Signs(missing=1.0)) < plain


@pytest.mark.parametrize("candidates", [2, 3, 4])
def test_a_name_that_may_mean_several_tables_shares_what_is_sure(candidates):
    """The column is right only where the table is."""
    assert confidence(Signs(), 1 / candidates) == pytest.approx(confidence(Signs()) / candidates, abs=0.001)
