"""Several processes on one home at once, and one that stood still and comes back: exactly one indexes, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from services.common.runtime.db import Database
from services.indexer.store.lease import Lease, home_id
from tests.journey.test_serve import asset, find, patch
from tests.support.commands import Server, command, environment, hw, simple_table, until, write_metadata
from tests.support.workers import lease_holder
from tests.support.zygote import is_halted


def test_of_servers_that_start_at_once_one_wins(tmp_path: Path) -> None:
    """The others end with a line; the one answers, and indexes."""
    home = tmp_path / "home"
    url = write_metadata(tmp_path / "wh.jsonl", simple_table("orders", "what people bought"))
    assert hw("crawl", url, "--no-wait", home=home).code == 0
    logs = [tmp_path / f"{at}.log" for at in range(3)]
    servers = []
    for log in logs:
        with log.open("wb") as said:
            started = subprocess.Popen(
                command(["serve", "--port", "0"]), env=environment(home), cwd=tmp_path, stdout=said, stderr=said
            )
            servers.append(started)
    try:
        until(lambda: sum(one.poll() is not None for one in servers) == 2, "the refusals")
        (winner,) = [at for at, one in enumerate(servers) if one.poll() is None]
        until(lambda: "serving (" in logs[winner].read_text(), "the winner's address")
        assert f":{servers[winner].pid}:" in str(lease_holder(home))
        for at, one in enumerate(servers):
            if at != winner:
                assert one.returncode == 1
                assert "another `headwater serve` serves this home" in logs[at].read_text()
    finally:
        for one in servers:
            one.terminate()
            one.wait(timeout=60)


def test_two_crawls_at_once_index_one_home(tmp_path: Path) -> None:
    """One has the lease and the other waits for it; both end well, and all of both is found."""
    home = tmp_path / "home"
    urls = [
        write_metadata(tmp_path / f"{name}.jsonl", *(simple_table(f"{name}_{at}", f"of {name}") for at in range(40)))
        for name in ("amber", "birch")
    ]
    running = [
        subprocess.Popen(
            command(["crawl", url, "--json"]), env=environment(home), cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        for url in urls
    ]
    for one in running:
        out, _ = one.communicate(timeout=120)
        assert one.returncode == 0
        assert json.loads(out)["crawls"][0]["tables"]["found"] == 40
    verified = hw("verify", "--json", home=home)
    assert verified.code == 0, verified.out
    assert (verified.json["checked"], verified.json["newer"], verified.json["pending"]) == (80, 0, 0)


def test_servers_that_start_while_a_crawl_indexes_all_serve_and_then_one_of_them_indexes(tmp_path: Path) -> None:
    """The crawl's lease is not theirs to take; what is said at one is found at both once it is free, also when that one is killed."""
    home = tmp_path / "home"
    url = write_metadata(tmp_path / "wh.jsonl", *(simple_table(f"orders_{at}", "what people bought") for at in range(9)))
    assert hw("crawl", url, home=home).code == 0
    database = Database.for_service("indexer", home=home, database_url=None)
    crawl = Lease(database, home_id(home), role="crawl")
    assert crawl.acquire()
    with crawl.kept(), Server(home=home) as one, Server(home=home) as other:
        for server in (one.ready(), other.ready()):
            assert len(find(server, "bought")) == 9
        assert crawl.holds()
        assert patch(one, asset(one, "orders_1"), {"description": "what the heron bought"}).status_code == 200
        crawl.release()
        for server in (one, other):
            until(lambda server=server: find(server, "heron") == ["shop.public.orders_1"], "the word")
        (leads,) = until(
            lambda: [server for server in (one, other) if f":{server.process.pid}:" in str(lease_holder(home))], "a leader"
        )
        (follows,) = {one, other} - {leads}
        leads.client.close()
        leads.process.kill()
        assert patch(follows, asset(follows, "orders_2"), {"description": "what the otter bought"}).status_code == 200
        until(lambda: find(follows, "otter") == ["shop.public.orders_2"], "the word")
        until(lambda: f":{follows.process.pid}:" in str(lease_holder(home)), "the lease")
        assert follows.stop() == 0
    database.close()
    assert hw("verify", home=home).code == 0


def _halt_between_writes(server: Server, home: Path) -> None:
    """SIGSTOP at a moment when the server writes nothing: SQLite gives what a halted process locked to nobody."""

    def halted() -> bool:
        os.kill(server.process.pid, signal.SIGSTOP)
        until(lambda: is_halted(server.process.pid), "the halt")
        if not any(map(_is_locked, home.glob("*.db"))):
            return True
        os.kill(server.process.pid, signal.SIGCONT)
        return False

    until(halted, "a moment without a write")


def _is_locked(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def test_a_server_that_stood_still_past_its_lease_does_no_harm_when_it_comes_back(tmp_path: Path) -> None:
    """A crawl took the index over meanwhile; then the server follows, takes it up again, and nobody's words are lost."""
    home = tmp_path / "home"
    first = write_metadata(tmp_path / "wh.jsonl", simple_table("orders", "what people bought"))
    assert hw("crawl", first, home=home).code == 0
    with Server(home=home) as server:
        server.ready()
        assert patch(server, asset(server, "orders"), {"description": "what the heron bought"}).status_code == 200
        _halt_between_writes(server, home)
        try:
            second = write_metadata(tmp_path / "more.jsonl", simple_table("bills", "what people owe"))
            crawled = hw("crawl", second, "--json", home=home)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert crawled.code == 0, crawled.err
        assert crawled.json["crawls"][0]["texts_encoded"] > 0  # it had the lease itself
        until(lambda: find(server, "owe") == ["shop.public.bills"], "the crawl's table")
        assert find(server, "heron") == ["shop.public.orders"]
        assert patch(server, asset(server, "bills"), {"description": "what the otter owes"}).status_code == 200
        until(lambda: find(server, "otter") == ["shop.public.bills"], "the word")
        until(lambda: f":{server.process.pid}:" in str(lease_holder(home)), "the lease")
        until(lambda: server.client.get("/readyz").json()["generation"] >= 2, "the publish")
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.log.read_text()
    assert hw("verify", home=home).code == 0
