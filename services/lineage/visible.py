"""What a scope shows of the edges in the store, as if what it hides did not exist; each dataset is looked up once a walk.

Journey 3, step "answer". The same rules as of walks of the graph in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from services.common.model.access import AccessScope
from services.common.model.names import AssetId
from services.lineage.store import columns, datasets
from services.lineage.store.datasets import Dataset
from services.lineage.store.flows import ColumnKey, Flow, When, between

LookUp = Callable[[Collection[AssetId]], Mapping[AssetId, Dataset]]
"""Gives those of some datasets that there are."""


class Visible:
    """The store as a scope shows it.

    Args:
        connection: that reads one state of the store.
        scope: whose answer it is.
        when: which edges count.
        stale: whether edges that are stale do.
        look_up: gives the datasets of ids, of the same state of the store; None to ask the store.

    """

    def __init__(
        self, connection: Connection, scope: AccessScope, when: When, *, stale: bool, look_up: LookUp | None = None
    ) -> None:
        self.connection = connection
        self._look_up: LookUp = look_up or partial(datasets.get, connection)
        self.when = when
        self.left_out: set[tuple[object, ...]] = set()
        self._scope = scope
        self._stale = stale
        self._datasets: dict[AssetId, Dataset | None] = {}
        self._columns: dict[AssetId, tuple[str, ...]] = {}

    def dataset(self, asset: AssetId) -> Dataset | None:
        """The dataset of that id, if there is one and the scope permits it."""
        if asset not in self._datasets:
            self._load([asset])
        return self._datasets[asset]

    def flows(self, flows: Iterable[Flow]) -> list[Flow]:
        """Those of `flows` that are shown. What is stale and not asked for is remembered in `left_out`."""
        found = list(flows)
        self._load({end for flow in found for end in (flow.source, flow.target)})
        shown = [flow for flow in found if self._shows(flow)]
        if not self._stale:
            self.left_out |= {(f.source, f.column, f.target, f.into, f.kind) for f in shown if f.stale}
            shown = [flow for flow in shown if not flow.stale]
        return shown

    def exists(self, asset: AssetId) -> bool:
        """Whether the dataset is there as far as the scope goes: a crawl shows it, or an edge does."""
        dataset = self.dataset(asset)
        if dataset is None or dataset.known:
            return dataset is not None
        when = replace(self.when, kinds=frozenset())
        return any(self.flows(between(self.connection, [asset], upstream=up, when=when)) for up in (True, False))

    def columns(self, assets: Collection[AssetId]) -> dict[AssetId, tuple[str, ...]]:
        """Names of columns as crawls spell them; nothing for datasets of which none are known."""
        new = [asset for asset in assets if asset not in self._columns]
        self._columns |= dict.fromkeys(new, ()) | columns.get(self.connection, new)
        return {asset: self._columns[asset] for asset in assets}

    def _load(self, assets: Collection[AssetId]) -> None:
        new = {asset for asset in assets if asset not in self._datasets}
        if new:
            found = self._look_up(new)
            self._datasets |= {
                asset: one if (one := found.get(asset)) and self._scope.permits(one.scope_path) else None for asset in new
            }

    def _shows(self, flow: Flow) -> bool:
        ends = self._datasets[flow.source], self._datasets[flow.target]
        return None not in ends and all(map(self._scope.permits, flow.guards))


def spelled(names: Collection[str], key: str) -> str | None:
    """The column's own spelling; None where no crawl shows one of that name."""
    return next((name for name in names if name.lower() == key), None)


def by_dataset(keys: Iterable[ColumnKey]) -> dict[AssetId, set[str]]:
    """The columns of each dataset."""
    found: dict[AssetId, set[str]] = {}
    for asset, column in keys:
        found.setdefault(asset, set()).add(column)
    return found
