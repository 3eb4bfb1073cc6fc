"""Which assets a person means by a name: `orders`, `public.orders`, `shop.public.orders`, `namespace/shop.public.orders`.

Beside journey 2: ids are made for machines, so commands and baskets take names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping

from services.common.model.names import AssetId, Namespace, Namespaces, parse_name


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text as a name: its parts, innermost last, and the namespace where the text has one."""

    parts: tuple[str, ...]
    namespace: Namespace | None = None


def readings(text: str, among: Namespaces) -> tuple[Reading, ...]:
    """Every way to read `text`: as a name, whole as one part, and with each `/` as the end of a namespace."""
    found = [Reading(parts) for parts in _parts(text)]
    at = text.find("/")
    while at >= 0:
        try:
            namespace = among.resolve(text[:at])
        except ValueError:
            namespace = None
        if namespace is not None:
            found += [Reading(parts, namespace) for parts in _parts(text[at + 1 :])]
        at = text.find("/", at + 1)
    return tuple(found)


def _parts(text: str) -> Iterable[tuple[str, ...]]:
    try:
        parts = tuple(part.text for part in parse_name(text))
    except ValueError:
        parts = ()
    if parts:
        yield parts
    if text and parts != (text,):
        yield (text,)  # a name that holds a dot or a quote, as `qualified_name` shows it


def best(text: str, ways: Sequence[Reading], rows: Iterable[RowMapping]) -> tuple[AssetId, ...]:
    """The rows (`id`, `namespace`, `parts`) that are meant, in their order.

    Case does not count, but where a namespace has a match in the same case, or of the whole name, the others of that
    namespace are not meant: `orders` and `"Orders"` of one PostgreSQL can both be named.
    """
    ranked = [(_rank(text, ways, row), row) for row in rows]
    top: dict[str, tuple[bool, bool]] = {}
    for rank, row in ranked:
        if rank is not None:
            top[row["namespace"]] = max(rank, top.get(row["namespace"], rank))
    return tuple(AssetId(row["id"]) for rank, row in ranked if rank is not None and rank == top[row["namespace"]])


def _rank(text: str, ways: Sequence[Reading], row: RowMapping) -> tuple[bool, bool] | None:
    """How well a row fits: (same case, whole name); None where it does not."""
    held = tuple(row["parts"])
    fits = [rank for way in ways if (rank := _fit(way, held, row["namespace"])) is not None]
    shown = ".".join(held)
    if shown.lower() == text.lower():
        fits.append((shown == text, True))
    return max(fits, default=None)


def _fit(way: Reading, held: tuple[str, ...], namespace: str) -> tuple[bool, bool] | None:
    if way.namespace is not None and way.namespace != namespace:
        return None
    tail = held[-len(way.parts) :]
    if tuple(part.lower() for part in tail) != tuple(part.lower() for part in way.parts):
        return None
    return tail == way.parts, len(tail) == len(held)
