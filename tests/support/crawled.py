"""What a source says, sorted out for tests: tables by their dotted name, containers by theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.common.model.assets import ContainerRead, Found
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source


@dataclass(frozen=True)
class Crawled:
    """One read of a source to its end."""

    tables: dict[str, Found]
    containers: dict[str, ContainerRead]
    statements: int
    expected: int | None
    stream: list[Found | ContainerRead]


def crawl(url: str, **settings: Any) -> Crawled:
    """Read the source at `url`; names leave out the database, which tests make up. No table may come twice."""
    with open_source("wh", SourceSettings(url=url, **settings)) as source:
        expected = source.expected()
        stream = list(source.read())
        statements = source.statements
    found = [item for item in stream if isinstance(item, Found)]
    ends = [item for item in stream if isinstance(item, ContainerRead)]
    tables = {".".join(item.name.parts[1:]): item for item in found}
    assert len(tables) == len(found)
    return Crawled(tables, {".".join(end.container.parts[1:]): end for end in ends}, statements, expected, stream)
