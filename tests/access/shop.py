"""A small catalog for tests of routes: a table, a hidden table, and a view over both, with a caller of every role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.common.model.access import AccessScope, Role
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.runtime.settings import Settings, TokenSettings
from services.common.runtime.source_settings import SourceSettings
from tests.access.served import Served, new_home, served, token, write_lines

NAMESPACE = "postgres://db1:5432"
LINES = (
    {
        "database": "shop",
        "schema": "sales",
        "name": "orders",
        "description": "what customers bought",
        "columns": [{"name": "id"}, {"name": "salary_id"}],
        "foreign_keys": [{"columns": ["salary_id"], "ref_table": "shop.hr.zkpay", "ref_columns": ["id"]}],
    },
    {"database": "shop", "schema": "sales", "name": "bills", "columns": [{"name": "id"}]},
    {"database": "shop", "schema": "hr", "name": "zkpay", "description": "salaries", "columns": [{"name": "id"}]},
    {
        "database": "shop",
        "schema": "sales",
        "name": "cost",
        "kind": "view",
        "columns": [{"name": "id"}],
        "sql": "SELECT o.id FROM sales.orders o JOIN hr.zkpay p ON p.id = o.salary_id",
    },
)
NOT_HR = AccessScope(("*",), ("*.hr",))
ROLES = {role.value: token(role.value, role) for role in Role}
SCOPED = {"scoped": token("scoped", scope=NOT_HR), "scoped_editor": token("scoped_editor", Role.EDITOR, NOT_HR)}


def id_of(name: str, schema: str = "sales") -> AssetId:
    """The id of one of the tables."""
    return DatasetName(Namespace(NAMESPACE), ("shop", schema, name)).id


HIDDEN = id_of("zkpay", "hr")
UNKNOWN = id_of("zknix", "hr")


@contextmanager
def shop(folder: Path, tokens: dict[str, TokenSettings], *, client: str = "127.0.0.1", **more: Any) -> Iterator[Served]:
    """The catalog, crawled by `maker` and indexed. `elsewhere` is a second source, of which nothing is known yet."""
    sources = {
        "wh": SourceSettings(url=f"metadata://{write_lines(folder, 'wh', LINES)}", namespace=NAMESPACE),
        "elsewhere": SourceSettings(url=f"metadata://{write_lines(folder, 'elsewhere', ())}"),
    }
    settings = Settings(
        home=new_home(folder), model="hashing", threads=1, tokens=tokens, sources=sources | more.pop("sources", {}), **more
    )
    with served(settings, client=client, before=lambda made: made.crawl("wh")) as made:
        made.settle()
        yield made
