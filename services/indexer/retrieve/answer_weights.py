"""How much each feature speaks for a table to be in an answer set. Made by a command, not edited.

Journey 2, step "answer set": `make bench ARGS="answer_sets DATA --fit"` writes this file. Trained on spider_train and its
synonyms alone; what it gains on pools that it never saw is in `bench/RESULTS.md`.
"""

from __future__ import annotations

from collections.abc import Mapping

BIAS = -2.651
WEIGHTS: Mapping[str, float] = {
    "behind": 0.5603,
    "lead": 0.1828,
    "rank": 0.2176,
    "bridge": 2.453,
    "cover": 1.1994,
    "name_cover": -1.0923,
    "name_said": 0.3575,
    "less_near": 4.3906,
    "near": 1.2855,
    "keys_to_hits": 4.2648,
    "guesses_to_hits": -0.6347,
    "like_hits": -4.1822,
    "name_words": -0.3724,
    "question_words": 1.1527,
    "name_like_better": 0.2025,
    "second": -0.5381,
    "third": -0.9398,
    "later": -1.3468,
    "new_cover": 1.251,
    "new_name_cover": 1.298,
    "key": 0.153,
    "guess": 2.1485,
    "like": 1.4321,
    "same_name": -0.2498,
    "home": 0.607,
    "name_overlap": -0.4329,
    "uncovered": 1.8874,
    "uncovered_by_names": -1.8148,
    "key_and_said": 1.3054,
    "key_and_behind": -0.07,
    "guess_and_behind": -0.0021,
    "joins_two": 0.0732,
    "keys_known": -0.7843,
}
"""One weight a feature, of its value as it is."""
