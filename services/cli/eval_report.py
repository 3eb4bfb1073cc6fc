"""What `headwater eval` prints for people: figures by class with intervals, comparisons, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.cli.terminal import say
from services.evaluation.measures import MAIN, MEASURES, Figures, figures_of
from services.evaluation.paired import FEWEST, Verdict, may_switch
from services.evaluation.runs import Run

_HEADS = {"recall": "R@{k}", "complete": "CR@{k}", "top_1": "top-1", "mrr": "MRR", "ndcg": "nDCG@{k}"}


def print_figures(result: Figures, *, control: bool) -> None:
    """A row a class; below each figure of all questions the ends of its 95 % interval."""
    if control:
        print("control: each question has another one's answer; the figures must fall to chance")
    heads = [_HEADS[name].format(k=result.k) for name in MEASURES]
    print(f"{'class':<14}{'questions':>10}" + "".join(f"{head:>9}" for head in heads))
    for name, row in result.by_class.items():
        values = (getattr(row, measure) for measure in MEASURES)
        print(f"{name:<14}{row.n:>10}" + "".join(f"{value:>9.3f}" for value in values))
    for name, row in result.by_class.items():
        if row.intervals:
            ends = (row.intervals[measure] for measure in MEASURES)
            print(f"95 % of {name}: " + "  ".join(f"{h} {a:.3f}–{b:.3f}" for h, (a, b) in zip(heads, ends, strict=True)))
    if result.unanswerable:
        wins = "" if result.answerable_auroc is None else f" with AUROC {result.answerable_auroc:.3f}"
        print(f"{result.unanswerable} questions have no answer; `answerable` tells them from the others{wins}")


def print_comparison(before: Run, after: Run, verdicts: Mapping[str, Verdict]) -> None:
    """One line a measure with the paired test, and what follows from all of them."""
    print(f"\nbefore: {_line(before)}\nafter:  {_line(after)}")
    print(f"{'measure':<9}{'before':>8}{'after':>8}{'change':>9}  {'95 % of the change':<20}{'p':>7}")
    for name in MEASURES:
        one = verdicts.get(name)
        if one is not None:
            head = _HEADS[name].format(k=after.k)
            ends = f"{one.low:+.3f} to {one.high:+.3f}"
            print(f"{head:<9}{one.before:>8.3f}{one.after:>8.3f}{one.difference:>+9.3f}  {ends:<20}{one.p:>7.4f}")
    print(_judged(verdicts))


def print_runs(known: Sequence[Run]) -> None:
    """What is kept, oldest first."""
    for run in known:
        ndcg = figures_of(run.questions, run.k).by_class["all"].ndcg
        print(f"{_line(run)}  {run.file}  {len(run.questions)} questions  nDCG@{run.k} {ndcg:.3f}")
    if not known:
        say("nothing has been measured in this home yet")


def _line(run: Run) -> str:
    return f"{run.id}  generation {run.generation}  ranker {run.ranker}  model {run.model or 'none'}"


def _judged(verdicts: Mapping[str, Verdict]) -> str:
    main = verdicts.get(MAIN)
    if main is None:
        return "no judged question is in both"
    if may_switch(verdicts):
        return f"better: nDCG gains beyond chance and nothing loses, on {main.n} questions (paired randomisation test)"
    worse = [_HEADS[name].partition("@")[0] for name, verdict in verdicts.items() if verdict.worse]
    if worse:
        return f"worse beyond chance in {', '.join(worse)}, on {main.n} questions"
    if main.n < FEWEST:
        return f"{main.n} questions are too few to call anything better"
    return f"no difference beyond chance in nDCG, on {main.n} questions"
