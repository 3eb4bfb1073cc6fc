"""Equal scores at the cut of the candidates: which of them are ranked must not depend on what a scope hides."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset, Column
from services.common.model.names import DatasetName, Namespace
from services.common.model.search import Filters
from services.indexer.index.segment import build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.retrieve import dense
from services.indexer.retrieve.candidates import DEPTH
from services.indexer.retrieve.view import View, view_of
from services.indexer.text.document import document_of

SCOPE = AccessScope(("*",), ("*.hr",))
TEXT = np.asarray([0, 1, 0, 0], dtype=np.float16)
FAR = np.asarray([1, 0, 0, 0], dtype=np.float32)
NEAR = np.asarray([0.6, 0.8, 0, 0], dtype=np.float32)


def asset(at: int, schema: str) -> Asset:
    name = DatasetName(Namespace("postgres://db1:5432"), ("shop", schema, f"t{at}"))
    return Asset(name, "wh", columns=(Column(f"c{at}"),))


def view(assets: list[Asset], scope: AccessScope) -> View:
    """A view of an index in which all texts are as near to any question as each other."""
    documents = [document_of(one) for one in assets]
    segment = build_segment(documents, lambda hashes: dict.fromkeys(hashes, TEXT), 4)
    live = Live(segment, np.ones(len(segment), dtype=np.bool_))
    return view_of(Snapshot((live,), 1, 1, 4), scope, Filters())


@pytest.mark.parametrize("shown", [DEPTH, DEPTH + dense.TIES, DEPTH + dense.TIES + 1, 2 * (DEPTH + dense.TIES)])
@pytest.mark.parametrize("question", [FAR, NEAR], ids=["far", "near"])
def test_ties_at_the_cut_are_those_of_an_index_without_the_hidden_tables(question, shown):
    """By tables and by columns: the same ones, although hidden tables have the texts of the last ones and stand before them."""
    seen = [asset(at, "sales") for at in range(shown)]
    hidden = [asset(at, "hr") for at in reversed(range(shown))]
    found = []
    for one in (view([*hidden, *seen], SCOPE), view(seen, FULL_SCOPE)):
        tables = dense.nearest_tables(one, question, DEPTH)
        owners = dense.owners(one, dense.nearest_columns(one, question, DEPTH, restricted=False))
        found.append([{one.record(int(table)).id for table in rows} for rows in (tables, owners)])
    assert found[0] == found[1]
