"""A bundle answers what the centre answers the same caller, and one of a token holds no byte of a name that it hides."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from services.bundle.export import export_bundle
from services.common.model.access import FULL_SCOPE
from services.indexer.sync import worker
from tests.access.questions import Asker, Case, cases
from tests.access.served import bearer, served_world
from tests.access.test_oracle import Campaign
from tests.support.bundles import Alone, bytes_below, sidecar

CAMPAIGNS = (
    Campaign(1, tables=50, scopes=2, questions=25),
    Campaign(2, tables=40, scopes=1, questions=25, published=False),
)
LONG = tuple(Campaign(seed, tables=(60, 400)[seed % 2], scopes=8, questions=300) for seed in range(200, 206))


class Recorded:
    """One who asks and remembers what was answered, as JSON but for what is made anew for each request."""

    def __init__(self, of: Any, name: str) -> None:
        self._of = of
        self._name = name  # whom `owner:me` stands for
        self.answers: list[tuple[str, int, Any, str]] = []

    def get(self, path: str, caller: str, params: Any = None) -> Any:
        response = self._of.get(path, caller, params)
        body = response.json()
        for drawn in ("query_id", "request_id"):
            body.pop(drawn, None)
        if isinstance(body.get("cursor"), str):
            # one of search also holds how many vectors the whole index has, one of lineage which graph: their pages are compared
            body["cursor"] = True
        if path == "/search" and response.status_code == 200:
            # a bundle holds no jobs, and says so where they are asked for; these worlds have none
            body["degraded"] = [reason for reason in body["degraded"] if reason != "jobs_missing"]
            body["understood"] = json.loads(json.dumps(body["understood"]).replace(f"owner:{self._name}", "owner:me"))
        self.answers.append((f"{path} {params}", response.status_code, body, response.text))
        return response


def _asked(case: Case, of: Any, caller: str) -> list[tuple[str, int, Any, str]]:
    recorded = Recorded(of, "local" if isinstance(of, Alone) else caller)
    case.ask(Asker(recorded, caller))  # type: ignore[arg-type]
    return [one for one in recorded.answers if not _is_not_held(one[0])]


def _is_not_held(what: str) -> bool:
    """Whether it is of a route that a bundle refuses by name."""
    path = what.partition(" ")[0]
    return path.endswith(("/changes", "/versions", "/coverage")) or path.startswith("/crawls")


def _differences(case: Case, centre: Any, alone: Alone, caller: str) -> Iterator[str]:
    mine, theirs = _asked(case, centre, caller), _asked(case, alone, caller)
    if len(mine) != len(theirs):
        yield f"{case.what}: {len(mine)} answers against {len(theirs)}"
    for (what, status, body, _), (_, other_status, other, _) in zip(mine, theirs, strict=False):
        if status != other_status or body != other:
            keys = [key for key in body if body.get(key) != other.get(key)] if isinstance(other, dict) else []
            told = [
                f"{key}: {json.dumps(body.get(key))[:300]} against {json.dumps(other.get(key))[:300]}" for key in keys[:2]
            ]
            yield f"{what}: {status} against {other_status} {told}"


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda c: f"seed{c.seed}")
def test_a_bundle_answers_as_the_centre_does_and_holds_nothing_hidden(campaign, tmp_path):
    """For everybody's bundle and for those of scoped tokens: every body equal, order and labels included; bytes searched."""
    _run(campaign, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("campaign", LONG, ids=lambda c: f"seed{c.seed}")
def test_a_bundle_answers_as_the_centre_does_at_length(campaign, tmp_path):
    """The same with more worlds, scopes and questions."""
    _run(campaign, tmp_path)


def _run(campaign: Campaign, folder: Path) -> None:
    world = campaign.world()
    tokens = {f"reader{at}": scope for at, scope in enumerate(world.scopes)}
    wrong: list[str] = []
    asked = found = 0
    with ExitStack() as stack:
        if not campaign.published:  # everything stays in the delta's segments
            stack.enter_context(mock.patch.object(worker, "SETTLE_S", 1e9))
        centre = stack.enter_context(served_world(folder / "centre", world, tokens))
        callers = [(None, "admin", FULL_SCOPE), *((name, name, scope) for name, scope in tokens.items())]
        for token, caller, scope in callers:
            place = folder / f"bundle-{caller}"
            export_bundle(centre.settings, place, token=token)
            everything = bytes_below(place).lower()
            wrong += [f"{caller}'s bundle holds {code}" for code in world.hidden_codes(scope) if code.encode() in everything]
            found += len(world.hidden_codes(scope))
            with sidecar(place) as alone:
                for case in cases(world, random.Random(f"{campaign.seed}-{caller}"), campaign.questions):
                    wrong += _differences(case, centre, alone, caller)
                    asked += 1
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(line[:900] for line in wrong[:25])
    assert asked == campaign.questions * (campaign.scopes + 1)
    assert found > 5


def test_the_search_for_bytes_finds_what_is_there(tmp_path):
    """A search that finds nothing in a whole bundle would prove nothing of a scoped one."""
    world = CAMPAIGNS[0].world()
    with served_world(tmp_path / "centre", world, {}) as centre:
        export_bundle(centre.settings, tmp_path / "bundle")
    everything = bytes_below(tmp_path / "bundle").lower()
    hidden = {code for scope in world.scopes for code in world.hidden_codes(scope)}
    assert len(hidden) > 10
    assert [code for code in hidden if code.encode() not in everything] == []


def test_a_token_of_the_sidecar_hides_more_and_never_less(tmp_path):
    """Tokens work over a bundle as at the centre; nobody counts as seeing everything of a bundle that holds a part."""
    world = CAMPAIGNS[0].world()
    tokens = {f"reader{at}": scope for at, scope in enumerate(world.scopes)}
    with served_world(tmp_path / "centre", world, tokens) as centre:
        export_bundle(centre.settings, tmp_path / "whole")
        export_bundle(centre.settings, tmp_path / "part", token="reader0")
        with sidecar(tmp_path / "whole", tokens=centre.settings.tokens) as alone:
            assert alone.client.get("/api/v1/assets").status_code == 401
            theirs = alone.client.get("/api/v1/assets", params={"limit": 200}, headers=bearer("reader0")).json()
            assert theirs == centre.get("/assets", "reader0", {"limit": 200}).json()
        with sidecar(tmp_path / "part", tokens=centre.settings.tokens) as alone:
            admins = alone.client.get("/api/v1/assets", params={"limit": 200}, headers=bearer("admin")).json()
            assert admins == theirs
            assert "-- withheld" not in json.dumps(admins)
