"""How sure an edge between columns is: a few things that one can see of how it was found, weighed. Pure.

Journey 3, step "edges". The weights are fitted on cases with known truth by `bench/lineage_confidence.py`.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Signs:
    """What is seen of how one edge was found; 1 = yes.

    Attributes:
        listed: the source's columns are known, and this is one of them.
        missing: they are known, and this is none of them.
        strangers: how many tables whose columns are not known the text reads, besides the source: log2(1 + n).
        shared: the column was named without a table and may be of several.
        crowd: log2 of how many those are.
        star: it stands for `*` over a table whose columns are not known: log2(1 + how many such tables).
        repaired: the text was not understood as a whole, or is a template.
        placed: the view's column was found by its place, because its name is another one in the text.

    """

    listed: float = 0.0
    missing: float = 0.0
    strangers: float = 0.0
    shared: float = 0.0
    crowd: float = 0.0
    star: float = 0.0
    repaired: float = 0.0
    placed: float = 0.0


BIAS = 5.52
WEIGHTS = Signs(listed=1.44, missing=-4.0, shared=-4.50, crowd=-1.08)
"""Fitted by `python -m bench.lineage_confidence DATA --fit`, which lets a sign move the sum only the way it can be explained to:
those without a weight did not help there.
`missing` is set by hand: no case has it, since a text that names a column which its table does not have is of another time.
"""


@lru_cache(maxsize=4_096)
def confidence(signs: Signs, of_table: float = 1.0) -> float:
    """The chance that an edge is right, in thousandths, never none and never all.

    Args:
        signs: what was seen.
        of_table: the chance that the source is the table that the text means.

    """
    total = BIAS + sum(weight * sign for weight, sign in zip(astuple(WEIGHTS), astuple(signs), strict=True))
    return min(max(round(of_table / (1.0 + math.exp(-total)), 3), 0.001), 0.999)
