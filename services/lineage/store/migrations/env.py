"""Alembic's way into the lineage service's migrations."""

from services.common.runtime import alembic_env
from services.lineage.store import log_tables
from services.lineage.store.tables import metadata

assert log_tables.log_run.metadata is metadata  # its tables are part of what is compared

alembic_env.run(metadata)
