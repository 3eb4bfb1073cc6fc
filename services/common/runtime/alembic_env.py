"""What every service's `env.py` does: run migrations on the connection that `migrations.upgrade` hands over.

The unit of work belongs to `upgrade`: nothing is committed here, so that a failed migration leaves nothing behind.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, MetaData, text

from services.common.runtime.migrations import VERSION_TABLE


def run(metadata: MetaData) -> None:
    """Run the migrations that Alembic was started for; unqualified names in them mean the service's own schema."""
    attributes = context.config.attributes
    connection: Connection = attributes["connection"]
    schema: str | None = attributes["schema"]
    if schema is not None:
        quoted = connection.dialect.identifier_preparer.quote(schema)
        connection.execute(text(f"SET LOCAL search_path TO {quoted}"))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        version_table_schema=schema,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
