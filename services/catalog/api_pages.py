"""The API's description as a page to browse at `/docs`: Swagger UI out of a package, so that nothing comes from a network.

Beside the journeys. The page asks for `/openapi.json` as whoever opened it; both need a token where others do.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from services.catalog.pages import StaticFile, static_file
from services.common.errors import NotFound

_FILES: Final = ("swagger-ui-bundle.js", "swagger-ui.css")
_HERE: Final = "/docs"


def create_router() -> APIRouter:
    """The page, and the two files that it needs."""
    router = APIRouter()

    @router.get(_HERE)
    def page_route(request: Request) -> Response:
        above = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=f"{above}/openapi.json",
            title="Headwater's API",
            swagger_js_url=f"{above}{_HERE}/{_FILES[0]}",
            swagger_css_url=f"{above}{_HERE}/{_FILES[1]}",
            swagger_favicon_url=f"{above}/static/favicon.svg",
        )

    @router.get(f"{_HERE}/{{name}}")
    def file_route(name: str, request: Request) -> Response:
        if name not in _FILES:
            raise NotFound(f"there is no file {name[:64]}")
        return _file(name).answer(request)

    return router


@cache
def _file(name: str) -> StaticFile:
    """Read when it is first asked for: most servers' never is, and they are large."""
    return static_file(name, files("fastapi_offline").joinpath("static", name).read_bytes())
