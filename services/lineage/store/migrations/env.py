"""Alembic's way into the lineage service's migrations."""

from services.common.runtime import alembic_env
from services.lineage.store import event_tables, log_tables
from services.lineage.store.tables import metadata

# their tables are part of what is compared
assert log_tables.log_run.metadata is event_tables.event.metadata is metadata

alembic_env.run(metadata)
