"""A scoped reader's answers equal those on a catalog that was crawled without the tables that the scope hides."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from services.common.model.access import AccessScope
from services.common.model.names import scope_path
from services.indexer.sync import worker
from tests.access.answers import differences
from tests.access.questions import Asker, Case, cases
from tests.access.served import Served, served_world
from tests.access.warehouses import make_world
from tests.access.worlds import World


@dataclass(frozen=True)
class Campaign:
    """One world, and how much is asked of it: `questions` cases in each of `scopes` scopes."""

    seed: int
    tables: int
    scopes: int
    questions: int
    published: bool = True

    @property
    def cases(self) -> int:
        return self.scopes * self.questions

    def world(self) -> World:
        return make_world(self.seed, tables=self.tables, scopes=self.scopes, published=self.published)


CAMPAIGNS = (
    Campaign(1, tables=60, scopes=4, questions=27),
    Campaign(2, tables=60, scopes=3, questions=27, published=False),
    Campaign(3, tables=400, scopes=2, questions=20),
    Campaign(4, tables=40, scopes=3, questions=27),
)
LONG = tuple(
    Campaign(seed, tables=(50, 120, 600)[seed % 3], scopes=10, questions=60, published=seed % 4 != 0)
    for seed in range(100, 112)
)


def test_the_campaigns_have_the_cases_that_they_promise():
    """At least 300 in every run of the tests, thousands in the long one."""
    assert sum(campaign.cases for campaign in CAMPAIGNS) >= 300
    assert sum(campaign.cases for campaign in LONG) >= 5_000


def test_the_worlds_have_what_could_leak():
    """Keys, definitions, successors and names known only from SQL that lead from what a scope shows to what it hides."""
    keys = views = successors = ghosts = 0
    for world in (campaign.world() for campaign in CAMPAIGNS):
        paths = world.paths()
        for scope in world.scopes:
            codes = world.hidden_codes(scope)
            shown = [line for shelf in world.shelves for line in shelf.lines if scope.permits(shelf.path(line))]
            keys += sum(code in str(line.get("foreign_keys")).lower() for line in shown for code in codes)
            views += sum(code in line.get("sql", "").lower() for line in shown for code in codes)
            successors += sum(scope.permits(paths[w.asset]) and w.asset in world.loosely_counted(scope) for w in world.words)
            ghosts += sum(not scope.permits(scope_path(source, ghost.parts)) for source, ghost in world.ghosts)
    assert min(keys, views, successors, ghosts) >= 5, (keys, views, successors, ghosts)


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda c: f"seed{c.seed}")
def test_answers_are_those_of_a_catalog_without_the_hidden_tables(campaign, tmp_path):
    """Ids, order, scores, totals, facets, suggestions, lineage, definitions, counts: whole bodies but for `EXCEPTIONS`."""
    _run(campaign, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("campaign", LONG, ids=lambda c: f"seed{c.seed}")
def test_answers_are_those_of_a_catalog_without_the_hidden_tables_at_length(campaign, tmp_path):
    """The same with more worlds, scopes and questions."""
    _run(campaign, tmp_path)


def _run(campaign: Campaign, folder: Path) -> None:
    world = campaign.world()
    tokens = {f"reader{at}": scope for at, scope in enumerate(world.scopes)}
    wrong: list[str] = []
    telling = 0
    with ExitStack() as stack:
        if not campaign.published:  # everything stays in the delta's segments
            stack.enter_context(mock.patch.object(worker, "SETTLE_S", 1e9))
        full = stack.enter_context(served_world(folder / "full", world, tokens))
        without = [served_world(folder / name, world.without_hidden(scope), {name: scope}) for name, scope in tokens.items()]
        reduced = stack.enter_context(closing(_ahead(without)))
        for at, ((name, scope), catalog) in enumerate(zip(tokens.items(), reduced, strict=True)):
            made = list(cases(world, random.Random(f"{campaign.seed}-{at}"), campaign.questions))
            found, told = compare(world, name, scope, made, full, catalog)
            wrong += [f"seed {campaign.seed}, scope {at} {scope}: {line}" for line in found]
            telling += told
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(line[:1_000] for line in wrong[:25])
    # a reader whom nothing is hidden from would prove nothing
    assert telling >= campaign.scopes


def compare(
    world: World, name: str, scope: AccessScope, made: list[Case], full: Served, reduced: Served
) -> tuple[list[str], int]:
    """What differs, and in how many of the first cases an administrator is told something else than the reader."""
    loosely = frozenset(world.loosely_counted(scope))
    hidden = world.hidden_codes(scope)
    wrong: list[str] = []
    telling = 0
    for at, case in enumerate(made):
        mine = case.ask(Asker(full, name, loosely))
        theirs = case.ask(Asker(reduced, name, loosely))
        wrong += [f"{case.what}: {line}" for line in differences(mine, theirs)]
        told = "".join(answer.text for answer in mine).lower()
        wrong += [f"{case.what}: says {code}" for code in hidden if code in told]
        if at % 6 == 0:
            telling += bool(differences(mine, case.ask(Asker(full, "admin"))))
    return wrong, telling


def _ahead(catalogs: list[AbstractContextManager[Served]]) -> Iterator[Served]:
    """The catalogs one after the other, the next two being built while one is asked: building is mostly waiting."""
    with ThreadPoolExecutor(2) as pool, ExitStack() as opened:
        coming = deque(pool.submit(catalog.__enter__) for catalog in catalogs[:2])
        try:
            for at, catalog in enumerate(catalogs):
                served = coming.popleft().result()
                coming += [pool.submit(later.__enter__) for later in catalogs[at + 2 : at + 3]]
                with ExitStack() as one:
                    one.push(catalog)
                    yield served
        finally:
            for catalog, future in zip(catalogs[len(catalogs) - len(coming) :], coming, strict=False):
                if future.exception() is None:
                    opened.push(catalog)
