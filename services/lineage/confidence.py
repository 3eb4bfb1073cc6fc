"""How sure an edge between columns is: a few things that one can see of how it was found, weighed. Pure.

Journey 3, step "edges". The weights are fitted on cases with known truth by `bench/lineage_confidence.py`.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Signs:
    """What is seen of how one edge was found; 1 = yes.

    Attributes:
        listed: the source's columns are known, and this is one of them.
        missing: they are known, and this is none of them.
        strangers: how many tables whose columns are not known the text reads, besides the source: log2(1 + n).
        shared: the column was named without a table and may be of several: log2 of how many.
        star: it stands for `*` over a table whose columns are not known: log2(1 + how many such tables).
        repaired: the text was not understood as a whole, or is a template.
        unsure: which table a name means is not known: log2 of how many it may mean.

    """

    listed: float = 0.0
    missing: float = 0.0
    strangers: float = 0.0
    shared: float = 0.0
    star: float = 0.0
    repaired: float = 0.0
    unsure: float = 0.0


BIAS = 2.0
WEIGHTS = Signs(listed=2.0, missing=-3.0, strangers=-0.5, shared=-2.0, star=-1.0, repaired=-1.0, unsure=-1.0)
"""Fitted: `python -m bench.lineage_confidence --fit`."""


def confidence(signs: Signs) -> float:
    """The chance that an edge is right, 0.01 to 0.99, in hundredths: more digits would claim more than was measured."""
    total = BIAS + sum(weight * sign for weight, sign in zip(astuple(WEIGHTS), astuple(signs), strict=True))
    return min(max(round(1.0 / (1.0 + math.exp(-total)), 2), 0.01), 0.99)
