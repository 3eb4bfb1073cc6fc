"""`headwater crawl --dry-run` says what the crawl then does, also where a source that was only a URL gets a name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.support.commands import hw

TABLES = ("customers", "orders", "lines", "parcels", "bills")


def made(folder: Path) -> str:
    """A database; returns its URL."""
    with sqlite3.connect(folder / "shop.db") as database:
        for name in TABLES:
            database.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, note TEXT)")
    return f"sqlite:///{folder / 'shop.db'}"


def named(folder: Path, url: str, name: str = "mine") -> Path:
    """A settings file that gives the database a name."""
    file = folder / f"{name}.toml"
    file.write_text(f'[sources.{name}]\nurl = "{url}"\n', encoding="utf-8")
    return file


def test_a_name_takes_a_urls_tables_over_in_the_dry_run_as_in_the_crawl(tmp_path: Path) -> None:
    """Nothing of them changes but whose they are; what is gone is gone, and a second name is refused in both."""
    url, home = made(tmp_path), tmp_path / "home"
    assert hw("crawl", url, home=home).code == 0
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("DROP TABLE bills")
        database.execute("ALTER TABLE parcels ADD COLUMN weight REAL")
    config = named(tmp_path, url)
    dry = hw("crawl", "--config", config, "--dry-run", "--json", "mine", home=home).json["crawls"][0]
    real = hw("crawl", "--config", config, "--json", "mine", home=home).json["crawls"][0]
    assert (dry["state"], dry["tables"]) == (real["state"], real["tables"])
    assert (dry["tables"]["unchanged"], dry["tables"]["changed"], dry["tables"]["gone"]) == (3, 1, 1)
    assert [one["what"] for one in dry["changes"]] == ["gone", "changed"]

    again = hw("crawl", "--config", config, "--dry-run", url, "--json", home=home).json["crawls"][0]
    assert (again["tables"]["unchanged"], again["changes"]) == (4, [])
    other = hw("crawl", "--config", named(tmp_path, url, "other"), "--dry-run", "other", home=home)
    assert other.code != 0
    assert "already belongs to the source mine" in other.err
