"""Alembic's way into the lineage service's migrations."""

from services.common.runtime import alembic_env
from services.lineage.store.tables import metadata

alembic_env.run(metadata)
