"""Generations: published in one step, opened by other processes, kept small, and never left half-written."""

from __future__ import annotations

import errno
import os
import random
import shutil

import pytest

from services.common.errors import IndexDamaged, ServiceUnavailable
from services.indexer import verify as verify_module
from services.indexer.index import generation as generation_module
from services.indexer.index import manifest as manifest_module
from services.indexer.sync import keeper as keeper_module
from services.indexer.sync import worker as worker_module
from tests.support.bundles import mutate
from tests.support.feeds import MemoryFeed, asset, shop
from tests.support.indexes import CountingEncoder, Home, found, texts_of


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path, MemoryFeed(*shop()))
    yield made
    made.database.close()


def test_a_published_generation_is_opened_by_another_process(home):
    """The second keeper stands on it without reading the feed's beginning, and finds the same."""
    first = home.index()
    second = home.keeper()
    home.feed.answers = True
    assert second.reopen()
    assert not second.reopen()
    assert second.published == first.published == home.opened().current()
    assert second.published.seq == home.feed.head()
    assert found(second, "orders", home.encoder) == found(first, "orders", home.encoder)
    assert all(part.entry is not None for part in second.parts)


def test_a_follower_in_another_process_sees_new_generations_and_writes(home):
    """Two keepers on one folder: the follower takes up each publish, finds writes in between, never loses a table."""
    follower, leader = home.keeper(), home.keeper()
    worker = home.worker(leader)
    for at, word in enumerate(("amber", "birch", "cedar", "dune", "ember", "fjord")):
        home.feed.put(asset(f"shop.more.t{at}", "a", "b", description=word))
        follower.reopen()
        follower.catch_up()
        assert found(follower, word) == [f"t{at}"]
        worker.finish(home.feed.head(), lambda _progress: None)
        assert follower.reopen()
        assert follower.snapshot.generation == leader.snapshot.generation == at + 1
        assert follower.snapshot.n_tables == leader.snapshot.n_tables == 8 + at
        assert follower.snapshot.coverage[0] == follower.snapshot.coverage[1]
    manifests = list((home.folder / "index" / "generations").iterdir())
    assert len(manifests) == generation_module.KEEP_GENERATIONS
    kept = {entry.name for path in manifests for entry in home.opened().manifest(int(path.stem)).segments}
    assert {path.name for path in (home.folder / "index" / "segments").iterdir()} == kept


def test_large_bases_are_kept_and_small_segments_join_each_other(home, monkeypatch):
    """Above the size where everything is rewritten, the base stays as it is until enough is new or dead."""
    monkeypatch.setattr(worker_module, "SMALL_TABLES", 10)
    home.feed.put(*(asset(f"shop.big.t{at}", "a") for at in range(200)))
    keeper = home.keeper()
    worker = home.worker(keeper)
    worker.finish(home.feed.head(), lambda _progress: None)
    base = keeper.published.segments[0].name
    for at in range(12):
        home.feed.put(asset(f"shop.small.t{at}", "b"))
        home.feed.remove(asset(f"shop.big.t{at}").id)
        worker.finish(home.feed.head(), lambda _progress: None)
        assert len(keeper.published.segments) <= worker_module.MAX_PARTS
        assert base in {entry.name for entry in keeper.published.segments}
    dead = {entry.name: entry.dead for entry in keeper.published.segments}
    assert len(dead[base]) == 12
    assert home.verify().findings == ()
    home.feed.remove(*(asset(f"shop.big.t{at}").id for at in range(12, 80)))
    worker.finish(home.feed.head(), lambda _progress: None)
    assert base not in {entry.name for entry in keeper.published.segments}
    assert keeper.published.segments[0].dead == ()
    assert home.verify().findings == ()


def test_a_publish_that_is_cut_off_at_any_write_leaves_a_whole_generation(home, monkeypatch):
    """The disk fills up at the first write, the second, …: what is published can be opened; then all is as it should be."""
    home.index()
    home.feed.put(asset("shop.public.parcels", "parcel_id"))
    worker = home.worker()
    worker._keeper.catch_up()
    real, refused = os.fsync, 0
    for allowed in range(60):
        left = [allowed]

        def failing(descriptor, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", failing)
            done = not refusal(worker)
        standing = home.opened().current()
        assert home.opened().open(standing) is not None
        if done:
            break
        refused += 1
    assert refused > 10
    assert standing.seq == home.feed.head()
    kept = {entry.name for number in home.opened()._numbers() for entry in home.opened().manifest(number).segments}
    assert {path.name for path in (home.folder / "index" / "segments").iterdir()} == kept
    assert not list((home.folder / "index").rglob("*.tmp"))


def refusal(worker) -> str:
    """Why a publish was refused; empty where it was not."""
    try:
        worker.publish()
    except ServiceUnavailable as error:
        return str(error)
    return ""


def test_everything_deleted_is_an_empty_generation(home):
    """Also one that never had anything; both are opened, and a table that comes later is found."""
    home.index()
    home.feed.remove(*(one.id for one in shop()))
    assert home.index().published.segments == ()
    keeper = home.keeper()
    assert keeper.reopen()
    assert keeper.snapshot.n_tables == 0
    assert home.verify().findings == ()
    home.feed.put(asset("shop.public.parcels"))
    assert found(home.index(), "parcels") == ["parcels"]


def test_a_generation_of_another_model_or_document_version_is_not_opened(home, monkeypatch):
    """It is rebuilt beside: the old one is served to those whose it is until the new one is published."""
    home.index()
    other = CountingEncoder("other@1")
    assert not home.keeper(encoder=other).reopen()
    old = home.keeper()
    home.encoder = other
    home.cache = type(home.cache)(home.database, other.model_id)
    assert old.reopen()
    rebuilt = home.index()
    assert (rebuilt.published.number, rebuilt.published.model) == (2, "other@1")
    assert sorted(other.texts) == sorted(texts_of(shop()))
    assert not old.reopen()
    assert old.snapshot.n_tables == 7
    for module in (keeper_module, manifest_module):
        monkeypatch.setattr(module, "DOCUMENT_VERSION", 99)
    assert not home.keeper().reopen()
    other.texts.clear()
    assert home.index().published.documents == 99
    assert other.texts == []


def test_a_generation_that_another_word_list_made_is_built_anew(home, monkeypatch):
    """Its glued names were split in another way. A process without any list opens what there is."""

    def use(words):
        for module in (keeper_module, manifest_module, verify_module):
            monkeypatch.setattr(module, "word_list", lambda: words)

    use(None)
    assert home.index().published.words is None
    use("one")
    assert not home.keeper().reopen()
    assert [finding.problem for finding in home.verify().findings] == [
        "generation 1 split glued names with the word list None, not one"
    ]
    assert home.index().published.words == "one"
    assert home.verify().findings == ()
    use(None)
    assert home.keeper().reopen()


def test_a_damaged_generation_is_not_opened_and_the_feed_answers(home):
    """The files are verified when they are opened; words are there at once, and the next publish stands beside it."""
    home.index()
    entry = home.opened().current().segments[0]
    path = home.folder / "index" / "segments" / entry.name / "tables.docs.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(IndexDamaged):
        home.opened().open(home.opened().current())
    keeper = home.keeper()
    assert not keeper.reopen()
    keeper.catch_up()
    assert "orders" in found(keeper, "orders")
    home.encoder.texts.clear()
    assert home.index().published.number == 2
    assert home.encoder.texts == []
    assert home.verify().findings == ()


@pytest.mark.parametrize("victim", ["segment", "manifest", "pointer"])
def test_a_damaged_generation_falls_back_to_the_last_good_one_and_is_made_again(home, victim):
    """A process that starts stands on the one before at once, misses nothing of the feed, and the leader publishes anew."""
    home.index()
    home.feed.put(asset("shop.more.late", "a", "b", description="amber"))
    second = home.index().published
    index = home.folder / "index"
    path = {
        "segment": index / "segments" / second.segments[-1].name / "tables.docs.npy",
        "manifest": index / "generations" / f"{second.number}.json",
        "pointer": index / "CURRENT",
    }[victim]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    keeper = home.keeper()
    assert keeper.reopen()
    assert keeper.published.number == (second.number if victim == "pointer" else 1)
    assert keeper.fell_back
    assert found(keeper, "amber") == ["late"]
    assert not keeper.reopen()  # it is not tried again and again
    home.encoder.texts.clear()
    worker = home.worker(keeper)
    worker.finish(home.feed.head(), lambda _progress: None)
    assert keeper.published.number == 3
    assert home.encoder.texts == []
    assert not keeper.fell_back
    assert home.verify().findings == ()
    assert home.keeper().reopen()


def test_a_process_that_stands_on_a_good_generation_keeps_it(home, monkeypatch):
    """What was opened goes on answering when the next one is damaged, and the one after that is taken up."""
    monkeypatch.setattr(keeper_module, "RETRY_S", 0.0)
    home.index()
    follower = home.keeper()
    assert follower.reopen()
    home.feed.put(asset("shop.more.late", "a", "b", description="amber"))
    published = home.index().published
    path = home.folder / "index" / "generations" / f"{published.number}.json"
    kept = path.read_bytes()
    path.write_bytes(kept[:-9])
    assert not follower.reopen()
    follower.catch_up()
    assert follower.published.number == 1
    assert found(follower, "amber") == ["late"]
    path.write_bytes(kept)
    assert follower.reopen()
    assert follower.published.number == published.number


def test_a_damaged_file_is_not_read_again_and_again(home, monkeypatch):
    """A follower looks ten times a second, and each look would compare the sums of all files."""
    published = home.index().published
    path = home.folder / "index" / "generations" / f"{published.number}.json"
    path.write_bytes(b"")
    follower = home.keeper()
    looks = []
    monkeypatch.setattr(follower, "_opened", looks.append)
    for _ in range(5):
        assert not follower.reopen()
    assert looks == [published.number]


@pytest.mark.parametrize("generations", [1, 2])
def test_every_file_of_an_index_may_be_damaged(home, generations):
    """Bits turned, cuts, growth, zeros, files gone or empty: never served, and made anew by the next worker, encoding nothing."""
    home.index()
    if generations == 2:
        home.feed.put(asset("shop.more.late", "a", "b", description="amber"))
        home.index()
    index, kept = home.folder / "index", home.folder / "kept"
    index.rename(kept)
    whole = reading(home, kept)
    right = {question: found(whole, question, home.encoder) for question in ("orders", "revenue by day", "email")}
    dice = random.Random(generations)
    files = sorted(path.relative_to(kept) for path in kept.rglob("*") if path.is_file())
    assert len(files) > 30
    for file in [*files, *files]:
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(kept, index)
        done = mutate(index / file, dice)
        keeper = home.keeper()
        keeper.reopen()
        keeper.catch_up()
        assert {question: found(keeper, question, home.encoder) for question in right} == right, done
        home.encoder.texts.clear()
        assert home.index().published is not None
        assert (home.verify().findings, home.encoder.texts) == ((), []), done


def reading(home, folder):
    """A keeper on a folder's index that is as it was published."""
    shutil.copytree(folder, home.folder / "index")
    keeper = home.keeper()
    assert keeper.reopen()
    return keeper


def test_leftovers_are_removed_and_strangers_are_left_alone(home):
    """Half a segment and a pointer's temporary of a killed process go with the next publish; what is not ours never does."""
    home.index()
    index = home.folder / "index"
    ours = [index / "segments" / "0123456789abcdef", index / ".CURRENT.0a1b2c3d.tmp"]
    ours[0].mkdir()
    (ours[0] / "tables.docs.npy").write_bytes(b"half")
    ours[1].write_bytes(b"9")
    strangers = [
        index / "notes.txt",
        index / "lost+found",
        index / "segments" / "lost+found",
        index / "segments" / "README",
        index / "generations" / "old.json",
        index / "generations" / "0.json",
    ]
    for path in strangers:
        if path.suffix or path.name == "README":
            path.write_bytes(b"?")
        else:
            path.mkdir()
    strangers[-1].unlink()
    strangers[-1].mkdir()  # by a manifest's name, and cannot be removed as one
    assert home.verify().findings == ()
    keeper = home.keeper()
    assert keeper.reopen()
    home.feed.put(asset("shop.more.late", description="amber"))
    assert found(home.index(), "amber") == ["late"]
    assert [path for path in ours if path.exists()] == []
    assert [path for path in strangers if not path.exists()] == []
    assert home.verify().findings == ()


@pytest.mark.parametrize("tail", ["segment", "manifest", "pointer"])
def test_a_torn_tail_is_never_served(home, tail):
    """A disk that lost its power may have kept only the beginning of the newest files: the one before answers, and the feed."""
    home.index()
    home.feed.put(asset("shop.more.late", "a", description="amber"))
    newest = home.index().published
    index = home.folder / "index"
    paths = {
        "segment": sorted((index / "segments" / newest.segments[-1].name).iterdir()),
        "manifest": [index / "generations" / f"{newest.number}.json"],
        "pointer": [index / "CURRENT"],
    }[tail]
    for path in paths:
        whole = path.read_bytes()
        for cut in (0, 1, len(whole) // 2, len(whole) - 1):
            torn = whole[: min(cut, len(whole) - 1)]
            path.write_bytes(torn)
            keeper = home.keeper()
            keeper.reopen()
            keeper.catch_up()
            assert found(keeper, "amber") == ["late"], (path.name, cut)
            # a pointer that lost only its newline still says the same number
            assert keeper.published.number == (1 if tail != "pointer" else newest.number), (path.name, cut)
        path.write_bytes(whole)
