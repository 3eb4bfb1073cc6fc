"""`headwater init`: a commented `headwater.toml` to begin with."""

from __future__ import annotations

import argparse
from pathlib import Path

from services.cli.exits import DONE
from services.cli.terminal import say, settings_of
from services.common.errors import Conflict

TEMPLATE = """\
# Headwater's settings. A flag beats a HEADWATER_* variable, which beats this file.
# Every setting is described in docs/settings.md.

# home = ".headwater"                  # the data folder
# host = "127.0.0.1"                   # anything but loopback needs tokens
# port = 8642
# database_url = "postgresql://headwater@db1/headwater"   # SQLite files in the home unless set
# model = "all-MiniLM-L6-v2+headwater" # or all-MiniLM-L6-v2, or the path of a sentence-transformers folder

# One table a warehouse; `headwater crawl` reads all of them, `headwater crawl NAME` one.
#
# [sources.warehouse]
# url = "postgresql://reader@db1:5432/shop"
# password = "env:WAREHOUSE_PASSWORD"  # or "file:/run/secrets/warehouse"; never the password itself
# namespace = "postgres://db1:5432"    # from the URL unless set; set it where you come through a port-forward
# aliases = ["postgres://replica:5432"] # other addresses of the same warehouse
# include = ["shop.public.*"]          # globs over database.schema.table; everything unless set
# exclude = ["*.tmp_*"]
# schedule = "0 5 * * *"               # a running server crawls it then
# timezone = "Europe/Berlin"           # of the schedule, and of times without an offset
#
# [sources.local]
# url = "duckdb:///analytics.duckdb"
#
# [sources.dbt]
# url = "dbt://analytics/target"       # what dbt says of tables that another source shows
# into = "warehouse"

# Callers. With none, only this machine is served, as administrator. Make a token and its SHA-256 with:
#   python3 -c "import hashlib,secrets; t=secrets.token_urlsafe(32); print(t, hashlib.sha256(t.encode()).hexdigest())"
#
# [tokens.analysts]
# sha256 = "…"
# role = "reader"                      # reader, editor, admin or producer
# allow = ["warehouse.shop.*"]         # globs over source.database.schema.table
# deny = ["warehouse.shop.hr"]
"""


def run(arguments: argparse.Namespace) -> int:
    """Write the file, never over one that is there unless told to."""
    path: Path = arguments.config or Path("headwater.toml")
    try:
        with path.open("w" if arguments.force else "x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise Conflict(f"{path} is there already; --force overwrites it") from None
    say(f"wrote {path}; add a source to it and run `headwater crawl`")
    settings_of(arguments, begins=True)
    return DONE
