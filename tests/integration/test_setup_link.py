"""`make setup` in a second checkout whose environment is a link to the first one's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "setup.sh"


@pytest.mark.parametrize("there", [True, False])
def test_an_environment_that_is_a_link_is_left_alone(tmp_path, there):
    """It is another checkout's: made anew here, it would be empty there. Where there is none behind the link, that is said."""
    checkout, first = tmp_path / "second", tmp_path / "first" / ".venv"
    (checkout / "tools").mkdir(parents=True)
    (first / "bin").mkdir(parents=True)
    shutil.copy(SCRIPT, checkout / "tools")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(SCRIPT.parents[1] / name, checkout)
    if there:
        (first / "bin" / "python").symlink_to(sys.executable)
        (first / ".headwater-setup").write_text(f"full\n0 0\n{first.parent}\n")
    kept = sorted(first.rglob("*"))
    (checkout / ".venv").symlink_to(first)
    # no interpreter can be found, so that a script that would make one ends at once
    ran = subprocess.run(
        ["/bin/sh", "tools/setup.sh", "slim"], cwd=checkout, env={"PATH": "/usr/bin:/bin", "PYTHON": "/nowhere"}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (ran.returncode, "is a link to" in ran.stderr) == (0 if there else 1, not there), ran.stderr
    assert sorted(first.rglob("*")) == kept
