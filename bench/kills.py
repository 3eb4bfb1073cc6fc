"""kill -9 of a crawl at random moments, then crawl again: nothing is lost, and little is encoded twice.

Run: `make bench ARGS="kills"` (--kills N --tables N). Every kill is of `headwater crawl` in a process of its own, each in
the middle of what is left to encode. The control throws the embedding cache away after each kill: it must break the bound.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.report import machine, print_table
from services.indexer.sync.worker import BATCH_TEXTS

_CHILD = """
import sys
import services.indexer.service as service
opened = service.open_encoder
def counting(*arguments, **more):
    encoder = opened(*arguments, **more)
    encode = encoder.encode_documents
    def counted(texts):
        vectors = encode(texts)
        with open(sys.argv[1], "a") as log:
            log.write(f"{len(texts)}\\n")
        return vectors
    encoder.encode_documents = counted
    return encoder
service.open_encoder = counting
from services.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
COLUMNS = 10
KILL_S = (1.0, 8.0)
"""When a kill comes after the start: from before the first commit until well into encoding."""
CONTROL_S = (9.0, 12.0)
"""For the control: when something has been encoded for certain."""


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--tables", type=int, default=2_500)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rows = [
        _campaign("crawl killed", arguments.kills, arguments.tables, arguments.seed, keep=True),
        _campaign(
            "control: cache thrown away", max(3, arguments.kills // 10), arguments.tables // 3, arguments.seed, keep=False
        ),
    ]
    print_table(
        [
            "what",
            "kills",
            "ended before the kill",
            "distinct texts",
            "encoded by the killed",
            "encoded",
            "bound",
            "within",
            "verify",
        ],
        rows,
    )
    if rows[0][7] != "yes" or rows[0][8] != "clean" or rows[1][7] == "yes" or not rows[0][4]:
        raise SystemExit("a figure or its control is not as it must be")
    print(machine(["duckdb", "onnxruntime"]))


def _campaign(what: str, kills: int, tables: int, seed: int, *, keep: bool) -> list[object]:
    folder = Path(tempfile.mkdtemp(prefix="headwater-kills-"))
    chance = random.Random(seed)
    try:
        source = _filled(folder / "shop.duckdb", tables)
        log, home = folder / "encoded.log", folder / "home"
        ended = sum(_killed(source, home, log, chance, keep=keep) for _ in range(kills))
        early = _encoded(log)
        done = _child(["crawl", source, "--home", str(home)], log)
        if done.wait() != 0:
            raise SystemExit("the crawl after the kills failed")
        verify = subprocess.run(
            [sys.executable, "-m", "services", "verify", "--home", str(home)], check=False, capture_output=True
        )
        encoded = _encoded(log)
        with sqlite3.connect(home / "indexer.db") as connection:
            (distinct,) = connection.execute("SELECT count(*) FROM embedding").fetchone()
        bound = distinct + BATCH_TEXTS * (kills - ended)
        state = "clean" if verify.returncode == 0 else verify.stdout.decode()[:80]
        return [what, kills - ended, ended, distinct, early, encoded, bound, "yes" if encoded <= bound else "no", state]
    finally:
        shutil.rmtree(folder)


def _killed(source: str, home: Path, log: Path, chance: random.Random, *, keep: bool) -> bool:
    """One crawl that is killed at a random moment; whether it ended before that."""
    child = _child(["crawl", source, "--home", str(home)], log)
    try:
        child.wait(chance.uniform(*(KILL_S if keep else CONTROL_S)))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if not keep and (home / "indexer.db").exists():
        time.sleep(0.1)
        with sqlite3.connect(home / "indexer.db") as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if "embedding" in tables:
                connection.execute("DELETE FROM embedding")
    return child.returncode == 0


def _encoded(log: Path) -> int:
    """How many texts all crawls so far have encoded, the killed ones too."""
    return sum(map(int, log.read_text().split())) if log.exists() else 0


def _child(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _CHILD, str(log), *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _filled(path: Path, tables: int) -> str:
    """A DuckDB file whose columns all have a comment of their own, so that each is a text to encode."""
    with duckdb.connect(str(path)) as connection:
        for number in range(tables):
            columns = ", ".join(f"c{at} VARCHAR" for at in range(COLUMNS))
            connection.execute(f"CREATE TABLE t_{number} ({columns})")
            for at in range(COLUMNS):
                connection.execute(f"COMMENT ON COLUMN t_{number}.c{at} IS 'measure {number * COLUMNS + at} of the plant'")
    return f"duckdb:///{path}"


if __name__ == "__main__":
    main()
