"""Alembic's way into the catalog's migrations."""

from services.catalog.store.tables import metadata
from services.common.runtime import alembic_env

alembic_env.run(metadata)
