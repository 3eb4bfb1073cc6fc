"""A bundle knows what is used together as its centre does, and that of a token only from statements that it may see whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.bundle.export import export_bundle
from services.common.runtime.settings import load_settings
from tests.access.served import bearer, token
from tests.support.bundles import bytes_below, sidecar
from tests.support.commands import Server, hw, simple_table, until, write_metadata

NAMES = ("orders", "customers", "parcels", "regions", "zkwages")
SCOPE = {"allow": ["*"], "deny": ["shop.shop.public.zkwages"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with a log of joins, some of them with a table that a reader may not see."""
    folder = tmp_path_factory.mktemp("usage")
    url = write_metadata(folder / "shop.jsonl", *(simple_table(name, f"The {name}") for name in NAMES))
    reader = token("reader")
    (folder / "headwater.toml").write_text(
        f'[sources.shop]\nurl = "{url}"\nnamespace = "postgres://db1:5432"\n'
        f'[tokens.admin]\nsha256 = "{token("admin").sha256}"\nrole = "admin"\n'
        f'[tokens.reader]\nsha256 = "{reader.sha256}"\nallow = {json.dumps(SCOPE["allow"])}\ndeny = {json.dumps(SCOPE["deny"])}\n',
        encoding="utf-8",
    )
    joined = [("orders", "customers")] * 9 + [("orders", "zkwages")] * 12 + [("customers", "regions")] * 3
    lines = [
        {
            "sql": f"SELECT a.amount FROM shop.public.{a} a JOIN shop.public.{b} b ON a.id = b.id WHERE a.amount > {at}",
            "user": f"zkperson{at % 4}",
            "at": f"2031-05-0{1 + at % 7}T10:00:00Z",
            "source": "shop",
            "dialect": "postgres",
        }
        for at, (a, b) in enumerate(joined)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    done = hw("crawl", "shop", "--query-log", folder / "log.jsonl", home=folder / "home", cwd=folder)
    assert done.code == 0, done.err
    return folder / "home"


def _told(get: Any) -> dict[str, Any]:
    """What is said of each table: the asset with its usage, and what goes with it."""
    assets = get("/assets", {"limit": 50})["assets"]
    out: dict[str, Any] = {}
    for asset in assets:
        whole = get(f"/assets/{asset['id']}", {})
        if whole["usage"] is not None:
            whole["usage"].pop("users")  # of administrators alone, and who asks a bundle is a reader
        out[asset["qualified_name"]] = (whole, get(f"/assets/{asset['id']}/related", {}))
    return out


def test_related_and_usage_are_the_centre_s(home, tmp_path):
    """For everybody's bundle and for a token's; no byte of the hidden table, and of a part no byte of a person."""
    want = {}
    with Server("serve", home=home) as server:
        server.client.headers.update(bearer("admin"))
        server.ready()
        orders = server.get("/assets", name="shop.public.orders")["assets"][0]["id"]
        until(lambda: [i for i in server.get(f"/assets/{orders}/related")["items"] if i["basis"] == "observed"], "the log")
        for name in ("admin", "reader"):
            server.client.headers.update(bearer(name))
            want[name] = _told(lambda path, params: server.get(path, **params))
    settings = load_settings(
        config=home.parent / "headwater.toml", environ={"HEADWATER_HOME": str(home), "HEADWATER_MODEL": "hashing"}
    )
    export_bundle(settings, tmp_path / "admin")
    export_bundle(settings, tmp_path / "reader", token="reader")
    for name, told in want.items():
        with sidecar(tmp_path / name) as alone:
            mine = _told(lambda path, params: alone.get(path, params=params).json())
            for table, (asset, related) in told.items():
                assert mine[table][0] == asset
                for item, theirs in zip(mine[table][1]["items"], related["items"], strict=True):
                    assert item == theirs
            basket = alone.client.post("/api/v1/related", json={"assets": ["orders"], "limit": 3})
            assert basket.status_code == 200
    observed = {
        item["qualified_name"] for item in want["admin"]["shop.public.orders"][1]["items"] if item["basis"] == "observed"
    }
    assert observed == {"shop.public.customers", "shop.public.zkwages"}
    part, whole = bytes_below(tmp_path / "reader"), bytes_below(tmp_path / "admin")
    assert b"zkwages" in whole
    assert b"zkwages" not in part
    assert b"zkperson" not in part
