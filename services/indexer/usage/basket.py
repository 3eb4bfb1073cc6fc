"""The tables that a basket means: ids that are known and shown, and names that only logs know. Others are named as unknown.

Journey 2, "used together", step 1. A hidden table is as unknown as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.common.model.names import AssetId
from services.indexer.usage.known import split_words
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Ints

MOST_ALIKE = 3
"""Of tables whose names have a word of an unknown name so many stand in for it, where the whole basket is unknown."""


@dataclass(frozen=True, eq=False)
class Basket:
    """A basket inside a reading.

    Attributes:
        rows: its tables, ascending, each once.
        unknown: ids and names that nobody knows, as they were given.
        stand_ins: whether the rows only stand in for unknown names, so that they may be recommended too.

    """

    rows: Ints
    unknown: tuple[str, ...]
    stand_ins: bool = False


def basket_of(reading: Reading, assets: Sequence[AssetId], names: Sequence[str]) -> Basket:
    """What a basket means inside a reading.

    An unknown name still says something: where nothing of a basket is known, the tables whose names are most like it
    stand in for it, and may be what goes with it themselves.
    """
    row = reading.known.row
    found = {at for asset in assets if (at := row.get(asset)) is not None and reading.shown[at]}
    unknown = [str(asset) for asset in assets if (at := row.get(asset)) is None or not reading.shown[at]]
    for name in names:
        at = _from_logs(reading, name)
        if at is None:
            unknown.append(name)
        else:
            found.add(at)
    alike = set() if found else {at for name in unknown for at in _alike(reading, name)}
    rows = np.asarray(sorted(found or alike), dtype=np.int64)
    return Basket(rows, tuple(unknown), not found)


def _from_logs(reading: Reading, name: str) -> int | None:
    """The one shown table that only statements which count here name so, by its full name or the end of it."""
    wanted = name.strip().lower()
    last = wanted.rpartition(".")[2]
    fits = [
        row
        for row in reading.known.rows_by_name.get(last, ())
        if reading.shown[row] and _ends(reading.known.names[row].qualified.lower(), wanted)
    ]
    return fits[0] if len(fits) == 1 else None


def _ends(full: str, wanted: str) -> bool:
    return full == wanted or full.endswith(f".{wanted}")


def _alike(reading: Reading, name: str) -> list[int]:
    pieces = [split_words(piece) for piece in name.split(".")]
    own = list(pieces[-1])
    before = [f".{word}" for piece in pieces[:-1] for word in piece]
    score = np.zeros(len(reading.known))
    for rows, words in ((reading.words, own), (reading.home, before)):
        numbers = sorted({at for word in words if (at := reading.known.word_number.get(word)) is not None})
        score += rows.by_word.spread(np.asarray(numbers, dtype=np.int64), np.ones(len(numbers)))
    found = np.flatnonzero((score > 0) & reading.shown)
    best = np.argsort(-np.round(score[found], 6), kind="stable")[:MOST_ALIKE]
    return [int(at) for at in found[best]]
