"""A catalog's change feed in memory, and short ways to make the assets in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.common.errors import ServiceUnavailable
from services.common.model.assets import Asset, Column, Kind
from services.common.model.changes import Change, ChangePage, Seq
from services.common.model.names import AssetId, DatasetName, Namespace

NAMESPACE = Namespace("postgres://db1:5432")


class MemoryFeed:
    """`ChangeFeed` over a dictionary: each write gets the next number, and an asset stands at its last one."""

    def __init__(self, *assets: Asset) -> None:
        self.assets: dict[AssetId, Asset | None] = {}
        self.answers = True
        self._numbers: dict[AssetId, int] = {}
        self._head = 0
        self.put(*assets)

    def put(self, *assets: Asset) -> Seq:
        """Write assets, each with a change of its own; returns the newest number."""
        for one in assets:
            self._note(one.id, one)
        return self.head()

    def remove(self, *ids: AssetId) -> Seq:
        """Take assets away; returns the newest number."""
        for known in ids:
            self._note(known, None)
        return self.head()

    def after(self, seq: Seq, *, limit: int = 500) -> ChangePage:
        """See `ChangeFeed.after`; refuses while `answers` is False."""
        if not self.answers:
            raise ServiceUnavailable("the feed is away")
        waiting = sorted((number, known) for known, number in self._numbers.items() if number > seq)[:limit]
        changes = tuple(Change(Seq(number), known, self.assets[known]) for number, known in waiting)
        upto = changes[-1].seq if len(changes) == limit else Seq(max(self._head, seq))
        return ChangePage(changes, upto, Seq(self._head))

    def head(self) -> Seq:
        """See `ChangeFeed.head`."""
        return Seq(self._head)

    def states(self, ids: Sequence[AssetId]) -> tuple[Asset, ...]:
        """See `ChangeFeed.states`."""
        return tuple(found for known in ids if (found := self.assets.get(known)) is not None)

    def _note(self, known: AssetId, one: Asset | None) -> None:
        self._head += 1
        self._numbers[known] = self._head
        self.assets[known] = one


def asset(
    name: str,
    *columns: str | Column,
    description: str | None = None,
    kind: Kind = Kind.TABLE,
    source: str = "wh",
    namespace: Namespace = NAMESPACE,
    **more: Any,
) -> Asset:
    """An asset from its dotted name; a column is its name, `name: description`, or a `Column`."""
    made = tuple(one if isinstance(one, Column) else _column(one) for one in columns)
    parts = tuple(name.split("."))
    return Asset(DatasetName(namespace, parts), source, kind, description, columns=made, **more)


def shop() -> list[Asset]:
    """A small warehouse of two schemas."""
    return [
        asset(
            "shop.public.orders", "order_id", "customer_id", "placed_at: when the order was placed", description="Orders."
        ),
        asset("shop.public.order_items", "order_id", "product_id", "quantity", description="Lines of orders."),
        asset("shop.public.customers", "customer_id", "email: address for receipts", "country"),
        asset("shop.public.products", "product_id", "title", "price: in euros", tags=("core",), owners=("ann",)),
        asset("shop.public.orders_bak", "order_id", "customer_id", description="Copy."),
        asset("shop.mart.daily_revenue", "day", "revenue: sum of prices", kind=Kind.VIEW, description="Revenue by day."),
        asset("shop.mart.refunds", "order_id", "reason", kind=Kind.VIEW),
    ]


def _column(text: str) -> Column:
    name, _, description = text.partition(": ")
    return Column(name, description=description or None)
