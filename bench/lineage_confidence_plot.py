"""The reliability of a confidence as a picture: what edges were told against how many are right, as SVG written by hand.

`python -m bench.lineage_confidence_plot` draws docs/concepts/reliability.svg from the figures in bench/RESULTS.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "concepts" / "reliability.svg"
HEADING = "### Confidence of edges between columns, as shipped"
_SIZE, _LEFT, _TOP = 320, 56, 24
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .axis, .tick { stroke: #57606a; fill: none }
  .grid { stroke: #d0d7de; fill: none }
  .ideal { stroke: #57606a; stroke-dasharray: 4 4; fill: none }
  .told { stroke: #0969da; stroke-width: 2; fill: none }
  .dot { fill: #0969da }
  .paper { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis, .tick, .ideal { stroke: #9198a1 }
    .grid { stroke: #3d444d }
    .told { stroke: #58a6ff }
    .dot { fill: #58a6ff }
    .paper { fill: #0d1117 }
  }
"""


class Tenth(NamedTuple):
    """The edges of one tenth of confidence: how many, what they were told on average, and the share that is right."""

    edges: int
    told: float
    right: float


def reliability_plot(found: Sequence[Tenth]) -> str:
    """An SVG that is read on light and on dark pages: a dot a tenth, as wide as it has edges, beside the ideal line."""
    width, height = _LEFT + _SIZE + 24, _TOP + _SIZE + 48
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title">',
        '<title id="title">Share of edges between columns that are right, by their confidence</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
    ]
    for step in range(0, 11, 2):
        at = step / 10
        lines.append(f'<path class="grid" d="M{_x(at)} {_y(0)}V{_y(1)}M{_x(0)} {_y(at)}H{_x(1)}"/>')
        lines.append(f'<text x="{_x(at)}" y="{_y(0) + 18}" text-anchor="middle">{at:.1f}</text>')
        lines.append(f'<text x="{_x(0) - 8}" y="{_y(at) + 4}" text-anchor="end">{at:.1f}</text>')
    lines.append(f'<path class="ideal" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>')
    lines.append(f'<path class="axis" d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}"/>')
    points = "L".join(f"{_x(one.told)} {_y(one.right)}" for one in found)
    lines.append(f'<path class="told" d="M{points}"/>')
    for one in found:
        radius = 2 + math.log10(one.edges)
        about = f"told {one.told:.3f}, right {one.right:.3f}: {one.edges:,} edges"
        lines.append(
            f'<circle class="dot" cx="{_x(one.told)}" cy="{_y(one.right)}" r="{radius:.1f}"><title>{about}</title></circle>'
        )
    lines.append(f'<text x="{_x(0.5)}" y="{height - 8}" text-anchor="middle">confidence</text>')
    lines.append(f'<text transform="translate(14 {_y(0.5)}) rotate(-90)" text-anchor="middle">share that is right</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def recorded(results: str) -> list[Tenth]:
    """The tenths in the table below `HEADING` of RESULTS.md.

    Raises:
        ValueError: there is no such table.

    """
    _, found, rest = results.partition(f"\n{HEADING}\n")
    part = rest.partition("\n#")[0]
    rows = re.findall(r"^\|[^|]*\| *([\d,]+) *\| *([\d.]+) *\| *([\d.]+) *\|$", part, re.MULTILINE)
    if not found or not rows:
        raise ValueError(f"bench/RESULTS.md has no table below {HEADING!r}")
    return [Tenth(int(edges.replace(",", "")), float(told), float(right)) for edges, told, right in rows]


def _x(value: float) -> float:
    return round(_LEFT + value * _SIZE, 1)


def _y(value: float) -> float:
    return round(_TOP + (1 - value) * _SIZE, 1)


def main() -> None:
    """Draw the picture of the docs from what is recorded."""
    found = recorded((ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8"))
    PICTURE.write_text(reliability_plot(found), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(found)} tenths")


if __name__ == "__main__":
    main()
