"""`verify` finds every kind of damage, names the table that it is in, and the repair leaves an index without any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, update

from services.common.errors import Conflict, ServiceUnavailable
from services.common.model.assets import RESTRICTED, Column
from services.indexer.index.segment import build_segment
from services.indexer.index.vectors import Vectors
from services.indexer.store.tables import embedding
from services.indexer.text.document import document_of, text_hash
from services.indexer.verify import Finding, verify
from tests.support.damage import mended, named, publish
from tests.support.feeds import MemoryFeed, asset, shop
from tests.support.indexes import Home, found, lookup_for, texts_of

ORDERS, ITEMS, CUSTOMERS = (one.name.qualified for one in shop()[:3])


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path, MemoryFeed(*shop()))
    made.index()
    yield made
    made.database.close()


def test_an_index_without_damage_is_clean(home):
    """All assets are compared, and nothing is said; the sample is encoded again and is the cache's."""
    encoded = len(home.encoder.texts)
    report = home.verify(sample=5)
    assert (report.generation, report.checked, report.newer, report.pending, report.findings) == (1, 7, 0, 0, ())
    assert len(home.encoder.texts) == encoded + 5
    told = []
    verify(home.feed, home.opened(), home.cache, None, on_progress=lambda *one: told.append(one))
    assert told[-1] == (7, 7)


def test_what_changed_after_the_generation_is_counted_and_not_compared(home):
    """Written, changed or deleted since: the feed brings it, and no finding says otherwise."""
    home.feed.put(asset("shop.public.parcels"), replace(shop()[0], description="New words."))
    home.feed.remove(shop()[1].id)
    report = home.verify()
    assert (report.checked, report.newer, report.findings) == (5, 3, ())
    keeper = home.keeper()
    keeper.catch_up()
    assert found(keeper, "parcels") == ["parcels"]


def test_before_anything_is_published_nothing_is_wrong(tmp_path):
    """Everything is newer than no generation; the repair publishes it."""
    home = Home(tmp_path, MemoryFeed(*shop()))
    report = home.verify()
    assert (report.generation, report.checked, report.newer, report.findings) == (0, 0, 7, ())
    mended(home)
    home.database.close()


def test_a_damaged_posting_is_found_where_it_is(home):
    """A document number, a count, a length, a term: the tables whose words they are, and the word."""

    def changed(part, field, row, value):
        def change(segment):
            postings = getattr(segment, part)
            array = np.array(getattr(postings, field))
            array[row] = value
            return replace(segment, **{part: replace(postings, **{field: array})})

        return change

    segment = home.opened().open(home.opened().current())[0].segment
    at = segment.words.find("receipt")
    start = int(np.flatnonzero([term == b"receipt" for term in segment.words.terms()])[0])
    row = int(segment.words.start[start])
    assert at[0].tolist() == [2]
    cases = [
        (changed("words", "docs", row, 1), {CUSTOMERS, ITEMS}, "receipt"),
        (changed("words", "tf", row, (0, 1, 0, 0)), {CUSTOMERS}, "receipt"),
        (changed("words", "lengths", (0, 1), 9), {ORDERS}, "the number of words differs in: description"),
        (changed("words", "term_bytes", 0, ord("z")), None, "its words differ"),
        (changed("column_words", "docs", 0, 0), None, "column"),
        (
            changed("column_words", "lengths", (1, 0), 7),
            {ORDERS},
            "column customer_id: the number of words differs in: name",
        ),
    ]
    for change, tables, told in cases:
        publish(home, change)
        report = home.verify()
        assert report.findings
        assert all(told in finding.problem for finding in report.findings)
        assert named(report) == tables if tables else named(report)
        mended(home)


def test_swapped_vectors_are_found(home):
    """Two rows change places: both texts, by the names of their tables and columns."""

    def swap(shelf, one, other):
        def change(segment):
            texts = getattr(segment, shelf)
            rows = np.array(texts.vectors.rows)
            rows[[one, other]] = rows[[other, one]]
            return replace(segment, **{shelf: replace(texts, vectors=Vectors.of(rows, texts.vectors.dimension))})

        return change

    publish(home, swap("texts", 0, 2))
    report = home.verify()
    assert named(report) == {ORDERS, CUSTOMERS}
    assert {finding.problem for finding in report.findings} == {
        "its text: the vector is not the one that the embedding cache has for the text"
    }
    mended(home)
    publish(home, swap("column_texts", 0, 1))
    assert {"column order_id", "column customer_id"} == {one.problem.partition(":")[0] for one in home.verify().findings}
    mended(home)


def test_a_stale_vector_is_found(home):
    """The text is the new one, the vector still the old one's; the cache is right and stays as it is."""
    old = document_of(replace(shop()[0], description="Something else entirely."))
    stale = home.encoder.encode_documents([old.text])[0]

    def change(segment):
        rows = np.array(segment.texts.vectors.rows)
        rows[segment.texts.row[segment.text[0]]] = stale
        return replace(segment, texts=replace(segment.texts, vectors=Vectors.of(rows, 64)))

    publish(home, change)
    report = home.verify()
    assert named(report) == {ORDERS}
    assert report.distrusted == frozenset()
    mended(home)


def test_a_poisoned_cache_is_found_and_forgotten(home):
    """Index and cache agree on a wrong vector: only encoding again tells, and the repair encodes that text anew."""
    text = document_of(shop()[0]).text
    wrong = np.roll(home.cache.lookup([text_hash(text)])[text_hash(text)], 3).tobytes()
    with home.database.write() as connection:
        connection.execute(update(embedding).where(embedding.c.text_hash == text_hash(text)).values(vector=wrong))
    home.feed.put(*shop())
    for path in (home.folder / "index" / "generations").iterdir():
        path.unlink()
    (home.folder / "index" / "CURRENT").unlink()
    home.index()
    assert home.verify(sample=0).findings == ()
    report = home.verify(sample=1000)
    assert report.findings == (
        Finding(shop()[0].id, ORDERS, "its text: the cached vector is not what the model makes of the text"),
    )
    assert report.distrusted == {text_hash(text)}
    home.encoder.texts.clear()
    home.repair(report)
    assert home.encoder.texts == [text]
    assert home.verify(sample=1000).findings == ()


def test_a_cache_entry_that_is_no_vector_is_found(home):
    """Cut short in the database: told, forgotten by the repair, encoded again."""
    text = "order id"
    with home.database.write() as connection:
        connection.execute(update(embedding).where(embedding.c.text_hash == text_hash(text)).values(vector=b"\0\0"))
    report = home.verify()
    assert {one.problem for one in report.findings} == {"column order_id: the cached vector has another length"}
    assert len(named(report)) == 4
    mended(home)


def test_a_lost_cache_leaves_vectors_unproven(home):
    """A vector that no cache entry vouches for is told; the repair makes all of them again."""
    with home.database.write() as connection:
        connection.execute(delete(embedding))
    report = home.verify()
    assert len(named(report)) == 7
    assert all("has a vector that the embedding cache does not know" in one.problem for one in report.findings)
    home.encoder.texts.clear()
    home.repair(report)
    assert len(home.encoder.texts) == len(texts_of(shop()))
    assert home.verify(sample=100).findings == ()


def test_a_missing_vector_is_pending_and_no_damage(tmp_path):
    """Words first, vectors later is the plan, not a fault."""
    home = Home(tmp_path, MemoryFeed(*shop()))
    worker = home.worker()
    worker._encode = lambda: 0
    worker.step()
    worker.publish()
    report = home.verify(sample=10)
    assert (report.findings, report.pending) == ((), len(texts_of(shop())))
    home.database.close()


def test_a_dropped_document_an_orphan_and_a_double_are_found(home):
    """Tables that are missing, that the store never had or has no more, and one that is there twice."""
    items = shop()
    strange = asset("shop.public.strange", "x")
    vectors = lookup_for([document_of(one) for one in [*items, strange]], home.encoder)

    def made_of(chosen):
        return lambda _segment: build_segment([document_of(one) for one in chosen], vectors, 64)

    publish(home, made_of(items[1:]))
    assert [(f.name, f.problem) for f in home.verify().findings] == [(ORDERS, "is missing from the index")]
    mended(home)
    publish(home, lambda segment: segment, mask=np.asarray([False, *[True] * 6]))
    assert [(f.asset, f.name) for f in home.verify().findings] == [(items[0].id, ORDERS)]
    mended(home)
    publish(home, made_of([*items, strange]))
    assert home.verify().findings == (Finding(strange.id, "shop.public.strange", "is in the index and not in the store"),)
    mended(home)
    publish(home, made_of([*items, items[0]]))
    assert home.verify().findings == (Finding(items[0].id, ORDERS, "is in the index twice"),)
    mended(home)
    home.feed.remove(items[0].id)
    home.index()
    publish(home, made_of(items))
    assert home.verify().findings == (Finding(items[0].id, ORDERS, "is gone from the store and still in the index"),)
    mended(home)


def test_other_records_texts_columns_and_restrictions_are_found(home):
    """A row made of an asset as it is not: each difference is told with what it is in."""
    items = shop()
    cases = [
        (replace(items[3], tags=("pii",)), "its record differs: tags"),
        (replace(items[3], tags=("pii",)), "its words differ: core, pii"),
        (replace(items[3], source="elsewhere"), "its record differs: scope_path, source"),
        (replace(items[3], columns=items[3].columns[:2]), "its record differs: columns, column_ids, restricted"),
        (replace(items[3], description="d"), "its text is another one"),
        (replace(items[3], columns=(*items[3].columns[:2], Column("price", description="in crowns"))), "column price: "),
        (
            replace(items[3], columns=(*items[3].columns[:2], Column("price", description="in crowns"))),
            "the texts of columns are others: price",
        ),
        (
            replace(items[3], columns=(*items[3].columns[:2], replace(items[3].columns[2], tags=(RESTRICTED,)))),
            "its record differs: restricted",
        ),
    ]
    for other, told in cases:
        chosen = [*items[:3], other, *items[4:]]
        vectors = lookup_for([document_of(one) for one in chosen], home.encoder)
        publish(home, lambda _s, c=chosen, v=vectors: build_segment([document_of(one) for one in c], v, 64))
        report = home.verify()
        assert named(report) == {items[3].name.qualified}
        assert any(finding.problem.startswith(told) for finding in report.findings), (told, report.findings)
    mended(home)


def test_another_models_generation_is_told(home):
    """It is not opened with this model, so it proves nothing for it."""
    generations = home.opened()
    generations.publish(replace(generations.current(), number=2, model="other@1"), may=lambda: True)
    assert "belongs to the model other@1" in home.verify().findings[0].problem
    generations.publish(replace(generations.current(), number=3, documents=99), may=lambda: True)
    report = home.verify()
    assert "version 99 of the document code" in report.findings[0].problem
    assert (report.checked, report.newer) == (0, 7)
    mended(home)


def test_a_repair_is_refused_while_another_process_indexes(home):
    """The holder's name is told, the lease is free again after a repair, also after one that failed."""
    held = home.lease("serve")
    assert held.acquire()
    report = home.verify()
    with pytest.raises(Conflict, match="headwater serve"):
        home.repair(report)
    held.release()
    home.feed.answers = False
    with pytest.raises(ServiceUnavailable):
        home.repair(report)
    home.feed.answers = True
    mended(home)
    assert home.lease().acquire()


def test_a_repair_of_an_emptied_store_empties_the_index(home):
    """What was in the index and is not in a new, empty store is gone afterwards."""
    home.feed = MemoryFeed()
    report = home.verify()
    assert len(named(report)) == 7
    home.repair(report)
    assert home.verify().findings == ()
    assert home.opened().current().counts["tables"] == 0
