"""The SQL form of an access scope means exactly what `AccessScope.permits` means, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, insert, select

from services.catalog.store.types import Key
from services.catalog.store.visibility import visible
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope, chooser, chooser_below
from services.common.model.names import scope_path
from tests.support import catalogs

probe = Table("probe", MetaData(), Column("id", Integer, primary_key=True), Column("path", Key, nullable=False))

TEXT = st.text(alphabet="ab.*?%_\\/^$[](|'\"\n\t AßİΣςéK🛒", min_size=1, max_size=6)
PATHS = st.builds(scope_path, st.sampled_from(["wh", "w%", "a_b", "a\\"]), st.lists(TEXT, min_size=1, max_size=3))


@st.composite
def globs(draw: st.DrawFn, paths: list[str]) -> str:
    """A glob that has a fair chance to match: a path with pieces cut off or replaced by wildcards, or any text."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.one_of(TEXT, st.sampled_from(["*", "?", "", "*.*", "**", "\x00", "a\udc80"])))
    path = draw(st.sampled_from(paths))
    start, end = sorted((draw(st.integers(0, len(path))), draw(st.integers(0, len(path)))))
    wild = draw(st.sampled_from(["*", "?", "**", "?" * (end - start), "", "%", "_", path[start:end].upper()]))
    return draw(st.sampled_from([path[:start] + wild + path[end:], path[:end], path[:end].upper() + "*"]))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], AccessScope]:
    """Some paths, and a scope made with them in mind."""
    paths = draw(st.lists(PATHS, min_size=1, max_size=6))
    some = st.lists(globs(paths), max_size=3).map(tuple)
    return paths, AccessScope(draw(some), draw(some))


@pytest.fixture(scope="module", params=catalogs.DATABASES)
def connection(request) -> Iterator[Connection]:
    if request.param == "sqlite":
        engine = create_engine("sqlite://")
    else:
        url = request.getfixturevalue("postgres_server").create_database("visibility")
        engine = create_engine("postgresql+psycopg://" + url.partition("://")[2])
    with engine.connect() as connection:
        probe.metadata.create_all(connection)
        yield connection
    engine.dispose()


def seen(connection: Connection, paths: list[str], scope: AccessScope) -> list[str]:
    """What SQL lets through, in the order of `paths`."""
    connection.execute(probe.delete())
    connection.execute(insert(probe), [{"id": n, "path": path} for n, path in enumerate(paths)])
    return list(connection.execute(select(probe.c.path).where(visible(scope, probe.c.path)).order_by(probe.c.id)).scalars())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example((["wh.a%c", "wh.abc", "wh.a_c"], AccessScope(("wh.a%c",))))
@example((["wh.a_c", "wh.abc"], AccessScope(("*",), ("wh.a_c",))))
@example((["wh.a\\b", "wh.a/b", "wh.a\nb"], AccessScope(("wh.a?b",), ("*\\*", "*/*"))))
@example((["wh.hr", "wh.hr.salaries", "wh.hrx", "wh.hr.a.b"], AccessScope(("*",), ("WH.HR",))))
@example((["wh.*", "wh.?", "wh.x"], AccessScope(("wh.?",), ())))
@given(case=cases())
def test_sql_shows_what_the_predicate_permits(connection, case):
    """Wildcards of globs work, wildcards of SQL do not; a glob covers itself and what is below it."""
    paths, scope = case
    assert seen(connection, paths, scope) == [path for path in paths if scope.permits(path)]


@settings(max_examples=1_000, deadline=None)
@example((["wh.a", "wh.ab", "wh.a.b"], AccessScope(("wh.a", "wh.ab*"), ("*b", "wh.a?"))))
@example((["", "\n", "a"], AccessScope(("**",), ("",))))
@given(case=cases())
def test_the_form_for_many_paths_permits_the_same(case):
    """All globs of a side in one expression."""
    paths, scope = case
    assert [chooser(scope)(path) for path in paths] == [scope.permits(path) for path in paths]


@settings(max_examples=1_000, deadline=None)
@example((["wh.a", "wh.a.b", "wh.a.b.c"], AccessScope(("wh.a.b",), ("wh.a.b.c",))))
@example((["wh.", "wh..", "wh"], AccessScope(("wh.", ".*", "?"), ("wh..",))))
@given(case=cases())
def test_what_is_said_of_everything_below_is_so(case):
    """Of the path itself too: whatever is said of a path holds for each of its continuations."""
    paths, scope = case
    for path in paths:
        said = chooser_below(scope)(path)
        below = [path, *(path + "." + other for other in paths), *(other for other in paths if other.startswith(path + "."))]
        assert said is None or all(scope.permits(one) is said for one in below)


def test_full_and_empty_scopes(connection):
    """Everything and nothing, also for names that look like patterns."""
    paths = ["wh.a", "wh.%", "wh.\n", "%"]
    assert seen(connection, paths, FULL_SCOPE) == paths
    assert seen(connection, paths, NO_SCOPE) == []
    assert seen(connection, paths, AccessScope((), ("wh.a",))) == []


def test_a_scope_may_have_thousands_of_globs(connection):
    """SQLite refuses deep expressions; a long list of tables in a token's settings must still work."""
    allow = tuple(f"wh.t{n}" for n in range(3000))
    paths = ["wh.t0", "wh.t2999", "wh.t2999.x", "wh.t3000"]
    assert seen(connection, paths, AccessScope(allow, ("wh.t0",))) == ["wh.t2999", "wh.t2999.x"]
