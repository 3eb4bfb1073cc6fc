"""`headwater serve` from outside: a real process that is asked over HTTP while crawls run beside it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.cli.serve import bound
from services.common.errors import Conflict
from tests.support.commands import Done, Server, hw, simple_table, until, write_metadata
from tests.support.servers import PostgresServer
from tests.support.workers import lease_holder

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def served(demo_copy: Path) -> Iterator[Server]:
    """One server on a demo home for the whole module; tests touch different tables of it."""
    with Server(home=demo_copy) as server:
        yield server.ready()


def find(server: Server, words: str, **parameters: Any) -> list[str]:
    """The qualified names of what a question finds."""
    return [hit["qualified_name"] for hit in server.get("/search", q=words, **parameters)["hits"]]


def asset(server: Server, name: str) -> httpx2.Response:
    """One asset by its name, with its ETag."""
    (known,) = server.get("/assets", name=name)["assets"]
    return server.client.get(f"/api/v1/assets/{known['id']}")


def patch(server: Server, seen: httpx2.Response, change: Any, *, etag: str | None = None) -> httpx2.Response:
    """A merge patch of what was seen."""
    headers = {"If-Match": etag or seen.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    return server.client.patch(f"/api/v1/assets/{seen.json()['id']}", headers=headers, content=json.dumps(change))


class TestAnswers:
    """Questions, completions and lists."""

    def test_the_command_line_answers_the_same(self, served: Server, demo_copy: Path) -> None:
        """`search --json` beside the server is the API's answer for the same home, but for the query's id."""
        question = "which deliveries arrived later than we promised?"

        printed = hw("search", question, "-k", "7", "--json", home=demo_copy).json
        answered = served.get("/search", q=question, limit=7)

        assert printed.pop("query_id") != answered.pop("query_id")
        assert printed == answered
        assert (answered["mode"], answered["degraded"], answered["coverage"]) == ("hybrid", [], 1.0)
        assert len(answered["hits"]) == 7

    def test_suggestions(self, served: Server) -> None:
        answer = served.get("/suggest", q="cust_rev", limit=3)["suggestions"]

        assert answer[0]["text"] == "retail.mart.cust_revenue_mth"
        assert served.get(f"/assets/{answer[0]['asset']}")["kind"] == "view"

    def test_a_second_demo(self, served: Server, demo_copy: Path) -> None:
        """It crawls beside the server, says that its home is served and where, and does not try to serve it too."""
        again = hw("demo", home=demo_copy)

        assert again.code == 0, again.err
        assert f"this home is served already at {served.url}, and what was crawled is found there" in again.err
        assert "the next free one is used" not in again.err
        assert find(served, "retail.finance.payments")[0] == "retail.finance.payments"

    def test_a_name_comes_first(self, served: Server) -> None:
        for name in ("retail.finance.payments", "finance.payments", "FINANCE.PAYMENTS"):
            assert find(served, name)[0] == "retail.finance.payments"

    def test_filters(self, served: Server) -> None:
        """Values of one filter widen, another filter narrows; without a word a filter is enough."""
        answer = served.get("/search", schema=["hr", "crm"], kind="view", limit=50)

        assert {hit["qualified_name"].split(".")[1] for hit in answer["hits"]} == {"hr", "crm"}
        assert {hit["kind"] for hit in answer["hits"]} == {"view"}
        assert answer["total"] == len(answer["hits"]) == sum(answer["facets"]["schema"].values())

    @pytest.mark.parametrize(("path", "key"), [("/assets", "assets"), ("/search?q=customer+order+date", "hits")])
    def test_pages_to_the_end(self, served: Server, path: str, key: str) -> None:
        """Every page but the last has a cursor; together they are everything once, and the last one says it is the last."""
        url = httpx2.URL(f"{served.url}/api/v1{path}")
        page = served.client.get(url.copy_merge_params({"limit": "30"})).json()
        seen = [found["id"] for found in page[key]]
        while page["cursor"]:
            assert len(page[key]) == 30
            page = served.client.get(url.copy_merge_params({"limit": "30", "cursor": page["cursor"]})).json()
            seen += [found["id"] for found in page[key]]

        assert len(seen) == len(set(seen)) == page["total"]
        assert len(seen) > 30

    def test_lineage(self, served: Server) -> None:
        name = "retail.inventory.v_below_min"
        view = asset(served, name).json()["id"]
        up = until(lambda: served.get(f"/assets/{view}/lineage", direction="upstream", depth=5)["edges"], "lineage")

        assert len(up) >= 4
        answer = served.get(f"/assets/{view}/lineage", direction="upstream", depth=1)
        assert {node["qualified_name"] for node in answer["nodes"]} == {
            name,
            "retail.inventory.reorder_rules",
            "retail.inventory.v_available_to_sell",
        }
        assert answer["truncated"] is True

    def test_a_url_that_was_never_reached_is_no_source(self, tmp_path: Path) -> None:
        """It would stand on the start page for ever. One that is configured is listed, and what has ever been reached is."""
        home, good = tmp_path / "home", tmp_path / "good.jsonl"
        reached = write_metadata(good, simple_table("parrots"))
        (tmp_path / "headwater.toml").write_text(f'[sources.mine]\nurl = "sqlite:///{tmp_path}/mine.db"\n')
        assert hw("crawl", reached, home=home).code == 0
        good.unlink()
        for url in (reached, f"sqlite:///{tmp_path}/nope.db", "mine"):
            assert hw("crawl", url, home=home).code != 0
        with Server("serve", home=home) as server:
            told = {one["name"]: one["last_crawl"]["state"] for one in server.ready().get("/sources")["sources"]}
            crawled = {one["source"] for one in server.get("/crawls")["crawls"]}
        assert told == {"metadata://good": "failed", "mine": "failed"}
        assert any("nope" in name for name in crawled)

    def test_sources(self, served: Server) -> None:
        """What was crawled, with counts and the last crawl; the file's path only as an alias of the namespace."""
        (source,) = [one for one in served.get("/sources")["sources"] if one["name"] == "demo"]

        assert source["counts"] == {"table": 164, "view": 27}
        assert source["namespace"] == "duckdb:///headwater-demo/retail.duckdb"
        assert source["last_crawl"]["state"] == "complete"


class TestCuration:
    """`PATCH` and what is kept of it."""

    def test_found_by_what_people_say(self, served: Server) -> None:
        """A description is searchable soon after; taken back, it is not."""
        seen = asset(served, "retail.hr.shifts")
        written = patch(served, seen, {"description": "who wombles about when, per branch"})
        assert written.status_code == 200
        assert written.json()["curated"] == ["description"]

        until(lambda: find(served, "womble")[:1] == ["retail.hr.shifts"], "the written word", within_s=30)
        served.client.post(f"/api/v1/changes/{_changes(served, seen)[0]['id']}/undo")
        until(lambda: "retail.hr.shifts" not in find(served, "womble"), "its going", within_s=30)

    def test_the_version_must_be_named(self, served: Server) -> None:
        seen = asset(served, "retail.web.sessions")
        path = f"/api/v1/assets/{seen.json()['id']}"

        without = served.client.patch(path, json={"description": "x"})
        first = patch(served, seen, {"description": "one visit"})
        stale = patch(served, seen, {"description": "one visit to the shop"})
        other = patch(served, seen, {"description": "x"}, etag='"d00000000000000000000000000.1"')

        assert [answer.status_code for answer in (without, first, stale, other)] == [428, 200, 412, 412]
        assert [answer.json()["code"] for answer in (without, stale)] == ["precondition_required", "precondition_failed"]
        assert first.headers["ETag"] != seen.headers["ETag"]
        assert served.client.get(path).headers["ETag"] == first.headers["ETag"]
        assert served.client.get(path).json()["description"] == "one visit"

    def test_a_merge_patch(self, served: Server) -> None:
        """Fields, columns and a successor are laid over the crawl's; null takes people's word back and leaves the rest."""
        seen = asset(served, "retail.sales.orders_bak")
        before = seen.json()
        successor = asset(served, "retail.sales.orders").json()["id"]
        change = {
            "description": "Left over from a migration.",
            "owners": ["sales-data"],
            "tags": ["old", "restricted"],
            "status": "deprecated",
            "successor": successor,
            "columns": [{"name": "net_amt", "description": "Euro", "tags": ["money"]}],
        }

        now = patch(served, seen, change)
        shown = now.json()

        assert now.status_code == 200, now.text
        assert {name: shown[name] for name in change if name != "columns"} == {
            n: change[n] for n in change if n != "columns"
        }
        assert shown["crawled_description"] == before["description"]
        columns = {column["name"]: column for column in shown["columns"]}
        assert (columns["net_amt"]["description"], columns["net_amt"]["tags"]) == ("Euro", ["money"])
        assert columns["net_amt"]["curated"] == ["description", "tags"]
        assert [column["name"] for column in shown["columns"]] == [column["name"] for column in before["columns"]]

        back = patch(served, now, {"description": None, "columns": [{"name": "net_amt", "description": None}]}).json()

        assert back["description"] == before["description"]
        assert back["owners"] == ["sales-data"]
        assert next(c for c in back["columns"] if c["name"] == "net_amt")["curated"] == ["tags"]

    def test_who_said_what(self, served: Server) -> None:
        """Every change is kept with before and after, newest first; undoing one is a change too."""
        seen = asset(served, "retail.crm.tickets")
        first = patch(served, seen, {"description": "complaints"})
        patch(served, first, {"description": "complaints and praise", "owners": ["care"]})

        said = _changes(served, seen)
        assert [(one["field"], one["before"], one["after"], one["by"]) for one in said[-1:]] == [
            ("description", None, "complaints", "local")
        ]
        latest = next(one for one in said if one["field"] == "description")
        undone = served.client.post(f"/api/v1/changes/{latest['id']}/undo")
        again = served.client.post(f"/api/v1/changes/{latest['id']}/undo")

        assert undone.json()["description"] == "complaints"
        assert undone.json()["owners"] == ["care"]
        assert undone.headers["ETag"]
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        assert _changes(served, seen)[0]["undoes"] == latest["id"]
        assert len(_changes(served, seen, limit=1, before=latest["id"])) == 1

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"rows": 3}, "/rows"),
            ({"status": "fine"}, "/status"),
            ({"tags": "pii"}, "/tags"),
            ({"columns": [{"name": "no_such"}, {"name": "no_such", "description": "x"}]}, "/columns/1/name"),
            ({"columns": [{"name": "no_such", "description": "x"}]}, "/columns/0/name"),
            ({"successor": "d00000000000000000000000000"}, "/successor"),
        ],
    )
    def test_what_cannot_be_said(self, served: Server, change: Any, pointer: str) -> None:
        refused = patch(served, asset(served, "retail.hr.employees"), change)

        assert refused.status_code == 422, refused.text
        assert pointer in [error["pointer"] for error in refused.json()["errors"]]

    def test_versions(self, served: Server) -> None:
        table = asset(served, "retail.hr.employees").json()
        (version,) = served.get(f"/assets/{table['id']}/versions")["versions"]

        assert version["version"] == 1
        assert [column["name"] for column in version["columns"]] == [column["name"] for column in table["columns"]]


def _changes(server: Server, seen: httpx2.Response, **parameters: Any) -> list[Any]:
    changes: list[Any] = server.get(f"/assets/{seen.json()['id']}/changes", **parameters)["changes"]
    return changes


class TestErrors:
    """Every error is a problem document with a stable code."""

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/api/v1/nothing", 404, "not_found"),
            ("GET", "/nothing", 404, "not_found"),
            ("GET", "/api/v1/assets/not-an-id", 404, "not_found"),
            ("GET", "/api/v1/assets/d00000000000000000000000000", 404, "not_found"),
            ("GET", "/api/v1/assets/d00000000000000000000000000/lineage", 404, "not_found"),
            ("GET", "/api/v1/assets/d00000000000000000000000000/changes", 404, "not_found"),
            ("GET", "/api/v1/assets/d00000000000000000000000000/versions", 404, "not_found"),
            ("GET", "/api/v1/crawls/nothing", 404, "not_found"),
            ("POST", "/api/v1/changes/999999/undo", 404, "not_found"),
            ("POST", "/api/v1/changes/x/undo", 422, "bad_request"),
            ("DELETE", "/api/v1/search", 405, "method_not_allowed"),
            ("POST", "/api/v1/crawls", 422, "bad_request"),
            ("GET", "/api/v1/search", 422, "bad_request"),
            ("GET", "/internal/v1/catalog/head", 401, "unauthenticated"),
        ],
    )
    def test_problems(self, served: Server, method: str, path: str, status: int, code: str) -> None:
        answer = served.client.request(method, path)

        assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (status, PROBLEM, code)
        assert answer.json()["status"] == status
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]

    @pytest.mark.parametrize(
        ("path", "pointer"),
        [
            ("/search?q=x&colour=red", "/query/colour"),
            ("/search?q=x&limit=0", "/query/limit"),
            ("/search?q=x&kind=idea", "/query/kind/0"),
            ("/search?q=x&cursor=abc", "/query/cursor"),
            ("/suggest?q=x&tag=y", "/query/tag"),
            ("/suggest", "/query/q"),
            ("/assets?limit=201", "/query/limit"),
            ("/assets?page=2", "/query/page"),
            ("/assets?name=orders&schema=sales", "/query"),
            ("/assets/daaaaaaaaaaaaaaaaaaaaaaaaaa/lineage?depth=101", "/query/depth"),
            ("/assets/daaaaaaaaaaaaaaaaaaaaaaaaaa/lineage?dir=up", "/query/dir"),
            ("/crawls?state=complete", "/query/state"),
        ],
    )
    def test_parameters(self, served: Server, path: str, pointer: str) -> None:
        """What is unknown or out of bounds is refused, and pointed at."""
        answer = served.client.get(f"/api/v1{path}")

        assert (answer.status_code, answer.headers["Content-Type"]) == (422, PROBLEM)
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]

    def test_bodies(self, served: Server) -> None:
        """Too large, no JSON, of another type."""
        seen = asset(served, "retail.hr.employees")
        path = f"/api/v1/assets/{seen.json()['id']}"
        headers = {"If-Match": seen.headers["ETag"], "Content-Type": "application/json"}

        large = served.client.patch(path, headers=headers, content=b'{"description": "' + b"x" * 4_000_000 + b'"}')
        broken = served.client.patch(path, headers=headers, content=b"{")
        typed = served.client.patch(path, headers=headers | {"Content-Type": "text/plain"}, content=b"{}")
        huge = served.client.post("/api/v1/lineage", content=b"x" * 100_000_000)

        assert [answer.status_code for answer in (large, broken, typed, huge)] == [413, 422, 422, 413]
        assert {answer.headers["Content-Type"] for answer in (large, broken, typed, huge)} == {PROBLEM}

    def test_another_machines_name(self, served: Server) -> None:
        """A page that rebound its own name to this machine is not answered."""
        answer = served.client.get("/api/v1/sources", headers={"Host": "evil.example"})

        assert (answer.status_code, answer.headers["Content-Type"]) == (421, PROBLEM)


class TestCrawls:
    """Crawls beside the server and through it."""

    def test_beside_it(self, served: Server, demo_copy: Path, tmp_path: Path) -> None:
        """The crawl ends when the server has it, vectors included; what is gone is gone; nothing is restarted."""
        file = tmp_path / "zoo.jsonl"
        url = write_metadata(file, simple_table("aviary", "feathered guests"), simple_table("reptiles", "scaly guests"))

        first = hw("crawl", url, "--json", home=demo_copy)
        answer = served.get("/search", q="feathered guests")

        assert first.code == 0, first.err
        assert first.json["crawls"][0]["texts_encoded"] == 0  # the server's worker did it
        assert answer["hits"][0]["qualified_name"] == "shop.public.aviary"
        assert (answer["mode"], answer["degraded"], answer["coverage"]) == ("hybrid", [], 1.0)
        assert "metadata://zoo" in [source["name"] for source in served.get("/sources")["sources"]]

        write_metadata(file, simple_table("reptiles", "scaly guests"))
        second = hw("crawl", url, "--json", home=demo_copy)

        assert second.json["crawls"][0]["tables"]["gone"] == 1
        assert "shop.public.aviary" not in find(served, "feathered guests")
        assert served.client.get(f"/api/v1/assets/{answer['hits'][0]['id']}").status_code == 404
        assert "locked" not in first.err + second.err + served.log.read_text()

    def test_through_it(self, served: Server) -> None:
        """`POST /crawls` of a configured source; its events end with the report."""
        asked = served.client.post("/api/v1/crawls", json={"source": "demo"})
        assert asked.status_code == 202
        assert asked.json()["state"] == "requested"

        with served.client.stream("GET", asked.headers["Location"], headers={"Accept": "text/event-stream"}) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            events = [event.split("\n") for event in "".join(stream.iter_text()).strip().split("\n\n")]

        assert [name for name, _ in events[:-1]] == ["event: progress"] * (len(events) - 1)
        assert events[-1][0] == "event: ended"
        report = json.loads(events[-1][1].removeprefix("data: "))
        assert (report["state"], report["tables"]["found"], report["by"]) == ("complete", 191, "local")
        assert report == served.get(asked.headers["Location"].removeprefix("/api/v1"))
        assert served.get("/crawls", source="demo", limit=1)["crawls"] == [report]

    @pytest.mark.parametrize("source", ["nowhere", "duckdb:///tmp/x.duckdb", "../x"])
    def test_only_configured_ones(self, served: Server, source: str) -> None:
        assert served.client.post("/api/v1/crawls", json={"source": source}).status_code == 404

    def test_never_a_url(self, served: Server) -> None:
        answer = served.client.post("/api/v1/crawls", json={"source": "demo", "url": "duckdb:///tmp/x.duckdb"})

        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/url")


class TestOperations:
    """Probes, metrics, and more than one server."""

    def test_probes(self, served: Server) -> None:
        ready = served.client.get("/readyz")

        assert served.client.get("/livez").json() == {"status": "alive"}
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["vectors"] == ready.json()["texts"] > 800
        assert served.client.get("/startupz").status_code == 200

    def test_metrics(self, served: Server) -> None:
        served.get("/sources")
        text = served.client.get("/metrics").text

        assert re.search(
            r'^headwater_requests_total\{method="GET",route="/api/v1/sources",status="200"\} \d', text, re.MULTILINE
        )
        assert re.search(r"^headwater_index_documents \d{3}", text, re.MULTILINE)
        assert "d00000000000000000000000000" not in text  # counted by route, never by path

    def test_a_second_server_is_refused(self, served: Server, demo_copy: Path, quick: Callable[..., Done]) -> None:
        refused = quick("serve", "--port", "0", home=demo_copy)

        assert refused.code == 1
        assert refused.err.splitlines()[1:] == [
            "headwater: another `headwater serve` serves this home; stop it, or set HEADWATER_HOME to another folder"
        ]

    def test_a_port_that_is_taken(self, served: Server, tmp_path: Path, quick: Callable[..., Done]) -> None:
        port = served.url.rpartition(":")[2]
        refused = quick("serve", "--port", port, home=tmp_path / "home")

        assert refused.code == 1
        assert refused.err.splitlines()[1:] == [
            f"headwater: port {port} on 127.0.0.1 is taken; use --port, or stop what uses it"
        ]

    def test_the_next_free_port(self) -> None:
        """`make demo` takes it where its own port is taken; `serve` does not, because others have written it down."""
        with bound("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with bound("127.0.0.1", port, tries=20) as following:
                assert port < following.getsockname()[1] < port + 20
            with pytest.raises(Conflict):
                bound("127.0.0.1", port)

    def test_small_answers_are_sent_at_once(self) -> None:
        """Head and body of an answer are two packets; the second must not wait for the client's acknowledgement of the first."""

        async def accepted() -> int:
            told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connection = writer.get_extra_info("socket")
                told.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                writer.close()

            with bound("127.0.0.1", 0) as listening:
                async with await asyncio.start_server(connected, sock=listening):
                    _, writer = await asyncio.open_connection(*listening.getsockname())
                    writer.close()
                    return await told

        assert asyncio.run(accepted()) != 0

    def test_not_in_the_open_without_tokens(self, tmp_path: Path, quick: Callable[..., Done]) -> None:
        refused = quick("serve", "--host", "0.0.0.0", "--port", "0", home=tmp_path / "home")

        assert refused.code == 2
        assert "token" in refused.err


def test_servers_one_after_another(tmp_path: Path, quick: Callable[..., Done]) -> None:
    """Ready means found; a server told to stop ends with 0 and leaves the lease; after one that was killed the next goes on."""
    home = tmp_path / "home"
    url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders", "what people bought"))
    quick("crawl", url, "--no-wait", home=home)

    with Server(home=home) as first:
        first.ready()
        assert find(first, "bought") == ["shop.public.orders"]  # committed before the start: no waiting
        until(lambda: first.client.get("/readyz").json()["vectors"], "vectors")
        assert first.stop(signal.SIGTERM) == 0
        assert lease_holder(home) is None

    with Server(home=home) as second:
        second.ready()
        added = write_metadata(tmp_path / "more.jsonl", simple_table("bills", "what people owe"))
        done = quick("crawl", added, "--json", home=home)
        assert done.json["crawls"][0]["texts_encoded"] == 0  # the second one has the lease
        assert find(second, "owe") == ["shop.public.bills"]
        assert second.stop(signal.SIGKILL) == -signal.SIGKILL
        assert lease_holder(home) is not None

    with Server(home=home) as third:
        third.ready()
        assert find(third, "owe") == ["shop.public.bills"]
        again = write_metadata(tmp_path / "again.jsonl", simple_table("visits", "who came by"))
        done = quick("crawl", again, "--json", home=home)
        assert done.json["crawls"][0]["texts_encoded"] == 0
        assert find(third, "came") == ["shop.public.visits"]
        assert third.stop(signal.SIGINT) == 0
    assert "Traceback" not in first.log.read_text() + third.log.read_text()


def test_with_the_real_model(tmp_path: Path) -> None:
    """Words that stand nowhere in a table find it by its meaning, also those that were written a moment ago."""
    home = tmp_path / "home"
    model = {"HEADWATER_MODEL": "all-MiniLM-L6-v2"}
    tables = [
        simple_table("t1", "money that customers still owe us"),
        simple_table("t2", "temperature of the cold store"),
        simple_table("t3", "holidays of our employees"),
    ]
    url = write_metadata(tmp_path / "wh.jsonl", *tables)
    crawled = hw("crawl", url, "--json", home=home, **model)
    assert crawled.code == 0, crawled.err
    assert crawled.json["crawls"][0]["texts_encoded"] == 8  # three tables and their names, two columns that all of them have

    with Server(home=home, env=model) as server:
        server.ready()
        assert find(server, "unpaid invoices")[0] == "shop.public.t1"
        assert find(server, "vacation of staff")[0] == "shop.public.t3"
        patch(server, asset(server, "t2"), {"description": "salary of each worker"})
        until(lambda: find(server, "wages")[:1] == ["shop.public.t2"], "the new meaning", within_s=30)


@pytest.mark.server
def test_postgresql_as_the_store(
    postgres_server: PostgresServer, tmp_path: Path, quick: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same story on one PostgreSQL: crawl, serve, crawl beside, curate, crawl through the API, restart."""
    home = tmp_path / "home"
    url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders", "what people bought"), simple_table("bills"))
    (tmp_path / "headwater.toml").write_text(f'[sources.wh]\nurl = "{url}"\n')
    env = {"HEADWATER_DATABASE_URL": postgres_server.create_database("headwater")}
    monkeypatch.setenv("HEADWATER_DATABASE_URL", env["HEADWATER_DATABASE_URL"])
    first = hw("crawl", "--json", home=home, **env)
    assert (first.code, first.json["crawls"][0]["tables"]["added"]) == (0, 2), first.err
    assert not list(home.glob("*.db"))

    with Server(home=home, env=env) as server:
        server.ready()
        assert find(server, "bought") == ["shop.public.orders"]
        assert quick("serve", "--port", "0", home=home).code == 1
        write_metadata(
            tmp_path / "wh.jsonl", simple_table("orders", "what people bought"), simple_table("visits", "who came")
        )
        beside = quick("crawl", "wh", "--json", home=home)
        assert beside.json["crawls"][0]["tables"] | {"found": 2, "added": 1, "gone": 1} == beside.json["crawls"][0]["tables"]
        assert find(server, "came") == ["shop.public.visits"]
        assert "shop.public.bills" not in find(server, "bills")
        written = patch(server, asset(server, "orders"), {"description": "one basket a row", "tags": ["core"]})
        assert written.status_code == 200, written.text
        until(lambda: find(server, "basket", tag="core") == ["shop.public.orders"], "the written word", within_s=30)
        asked = server.client.post("/api/v1/crawls", json={"source": "wh"})
        path = asked.headers["Location"].removeprefix("/api/v1")
        until(lambda: server.get(path)["state"] == "complete", "the crawl")
        assert server.get(path)["tables"]["unchanged"] == 2
        assert find(server, "basket") == ["shop.public.orders"]  # curated words survive
        assert server.stop(signal.SIGTERM) == 0

    with Server(home=home, env=env) as again:
        again.ready()
        assert find(again, "basket") == ["shop.public.orders"]
    secret = postgres_server.url.partition("://")[2].partition("@")[0].partition(":")[2]
    assert secret not in first.err + again.log.read_text()
