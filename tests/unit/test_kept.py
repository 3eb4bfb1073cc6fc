"""What is kept stays below so many bytes: what was asked for last stays, and what is larger than all room never does."""

from __future__ import annotations

from services.indexer.retrieve.kept import ENTRY_BYTES, Kept

ROOM = 2 * (ENTRY_BYTES + 100)


def asked(kept, made, key, n_bytes=100):
    """Ask for a key; `made` lists what had to be made."""
    return kept.get(key, lambda: made.append(key) or f"{key}'s", lambda _made: n_bytes)


def test_what_was_asked_for_last_stays():
    kept, made = Kept(ROOM), []
    for key in ("one", "two", "one", "three", "one", "two"):
        assert asked(kept, made, key) == f"{key}'s"
    assert made == ["one", "two", "three", "two"]


def test_nothing_is_a_value_too():
    kept, made = Kept(ROOM), []
    for _ in range(2):
        assert kept.get("none", lambda: made.append(1), lambda _made: 0) is None
    assert made == [1]


def test_what_is_larger_than_all_room_pushes_nothing_out():
    kept, made = Kept(ROOM), []
    for key, n_bytes in (("small", 100), ("large", ROOM), ("large", ROOM), ("small", 100)):
        asked(kept, made, key, n_bytes)
    assert made == ["small", "large", "large"]
