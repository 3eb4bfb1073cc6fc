"""The lineage service's line of migrations: what `headwater db upgrade` runs and every start checks."""

from __future__ import annotations

from pathlib import Path

from services.common.runtime.migrations import MigrationLine

LINE = MigrationLine("lineage", Path(__file__).parent / "migrations", "0005")
"""The newest revision is written out, so that a start needs neither Alembic nor the scripts."""
