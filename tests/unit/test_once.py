"""What a writer that was killed leaves beside a small file goes; what somebody may be writing stays."""

from __future__ import annotations

import os
import time

from services.common.runtime.once import WRITING_S, write_once
from services.common.runtime.pseudonyms import home_key
from services.indexer.store.lease import home_id


def test_leftovers_of_killed_writers_go_with_the_next_start(tmp_path):
    """Of a home's id and of its key, though both are there."""
    known = home_id(tmp_path), home_key(tmp_path)
    names = [path.name for path in tmp_path.iterdir()]
    old, new = ([tmp_path / f".{name}.{mark}.tmp" for name in names] for mark in ("0ld", "new"))
    for path in (*old, *new, tmp_path / ".other.tmp"):
        path.write_text("x", encoding="ascii")
        if path in old:
            os.utime(path, (time.time() - 2 * WRITING_S,) * 2)
    assert (home_id(tmp_path), home_key(tmp_path)) == known
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, *(path.name for path in new), ".other.tmp"])


def test_a_file_is_written_once(tmp_path):
    for text in ("one", "two"):
        write_once(tmp_path / "home.id", text)
    assert [path.read_text(encoding="ascii") for path in tmp_path.iterdir()] == ["one"]
