"""kill -9 at every write, fsync and rename from crawl to publish, by ordinal: what was acknowledged stays, and all is right.

Run: `make bench ARGS="kill_points"` (--scene crawl|words|workers|new, --part 1/4, --step N takes each N-th ordinal, --real N starts each
N-th server as a process of its own and forks the others, --to FILE keeps outcomes,
--from FILE… reports kept ones). The system calls are broken by strace; `tests/support/kill_points.py` says what is looked for. The
control publishes the pointer before the manifest, as a naive writer might: some of its kills must be found.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.report import machine, print_table
from tests.support.kill_points import READY_S, Outcome, Point, Scene, missing
from tests.support.kill_workers import WorkersCampaign
from tests.support.zygote import Zygote

SCENES = {
    "crawl": "a home is crawled again, to the publish",
    "words": "a server takes words and events, to the publish",
    "workers": "two workers, of which the leading one takes words and events, to the publish",
    "new": "a new home is crawled, databases made",
    "control": "control: a pointer before its manifest",
}
REAL_EVERY = 10
_KINDS = {
    "words": (WorkersCampaign.points_of_server, WorkersCampaign.kill_server),
    "workers": (WorkersCampaign.points_of_leader, WorkersCampaign.kill_leader),
}
"""How a scene's calls are found and killed at; the others crawl."""


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", choices=list(SCENES), action="append")
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--real", type=int, default=REAL_EVERY)
    parser.add_argument("--to", type=Path)
    parser.add_argument("--from", dest="kept", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    outcomes: list[tuple[str, Outcome]] = [one for path in arguments.kept for one in _read(path)]
    if not outcomes:
        if (reason := missing()) is not None:
            raise SystemExit(reason)
        for scene in arguments.scene or SCENES:
            for outcome in _killed(scene, arguments.part, arguments.step, arguments.real):
                outcomes.append((scene, outcome))
                if arguments.to is not None:
                    with arguments.to.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"scene": scene, **asdict(outcome)}) + "\n")
    _report(outcomes)
    print(machine(["duckdb", "faiss-cpu"]))


def _killed(scene: str, part: str, step: int, real_every: int) -> Iterator[Outcome]:
    which, parts = map(int, part.split("/"))
    control = scene == "control"
    with tempfile.TemporaryDirectory(prefix="headwater-kill-points-") as folder:
        made = Scene(Path(folder) / "scene", new=scene == "new")
        with Zygote("pointer" if control else "") as zygote:
            campaign = WorkersCampaign(made, zygote, real_every=real_every)
            find, kill = _KINDS.get(scene, (WorkersCampaign.points_of_crawl, WorkersCampaign.kill_crawl))
            points = find(campaign)
            if control:  # the control's fault is one of the index's files
                points = [point for point in points if point.call in {"rename", "fsync", "unlink"}]
            print(f"{scene}: {len(points):,} calls, each {step}. of part {part}", flush=True)
            for point in points[which - 1 :: parts * step]:
                yield kill(campaign, point)


def _read(path: Path) -> Iterator[tuple[str, Outcome]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        scene, point = raw.pop("scene"), Point(**raw.pop("point"))
        raw["lost"], raw["wrong"] = tuple(raw["lost"]), tuple(raw["wrong"])
        yield scene, Outcome(point, **raw)


def _report(outcomes: Sequence[tuple[str, Outcome]]) -> None:
    rows = []
    failed = []
    for scene, what in SCENES.items():
        mine = [outcome for known, outcome in outcomes if known == scene]
        killed = [outcome for outcome in mine if outcome.reached]
        if not mine:
            continue
        lost, wrong = sum(bool(one.lost) for one in killed), sum(bool(one.wrong) for one in mine)
        forked = sorted(one.ready_s for one in killed if one.forked) or [0.0]
        started = max((one.ready_s for one in killed if not one.forked), default=0.0)
        rows.append(
            [
                *(what, len(mine), len(killed), sum(one.acknowledged for one in killed), lost, wrong),
                *(f"{forked[len(forked) // 2]:.1f}", f"{forked[-1]:.1f}", f"{started:.1f}"),
            ]
        )
        for one in mine:
            if (one.lost or one.wrong) and scene != "control":
                print(f"{scene} {one.point.call} {one.point.ordinal} ({one.where}): {'; '.join([*one.lost, *one.wrong])}")
        if bool(lost or wrong) != (scene == "control") or max(forked[-1], started) > READY_S:
            failed.append(scene)
    print_table(
        [
            *("what is killed", "calls", "reached", "acknowledged", "lost", "wrong"),
            *("ready s, forked: median", "slowest", "from a start: slowest"),
        ],
        rows,
    )
    if failed:
        raise SystemExit(f"not as it must be: {', '.join(failed)}")


if __name__ == "__main__":
    main()
