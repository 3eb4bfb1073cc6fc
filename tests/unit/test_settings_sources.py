"""What the settings say of sources: namespaces and aliases, files behind URLs, references to passwords, masking."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from services.common.errors import WrongSettings
from services.common.runtime.settings import Settings, load_settings
from services.common.runtime.source_settings import (
    SourceSettings,
    file_of,
    file_stem,
    mask,
    read_reference,
    source_namespace,
    url_namespace,
)


def settings_of(**sources: dict[str, object]) -> Settings:
    return load_settings({"sources": sources}, environ={}, config=None)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("url", "namespace"),
    [
        ("postgresql://u:p@DB1/shop", "postgres://db1:5432"),
        ("postgresql+psycopg://db1:6000/shop?sslmode=require", "postgres://db1:6000"),
        ("mysql://db1/shop", "mysql://db1:3306"),
        ("mariadb+pymysql://db1/shop", "mysql://db1:3306"),
        ("duckdb:////data/shop.duckdb", "duckdb:///data/shop.duckdb"),
        ("DuckDB:////data/x/../shop.duckdb?access_mode=read_only", "duckdb:///data/shop.duckdb"),
        ("sqlite+pysqlite:////data/shop.db", "sqlite:///data/shop.db"),
        ("metadata://x/y/spider.tables.jsonl.gz", "metadata://spider.tables"),
        ("metadata:///x/spider.jsonl", "metadata://spider"),
        ("snowflake://u:p@ORG-account/db?warehouse=w", "snowflake://org-account"),
        ("trino://h/cat", "trino://h:8080"),
    ],
)
def test_the_namespace_comes_from_the_url(url, namespace):
    """Host and port, a file's absolute path, or a metadata file's stem."""
    assert source_namespace(SourceSettings(url=url)) == namespace
    assert url_namespace(url) == namespace


def test_a_relative_file_has_the_namespace_of_its_absolute_path(tmp_path):
    """The same file from two folders is one."""
    wanted = f"duckdb://{tmp_path}/shop.duckdb"
    for url in ("duckdb:///shop.duckdb", "duckdb:///./x/../shop.duckdb", f"duckdb:///{tmp_path}/shop.duckdb"):
        assert source_namespace(SourceSettings(url=url)) == wanted


def test_a_namespace_that_is_set_wins_over_the_url():
    """And what the URL leads to becomes another name of it."""
    settings = settings_of(
        wh={"url": "postgresql://localhost:15432/shop", "namespace": "PostgreSQL://DB1", "aliases": ["pg://lb"]}
    )
    among = settings.namespaces()
    for raw in ("postgres://localhost:15432", "postgres://LB", "postgres://db1"):
        assert among.resolve(raw) == "postgres://db1:5432"
        assert among.source_of(among.resolve(raw)) == "wh"


def test_a_relative_file_is_no_alias_of_a_file_at_the_root():
    """`duckdb:///shop.duckdb` is written with three slashes as a relative URL and as an absolute namespace."""
    among = settings_of(a={"url": "duckdb:///shop.duckdb"}, b={"url": "duckdb:////shop.duckdb"}).namespaces()
    assert among.source_of(among.resolve("duckdb:///shop.duckdb")) == "b"


def test_artifacts_have_the_namespace_of_what_they_describe():
    """Their models are the tables of the source that `into` names, and own nothing of it."""
    settings = settings_of(wh={"url": "postgresql://db1/shop"}, models={"url": "dbt://target", "into": "wh"})
    assert source_namespace(settings.sources["models"]) == "postgres://db1:5432"
    among = settings.namespaces()
    assert (dict(among.sources), dict(among.databases)) == ({}, {"postgres://db1:5432": {"shop": "wh"}})


@pytest.mark.parametrize("into", ["nobody", "models"])
def test_artifacts_go_into_another_source_that_is_there(into):
    """A name that does not exist is found at the start."""
    with pytest.raises(WrongSettings, match=f"models goes into {into}"):
        settings_of(models={"url": "dbt://target", "into": into})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"url": "postgresql://db1/shop"}, {"url": "postgresql://DB1:5432/Shop"}),
        ({"url": "mysql://db1"}, {"url": "mariadb://DB1:3306/"}),
        ({"url": "duckdb:///x.duckdb"}, {"url": "duckdb:///./x.duckdb"}),
        ({"url": "mysql://db1"}, {"url": "duckdb:///x.duckdb", "namespace": "mysql://db1"}),
    ],
)
def test_two_sources_cannot_have_one_namespace(a, b):
    """Nor one database of it: their tables would be the same assets; both are named."""
    with pytest.raises(WrongSettings, match="sources a and b have the same namespace"):
        settings_of(a=a, b=b)


def test_databases_of_one_server_are_sources_of_their_own():
    """And what names no database is meant only where there is but one; the rest of the server is nobody's."""
    two = settings_of(a={"url": "postgresql://db1/shop"}, b={"url": "postgresql://db1/crm"}).namespaces()
    namespace = two.resolve("postgres://db1")
    assert [two.source_of(namespace, name) for name in ("shop", "CRM", "other", None)] == ["a", "b", "unlisted", "unlisted"]
    one = settings_of(a={"url": "mysql://db1/shop"}).namespaces()
    assert one.source_of(one.resolve("mysql://db1")) == "a"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"aliases": ["postgres://lb"]}, {"aliases": ["postgres://lb"]}),
        ({"aliases": ["postgres://b"]}, {}),
        ({}, {"aliases": ["postgres://a"]}),
        ({"aliases": ["postgres://prod"]}, {"namespace": "postgres://prod"}),
        ({"aliases": ["postgres://b"]}, {"namespace": "postgres://prod"}),
    ],
)
def test_an_alias_stands_for_one_namespace(a, b):
    """Whichever of the two sources comes first."""
    sources = {"a": {"url": "postgresql://a/x", **a}, "b": {"url": "postgresql://b/x", **b}}
    for names in (("a", "b"), ("b", "a")):
        with pytest.raises(WrongSettings, match="stands for two namespaces"):
            settings_of(**{name: sources[name] for name in names})


def test_an_alias_may_be_said_twice():
    """Or be the namespace itself."""
    source = {"url": "postgresql://a/x", "aliases": ["postgres://a", "pg://A:5432", "postgres://lb", "postgres://LB"]}
    assert dict(settings_of(a=source).namespaces().aliases) == {"postgres://lb:5432": "postgres://a:5432"}


def test_files_of_one_name_may_each_have_a_namespace():
    """Their stems alone would be the same."""
    among = settings_of(
        a={"url": "metadata://x/tables.jsonl", "namespace": "postgres://a"},
        b={"url": "metadata://y/tables.jsonl", "namespace": "postgres://b"},
    ).namespaces()
    assert dict(among.sources) == {"postgres://a:5432": "a", "postgres://b:5432": "b"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("duckdb:////data/shop.duckdb", "/data/shop.duckdb"),
        ("sqlite:////data/shop.db?mode=ro", "/data/shop.db"),
        ("sqlite:////data/a b#1.db", "/data/a b#1.db"),
        ("sqlite:////data/Größe%20.db", "/data/Größe%20.db"),
    ],
)
def test_four_slashes_are_an_absolute_path(url, path):
    """As in SQLAlchemy's URLs, whose paths are not percent-encoded either."""
    assert file_of(url) == Path(path)


def test_three_slashes_are_a_relative_path(tmp_path, monkeypatch):
    """From where the command was started; a tilde is the user's folder."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert file_of("duckdb:///shop.duckdb") == tmp_path / "shop.duckdb"
    assert file_of("sqlite://shop.db") == tmp_path / "shop.db"
    assert file_of("duckdb:///~/shop.duckdb") == Path("/home/ann/shop.duckdb")


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("x/spider.tables.jsonl.gz", "spider.tables"),
        ("spider.jsonl", "spider"),
        ("a/.jsonl", ".jsonl"),
        ("a/b", "b"),
        ("c.gz", "c"),
    ],
)
def test_the_stem_of_a_file(path, stem):
    """Without `.gz` and the last suffix."""
    assert file_stem(path) == stem


NASTY = " p@ss:/?#[]% \"'ü\\ "


def test_a_password_is_read_when_connecting(tmp_path, monkeypatch):
    """From a variable or a file, quoted so that the URL still has one host; one in the URL is replaced."""
    monkeypatch.setenv("WH_PASSWORD", NASTY)
    file = tmp_path / "password"
    file.write_text(NASTY + "\r\n", encoding="utf-8")
    for url in ("postgresql://ann@db1:6000/shop?sslmode=require", "postgresql://ann:old@db1:6000/shop?sslmode=require"):
        for reference in ("env:WH_PASSWORD", f"file:{file}"):
            source = SourceSettings(url=url, password=reference)
            parts = urlsplit(source.connection_url())
            assert (parts.username, unquote(parts.password or ""), parts.hostname, parts.port) == ("ann", NASTY, "db1", 6000)
            assert (parts.path, parts.query) == ("/shop", "sslmode=require")
            assert NASTY not in repr(source)


def test_without_a_reference_the_url_is_the_drivers():
    """Unchanged, password or not."""
    assert SourceSettings(url="postgresql://u:p@db1/x").connection_url() == "postgresql://u:p@db1/x"


@pytest.mark.parametrize("url", ["postgresql://db1/shop", "duckdb:///x.duckdb", "postgresql://db1"])
def test_a_password_needs_a_user_in_the_url(url, monkeypatch):
    """There is no place for it otherwise."""
    monkeypatch.setenv("WH_PASSWORD", "S3CR3T")
    with pytest.raises(WrongSettings, match="names a user") as caught:
        SourceSettings(url=url, password="env:WH_PASSWORD").connection_url()
    assert "S3CR3T" not in str(caught.value)


def test_a_reference_that_leads_nowhere_is_named(tmp_path, monkeypatch):
    """Not set, set to nothing, not there, a folder, empty, no text: what was asked for is in the message, no content."""
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("NOT_SET", raising=False)
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "bytes").write_bytes(b"S3CR3T\xff")
    for reference in ("env:NOT_SET", "env:EMPTY", "env:", "file:missing", "file:.", "file:", "file:empty", "file:bytes"):
        with pytest.raises(WrongSettings) as caught:
            read_reference(reference)
        assert reference in str(caught.value)
        assert "S3CR3T" not in str(caught.value)
        assert not isinstance(caught.value.__cause__, UnicodeError)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:S3CR3T@db1/x", "postgresql://u:***@db1/x"),
        ("postgresql://:S3CR3T@db1/x", "postgresql://:***@db1/x"),
        ("postgresql://u:a@S3CR3T/:x@db1/x", "postgresql://u:***@db1/x"),
        ("postgresql://u@db1/x", "postgresql://u@db1/x"),
        ("postgresql://db1:5432/x", "postgresql://db1:5432/x"),
        (
            "postgresql://db1/x?user=u&password=S3CR3T&sslmode=require",
            "postgresql://db1/x?user=u&password=***&sslmode=require",
        ),
        ("postgresql://db1/x?sslPassword=S3CR3T", "postgresql://db1/x?sslPassword=***"),
        ("snowflake://acc/db?private_key=S3CR3T", "snowflake://acc/db?private_key=***"),
        ("duckdb:///md:x?motherduck_token=S3CR3T", "duckdb:///md:x?motherduck_token=***"),
        ("duckdb:///a:b@c.duckdb", "duckdb:///a:b@c.duckdb"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ],
)
def test_a_masked_url_can_be_shown(url, shown):
    """The password is gone wherever it stands; the rest is there, so that people know which database is meant."""
    assert mask(url) == shown
    assert mask(shown) == shown
