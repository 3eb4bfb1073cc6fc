"""Following the feed and encoding: on real SQLite, real files and FAISS, with a feed in memory."""

from __future__ import annotations

import threading
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from sqlalchemy import delete, update

from services.common.errors import ServiceUnavailable
from services.common.model.search import Mode
from services.indexer.embed.model_files import DEFAULT_MODEL, DEFAULT_PACKAGE
from services.indexer.embed.open import open_encoder
from services.indexer.store.tables import lease, pending
from services.indexer.sync import keeper as keeper_module
from services.indexer.sync import worker as worker_module
from tests.support.feeds import MemoryFeed, asset, shop
from tests.support.indexes import Home, ask, found, retriever, texts_of


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path, MemoryFeed(*shop()))
    yield made
    made.database.close()


def test_a_write_is_found_after_catch_up_and_a_deletion_is_gone_at_once(home):
    """Written, changed, deleted: the snapshot has exactly the current state, and one read brings it there."""
    keeper = home.keeper()
    assert keeper.catch_up() == 7
    assert "orders" in found(keeper, "orders")
    home.feed.put(asset("shop.public.parcels", "parcel_id", description="What was sent."))
    assert found(keeper, "parcels") == []
    assert keeper.catch_up() == 1
    assert found(keeper, "parcels") == ["parcels"]
    home.feed.put(asset("shop.public.parcels", "parcel_id", description="Letters now."))
    keeper.catch_up()
    assert found(keeper, "letters") == ["parcels"]
    assert found(keeper, "sent") == []
    home.feed.remove(asset("shop.public.parcels").id, asset("never.seen").id)
    assert keeper.catch_up() == 2
    assert found(keeper, "parcels") == []
    assert keeper.snapshot.seq == home.feed.head()
    assert keeper.catch_up() == 0


def test_an_older_snapshot_stays_as_it_was(home):
    """A thread that holds one sees nothing of what comes later: masks are replaced, not changed."""
    keeper = home.keeper()
    keeper.catch_up()
    before = keeper.snapshot
    home.feed.remove(asset("shop.public.orders").id)
    keeper.catch_up()
    assert before.n_tables == 7
    assert keeper.snapshot.n_tables == 6


def test_many_small_changes_stay_few_segments_and_the_same_tables(home):
    """After 60 single writes and 20 deletions the parts are few, and what lives is what the feed says."""
    keeper = home.keeper()
    for at in range(60):
        home.feed.put(asset(f"shop.extra.t{at % 40}", f"c{at}"))
        if at % 3 == 0:
            home.feed.remove(asset(f"shop.extra.t{(at * 7) % 40}").id)
        keeper.catch_up()
    assert len(keeper.parts) <= keeper_module.MAX_DELTA_PARTS
    alive = {known for known, one in home.feed.assets.items() if one is not None}
    assert set(keeper.snapshot.where) == alive
    rows = [
        r.id for live in keeper.snapshot.parts for r, lives in zip(live.segment.records, live.mask, strict=True) if lives
    ]
    assert len(rows) == len(alive)


def test_a_feed_that_breaks_off_shows_what_was_read(home, monkeypatch):
    """The pages read before the failure are found, and the rest comes with the next look, each once."""
    monkeypatch.setattr(keeper_module, "PAGE", 3)
    keeper = home.keeper()

    def between():
        home.feed.answers = False

    with pytest.raises(ServiceUnavailable):
        keeper.catch_up(between=between)
    assert keeper.snapshot.n_tables == 3
    home.feed.answers = True
    keeper.catch_up()
    assert keeper.snapshot.n_tables == 7


def test_a_page_is_read_again_where_the_cache_of_vectors_was_away(home, monkeypatch):
    """Nothing of it is taken up before all of it can be: neither its tables nor its number, so that none stays out."""
    keeper = home.keeper()
    keeper.catch_up()
    before = keeper.seq
    home.feed.put(asset("shop.public.orders", "order_id", description="What was bought."))
    home.feed.put(asset("shop.public.parcels", "parcel_id", description="What was sent."))
    with monkeypatch.context() as away:
        away.setattr(keeper, "_lookup", _away)
        with pytest.raises(ServiceUnavailable):
            keeper.catch_up()
        assert keeper.seq == before
        assert keeper.snapshot.n_tables == 7
    assert keeper.catch_up() == 2
    assert keeper.snapshot.n_tables == 8
    assert found(keeper, "bought") == ["orders"]
    assert found(keeper, "parcels") == ["parcels"]


def _away(_hashes):
    raise ServiceUnavailable("the database does not answer")


def test_a_generation_is_not_taken_up_while_the_feed_is_away(home):
    """Taking it up without what came since would show less than before: all stays, and it is taken up later."""
    keeper = home.keeper()
    home.index()
    keeper.catch_up()
    home.feed.put(asset("shop.public.parcels"))
    keeper.catch_up()
    home.feed.answers = False
    with pytest.raises(ServiceUnavailable):
        keeper.reopen()
    assert keeper.published is None
    assert found(keeper, "parcels") == ["parcels"]
    home.feed.answers = True
    assert keeper.reopen()
    assert keeper.snapshot.generation == keeper.published.number
    assert found(keeper, "parcels") == ["parcels"]
    assert keeper.snapshot.n_tables == 8


def test_a_restart_never_shows_less_than_before(home, monkeypatch):
    """While the feed is read again from its beginning in steps, answers come from the snapshot of before."""
    monkeypatch.setattr(keeper_module, "PAGE", 2)
    keeper = home.keeper()
    keeper.catch_up()
    keeper.restart()
    for _ in range(3):
        keeper.catch_up(most=2)
        keeper.fill(published=True)
        assert keeper.snapshot.n_tables == 7
    keeper.catch_up(most=2)
    assert keeper.snapshot.n_tables == 7
    assert len(keeper.parts) == 4
    for one in shop():
        home.feed.remove(one.id)
    keeper.restart()
    keeper.catch_up()
    assert keeper.snapshot.n_tables == 0


def test_equal_texts_are_encoded_once_and_unchanged_ones_never_again(home):
    """Each distinct text of the feed once; a restart after a publish, a new process and the same crawl again: none."""
    home.index()
    encoder = home.encoder
    assert sorted(encoder.texts) == sorted(texts_of(shop()))
    encoder.texts.clear()
    home.index()
    home.feed.put(*shop())
    home.index()
    home.feed.put(asset("shop.public.copy", "order_id", "customer_id"))
    keeper = home.index()
    assert sorted(encoder.texts) == ["copy", "copy. order id, customer id"]
    assert keeper.snapshot.coverage[0] == keeper.snapshot.coverage[1]
    assert home.cache.count_waiting() == 0


def test_the_cache_outlives_the_index(home):
    """With its folder deleted the index is made again from feed and cache, and nothing is encoded."""
    home.index()
    home.encoder.texts.clear()
    for path in sorted((home.folder / "index").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    keeper = home.index()
    assert keeper.published.counts["tables"] == 7
    assert home.encoder.texts == []
    assert home.verify().findings == ()


def test_a_table_is_found_by_words_before_it_has_a_vector_and_by_meaning_afterwards(home):
    """The feed's page is enough for words; vectors follow from the worker, also into a follower's snapshot."""
    follower, worker = home.keeper(), home.worker()
    follower.catch_up()
    assert "orders" in found(follower, "orders")
    assert follower.snapshot.coverage[0] == 0
    while worker.step():
        pass
    follower.fill(published=False)
    assert follower.snapshot.coverage[0] == follower.snapshot.coverage[1] > 0
    answer = ask(retriever(follower.snapshot, home.encoder), "orders")
    assert (answer.mode, answer.degraded) == (Mode.HYBRID, ())


def test_a_write_is_found_while_texts_are_encoded(home, monkeypatch):
    """Encoding is done aside: the feed is read meanwhile, and what was to be encoded comes later."""
    go_on, encode = threading.Event(), home.encoder.encode_documents

    def slow(texts):
        assert go_on.wait(60)
        return encode(texts)

    monkeypatch.setattr(home.encoder, "encode_documents", slow)
    keeper = home.keeper()
    worker = home.worker(keeper)
    try:
        assert worker.step()
        home.feed.put(asset("shop.public.latecomer", "never_seen_column"))
        assert worker.step()
        assert "latecomer" in found(keeper, "latecomer")
        assert keeper.snapshot.coverage[0] == 0
    finally:
        go_on.set()
    worker.finish(home.feed.head(), lambda _progress: None)
    assert home.verify().pending == 0


def test_texts_that_came_while_a_generation_was_published_get_their_vectors(home, monkeypatch):
    """What the publish itself reads from the feed goes to the waiting list like everything else."""
    worker = home.worker()
    write = home.generations.write

    def slow(segment):
        entry = write(segment)
        if home.feed.head() == 7:
            home.feed.put(asset("shop.public.latecomer", "never_seen_column"))
        return entry

    monkeypatch.setattr(home.generations, "write", slow)
    worker.finish(home.feed.head(), lambda _progress: None)
    worker.finish(home.feed.head(), lambda _progress: None)
    assert home.feed.head() == 8
    assert "never seen column" in home.encoder.texts
    assert home.verify().pending == 0


def test_a_server_that_starts_after_writes_does_not_read_everything_again(home, monkeypatch):
    """Changes since the last generation are encoded from what opening brought; the feed is not read from its beginning."""
    home.index()
    home.feed.put(asset("shop.public.parcels", "parcel_id"))
    keeper = home.keeper()
    keeper.reopen()
    keeper.catch_up()
    restarted = []
    monkeypatch.setattr(keeper, "restart", lambda: restarted.append(True))
    worker = home.worker(keeper)
    worker.finish(home.feed.head(), lambda _progress: None)
    assert not restarted
    assert home.verify().pending == 0
    assert "parcels" in found(keeper, "parcel")


def test_texts_without_a_vector_that_nobody_waits_for_are_found_again(home):
    """The waiting list was lost with the database: a start notices, reads the feed again and encodes."""
    worker = home.worker()
    worker._encode = lambda: 0  # the model is slow today
    worker.step()
    worker.publish()
    assert home.verify().pending == len(texts_of(shop()))
    with home.database.write() as connection:
        connection.execute(delete(pending))
        connection.execute(update(lease).values(holder=None))
    home.index()
    report = home.verify()
    assert (report.pending, report.findings) == (0, ())


def test_a_long_waiting_list_is_worked_off_in_batches(home, monkeypatch):
    """However the list is read, each text is encoded once, short ones of a reading first, and progress adds up."""
    monkeypatch.setattr(worker_module, "BATCH_TEXTS", 3)
    monkeypatch.setattr(worker_module, "READ_TEXTS", 7)
    worker = home.worker()
    told = []
    worker.finish(home.feed.head(), told.append)
    every = texts_of(shop())
    assert sorted(home.encoder.texts) == sorted(every)
    lengths = [len(text) for text in home.encoder.texts]
    readings = [lengths[at : at + 7] for at in range(0, len(lengths), 7)]
    assert readings == [sorted(reading) for reading in readings]
    assert {one.encoded + one.waiting for one in told if one.waiting} == {len(every)}
    assert told[-1].encoded == len(every)
    assert (told[-1].lexical_seq, told[-1].vector_seq, told[-1].waiting) == (7, 7, 0)


def test_without_a_model_everything_is_indexed_by_its_words_and_later_by_its_meaning(home):
    """A generation without vectors is published and served; when the model is there, one with vectors takes its place."""
    held = home.lease()
    assert held.acquire()
    keeper = home.keeper(model=False)
    without = worker_module.IndexWorker(keeper, home.generations, held, None, None)
    without.start()
    without.finish(home.feed.head(), lambda _progress: None)
    held.release()
    assert keeper.published.model is None
    assert "orders" in found(home.index(), "orders")
    assert home.opened().current().model == home.encoder.model_id
    assert home.verify().findings == ()
    lexical = home.keeper(model=False)
    assert lexical.reopen()
    assert lexical.snapshot.n_tables == 7


@pytest.mark.skipif(find_spec(DEFAULT_PACKAGE) is None, reason="the default model's package is not installed")
def test_with_the_real_model_a_table_is_found_by_what_it_means(tmp_path):
    """No word in common between question and table; the published vectors are the model's, which `verify` proves."""
    encoder = open_encoder(DEFAULT_MODEL, tmp_path / "models", threads=1)
    home = Home(tmp_path, MemoryFeed(*shop(), asset("hr.s.staff", "wage", description="People employed here.")), encoder)
    try:
        keeper = home.index()
        answer = ask(retriever(keeper.snapshot, encoder), "how much do we pay our workers")
        assert answer.hits[0].asset == asset("hr.s.staff").id
        assert answer.mode is Mode.HYBRID
        report = home.verify(sample=100)
        assert (report.findings, report.checked, report.pending) == ((), 8, 0)
        again = home.keeper()
        assert again.reopen()
        assert ask(retriever(again.snapshot, encoder), "how much do we pay our workers") == replace(
            answer, generation=again.snapshot.label
        )
        assert np.dtype(np.float16) == keeper.parts[0].live.segment.texts.vectors.rows.dtype
    finally:
        encoder.close()
        home.database.close()
