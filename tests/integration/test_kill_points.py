"""kill -9 at system calls, by their ordinal, from crawl to publish, and reads that fail: nothing is lost or wrong afterwards.

Every ordinal once is marked slow; a fixed sample runs always. `make bench ARGS="kill_points"` gives the figures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence

import httpx2
import pytest

from services.common.runtime.once import write_once
from services.indexer.store.lease import home_id
from tests.support.commands import until
from tests.support.failing_reads import is_right, served, start_failing, start_points, traced
from tests.support.kill_points import Campaign, Outcome, Point, Scene, found, id_of, missing, say_word
from tests.support.kill_workers import WorkersCampaign
from tests.support.zygote import Zygote

READS_SAMPLE = 3
"""Reads of a server's start that fail always."""
SAMPLE = 8
"""Ordinals of a crawl that are killed always, spread over all; of the other scenes half as many."""


@pytest.fixture(scope="module", autouse=True)
def tracing() -> None:
    """Without strace, or the right to trace, the tests are skipped by name, except in CI, where they fail."""
    reason = missing()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("killed"))


@pytest.fixture(scope="module")
def crawl(scene: Scene, zygote: Zygote) -> Campaign:
    """A home that is crawled again."""
    return Campaign(scene, zygote, real_every=4)


@pytest.fixture(scope="module")
def workers(scene: Scene, zygote: Zygote) -> WorkersCampaign:
    """A server with several workers."""
    return WorkersCampaign(scene, zygote)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Campaign:
    """A new home that is crawled."""
    return Campaign(Scene(tmp_path_factory.mktemp("new"), new=True), zygote, real_every=4)


def spread(points: Sequence[Point], n: int) -> list[Point]:
    """Some points, the first and the last among them."""
    return [points[at * (len(points) - 1) // (n - 1)] for at in range(n)]


def clean(outcomes: Sequence[Outcome], *, least: float = 0.8) -> None:
    """All but a few were reached, and nothing is lost or wrong."""
    assert [one for one in outcomes if one.lost or one.wrong] == []
    reached = sum(one.reached for one in outcomes)
    assert reached >= least * len(outcomes)


def test_a_sample_of_kills_of_a_crawl(crawl):
    """What the crawl reported, the word and the event before it, and one state in each answer."""
    points = crawl.points_of_crawl()
    assert len(points) > 200
    clean([crawl.kill_crawl(point) for point in spread(points, SAMPLE)])


def test_a_sample_of_kills_of_a_server_that_is_written_to(crawl):
    """Words and events are there once they are acknowledged."""
    points = crawl.points_of_server()
    outcomes = [crawl.kill_server(point) for point in spread(points, SAMPLE // 2)]
    # a server's threads share its calls otherwise from run to run: the last ones of a thread may not come
    clean(outcomes, least=0.5)
    assert any(outcome.acknowledged for outcome in outcomes)


def test_a_sample_of_kills_of_a_new_home(new):
    """Its databases are being made: a server can be started on whatever is left."""
    points = new.points_of_crawl()
    made = [point for point in points if point.call == "write" and ".home.id." in point.file]
    clean([new.kill_crawl(point) for point in [*made, *spread(points, SAMPLE // 2)]])


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_calls_that_fail_lose_nothing(scene, zygote, error):
    """A disk that refuses one write, sync or rename: the crawl says so or gets over it, and the next one makes the rest."""
    campaign = Campaign(scene, zygote, real_every=1_000, effect=f"error={error}")
    points = [
        point for point in campaign.points_of_crawl() if point.call in {"write", "pwrite64", "fsync", "fdatasync", "rename"}
    ]
    outcomes = [campaign.fail_crawl(point) for point in spread(points, SAMPLE // 2)]
    assert [one for one in outcomes if one.lost or one.wrong] == []
    assert sum(one.reached for one in outcomes) >= len(outcomes) - 1


def test_a_kill_of_a_leading_worker(workers):
    """The one of two that writes and indexes, in the middle of a log: the other one answers, and somebody leads again."""
    outcome = workers.kill_leader(Point("pwrite64", 64))
    clean([outcome])
    assert outcome.acknowledged


@pytest.mark.slow
def test_every_kill_of_a_leading_worker(workers):
    """Each ordinal once."""
    clean([workers.kill_leader(point) for point in workers.points_of_leader()], least=0.5)


def test_reads_that_fail_under_a_server_are_503_and_it_gets_well_by_itself(scene, zygote):
    """Every read of the databases, while questions are asked and a word is said: nothing unexpected, nothing half stored."""
    with scene.copy(scene.after) as home, served(zygote, home) as running:
        assert running is not None
        fork, client = running
        asset = id_of(client, "orders_3")
        paths = ["/search?q=orders", "/suggest?q=ord", "/crawls", "/sources", "/vocabulary"]
        paths += [f"/assets/{asset}{part}" for part in ("", "/lineage", "/impact", "/related", "/versions")]
        say_word(client, "orders_1", "heron")  # what the readers have kept is old now
        with traced(fork, home, home.parent / "trace", "inject=pread64,read:error=EIO", resume=False):
            codes = [client.get(f"/api/v1{path}").status_code for path in paths]
            with pytest.raises(httpx2.HTTPStatusError, match="503"):
                say_word(client, "orders_2", "egret")
            assert client.get("/livez").status_code == 200
        assert {*codes} <= {200, 503}
        assert codes.count(503) >= len(paths) // 2
        assert "INJECTED" in (home.parent / "trace").read_text()
        assert {client.get(f"/api/v1{path}").status_code for path in paths} == {200}
        assert is_right(client)
        until(lambda: ("orders_1", "heron") in found(client), "the word")
        assert "egret" not in {text for _, text in found(client)}
        say_word(client, "orders_2", "egret")
        until(lambda: ("orders_2", "egret") in found(client), "the word")


def test_a_server_that_starts_while_a_read_fails_is_right_or_ends_with_a_line(scene, zygote):
    """One read each, spread over all that a start makes of the home's files; started again, everything is there."""
    points = start_points(scene, zygote)
    assert len(points) > READS_SAMPLE
    some = [points[at * (len(points) - 1) // (READS_SAMPLE - 1)] for at in range(READS_SAMPLE)]
    assert sum(start_failing(scene, zygote, *point) for point in some) >= 2


@pytest.mark.slow
def test_every_read_of_a_start_may_fail(scene, zygote):
    """Each read once."""
    points = start_points(scene, zygote)
    assert sum(start_failing(scene, zygote, *point) for point in points) >= 0.8 * len(points)


@pytest.mark.slow
def test_every_kill_of_a_crawl(crawl):
    """Each ordinal once."""
    clean([crawl.kill_crawl(point) for point in crawl.points_of_crawl()])


@pytest.mark.slow
def test_every_kill_of_a_server_that_is_written_to(crawl):
    """Each ordinal once."""
    clean([crawl.kill_server(point) for point in crawl.points_of_server()], least=0.5)


@pytest.mark.slow
def test_every_kill_of_a_new_home(new):
    """Each ordinal once."""
    clean([new.kill_crawl(point) for point in new.points_of_crawl()])


def test_a_naive_writer_is_found_out(scene):
    """The control: a pointer that is published before its manifest is seen by what follows a kill in between."""
    with Zygote("pointer") as naive:
        campaign = Campaign(scene, naive)
        (late,) = [p for p in campaign.points_of_crawl() if p.call == "write" and p.file.endswith(".json")]
        outcome = campaign.kill_crawl(late)
    assert any("cannot be read" in line for line in outcome.wrong)


def test_a_lost_write_is_found_out(scene, zygote):
    """The control: a catalog as it was before the words were said is seen by what follows."""

    def go_back(home):
        for path in home.glob("catalog.db*"):
            path.unlink()
        shutil.copy(scene.after / "catalog.db", home / "catalog.db")

    campaign = Campaign(scene, zygote, spoil=go_back)
    point = next(point for point in reversed(campaign.points_of_server()) if point.call == "pwrite64")
    outcome = campaign.kill_server(Point(point.call, point.ordinal // 2))
    assert outcome.acknowledged
    assert outcome.lost


def test_a_file_that_is_made_once_is_whole_or_absent(tmp_path, monkeypatch):
    """Killed before it is synced nothing of that name is there; the first of two writers wins; no rest stays."""
    path = tmp_path / "home.id"

    def dies(_descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", dies)
        with pytest.raises(KeyboardInterrupt):
            write_once(path, "one")
    assert list(tmp_path.iterdir()) == []
    write_once(path, "one")
    write_once(path, "two")
    assert path.read_text() == "one"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    monkeypatch.setattr(type(path), "hardlink_to", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links")))
    assert len(home_id(tmp_path)) == 32
    assert [one.name for one in tmp_path.iterdir()] == ["home.id"]
