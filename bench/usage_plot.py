"""How true probabilities are, drawn: what was right of what was told, a curve a log, as an SVG for light and dark pages.

Behind `bench usage --plot`; the drawing is in `docs/concepts/used-together.md`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from services.indexer.usage.evaluate import Calibration

WIDTH, HEIGHT, EDGE, LEGEND = 560, 400, 52, 150
LOWEST = 0.003
"""Both axes are logarithmic: most of what is told is small. Shares below this stand on the edge."""
FEWEST = 10
"""Bins of fewer items say nothing, and are not drawn."""
TICKS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
COLOURS = ("#2f6fde", "#d9622b", "#2c9c69", "#a04fc4", "#b8860b")
_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #3b3f46 } .axis { stroke: #9aa0a8; fill: none } .true { stroke: #9aa0a8; stroke-dasharray: 4 4 }
@media (prefers-color-scheme: dark) { text { fill: #c9ced6 } .axis, .true { stroke: #6b727c } }
</style>"""


def drawn(found: Mapping[str, Calibration]) -> str:
    """The SVG."""
    label = "What was right of what was told, by log"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">',
        _STYLE,
        f'<path class="axis" d="M{EDGE} {_y(1):.0f}V{_y(LOWEST):.0f}H{_x(1):.0f}"/>',
        f'<path class="true" d="M{_x(LOWEST):.0f} {_y(LOWEST):.0f}L{_x(1):.0f} {_y(1):.0f}"/>',
    ]
    for tick in TICKS:
        parts.append(f'<text x="{_x(tick):.0f}" y="{_y(LOWEST) + 18:.0f}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{EDGE - 8}" y="{_y(tick) + 4:.0f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{(_x(LOWEST) + _x(1)) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">told</text>')
    parts.append(f'<text x="{EDGE}" y="14" text-anchor="middle">right</text>')
    for at, (name, one) in enumerate(found.items()):
        parts += _curve(name, one, COLOURS[at % len(COLOURS)], at)
    return "\n".join([*parts, "</svg>", ""])


def _curve(name: str, one: Calibration, colour: str, at: int) -> list[str]:
    points = [(_x(told), _y(right)) for n, told, right in one.bins if n >= FEWEST]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
    y = 40 + 18 * at
    label = f'<text x="{_x(1) + 26:.0f}" y="{y + 4}">{name}</text>'
    mark = f'<circle cx="{_x(1) + 16:.0f}" cy="{y}" r="4" fill="{colour}"/>'
    return [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>', *dots, mark, label]


def _x(share: float) -> float:
    return EDGE + (WIDTH - EDGE - LEGEND) * _part(share)


def _y(share: float) -> float:
    return 24 + (HEIGHT - 24 - EDGE) * (1 - _part(share))


def _part(share: float) -> float:
    return 1 - math.log(max(share, LOWEST)) / math.log(LOWEST)
