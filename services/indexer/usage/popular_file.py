"""How much each table is used, as worked out once for all of a log, kept beside the index: a command that asks one question reads it.

Journey 2, step "ranked with usage features", in a process that lives for one question. Only of the full scope.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from services.common.model.names import AssetId
from services.common.model.usage import FactSeq
from services.common.runtime.logs import get_logger
from services.common.runtime.once import replace_whole

_VERSION = 1
"""Raised whenever popularity is counted in another way."""
_log = get_logger("usage")


class PopularFile:
    """What was worked out, with what it was worked out from.

    Args:
        path: the file; it is made when something is written.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[FactSeq, Mapping[AssetId, float]] | None = None

    def read(self, seq: FactSeq) -> Mapping[AssetId, float] | None:
        """Popularity, most first, as worked out when the facts were followed up to `seq`; None where that is not what is kept."""
        if self._last is not None and self._last[0] == seq:
            return self._last[1]
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("of") != [_VERSION, int(seq)]:
            return None
        popular = kept.get("popular")
        if not isinstance(popular, dict) or not all(isinstance(much, float | int) for much in popular.values()):
            _log.warning("what is popular is counted anew: the file is damaged", file=self._path.name)
            return None
        self._last = seq, {AssetId(asset): float(much) for asset, much in popular.items()}
        return self._last[1]

    def write(self, seq: FactSeq, popular: Mapping[AssetId, float]) -> None:
        """Keep it, the file replaced as a whole; a disk that is full or not ours keeps nothing, and nobody minds."""
        try:
            replace_whole(self._path, json.dumps({"of": [_VERSION, int(seq)], "popular": popular}))
        except OSError as error:
            _log.info("what is popular is not kept", error=type(error).__name__, errno=error.errno)

    def forget(self) -> None:
        """Take it away: numbers of facts begin anew."""
        self._last = None
        self._path.unlink(missing_ok=True)
