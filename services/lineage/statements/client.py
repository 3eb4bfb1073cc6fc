"""`StatementFacts` over HTTP: what the indexer uses where the lineage service is a process of its own.

Journey 3, the crossing from indexer to lineage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.common.model.usage import FactPage, FactSeq, IntakeReport, LogLine, LogWindow
from services.common.runtime.service_client import ServiceClient
from services.common.runtime.wire import dump, load
from services.lineage.statements.app import PREFIX, HeadAnswer, PutRequest, WeightsAnswer, WindowsAnswer

_LINES = 200
"""In one request: as many new statements as the worker reads well within the time that one service waits for another."""


class HttpStatements:
    """Asks a lineage service; raises what it raised.

    Args:
        service: a client of it, which is closed by its owner.

    Raises (every verb):
        ServiceUnavailable: it does not answer; trying again helps, and counts nothing twice.

    """

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    def put(self, lines: Sequence[LogLine], *, source: str) -> IntakeReport:
        """See `StatementFacts.put`; more lines than a request may have go in several, each a commit."""
        report = IntakeReport()
        for at in range(0, len(lines), _LINES):
            body = dump(PutRequest(tuple(map(_sendable, lines[at : at + _LINES])), source))
            report = report.plus(load(IntakeReport, self._service.post(f"{PREFIX}/put", body)))
        return report

    def after(self, seq: FactSeq, *, limit: int = 1000) -> FactPage:
        """See `StatementFacts.after`."""
        return load(FactPage, self._service.get(f"{PREFIX}/after", seq=seq, limit=limit))

    def head(self) -> FactSeq:
        """See `StatementFacts.head`."""
        return load(HeadAnswer, self._service.get(f"{PREFIX}/head")).head

    def weights(self) -> Mapping[str, float]:
        """See `StatementFacts.weights`."""
        return load(WeightsAnswer, self._service.get(f"{PREFIX}/weights")).weights

    def windows(self) -> Sequence[LogWindow]:
        """See `StatementFacts.windows`."""
        return load(WindowsAnswer, self._service.get(f"{PREFIX}/windows")).windows


def _sendable(line: LogLine) -> LogLine:
    """A line whose text is valid Unicode: half a surrogate pair, which undecodable bytes become, cannot be sent."""
    try:
        line.sql.encode()
    except UnicodeEncodeError:
        return replace(line, sql=line.sql.encode("utf-8", "replace").decode())
    return line
