"""What people left in view SQL, defaults and comments never reaches the store: a byte search of the home finds none."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.support.commands import hw

CANARY = "c4n4ry"
SQLITE = f"""
CREATE TABLE remote (id int, password text DEFAULT '{CANARY}-default', note text);
CREATE VIEW v AS SELECT id, 'postgresql://svc:{CANARY}-url@db1/x' AS dsn FROM remote;
CREATE VIEW w AS SELECT id FROM remote WHERE note = 'host=db1 password={CANARY}-libpq user=svc';
"""
LINES = [
    {
        "database": "wh",
        "name": "copied",
        "kind": "view",
        "description": f"loaded with aws_secret_access_key={CANARY}-prose",
        "columns": [{"name": "id"}],
        "sql": f"COPY t FROM 's3://b/k' CREDENTIALS 'aws_access_key_id=AKIAIOSFODNN7EXAMPLE;aws_secret_access_key={CANARY}-copy'",
        "extra": {"token": f"{CANARY}-property", "definition": f"CREATE USER u IDENTIFIED BY '{CANARY}-user'"},
    },
    {"database": "wh", "name": "plain", "columns": [{"name": "password", "description": "hashed, never in the clear"}]},
]


def test_no_secret_of_the_warehouse_s_own_texts_is_stored(tmp_path: Path) -> None:
    """Through the command line into every file of the home; what is no secret stays as it was written."""
    home = tmp_path / "home"
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(SQLITE)
    (tmp_path / "wh.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in LINES), encoding="utf-8")
    for url in (f"sqlite:///{tmp_path / 'shop.db'}", f"metadata://{tmp_path / 'wh.jsonl'}"):
        assert hw("crawl", url, home=home).code == 0
    holders = [path.name for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert holders == []
    with sqlite3.connect(home / "catalog.db") as connection:
        rows = {
            name: (sql, columns) for name, sql, columns in connection.execute("SELECT table_lower, sql, columns FROM asset")
        }
    assert "***" in rows["v"][0]
    assert "***" in rows["w"][0]
    assert "CREDENTIALS" in rows["copied"][0]
    assert "hashed, never in the clear" in rows["plain"][1]


def test_the_byte_search_would_find_one(tmp_path: Path) -> None:
    """The control: a text that is no secret, spelled like the others, is stored where the search looks."""
    home = tmp_path / "home"
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(f"CREATE TABLE t (id int); CREATE VIEW v AS SELECT '{CANARY}' AS bird FROM t;")
    assert hw("crawl", f"sqlite:///{tmp_path / 'shop.db'}", home=home).code == 0
    assert [path for path in home.rglob("*.db*") if CANARY.encode() in path.read_bytes()]
