"""The routes that a bundle does not answer: what is written, what is kept of people and of the past, Marquez' own, and the internal ones.

Loaded by an application that has them, so that a sidecar starts without. Used by `app`.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, params

from services.catalog import internal
from services.catalog.api import events, feedback, history, marquez
from services.catalog.app_parts import EVENTS_BODY_TIMES, CatalogParts
from services.catalog.event_datasets import EventDatasets
from services.catalog.marquez import Marquez
from services.common.ports import LineageEvents


def include_public(public: APIRouter, parts: CatalogParts, one_asset: list[params.Depends]) -> None:
    """Add the public ones.

    Args:
        public: the public API's routes.
        parts: of the application.
        one_asset: what routes of one asset depend on.

    """
    limit = parts.max_body_bytes
    public.include_router(feedback.create_router(parts.log, parts.searches), max_body_size=limit)
    public.include_router(history.create_router(parts.reader), max_body_size=limit, dependencies=one_asset)


def include_events(public: APIRouter, parts: CatalogParts, sent: LineageEvents, told: EventDatasets) -> None:
    """Add those that events come in by to the public ones."""
    limit = parts.max_body_bytes * EVENTS_BODY_TIMES
    public.include_router(events.create_router(sent, told.poke, limit), max_body_size=limit)


def include_marquez(app: FastAPI, parts: CatalogParts, sent: LineageEvents, told: EventDatasets, *, prefix: str) -> None:
    """Add Marquez' read API at its own place, and at the public API's: added behind that, so that ours come first."""
    asked = Marquez(parts.reader, sent, parts.lineage, told.namespaces)
    for place in (prefix, f"/marquez{prefix}"):
        app.include_router(marquez.create_router(asked), prefix=place, include_in_schema=False)
    app.include_router(marquez.create_search(asked, parts.search), prefix=f"/marquez{prefix}", include_in_schema=False)


def include_internal(app: FastAPI, parts: CatalogParts) -> None:
    """Add those of services that run apart."""
    app.include_router(internal.create_router(parts.sink, parts.feed), include_in_schema=False)
