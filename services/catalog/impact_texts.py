"""An impact as a table for a spreadsheet and as a picture for a page: names are never taken for formulas or for markup.

Beside journey 3, the last step. Used by the API and by `headwater impact`.
"""

from __future__ import annotations

import csv
import io
import re

from services.catalog.exchange_lines import plain_cell
from services.catalog.impact import How, Impact, pairs

CSV_HEADER = ("depth", "qualified_name", "kind", "how", "columns", "source", "owners", "id", "stage", "carries")
MAX_DRAWN = 200
"""Datasets in a picture, the nearest ones: Mermaid refuses much larger texts, and nobody reads them."""
_PLAIN = re.compile(r"[^\w .\-]")


def as_csv(impact: Impact) -> str:
    """One record a dataset, after a header; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_HEADER)
    for one in impact.affected:
        node = one.node
        texts = node.name.qualified, node.kind or "", one.how, ";".join(one.columns), one.source, ";".join(one.owners)
        carries = "" if one.carries is None else one.carries
        writer.writerow([node.depth, *(text and plain_cell(text) for text in texts), node.id, one.stage, carries])
    return out.getvalue()


def left_out(stale: int) -> str:
    """How many edges an answer leaves out, as a sentence without its end."""
    if stale == 1:
        return "1 edge is left out, because nothing has shown it for long"
    return f"{stale} edges are left out, because nothing has shown them for long"


def as_mermaid(impact: Impact) -> str:
    """A flowchart of the nearest datasets; a dotted line where only rows are decided about. Names are escaped as entities."""
    near = sorted(impact.affected, key=lambda one: (one.node.depth, one.node.name.qualified, one.node.id))[:MAX_DRAWN]
    numbers = {impact.asked.id: 0, **{one.node.id: number for number, one in enumerate(near, 1)}}
    title = impact.asked.name.qualified + (f".{impact.column}" if impact.column is not None else "")
    lines = ["flowchart LR", f'  n0["{escaped(title)}"]:::changed']
    for number, one in enumerate(near, 1):
        owners = f"<br/>{escaped(', '.join(one.owners))}" if one.owners else ""
        lines.append(f'  n{number}["{escaped(one.node.name.qualified)}{owners}"]')
    for source, target, direct in pairs(impact, list(numbers)):
        lines.append(f"  n{numbers[source]} {'-->' if direct else '-.->'} n{numbers[target]}")
    only_rows = [f"n{numbers[one.node.id]}" for one in near if one.how is How.FILTER]
    if only_rows:
        lines.append(f"  class {','.join(only_rows)} rows")
    left = impact.total - len(near)
    if left > 0:
        lines.append(f'  more["and {left} more"]:::more')
    if impact.stale:
        lines.append(f'  stale["{left_out(impact.stale)}"]:::more')
    lines += ["  classDef changed stroke-width:3px", "  classDef rows stroke-dasharray:4", "  classDef more stroke:none"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A text inside a label of Mermaid: whatever is no letter, digit, blank, dot, hyphen or underscore as an entity."""
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text)
