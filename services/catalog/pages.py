"""The portal at `/` and the widget at `/widget/headwater.js`: files of the package, served as they are.

Journeys 2 and 3 as a browser sees them. The files hold nothing of the catalog, so the gate lets everybody have them; what
they show comes from the public API, as the caller that the browser says it is.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response

from services.common.errors import NotFound

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""What a page of ours may do: its own files and its own API, no inline code, no frame around it, no markup from text."""
PAGE: Final = "index.html"
WIDGET: Final = "widget/headwater.js"
WIDGET_PATH: Final = f"/{WIDGET}"
_PORTAL: Final = (
    "api.js",
    "asset.js",
    "columnlineage.js",
    "columns.js",
    "dom.js",
    "edit.js",
    "favicon.svg",
    "history.js",
    "impact.js",
    "job.js",
    "jobs.js",
    "lineage.js",
    "portal.css",
    "portal.js",
    "related.js",
    "results.js",
    "similar.js",
    "start.js",
    "state.js",
    "together.js",
)
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
OPEN_PATHS: Final = frozenset({"/", WIDGET_PATH, *(f"/static/{name}" for name in _PORTAL)})
"""The exact paths that need no token. No prefix is among them: an unknown name below `/static/` asks who you are."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent: its bytes plain and gzipped, and the headers that both have."""

    body: bytes
    packed: bytes
    headers: dict[str, str]

    def answer(self, request: Request) -> Response:
        """The file, gzipped where the browser takes that; 304 where it has it already."""
        known = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
        if self.headers["ETag"] in known:
            return Response(status_code=304, headers=self.headers)
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(self.packed, headers={**self.headers, "Content-Encoding": "gzip"})
        return Response(self.body, headers=self.headers)


def create_router() -> APIRouter:
    """The routes, with every file read once.

    Raises:
        FileNotFoundError: the package was installed without its files.

    """
    page = _read(PAGE)
    widget = _read(WIDGET)
    portal = {name: _read(name) for name in _PORTAL}
    router = APIRouter()

    @router.api_route("/", methods=["GET", "HEAD"])
    def page_route(request: Request) -> Response:
        return page.answer(request)

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    def static_route(name: str, request: Request) -> Response:
        if name not in portal:
            raise NotFound(f"there is no file {name[:64]}")
        return portal[name].answer(request)

    @router.api_route(WIDGET_PATH, methods=["GET", "HEAD"])
    def widget_route(request: Request) -> Response:
        return widget.answer(request)

    return router


def _read(name: str) -> StaticFile:
    return static_file(name, files("services.catalog").joinpath("static", *name.split("/")).read_bytes())


def static_file(name: str, body: bytes) -> StaticFile:
    """A file of that name and content, to be sent as a part of our pages; the widget is for those of others too."""
    shared = name == WIDGET
    headers = {
        "Content-Type": _TYPES[name.rpartition(".")[2]],
        # weak, since both encodings of the file have it
        "ETag": f'W/"{hashlib.sha256(body).hexdigest()[:32]}"',
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": PAGE_POLICY,
        "Cross-Origin-Resource-Policy": "cross-origin" if shared else "same-origin",
        # the file is everybody's; what it then asks the API for is under cors_origins
        **({"Access-Control-Allow-Origin": "*"} if shared else {}),
    }
    return StaticFile(body, gzip.compress(body, mtime=0), headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip and does not refuse it by `q=0`."""
    for offer in accepted.lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").removeprefix("q=").strip("0.") != "" or not weight
    return False
