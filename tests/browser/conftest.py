"""A catalog to look at with a browser: hostile names in one source, tokens for a reader and an editor, a page of a host."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from services.common.model.access import Role
from services.common.runtime.settings import Settings, TokenSettings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace, create_all, upgrade_all
from services.indexer.crawl import run_crawl
from tests.support.browser import Browser, find_browser

READER, EDITOR = "reader-of-the-tests", "editor-of-the-tests"
LONG = "n" * 5_000
HOSTILE: dict[str, dict[str, Any]] = {
    "img_onerror": {
        "description": "<img src=x onerror=\"window.pwned='image'\"><script>window.pwned='script'</script> revenue",
        "columns": [{"name": "<b>bold</b>", "type": "text", "description": "<svg onload=\"window.pwned='svg'\">"}],
        "tags": ["<i>tag</i>"],
        "owners": ["javascript:window.pwned='owner'"],
    },
    "javascript:window.pwned='name'": {
        "kind": "view",
        "description": "javascript:window.pwned='description'",
        "columns": [{"name": "a\" onmouseover=\"window.pwned='attribute'", "type": "int"}],
        "sql": "select '</pre><script>window.pwned=1</script>' as x from shop.main.img_onerror",
    },
    "rtl_\u202egnp.exe": {"description": "turned \u202eround", "columns": [{"name": "one\u202eowt", "type": "int"}]},
    LONG: {"description": "d" * 5_000, "columns": [{"name": "c" * 5_000, "type": "t" * 500, "description": "x" * 4_000}]},
    "جدول_المبيعات": {"description": "المبيعات الشهرية", "columns": [{"name": "المبلغ", "type": "decimal"}]},
    "__proto__": {"columns": [{"name": "constructor", "type": "int"}]},
}
TAME: dict[str, dict[str, Any]] = {
    "orders": {
        "description": "One row an order.",
        "columns": [{"name": "order_id", "type": "int"}, {"name": "total", "type": "decimal", "description": "Euro"}],
        "primary_key": ["order_id"],
    },
    "orders_by_month": {
        "kind": "view",
        "description": "Orders a month.",
        "columns": [{"name": "month", "type": "date"}],
        "sql": "select 1 as month from shop.main.orders",
    },
    "payments": {
        "columns": [{"name": "id", "type": "int"}, {"name": "amount", "type": "int"}, {"name": "state", "type": "text"}],
    },
    "payments_by_state": {
        "kind": "view",
        "columns": [{"name": "id", "type": "int"}, {"name": "total", "type": "int"}],
        "sql": "select id, sum(amount) as total from shop.main.payments where state = 'ok' group by id",
    },
    "wide": {"columns": [{"name": f"metric_{at:04d}", "type": "double"} for at in range(1_500)]},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Site:
    """Where the catalog and the host page are, and how to ask the catalog as somebody."""

    catalog: str
    host: str

    def ask(self, path: str, token: str = EDITOR, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return httpx2.request(options.pop("method", "GET"), f"{self.catalog}/api/v1{path}", headers=headers, **options)

    def id_of(self, name: str) -> str:
        # a name's own dots and quotes would be read as parts of a name, so the search for it is by its words
        page = self.ask("/assets", params={"limit": 200}).json()["assets"]
        return next(str(asset["id"]) for asset in page if asset["name"] == name)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, _browser: Browser) -> Iterator[Site]:
    """A catalog served to a browser, and a page on another origin with a strict policy and the widget in it."""
    folder = tmp_path_factory.mktemp("site")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        catalog = f"http://127.0.0.1:{listening.getsockname()[1]}"
        host = _host_page(folder, catalog)
        origin = f"http://127.0.0.1:{host.server_port}"
        app = create_all(_filled(folder, origin))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        serving.start()
        try:
            _wait_until_found(catalog)
            yield Site(catalog, origin)
        finally:
            server.should_exit = True
            serving.join(30)
            host.shutdown()
            host.server_close()


def _filled(folder: Path, origin: str) -> Settings:
    lines = [{"database": "shop", "schema": "main", "name": name, **rest} for name, rest in {**HOSTILE, **TAME}.items()]
    file = folder / "shop.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    tokens = {
        "ann": TokenSettings(sha256=hashlib.sha256(READER.encode()).hexdigest()),
        "eve": TokenSettings(sha256=hashlib.sha256(EDITOR.encode()).hexdigest(), role=Role.EDITOR),
    }
    source = SourceSettings(url=f"metadata://{file}")
    settings = Settings(
        home=folder, model="hashing", threads=1, sources={"shop": source}, tokens=tokens, cors_origins=(origin,)
    )
    upgrade_all(settings)
    space = Workspace(settings)
    try:
        run_crawl("shop", source, space.sink, by="tests")
    finally:
        space.close()
    return settings


def _wait_until_found(catalog: str) -> None:
    until = time.monotonic() + 300
    site = Site(catalog, "")
    while time.monotonic() < until:
        try:
            if site.ask("/search", params={"q": "orders"}).json().get("hits"):
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the catalog does not answer")


def _host_page(folder: Path, catalog: str) -> ThreadingHTTPServer:
    """A page of somebody else's whose policy allows the catalog's script and its API, and nothing inline."""
    pages = folder / "host"
    pages.mkdir()
    (pages / "index.html").write_text(
        '<!doctype html><title>host</title><link rel="stylesheet" href="host.css"><h1>Host</h1>'
        f'<headwater-search base="{catalog}" placeholder="Find data" limit="3"></headwater-search>'
        f'<script type="module" src="{catalog}/widget/headwater.js"></script><script src="host.js"></script>',
        encoding="utf-8",
    )
    (pages / "host.css").write_text("headwater-search { --headwater-accent: rgb(1, 2, 3); } input { display: none; }")
    (pages / "host.js").write_text(
        "const box = document.querySelector('headwater-search'); window.asked = 0;"
        f"box.tokenProvider = async () => (window.asked += 1, '{READER}');"
        "document.addEventListener('headwater-select', (event) => (window.chosen = event.detail));"
    )
    policy = f"default-src 'none'; script-src 'self' {catalog}; style-src 'self'; connect-src {catalog}"

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

        def log_message(self, *_: Any) -> None:
            """Tests' output stays quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(pages)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine")
    with Browser(program) as browser:
        yield browser


@pytest.fixture
def browser(_browser: Browser, site: Site) -> Iterator[Browser]:
    """A page that holds the editor's token and complains of nothing."""
    _browser.look()
    _browser.open(f"{site.catalog}/static/favicon.svg")  # of the same origin, and asks nothing
    _browser.evaluate(f"sessionStorage.setItem('headwater.token', {json.dumps(EDITOR)})")
    _browser.problems.clear()
    yield _browser
    assert _browser.problems == []
