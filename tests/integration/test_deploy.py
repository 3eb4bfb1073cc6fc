"""What `deploy/` says: kustomizations build and pass Kubernetes' own schemas, variables are settings, probes are served paths.

Limits are held by a run in `tests/integration/test_deploy_limits.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.cli.main import build_parser
from services.common.runtime.settings import Settings, load_settings
from services.compose import create_all
from tests.support.commands import ROOT

K8S = ROOT / "deploy" / "k8s"
DOCKER = ROOT / "deploy" / "docker"
OVERLAYS = ("single", "apart", "sidecar")
VERSIONS = ("1.29.0", "1.33.0", "1.37.0")
"""From the first version whose native sidecars are on by default to the newest that the schemas know."""
ENVIRONMENT = ROOT / ".venv-kubernetes" / "bin" / "python"


@pytest.fixture(scope="module")
def kubernetes() -> str:
    """An interpreter with PyYAML and the schemas."""
    named = os.environ.get("HEADWATER_TEST_KUBERNETES")
    found = Path(named) if named else ENVIRONMENT
    if found.exists():
        return str(found)
    reason = "no schemas of Kubernetes: make emulators, or name an interpreter with kubernetes-validate: HEADWATER_TEST_KUBERNETES"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def _told(python: str, what: str, folder: Path, *more: str) -> Any:
    command = [python, str(ROOT / "tests" / "support" / "kustomize.py"), what, str(folder), *more]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def built(kubernetes) -> dict[str, list[dict[str, Any]]]:
    """The documents of every overlay."""
    return {name: _told(kubernetes, "build", K8S / "overlays" / name) for name in OVERLAYS}


def _pods(documents: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in documents:
        if document["kind"] in ("Deployment", "StatefulSet"):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def _containers(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ours, init containers included."""
    every = [c for _, pod in _pods(documents) for c in (*pod.get("initContainers", ()), *pod["containers"])]
    return [one for one in every if one["image"].startswith("headwater")]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_built_passes_the_schemas_strictly(kubernetes, overlay):
    """No unknown field, no missing one, in the oldest and the newest version."""
    found = _told(kubernetes, "validate", K8S / "overlays" / overlay, *VERSIONS)
    assert found["documents"] >= 1
    assert found["problems"] == []


def test_the_validation_sees_a_wrong_field(kubernetes, tmp_path):
    """A validation that lets everything through would hold nothing."""
    (tmp_path / "kustomization.yaml").write_text("resources: [wrong.yaml]\n", encoding="utf-8")
    wrong = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {prots: [{port: 80}]}\n"
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    assert len(_told(kubernetes, "validate", tmp_path, "1.37.0")["problems"]) == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_real_kustomize_builds_the_same(kubernetes, built, overlay, tmp_path):
    """Where kubectl is installed: its kustomize and ours agree on every document."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine")
    made = subprocess.run(
        [kubectl, "kustomize", str(K8S / "overlays" / overlay)], capture_output=True, text=True, check=True
    )
    (tmp_path / "built.yaml").write_text(made.stdout, encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text("resources: [built.yaml]\n", encoding="utf-8")
    theirs = {(d["kind"], d["metadata"]["name"]): d for d in _told(kubernetes, "build", tmp_path)}
    ours = {(d["kind"], d["metadata"]["name"]): d for d in built[overlay]}
    assert theirs == ours


def _variables(documents: list[dict[str, Any]]) -> set[str]:
    named = {key for d in documents if d["kind"] == "ConfigMap" for key in d["data"]}
    return named | {one["name"] for container in _containers(documents) for one in container.get("env", ())}


def _is_setting(variable: str) -> bool:
    name, *inner = variable.removeprefix("HEADWATER_").lower().split("__")
    return (
        variable.startswith("HEADWATER_") and name in Settings.model_fields and (not inner or name in ("tokens", "sources"))
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_is_a_setting(built, overlay):
    """And the values that stand there are allowed together."""
    variables = _variables(built[overlay])
    assert len(variables) >= 3
    assert [name for name in variables if not _is_setting(name)] == []
    for document in built[overlay]:
        if document["kind"] == "ConfigMap":
            load_settings(environ=document["data"])


def test_nothing_else_sets_our_variables(built):
    """A Service called headwater makes HEADWATER_PORT=tcp://… in every container, unless its pod says otherwise."""
    for documents in built.values():
        for name, pod in _pods(documents):
            assert pod["enableServiceLinks"] is False, name


def _asked_paths(documents: list[dict[str, Any]]) -> list[str]:
    paths = []
    for container in _containers(documents):
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(kind)
            if probe is None:
                continue
            url = (
                "" if "httpGet" in probe else re.search(r"http://127\.0\.0\.1:8642(/\w+)'", probe["exec"]["command"][-1])[1]
            )
            paths.append(probe["httpGet"]["path"] if "httpGet" in probe else url)
    return paths


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_probe_asks_a_served_path(built, overlay, tmp_path):
    """On a port that the container names."""
    served = set(create_all(Settings(home=tmp_path, model="hashing")).openapi()["paths"])
    paths = _asked_paths(built[overlay])
    assert len(paths) >= 2
    assert set(paths) <= served
    for container in _containers(built[overlay]):
        ports = {port["name"] for port in container.get("ports", ())}
        named = {container[k]["httpGet"]["port"] for k in container if k.endswith("Probe") and "httpGet" in container[k]}
        assert named <= ports


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_locked_and_limited(built, overlay):
    """No root, no writable file system, no capability, a limit of memory; arguments that the command line takes."""
    for container in _containers(built[overlay]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        if "args" in container:
            build_parser().parse_args(container["args"])
    for _, pod in _pods(built[overlay]):
        ours = [c for c in (*pod.get("initContainers", ()), *pod["containers"]) if c["image"].startswith("headwater")]
        for container in ours:
            assert {**pod.get("securityContext", {}), **container["securityContext"]}["runAsNonRoot"] is True


def test_the_sidecar_is_a_native_one(built):
    """It starts before the pod's own containers and stays beside them, over a bundle that it cannot write to."""
    ((_, pod),) = _pods(built["sidecar"])
    copied, sidecar = pod["initContainers"]
    assert [one["name"] for one in pod["initContainers"]] == ["headwater-bundle", "headwater"]
    assert "restartPolicy" not in copied
    assert sidecar["restartPolicy"] == "Always"
    mounted = {mount["name"]: mount for mount in sidecar["volumeMounts"]}
    assert mounted["headwater-bundles"]["readOnly"] is True
    assert [one["name"] for one in pod["containers"]] == ["tool"]
    # the pod's loopback is where nobody else is, so that no token is needed
    assert "HEADWATER_HOST" not in {one["name"] for one in sidecar["env"]}


def test_services_and_budgets_select_pods_that_there_are(built):
    """A selector that fits nothing is an outage that no schema sees."""
    for documents in built.values():
        labels = [
            d["spec"]["template"]["metadata"]["labels"] for d in documents if d["kind"] in ("Deployment", "StatefulSet")
        ]
        for document in documents:
            selector = {
                "Service": lambda d: d["spec"]["selector"],
                "PodDisruptionBudget": lambda d: d["spec"]["selector"]["matchLabels"],
                "NetworkPolicy": lambda d: d["spec"]["podSelector"]["matchLabels"],
            }.get(document["kind"])
            if selector is not None:
                assert any(selector(document).items() <= one.items() for one in labels), document["metadata"]["name"]


def test_the_compose_file_says_settings_and_is_locked(kubernetes, tmp_path):
    """The same for one machine."""
    (tmp_path / "kustomization.yaml").write_text("resources: [c.yaml]\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text((DOCKER / "compose.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (told,) = _told(kubernetes, "build", tmp_path)
    assert set(told["services"]) == {"headwater", "sidecar"}
    for service in told["services"].values():
        assert [name for name in service["environment"] if not _is_setting(name)] == []
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["build"]["target"] in _stages() if "build" in service else True
        if "command" in service:
            build_parser().parse_args(service["command"])


def _stages() -> list[str]:
    return re.findall(r"^FROM \S+ AS (\S+)$", (DOCKER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_dockerfile_s_default_is_slim_and_runs_as_nobody():
    """Its last stage is the one without torch; its user has no name on the host; its health check asks a served path."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    assert _stages()[-1] == "slim"
    assert {"full", "bundle-image"} <= set(_stages())
    assert "USER 10001:10001" in text
    assert "http://127.0.0.1:8642/livez" in text
    assert [name for name in re.findall(r"HEADWATER_\w+", text) if not _is_setting(name)] == []
    slim = text.partition("FROM build AS build-full")[0]
    assert re.findall(r"'\.\[([\w,]+)\]'", slim) == ["postgres,mysql"]


def test_the_tool_reads_every_instruction_of_the_dockerfile():
    """`tools/image.py` would refuse what it does not know."""
    code = "import sys; sys.path.insert(0, 'tools'); import image; s = image.read_stages(image.DOCKERFILE.read_text()); print(len(s))"
    done = subprocess.run(["python3", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(_stages())
