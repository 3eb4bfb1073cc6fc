"""When what takes the processor for seconds may begin in a server: between questions, so that none waits for it.

Beside both journeys: names to complete and "used together" are made once after a start, and questions come first.
"""

from __future__ import annotations

FIRST_S, QUIET_S, PATIENCE_S = 10.0, 1.0, 60.0
"""So long a first question is waited for, then a pause between questions, and so long at most."""


def may_begin(opened_at: float, answered_at: float, now: float) -> bool:
    """Whether it may begin; all in seconds of the monotonic clock.

    Args:
        opened_at: when the index was opened; infinite while it is not.
        answered_at: when a question was last answered; 0 before the first.
        now: the time.

    """
    return now - (answered_at or opened_at + FIRST_S) > QUIET_S or now - opened_at > PATIENCE_S
