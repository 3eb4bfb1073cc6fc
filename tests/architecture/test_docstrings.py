"""What is written down: docstrings and descriptions everywhere, errors never swallowed, nothing unfinished or unsafe."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from services.common.runtime.settings import Settings, TokenSettings
from services.common.runtime.source_settings import SourceSettings

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
CATCH_ALL: dict[str, str] = {
    "services/bundle/child.py:compare": "a process that reads what may be damaged: its parent hears why it ends",
    "services/bundle/child.py:read": "the same process, which opens what was exported",
    "services/bundle/sidecar.py:look": "a thread's edge: the bundle before goes on serving, and the new one is tried again",
    "services/indexer/usage/service.py:run_until": "a thread's edge: it says what failed and where, and tries again",
    "services/catalog/feedback.py:_keep_writing": "a thread's edge: answers go on, and the next try may write what waits",
    "services/indexer/embed/reference.py:serve_reference": "the training libraries' process: its parent hears why it ends",
    "services/indexer/embed/reference.py:_answer": "the same process: a request that fails is answered as failed",
    "services/lineage/sql/child.py:_read": "the parser's process: whatever the parser trips over is one unread statement",
    "services/indexer/service.py:_opened": "the index thread's edge: it says what failed and where, and tries again",
    "services/indexer/service.py:_serve_index": "the same thread: what was indexed stays, and the loop goes on",
    "services/indexer/service.py:_serve_crawls": "the crawl thread's edge: one crawl that fails must not end the others",
    "services/lineage/follow.py:run_until": "a thread's edge: it says what failed and where, and tries again",
    "services/catalog/event_datasets.py:run_until": "a thread's edge: it says what failed and where, and tries again",
    "services/lineage/events/intake.py:run_until": "a thread's edge: events are taken in all the same, and the next try may work",
    "services/lineage/statements/jobs.py:run_until": "a thread's edge: events are taken in all the same, and the next try may work",
}
"""`path:function` → why everything is caught there: an edge of a process, where nobody is left to tell."""
ALEMBIC = {"upgrade", "downgrade"}
"""What every migration has, by Alembic's contract; what it does is in the module's own words."""
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "os.system", "marshal.loads"}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError|NotImplemented)\b")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules() -> list[Path]:
    return sorted(SERVICES.rglob("*.py"))


def everywhere(check) -> set[str]:
    """What a check finds in all modules, each with its path."""
    found = set()
    for path in modules():
        where = path.relative_to(ROOT).as_posix()
        found.update(f"{where}:{name}" for name in check(path.read_text(encoding="utf-8")))
    return found


def undocumented(source: str) -> Iterator[str]:
    """The module, its public classes and functions, and the verbs of its ports, where they have no docstring.

    Other methods may be left out: an adapter's repeat what its port says.
    """
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        yield "module"
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield node.name
    for name, node in classes.items():
        if any("Protocol" in ast.unparse(base) for base in node.bases):
            yield from (
                f"{name}.{method.name}"
                for method in node.body
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and not ast.get_docstring(method)
            )


def caught_whole(source: str) -> Iterator[str]:
    """Functions with `except:`, `except Exception` or `except BaseException` that do not end by raising."""
    tree = ast.parse(source)
    inside = {
        child: getattr(node, "name", "module")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"Exception"}
            if caught & {"Exception", "BaseException"} and not isinstance(node.body[-1], ast.Raise):
                yield inside.get(node, "module")
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            arguments = {ast.unparse(argument) for argument in node.args}
            yield from [inside.get(node, "module")] * bool(arguments & {"Exception", "BaseException"})


def unsafe(source: str) -> Iterator[str]:
    """Calls that run what they are given, and modules that unpack objects."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in UNSAFE_CALLS:
            yield ast.unparse(node.func)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in UNSAFE_MODULES)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in UNSAFE_MODULES:
            yield str(node.module)
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"
        if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False":
            yield "shell"


def unfinished(source: str) -> Iterator[str]:
    """Words in comments and code that say that something is missing; texts for people may say anything."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        # a library may raise NotImplementedError, and whoever calls it then has to expect it
        expected = token.string == "NotImplementedError" and before != "raise"
        if token.type in (tokenize.COMMENT, tokenize.NAME) and UNFINISHED.search(token.string) and not expected:
            yield f"{token.start[0]} {token.string}"
        before = token.string


def test_everything_public_says_what_it_is():
    """Modules, classes and functions; a port's every verb."""
    assert len(modules()) > 80
    found = everywhere(undocumented)
    assert {name for name in found if not ("/migrations/versions/" in name and name.rpartition(":")[2] in ALEMBIC)} == set()


@pytest.mark.parametrize("kind", [Settings, SourceSettings, TokenSettings], ids=lambda kind: kind.__name__)
def test_every_setting_says_what_it_does(kind: type[BaseModel]):
    """`headwater init` and the documentation are made of these."""
    assert [name for name, field in kind.model_fields.items() if len(field.description or "") < 15] == []
    assert kind.__doc__


def test_no_error_is_swallowed():
    """Everything is caught only at the edges of processes that are listed above."""
    assert everywhere(caught_whole) == set(CATCH_ALL)
    assert all(len(reason) > 20 for reason in CATCH_ALL.values())


def test_nothing_runs_what_it_reads():
    """No object is unpacked from a file or a socket, no text becomes code or a shell's command."""
    assert everywhere(unsafe) == set()


def test_nothing_is_left_unfinished():
    """What is not there yet is in the tracker, not in the code."""
    assert everywhere(unfinished) == set()


@pytest.mark.parametrize(
    ("check", "source", "found"),
    [
        (undocumented, "def f(): pass\ndef _g(): pass", {"module", "f"}),
        (undocumented, '"""M."""\nclass A(Protocol):\n "A."\n def f(self): ...', {"A.f"}),
        (undocumented, '"""M."""\nclass A:\n "A."\n def f(self): ...', set()),
        (caught_whole, "def f():\n try: g()\n except Exception: pass", {"f"}),
        (caught_whole, "def f():\n try: g()\n except: pass", {"f"}),
        (caught_whole, "def f():\n try: g()\n except (ValueError, BaseException) as e: log(e)", {"f"}),
        (caught_whole, "def f():\n try: g()\n except Exception as e:\n  raise X from e", set()),
        (caught_whole, "with contextlib.suppress(Exception): g()", {"module"}),
        (caught_whole, "try: g()\nexcept ValueError: pass", set()),
        (unsafe, "import pickle\nfrom joblib import load", {"pickle", "joblib"}),
        (unsafe, "eval(x)\ntorch.load(y)\nre.compile(z)", {"eval", "torch.load"}),
        (unsafe, "np.load(f, allow_pickle=True)\nrun(c, shell=True)\nrun(c, shell=False)", {"allow_pickle", "shell"}),
        (unfinished, "x = 1  # TODO: more", {"1 # TODO: more"}),
        (unfinished, "raise NotImplementedError\ny = 'TODO'", {"1 NotImplementedError"}),
    ],
)
def test_the_checks_themselves_can_fail(check, source, found):
    """On what they are for, and on nothing else."""
    assert set(check(source)) == found
