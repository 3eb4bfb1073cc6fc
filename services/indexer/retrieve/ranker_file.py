"""Which ranker is in use: the home's own where one was trained and switched to, else the one that comes with Headwater.

Journey 2, step "ranked". A server takes up a new file by itself; a damaged one never stops an answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

from services.common.errors import WrongSettings
from services.common.runtime.logs import get_logger
from services.indexer.retrieve.rank import Ranker, shipped_ranker

FILE = "ranker.json"
_log = get_logger("indexer")


class RankerFile:
    """The ranker of one home.

    Args:
        home: its folder; `ranker.json` in it, where there is one, is what `headwater train-ranker` switched to.

    """

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._lock = Lock()
        self._seen: tuple[int, int] | None = None
        self._ranker = shipped_ranker()

    def current(self) -> Ranker:
        """The ranker to use now; looks at the file's time only."""
        stamp = self._stamp()
        if stamp != self._seen:
            with self._lock:
                self._ranker = self._read() if stamp is not None else shipped_ranker()
                self._seen = stamp
        return self._ranker

    def switch(self, ranker: Ranker) -> None:
        """Put a ranker into use, in one rename.

        Raises:
            OSError: the home cannot be written.

        """
        unfinished = self._path.with_name(f".{FILE}.{os.getpid()}")
        unfinished.write_text(ranker.to_text(), encoding="utf-8")
        unfinished.replace(self._path)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _read(self) -> Ranker:
        try:
            return Ranker.from_text(self._path.read_text(encoding="utf-8"), str(self._path))
        except (OSError, UnicodeDecodeError, WrongSettings) as error:
            _log.warning("the home's ranker is not used", error=type(error).__name__, used=self._ranker.id)
            return self._ranker
