"""How much each table is used inside a scope, for the ranking: numbers made once, so that no search counts statements itself.

Journey 2, step "ranked with usage features". The same popularity as `facts` tells of one table, of all tables at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.usage.facts import FEW_USERS, HALF_LIFE_DAYS, HALF_WAY
from services.indexer.usage.known import Known
from services.indexer.usage.sparse import Floats, Ints, Sparse
from services.indexer.usage.statements import Statement


@dataclass(frozen=True, eq=False)
class Uses:
    """Who used which table when, as arrays.

    Attributes:
        known: the tables.
        touched: statement by table, also those that it writes; tables that nobody knows are the last column.
        statement, day, worth: of each run: its statement, its day or `NO_DAY`, its executions times its weight.
        run, pair: of each table that a run reads: the run, and which table and person it is.
        table: the row of each such pair of table and person, ascending.

    """

    known: Known
    touched: Sparse
    statement: Ints
    day: Ints
    worth: Floats
    run: Ints
    pair: Ints
    table: Ints

    @classmethod
    def of(cls, known: Known, statements: Sequence[Statement]) -> Uses:
        """Those of some statements: seconds for a hundred thousand of them."""
        row, nobody = known.row, len(known)
        touched = Sparse.of_lists([[row.get(table, nobody) for table in one.touched] for one in statements], nobody + 1)
        reads = Sparse.of_lists([[row.get(table, nobody) for table in one.reads] for one in statements], nobody + 1)
        # by name, so that sums are added up in one order whoever else is there
        users = {user: at for at, user in enumerate(sorted({run.user for one in statements for run in one.runs}))}
        runs = [
            (at, run.day, users[run.user], run.weight * run.count) for at, one in enumerate(statements) for run in one.runs
        ]
        statement, day, user = np.asarray([run[:3] for run in runs], dtype=np.int64).reshape(-1, 3).T
        places, run = reads.places(statement)
        many = max(len(users), 1)
        pairs, pair = np.unique(reads.index[places] * many + user[run], return_inverse=True)
        worth = np.asarray([run[3] for run in runs], dtype=np.float64)
        return cls(known, touched, statement, day, worth, run, pair.reshape(-1), pairs // many)

    def popular(self, permitted: NDArray[np.bool_]) -> dict[AssetId, float]:
        """How much each table is read, 0 to 1, most first, ties in order of id: popularity as a share of itself and `HALF_WAY` more.

        Args:
            permitted: which tables the scope shows, bool (tables,); a statement counts only where all that it touches is shown.

        """
        owner = np.repeat(np.arange(len(self.touched)), np.diff(self.touched.start))
        hidden = ~np.append(permitted, [False])[self.touched.index]
        counted = np.bincount(owner[hidden], minlength=len(self.touched)) == 0
        live = counted[self.statement]
        last = int(self.day[live].max(initial=0))
        faded = live * self.worth * 0.5 ** (np.where(self.day, np.maximum(last - self.day, 0), 0) / HALF_LIFE_DAYS)
        used = np.log1p(np.bincount(self.pair, weights=faded[self.run], minlength=len(self.table)))
        people = np.bincount(self.pair, weights=live[self.run], minlength=len(self.table)) > 0
        n = len(self.known) + 1
        users = np.bincount(self.table, weights=people, minlength=n)
        much = np.bincount(self.table, weights=used, minlength=n) * users / (users + FEW_USERS)
        share = np.round(much / (much + HALF_WAY), 3)
        rows = np.flatnonzero(users)
        rows = rows[np.argsort(-share[rows], kind="stable")]  # rows are in order of id
        return {self.known.ids[at]: much for at, much in zip(rows.tolist(), share[rows].tolist(), strict=True)}
