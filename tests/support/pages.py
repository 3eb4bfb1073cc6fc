"""The project's pages as the documentation tests read them: links, tables of settings and errors, examples.

Used by `tests/docs`; the conventions of examples are described in CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from services.common.runtime.settings import LineageSettings, Settings, TokenSettings, UsageSettings
from services.common.runtime.source_settings import SourceSettings

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def pages() -> list[Path]:
    """Every Markdown page of the project."""
    own = list(ROOT.glob("*.md"))
    folders = ("docs", "bench", "tests", "deploy", "services", "web", "tools")
    nested = [path for folder in folders for path in (ROOT / folder).rglob("*.md") if "node_modules" not in path.parts]
    return sorted([*own, *nested])


def text_of(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def links(page: Path) -> list[str]:
    """The targets of a page's links, those inside code left out."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text_of(page)))
    return [match["target"] for match in _LINK.finditer(prose)]


def anchors(page: Path) -> set[str]:
    """What may stand behind `#` in a link to a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the language and the words after it, the text, and the line where it begins."""

    language: str
    flags: frozenset[str]
    body: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page in their order."""
    text = text_of(page)
    for match in _FENCE.finditer(text):
        language, *flags = match["info"].split() or [""]
        yield Block(language, frozenset(flags), match["body"], text.count("\n", 0, match.start()) + 1)


def setting_rows() -> list[str]:
    """The rows that docs/settings.md must have, one for each setting in the code."""
    tables = {"sources": SourceSettings, "tokens": TokenSettings}
    single = {"usage": UsageSettings, "lineage": LineageSettings}
    rows = [
        _row(name, f"HEADWATER_{name.upper()}", field)
        for name, field in Settings.model_fields.items()
        if name not in {**tables, **single}
    ]
    for table, model in single.items():
        prefix = f"HEADWATER_{table.upper()}__"
        rows += [_row(name, prefix + name.upper(), field) for name, field in model.model_fields.items()]
    for table, model in tables.items():
        prefix = f"HEADWATER_{table.upper()}__NAME__"
        rows += [_row(name, prefix + name.upper(), field) for name, field in model.model_fields.items()]
    return rows


def _row(name: str, variable: str, field: FieldInfo) -> str:
    return f"| `{name}` | `{variable}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}):
        return "none"
    return f"`{list(value)}`".replace("'", '"') if isinstance(value, tuple) else f"`{value}`"
