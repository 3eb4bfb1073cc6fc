"""The indexer's line of migrations, for `headwater db upgrade` and the check at every start."""

from __future__ import annotations

from pathlib import Path

from services.common.runtime.migrations import MigrationLine

LINE = MigrationLine("indexer", Path(__file__).parent / "migrations", "0003")
