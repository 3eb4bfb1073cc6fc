"""`serve` crawls by itself what is due, and says who asked."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.support.commands import Server, hw, until


def test_a_server_crawls_what_became_due_while_it_was_away(tmp_path: Path) -> None:
    """The table that came in the meantime is found without anybody asking for a crawl; doctor says when the next one is."""
    shop, home = tmp_path / "shop.db", tmp_path / "home"
    with sqlite3.connect(shop) as connection:
        connection.execute("CREATE TABLE orders (id int)")
    (tmp_path / "headwater.toml").write_text(
        f'[sources.shop]\nurl = "sqlite:///{shop}"\nschedule = "0 6 * * *"\ntimezone = "Europe/Vienna"\n', encoding="utf-8"
    )
    assert hw("crawl", home=home).code == 0
    assert "next at" in hw("doctor", "shop", home=home).out
    with Server(home=home) as server:
        until(lambda: server.client.get("/readyz").status_code == 200, "the server")
        until(lambda: _asked_at(home), "a first look at the schedule")
        assert [crawl["by"] for crawl in server.client.get("/api/v1/crawls").json()["crawls"]] == ["cli"]
    with sqlite3.connect(shop) as connection:
        connection.execute("CREATE TABLE invoices (id int)")
    with sqlite3.connect(home / "indexer.db") as connection:
        connection.execute("UPDATE schedule SET asked_at = 0")  # as if it had been years ago
    with Server(home=home) as server:
        search = {"params": {"q": "invoices"}}
        until(lambda: server.client.get("/api/v1/search", **search).json().get("hits"), "the new table")
        crawls = server.client.get("/api/v1/crawls").json()["crawls"]
        assert [(crawl["by"], crawl["state"]) for crawl in crawls] == [("schedule", "complete"), ("cli", "complete")]
        changes = server.client.get(f"/api/v1/crawls/{crawls[0]['id']}/changes").json()
        assert [(one["qualified_name"], one["what"]) for one in changes["changes"]] == [("shop.invoices", "added")]


def _asked_at(home: Path) -> list[tuple[float]]:
    with sqlite3.connect(home / "indexer.db") as connection:
        return connection.execute("SELECT asked_at FROM schedule").fetchall()
