"""Alembic's way into the indexer's migrations."""

from services.common.runtime import alembic_env
from services.indexer.store.tables import METADATA

alembic_env.run(METADATA)
