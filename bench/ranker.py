"""The learned ranking: what it gains where it never was, what each feature is worth, and what shuffled labels gain.

Run: `make bench ARGS="ranker DATA"`; `--write` puts the weights into `services/indexer/retrieve/ranker.json`. Weights come from
spider_train and its synonyms alone, so every pool is one that they never saw, at other kinds of schema too; the strength of the pull to the
hand-set weights is chosen for each pool by the others. Synonym questions are ranked by weights and an encoder of the
other half of the databases.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.halves import half_of, model_of
from bench.report import machine, print_table
from services.cli.train_ranker import Asked, ask, relabelled
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.evaluation.judgements import Judgement, read_judgements
from services.evaluation.paired import compare
from services.indexer.crawl import run_crawl
from services.indexer.embed.model_files import TUNED_MODEL
from services.indexer.retrieve import rank
from services.indexer.retrieve.features import FEATURES, LEARNED
from services.indexer.retrieve.learn import PULL, fit
from services.indexer.retrieve.rank import FIXED, HAND_SET, Ranker

POOLS = ("spider_union_flat", "spider2_lite_flat", "spider_union", "spider2_lite", "fiben")
PULLS = (0.05, 0.1, 0.2, 0.4, 0.8)
THIN = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
"""What a table may lose for having hardly any columns, where meaning weighs 1."""
TRAIN, SYNONYMS = 900, 750
"""Questions of each half, drawn with a fixed seed: more changed no weight by more than a hundredth."""
SEED = 0


def main() -> None:
    """Print what is learned, where it holds, and the controls."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("bench/out/ranker"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    data = arguments.data / "retrieval"
    halves = [half_questions(data, arguments.out, half) for half in (0, 1)]
    pools = {name: asked_of(data, arguments.out, name) for name in POOLS}
    every = [one for half in halves for one in half["train"] + half["synonyms"]]
    rankers = {pull: learned(every, pull) for pull in PULLS}
    told = [row for name, asked in pools.items() for row in held_out(name, asked, pools, rankers, every)]
    told += crossed(halves)
    print_table(
        ["questions", "n", "weights", "R@10", "CR@10", "top-1", "MRR", "nDCG@10", "other first ten", "p (nDCG)"], told
    )
    print()
    print_table(["left out", *pools], ablation(every, pools))
    print()
    print_table(
        ["questions", "thin tables lose", "R@10", "CR@10", "top-1", "MRR", "nDCG@10", "p (nDCG)"], thin(rankers[PULL], pools)
    )
    best = best_pull(pools, rankers, None)
    shipped = fit([one.judged for one in every], pull=best, model=TUNED_MODEL, made=made(len(every)))
    weights = ", ".join(f"{name} {weight:.3f}" for name, weight in shipped.weights.items() if weight)
    print(f"\npull {best}; weights: {weights}; ranker {shipped.id}")
    print(machine(["numpy", "onnxruntime", "faiss-cpu"]))
    if arguments.write:
        Path(rank.__file__).with_name(rank.SHIPPED).write_text(shipped.to_text(), encoding="utf-8")


def made(n: int) -> dict[str, object]:
    """What the shipped ranker says of itself."""
    return {"by": 'make bench ARGS="ranker DATA --write"', "questions": n, "from": "spider_train, spider_train_synonyms"}


def half_questions(data: Path, out: Path, half: int) -> dict[str, list[Asked]]:
    """A sample of one half's questions, with candidates as the other half's model sees them."""
    space = home(data, out, "spider_union", str(model_of(1 - half, out / "models")))
    found = {}
    for kind, name, n in (("train", "spider_train", TRAIN), ("synonyms", "spider_train_synonyms", SYNONYMS)):
        every = read_judgements(data / f"{name}.questions.jsonl.gz")
        mine = [one for one in every if half_of(one.database or one.gold[0][0]) == half]
        order = np.random.default_rng(SEED).permutation(len(mine))[:n]
        found[kind] = asked_in(space, [mine[at] for at in order])
    space.close()
    return found


def asked_of(data: Path, out: Path, pool: str) -> list[Asked]:
    """A pool's questions with their candidates."""
    space = home(data, out, pool, TUNED_MODEL)
    found = asked_in(space, read_judgements(data / f"{pool}.questions.jsonl.gz"))
    space.close()
    return found


def asked_in(space: Workspace, judgements: Sequence[Judgement]) -> list[Asked]:
    """Questions asked of the whole pool: which database they are about is not told."""
    return ask(space, [replace(one, database=None) for one in judgements])


def home(data: Path, out: Path, pool: str, model: str) -> Workspace:
    """A pool, crawled and indexed with a model."""
    space = Workspace(Settings(home=(out / f"{pool}-{Path(model).name}").absolute(), model=model))
    run_crawl("pool", SourceSettings(url=f"metadata://{(data / pool).absolute()}.tables.jsonl.gz"), space.sink, by="bench")
    space.indexer.open()
    if not space.indexer.lease.acquire():
        raise SystemExit(f"{space.indexer} is in use")
    space.indexer.index_now(space.feed.head(), lambda _told: None)
    print(f"{pool}, {model}: {space.indexer.encoded} texts encoded", file=sys.stderr, flush=True)
    return space


def learned(asked: Sequence[Asked], pull: float) -> Ranker:
    """Weights from some questions."""
    return fit([one.judged for one in asked], pull=pull)


def shuffled(asked: Sequence[Asked], pull: float) -> Ranker:
    """Weights from the same questions with shuffled labels: the control."""
    return fit([relabelled(one.judged, one.judgement.question) for one in asked], pull=pull)


def held_out(name: str, asked: list[Asked], pools, rankers, every):
    """One pool: by hand, learned with the pull that the other pools chose, and with shuffled labels."""
    pull = best_pull(pools, rankers, name)
    yield row(name, asked, "by hand", HAND_SET)
    yield row(name, asked, f"learned, pull {pull} by the other pools", rankers[pull])
    yield row(name, asked, "control: shuffled labels", shuffled(every, pull))


def crossed(halves):
    """Synonym questions under weights and an encoder that never saw their databases."""
    for label, ranker_of in (
        ("by hand", None),
        ("learned on the other half", learned),
        ("control: shuffled labels", shuffled),
    ):
        values, before, n_changed, n = [], [], 0, 0
        for half in (0, 1):
            other = halves[1 - half]["train"] + halves[1 - half]["synonyms"]
            ranker = HAND_SET if ranker_of is None else ranker_of(other, PULL)
            for one in halves[half]["synonyms"]:
                values.append(one.scored(ranker))
                before.append(one.scored(HAND_SET))
                n_changed += one.first(ranker) != one.first(HAND_SET)
                n += 1
        yield ["spider_train_synonyms, crossed", n, label, *figures(values), n_changed / n, p_of(before, values)]


def row(name: str, asked: list[Asked], label: str, ranker: Ranker) -> list[object]:
    """One line of the table."""
    values, before = ([one.scored(each) for one in asked] for each in (ranker, HAND_SET))
    changed = float(np.mean([one.first(ranker) != one.first(HAND_SET) for one in asked]))
    return [name, len(asked), label, *figures(values), changed, p_of(before, values)]


def figures(values) -> list[float]:
    """R@10, CR@10, top-1, MRR, nDCG@10."""
    return [float(np.mean([one.values[m] for one in values])) for m in ("recall", "complete", "top_1", "mrr", "ndcg")]


def p_of(before, after) -> float:
    """The paired test's p for nDCG against the hand-set weights."""
    return compare({one.id: one.values for one in before}, {one.id: one.values for one in after})["ndcg"].p


def best_pull(pools, rankers, without: str | None) -> float:
    """The pull with the best mean of nDCG over the pools, one left out."""
    means = {
        pull: np.mean(
            [figures([one.scored(ranker) for one in asked])[4] for name, asked in pools.items() if name != without]
        )
        for pull, ranker in rankers.items()
    }
    return max(means, key=means.__getitem__)


def ablation(every, pools):
    """R@10 of each pool with all features, and with each left out of the training and the ranking."""
    full = learned(every, PULL)
    yield ["nothing", *(figures([one.scored(full) for one in asked])[0] for asked in pools.values())]
    for feature in LEARNED:
        ranker = fit([one.judged for one in every], pull=PULL, without=feature)
        yield [feature, *(figures([one.scored(ranker) for one in asked])[0] for asked in pools.values())]


def thin(ranker: Ranker, pools):
    """Each pool without the feature `thin`, and with the weight that the others choose: the best mean of nDCG, none losing."""
    told = {
        (name, weight): [thinned(one, weight).scored(ranker) for one in asked]
        for name, asked in pools.items()
        for weight in THIN
    }
    for name in pools:
        # the flat twin of a pool has the same questions: neither chooses for the other
        others = [other for other in pools if other.removesuffix("_flat") != name.removesuffix("_flat")]
        ndcg = {weight: [figures(told[other, weight])[4] for other in others] for weight in THIN}
        allowed = [weight for weight, found in ndcg.items() if all(a >= b for a, b in zip(found, ndcg[0.0], strict=True))]
        best = max(allowed, key=lambda weight: sum(ndcg[weight]))
        for label, weight in (("nothing", 0.0), (f"{best}, by the other pools", best)):
            yield [name, label, *figures(told[name, weight]), p_of(told[name, 0.0], told[name, weight])]
        dice = np.random.default_rng(SEED)
        control = [thinned(one, FIXED["thin"], dice).scored(ranker) for one in pools[name]]
        label = f"{FIXED['thin']}, control: of another candidate"
        yield [name, label, *figures(control), p_of(told[name, 0.0], control)]


def thinned(asked: Asked, weight: float, dice: np.random.Generator | None = None) -> Asked:
    """A question whose feature `thin` weighs so much in place of the weight that is shipped; with dice, candidates swap theirs."""
    features = asked.judged.features.copy()
    at = FEATURES.index("thin")
    features[:, at] *= weight / FIXED["thin"]
    if dice is not None:
        features[:, at] = dice.permutation(features[:, at])
    return replace(asked, judged=replace(asked.judged, features=features))


if __name__ == "__main__":
    main()
