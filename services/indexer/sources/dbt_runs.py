"""What dbt's last command did: outcomes of tests and runs from `run_results.json`, by the node's unique id.

Journey 1, step 1; used by `dbt_folder` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.indexer.sources.dbt_artifacts import Entry

SECTIONS = ("results",)
WHOLE = ("metadata", "args")
# `compile` and `docs generate` write the same file with `success` for tests that never ran (seen with dbt 1.10)
_RUN_BY = frozenset({"build", "clone", "retry", "run", "seed", "snapshot", "test"})
_STATES = {
    "pass": "pass",
    "success": "success",
    "fail": "fail",
    "warn": "warn",
    "error": "error",
    "runtime error": "error",
    "partial success": "error",
    "skipped": "skipped",
    "no-op": "skipped",
}


@dataclass(slots=True)
class Runs:
    """Outcomes by unique id: `state`, `at` (ISO 8601), `seconds`, `failures`; empty where nothing was run."""

    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, unique_id: str) -> Mapping[str, Any]:
        """What happened to a node; empty where nothing is known."""
        return self.outcomes.get(unique_id, {})


def runs_from(found: Iterable[Entry]) -> Runs:
    """The outcomes in a file's entries.

    Raises:
        ArtifactBroken: as reading does.
        ValueError: an entry is of another shape; its text says where, and nothing of the content.

    """
    outcomes: dict[str, dict[str, Any]] = {}
    generated_at = command = None
    for entry in found:
        value = entry.value
        if not isinstance(value, dict):
            raise ValueError(f"{entry.section} holds no object")  # noqa: TRY004 — the caller reports values
        if entry.section == "metadata":
            generated_at = value.get("generated_at")
        elif entry.section == "args":
            command = value.get("which")
        else:
            unique_id = value.get("unique_id")
            if not isinstance(unique_id, str):
                raise ValueError("a result has no unique_id")
            outcomes[unique_id] = _outcome(value)
    if isinstance(command, str) and command not in _RUN_BY:
        return Runs()
    for outcome in outcomes.values():
        outcome["at"] = outcome["at"] or (generated_at if isinstance(generated_at, str) else None)
    return Runs(outcomes)


def _outcome(result: Mapping[str, Any]) -> dict[str, Any]:
    timing = [step for step in result.get("timing") or () if isinstance(step, dict)]
    ended = [step.get("completed_at") for step in timing if isinstance(step.get("completed_at"), str)]
    seconds, failures = result.get("execution_time"), result.get("failures")
    return {
        "state": _STATES.get(str(result.get("status")).lower(), "unknown"),
        "at": ended[-1] if ended else None,
        "seconds": seconds if isinstance(seconds, int | float) else None,
        "failures": failures if isinstance(failures, int) else None,
    }
