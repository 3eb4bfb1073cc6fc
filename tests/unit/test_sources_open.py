"""From a URL to a source: schemes, namespaces, what a PostgreSQL URL may say, globs, and that passwords stay inside."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from pathlib import Path

import pytest

from services.common.errors import HeadwaterError, SourceFailed, WrongSettings
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from services.indexer.sources.postgresql_url import ALLOWED, connection_parameters
from services.indexer.sources.source import Selection, interrupted_after, one_line


@pytest.mark.parametrize(
    ("url", "namespace", "platform"),
    [
        ("postgresql://u@DB1/shop", "postgres://db1:5432", "postgres"),
        ("postgres://u:p@db1:6000/shop", "postgres://db1:6000", "postgres"),
        ("postgresql+psycopg://db1/shop", "postgres://db1:5432", "postgres"),
        ("duckdb:////data/shop.duckdb", "duckdb:///data/shop.duckdb", "duckdb"),
        ("sqlite:////data/shop.db", "sqlite:///data/shop.db", "sqlite"),
        ("metadata://x/spider.tables.jsonl.gz", "metadata://spider.tables", "metadata"),
    ],
)
def test_a_url_becomes_a_source(url: str, namespace: str, platform: str) -> None:
    """Nothing is connected to yet: none of these exists."""
    with open_source("wh", SourceSettings(url=url)) as source:
        assert (source.info.name, source.info.namespace, source.info.platform) == ("wh", namespace, platform)
        assert source.statements == 0


def test_a_namespace_that_is_set_wins_over_the_url() -> None:
    """Aliases come along in their one spelling."""
    settings = SourceSettings(
        url="postgresql://127.0.0.1:9999/shop", namespace="postgresql://LB1", aliases=("pg://Replica:1",)
    )
    info = open_source("wh", settings).info
    assert (info.namespace, info.aliases, info.platform) == ("postgres://lb1:5432", ("postgres://replica:1",), "postgres")


@pytest.mark.parametrize("url", ["oracel://scott:canary@db/x", "canary", "", "//canary@x", "shop.duckdb"])
def test_an_unknown_scheme_names_the_known_ones(url: str) -> None:
    """And repeats nothing of what may be a secret."""
    with pytest.raises(WrongSettings) as caught:
        open_source("wh", SourceSettings(url=url))
    for known in ("postgresql://", "duckdb://", "sqlite://", "metadata://"):
        assert known in str(caught.value)
    assert "canary" not in str(caught.value)


def test_into_is_for_dbt_alone() -> None:
    """A source that reads tables itself has a namespace of its own."""
    with pytest.raises(WrongSettings, match="into"):
        open_source("wh", SourceSettings(url="duckdb:///x.db", into="other"))


def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extras are optional; the others work without them."""
    monkeypatch.delitem(sys.modules, "services.indexer.sources.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(WrongSettings, match=r"pip install 'headwater\[postgres\]'"):
        open_source("wh", SourceSettings(url="postgresql://db/shop"))
    assert open_source("wh", SourceSettings(url="sqlite:///x.db")).info.platform == "sqlite"
    monkeypatch.undo()
    importlib.import_module("services.indexer.sources.postgresql")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:canary/x@db/shop",
        "postgresql://u:123/canary@db/shop",
        "postgresql://u:canary#x@db/shop",
        "postgresql://u:123#canary@db/shop",
        "postgresql://u:123?canary@db/shop",
        "postgresql://u:canary?x@db/shop",
        "postgresql://u:canary@[db/shop",
        "postgresql://u:canary@db:port/shop",
        "postgresql://u:canary@db1,db2:5432/shop",
        "postgresql://u:canary@/shop?host=/run",
        "postgresql://u:canary@db",
        "postgresql://u:canary@db/shop?options=-cstatement_timeout%3D0",
        "postgresql://u:canary@db/shop?service=x",
        "postgresql://u:canary@db/shop?passfile=/etc/passwd",
        "postgresql://u:canary@db/shop?password=canary",
        "postgresql://u:canary@db/shop?sslmode=require&host=elsewhere",
    ],
)
def test_a_postgresql_url_that_cannot_be_meant_is_refused(url: str) -> None:
    """Passwords with unescaped signs, no host or database, parameters that lead elsewhere: and nothing is repeated."""
    with pytest.raises(HeadwaterError) as caught, open_source("wh", SourceSettings(url=url, timeout_s=1)) as source:
        source.expected()
    assert isinstance(caught.value, WrongSettings)
    assert "canary" not in str(caught.value)
    assert "123" not in str(caught.value)


def test_a_postgresql_url_is_taken_apart() -> None:
    """Escapes are undone, defaults filled in, harmless parameters passed on."""
    parameters = connection_parameters("postgresql+psycopg://a%40b:p%2F%23@[::1]/my%20db?sslmode=require&connect_timeout=3")
    expected = {"host": "::1", "port": 5432, "dbname": "my db", "user": "a@b", "password": "p/#", "sslmode": "require"}
    assert expected.items() <= parameters.items()
    assert parameters["connect_timeout"] == "3"
    assert parameters["application_name"] == "headwater"
    assert "options" not in ALLOWED
    assert not {"user", "password"} & set(connection_parameters("postgresql://db:6000/x"))


def test_a_password_reference_is_followed_when_connecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference that leads nowhere is wrong settings; a password from it never shows."""
    settings = SourceSettings(url="postgresql://u@127.0.0.1:1/shop?connect_timeout=2", password="env:HW_TEST_SECRET")
    monkeypatch.delenv("HW_TEST_SECRET", raising=False)
    with pytest.raises(WrongSettings, match="HW_TEST_SECRET"):
        open_source("wh", settings).expected()
    monkeypatch.setenv("HW_TEST_SECRET", "canary@/#1")
    with pytest.raises(SourceFailed) as caught:
        open_source("wh", settings).expected()
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        ((), (), {"shop.hr.pay", "shop.hr.Pay.v2", "shop.sales.orders"}),
        (("shop.hr",), (), {"shop.hr.pay", "shop.hr.Pay.v2"}),
        (("SHOP.*.PAY",), (), {"shop.hr.pay", "shop.hr.Pay.v2"}),
        ((), ("*.pay",), {"shop.sales.orders"}),
        (("*.or?ers", "*.pay.v?"), ("*.v2",), {"shop.sales.orders"}),
        (("hr",), (), set()),
    ],
)
def test_globs_mean_what_they_mean_in_access(include: tuple[str, ...], exclude: tuple[str, ...], wanted: set[str]) -> None:
    """Without case, stars over dots, and everything below what a glob names."""
    selection = Selection.of(SourceSettings(url="x://y", include=include, exclude=exclude))
    names = ("shop.hr.pay", "shop.hr.Pay.v2", "shop.sales.orders")
    assert {name for name in names if selection.permits(name.split("."))} == wanted


def test_messages_are_one_line_without_the_password() -> None:
    """However a driver spells it; a short message is kept whole."""
    message = one_line(ValueError("failed:\n\tp@ss w#rd, p%40ss%20w%23rd or p%40ss+w%23rd"), "p@ss w#rd")
    assert message == "failed: ***, *** or ***"
    assert len(one_line("x" * 1000)) == 400
    for password in ("se\nCret", "a  b", "tab\tbed", "x\r\nY"):
        assert one_line(f'no entry for "{password}"\nTry again', password) == 'no entry for "***". Try again'
    assert "p@ss" not in one_line("failed for p@ss\n  word", "p@ss word")
    assert one_line("plain") == "plain"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "failed: Connection refused\n\tIs the server running on that host?\n",
            "failed: Connection refused. Is the server running on that host?",
        ),
        ('column "x" does not exist\nLINE 1: SELECT x', 'column "x" does not exist. LINE 1: SELECT x'),
        ("All failures were:\n- host: db1", "All failures were: - host: db1"),
        ("a sentence that\n  goes on. And another\n", "a sentence that goes on. And another"),
        ("it failed.\n\nLocation: US", "it failed. Location: US"),
    ],
)
def test_lines_become_sentences(said: str, line: str) -> None:
    """As PostgreSQL's client says that nobody listens: two lines, of which the first has no end."""
    assert one_line(said) == line


def test_a_block_that_takes_too_long_is_interrupted() -> None:
    """And one that does not is left alone."""
    called = threading.Event()
    with interrupted_after(0.05, called.set):
        assert called.wait(5)
    called.clear()
    with interrupted_after(0.05, called.set):
        pass
    time.sleep(0.1)
    assert not called.is_set()
