"""Lines of revisions: made where nothing is, refused where it is not ours, upgraded when asked, by one process of many."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from services.common.errors import StoreOutdated
from services.common.runtime.db import Database, table_exists
from services.common.runtime.migrations import MigrationLine, current_revision, ensure_current, upgrade

ENV = """
from sqlalchemy import MetaData
from services.common.runtime import alembic_env

alembic_env.run(MetaData())
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0001", None, None, None


def upgrade():
    op.create_table("thing", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO thing (id) VALUES (1)")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade():
    op.add_column("thing", sa.Column("name", sa.String))
"""
FAILING = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0003", "0002", None, None


def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nowhere VALUES (1)")
"""
KINDS = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.server)]
Line = Callable[[int], MigrationLine]


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """The line of migrations as it is after so many releases."""

    def made(releases: int) -> MigrationLine:
        folder = tmp_path / f"after {releases} 100%"
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        (folder / "env.py").write_text(ENV, encoding="utf-8")
        for number, script in enumerate((FIRST, SECOND, FAILING)[:releases], start=1):
            (folder / "versions" / f"000{number}.py").write_text(script, encoding="utf-8")
        return MigrationLine("shop", folder, f"000{releases}")

    return made


@pytest.fixture(params=KINDS)
def url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return request.getfixturevalue("postgres_server").create_database("migrations")


@pytest.fixture
def database(url) -> Iterator[Database]:
    made = Database(url, schema="shop", pool_size=2)
    yield made
    made.close()


def columns(database: Database) -> list[str]:
    with database.read() as connection:
        prefix = "" if database.is_sqlite else "shop."
        return list(connection.execute(text(f"SELECT * FROM {prefix}thing")).keys())


def test_an_absent_database_is_created(database, line):
    """By whatever comes first; coming again changes nothing."""
    assert current_revision(database) is None
    for _ in range(2):
        ensure_current(database, line(2))
        assert current_revision(database) == "0002"
        assert columns(database) == ["id", "name"]
    with database.read() as connection:
        assert not database.is_sqlite or connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert database.is_sqlite or not table_exists(connection, "alembic_version", schema="public")


def test_an_older_database_is_refused_and_says_what_to_run(database, line):
    """Nothing is changed unasked: an upgrade cannot be undone, and other processes may still use it."""
    ensure_current(database, line(1))
    with pytest.raises(StoreOutdated, match=r"shop database .* is at revision 0001, not 0002: run `headwater db upgrade`"):
        ensure_current(database, line(2))
    assert current_revision(database) == "0001"
    assert upgrade(database, line(2)) == "0002"
    ensure_current(database, line(2))
    assert columns(database) == ["id", "name"]
    assert upgrade(database, line(2)) == "0002"


def test_a_newer_database_is_refused_by_both(database, line):
    """The older version of headwater leaves it alone, and says that it is too old itself."""
    ensure_current(database, line(2))
    for refused in (ensure_current, upgrade):
        with pytest.raises(StoreOutdated, match="newer") as caught:
            refused(database, line(1))
        assert "0002" in str(caught.value)
        assert "run `headwater db upgrade`" not in str(caught.value)
    assert current_revision(database) == "0002"


def test_a_migration_that_fails_leaves_nothing_behind(database, line):
    """Neither its tables nor its number: the version that wrote the database still works on it."""
    ensure_current(database, line(2))
    with pytest.raises(Exception, match="nowhere"):
        upgrade(database, line(3))
    assert current_revision(database) == "0002"
    with database.read() as connection:
        assert not table_exists(connection, "half", schema="shop")
    ensure_current(database, line(2))


@pytest.mark.server
def test_a_refusal_shows_no_password(line, postgres_server):
    """The database is named by its masked URL."""
    url = postgres_server.create_database("refused")
    database = Database(url, schema="shop", pool_size=1)
    ensure_current(database, line(1))
    with pytest.raises(StoreOutdated) as caught:
        ensure_current(database, line(2))
    database.close()
    password = url.partition("@")[0].rpartition(":")[2]
    assert len(password) > 8
    assert password not in str(caught.value)


CHILD = """
import sys
from pathlib import Path
from services.common.runtime.db import Database
from services.common.runtime.migrations import MigrationLine, ensure_current
url, folder = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
database = Database(url, schema="shop", pool_size=1)
ensure_current(database, MigrationLine("shop", Path(folder), "0002"))
"""


def test_processes_that_start_together_create_the_database_once(url, database, line):
    """Every replica finds it made; none fails, and none makes anything twice."""
    command = [sys.executable, "-c", CHILD, url, str(line(2).scripts)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    outputs = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        outputs.append(child.communicate(timeout=60)[1])
    assert [child.returncode for child in children] == [0, 0, 0], outputs
    assert current_revision(database) == "0002"
    with database.read() as connection:
        table = "thing" if database.is_sqlite else "shop.thing"
        assert connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one() == 1
