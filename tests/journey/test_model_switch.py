"""Another model in the settings: the one before answers while the new one is built, and no question notices the switch."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.journey.conftest import Demo
from tests.support.commands import Server, hw, until

NEW = {"HEADWATER_MODEL": "all-MiniLM-L6-v2"}
QUESTIONS = ("unpaid invoices", "salary of each worker", "which deliveries arrived later than we promised?", "cust_rev")


@dataclass
class Asking:
    """Questions that are asked all the time, and what came back."""

    url: str
    failures: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until it is stopped."""
        with httpx2.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            at = 0
            while not self.stopped.is_set():
                question = QUESTIONS[at % len(QUESTIONS)]
                at += 1
                try:
                    answer = client.get("/api/v1/search", params={"q": question})
                except httpx2.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if answer.status_code == 200:
                    self.answers.append({"question": question, **answer.json()})
                else:
                    self.failures.append(answer.text)


def asked_while_built(home: Path) -> tuple[Asking, list[str]]:
    """A server with the new model on a home of the old one, asked until it answers with the new; its models in order."""
    models: list[str] = []
    with Server(home=home, env=NEW) as server:
        server.ready()
        asking = Asking(server.url)
        threads = [threading.Thread(target=asking.run) for _ in range(2)]
        for thread in threads:
            thread.start()

        def is_built() -> bool:
            state = server.client.get("/readyz").json()
            if state["model"] not in models:
                models.append(state["model"])
            return state["model"].startswith("all-MiniLM") and state["vectors"] == state["texts"]

        until(is_built, "the new model", within_s=240)
        built = len(asking.answers)
        until(lambda: len(asking.answers) > built + 8, "some answers of it")
        until(lambda: server.client.get("/readyz").json()["generation"], "the publish")
        time.sleep(0.5)
        asking.stopped.set()
        for thread in threads:
            thread.join()
    return asking, models


def differing(answers: Sequence[dict[str, Any]]) -> set[str]:
    """Questions that one generation answered in two ways."""
    seen: dict[tuple[str, str], str] = {}
    different = set()
    for one in answers:
        hits = str([(hit["id"], hit["score"]) for hit in one["hits"]])
        if seen.setdefault((one["question"], one["generation"]), hits) != hits:
            different.add(one["question"])
    return different


def test_a_new_model_is_built_beside_and_switched_without_a_failed_question(demo: Demo, tmp_path: Path) -> None:
    """Each answer is by meaning, in full, and of one generation; the home then is one of the new model."""
    home = demo.copy(tmp_path)
    asking, models = asked_while_built(home)
    assert asking.failures == []
    assert [name.partition("@")[0] for name in models] == ["hashing", "all-MiniLM-L6-v2"]
    assert {(one["mode"], tuple(one["degraded"]), one["coverage"]) for one in asking.answers} == {("hybrid", (), 1.0)}
    assert differing(asking.answers) == set()
    labels = list(dict.fromkeys(one["generation"] for one in asking.answers))
    assert len(labels) >= 2
    assert hw("verify", home=home, **NEW).code == 0


def test_without_the_generation_before_questions_notice(demo: Demo, tmp_path: Path) -> None:
    """The control: with nothing to answer beside, answers are degraded until the model is built."""
    home = demo.copy(tmp_path)
    shutil.rmtree(home / "index")
    asking, models = asked_while_built(home)
    assert asking.failures == []
    assert [name.partition("@")[0] for name in models] == ["all-MiniLM-L6-v2"]
    assert any(one["degraded"] for one in asking.answers)
