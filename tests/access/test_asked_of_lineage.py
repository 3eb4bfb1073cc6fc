"""What lineage is asked by a time or with bounds: every answer is one, or a refusal that names what to change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from services.common.model.access import AccessScope, Role
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.indexer.crawl import run_crawl
from services.lineage.service import Lineage
from tests.access.served import Served, bearer, new_home, served, served_world, token, write_lines
from tests.access.test_oracle import Campaign

EXTREME = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-01", "9999-12-31", "2031", "1e400", "NaN")
"""Instants that cannot be in UTC, that no store holds, and bare numbers."""


@pytest.fixture(scope="module")
def centre(tmp_path_factory) -> Iterator[Served]:
    """A catalog of some tables."""
    world = Campaign(1, tables=30, scopes=1, questions=1).world()
    with served_world(tmp_path_factory.mktemp("asked"), world, {}) as made:
        yield made


@pytest.fixture(scope="module")
def asset(centre) -> str:
    """An asset with lineage and a column that has some."""
    for one in centre.get("/assets", "admin", {"limit": 200}).json()["assets"]:
        if len(centre.get(f"/assets/{one['id']}/lineage", "admin").json()["nodes"]) > 1:
            return str(one["id"])
    raise AssertionError("nothing has lineage")


def _refused(answer: Any, *words: str) -> None:
    assert answer.status_code == 422, answer.text
    for word in words:
        assert word in answer.json()["detail"]


@pytest.mark.parametrize("text", EXTREME)
def test_instants_beyond_all_stores_are_refused(centre, asset, text):
    """By every route that takes one."""
    _refused(centre.get(f"/assets/{asset}/lineage", "admin", {"as_of": text}), "as_of", "write")
    _refused(centre.get("/lineage/diff", "admin", {"from": text, "to": "2031-01-01"}), "from", "write")
    _refused(centre.get("/lineage/diff", "admin", {"from": "2031-01-01", "to": text}), "to", "write")
    _refused(centre.get(f"/assets/{asset}/history", "admin", {"as_of": text}), "as_of", "write")
    for key in ("before", "after"):
        answer = centre.client.get("/marquez/api/v1/events/lineage", params={key: text}, headers=bearer("admin"))
        _refused(answer, key, "write")


def test_the_first_and_the_last_instant_are_answered(centre, asset):
    """What is allowed never fails."""
    ends = ("1970-01-01", "9998-12-31T23:59:59Z")
    for text in ends:
        assert centre.get(f"/assets/{asset}/lineage", "admin", {"as_of": text}).status_code == 200
    assert centre.get("/lineage/diff", "admin", {"from": ends[0], "to": ends[1]}).status_code == 200
    answer = centre.client.get("/marquez/api/v1/events/lineage", params={"before": ends[1]}, headers=bearer("admin"))
    assert answer.status_code == 200


@pytest.mark.parametrize("walk", [{"as_of": "9998-01-01"}, {"kinds": "view"}, {"stale": "true"}, {"column": "id"}])
def test_walks_of_the_store_refuse_what_they_do_not_do(centre, asset, walk):
    """Pages, and a bound on neighbours: never passed over in silence."""
    _refused(centre.get(f"/assets/{asset}/lineage", "admin", walk | {"cursor": "abc"}), "cursor")
    _refused(centre.get(f"/assets/{asset}/lineage", "admin", walk | {"fan_out": 5}), "fan_out")


def test_what_lineage_has_not_followed_to_is_pending(tmp_path: Path):
    """The catalog has a table before its lineage is read; only who may see the table is told so."""
    names = ("sales.orders", "hr.salaries")
    lines = [{"database": "shop", "schema": one.split(".")[0], "name": one.split(".")[1], "columns": []} for one in names]
    file = write_lines(tmp_path, "wh", lines)
    settings = Settings(
        home=new_home(tmp_path),
        model="hashing",
        threads=1,
        sources={"wh": SourceSettings(url=f"metadata://{file}", namespace="postgres://db1:5432")},
        tokens={"admin": token("admin", Role.ADMIN), "seller": token("seller", scope=AccessScope(("wh.shop.sales.*",)))},
    )
    with mock.patch.object(Lineage, "start"), served(settings) as made:
        run_crawl("wh", settings.sources["wh"], made.space.sink, by="maker")
        ids = {one["qualified_name"]: one["id"] for one in made.get("/assets", "admin").json()["assets"]}
        for name in names:
            graph = made.get(f"/assets/{ids[f'shop.{name}']}/lineage", "admin").json()
            assert (graph["state"], graph["total"], graph["edges"]) == ("pending", 1, [])
            assert "ask again" in graph["problem"]
        assert made.get(f"/assets/{ids['shop.sales.orders']}/lineage", "seller").json()["state"] == "pending"
        hidden = made.get(f"/assets/{ids['shop.hr.salaries']}/lineage", "seller")
        unknown = made.get(f"/assets/d{'a' * 26}/lineage", "seller")
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        made.space.lineage.follower.catch_up()
        assert made.get(f"/assets/{ids['shop.sales.orders']}/lineage", "seller").json()["state"] == "complete"
