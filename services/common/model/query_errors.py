"""What a question is refused with: what is wrong where, and what to do. Journey 2, step "query text understood"."""

from __future__ import annotations


class QueryRefused(ValueError):
    """A question that cannot be meant.

    Attributes:
        problem: what is wrong, for a person.
        advice: what to do about it.
        start, end: the place in the question, in code points, `end` behind the last.

    """

    def __init__(self, problem: str, advice: str, start: int, end: int) -> None:
        super().__init__(f"at character {start + 1}: {problem}; {advice}")
        self.problem = problem
        self.advice = advice
        self.start = start
        self.end = end
