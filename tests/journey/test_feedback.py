"""From a question to a figure: asked and clicked over a socket, told by the command line of the same home."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Server, hw, simple_table, write_metadata


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feedback")
    url = write_metadata(folder / "shop.jsonl", simple_table("orders", "what customers bought"), simple_table("bills"))
    made = folder / "home"
    assert hw("crawl", url, home=made).code == 0
    return made


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with Server(home=home) as made:
        yield made.ready()


def tell(server: Server, query: str, *events: dict[str, Any]) -> Any:
    return server.client.post("/api/v1/feedback", json={"query_id": query, "events": events})


def test_a_click_reaches_the_figures(server: Server, home: Path) -> None:
    """The answer's own id joins them; the figures of the API and of the command line are the same."""
    answer = server.get("/search", q="What customers BOUGHT")
    hit = answer["hits"][0]
    events = [{"kind": "impression", "id": one["id"]} for one in answer["hits"]]
    events += [{"kind": "click", "id": hit["id"], "position": 1}, {"kind": "verdict", "id": hit["id"], "verdict": "good"}]
    first, again = tell(server, answer["query_id"], *events), tell(server, answer["query_id"], *events)
    assert (first.status_code, first.json()) == (200, {"recorded": len(events)})
    assert again.json() == {"recorded": 0}
    server.get("/search", q="zebra crossings", database="nowhere")
    figures = server.get("/search/analytics", weeks=1)
    assert (figures["answers"], figures["opened"], figures["people"]) == (2, 1, 1)
    assert [one["words"] for one in figures["zero_results"]] == ["zebra crossings"]
    assert figures["weeks"][-1]["clicks_by_rank"] == {"1": 1}
    told = hw("searches", "--weeks", "1", "--json", home=home)
    moving = ("since", "until")
    assert {k: v for k, v in told.json.items() if k not in moving} == {k: v for k, v in figures.items() if k not in moving}
    printed = hw("searches", home=home).out
    assert "zebra crossings" in printed
    assert "1: 1" in printed


def test_the_home_keeps_no_name_and_its_key_for_itself(server: Server, home: Path) -> None:
    answer = server.get("/search", q="bills")
    assert tell(server, answer["query_id"], {"kind": "click", "id": answer["hits"][0]["id"]}).status_code == 200
    assert (home / "search.key").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(home / "catalog.db")) as connection:
        principals = {row[0] for row in connection.execute("SELECT principal FROM search_answer")}
    assert len(principals) == 1
    assert "local" not in principals.pop()


def test_what_was_asked_last_is_written_when_the_server_stops(home: Path) -> None:
    """The background writes once a second; a stop writes what waits."""
    folder = home.parent / "stopped"
    folder.mkdir()
    url = write_metadata(folder / "shop.jsonl", simple_table("orders"))
    assert hw("crawl", url, home=folder / "home").code == 0
    with Server(home=folder / "home") as server:
        server.ready().get("/search", q="orders of the last second")
    found = hw("searches", "--json", home=folder / "home").json
    assert found["answers"] == 1


def test_switched_off_nothing_is_recorded(home: Path) -> None:
    folder = home.parent / "off"
    folder.mkdir()
    url = write_metadata(folder / "shop.jsonl", simple_table("orders"))
    assert hw("crawl", url, home=folder / "home").code == 0
    with Server(home=folder / "home", env={"HEADWATER_SEARCH_LOG": "off"}) as server:
        answer = server.ready().get("/search", q="orders")
        refused = tell(server, answer["query_id"], {"kind": "click", "id": answer["hits"][0]["id"]})
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        assert "search_log" in refused.json()["detail"]
    told = hw("searches", home=folder / "home", HEADWATER_SEARCH_LOG="off")
    assert "0 answers" in told.out
    assert "search_log is off" in told.err


@pytest.mark.parametrize("arguments", [["--weeks", "0"], ["--weeks", "x"], ["--limit", "0"], ["more"]])
def test_wrong_use(home: Path, arguments: list[str]) -> None:
    assert hw("searches", *arguments, home=home).code == 2
