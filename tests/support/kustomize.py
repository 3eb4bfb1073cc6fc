"""Builds kustomizations and validates what comes out, in an environment that has PyYAML and Kubernetes' schemas.

`python kustomize.py build DIR` prints the documents as a JSON list; `validate DIR VERSION…` prints `{"documents", "problems"}`. Knows what
deploy/k8s uses: resources, components, strategic merge patches with targets, images, namespace. Refuses everything else.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]
_KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "patches", "images"}
_CLUSTER = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
_MERGED_BY = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""Lists that strategic merging takes for maps, with their key; others are replaced."""
_PREPENDED = {"initContainers", "containers", "volumes", "env", "volumeMounts", "ports"}


def build(folder: Path, below: list[Document] | None = None) -> list[Document]:
    """The documents of a kustomization; a component changes those that it is given."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    unknown = set(told) - _KNOWN
    if unknown:
        raise ValueError(f"{folder}: {unknown} is not known here")
    documents = below if below is not None else []
    for name in told.get("resources", ()):
        path = folder / name
        documents += build(path) if path.is_dir() else _documents(path)
    for name in told.get("components", ()):
        documents = build(folder / name, documents)
    for patch in told.get("patches", ()):
        _patch(documents, patch, folder)
    for image in told.get("images", ()):
        _rename_images(documents, image)
    for document in documents if "namespace" in told else ():
        if document["kind"] not in _CLUSTER:
            document["metadata"]["namespace"] = told["namespace"]
    return documents


def _documents(path: Path) -> list[Document]:
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


def _patch(documents: list[Document], patch: dict[str, Any], folder: Path) -> None:
    text = patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text(encoding="utf-8")
    wanted = yaml.safe_load(text)
    hit = [one for one in documents if _is_target(one, patch["target"])]
    if not hit:
        raise ValueError(f"{folder}: a patch has nothing to change")
    for document in hit:
        body = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind", "metadata")}
        merged = _merged(document, copy.deepcopy(body))
        document.clear()
        document.update(merged)


def _is_target(document: Document, target: dict[str, str]) -> bool:
    if not re.fullmatch(target.get("kind", ".*"), document["kind"]):
        return False
    labels = document["metadata"].get("labels", {})
    selector = target.get("labelSelector", "")
    among = re.fullmatch(r"(\S+) in \(([^)]*)\)", selector)
    if among:
        return labels.get(among[1]) in [value.strip() for value in among[2].split(",")]
    return all(labels.get(key) == value for key, _, value in (pair.partition("=") for pair in selector.split(",") if pair))


def _merged(value: Any, patch: Any, where: str = "") -> Any:
    if isinstance(value, dict) and isinstance(patch, dict):
        return {**value, **{key: _merged(value.get(key), inner, key) for key, inner in patch.items()}}
    key = _MERGED_BY.get(where)
    if isinstance(value, list) and isinstance(patch, list) and key:
        new = [item for item in patch if item[key] not in {one[key] for one in value}]
        changed = {item[key]: item for item in patch}
        return [*new, *(_merged(one, changed[one[key]]) if one[key] in changed else one for one in value)]
    return patch


def _rename_images(documents: list[Document], image: dict[str, str]) -> None:
    for document in documents:
        pod = document.get("spec", {}).get("template", {}).get("spec", {}) if isinstance(document.get("spec"), dict) else {}
        for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def validate(folder: Path, versions: list[str]) -> dict[str, Any]:
    """Strict validation of every document against the schemas of some versions."""
    import kubernetes_validate

    documents = build(folder)
    problems = []
    for document in documents:
        for version in versions:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except Exception as error:
                problems.append(f"{version}: {document['kind']}/{document['metadata']['name']}: {str(error)[:300]}")
    return {"documents": len(documents), "problems": problems}


if __name__ == "__main__":
    what, where, *more = sys.argv[1:]
    print(json.dumps(build(Path(where)) if what == "build" else validate(Path(where), more)))
