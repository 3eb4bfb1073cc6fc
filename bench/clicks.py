"""Simulated people for `bench.feedback`: how they read a list of hits and where they click, by four models of the literature.

Each takes how attractive and how satisfying every hit is, best place first, and returns the places that are clicked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

ClickModel = Callable[[Sequence[float], Sequence[float], random.Random], list[int]]
GOLD, OTHER = 0.85, 0.08
"""How attractive a hit is that answers the question, and one that does not: people misjudge what they read."""
SATISFIES, DISAPPOINTS = 0.75, 0.15
"""How often an opened table ends the search."""


def position_based(attraction: Sequence[float], _satisfaction: Sequence[float], dice: random.Random) -> list[int]:
    """Each place is looked at by itself, the deeper the less (Richardson et al., 2007): what the learner assumes."""
    return [at for at, wanted in enumerate(attraction) if dice.random() < (at + 1) ** -0.8 and dice.random() < wanted]


def cascade(attraction: Sequence[float], _satisfaction: Sequence[float], dice: random.Random) -> list[int]:
    """From the top until the first click (Craswell et al., 2008), with patience for about seven hits."""
    for at, wanted in enumerate(attraction):
        if dice.random() < wanted:
            return [at]
        if dice.random() < 0.15:
            break
    return []


def dynamic_bayesian(attraction: Sequence[float], satisfaction: Sequence[float], dice: random.Random) -> list[int]:
    """From the top, with as many clicks as it takes until one satisfies (Chapelle & Zhang, 2009)."""
    clicked = []
    for at, (wanted, enough) in enumerate(zip(attraction, satisfaction, strict=True)):
        if dice.random() < wanted:
            clicked.append(at)
            if dice.random() < enough:
                break
        if dice.random() > 0.88:
            break
    return clicked


def random_walk(attraction: Sequence[float], satisfaction: Sequence[float], dice: random.Random) -> list[int]:
    """Eyes that jump: they begin in the middle at times, skip, go back, and pass over what stands beside something just opened."""
    clicked: list[int] = []
    at = 0 if dice.random() < 0.7 else dice.randrange(min(5, len(attraction)))
    for _ in range(25):
        beside = 0.5 if any(abs(at - place) == 1 for place in clicked) else 1.0
        if at not in clicked and dice.random() < attraction[at] * beside:
            clicked.append(at)
            if dice.random() < satisfaction[at]:
                break
        if dice.random() < 0.12:
            break
        step = dice.choices((1, 2, 3, -1, -at), (55, 15, 8, 15, 7))[0]
        at = min(max(at + step, 0), len(attraction) - 1)
    return clicked


MODELS: dict[str, ClickModel] = {
    "cascade": cascade,
    "dynamic Bayesian": dynamic_bayesian,
    "random walk": random_walk,
    "position-based (assumed by the learner)": position_based,
}
