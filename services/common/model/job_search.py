"""Jobs as hits of a question, as they cross between catalog and lineage.

Journey 2, beside the index: what events tell of jobs is kept by the lineage service, and found there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.common.model.access import AccessScope
from services.common.model.assets import Kind
from services.common.model.conditions import Condition
from services.common.model.events import OPENLINEAGE, Job
from services.common.model.names import UNLISTED

JOB_FIELDS: Mapping[str, str] = {"kind": Kind.JOB.value, "platform": OPENLINEAGE, "source": UNLISTED}
"""What filters compare of a job; it has no database, schema, tag, owner, status and quality."""


@dataclass(frozen=True, slots=True)
class JobQuery:
    """A question for jobs inside a scope.

    Attributes:
        text: words, a name or a question; empty for all jobs.
        where: what every job must fulfil besides; None for nothing.
        offset: jobs to leave out, best first.
        limit: jobs at most, 1 to 1,000.

    """

    text: str
    scope: AccessScope
    where: Condition | None = None
    offset: int = 0
    limit: int = 10


@dataclass(frozen=True, slots=True)
class JobHit:
    """A job found.

    Attributes:
        score: 0 to 1, the share of the question's words that its name has, those inside of a word by half; 0 without words.
        met: the words that its name has.
        named: whether the whole question is its name.

    """

    job: Job
    score: float
    met: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """Jobs, those that the question names first, then best first, ties by namespace and name.

    Attributes:
        total: all that the scope shows and that match.
        n_named: how many of them the question names.
        best: the highest score of all, whichever page is asked for; 0 where nothing matches.

    """

    hits: tuple[JobHit, ...] = field(default=())
    total: int = 0
    n_named: int = 0
    best: float = 0.0
