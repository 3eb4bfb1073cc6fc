"""A log into the facts: entry by entry, in batches, with a report of what became of each.

Journey 3, step "log → facts", on the indexer's side of the port. User names end here, unless the settings keep them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from services.common.model.usage import IntakeReport, LogLine
from services.common.ports import StatementFacts
from services.indexer.logs.line import Skipped
from services.indexer.logs.open import OpenLog

LINES = 4_000
"""In one commit."""
_CHARS = 16_000_000
"""Of text in one commit, whatever the number of lines."""
_ALIKE = 200_000
"""Lines that are remembered to tell how many like one stood before: those of about a second stand close together."""
_NAMES = 100_000
"""Users whose stand-in is remembered."""
_PLACES = 5
"""Places that a report names for each reason."""

Users = Callable[[str], str | None]
"""What is kept of a user's name: a stand-in, the name, or nothing."""


@dataclass(slots=True)
class LogReport:
    """What became of a log.

    Attributes:
        name: the file, or what else the log came from.
        format: what it was taken for.
        taken: what the lineage service says of its lines.
        skipped: entries that are no lines, by reason.
        places: where the first of them stand, by reason.
        without_time: lines whose time is not told or cannot be read.
        recoded: lines that were no UTF-8.

    """

    name: str
    format: str
    taken: IntakeReport = field(default_factory=IntakeReport)
    skipped: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[int]] = field(default_factory=dict)
    without_time: int = 0
    recoded: int = 0


def take_in(
    name: str,
    log: OpenLog,
    facts: StatementFacts,
    *,
    source: str,
    users: Users,
    on_progress: Callable[[int], None] = lambda _lines: None,
) -> LogReport:
    """Read a log to its end.

    Args:
        name: what the report calls it.
        log: it.
        facts: where its lines go.
        source: whose tables its lines name, where they do not say so themselves; empty where nobody knows.
        users: what is kept of a user's name.
        on_progress: called after each batch with the lines so far.

    Raises:
        ServiceUnavailable: the facts cannot be stored; reading the log again counts nothing twice.

    """
    report = LogReport(name, log.format)
    for batch in _batches(log, report, _Marks(users)):
        report.taken = report.taken.plus(facts.put(batch, source=source))
        on_progress(report.taken.lines)
    report.recoded = log.found.recoded
    return report


def _batches(log: OpenLog, report: LogReport, marks: _Marks) -> Iterator[list[LogLine]]:
    batch: list[LogLine] = []
    chars = 0
    for entry in log.entries:
        if isinstance(entry, Skipped):
            report.skipped[entry.why] += 1
            places = report.places.setdefault(entry.why, [])
            if len(places) < _PLACES:
                places.append(entry.number)
            continue
        report.without_time += entry.at is None
        batch.append(marks.marked(entry))
        chars += len(entry.sql)
        if len(batch) == LINES or chars > _CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


class _Marks:
    """Puts stand-ins in the place of users, and tells lines apart that are alike."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._names: OrderedDict[str, str | None] = OrderedDict()
        self._alike: OrderedDict[bytes, int] = OrderedDict()

    def marked(self, line: LogLine) -> LogLine:
        """The line as it may leave, with how many like it came before."""
        text = f"{line.at}\n{line.user}\n{line.database}\n{line.schema}\n{line.sql}"
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        nth = self._alike.pop(key, 0)
        self._alike[key] = nth + 1
        if len(self._alike) > _ALIKE:
            self._alike.popitem(last=False)
        return replace(line, user=None if line.user is None else self._kept(line.user), nth=nth)

    def _kept(self, name: str) -> str | None:
        if name not in self._names:
            self._names[name] = self._users(name)
            if len(self._names) > _NAMES:
                self._names.popitem(last=False)
        return self._names[name]
