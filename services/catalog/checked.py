"""What a check says of each change: the verdict, why, and who is affected. Values alone.

Beside journey 3: `check` makes them, `check_texts` and the API tell them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.catalog.declared_keys import Pointing
from services.catalog.impact import Impact
from services.common.model.assets import Asset
from services.common.model.schema_changes import Redefinition, SchemaChange

SHOWN = 100
"""Affected datasets that are told for each change, the nearest; all are counted."""


class Verdict(StrEnum):
    """What a change does to what reads the table, the later in this list the worse."""

    SAFE = "safe"  # nothing that is known reads it, or it means nothing to readers
    UNKNOWN = "unknown"  # the table is not known here, or what it has afterwards is not
    RISKY = (
        "risky"  # readers go on, or nothing has shown them for long; values of another meaning, or wider ones, may surprise
    )
    BREAKING = "breaking"  # a known reader fails, the type of its values changes, or a declared key points at what goes

    @property
    def rank(self) -> int:
        """Its place in the list."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class Checked:
    """One change, judged.

    Attributes:
        asset: what it changes; None where no asset is called so, or several are.
        why: one sentence for a person.
        impact: who is affected, the nearest `SHOWN`; None where nobody was looked for.
        redefined: what of it is made otherwise, of a table that is made anew; None where that was not looked for.
        keys: declared keys that point at what goes or changes, all of them; where a whole table does, those of other tables.

    """

    change: SchemaChange
    asset: Asset | None
    verdict: Verdict
    why: str
    impact: Impact | None = None
    keys: tuple[Pointing, ...] = ()
    redefined: Redefinition | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Every change of a check in its order, what could not be read, and the worst verdict of all."""

    changes: tuple[Checked, ...]
    problems: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst; `UNKNOWN` at the least where something could not be read."""
        least = Verdict.UNKNOWN if self.problems else Verdict.SAFE
        return max((least, *(one.verdict for one in self.changes)), key=lambda verdict: verdict.rank)
