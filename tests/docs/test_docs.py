"""What the pages say is what the code does: settings, errors, commands, routes, decisions, links."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from services.cli.main import build_parser
from services.common import errors
from services.common.errors import HeadwaterError
from services.common.runtime.problems import STATUS
from services.common.runtime.settings import Settings
from services.compose import create_all
from tests.support.pages import ROOT, anchors, blocks, links, pages, setting_rows, text_of

DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))
_METHODS = "GET|POST|PATCH|PUT|DELETE"


def test_there_are_pages_to_check() -> None:
    assert len(pages()) > 30
    assert len(DECISIONS) >= 17


def test_every_setting_is_documented_as_it_is() -> None:
    page = text_of(DOCS / "settings.md")
    missing = [row for row in setting_rows() if f"{row}\n" not in page]
    assert not missing, "docs/settings.md lacks these rows:\n" + "\n".join(missing)


def test_no_setting_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^\| `\w+` \| `HEADWATER_\w+` \|.*\|$", text_of(DOCS / "settings.md"), re.MULTILINE)
    assert set(documented) == set(setting_rows())


def test_every_variable_that_pages_name_is_one() -> None:
    variables = {match[0] for row in setting_rows() for match in re.finditer(r"HEADWATER_\w+", row)}
    of_tests = {f"HEADWATER_TEST_{name}" for name in ("POSTGRES_URL", "MARIADB_URL", "DBT")}
    known = variables | of_tests | {"HEADWATER_CONFIG", "HEADWATER_SOURCES__WH__URL"}
    named = {(page, name) for page in pages() for name in re.findall(r"HEADWATER_[A-Z0-9_]*[A-Z0-9]", text_of(page))}
    assert not {(page.name, name) for page, name in named if name not in known}


def _tree(kind: type[HeadwaterError]) -> list[type[HeadwaterError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in _tree(child))]


def test_every_error_is_documented_with_its_status_and_title() -> None:
    page = text_of(DOCS / "errors.md")
    rows = {
        kind.code: f"| `{kind.code}` | {STATUS.get(kind, 500)} | {kind.title} | "
        for kind in _tree(HeadwaterError)
        if kind.__module__ == errors.__name__
    }
    missing = [row for row in rows.values() if row not in page]
    assert not missing, "docs/errors.md lacks rows that begin so:\n" + "\n".join(missing)
    documented = re.findall(r"^\| `([a-z_]+)` \| \d{3} \|", page, re.MULTILINE)
    assert sorted(documented) == sorted(rows)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions[0].choices)


def test_every_command_is_documented() -> None:
    documented = set(re.findall(r"^\| `headwater ([\w-]+)", text_of(DOCS / "commands.md"), re.MULTILINE))
    assert documented == set(_commands(build_parser()))


def test_commands_in_pages_exist_with_their_flags() -> None:
    commands = _commands(build_parser())
    wrong = []
    for page in pages():
        for found in re.finditer(r"(?:^|[`(\s])headwater ([a-z]+(?:-[a-z]+)*)((?: [^`\n|&>]*)?)", _code(page)):
            command, rest = commands.get(found[1]), found[2]
            flags = re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", rest)
            known = set(command._option_string_actions) if command else set()
            if command is None or not set(flags) <= known:
                wrong.append(f"{page.relative_to(ROOT)}: {found[0].strip()}")
    assert not wrong, "\n".join(wrong)


def _code(page: Path) -> str:
    """What stands in inline code and in shell blocks: where a command would be typed from."""
    inline = "\n".join(f"`{code}`" for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text_of(page)))
    typed = (
        line for block in blocks(page) if block.language in ("console", "bash", "sh") for line in block.body.split("\n")
    )
    return inline + "\n" + "\n".join(line.removeprefix("$ ") for line in typed if line.startswith("$ "))


def test_every_public_route_is_documented_with_its_parameters(tmp_path: Path) -> None:
    page = text_of(DOCS / "api.md")
    app = create_all(Settings(home=tmp_path, model="hashing"))
    described = app.openapi()["paths"]
    routes = {f"{method.upper()} {path}": route for path, item in described.items() for method, route in item.items()}
    documented = {match[1]: match.start() for match in re.finditer(rf"`((?:{_METHODS}) /[^`?\s]*)`", page)}
    assert set(documented) == set(routes)
    undocumented = [
        f"{name}: {parameter['name']}"
        for name, route in routes.items()
        for parameter in route.get("parameters", ())
        if parameter["in"] != "path" and f"`{parameter['name']}`" not in page.replace("`If-Match`", "`if-match`")
    ]
    assert not undocumented


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_short_whole_and_names_the_test_that_holds_it(page: Path) -> None:
    text = text_of(page)
    assert len(text.splitlines()) <= 60
    number = int(page.stem.partition("-")[0])
    assert text.startswith(f"# {number}. ")
    for heading in ("Context", "Decision", "Consequences", "Held by"):
        assert f"\n## {heading}\n" in text, f"{page.name} has no section {heading}"
    _, _, held = text.partition("\n## Held by\n")
    paths = re.findall(r"`(tests/[\w/]+\.py)", held)
    assert paths, f"{page.name} names no test"
    for path in paths:
        assert (ROOT / path).is_file(), f"{page.name} names {path}, which does not exist"
    sources = "".join(text_of(ROOT / path) for path in paths)
    for name in re.findall(r"\b(test_\w+)`", held):
        assert f"def {name}(" in sources or f"/{name}.py" in held, f"{page.name} names {name}, which its files do not have"


def test_every_fault_names_a_test_that_exists_or_is_open() -> None:
    """A line of docs/RESILIENCY.md without a test says `open`, and says it honestly: no test stands beside it."""
    rows = re.findall(r"^\| (?!fault |---)(.+) \| (.+) \| (.+) \|$", text_of(DOCS / "RESILIENCY.md"), re.MULTILINE)
    assert len(rows) > 20
    for fault, _, test in rows:
        if test == "*open*":
            continue
        path, _, name = test.strip("`").partition("::")
        assert (ROOT / path).is_file(), f"{fault}: there is no {path}"
        assert f"def {name}(" in text_of(ROOT / path), f"{fault}: {path} has no {name}"


def test_decisions_are_numbered_once_and_listed() -> None:
    numbers = [int(page.stem.partition("-")[0]) for page in DECISIONS]
    assert numbers == sorted(set(numbers))
    listed = text_of(DOCS / "adr" / "README.md")
    for page in DECISIONS:
        title = text_of(page).split("\n", 1)[0].partition(". ")[2]
        assert f"[{title}]({page.name})" in listed


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)
    assert not broken


def test_every_page_of_docs_can_be_reached_from_the_index() -> None:
    seen, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = (target.partition("#")[0] for target in links(page) if not re.match(r"[a-z]+:", target))
        waiting += [
            path
            for path in ((page.parent / target).resolve() for target in targets)
            if path.suffix == ".md" and path.exists()
        ]
    assert {page for page in DOCS.rglob("*.md") if page not in seen} == set()


def test_modules_that_pages_name_exist() -> None:
    missing = []
    for page in pages():
        for name in re.findall(r"`((?:services|common|catalog|indexer|lineage|cli|tests)/[\w/.-]+)`", text_of(page)):
            path = name.rstrip("/")
            module = f"{path.partition('.')[0]}.py"  # `common/runtime/db.Database` is a name in a module
            tries = (path, module, f"services/{path}", f"services/{module}")
            if not any((ROOT / found).exists() for found in tries) and "NAME" not in name:
                missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert not missing, "\n".join(missing)


def test_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for page in pages() for name in re.findall(r"`make ([a-z-]+)", text_of(page))}
    assert named <= targets


def test_only_benchmarks_that_need_it_install_torch_or_drivers_of_cloud_warehouses() -> None:
    """All others run in what `make demo` has made."""
    makefile = text_of(ROOT / "Makefile")
    whole = set(re.findall(r"^WHOLE := (.*)$", makefile, re.MULTILINE)[0].split())
    heavy = re.compile(
        r"^\s*import torch$|^\s*(?:from|import) sentence_transformers|machine\(.*snowflake-connector", re.MULTILINE
    )

    assert whole == {path.stem for path in (ROOT / "bench").glob("*.py") if heavy.search(text_of(path))}
    assert "@tools/setup.sh $(if $(filter $(WHOLE),$(firstword $(ARGS))),$(KIND),slim)" in makefile
