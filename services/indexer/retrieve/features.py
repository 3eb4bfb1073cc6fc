"""What speaks for a candidate, as numbers: words, meaning, what it says of the question, its surroundings, its name.

Journey 2, step "ranked with features". All of it is taken inside the view, so that hidden tables move nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.index.name_index import number_code, numbers_in
from services.indexer.retrieve.coverage import Coverage, coverage
from services.indexer.retrieve.dense import BestColumns
from services.indexer.retrieve.lexical import Matches
from services.indexer.retrieve.names import Named
from services.indexer.retrieve.neighbourhood import surroundings
from services.indexer.retrieve.spans import Spans
from services.indexer.retrieve.spelling import Spelled
from services.indexer.retrieve.traits import Traits, thin, traits_of
from services.indexer.retrieve.view import View

NAMES = ("full_name", "partial_name", "column_name", "fuzzy_name")
"""Features that say that the question is a name; ranked by construction, never learned."""
LEARNED = (
    "words",
    "covered",
    "meaning",
    "name_meaning",
    "columns",
    "said",
    "pairs",
    "neighbour",
    "bridge",
    "adds",
    "together",
    "own",
    "container",
)
"""Features whose weights `headwater train-ranker` learns."""
SET = ("number", "copy", "status", "popular", "thin")
"""Features of which judgements of one kind of schema say nothing, or nothing that holds on another: their weights are set by hand."""
FEATURES = (*NAMES, *LEARNED, *SET)
"""The features in the order of the matrix's columns."""
DEEP = 250
"""So many candidates, the best by words and meaning, are read word by word; the rest keep 0 there. R@10 is flat from 150 on."""
_OTHER_NUMBER = 0.3
"""What a number in a name that the question does not say takes away, against 1 for one that it says."""


@dataclass(frozen=True)
class Asked:
    """What the features of a question are taken from.

    Attributes:
        text: the question.
        matches, named, spelled: its words, what it names, and what it names if it was typed otherwise.
        spans: gives its words and pairs with their vectors, once they are there; None in lexical mode.
        popular: how much tables are used, 0 to 1.

    """

    text: str
    matches: Matches
    named: Named
    spelled: Spelled
    spans: Callable[[], Spans | None]
    popular: Mapping[AssetId, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Near:
    """How near some tables are to a question by meaning, float64 (n,) each.

    Attributes:
        text, name: the cosines of the table's text and of its name alone.
        best: their best columns.

    """

    text: NDArray[np.float64]
    name: NDArray[np.float64]
    best: BestColumns


@dataclass(frozen=True)
class Candidates:
    """Tables to be ranked.

    Attributes:
        tables: numbers in the view, int64 (n,), ascending.
        records: theirs.
        features: float64 (n, len(FEATURES)).
        cosines: the table's own cosine, float64 (n,).
        best: their best columns; None where there is no query vector.
        read: those that were read word by word, numbers in the view, int64, ascending, and what they say; None without vectors.

    """

    tables: NDArray[np.int64]
    ids: Sequence[AssetId]
    features: NDArray[np.float64]
    cosines: NDArray[np.float64]
    best: BestColumns | None
    read: tuple[NDArray[np.int64], Coverage] | None = None

    def says(self, table: int) -> tuple[str, ...]:
        """The question's words that a table, by its number in the view, clearly says; none where it was not read word by word."""
        if self.read is None:
            return ()
        tables, words = self.read
        at = int(np.searchsorted(tables, table))
        return words.clear(at) if at < len(tables) and tables[at] == table else ()

    def only(self, keep: Sequence[bool]) -> Candidates:
        """Some of the candidates; statistics over all of them (surroundings, weights of words) stay as they are."""
        kept = np.flatnonzero(np.asarray(keep, dtype=np.bool_))
        best = self.best.only(kept) if self.best is not None else None
        ids = self.ids if len(kept) == len(self.tables) else [self.ids[at] for at in kept.tolist()]
        return Candidates(self.tables[kept], ids, self.features[kept], self.cosines[kept], best, self.read)


def features_of(view: View, tables: NDArray[np.int64], asked: Asked, near: Near | None) -> Candidates:
    """The features of some tables of a view (ascending numbers); `near` is None without a query vector."""
    n = len(tables)
    ids = view.ids(tables)
    values = {name: np.zeros(n) for name in FEATURES}
    for name, named in zip(NAMES, (asked.named.full, asked.named.partial, asked.named.column), strict=False):
        if named:
            values[name] = np.asarray([float(table in named) for table in tables.tolist()])
    if asked.spelled.closeness:
        values["fuzzy_name"] = np.asarray([asked.spelled.closeness.get(table, 0.0) for table in tables.tolist()])
    traits = traits_of(view, tables)
    values |= _alone(view, ids, tables, asked, near, traits)
    values["thin"] = thin(traits.columns, view.joins.degrees[tables])
    deep = np.sort(highest(evidence(values), lambda rows: [ids[row] for row in rows.tolist()], DEEP))
    spans = asked.spans() if n else None
    read = None
    if spans is not None:
        words = coverage(view, spans, asked.matches, tables[deep])
        for name, numbers in _deep(view, tables[deep], values, deep, words).items():
            values[name][deep] = numbers
        read = tables[deep], words
    matrix = np.column_stack([values[name] for name in FEATURES]) if n else np.zeros((0, len(FEATURES)))
    best = near.best if near is not None else None
    return Candidates(tables, ids, matrix, values["meaning"], best, read)


def evidence(values: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """What speaks for each table before it is read word by word: the best simple mix on the open pools, names first."""
    return 1.5 * values["words"] + values["meaning"] + 0.3 * values["columns"] + 10.0 * sum(values[name] for name in NAMES)


def highest(numbers: NDArray[np.float64], ids: Callable[[NDArray[np.int64]], Sequence[str]], n: int) -> NDArray[np.int64]:
    """The positions of the n largest numbers, best first; between equal ones the ids decide.

    Args:
        numbers: equal where six decimal places are.
        ids: gives the ids at some positions; asked for those alone that equal another.
        n: how many.

    """
    # rounded, so that the last bits of a sum cannot turn an order that ids should decide
    rounded = -np.round(numbers, 6)
    order = np.argsort(rounded, kind="stable").astype(np.int64)
    same = np.diff(rounded[order]) == 0
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(tied):
        here = order[tied]
        order[tied] = here[np.lexsort((np.asarray(ids(here), dtype=str), rounded[here]))]
    return order[:n]


def _alone(
    view: View, ids: Sequence[AssetId], tables: NDArray[np.int64], asked: Asked, near: Near | None, traits: Traits
) -> dict[str, NDArray[np.float64]]:
    """The features that need nothing but the table itself."""
    out = {
        # BM25 grows with the question's length; as a share of what the question weighs it is comparable with a cosine,
        # and a question of which only a common word is known gains little by it
        "words": asked.matches.scores[tables] / asked.matches.weight,
        "covered": asked.matches.covered(tables),
        "number": _numbers(view, tables, numbers_in(asked.text)),
        "copy": traits.copy,
        "status": traits.status,
    }
    if asked.popular:
        out["popular"] = np.asarray([asked.popular.get(asset, 0.0) for asset in ids])
    if near is not None:
        out |= {"meaning": near.text, "name_meaning": near.name, "columns": near.best.mean}
    return out


def _deep(
    view: View,
    tables: NDArray[np.int64],
    values: dict[str, NDArray[np.float64]],
    deep: NDArray[np.int64],
    words: Coverage,
) -> dict[str, NDArray[np.float64]]:
    """The features that read the question word by word."""
    said = words.of(words.said)
    alone = 1.5 * values["words"][deep] + values["meaning"][deep] + 0.3 * values["columns"][deep] + 0.5 * said
    around = surroundings(view, tables, alone, words)
    return {
        "said": said,
        "pairs": words.pairs,
        "neighbour": around.neighbour,
        "bridge": around.bridge,
        "adds": around.adds,
        "together": around.together,
        "own": around.own,
        "container": around.container,
    }


def _numbers(view: View, tables: NDArray[np.int64], said: Sequence[str]) -> NDArray[np.float64]:
    """Numbers in names against those of the question: `sales_2019` for a question about 2019; 0 where it says none."""
    out = np.zeros(len(tables))
    if not said:
        return out
    wanted = np.asarray([number_code(number) for number in said], dtype=np.uint64)
    for part in view.parts:
        here = np.flatnonzero((tables >= part.offset) & (tables < part.offset + len(part.segment)))
        which, codes = part.segment.name_numbers.of(tables[here] - part.offset)
        same = np.isin(codes, wanted)
        fits, others = np.zeros((2, len(here)))
        fits[which[same]] = 1.0
        others[which[~same]] = _OTHER_NUMBER
        out[here] = fits - others
    return out
