"""The API's description as a page: all that it loads is this server's own."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.catalog.api_pages import create_router
from services.common.runtime.http import create_service_app


@pytest.fixture
def app() -> FastAPI:
    made = create_service_app("Test", "1", max_body_bytes=1_000)
    made.include_router(create_router())
    return made


@pytest.mark.parametrize("above", ["", "/catalog"])
def test_the_page_loads_nothing_from_elsewhere(app, above):
    """Also behind a proxy that gives it a place below another one."""
    page = TestClient(app, root_path=above).get("/docs").text
    loaded = re.findall(r"""(?:src|href)="([^"]*)"|url: '([^']*)'""", page)
    paths = {one or other for one, other in loaded}
    assert len(paths) == 4
    assert all(path.startswith(f"{above}/") and not path.startswith("//") for path in paths)
    assert "http" not in page


def test_its_files_are_there_and_no_others(app):
    client = TestClient(app)
    page = client.get("/docs").text
    for kind in ("js", "css"):
        (path,) = re.findall(rf'"(/docs/[^"]*\.{kind})"', page)
        answer = client.get(path)
        assert answer.status_code == 200
        assert len(answer.content) > 100_000
        assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.get("/docs/redoc.standalone.js").status_code == 404
