"""How much each feature speaks for a table to be in an answer set. Made by a command, not edited.

Journey 2, step "answer set": `make bench ARGS="answer_sets_fit DATA"` writes this file. Trained on spider_train and its
synonyms alone; what it gains on pools that it never saw is in `bench/RESULTS.md`.
"""

from __future__ import annotations

from collections.abc import Mapping

SHARPNESS = 6.967
"""How much likelier a hit is the anchor for each unit of score, as a logarithm."""
BIAS = -3.0839
WEIGHTS: Mapping[str, float] = {
    "behind_anchor": 1.5598,
    "behind_best": 1.4873,
    "rank": -0.4123,
    "bridge": 1.3073,
    "cover": -1.7839,
    "name_cover": -5.3662,
    "name_said": 0.5987,
    "near": 3.5423,
    "name_words": -0.2962,
    "columns": -0.3348,
    "keys_to_hits": -0.6772,
    "guesses_to_hits": -5.6714,
    "like_hits": -2.7354,
    "key": 3.5802,
    "two_keys": 4.037,
    "no_key": -0.8206,
    "guess_alone": 6.4332,
    "same_name": -4.3817,
    "home": 1.5047,
    "name_overlap": 1.8666,
    "duplicate": -2.8402,
    "says_more": 1.2523,
    "says_less": 2.6052,
    "new_cover": 1.9204,
    "new_name_cover": 6.4425,
    "key_says_more": 6.52,
    "guess_says_more": 22.0683,
    "says_more_behind": -2.4012,
    "guess_behind": -3.2746,
    "like_behind": 0.6869,
    "anchor_says": -0.3698,
    "anchor_keys": -0.4142,
    "uncovered": 0.2209,
    "uncovered_by_names": -2.8888,
    "question_words": 1.5586,
    "keys_known": -0.4042,
}
"""One weight a feature, of its value as it is."""
