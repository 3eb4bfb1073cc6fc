"""What a segment's files give back: let go of with it, read when asked for, and named where they are damaged."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import IndexDamaged
from services.indexer.index.array_file import map_arrays, write_arrays
from services.indexer.index.lookups import made_otherwise
from services.indexer.index.records import Records, line_of, record_of
from services.indexer.index.segment import Segment, build_segment
from services.indexer.index.segment_file import open_segment, salvage_segment, write_segment
from services.indexer.index.shape import misfits
from services.indexer.index.strings import Strings, place_of
from services.indexer.store.cache import no_vectors
from services.indexer.text.document import document_of
from tests.support.feeds import asset

NAMES = ("shop.public.orders_2024", "shop.public.İstanbul", "shop.mart.a\u2028b")


def _written(folder: Path) -> dict[str, str]:
    documents = [document_of(asset(name, "id", "amount")) for name in NAMES]
    folder.mkdir()
    return write_segment(build_segment(documents, no_vectors, 8), folder)


def _opened(folder: Path) -> Segment:
    return open_segment(folder, _written(folder), 8)


def _held_under(folder: Path) -> list[str]:
    """What of a folder this process maps or has open; other tests of the process may hold homes of their own."""
    mapped = [line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    # resolved without a question whether it is still there: that of the listing itself is gone by then
    opened = [str(fd.resolve()) for fd in Path("/proc/self/fd").iterdir()]
    return [path for path in mapped + opened if path.startswith(f"{folder}/")]


@pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux tells of a process")
def test_a_segment_that_nobody_has_keeps_no_file_open(tmp_path):
    """At once, whether or not the collector of cycles comes by: a generation that was replaced must give its space back."""
    gc.collect()
    gc.disable()
    try:
        for at in range(5):
            segment = _opened(tmp_path / str(at))
            assert segment.records[0].parts[-1] == "orders_2024"
            assert _held_under(tmp_path)
            del segment
        assert _held_under(tmp_path) == []
    finally:
        gc.enable()


def test_a_record_is_read_as_it_was_written(tmp_path):
    """One by one, several, from the end, and all of them; beyond the end there is none."""
    records = _opened(tmp_path / "segment").records
    every = list(records)
    assert [record.parts[-1] for record in every] == [name.split(".")[-1] for name in NAMES]
    assert [records[at] for at in (0, 1, 2)] == every
    assert list(records[1:]) == every[1:]
    assert records[-1] == every[-1]
    assert record_of(line_of(every[1]).decode()) == every[1]
    with pytest.raises(IndexError):
        records[3]


def test_a_record_that_cannot_be_read_is_damage(tmp_path):
    """A line that is no JSON any more, as a disk may give it back while the server runs."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"{}\nno json\n")
    records = Records(path, np.asarray([0, 3, 11]))
    for at in (0, 1):
        with pytest.raises(IndexDamaged, match="headwater verify"):
            records[at]
    with pytest.raises(ValueError, match="not where they should be"):
        Records(path, np.asarray([0, 3, 12]))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [(b",[0,0],", b",[100],", "the columns of a record"), (b'["d', b'["\\', "cannot be read")],
    ids=["marks", "id"],
)
def test_damage_in_a_record_is_named_and_nothing_fails(tmp_path, old, new, what):
    """Bytes that leave a line JSON, or do not: what is made of the records is not made of what does not fit."""
    folder = tmp_path / "segment"
    _written(folder)
    path = folder / "records.jsonl"
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, 1))
    try:
        told = misfits(salvage_segment(folder, 8))
    except IndexDamaged as error:
        told = [error.detail]
    assert any(what in one for one in told)


def test_an_id_that_is_none_does_not_fit(tmp_path):
    """An id of another length, with which no lookup can be made."""
    segment = _opened(tmp_path / "segment")
    first, *others = segment.records
    assert misfits(segment) == []
    assert misfits(replace(segment, records=(replace(first, id=first.id[:-1]), *others))) == [
        "the id or the name of a record"
    ]
    assert misfits(replace(segment, records=(replace(first, parts=()), *others))) == ["the id or the name of a record"]


def test_lookups_that_records_do_not_say_are_named(tmp_path):
    """`headwater verify` makes them anew and compares."""
    segment = _opened(tmp_path / "segment")
    assert made_otherwise(segment) == []
    other = segment.with_lookups({"own_names": Strings.of(["orders_2025", *list(segment.own_names)[1:]])})
    assert made_otherwise(other) == ["own_names.text"]


def test_arrays_come_back_as_they_were(tmp_path):
    """Every type that is used, none at all, and no rows; what is cut is refused."""
    path = tmp_path / "some.safetensors"
    arrays = {
        "flags": np.asarray([True, False, True]),
        "letters": np.arange(27, dtype=np.uint8).reshape(1, 27),
        "codes": np.asarray([2**63 + 1], dtype=np.uint64),
        "none": np.zeros((0, 4), dtype=np.float16),
        "rows": np.asarray([-1, 5], dtype=np.int32),
    }
    write_arrays(arrays, path)
    back = map_arrays(path)
    assert {name: (array.dtype, array.tolist()) for name, array in back.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="other bytes than its shape says"):
        map_arrays(path)


def test_strings_are_found_and_read_in_pieces():
    """As a list of the same texts would be."""
    texts = ["", "a", "\ud800", "İ", "zoë"]
    strings = Strings.of(texts)
    assert list(strings) == texts
    assert [strings[at] for at in range(-5, 5)] == texts * 2
    assert [strings[1:3], strings[3:1], strings[::2]] == [texts[1:3], [], texts[::2]]
    ascending = Strings.of(sorted(texts))
    assert [place_of(ascending, one) for one in sorted(texts)] == [0, 1, 2, 3, 4]
    assert place_of(ascending, "b") is None
    assert list(Strings.of([])) == []
