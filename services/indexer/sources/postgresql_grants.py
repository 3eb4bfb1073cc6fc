"""What a PostgreSQL role needs so that a crawl reads everything and may read no row: the script for an administrator.

Beside journey 1; used by `postgresql` alone. PostgreSQL's manual, "Privileges": pg_catalog is open to every role, so
the names, types, comments and view texts of a schema need no more than USAGE, which is what a crawl goes by.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

_SCRIPT = """-- PostgreSQL: what Headwater needs, and no more. Run it as an administrator in the database {database}.
-- The role reads names, types, comments and view definitions from the system catalog. It gets no right to any row.
DO $$
BEGIN
  -- a role that is there already stays as it is, with its password
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN
    CREATE ROLE {role} LOGIN PASSWORD 'choose-one' CONNECTION LIMIT 3;
  END IF;
END $$;
GRANT CONNECT ON DATABASE {database} TO {role};
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT nspname FROM pg_catalog.pg_namespace
               WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {literal}', name);
  END LOOP;
END $$;
-- A schema made later needs its own: GRANT USAGE ON SCHEMA the_new_one TO {role};
"""


def script(url: str) -> str:
    """The script for the role and database that a source's URL names, `headwater` and the URL's host's where it names none."""
    parts = urlsplit(url)
    role = unquote(parts.username or "") or "headwater"
    database = unquote(parts.path.lstrip("/")) or role
    # inside format's pattern a percent sign is doubled, and inside its literal a quote
    literal = quoted(role).replace("'", "''").replace("%", "%%")
    name = "'" + role.replace("'", "''") + "'"
    return _SCRIPT.format(role=quoted(role), name=name, database=quoted(database), literal=literal)


def quoted(name: str) -> str:
    """A name as an identifier in SQL, in quotes whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'
