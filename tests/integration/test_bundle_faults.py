"""Bundles that are damaged, replaced, of another version or in a folder without rights: refused, or the last good one stays.

The campaign of 2,000 mutations is marked slow; a fixed sample of it runs always.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.bundle import check as checking
from services.bundle import sidecar as serving
from services.bundle.check import check
from services.bundle.export import export_bundle
from services.bundle.manifest import FILE, check_files, read_manifest, seal, to_text
from services.bundle.written import State
from services.common.errors import Conflict, IndexDamaged, WrongSettings
from services.common.runtime.settings import Settings
from tests.support.bundles import linked_copy, mutate, sidecar
from tests.support.commands import ROOT, hw, simple_table, write_metadata

SEED = 20_261_126
SAMPLE, CAMPAIGN = 40, 2_000
QUICKLY, EVERY = 10, 8
"""Of the sample so many, and of the campaign every eighth, go through the child process; the others through the comparison
that it begins with.
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with a few tables."""
    folder = tmp_path_factory.mktemp("bundles")
    lines = [simple_table(f"orders_{at}", f"The orders of region {at}") for at in range(12)]
    view = simple_table(
        "late_orders", "Orders that were late", kind="view", sql="SELECT id, amount FROM shop.public.orders_1"
    )
    url = write_metadata(folder / "shop.jsonl", *lines, view)
    done = hw("crawl", url, home=folder / "home")
    assert done.code == 0, done.err
    return folder / "home"


@pytest.fixture(scope="module")
def bundle(home, tmp_path_factory) -> Path:
    """A bundle of it."""
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    export_bundle(Settings(home=home, model="hashing"), folder)
    return folder


def _damaged(bundle: Path, to: Path, dice: random.Random) -> tuple[Path, str]:
    copy = linked_copy(bundle, to)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    return copy, mutate(dice.choice(files), dice)


def _is_refused_by_sums(folder: Path) -> bool:
    try:
        check_files(folder, read_manifest(folder))
    except IndexDamaged:
        return True
    return False


def test_a_sound_bundle_passes(bundle):
    """A check that refuses everything would prove nothing below."""
    check(bundle)
    with sidecar(bundle) as alone:
        assert alone.get("/search", params={"q": "late orders"}).json()["hits"][0]["name"] == "late_orders"


def test_a_sample_of_mutations_is_detected(bundle, tmp_path):
    """Bits turned, cuts, growth, zeros, swaps, files gone or empty, in any file: refused, and this process lives."""
    dice = random.Random(SEED)
    for at in range(SAMPLE):
        folder, what = _damaged(bundle, tmp_path / str(at), dice)
        assert _is_refused_by_sums(folder), what
        if at < QUICKLY:
            with pytest.raises(IndexDamaged):
                check(folder)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_two_thousand_mutations_are_detected(bundle, tmp_path):
    """The same at length: by the comparison that a check begins with, and every eighth through the whole child process."""
    dice = random.Random(SEED)
    served: list[str] = []
    for at in range(CAMPAIGN):
        folder, what = _damaged(bundle, tmp_path / str(at), dice)
        if not _is_refused_by_sums(folder):
            served.append(what)
        if at % EVERY == 0:
            with pytest.raises(IndexDamaged, match=r"not what was exported|holds no bundle|cannot be read"):
                check(folder)
        shutil.rmtree(folder)
    assert served == []


def test_files_that_were_sealed_while_damaged_never_end_this_process(bundle, tmp_path):
    """Sums that fit damaged files: the child meets what FAISS, SQLite and numpy make of them, and most are still refused."""
    dice = random.Random(SEED + 1)
    refused = 0
    parts = ("index", "catalog.db", "lineage.db")
    tries = 8
    for at in range(tries):
        copy = linked_copy(bundle, tmp_path / str(at))
        files = [p for p in sorted(copy.rglob("*")) if p.is_file() and p.relative_to(copy).parts[0] in parts]
        victim = dice.choice(files)
        data = bytearray(victim.read_bytes())
        data[: max(1, len(data) // 3)] = dice.randbytes(max(1, len(data) // 3))
        victim.unlink()
        victim.write_bytes(bytes(data))
        _reseal(copy)
        try:
            check(copy)
        except IndexDamaged:
            refused += 1
    assert refused == tries


def _reseal(folder: Path, **changed: object) -> None:
    manifest = dataclasses.replace(read_manifest(folder), files=seal(folder), **changed)
    (folder / FILE).unlink()
    (folder / FILE).write_text(to_text(manifest), encoding="utf-8")


def test_a_reader_that_dies_or_hangs_refuses_the_bundle(bundle, monkeypatch, tmp_path):
    """What a crash of the child looks like from here: one sentence with the signal, and no bundle."""
    package = tmp_path / "dies.py"
    package.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    monkeypatch.setattr(checking, "_MODULE", "dies")
    with pytest.raises(IndexDamaged, match="signal 11"):
        check(bundle)
    package.write_text("import time; time.sleep(60)", encoding="utf-8")
    monkeypatch.setattr(checking, "LIMIT_S", 0.5)
    with pytest.raises(IndexDamaged, match="was not read within"):
        check(bundle)


_FORKS = """
import os, signal, sys, time
from pathlib import Path
from services.bundle import check as checking, child, parts
from services.common.errors import IndexDamaged

def said(folder, *, apart=False):
    before = Path("/proc/self/task")
    assert len(list(before.iterdir())) == 1, "what follows would not fork"
    sums = checking.begin_sums(Path(folder)) if apart else None
    try:
        checking.begin_check(Path(folder), sums).wait()
    except IndexDamaged as error:
        return error.detail
    return "sound"

whole, damaged = sys.argv[1:]
examine = child.examine
print(said(whole))
print(said(damaged))
child.examine = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)
print(said(whole))
child.examine = lambda *_: os._exit(7)
print(said(whole))
child.examine = lambda *_: time.sleep(60)
checking.LIMIT_S = 0.5
print(said(whole))
child.examine, checking.LIMIT_S, checking.LIMIT_BYTES = examine, 120.0, 1 << 20
print(said(whole))
checking.LIMIT_BYTES = 4 << 30
print(said(whole, apart=True))
print(said(damaged, apart=True))
child.read = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)
print(said(whole, apart=True))
child.compare = lambda *_: time.sleep(60)
checking.LIMIT_S = 0.5
print(said(whole, apart=True))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test may run where it is ignored
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    print(said(whole, apart=True))
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the check is an interpreter of its own")
def test_a_process_with_one_thread_forks_its_reader(bundle, tmp_path):
    """As a sidecar starts: the same bundles pass and are refused, and whatever becomes of the reader this process lives."""
    damaged, _ = _damaged(bundle, tmp_path / "damaged", random.Random(SEED + 2))
    command = [sys.executable, "-c", _FORKS, str(bundle), str(damaged)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0] == "sound"
    assert "export the bundle again" in out[1]
    assert "ended the process that tried to read it (signal 11)" in out[2]
    assert "could not be checked (exit code 7)" in out[3]
    assert "was not read within" in out[4]
    assert out[5] != "sound"
    # the sums in a process of their own, begun before: what they find is told, whatever becomes of the reader
    assert out[6] == "sound"
    assert "is not what was exported" in out[7]
    assert "ended the process that tried to read it (signal 11)" in out[8]
    assert "was not read within" in out[9]
    # a Ctrl-C while it forks stops it
    assert out[10:] == ["stopped"]


def test_a_reader_without_memory_refuses_the_bundle(bundle, monkeypatch):
    """The limit holds: far too little of it, and the child says so or dies of it."""
    monkeypatch.setattr(checking, "LIMIT_BYTES", 1 << 20)
    with pytest.raises(IndexDamaged):
        check(bundle)


def test_another_version_is_refused_with_advice(bundle, tmp_path):
    """Other tables or another format: export again."""
    copy = linked_copy(bundle, tmp_path / "copy")
    _reseal(copy, revisions={"catalog": "0001", "indexer": "0001", "lineage": "0001"})
    with pytest.raises(IndexDamaged, match="export it again"):
        check(copy)
    raw = json.loads((copy / FILE).read_text(encoding="utf-8"))
    (copy / FILE).write_text(json.dumps(raw | {"format": 99}), encoding="utf-8")
    with pytest.raises(IndexDamaged):
        check(copy)


def test_names_that_lead_outside_are_refused(bundle, tmp_path):
    """A manifest from elsewhere must not have other files read."""
    copy = linked_copy(bundle, tmp_path / "copy")
    manifest = read_manifest(copy)
    for name in ("../x", "/etc/hostname", "a/../../x", ""):
        files = {**manifest.files, name: next(iter(manifest.files.values()))}
        (copy / FILE).unlink()
        (copy / FILE).write_text(to_text(dataclasses.replace(manifest, files=files)), encoding="utf-8")
        with pytest.raises(IndexDamaged, match="outside"):
            read_manifest(copy)


def test_files_that_nobody_named_are_left_alone(bundle, tmp_path):
    """A volume has folders of its own, such as `lost+found`."""
    copy = linked_copy(bundle, tmp_path / "copy")
    (copy / "lost+found").mkdir()
    (copy / "lost+found" / "x").write_bytes(b"?")
    check(copy)


def test_another_bundle_takes_over_and_a_bad_one_does_not(bundle, home, tmp_path):
    """By a rename and by a link; a bad one leaves the last good one answering, although its files have lost their names."""
    place, other = tmp_path / "place", tmp_path / "other"
    shutil.copytree(bundle, place)
    shutil.copytree(bundle, other)
    _reseal(other, label="7.7")
    bad = tmp_path / "bad"
    shutil.copytree(bundle, bad)
    (bad / "catalog.db").write_bytes(b"SQLite format 3\0 and then nothing")
    link = tmp_path / "link"
    link.symlink_to(place)
    with sidecar(link) as alone:
        asked = lambda: alone.get("/search", params={"q": "late orders"}).json()["hits"][0]["name"]  # noqa: E731
        assert asked() == "late_orders"
        assert not alone.app.look()
        # a bad one in the same place
        place.rename(tmp_path / "away")
        bad.rename(place)
        shutil.rmtree(tmp_path / "away")
        assert not alone.app.look()
        assert asked() == "late_orders"
        assert alone.get("/assets").status_code == 200
        # a good one behind the link
        switched = tmp_path / "switched"
        switched.symlink_to(other)
        switched.replace(link)
        assert alone.app.look()
        assert asked() == "late_orders"
        assert alone.app._bundle.manifest.label == "7.7"


def test_a_bundle_that_failed_once_is_tried_again(bundle, tmp_path, monkeypatch, capfd):
    """Half copied, out of memory, or something that nobody expected: later it serves, and the log says once why it did not."""
    place = tmp_path / "place"
    shutil.copytree(bundle, place)
    failures: list[Exception] = [IndexDamaged("half of it"), IndexDamaged("half of it"), OSError("mount"), RuntimeError("x")]
    whole = check

    def often(folder: Path) -> Mapping[str, State]:
        if failures:
            raise failures.pop(0)
        return whole(folder)

    monkeypatch.setattr(serving, "LOOK_S", 3600.0)
    with sidecar(place) as alone:
        monkeypatch.setattr(serving, "check", often)
        _reseal(place, label="7.7")
        assert not alone.app.look()
        assert not alone.app.look()
        assert len(failures) == 3  # not at once
        assert alone.app._failed.wait_s == serving.RETRY_S
        for left in (2, 1, 0):
            alone.app._failed = dataclasses.replace(alone.app._failed, until=0.0)
            assert not alone.app.look()
            assert len(failures) == left
        assert alone.app._failed.wait_s == 8 * serving.RETRY_S
        alone.app._failed = dataclasses.replace(alone.app._failed, until=0.0)
        assert alone.app.look()
        assert alone.app._bundle.manifest.label == "7.7"
        assert alone.app._failed is None
    said = "".join(capfd.readouterr())
    assert said.count("half of it") <= 1


def test_a_folder_without_rights_stays_as_it_is(bundle, tmp_path):
    """No lock, log or temporary file appears beside a bundle that serves."""
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    before = {path: path.stat().st_mtime_ns for path in [copy, *copy.rglob("*")]}
    for path in before:
        path.chmod(0o555 if path.is_dir() else 0o444)
    with sidecar(copy) as alone:
        for path, params in (
            ("/search", {"q": "orders", "answer": "tables", "fold": "true"}),
            ("/suggest", {"q": "ord"}),
            ("/assets", {"limit": 3}),
            ("/sources", {}),
            ("/vocabulary", {}),
        ):
            assert alone.get(path, params=params).status_code == 200
    assert {path: path.stat().st_mtime_ns for path in [copy, *copy.rglob("*")]} == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/api/v1/assets/x"),
        ("PUT", "/api/v1/vocabulary/x"),
        ("POST", "/api/v1/feedback"),
        ("POST", "/api/v1/crawls"),
        ("POST", "/api/v1/lineage"),
        ("DELETE", "/api/v1/assets/x"),
        ("GET", "/api/v1/crawls"),
        ("GET", "/api/v1/assets/dnula6su37s7432vltvmoihrxt5/changes"),
        ("GET", "/api/v1/assets/dnula6su37s7432vltvmoihrxt5/versions"),
        ("GET", "/api/v1/searches"),
        ("GET", "/api/v1/renames"),
    ],
)
def test_what_a_bundle_neither_takes_nor_holds_is_refused_by_name(bundle, served, method, path):
    """Never an empty list for something that is only not here."""
    answer = served.client.request(method, path, json={} if method != "GET" else None)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "read_only"
    assert int(answer.headers["Headwater-Bundle-Age"]) >= 0


def test_a_write_never_reaches_the_files(served):
    """Whatever the API allows or not: the databases are opened so that nothing can be written."""
    with (
        pytest.raises(Exception, match=r"readonly|read-only|attempt to write"),
        served.app._bundle.catalog.read() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM asset")


def test_every_answer_says_how_old_the_bundle_is(served):
    """In headers, and in what probes say."""
    ready = served.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["bundle"]["age_s"] >= 0
    for path in ("/api/v1/suggest?q=ord", "/livez", "/"):
        answer = served.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Headwater-Bundle-Created"] == ready.json()["bundle"]["created"]


@pytest.fixture(scope="module")
def served(bundle):
    """A sidecar over it."""
    with sidecar(bundle) as alone:
        yield alone


def test_an_export_replaces_a_bundle_and_nothing_else(home, bundle, tmp_path):
    """A folder with other things in it, or a link, is left as it is."""
    settings = Settings(home=home, model="hashing")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Conflict, match="is no bundle"):
        export_bundle(settings, full)
    assert (full / "mine.txt").read_text(encoding="utf-8") == "mine"
    link = tmp_path / "link"
    link.symlink_to(bundle)
    with pytest.raises(Conflict, match="is a link"):
        export_bundle(settings, link)
    place = tmp_path / "place"
    shutil.copytree(bundle, place)
    created = read_manifest(place).created
    export_bundle(settings, place)
    assert read_manifest(place).created > created
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "link", "place"]
    told = r"no token is called nobody; configured are: none\. .*\[tokens\.nobody\] in headwater\.toml"
    with pytest.raises(WrongSettings, match=told):
        export_bundle(settings, tmp_path / "new", token="nobody")


def test_an_export_that_is_stopped_leaves_no_bundle(home, tmp_path):
    """Killed at any moment, the place holds the bundle before, or nothing."""
    place = tmp_path / "place"
    command = [sys.executable, "-m", "services", "bundle", "export", str(place), "--home", str(home)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT), "HEADWATER_MODEL": "hashing"})
    while not any(tmp_path.iterdir()):
        assert process.poll() is None
    process.kill()
    process.wait()
    assert not place.exists()


COPIED = {
    "catalog": {"asset", "curation", "layer", "renamed", "source", "crawl", "vocabulary", "vocabulary_name", "feed_head"},
    "lineage": {
        *("node", "edge", "column_edge", "observed", "observed_column", "node_columns", "state", "mention", "definition"),
        *("column_reading", "setting", "checkpoint"),
    },
    "usage": {"usage_statement", "usage_run", "usage_position"},
}
"""What of each service's tables a bundle has rows of; the others are there and empty."""


def test_only_tables_that_were_decided_on_have_rows(bundle):
    """What somebody adds to a service is no part of a bundle before its rows are chosen by scope."""
    import sqlite3

    for service, expected in COPIED.items():
        with sqlite3.connect(f"file:{bundle / f'{service}.db'}?mode=ro&immutable=1", uri=True) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            filled = {name for name in names if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()}
        assert expected <= names
        assert filled <= expected, service
        assert {
            "embedding",
            "pending",
            "audit",
            "search_answer",
            "search_feedback",
            "version",
            "declared",
            "log_statement",
        } & filled == set()
