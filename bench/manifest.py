"""A dbt manifest of 2 GB: the peak memory of reading it, and of a whole `headwater crawl` of it.

Run: `make bench ARGS="manifest"` (--mib N). The file is written piece by piece into a temporary folder and removed. The control
reads it whole within the same bound and must fail.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import machine, print_table
from tests.support.dbt_manifest import SCHEMAS, write_manifest

BOUND_MIB = 512
"""Peak memory of a process, its interpreter and libraries included; a quarter of the file."""
_READ = """
import sys
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
with open_source('shop', SourceSettings(url='dbt://' + sys.argv[1], into='wh', namespace='postgres://db1:5432')) as source:
    print(sum(1 for _ in source.read()))
"""
_WHOLE = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) * 2**20,) * 2)
json.load(open(sys.argv[1] + '/manifest.json'))
"""


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2_048)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headwater-manifest-"))
    try:
        if shutil.disk_usage(folder).free < 6 * arguments.mib * 2**20:
            raise SystemExit(f"{folder} has no room for {arguments.mib} MiB, their spool and a catalog of them")
        begun = time.monotonic()
        models = write_manifest(folder / "manifest.json", arguments.mib)
        print(f"manifest.json: {(folder / 'manifest.json').stat().st_size:,} bytes, {models:,} models, written in "
              f"{time.monotonic() - begun:.0f} s\n")  # fmt: skip
        rows, wrong = _measured(folder, models)
    finally:
        shutil.rmtree(folder)
    print_table(["what", "models", "exit code", "peak MiB", "s"], rows)
    if wrong:
        raise SystemExit("; ".join(wrong))
    print(machine(["ijson"]))


def _measured(folder: Path, models: int) -> tuple[list[list[object]], list[str]]:
    rows: list[list[object]] = []
    wrong: list[str] = []
    code, peak, spent, told = _run(["-c", _READ, str(folder)])
    found = int(told or 0) - SCHEMAS - 1
    rows.append(["the source alone", found, code, peak, spent])
    wrong += _checked("read", code, peak, found, models)
    command = ["-m", "services", "crawl", f"dbt://{folder}", "--home", str(folder / "home"), "--no-wait", "--json"]
    code, peak, spent, told = _run(command)
    found = json.loads(told)["crawls"][0]["tables"]["added"] if code == 0 else 0
    rows.append(["headwater crawl --no-wait", found, code, peak, spent])
    wrong += _checked("crawl", code, peak, found, models)
    code, peak, spent, _ = _run(["-c", _WHOLE, str(folder), str(BOUND_MIB)])
    rows.append([f"control: read whole, within {BOUND_MIB} MiB", 0, code, peak, spent])
    return rows, wrong + ([] if code else ["the control did not fail"])


def _checked(what: str, code: int, peak_mib: int, found: int, models: int) -> list[str]:
    good = code == 0 and peak_mib <= BOUND_MIB and found == models
    return [] if good else [f"{what}: exit {code}, {found} of {models} models, {peak_mib} MiB of {BOUND_MIB}"]


def _run(arguments: list[str]) -> tuple[int, int, float, str]:
    """Exit code, peak of resident memory in MiB, seconds and standard output of a Python process."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return child.returncode, usage.ru_maxrss // 2**10, time.monotonic() - begun, out.read().decode()


if __name__ == "__main__":
    main()
