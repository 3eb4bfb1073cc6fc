"""`headwater searches`: what people asked and did not find, what they opened, and how long that took them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from services.catalog.api.feedback import analytics_shape
from services.catalog.search_history import Asked, SearchFigures
from services.cli.exits import DONE
from services.cli.terminal import say, settings_of
from services.common.errors import BadRequest
from services.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of the last weeks."""
    if arguments.limit < 1:
        raise BadRequest("--limit is 1 or more")
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        found = space.search_history.figures(weeks=arguments.weeks, limit=arguments.limit)
    finally:
        space.close()
    if arguments.json:
        print(analytics_shape(found).model_dump_json(indent=2))
        return DONE
    _print(found)
    if settings.search_log == "off":
        say("note: searches are not recorded (search_log is off)")
    return DONE


def _print(found: SearchFigures) -> None:
    print(f"{found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}: {found.answers:,} answers to {found.people:,} callers")
    if not found.answers:
        return
    print(f"seen by a person {found.seen:,}, opened {found.opened:,}", end="")
    if found.first_open_s is not None:
        print(
            f"; to the first opened hit {found.first_open_s[0]:.1f} s (median), {found.first_open_s[1]:.1f} s (90 %)", end=""
        )
    print()
    _print_asked("nothing was found", found.zero_results)
    _print_asked("seen, and nothing opened", found.abandoned)
    print("\nweek        answers  zero  opened  clicks by rank")
    for week in found.weeks:
        clicks = "  ".join(f"{rank}: {count}" for rank, count in sorted(week.clicks_by_rank.items())) or "none"
        print(f"{week.monday}  {week.answers:>7}{week.zero_results:>6}{week.opened:>8}  {clicks}")


def _print_asked(title: str, asked: Sequence[Asked]) -> None:
    if not asked:
        return
    print(f"\n{title}\n{'people':>7}{'times':>7}  question")
    for one in asked:
        print(f"{one.people:>7}{one.times:>7}  {one.words if one.words is not None else f'({one.key})'}")
