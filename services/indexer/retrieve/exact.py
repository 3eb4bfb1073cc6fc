"""Matrix products whose results do not depend on what else is multiplied: cosines as sums of whole numbers.

Journey 2, wherever many vectors meet many. BLAS adds up a row differently by where it stands among the others, and what a
scope hides must not move the last bit of a score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = np.float32(2048.0)
"""Unit vectors are rounded to steps of 1/2048. Products of two are then whole numbers, and every sum of some of them stays
below 2**24 (Cauchy and Schwarz: the product of the lengths is 2**22), which float32 holds exactly in whatever order they are
added. The error of a cosine is about 2e-4."""


def stepped(rows: NDArray[np.float32] | NDArray[np.float16]) -> NDArray[np.float32]:
    """Unit vectors (n, dimension) in whole steps, as float32."""
    out: NDArray[np.float32] = np.rint(rows.astype(np.float32) * STEPS)
    return out


def cosines(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of two matrices that `stepped` made, float32 (len(some), len(others))."""
    products: NDArray[np.float32] = some @ others.T
    return products / (STEPS * STEPS)
