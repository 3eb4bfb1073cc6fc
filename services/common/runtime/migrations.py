"""Alembic for three services that own their tables: create, upgrade, and refuse a database of another version.

Runs before any journey: every command calls `ensure_current`, `headwater db upgrade` calls `upgrade`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from services.common.errors import StoreOutdated
from services.common.runtime.db import Database, table_exists

VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class MigrationLine:
    """One service's line of revisions.

    Attributes:
        service: whose it is; also the PostgreSQL schema.
        scripts: the folder with `env.py` and `versions/`.
        head: the revision that this version of the code works on; a test holds it equal to the newest script.

    """

    service: str
    scripts: Path
    head: str


def current_revision(database: Database) -> str | None:
    """The revision that the database is at, None for one without tables."""
    with database.read() as connection:
        if not table_exists(connection, VERSION_TABLE, schema=database.schema):
            return None
        prefix = "" if database.is_sqlite else f'"{database.schema}".'
        return connection.execute(text(f"SELECT version_num FROM {prefix}{VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant name


def ensure_current(database: Database, line: MigrationLine) -> None:
    """Create the tables of an absent database; leave a current one alone.

    Raises:
        StoreOutdated: the database is older (says to run `headwater db upgrade`) or of a version nobody here knows.

    """
    revision = current_revision(database)
    if revision == line.head:
        return
    if revision is None:
        upgrade(database, line)
        return
    known = revision in _revisions(line)
    remedy = "run `headwater db upgrade`" if known else "use the version of headwater that wrote it, or a newer one"
    raise StoreOutdated(f"the {line.service} database {database.shown} is at revision {revision}, not {line.head}: {remedy}")


def upgrade(database: Database, line: MigrationLine) -> str:
    """Bring the database to the newest revision, creating it where it is absent. Safe when two processes do it at once.

    Returns:
        The revision it is at now.

    Raises:
        StoreOutdated: the database is at a revision that this version does not know.

    """
    from alembic import command  # noqa: PLC0415 - 0.3 s that only a migration should cost

    revision = current_revision(database)
    if revision is not None and revision not in _revisions(line):
        raise StoreOutdated(f"the {line.service} database is at the unknown revision {revision}; use a newer headwater")
    config = _config(line)
    with database.write() as connection:
        if not database.is_sqlite:
            # one lock for all services: two replicas that start together must not both create the tables
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('headwater-migrations'))"))
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{database.schema}"'))
        config.attributes["connection"] = connection
        config.attributes["schema"] = None if database.is_sqlite else database.schema
        command.upgrade(config, "head")
    return line.head


def _config(line: MigrationLine):  # type: ignore[no-untyped-def]  # noqa: ANN202 - alembic is imported when it runs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(line.scripts).replace("%", "%%"))
    return config


def _revisions(line: MigrationLine) -> frozenset[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return frozenset(script.revision for script in ScriptDirectory.from_config(_config(line)).walk_revisions())
