"""Files of a bundle that are written over where they lie while it serves: noticed at the next look, and nothing is answered."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from services.bundle import sidecar as serving
from services.bundle.check import begin_check
from services.bundle.export import export_bundle
from services.bundle.manifest import FILE, read_manifest, to_text
from services.common.errors import IndexDamaged
from services.common.runtime.settings import Settings
from tests.support.bundles import Alone, sidecar
from tests.support.commands import Server, hw, simple_table, until, write_metadata


def _exported(folder: Path, text: str) -> Path:
    """A bundle of a home of its own, whose tables say `text`."""
    tables = [simple_table(f"orders_{at}", f"{text} {at}") for at in range(12)]
    done = hw("crawl", write_metadata(folder / f"{text}.jsonl", *tables), home=folder / text / "home")
    assert done.code == 0, done.err
    export_bundle(Settings(home=folder / text / "home", model="hashing"), folder / text / "bundle")
    return folder / text / "bundle"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bundles of the same tables with other words."""
    folder = tmp_path_factory.mktemp("written")
    for text in ("amber", "birch"):
        (folder / text).mkdir()
    return _exported(folder, "amber"), _exported(folder, "birch")


@pytest.fixture
def place(bundles: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the first; the sidecars over it look when they are told to."""
    monkeypatch.setattr(serving, "LOOK_S", 3600.0)
    shutil.copytree(bundles[0], tmp_path / "place")
    return tmp_path / "place"


def _shown(alone: Alone) -> str:
    """What the first hit says, or the code of the refusal."""
    answer = alone.get("/search", params={"q": "orders"})
    if answer.status_code != 200:
        return str(answer.json()["code"])
    return str(answer.json()["hits"][0]["description"]).split()[0]


def _looked_again(alone: Alone) -> bool:
    """A look at a time when what failed before is tried again."""
    if alone.app._failed is not None:
        alone.app._failed = dataclasses.replace(alone.app._failed, until=0.0)
    return alone.app.look()


def _files(place: Path) -> Iterator[Path]:
    """The largest file of each part of a bundle."""
    for part in ("catalog.db", "lineage.db", "index"):
        found = [path for path in (place / part, *(place / part).rglob("*")) if path.is_file()]
        yield max(found, key=lambda path: path.stat().st_size)


def test_a_file_that_is_written_over_ends_the_answers_until_the_bundle_is_whole(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One bit in the middle, size and time as they were; the process lives, says why once, and answers again once it is as exported."""
    for file in _files(place):
        with sidecar(place) as alone:
            assert (_shown(alone), alone.app.look()) == ("amber", False)
            whole, before = file.read_bytes(), file.stat()
            with file.open("r+b") as written:
                written.seek(len(whole) // 2)
                written.write(bytes([whole[len(whole) // 2] ^ 1]))
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # as some copying programs do
            assert not alone.app.look()
            assert _shown(alone) == "index_damaged"
            assert [alone.client.get(path).status_code for path in ("/livez", "/readyz", "/")] == [200, 503, 503]
            assert not _looked_again(alone)
            file.write_bytes(whole)
            assert _looked_again(alone)
            assert _shown(alone) == "amber"
    assert "".join(capfd.readouterr()).count("bundle no longer whole") in {0, 3}


def test_files_that_are_only_touched_or_renamed_over_go_on_answering(place: Path) -> None:
    """The same bytes at a later time; and another file of the same name, which leaves the one that is open as it is."""
    with sidecar(place) as alone:
        for file in _files(place):
            os.utime(file, ns=(1, 1))
            (place / "other").write_bytes(b"nothing that it could be")
            assert not alone.app.look()
            (place / "other").replace(file)
            assert not alone.app.look()
            assert _shown(alone) == "amber"


def test_another_bundle_that_is_copied_over_the_files_is_taken_up_when_it_is_whole(
    place: Path, bundles: tuple[Path, Path]
) -> None:
    """As `rsync --inplace` or `cp -r` does it: never one answer from half of each."""
    files = [*read_manifest(bundles[1]).files, FILE]
    with sidecar(place) as alone:
        for name in files[:-1]:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundles[1] / name, place / name)
            assert not alone.app.look()
            assert _shown(alone) in {"amber", "index_damaged"}
        assert _shown(alone) == "index_damaged"
        shutil.copyfile(bundles[1] / FILE, place / FILE)
        assert _looked_again(alone)
        assert _shown(alone) == "birch"


def _asked(server: Server) -> int | None:
    """The status of an answer; None where the process has ended instead."""
    try:
        answer = server.client.get("/api/v1/search", params={"q": "orders"})
    except httpx2.HTTPError:
        server.process.wait(30)
        return None
    assert answer.status_code != 200 or len(answer.json()["hits"]) == 10
    return answer.status_code


def test_a_file_that_is_cut_ends_the_process_at_worst(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    """What is mapped beyond a file's end cannot be read: the kernel may end the process before it looks. It never answers from it."""
    place = tmp_path / "place"
    shutil.copytree(bundles[0], place)
    with Server("serve", "--role", "sidecar", "--bundle", str(place), home=tmp_path / "home") as server:
        server.ready()
        for file in _files(place):
            os.truncate(file, 1)
        until(lambda: _asked(server) != 200, "the refusal")
        assert server.process.poll() in {None, -signal.SIGBUS}
    begun = hw("serve", "--role", "sidecar", "--bundle", place, "--port", "0", home=tmp_path / "home")
    assert begun.code == 1
    assert "is not what was exported" in begun.err


def test_a_file_that_takes_a_name_while_the_bundle_is_checked_is_not_served(bundles: tuple[Path, Path], place: Path) -> None:
    """Each part's file of the other bundle, renamed into its place once the check has read it; one with the same bytes is no other."""
    settings = Settings(home=Path("/dev/null/home"), bundle=place, threads=1)
    for file, other in zip(_files(place), _files(bundles[1]), strict=True):
        checking = begin_check(place)
        checking.wait()
        kept = shutil.copy2(file, place.parent / "kept")
        shutil.copy2(other, place.parent / "other").replace(file)
        with pytest.raises(IndexDamaged, match=f"{file.name} was changed while the bundle was checked"):
            serving.create_sidecar(settings, checking)
        kept.replace(file)
        serving.create_sidecar(settings, checking).close()


def test_files_are_compared_with_the_sums_that_are_read_when_it_is_opened(bundles: tuple[Path, Path], place: Path) -> None:
    """Another manifest comes there once the check has read the first, with the sum of the other bundle's catalog."""
    checking = begin_check(place)
    checking.wait()
    manifest = read_manifest(place)
    files = {**manifest.files, "catalog.db": read_manifest(bundles[1]).files["catalog.db"]}
    (place / FILE).write_text(to_text(dataclasses.replace(manifest, files=files)), encoding="utf-8")
    with pytest.raises(IndexDamaged, match="was changed while the bundle was checked"):
        serving.create_sidecar(Settings(home=Path("/dev/null/home"), bundle=place, threads=1), checking)
