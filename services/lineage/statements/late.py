"""Texts that took too long to read and have a second try, with more time, when nothing else waits. In memory, bounded.

Journey 3, step "SQL of events".
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict

from services.common.model.events import JobId
from services.lineage.store.job_statements import JobStatement

MOST = 1_000
"""Texts that wait for a second try; the oldest are given up first."""
Text = tuple[str, str]
"""SQL, and the dialect that its event says or shows."""
Times = tuple[dt.datetime, dt.datetime]
"""Of the first and the last event that had it."""


class Late:
    """Of each text the job that ran it and the statement that says that it took too long."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[JobId, Text], JobStatement] = OrderedDict()

    def add(self, text: Text, one: JobStatement) -> None:
        """Have a text read again."""
        self._waiting[one.job, text] = one
        while len(self._waiting) > MOST:
            self._waiting.popitem(last=False)

    def take(self) -> tuple[Text, JobStatement] | None:
        """The text that waits longest, which waits no more; None where none does."""
        if not self._waiting:
            return None
        (_, text), one = self._waiting.popitem(last=False)
        return text, one
