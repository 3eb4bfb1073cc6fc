"""What lives long is set aside by the collector of cycles, and garbage in it goes all the same.

Each in a process of its own: the collector is one for all that a process holds, and the one of the tests holds much.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

BEGINNING = """
import gc, weakref
from services.common.runtime.garbage import set_survivors_aside

class Ring:  # refers to itself: only a collection ends it
    def __init__(self):
        self.me = self
"""


def holds(code: str) -> None:
    """Run assertions in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_a_slow_collection_leaves_is_not_looked_through_again() -> None:
    holds("""
        kept = [[at] for at in range(1_000)]
        set_survivors_aside(slow_s=0)
        gc.collect()
        assert gc.get_freeze_count() >= len(kept)
        assert not any(one is kept[0] for one in gc.get_objects())
    """)


def test_a_quick_collection_sets_nothing_aside() -> None:
    holds("""
        set_survivors_aside(slow_s=60)
        gc.collect()
        assert gc.get_freeze_count() == 0
    """)


def test_new_garbage_goes_beside_what_is_set_aside() -> None:
    holds("""
        set_survivors_aside(slow_s=0)
        gc.collect()
        gone = weakref.ref(Ring())
        assert gone() is not None
        gc.collect()
        assert gone() is None
    """)


def test_garbage_that_was_set_aside_goes_once_what_is_kept_has_doubled() -> None:
    holds("""
        set_survivors_aside(slow_s=0)
        ring = Ring()
        gone = weakref.ref(ring)
        gc.collect()
        first = gc.get_freeze_count()
        del ring
        gc.collect()
        assert gone() is not None, "set aside, nobody looks"
        more = [[at] for at in range(2 * first)]
        gc.collect()  # sets the new ones aside
        gc.collect()  # sees that they have doubled
        assert gone() is None
        assert gc.get_freeze_count() >= len(more)
    """)


def test_garbage_that_was_set_aside_goes_after_an_hour() -> None:
    holds("""
        from services.common.runtime import garbage
        set_survivors_aside(slow_s=0)
        ring = Ring()
        gone = weakref.ref(ring)
        gc.collect()
        del ring
        gc.collect()
        assert gone() is not None
        garbage.LOOKED_THROUGH_S = 0
        gc.collect()
        assert gone() is None
    """)


def test_what_was_set_aside_before_stays_there() -> None:
    holds("""
        gc.freeze()
        before = gc.get_freeze_count()
        set_survivors_aside(slow_s=60)
        gc.collect()
        assert gc.get_freeze_count() >= before * 0.9
    """)


def test_it_is_asked_for_once() -> None:
    holds("""
        before = len(gc.callbacks)
        set_survivors_aside(slow_s=0)
        set_survivors_aside(slow_s=0)
        assert len(gc.callbacks) == before + 1
    """)


def test_a_command_called_inside_a_process_leaves_its_collector_alone() -> None:
    holds(
        """
        import os, tempfile
        from services.cli.main import main

        os.chdir(tempfile.mkdtemp())
        assert main(["init"]) == 0
        assert not gc.callbacks
        assert gc.get_freeze_count() == 0
        """
    )
