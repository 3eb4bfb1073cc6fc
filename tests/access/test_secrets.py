"""Passwords, tokens and keys stay where they were written: not an answer, a log line or a byte of the home has one."""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from services.common.model.access import Role
from services.common.runtime import logs
from services.common.runtime.source_settings import SourceSettings
from tests.access.raw import send
from tests.access.served import Served, bearer, secret, token
from tests.access.shop import id_of, shop

CLOSED = "127.0.0.1:9"
"""Nothing listens on the discard port: every crawl of it fails."""
CANARIES = {
    "in the URL": "canary-url-password",
    "in the URL, escaped": "canary%2Furl%40escaped",
    "in a parameter": "canary-parameter",
    "by env:": "canary-environment",
    "by file:": "canary-file",
    "token": secret("canary-admin"),
    "wrong token": "canary-wrong-token",
    "key": "canary-internal-key-of-services",
}
SPELLINGS = [spelled.encode() for text in (*CANARIES.values(), "canary/url@escaped") for spelled in (text, text.upper())]
PATHS = (
    "/api/v1/sources",
    "/api/v1/crawls",
    "/api/v1/assets",
    "/api/v1/search?q=orders",
    "/api/v1/search?q=x&password=canary-wrong-token",
    "/api/v1/suggest?q=o",
    f"/api/v1/assets/{id_of('orders')}",
    f"/api/v1/assets/{id_of('orders')}/lineage",
    "/openapi.json",
    "/docs",
    "/metrics",
    "/readyz",
    "/nothing",
)


@pytest.fixture
def sources(tmp_path, monkeypatch) -> dict[str, SourceSettings]:
    """Sources with a password in every place that can have one; none can be reached."""
    monkeypatch.setenv("ACCESS_TEST_PASSWORD", CANARIES["by env:"])
    file = tmp_path / "password"
    file.write_text(CANARIES["by file:"] + "\n", encoding="utf-8")
    return {
        "url": SourceSettings(url=f"postgresql://svc:{CANARIES['in the URL']}@{CLOSED}/a"),
        "escaped": SourceSettings(url=f"postgresql://svc:{CANARIES['in the URL, escaped']}@127.0.0.1:10/a"),
        "parameter": SourceSettings(url=f"postgresql://svc@127.0.0.1:11/a?password={CANARIES['in a parameter']}"),
        "env": SourceSettings(url="postgresql://svc@127.0.0.1:12/a", password="env:ACCESS_TEST_PASSWORD"),
        "file": SourceSettings(url="postgresql://svc@127.0.0.1:13/a", password=f"file:{file}"),
        "noplace": SourceSettings(url="postgresql://127.0.0.1:14/a", password="env:ACCESS_TEST_PASSWORD"),
        "option": SourceSettings(url=f"postgresql://svc:{CANARIES['in the URL']}@127.0.0.1:15/a?nonsense=canary-parameter"),
        "scheme": SourceSettings(url=f"nosuch://svc:{CANARIES['in the URL']}@127.0.0.1/a", namespace="nosuch://x"),
    }


def crawl_all(served: Served, names: list[str]) -> list[dict[str, Any]]:
    """Ask for a crawl of every source over HTTP, and wait until the server has run them."""
    for name in names:
        asked = served.client.post("/api/v1/crawls", json={"source": name}, headers=bearer("canary-admin"))
        assert asked.status_code == 202, asked.text
    until = time.monotonic() + 60
    while True:
        crawls = {c["source"]: c for c in served.get("/crawls", "canary-admin").json()["crawls"]}
        if all(crawls[name]["state"] == "failed" for name in names):
            return [crawls[name] for name in names]
        assert time.monotonic() < until, crawls
        time.sleep(0.05)


def test_no_secret_is_told_logged_or_stored(tmp_path, sources, capfd):
    """A byte search of everything that leaves the process, while it runs and after it ended."""
    logs.configure("debug", "json")
    told: list[bytes] = []
    tokens = {"canary-admin": token("canary-admin", Role.ADMIN)}
    with ExitStack() as stack:
        served = stack.enter_context(shop(tmp_path, tokens, sources=sources, internal_key=CANARIES["key"]))
        for file in served.settings.home.glob("*.db"):  # while somebody reads, the write-ahead log stays
            stack.enter_context(closing(sqlite3.connect(file))).execute("SELECT count(*) FROM sqlite_master").fetchone()
        failed = crawl_all(served, list(sources))
        assert all(crawl["failures"] for crawl in failed)
        told += [str(crawl).encode() for crawl in failed]
        for path in PATHS:
            for caller in (bearer("canary-admin"), {}, {"Authorization": f"Bearer {CANARIES['wrong token']}"}):
                for headers in (caller, {**caller, "X-Headwater-Key": CANARIES["key"], "Cookie": "t=canary-wrong-token"}):
                    answer = served.client.get(path, headers=headers)
                    told += [answer.content, str(answer.headers).encode()]
        told.append(send(served.client.app, "GET", "/internal/v1/catalog/head", ("X-Headwater-Key", CANARIES["key"])).body)
        told.append(repr((served.settings, served.settings.sources, served.settings.tokens, served.space)).encode())
        running = stored(served.settings.home)
    after = stored(served.settings.home)
    out, err = capfd.readouterr()
    logs.configure()
    assert len([name for name in running if name.endswith("-wal")]) == 3
    assert "crawl ended" in err
    for name, content in {
        **running,
        **after,
        "answers": b"\n".join(told),
        "stdout": out.encode(),
        "stderr": err.encode(),
    }.items():
        assert [text for text in SPELLINGS if text in content] == [], name


def stored(home: Path) -> dict[str, bytes]:
    """Every file below a home, with its bytes."""
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_the_search_would_find_one(tmp_path):
    """What is written in a home is seen, wherever it stands."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x-wal").write_bytes(b"\x00\x01" + CANARIES["by file:"].encode() + b"\x02")
    (content,) = stored(tmp_path).values()
    assert [text for text in SPELLINGS if text in content] == [CANARIES["by file:"].encode()]
