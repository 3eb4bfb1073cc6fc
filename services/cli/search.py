"""`headwater search`: a question answered in the terminal, with why. Journey 2 without a server."""

from __future__ import annotations

import argparse
import secrets
import textwrap
from dataclasses import replace

from services.catalog.access import LOCAL
from services.catalog.api.schemas import HitShape
from services.catalog.api.search_sets import answer_shape
from services.catalog.api.search_shapes import hit_shapes, search_shape
from services.catalog.job_hits import find_with_jobs
from services.catalog.search import WholeAnswer, WholeHit, WholeSet, question
from services.cli.exits import DONE
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Kind
from services.common.model.lineage import Direction, LineageRequest
from services.common.model.search import Filters
from services.workspace import Workspace

MAX_K = 200
FOLDED_SHOWN = 3
"""Tables under a hit that are named."""
UNLIKELY = 0.15
"""Below this, the answer is introduced with a doubt. `answerable` was fitted where every second question had no answer; where one in
seven has none, it is more likely than not at this."""


def run(arguments: argparse.Namespace) -> int:
    """Answer one question."""
    if not 1 <= arguments.k <= MAX_K:
        raise BadRequest(f"-k is 1 to {MAX_K}")
    try:
        kinds = tuple(Kind(kind) for kind in arguments.kind)
    except ValueError:
        raise BadRequest(f"--kind is one of {', '.join(Kind)}") from None
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        space.indexer.open()
        space.indexer.usage.catch_up(space.lineage.statements)  # what is popular stands first among what fits alike
        typed = question(arguments.question, me=LOCAL.name, scope=FULL_SCOPE)
        filters = Filters(kind=kinds)
        wants_set = arguments.answer == "tables"
        query = replace(typed, limit=arguments.k, filters=filters, fold=arguments.fold, answer_set=wants_set)
        whole = find_with_jobs(query, space.indexer.retriever, space.reader, space.vocabulary, space.lineage.events)
        if arguments.json:
            print_json(search_shape(query, whole, secrets.token_hex(16)).model_dump(mode="json", by_alias=True))
        else:
            _print(whole, space)
    finally:
        space.close()
    return DONE


def _print(whole: WholeAnswer, space: Workspace) -> None:
    if whole.answer.degraded:
        say(f"note: {', '.join(whole.answer.degraded)}; answered by {whole.answer.mode.value} search")
    if read := [f"'{one.word}' as '{one.read_as}'" for one in whole.answer.corrections]:
        say(f"read {', '.join(read)}")
    if not whole.hits and not whole.named and not whole.jobs:
        say("nothing found; `headwater doctor` says what is indexed")
        return
    if whole.answer.answerable < UNLIKELY:
        # the figure itself, as `--json` and the API have it: what stands below is what is nearest, in the same order as ever
        say(f"probably nothing here answers this (answerable {whole.answer.answerable:.2f} of 1); the nearest are:")
    if whole.together is not None and whole.together.tables:
        _print_set(whole.together)
    shapes = hit_shapes(whole)
    before = len(whole.named)
    for place, job in enumerate(shapes[:before], 1):
        _print_job(place, job)
    for place, hit in enumerate(whole.hits, 1):
        _print_hit(before + place, hit)
        if place == 1 and hit.column is None:
            _print_lineage(hit, space)
    behind = before + len(whole.hits)
    for place, job in enumerate(shapes[behind:], behind + 1):
        _print_job(place, job)


def _print_set(together: WholeSet) -> None:
    """The tables that answer the question together, their joins as SQL, and what they lack."""
    shape = answer_shape(together)
    print(f"together (expected F1 {shape.confidence:.2f}): {', '.join(table.qualified_name for table in shape.tables)}")
    for line in shape.sql.splitlines():
        print(f"    {line}")
    for missing in shape.missing:
        print(f"    missing: {missing.text}")


def _print_hit(place: int, whole: WholeHit) -> None:
    asset, hit = whole.asset, whole.hit
    name = f"{asset.name.qualified}.{whole.column.name}" if whole.column else asset.name.qualified
    status = f", {asset.status.value}" if asset.status else ""
    print(f"{place:>2}. {name}  ({hit.kind.value}{status}, score {hit.score:.3f})")
    described = (whole.column or asset).description
    if described:
        print(textwrap.shorten(" ".join(described.split()), 110, placeholder=" …", break_long_words=True).join(("    ", "")))
    if hit.n_folded:
        shown = [one.name.qualified for one in whole.folded[:FOLDED_SHOWN]]
        more = f" and {hit.n_folded - len(shown)} more" if hit.n_folded > len(shown) else ""
        print(f"    with {', '.join(shown)}{more}")
    for reason in hit.why[:3]:
        print(f"    {reason.contribution:+.2f} {reason.text}")


def _print_job(place: int, job: HitShape) -> None:
    print(f"{place:>2}. {job.qualified_name}  (job {job.id}, score {job.score:.3f})")
    for reason in job.why:
        print(f"    {reason.contribution:+.2f} {reason.text}")


def _print_lineage(whole: WholeHit, space: Workspace) -> None:
    """One hop each way for the best hit: where it comes from, and what breaks if it changes."""
    space.lineage.follower.catch_up()
    walker = space.lineage.walker
    for direction, label in ((Direction.UPSTREAM, "made from"), (Direction.DOWNSTREAM, "used by")):
        try:
            graph = walker.walk(LineageRequest(whole.asset.id, FULL_SCOPE, direction, depth=1, limit=8))
        except NotFound:
            return
        names = [node.name.qualified + (" (gone)" if node.gone else "") for node in graph.nodes if node.depth != 0]
        if names:
            more = f" and {graph.total - 1 - len(names)} more" if graph.total - 1 > len(names) else ""
            print(f"    {label}: {', '.join(names)}{more}")
