"""The child process of `check`: `python -m services.bundle.child FOLDER BYTES` prints `{"problem": null}` for a sound bundle.

It compares the files with their sums, then opens and reads everything under a memory limit. It may be killed, and may crash.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from services.bundle.manifest import check_files, read_manifest
from services.common.errors import HeadwaterError


def examine(folder: Path, limit_bytes: int) -> str | None:
    """What is wrong with a bundle, in one sentence; None for a sound one."""
    # the sums say what was exported; whether it can be read is another question, and its answer may be a crash
    return compare(folder) or read(folder, limit_bytes)


def compare(folder: Path) -> str | None:
    """Which file of a bundle is not what was exported; None where all are."""
    try:
        check_files(folder, read_manifest(folder))
    except HeadwaterError as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - a process's edge: whatever it is, this bundle must not serve
        return f"the bundle in {folder} cannot be read ({type(error).__name__})"
    return None


def read(folder: Path, limit_bytes: int) -> str | None:
    """Why a bundle cannot be opened and read under a memory limit, in one sentence; None where it can."""
    try:
        manifest = read_manifest(folder)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes + manifest.size_bytes,) * 2)
        from services.bundle.parts import Bundle  # noqa: PLC0415 - what loads slowly is not needed to tell a damaged file

        bundle = Bundle(folder, threads=1)
        bundle.examine()
    except HeadwaterError as error:
        return error.detail
    except MemoryError:
        return f"the bundle in {folder} takes more memory than it may"
    except Exception as error:  # noqa: BLE001 - a process's edge: whatever it is, this bundle must not serve
        return f"the bundle in {folder} cannot be read ({type(error).__name__})"
    return None


if __name__ == "__main__":
    problem = examine(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({"problem": problem}), flush=True)  # noqa: T201 - what the parent reads
    # an index that was taken apart may not be there any more when the interpreter cleans up
    sys.stdout.close()
    sys.exit(0)
