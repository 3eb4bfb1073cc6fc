"""The portal's and the widget's files as the catalog serves them: to everybody, with strict headers, and in step with the API."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from services.catalog.pages import OPEN_PATHS, PAGE_POLICY, WIDGET_PATH
from services.cli.demo import NAMESPACE, QUESTIONS
from services.cli.search import UNLIKELY
from services.common.model.assets import Status
from services.common.runtime.settings import Settings, TokenSettings
from services.compose import create_all
from services.indexer.retrieve.facets import FACETS

STATIC = Path(__file__).parents[2] / "services" / "catalog" / "static"
SCRIPTS = {str(path.relative_to(STATIC)): path.read_text(encoding="utf-8") for path in STATIC.rglob("*.js")}
TOKEN = "a-token-of-these-tests"
MAX_WIDGET_BYTES = 20_000
"""The budget of the widget on the wire, gzipped."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client without a token, of a catalog that asks for one."""
    settings = Settings(
        home=tmp_path_factory.mktemp("pages"),
        model="hashing",
        tokens={"ann": TokenSettings(sha256=hashlib.sha256(TOKEN.encode()).hexdigest())},
    )
    app = create_all(settings)
    with TestClient(app, base_url="http://127.0.0.1", headers={"Accept-Encoding": "identity"}) as made:
        yield made


def test_everybody_gets_the_files_and_nobody_the_catalog(client: TestClient) -> None:
    assert {path: client.get(path).status_code for path in OPEN_PATHS} == dict.fromkeys(OPEN_PATHS, 200)
    assert client.get("/api/v1/sources").status_code == 401
    assert client.get("/static/nothing.js").status_code == 401


def test_open_paths_are_exact() -> None:
    """A path that ends with a slash would open everything below it."""
    assert {path for path in OPEN_PATHS if path.endswith("/")} == {"/"}
    assert not any(path.startswith(("/api", "/internal", "/metrics")) for path in OPEN_PATHS)


def test_every_file_of_the_package_is_served_and_nothing_else() -> None:
    files = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()}
    paths = {"/" if name == "index.html" else f"/{name}" if "/" in name else f"/static/{name}" for name in files}
    assert paths == OPEN_PATHS


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.js",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/..%2f..%2f__init__.py",
        "/static/%2e%2e/pages.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/index.html",
        "/static/portal.js%00.css",
        "/static/widget/headwater.js",
        "/static/",
        "/widget/portal.js",
        "/widget/..%2findex.html",
    ],
)
def test_no_other_name_leads_to_a_file(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_every_file_has_its_type_and_the_strict_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    kinds = {"": "text/html", "html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert headers["Content-Type"].partition(";")[0] == kinds[path.rpartition(".")[2].strip("/")]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Content-Security-Policy"] == PAGE_POLICY
    assert "Set-Cookie" not in headers


def test_the_policy_allows_nothing_inline_and_no_frame() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in PAGE_POLICY.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in PAGE_POLICY


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/static/portal.js")
    again = client.get("/static/portal.js", headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Content-Security-Policy"] == PAGE_POLICY
    assert client.get("/static/portal.js", headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get("/static/portal.css").headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [("gzip, deflate, br", True), ("GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False)],
)
def test_a_file_is_gzipped_for_those_who_take_it(client: TestClient, accepted: str, is_packed: bool) -> None:
    with client.stream("GET", WIDGET_PATH, headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert (answer.headers.get("Content-Encoding") == "gzip") is is_packed
    assert (gzip.decompress(raw) if is_packed else raw) == (STATIC / "widget" / "headwater.js").read_bytes()
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_head_tells_what_get_would(client: TestClient) -> None:
    answer = client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["ETag"] == client.get("/").headers["ETag"]


def test_the_widget_may_be_loaded_by_other_origins_and_the_portal_may_not(client: TestClient) -> None:
    widget, portal = client.get(WIDGET_PATH).headers, client.get("/static/portal.js").headers
    assert (widget["Access-Control-Allow-Origin"], widget["Cross-Origin-Resource-Policy"]) == ("*", "cross-origin")
    assert "Access-Control-Allow-Origin" not in portal
    assert portal["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_widget_stays_in_its_budget_and_stands_alone() -> None:
    source = SCRIPTS["widget/headwater.js"]
    assert len(gzip.compress(source.encode())) <= MAX_WIDGET_BYTES
    assert not re.search(r"^\s*import\b|\bimport\(", source, re.MULTILINE)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] in ("script", "style"):
            self.inline += data.strip()


def _page() -> _Page:
    page = _Page()
    page.feed((STATIC / "index.html").read_text(encoding="utf-8"))
    return page


def test_the_page_has_no_inline_script_or_style() -> None:
    page = _page()
    assert page.inline == ""
    assert not [tag for tag, _ in page.elements if tag in ("style", "iframe", "object", "base")]
    assert not [name for _, attributes in page.elements for name in attributes if name == "style" or name.startswith("on")]


def test_everything_that_the_page_and_its_modules_load_is_served() -> None:
    loaded = {
        urljoin("http://catalog/", attributes[name] or "")
        for tag, attributes in _page().elements
        for name in ("src", "href")
        if name in attributes and tag in ("script", "link", "img")
    }
    for name, source in SCRIPTS.items():
        own = f"http://catalog/{name}" if "/" in name else f"http://catalog/static/{name}"
        loaded |= {urljoin(own, found) for found in re.findall(r'\bfrom "([^"]+)"', source)}
    assert len(loaded) > 8
    assert {address.removeprefix("http://catalog") for address in loaded} <= OPEN_PATHS


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_or_code_from_text(name: str) -> None:
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function"
    assert not re.findall(ways, SCRIPTS[name])
    assert "localStorage" not in SCRIPTS[name], "a token lives no longer than its tab"


def test_every_route_that_scripts_call_is_one_of_the_api(client: TestClient) -> None:
    described = client.get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()["paths"]
    known = {re.sub(r"\{[^}]*\}", "{}", path) for path in described}
    called = {
        "/" + re.sub(r"\$\{[^}]*\}", "{}", path)
        for source in SCRIPTS.values()
        for path in re.findall(r'["`](api/v1/[^"`?]*)', source)
    }
    assert len(called) >= 6
    assert called <= known
    assert "patch" in described["/api/v1/assets/{asset_id}"]


def test_what_scripts_repeat_of_the_rest_is_the_same() -> None:
    """The doubt, the demo's questions, the filters and the marks are written twice, since a browser cannot import Python."""
    assert f"export const UNLIKELY = {UNLIKELY};" in SCRIPTS["widget/headwater.js"]
    start = SCRIPTS["start.js"]
    asked = re.search(r"const QUESTIONS = \[(.*?)\];", start, re.DOTALL)
    assert asked is not None
    assert tuple(re.findall(r'"([^"]+)"', asked[1])) == QUESTIONS
    assert f"const DEMO = {json.dumps(NAMESPACE)};" in start
    filters = re.search(r"export const FILTERS = (\[.*?\]);", SCRIPTS["state.js"])
    assert filters is not None
    assert sorted(json.loads(filters[1])) == sorted(FACETS)
    sheet = (STATIC / "portal.css").read_text(encoding="utf-8")
    assert [status for status in Status if f".badge.{status.value}" not in sheet] == []


def _palettes() -> dict[str, dict[str, str]]:
    sheet = (STATIC / "portal.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for name, block in (("light", light), ("dark", dark))
    }


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_level_aa(scheme: str) -> None:
    palette = _palettes()[scheme]
    grounds = ("page", "surface", "soft")
    pairs = [(ink, ground) for ink in ("text", "muted", "accent") for ground in grounds]
    pairs += [(tone, f"{tone}-soft") for tone in ("warning", "problem", "good")]
    pairs += [("text", "warning-soft"), ("text", "problem-soft"), ("problem", "page"), ("good", "page")]
    pairs += [("problem", "surface"), ("on-accent", "accent")]

    def ratio(first: str, second: str) -> float:
        bright, dim = sorted((_luminance(palette[first]), _luminance(palette[second])), reverse=True)
        return (bright + 0.05) / (dim + 0.05)

    poor = {pair: round(ratio(*pair), 2) for pair in pairs if ratio(*pair) < 4.5}
    edges = {pair: round(ratio(*pair), 2) for pair in [("edge", "surface"), ("accent", "page")] if ratio(*pair) < 3}
    assert (poor, edges) == ({}, {})
