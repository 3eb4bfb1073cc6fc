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
_BLOCK = 128
"""Rows that are widened at once, in one place: 200 KB at 384 dimensions."""
_HALF_BIAS = np.float32(2.0**112)
"""By so much less a half's exponent means in the place of a float32's: their biases are 15 and 127 (IEEE 754)."""
_SIGN_AND_REST = np.int32(-0x70000001)
"""All bits but the three between the sign and the exponent of a half that was moved into a float32."""


def stepped(rows: NDArray[np.float32] | NDArray[np.float16]) -> NDArray[np.float32]:
    """Finite unit vectors (n, dimension) in whole steps, as float32."""
    if rows.dtype == np.float16:
        out = _widened(rows.view(np.int16), np.empty(rows.shape, dtype=np.int32))
        np.multiply(out, _HALF_BIAS * STEPS, out=out)
    else:
        out = (rows * STEPS).astype(np.float32)
    return np.rint(out, out=out)


def cosines(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of two matrices that `stepped` made, float32 (len(some), len(others))."""
    products: NDArray[np.float32] = some @ others.T
    return products / (STEPS * STEPS)


def cosines_of(vectors: NDArray[np.float16], rows: NDArray[np.int64], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of some rows of half-precision unit vectors with what `stepped` made: `cosines(stepped(vectors[rows]), others)`.

    Worked out a block at a time, so that what lies between two steps stays in the processor's cache.
    """
    out = np.empty((len(rows), len(others)), dtype=np.float32)
    across = np.ascontiguousarray(others.T)
    # as bytes: in a mapped file the rows stand at odd addresses, and numpy would copy all of them first
    codes = vectors.view(np.uint8)
    n, width = min(_BLOCK, len(rows)), vectors.shape[1]
    room, wide = np.empty((n, codes.shape[1]), dtype=np.uint8), np.empty((n, width), dtype=np.int32)
    for at in range(0, len(rows), _BLOCK):
        some = rows[at : at + _BLOCK]
        # numbers of rows are always inside: numpy then copies straight into the room
        halves = np.take(codes, some, axis=0, out=room[: len(some)], mode="clip").view(np.int16)
        block = _widened(halves, wide[: len(some)])
        np.multiply(block, _HALF_BIAS * STEPS, out=block)
        np.matmul(np.rint(block, out=block), across, out=out[at : at + _BLOCK])
    out /= STEPS * STEPS
    return out


def _widened(halves: NDArray[np.int16], bits: NDArray[np.int32]) -> NDArray[np.float32]:
    """Finite halves, given by their bits, divided by `_HALF_BIAS`, exactly: their bits moved to where float32 has them.

    numpy converts halves one by one; this takes a fifth of the time for the columns of a question's candidates. What it gives lies
    where `bits` lies, of the same shape.
    """
    np.copyto(bits, halves)  # the sign is spread over the bits in front, and masked out below
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, _SIGN_AND_REST, out=bits)
    return bits.view(np.float32)
