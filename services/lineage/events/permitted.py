"""What of an event its sender may say: of datasets inside the sender's scope, and which names are one only in full scope. Pure.

Journey 3, between `parse` and `fold`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from services.common.model.access import AccessScope
from services.common.model.names import DatasetName, Namespaces, scope_path
from services.lineage.events.event import Event, EventDataset


def outside(event: Event, scope: AccessScope, namespaces: Namespaces) -> str | None:
    """A pointer to the first dataset of the event that `scope` hides, whether it exists or not; None where there is none."""
    if scope.is_full:
        return None
    return next((pointer for pointer, name in _named(event) if not _permits(scope, name, namespaces)), None)


def said_by(event: Event, scope: AccessScope) -> Event:
    """The event as it counts from a sender with `scope`: from a narrow one its symlinks are kept in its text and join nothing.

    A name that is visible today may tomorrow be said to be a hidden dataset's, and then what was joined to it would be that too.
    Its SQL is not read either: a text may name what the sender must not speak of.
    """
    if scope.is_full:
        return event
    inputs, outputs, datasets = (
        tuple(replace(one, symlinks=()) for one in some) for some in (event.inputs, event.outputs, event.datasets)
    )
    return replace(event, inputs=inputs, outputs=outputs, datasets=datasets, sql="")


def _named(event: Event) -> Iterator[tuple[str, DatasetName]]:
    lists: tuple[tuple[str, tuple[EventDataset, ...]], ...] = (("inputs", event.inputs), ("outputs", event.outputs))
    for key, some in lists:
        for index, one in enumerate(some):
            yield from _names_of(one, f"/{key}/{index}")
    for one in event.datasets:
        yield from _names_of(one, "/dataset")


def _names_of(one: EventDataset, pointer: str) -> Iterator[tuple[str, DatasetName]]:
    yield pointer, one.name
    for link in one.symlinks:
        yield f"{pointer}/facets/symlinks", link.name
    for name in {read.source for read in one.columns}:
        yield f"{pointer}/facets/columnLineage", name


def _permits(scope: AccessScope, name: DatasetName, namespaces: Namespaces) -> bool:
    namespace = namespaces.resolve(name.namespace)
    source = namespaces.source_of(namespace, name.parts[0] if len(name.parts) > 1 else None)
    return scope.permits(scope_path(source, name.parts))
