"""Every SELECT of assets asks the scope: no module outside the store touches the table, and inside it few may skip it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CATALOG = Path(__file__).parents[2] / "services" / "catalog"
STORE = CATALOG / "store"
GUARDS = {"visible", "_seen_by"}
SERVICES_THEMSELVES = {
    "changes.after": "the feed: its readers are the services, which trust the catalog",
    "crawled.stored": "the sink compares what was found with what is there",
    "crawled.known_columns": "the sink keeps columns that the source could not show",
    "crawls._holds_tables": "the sink asks whether a source may change its namespace",
    "containers._last_whole": "the sink asks what the role could when a table was last seen in a container read whole",
    "containers.forget": "the sink keeps what rights a table was last seen with",
    "ending.absent": "the sink judges what a crawl did not show",
    "ending.appeared": "the sink looks for what absent tables may be called now",
    "ending.bury": "the sink takes tables for gone when a crawl ends",
    "ending.first_seen": "a crawl that writes nothing, on the command line, tells renames from new tables",
    "ending.held_by": "the sink asks what a crawl holds, for an administrator who sees everything",
    "ending.hold": "the sink marks what waits for a person's yes",
    "ending.mark_unseen": "the sink marks what was not shown",
    "ending.names": "a crawl that writes nothing, on the command line, names what it would take away",
    "ending.total": "the sink counts a source's tables, to tell how many are more than half",
    "listing.ever_shown": "sources that were never reached are told apart, for those who see everything",
    "layers.rekey": "the sink lets filters know the labels of artifacts",
    "unlisted.adopt": "the sink gives what only events named to the source that is registered for it",
    "unlisted.held": "what events say is compared with what is there",
    "renames.move": "the sink carries out a rename that was seen, or that somebody who sees both names confirmed",
    "renamed.rename": "the sink gives a source's tables the source's new name",
}
READS = {"select", "exists"}


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _called(node: ast.AST) -> set[str]:
    calls = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
    return {f.id if isinstance(f, ast.Name) else f.attr for f in calls if isinstance(f, ast.Name | ast.Attribute)}


def _names_asset(node: ast.AST) -> bool:
    bare = any(isinstance(n, ast.Name) and n.id == "asset" for n in ast.walk(node))
    return bare or any(isinstance(n, ast.Attribute) and n.attr == "asset" for n in ast.walk(node))


def _imports_table(tree: ast.Module) -> bool:
    package, module = "services.catalog.store", "services.catalog.store.tables"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == module for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names if node.module == package}
            if node.module == module or module in whole:
                return True
    return False


def unguarded(source: str, module: str) -> set[str]:
    """The functions of a module that read assets without asking the scope."""
    tree = ast.parse(source)
    if not _imports_table(tree):
        return set()
    reading = (f for f in _functions(tree) if _called(f) & READS and _names_asset(f))
    return {f"{module}.{f.name}" for f in reading if not _called(f) & GUARDS}


def test_no_module_outside_the_store_touches_the_tables():
    """Journeys and routes go through the store's functions."""
    outside = [path for path in CATALOG.rglob("*.py") if STORE not in path.parents]
    assert len(outside) > 4
    assert [path.name for path in outside if _imports_table(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_every_select_of_assets_asks_the_scope():
    """Or is on the short list above, which holds nothing that is not needed."""
    found: set[str] = set()
    for path in STORE.glob("*.py"):
        found |= unguarded(path.read_text(encoding="utf-8"), path.stem)
    assert found == set(SERVICES_THEMSELVES)


@pytest.mark.parametrize(
    "body",
    [
        "def f(c): return c.execute(select(asset))",
        "def f(c): return c.execute(select(func.count()).select_from(asset))",
        "def f(c): return c.execute(select(x).where(exists().where(asset.c.id == 1)))",
    ],
)
def test_the_check_sees_an_unguarded_select(body):
    """A check that finds nothing in bad code would hold nothing."""
    head = "from services.catalog.store.tables import asset\n"
    assert unguarded(head + body, "m") == {"m.f"}
    assert unguarded(head + body.replace("return ", "return visible(s), "), "m") == set()
