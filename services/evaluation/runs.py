"""Kept evaluations: a small file each in the home's `eval` folder, so that the next run can be compared question by question.

No question is kept in words: an id stands for it, and its measures.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.common.errors import BadRequest
from services.evaluation.measures import Scored
from services.evaluation.paired import Verdict, compare

FOLDER = "eval"
KEPT = 200
"""Runs of a home; the oldest make room."""
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation.

    Attributes:
        at: when, in UTC, to the microsecond; the run's id is made of it.
        file: the judgements' file name, for people.
        k: the cut-off.
        generation: what answered: a published generation and its delta.
        ranker, model: ids of what ordered and of what encoded; None without an encoder.
        control: the seed of a shuffle; None for a real run. A control is never compared with.

    """

    at: dt.datetime
    file: str
    k: int
    generation: str
    ranker: str
    model: str | None
    control: int | None
    questions: tuple[Scored, ...]

    @property
    def id(self) -> str:
        """Such as `20310501-120000-000000`: in order of time."""
        return self.at.strftime("%Y%m%d-%H%M%S-%f")

    @property
    def judgements(self) -> str:
        """Equal for equal questions with equal gold, in whatever order and whichever file."""
        return hashlib.sha256("\n".join(sorted({one.id for one in self.questions})).encode()).hexdigest()[:16]

    def against(self, before: Run, *, without: Iterable[str] = ()) -> dict[str, Verdict]:
        """Verdicts of this run over an earlier one, on the questions of both but `without`, such as those trained on."""
        left_out = frozenset(without)
        sides = [
            {one.id: one.values for one in run.questions if one.values is not None and one.id not in left_out}
            for run in (before, self)
        ]
        return compare(*sides)


def keep(home: Path, run: Run) -> None:
    """Write a run into the home, and remove the oldest beyond `KEPT`."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder / f".{run.id}.{os.getpid()}"
    unfinished.write_text(json.dumps(_plain(run), separators=(",", ":")), encoding="utf-8")
    unfinished.replace(folder / f"{run.id}.json")
    for path in sorted(folder.glob("*.json"))[:-KEPT]:
        path.unlink(missing_ok=True)


def kept(home: Path) -> list[Run]:
    """The runs of a home, oldest first; files of another format are left out."""
    return [run for path in sorted((home / FOLDER).glob("*.json")) if (run := _read(path)) is not None]


def previous(runs: Sequence[Run], run: Run) -> Run | None:
    """The newest earlier run of the same judgements at the same cut-off; never a control."""
    same = [
        one for one in runs if one.at < run.at and one.control is None and (one.judgements, one.k) == (run.judgements, run.k)
    ]
    return same[-1] if same else None


def named(runs: Sequence[Run], name: str) -> Run:
    """The one run whose id is or begins with `name`, or `last`, or a file that holds a run.

    Raises:
        BadRequest: there is none, or there are several.

    """
    if Path(name).is_file():
        found = _read(Path(name))
        if found is None:
            raise BadRequest(f"{name} holds no run of `headwater eval`")
        return found
    if name == "last" and runs:
        return runs[-1]
    fitting = [run for run in runs if run.id.startswith(name)]
    if len(fitting) != 1:
        what = "several runs begin with" if fitting else "there is no run"
        raise BadRequest(f"{what} {name}; `headwater eval --runs` lists them")
    return fitting[0]


def _plain(run: Run) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "at": run.at.isoformat(),
        "file": run.file,
        "k": run.k,
        "generation": run.generation,
        "ranker": run.ranker,
        "model": run.model,
        "control": run.control,
        "questions": [[one.id, one.kind, one.values, one.answerable] for one in run.questions],
    }


def _read(path: Path) -> Run | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != _FORMAT:
            return None
        return Run(
            at=dt.datetime.fromisoformat(raw["at"]),
            file=raw["file"],
            k=raw["k"],
            generation=raw["generation"],
            ranker=raw["ranker"],
            model=raw["model"],
            control=raw["control"],
            questions=tuple(Scored(*one) for one in raw["questions"]),
        )
    except (ValueError, KeyError, TypeError, OSError):
        return None
