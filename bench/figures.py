"""The page of current figures, made of those sections of `RESULTS.md` that are marked for it.

Run: `python -m bench.figures`; `tests/docs/test_figures.py` holds the page in step. A section is on the page when the line
below its heading is `<!-- figures: what it is in a few words -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "RESULTS.md"
PAGE = ROOT / "docs" / "figures.md"
_MARK = re.compile(r"<!-- figures: (.+) -->")
_HEAD = """# Current figures

How well search finds, on pools of questions that anybody can get, beside simple methods over the same documents and with the
controls that must fail. This page is made from [the results of the benchmarks](../bench/RESULTS.md) by `python -m bench.figures`,
which hold the command, date and machine of each figure, and those that are not about search. What the measures mean and how to
get the same for your own catalog: [Measure how well search finds](how-to/measure-search.md).
"""


@dataclass(frozen=True)
class Section:
    """A marked section: its heading, what the mark says, and its lines below the mark."""

    title: str
    about: str
    lines: tuple[str, ...]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(RESULTS.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


def page(results: str) -> str:
    """The page for the text of `RESULTS.md`.

    Raises:
        ValueError: a marked section has no table.

    """
    return "\n".join([_HEAD, *(_shown(section) for section in sections(results))])


def sections(results: str) -> Iterator[Section]:
    """The marked sections, in their order."""
    for text in re.split(r"^## ", results, flags=re.MULTILINE)[1:]:
        title, _, rest = text.partition("\n")
        lines = rest.strip().split("\n")
        mark = _MARK.fullmatch(lines[0])
        if mark is not None:
            yield Section(title.strip(), mark[1], tuple(lines[1:]))


def _shown(section: Section) -> str:
    tables = list(_tables(section.lines))
    if not tables:
        raise ValueError(f"RESULTS.md, {section.title}: marked for the page of figures and has no table")
    command = next(
        (found[0] for line in section.lines if (found := re.search(r"`[^`]*(?:make|headwater) [^`]+`", line))), ""
    )
    date = next((found[0] for line in section.lines if (found := re.search(r"\d{4}-\d{2}-\d{2}", line))), "")
    said = ", ".join(part for part in (command, date) if part)
    return "\n".join([f"## {section.title}", "", f"{section.about}. {said}", "", "\n\n".join(tables), ""])


def _tables(lines: tuple[str, ...]) -> Iterator[str]:
    """Each table of a section, as it stands."""
    rows: list[str] = []
    for line in (*lines, ""):
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            yield "\n".join(rows)
            rows = []


if __name__ == "__main__":
    main()
