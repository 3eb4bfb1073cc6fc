"""Every figure of lineage, one benchmark after the other, each in a process of its own: what `make bench-lineage` runs.

`python -m bench lineage_all DATA [--only PARTS] [--small]`. What is timed comes before what is only counted; one that fails does not
keep the others from running. Exits with 1 where one failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

PARTS: dict[str, tuple[str, ...]] = {
    "events": ("lineage_events",),
    "graph": ("lineage_graph",),
    "speed": ("lineage", "DATA", "--only", "speed"),
    "cases": ("lineage", "DATA", "--only", "cases"),
    "dbt": ("lineage", "DATA", "--only", "dbt"),
    "variants": ("lineage", "DATA", "--only", "variants"),
    "truth": ("lineage", "DATA", "--only", "truth"),
    "confidence": ("lineage_confidence", "DATA"),
    "history": ("lineage_history", "DATA", "--followed", "60"),
}
"""By name, in the order in which they run: timings before what only counts."""
SMALL: dict[str, tuple[str, ...]] = {
    "events": ("--events", "1000", "--singles", "20", "--found", "5"),
    "graph": ("--small", "--rounds", "3"),
    "speed": ("--mixed", "40"),
    "cases": ("--cases", "20"),
    "variants": ("--cases", "20"),
    "truth": ("--statements", "60"),
    "confidence": ("--draws", "1"),
    "history": ("--tables", "20", "--followed", "5"),
}
"""What `--small` adds: does it run?"""


def main() -> None:
    """Run them."""
    parser = argparse.ArgumentParser(prog="bench lineage_all")
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--small", action="store_true", help="a little of each: does it run? Its figures mean nothing")
    asked = parser.parse_args()
    names = asked.only.split(",")
    if unknown := sorted(set(names) - set(PARTS)):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    failed = [name for name in PARTS if name in names and not _ran(name, asked.data, small=asked.small)]
    if failed:
        raise SystemExit(f"\nfailed: {', '.join(failed)}")


def _ran(name: str, data: Path, *, small: bool) -> bool:
    words = [str(data) if word == "DATA" else word for word in PARTS[name]]
    command = [sys.executable, "-m", "bench", *words, *(SMALL.get(name, ()) if small else ())]
    print(f"\n# {name}: bench {' '.join(command[3:])}\n", flush=True)
    began = time.monotonic()
    done = subprocess.run(command, check=False)
    print(
        f"\n{name}: {time.monotonic() - began:.0f} s, {'ended' if done.returncode == 0 else f'failed ({done.returncode})'}"
    )
    return done.returncode == 0


if __name__ == "__main__":
    main()
