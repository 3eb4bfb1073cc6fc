"""Damaged files: `verify` finds a changed byte in each, names it and where it can the table, and the repair mends it."""

from __future__ import annotations

import json
import warnings
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from services.common.errors import IndexDamaged
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.indexer.index.manifest import from_text, to_text
from services.indexer.index.postings import build_postings
from services.indexer.index.segment_file import salvage_segment
from services.indexer.service import Indexer, IndexerSettings
from services.indexer.store.line import LINE
from services.indexer.sync import worker as worker_module
from tests.support.damage import files_of, mended, named, publish
from tests.support.feeds import MemoryFeed, asset, shop
from tests.support.indexes import Home

ORDERS, ITEMS, CUSTOMERS = (one.name.qualified for one in shop()[:3])


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path, MemoryFeed(*shop()))
    made.index()
    yield made
    made.database.close()


def test_a_flipped_byte_in_any_file_of_a_segment_is_found_and_mended(home):
    """At the beginning, in the middle and at the end of each: the file by its name, never a crash, never served."""
    names = sorted(path.name for path in files_of(home).iterdir())
    assert len(names) == 31
    for name in names:
        for place in (0, 0.5, 1):
            folder = files_of(home)
            raw = bytearray((folder / name).read_bytes())
            raw[min(int(place * len(raw)), len(raw) - 1)] ^= 0x10
            (folder / name).write_bytes(raw)
            report = home.verify()
            assert any(name in finding.problem and finding.asset is None for finding in report.findings)
            with pytest.raises(IndexDamaged):
                home.opened().open(home.opened().current())
        mended(home)


@pytest.mark.parametrize("name", ["tables.tf.npy", "tables.lengths.npy", "columns.faiss", "tables.faiss", "records.jsonl"])
def test_the_table_in_which_a_file_is_damaged_is_named(home, name):
    """Where the rest can still be read, the last byte's table is told besides the file."""
    path = files_of(home) / name
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"shop.mart.refunds") if name == "records.jsonl" else len(raw) - 1
    raw[at] ^= 0x02
    path.write_bytes(raw)
    report = home.verify()
    assert named(report)
    assert len(named(report)) <= 2
    mended(home)


def test_a_file_that_is_missing_short_or_empty_is_found(home):
    """Whichever it is; what cannot be compared is said."""
    for name in sorted(path.name for path in files_of(home).iterdir()):
        for change in (
            lambda path: path.unlink(),
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(path.read_bytes()[:-1]),
        ):
            path = files_of(home) / name
            kept = path.read_bytes()
            change(path)
            assert any(name in finding.problem for finding in home.verify().findings)
            path.write_bytes(kept)
    assert home.verify().findings == ()


def test_no_damage_makes_a_salvage_fail_in_another_way(home):
    """Every byte of every array's header, changed in two ways: read, or said to be unreadable."""
    folder = files_of(home)
    for name in ("tables.docs.npy", "columns.hashes.npy"):
        raw = (folder / name).read_bytes()
        for at in range(128):
            for bit in (0x01, 0x40):
                changed = bytearray(raw)
                changed[at] ^= bit
                (folder / name).write_bytes(changed)
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    try:
                        salvage_segment(folder, 64)
                    except IndexDamaged:
                        continue
        (folder / name).write_bytes(raw)


def test_a_damaged_manifest_is_found(home):
    """Every value in it, changed to another valid one, and every kind of broken text."""
    path = home.folder / "index" / "generations" / "1.json"
    whole = path.read_text()
    raw = json.loads(whole)
    changes = {
        "number": 2,
        "model": "x@1",
        "dimension": 32,
        "documents": 9,
        "words": "x",
        "seq": 3,
        "fence": 9,
        "counts": {},
        "segments": [],
    }
    assert set(changes) | {"sha256", "format", "weights"} == set(raw)
    for key, value in changes.items():
        path.write_text(json.dumps(raw | {key: value}))
        assert "manifest" in home.verify().findings[0].problem
    for text in (
        "",
        "{",
        "[]",
        "null",
        '"x"',
        whole[:-9],
        whole.replace("seq", "sep"),
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    ):
        path.write_text(text)
        report = home.verify()
        assert report.generation == 0
        assert "manifest" in report.findings[0].problem
    path.unlink()
    assert "manifest" in home.verify().findings[0].problem
    mended(home)


def test_a_damaged_or_missing_pointer_is_found(home):
    """`CURRENT` empty, not a number, of another generation, or gone while generations stand."""
    path = home.folder / "index" / "CURRENT"
    for text in ("", "x", "7"):
        path.write_text(text)
        report = home.verify()
        assert (report.generation, len(report.findings), report.findings[0].asset) == (0, 1, None)
        mended(home)
    path.unlink()
    assert "CURRENT is missing" in home.verify().findings[0].problem
    mended(home)


def test_a_manifest_that_says_more_than_the_store_has_is_found(home):
    """Its sequence number is beyond the feed's head (a store restored from a backup), or its counts are others."""
    generations = home.opened()
    manifest = generations.current()
    ahead = replace(manifest, number=2, seq=99)
    assert from_text(to_text(ahead), 2) == ahead
    generations.publish(ahead, may=lambda: True)
    assert [one.problem for one in home.verify().findings] == [
        "generation 2 covers change 99, and the newest in the store is 7"
    ]
    generations.publish(replace(manifest, number=3, counts={"tables": 6}), may=lambda: True)
    assert [one.problem for one in home.verify().findings] == ["generation 3 does not hold what its manifest counts"]
    mended(home)


def test_arrays_that_do_not_fit_together_are_told_and_not_read_past(home):
    """With right sums and wrong shapes: the segment, and what of it does not fit."""

    def longer(segment):
        return replace(segment, words=replace(segment.words, docs=np.array([*segment.words.docs[:-1], 99], dtype=np.int32)))

    publish(home, longer)
    problems = [one.problem for one in home.verify().findings]
    assert any("do not fit together: the tables' words" in problem for problem in problems)
    assert any("its 7 tables were not compared" in problem for problem in problems)
    mended(home)
    publish(home, lambda s: replace(s, words=build_postings([((), (), (), ())] * 6, 4)))
    assert any("fit together" in one.problem for one in home.verify().findings)
    mended(home)


def test_several_segments_are_compared_together(home, monkeypatch):
    """A table may live in any of them; the damage in a small one is named as well."""
    monkeypatch.setattr(worker_module, "SMALL_TABLES", 2)
    home.feed.put(*(asset(f"shop.more.t{at}", "a") for at in range(40)))
    home.index()
    home.feed.put(replace(shop()[0], description="Changed."))
    home.index()
    manifest = home.opened().current()
    assert len(manifest.segments) == 2
    assert home.verify(sample=20).findings == ()
    path = home.opened().segment_folder(manifest.segments[1]) / "tables.lengths.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert named(home.verify()) == {ORDERS}
    mended(home)


def test_the_indexer_of_a_home_verifies_and_repairs_itself(tmp_path):
    """As the command line does it: a process indexes and ends, another one verifies, mends and verifies again."""
    feed = MemoryFeed(*shop())
    database = Database(f"sqlite:///{tmp_path / 'indexer.db'}", schema="indexer")
    ensure_current(database, LINE)

    def indexer() -> Indexer:
        return Indexer(IndexerSettings(tmp_path, "hashing", 1, {}), database, feed, None, role="crawl")

    first = indexer()
    assert first.lease.acquire()
    first.index_now(feed.head(), lambda _progress: None)
    first.close()
    (tmp_path / "index" / "CURRENT").write_text("9")
    told = []
    with closing(indexer()) as second:
        report = second.verify(lambda done, head: told.append((done, head)))
        assert report.findings
        second.repair(report, lambda _progress: None)
        again = second.verify(lambda done, head: told.append((done, head)))
        assert (again.checked, again.findings) == (7, ())
        assert told == [(7, 7)]
    assert not indexer().lease.state().alive
    database.close()
