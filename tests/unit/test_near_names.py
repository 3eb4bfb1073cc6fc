"""Near names of many names at once: each looked up once, and an indexer that does not answer is waited for once."""

from __future__ import annotations

from collections.abc import Sequence

from services.catalog.check import Checker
from services.catalog.near_names import NearNames
from services.common.errors import ServiceUnavailable
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Kind
from services.common.model.names import AssetId
from services.common.model.schema_changes import ChangeKind, PlannedChanges, SchemaChange
from services.common.model.search import Suggestion


class Indexer:
    """Knows one table, and what it was asked."""

    def __init__(self, *, answers: bool = True) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def suggest(self, prefix: str, scope: AccessScope, *, limit: int = 8) -> Sequence[Suggestion]:
        self.asked.append(prefix)
        if not self._answers:
            raise ServiceUnavailable("the indexer service does not answer")
        return (Suggestion("shop.sales.orders", Kind.TABLE, AssetId("d1")),) if prefix == "ordres" else ()


class Nothing:
    """A catalog without a table."""

    def by_name(self, *_: object) -> tuple[()]:
        return ()


def whys(indexer: Indexer) -> list[str]:
    """What a check says of 20 changes to each of two tables that nobody knows."""
    names = ("sales.ordres", "sales.zzz")
    changes = tuple(SchemaChange(ChangeKind.DROP, name, f"c{at}") for name in names for at in range(20))
    near = NearNames(FULL_SCOPE, indexer)  # type: ignore[arg-type]
    report = Checker(Nothing(), None, FULL_SCOPE, near).check(PlannedChanges(changes, 0))  # type: ignore[arg-type]
    return [one.why for one in report.changes]


def test_each_name_is_looked_up_once():
    indexer = Indexer()
    said = whys(indexer)
    assert set(said[:20]) == {"table sales.ordres is not known here; did you mean shop.sales.orders?"}
    assert set(said[20:]) == {"table sales.zzz is not known here"}
    assert indexer.asked == ["sales.ordres", "ordres", "sales.zzz", "zzz"]


def test_an_indexer_that_does_not_answer_is_asked_once():
    """For whatever many names: each would wait for the end of the time that another service has."""
    indexer = Indexer(answers=False)
    assert set(whys(indexer)) == {"table sales.ordres is not known here", "table sales.zzz is not known here"}
    assert indexer.asked == ["sales.ordres"]
