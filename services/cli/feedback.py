"""`headwater feedback export`: what many people's clicks say of tables, as a file without people, for training elsewhere."""

from __future__ import annotations

import argparse
import datetime as dt

from services.cli.exits import DONE
from services.cli.terminal import say, settings_of
from services.indexer.learn.evidence import learn, write
from services.indexer.text.tokens import content_words
from services.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    """Learn the evidence from the log of this catalog, and write it."""
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        since = dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.search_log_days)
        evidence = learn(space.search_history.records(since), content_words)
    finally:
        space.close()
    write(arguments.file, evidence)
    pairs = sum(len(one.opened) for one in evidence.questions)
    say(f"{pairs:,} pairs of a question and a table, from {evidence.people:,} callers, written to {arguments.file}")
    if not pairs:
        say("no evidence yet: it takes two callers who used the same words and opened the same table")
    return DONE
