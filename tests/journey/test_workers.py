"""`headwater serve --workers 2` from outside: one copy of the index, one leader, workers that die, and the server that ends."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.journey.test_serve import asset, find, patch
from tests.support.commands import Server, hw, simple_table, until, write_metadata
from tests.support.workers import leader_of, lease_holder, workers_of

NAMES = [f"orders_{at}" for at in range(40)]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    """Two workers over a home with a published generation."""
    url = write_metadata(tmp_path / "wh.jsonl", *(simple_table(name, "what people bought") for name in NAMES))
    assert hw("crawl", url, home=tmp_path / "home").code == 0
    with Server("serve", "--workers", "2", home=tmp_path / "home") as server:
        yield server.ready()


def workers(server: Server) -> list[int]:
    """The processes that answer."""
    return workers_of(server.process.pid)


def mapped(worker: int) -> set[str]:
    """The files of the index that a process maps, by place and number on the disk."""
    lines = Path(f"/proc/{worker}/maps").read_text().splitlines()
    return {" ".join(line.split()[3:]) for line in lines if "/home/index/" in line}


def shared_mb(worker: int) -> float:
    """How much of a process's own memory, files aside, others have too: what it has of it less its part."""
    lines = dict(re.findall(r"^(\w+): +(\d+) kB$", Path(f"/proc/{worker}/smaps_rollup").read_text(), re.MULTILINE))
    return (int(lines["Anonymous"]) - int(lines["Pss_Anon"])) / 1000


def parent(process: int) -> int:
    """The process that began another."""
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


def blocked(process: int) -> set[int]:
    """The signals that do not get through to a process."""
    mask = int(re.search(r"^SigBlk:\s*(\w+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def leader(server: Server, home: Path) -> int | None:
    """The worker that has the lease."""
    return leader_of(server.process.pid, home)


def asked_anew(server: Server, path: str, **parameters: str) -> httpx2.Response:
    """An answer over a connection of its own, so that any worker may give it."""
    return httpx2.get(f"{server.url}{path}", params=parameters, timeout=30, trust_env=False)


def test_workers_share_one_copy_and_one_of_them_leads(served: Server, tmp_path: Path) -> None:
    """The same files are mapped in both; a new generation is taken up by both; another server of the home is refused."""
    home = tmp_path / "home"
    assert "serving (all, 2 workers) at http://" in served.log.read_text()
    one, other = workers(served)
    assert min(map(shared_mb, (one, other))) > 10  # modules stand in memory once
    assert {one_of_all in blocked(parent(one)) for one_of_all in (signal.SIGINT, signal.SIGTERM)} == {True}
    assert not blocked(one) & {signal.SIGINT, signal.SIGTERM}
    until(lambda: mapped(one) == mapped(other) != set(), "the same files in both")
    assert until(lambda: leader(served, home), "a leader") in {one, other}
    before = mapped(one)

    url = write_metadata(tmp_path / "more.jsonl", *(simple_table(f"bills_{at}", "what people owe") for at in range(40)))
    assert hw("crawl", url, home=home).code == 0
    until(lambda: mapped(one) & mapped(other) - before, "the next generation in both")
    assert all(len(asked_anew(served, "/api/v1/search", q="owe").json()["hits"]) == 10 for _ in range(20))

    second = hw("serve", "--workers", "2", "--port", "0", home=home)
    assert second.code == 1
    assert "another `headwater serve` serves this home" in second.err


def test_workers_share_one_copy_of_the_model(tmp_path: Path) -> None:
    """Its weights stand in memory once, and each worker answers by meaning; the control is the same server without vectors."""
    shared = {}
    for model in ("all-MiniLM-L6-v2+headwater", "hashing"):
        home, env = tmp_path / model / "home", {"HEADWATER_MODEL": model}
        home.parent.mkdir()
        url = write_metadata(home.parent / "wh.jsonl", *(simple_table(name, "what people bought") for name in NAMES[:5]))
        assert hw("crawl", url, home=home, **env).code == 0
        with Server("serve", "--workers", "2", home=home, env=env) as server:
            server.ready()
            answers = [asked_anew(server, "/api/v1/search", q=f"orders that people bought {at}").json() for at in range(12)]
            assert all(answer["mode"] == "hybrid" and answer["hits"] for answer in answers)
            shared[model] = min(map(shared_mb, workers(server)))
    assert shared["all-MiniLM-L6-v2+headwater"] > shared["hashing"] + 15


def test_a_leader_that_is_killed_is_replaced_and_another_one_leads(served: Server, tmp_path: Path) -> None:
    """Questions on new connections are answered meanwhile; what is written afterwards is found by both."""
    home = tmp_path / "home"
    killed = until(lambda: leader(served, home), "a leader")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    begun = time.monotonic()
    while killed in workers(served) or len(workers(served)) < 2:
        assert asked_anew(served, "/livez").status_code == 200
        assert time.monotonic() < begun + 60
    until(lambda: leader(served, home) not in {None, killed}, "another leader")
    assert f'"died": {killed}' in served.log.read_text()
    served.client.close()
    served.client = httpx2.Client(base_url=served.url, timeout=60, trust_env=False)
    assert patch(served, asset(served, NAMES[3]), {"description": "what the heron bought"}).status_code == 200
    until(lambda: find(served, "heron") == [f"shop.public.{NAMES[3]}"], "the words in the worker that was asked")
    until(
        lambda: all(len(asked_anew(served, "/api/v1/search", q="heron").json()["hits"]) == 1 for _ in range(12)),
        "the words in both workers",
    )


def test_a_leader_that_hangs_is_ended_and_replaced_and_another_one_leads(served: Server, tmp_path: Path) -> None:
    """One that stands still keeps its place in the queue of connections and its lease for as long as it is let."""
    home = tmp_path / "home"
    hung = until(lambda: leader(served, home), "a leader")
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    until(lambda: hung not in workers(served) and len(workers(served)) == 2, "another worker in its place")
    assert f'"ended": {hung}' in served.log.read_text()
    until(lambda: leader(served, home) not in {None, hung}, "another leader")
    served.client.close()
    served.client = httpx2.Client(base_url=served.url, timeout=60, trust_env=False)
    assert patch(served, asset(served, NAMES[3]), {"description": "what the heron bought"}).status_code == 200
    until(
        lambda: all(len(asked_anew(served, "/api/v1/search", q="heron").json()["hits"]) == 1 for _ in range(12)),
        "the words in both workers",
    )


def test_counts_are_those_of_all_workers(served: Server) -> None:
    """Whoever is asked for figures tells those of both; without the shared folder each would tell its own."""
    for _ in range(24):
        assert asked_anew(served, "/api/v1/search", q="orders").status_code == 200
    told = [asked_anew(served, "/metrics").text for _ in range(6)]
    counts = [re.search(r'requests_total\{.*route="/api/v1/search".*\} ([\d.]+)', text) for text in told]
    assert [float(found[1]) for found in counts if found] == [24.0] * 6
    assert all(re.search(r"^headwater_index_documents 40\.0$", text, re.MULTILINE) for text in told)


def test_told_to_stop_all_of_them_end(served: Server, tmp_path: Path) -> None:
    """Exit code 0, no worker is left, the lease is free, and the home no longer says where it is served."""
    both = workers(served)
    assert (tmp_path / "home" / "address").read_text() == served.url
    assert served.stop() == 0
    assert not (tmp_path / "home" / "address").exists()
    assert [line[:5] for line in served.log.read_text().splitlines()] == ["home:", "servi"]
    assert not [one for one in both if Path(f"/proc/{one}").exists()]
    assert lease_holder(tmp_path / "home") is None


def test_workers_end_with_a_supervisor_that_was_killed(served: Server) -> None:
    """They would keep the port, and the home, for ever."""
    both = workers(served)
    served.client.close()
    served.process.kill()
    served.process.wait()
    until(lambda: not [one for one in both if Path(f"/proc/{one}").exists()], "the workers' end")
    with pytest.raises(httpx2.ConnectError):
        asked_anew(served, "/livez")


def test_a_server_whose_workers_cannot_start_ends_with_a_line(tmp_path: Path) -> None:
    """It does not start them again and again."""
    empty = tmp_path / "bundle"
    empty.mkdir()
    done = hw("serve", "--workers", "2", "--role", "sidecar", "--bundle", empty, "--port", "0", home=tmp_path / "home")
    assert done.code == 1
    assert "holds no bundle" in done.err
