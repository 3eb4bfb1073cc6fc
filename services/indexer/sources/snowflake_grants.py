"""What a Snowflake role needs to be crawled, as a script for its administrator, and what is lost without a piece of it.

Journey 1, before the crawl; used by `snowflake` alone. Connects to nothing.
"""

from __future__ import annotations

from services.indexer.sources.snowflake_rows import Database, Row, quoted
from services.indexer.sources.snowflake_url import Location
from services.indexer.sources.source import MissingGrant

_KINDS = ("TABLES", "VIEWS", "MATERIALIZED VIEWS", "EXTERNAL TABLES", "DYNAMIC TABLES")
# REFERENCES shows a table's structure and none of its rows; dynamic tables have no such right, MONITOR shows their SQL
_RIGHTS = {"DYNAMIC TABLES": "MONITOR"}


def grants_script(location: Location) -> str:
    """The least that a role needs to be shown everything: structure alone, never SELECT on a user's table."""
    role, warehouse = location.role or "CATALOG_READER", location.warehouse or "CATALOG_WH"
    database = quoted(location.database) if location.database else "<DATABASE>"
    where = f"SCHEMA {database}.{quoted(location.schema)}" if location.schema else f"DATABASE {database}"
    lines = [
        "-- run as a role with MANAGE GRANTS; a right on all tables is given again for those that come later (FUTURE)",
        f"CREATE ROLE IF NOT EXISTS {role};",
        f'GRANT ROLE {role} TO USER "{location.user.upper()}";',
        f"GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {role};",
        f"GRANT USAGE ON DATABASE {database} TO ROLE {role};",
    ]
    if location.schema:
        lines.append(f"GRANT USAGE ON {where} TO ROLE {role};")
    else:
        lines += [f"GRANT USAGE ON {which} SCHEMAS IN {where} TO ROLE {role};" for which in ("ALL", "FUTURE")]
    for kind in _KINDS:
        right = _RIGHTS.get(kind, "REFERENCES")
        lines += [f"GRANT {right} ON {which} {kind} IN {where} TO ROLE {role};" for which in ("ALL", "FUTURE")]
    lines += [
        "-- which tables were dropped or renamed, whoever may see them: without it absence proves nothing",
        f"GRANT DATABASE ROLE SNOWFLAKE.OBJECT_VIEWER TO ROLE {role};",
        "-- a database that comes from a share: instead of all of the above on it",
        f"-- GRANT IMPORTED PRIVILEGES ON DATABASE {database} TO ROLE {role};",
    ]
    return "\n".join(lines) + "\n"


def usage_grant(location: Location) -> MissingGrant:
    """The database is not shown."""
    database = quoted(location.database or "")
    return MissingGrant(f"GRANT USAGE ON DATABASE {database} TO ROLE {_role(location)}", "everything in it")


def warehouse_grant(location: Location) -> MissingGrant:
    """The session has no warehouse to read INFORMATION_SCHEMA with."""
    warehouse = location.warehouse or "<name it in the URL: ?warehouse=…>"
    return MissingGrant(f"GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {_role(location)}", "everything: nothing can be read")


def view_grant(database: Database, view: Row, location: Location) -> MissingGrant:
    """The text of a view is not shown."""
    name = quoted(database.name, view["TABLE_SCHEMA"], view["TABLE_NAME"])
    secure = "secure view " if view.get("IS_SECURE") == "YES" else "view "
    return MissingGrant(
        f"GRANT OWNERSHIP ON VIEW {name} TO ROLE {_role(location)}", f"the SQL and the lineage of the {secure}{name}"
    )


def _role(location: Location) -> str:
    return location.role or "<the role>"
