"""A disk that fills up while a home is crawled, indexed, written to or told events; and that has space again later.

On a small file system of its own, which takes the right to mount; without it the tests are skipped by name.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.commands import Done, Server, command, environment, hw, until
from tests.support.disks import Ballast, small_disk
from tests.support.kill_points import STATES, WORD, Scene, edges_into, found, id_of, say_word, send_event

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A home that knows a source, a word and an event; and the source as it is now."""
    return Scene(tmp_path_factory.mktemp("full"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", mebibytes=16) as reason:
        if reason is not None:
            pytest.skip(reason)
        yield tmp_path / "disk"


def placed(base: Path, disk: Path) -> Path:
    """A copy of a home on the disk, with its settings; its logs go beside it, where there is space."""
    folder = disk.parent / "beside"
    folder.mkdir()
    shutil.copy(base.parent / "headwater.toml", folder / "headwater.toml")
    shutil.copytree(base, disk / "home")
    (folder / "home").symlink_to(disk / "home")
    return folder / "home"


def refused(done: Done) -> None:
    """One line says what is wrong, and nothing else."""
    assert done.code in {1, 3}, done.err
    assert "Traceback" not in done.err
    assert "full" in done.err or "No space" in done.err, done.err


@pytest.mark.parametrize("left", [0, 40, 240])
def test_a_crawl_on_a_full_disk_loses_nothing_and_the_next_one_goes_on(scene, disk, left):
    """From the first commit to the publish: it says so, and with space again another crawl makes all of it."""
    home = placed(scene.before, disk)
    ballast = Ballast(disk)
    ballast.fill(leaving=left << 10)
    done = hw("crawl", "shop", home=home)
    if done.code != 0:
        refused(done)
    ballast.remove()
    assert hw("verify", home=home).code == 0
    again = hw("crawl", "shop", home=home)
    assert again.code == 0, again.err
    assert hw("verify", home=home).code == 0
    with Server(home=home) as server:
        server.ready()
        assert found(server.client) == STATES["after"]
        assert edges_into(server.client, "orders_4") == ["orders_1"]


def test_a_server_on_a_full_disk_goes_on_answering_and_takes_writes_again(scene, disk):
    """Words and events are refused as problems; what was acknowledged before and after is there."""
    home = placed(scene.after, disk)
    ballast = Ballast(disk)
    with Server(home=home) as server:
        server.ready()
        client = server.client
        say_word(client, "orders_1", "said before")
        until(lambda: ("orders_1", "said before") in found(client), "the word")
        asset = id_of(client, "orders_2")
        ballast.fill()
        statuses = [patched(client, asset, f"refused {at}" + "x" * 3000) for at in range(3)]
        assert {answer.status_code for answer in statuses} <= {503, 507}, [answer.text for answer in statuses]
        assert {answer.headers["Content-Type"] for answer in statuses} == {PROBLEM}
        with pytest.raises(httpx2.HTTPStatusError, match=r"503|507"):
            send_event(client, "orders_2", "parcels")
        assert dict(found(client))["orders_1"] == "said before"
        assert dict(found(client))["orders_3"] == WORD
        for path in (f"/assets/{asset}", f"/assets/{asset}/lineage", "/suggest?q=ord", "/sources", "/assets?limit=3"):
            assert client.get(f"/api/v1{path}").status_code == 200, path
        assert client.get("/readyz").status_code == 200
        ballast.remove()
        say_word(client, "orders_2", "said after")
        send_event(client, "orders_2", "parcels")
        until(lambda: ("orders_2", "said after") in found(client), "the word")
        until(lambda: "orders_2" in edges_into(client, "parcels"), "the event")
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.log.read_text()
    assert hw("crawl", "shop", home=home).code == 0
    assert hw("verify", home=home).code == 0


def test_a_server_that_cannot_publish_answers_from_the_feed_and_publishes_later(scene, disk):
    """There is space for a word, and none for a generation."""
    home = placed(scene.after, disk)
    ballast = Ballast(disk)
    with Server(home=home) as server:
        server.ready()
        client = server.client
        say_word(client, "orders_1", "first")
        until(lambda: ("orders_1", "first") in found(client), "the word")
        before = client.get("/readyz").json()["generation"]
        ballast.fill(leaving=24 << 10)
        answer = patched(client, id_of(client, "orders_1"), "second")
        said = {200: "second", 503: "first", 507: "first"}[answer.status_code]
        until(lambda: ("orders_1", said) in found(client), "the word")
        ballast.remove()
        say_word(client, "orders_2", "third")
        until(lambda: client.get("/readyz").json()["generation"] > before, "the publish")
        assert {("orders_1", said), ("orders_2", "third")} <= found(client)
    assert hw("verify", home=home).code == 0


def test_a_server_that_starts_on_a_full_disk_is_ready_once_there_is_space(scene, disk):
    """It serves what it has at once, or says why not and is started again; it never needs a hand in its files."""
    home = placed(scene.after, disk)
    ballast = Ballast(disk)
    ballast.fill()
    log = home.parent / "first.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command(["serve", "--port", "0"]), env=environment(home), cwd=home.parent, stdout=said, stderr=said
        ) as first,
    ):
        until(lambda: first.poll() is not None or "serving (" in log.read_text(), "the start, or its refusal")
        first.terminate()
    text = log.read_text()
    assert "Traceback" not in text
    assert "serving (" in text or "full" in text
    ballast.remove()
    with Server(home=home) as server:
        server.ready()
        assert found(server.client) == STATES["after"]


def patched(client: httpx2.Client, asset: str, text: str) -> httpx2.Response:
    """What a merge patch of a description is answered."""
    seen = client.get(f"/api/v1/assets/{asset}").raise_for_status()
    headers = {"If-Match": seen.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    return client.patch(f"/api/v1/assets/{asset}", headers=headers, content=json.dumps({"description": text}))


def test_a_read_only_home_is_refused_with_a_line(scene, disk):
    """A home is written to also by who reads; a bundle is what answers from a folder that nobody may write to."""
    home = placed(scene.after, disk)
    before = {path: path.stat().st_mtime_ns for path in (disk / "home").rglob("*")}
    remount(disk, "ro")
    for arguments in (["crawl", "shop"], ["serve", "--port", "0"], ["search", "orders"], ["verify"]):
        done = hw(*arguments, home=home)
        assert done.code == 1, done.err
        assert "Traceback" not in done.err
        assert done.err.splitlines()[-1].startswith("headwater: "), done.err
        assert "read-only" in done.err or "readonly" in done.err, done.err
    assert {path: path.stat().st_mtime_ns for path in (disk / "home").rglob("*")} == before
    remount(disk, "rw")
    assert hw("crawl", "shop", home=home).code == 0
    assert hw("verify", home=home).code == 0


def remount(disk: Path, how: str) -> None:
    """Make a disk read-only, or writable again."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)
