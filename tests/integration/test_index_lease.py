"""The lease: one index worker a home, and a late one that can do no harm."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import delete, update

from services.common.errors import Conflict
from services.indexer.index import generation as generation_module
from services.indexer.service import Indexer, IndexerSettings
from services.indexer.store import lease as lease_module
from services.indexer.store.lease import EXPIRY_S, Lease, home_id
from services.indexer.store.tables import lease
from services.indexer.sync import keeper as keeper_module
from services.indexer.sync import worker as worker_module
from tests.support.feeds import MemoryFeed, asset, shop
from tests.support.indexes import Home


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path, MemoryFeed(*shop()))
    yield made
    made.database.close()


def age(home: Home, seconds: float) -> None:
    """Let the lease's last beat be longer ago."""
    with home.database.write() as connection:
        connection.execute(update(lease).values(beat_at=lease.c.beat_at - seconds))


def test_there_is_one_holder(home):
    """A second one is refused while the first lives; a released lease is free at once; each gets a higher number."""
    first, second = home.lease(), home.lease("crawl")
    assert first.acquire()
    assert not second.acquire()
    assert second.state().role == "serve"
    assert first.holds()
    first.release()
    assert second.acquire()
    assert second.fence == first.fence + 1
    assert not first.holds()
    assert not first.beat(lexical_seq=0, vector_seq=0, waiting=0)


def test_an_expired_lease_is_taken_over_and_a_beating_one_is_not(home):
    """Six missed beats; the one before finds out at its next beat."""
    first, second = home.lease(), home.lease()
    assert first.acquire()
    age(home, EXPIRY_S - 5)
    assert not second.acquire()
    assert first.beat(lexical_seq=1, vector_seq=0, waiting=3)
    age(home, EXPIRY_S + 1)
    assert not first.state().alive
    assert second.acquire()
    assert second.fence > first.fence
    assert not first.beat(lexical_seq=2, vector_seq=0, waiting=0)
    assert second.state().lexical_seq == 1


def test_a_beat_of_a_clock_that_has_jumped_back_holds_nothing_for_ever(home):
    """A holder that lives beats again; one that is gone, elsewhere, would be waited for until the clock has caught up."""
    first, second = home.lease(), home.lease()
    assert first.acquire()
    age(home, -20)
    assert not second.acquire()  # clocks of two machines may differ so much
    age(home, -86_400)
    assert first.beat(lexical_seq=1, vector_seq=0, waiting=0)
    assert not second.acquire()
    age(home, -86_400)
    assert second.acquire()
    assert not first.beat(lexical_seq=2, vector_seq=0, waiting=0)


def test_the_lease_of_a_process_that_died_here_is_free_at_once(home):
    """No need to wait for it to expire; a holder in another container or on another host is waited for."""
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    first, second = home.lease(), home.lease()
    assert first.acquire()
    here, _, rest = first._holder.rpartition(":")[0].rpartition(":")
    for machine, free in ((here, True), ("elsewhere/pid:[1]", False), (here.partition("/")[0] + "/pid:[1]", False)):
        with home.database.write() as connection:
            connection.execute(update(lease).values(holder=f"{machine}:{dead.stdout.strip()}:aa"))
        assert second.state().alive is not free
    assert rest == str(os.getpid())


def test_a_worker_takes_over_what_its_server_took_and_the_others_follow(home):
    """Nobody else gets it in between; of the workers one leads, and all of them where a stranger works for the home."""
    known = {"home": home_id(home.folder), "role": "serve"}
    server = Lease(home.database, **known)
    assert server.acquire()
    one, other = (Lease(home.database, **known, server=server.holder) for _ in range(2))
    # one process has both here: the other one's number is that of another that lives
    other._holder = other._holder.replace(f":{os.getpid()}:", f":{os.getppid()}:")
    one._holder = server.holder.replace(f":{os.getpid()}:", ":1:")
    stranger = Lease(home.database, home_id(home.folder), role="crawl")
    assert not stranger.acquire()
    assert not Lease(home.database, **known, server="here:1:else").acquire()
    assert stranger.leads()
    assert not one.leads()  # the server has it for one of them
    assert one.acquire()
    assert not other.acquire()
    assert one.leads()
    assert not other.leads()
    one.release()
    assert stranger.acquire()
    assert one.leads()
    assert other.leads()


def test_a_server_keeps_its_lease_however_long_opening_takes(home, monkeypatch):
    """It was taken at the start, and the index may be large: nobody is let in meanwhile."""
    monkeypatch.setattr(lease_module, "BEAT_S", 0.02)
    server = Indexer(IndexerSettings(home.folder, "hashing", 1, {}), home.database, home.feed, None, role="serve")
    assert server.lease.acquire()

    def slow():
        age(home, EXPIRY_S + 1)
        until = time.monotonic() + 10
        while not server.lease.state().alive and time.monotonic() < until:
            time.sleep(0.01)
        assert not Lease(home.database, home_id(home.folder), role="serve").acquire()

    monkeypatch.setattr(server, "open", slow)
    assert server._opened()
    assert server.lease.holds()
    server.close()


def test_only_one_of_many_gets_a_free_lease(home):
    """Eight at once on a new home: one holder, no error."""
    leases = [home.lease() for _ in range(8)]
    barrier = threading.Barrier(len(leases))
    got = []

    def acquire(one):
        barrier.wait()
        got.append(one.acquire())

    threads = [threading.Thread(target=acquire, args=(one,)) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_a_holder_that_was_paused_cannot_publish_over_the_next_one(home):
    """Its publish is refused, and neither manifest nor pointer nor segments of the next one are touched."""
    paused = home.worker()
    paused._keeper.catch_up()
    age(home, EXPIRY_S + 1)
    home.index()
    standing = home.opened().current()
    with pytest.raises(Conflict):
        paused.publish()
    assert home.opened().current() == standing
    assert home.verify().findings == ()


def test_a_holder_that_was_paused_in_the_middle_of_a_publish_cannot_finish_it(home, monkeypatch):
    """It had written its segment, and even its manifest, when the next one took over."""
    for where in ("write", "manifest"):
        paused = home.worker()
        home.feed.put(asset(f"shop.public.{where}"))
        paused._keeper.catch_up()

        def take_over():
            monkeypatch.undo()
            age(home, EXPIRY_S + 1)
            home.index()

        if where == "write":
            write = home.generations.write
            mine = home.generations
            monkeypatch.setattr(mine, "write", lambda segment, write=write: (write(segment), take_over())[0])
        else:
            new = generation_module._write_new
            monkeypatch.setattr(
                generation_module, "_write_new", lambda path, text, new=new: (new(path, text), take_over())[0]
            )
        with pytest.raises(Conflict):
            paused.publish()
        standing = home.opened().current()
        assert standing.seq == home.feed.head()
        assert standing.fence > paused._lease.fence
        assert home.verify().findings == ()


def test_a_lost_lease_stops_the_worker(home):
    """`run` ends by itself at the first beat that is refused; `finish` says so with a Conflict."""
    worker = home.worker()
    thread = threading.Thread(target=worker.run, args=(threading.Event(),))
    with home.database.write() as connection:
        connection.execute(update(lease).values(fence=lease.c.fence + 1, holder="another:1:x", beat_at=time.time()))
    worker._beat_at = 0.0
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive()
    worker._beat_at = 0.0
    with pytest.raises(Conflict):
        worker.finish(home.feed.head(), lambda _progress: None)


def test_a_long_read_of_the_feed_keeps_the_lease(home, monkeypatch):
    """The holder beats between the pages, not only between the steps."""
    monkeypatch.setattr(keeper_module, "PAGE", 1)
    monkeypatch.setattr(worker_module, "BEAT_S", 0.0)
    worker = home.worker()
    beats = []
    beat = worker._lease.beat
    monkeypatch.setattr(worker._lease, "beat", lambda **told: (beats.append(told["lexical_seq"]), beat(**told))[1])
    worker.step()
    assert set(range(1, 8)) <= set(beats)


def test_a_long_publish_keeps_the_lease(home, monkeypatch):
    """One large merge takes longer than a lease lasts: the holder beats beside it, and publishes."""
    monkeypatch.setattr(worker_module, "BEAT_S", 0.02)
    worker = home.worker()
    worker._keeper.catch_up()
    write, beats = home.generations.write, []
    beat = worker._lease.beat
    monkeypatch.setattr(worker._lease, "beat", lambda **told: (beats.append(time.monotonic()), beat(**told))[1])

    def slow(segment):
        time.sleep(0.5)
        return write(segment)

    monkeypatch.setattr(home.generations, "write", slow)
    worker.publish()
    assert len(beats) >= 3
    assert home.opened().current().counts["tables"] == 7


def test_a_database_made_anew_does_not_lock_the_index_out(home):
    """The lease's numbers begin again, the published generation has a high one: the next holder stands above it."""
    for _ in range(3):
        home.index()
        home.feed.put(asset(f"shop.public.t{home.feed.head()}"))
    assert home.opened().current().fence == 3
    with home.database.write() as connection:
        connection.execute(delete(lease))
    assert home.index().published.fence == 4
    assert home.verify().findings == ()


def test_a_feed_that_is_away_for_a_moment_does_not_end_the_worker(home):
    """`run` goes on, and what was written in the meantime is published."""
    worker = home.worker()
    stop = threading.Event()
    home.feed.answers = False
    pauses = []

    def wait(seconds):
        pauses.append(seconds)
        home.feed.answers = True
        time.sleep(0.02)
        published = worker._keeper.published
        if published is not None and published.seq == home.feed.head():
            stop.set()

    thread = threading.Thread(target=worker.run, args=(stop, wait))
    thread.start()
    thread.join(timeout=30)
    stop.set()
    assert not thread.is_alive()
    assert pauses[0] == 1.0
    assert home.opened().current().counts["tables"] == 7


def test_a_home_has_one_id_for_all_its_processes(tmp_path):
    """Made once; a process that starts at the same moment waits until it is written."""
    path = tmp_path / "home.id"
    path.touch()
    writer = threading.Timer(0.05, lambda: path.write_text("abc", encoding="ascii"))
    writer.start()
    assert home_id(tmp_path) == "abc"
    writer.join()
    path.unlink()
    assert len(home_id(tmp_path)) == 32
    assert home_id(tmp_path) == home_id(tmp_path)
