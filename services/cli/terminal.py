"""What every command does with people: settings from flags, the home on standard error, errors as one line, progress.

Standard output is for the answer alone; what is said to people goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from services.cli.exits import FAILED, WRONG_USE
from services.common.errors import Ambiguous, BadRequest, HeadwaterError, WrongSettings
from services.common.runtime import logs
from services.common.runtime.settings import DEFAULT_HOME, DEMO_HOME, NO_BUNDLE, Settings, load_settings


def report_errors(run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command; an error that Headwater raises on purpose becomes one line and an exit code."""
    prefer_utf8()
    try:
        code = run(arguments)
        sys.stdout.flush()  # a reader that has gone away must be noticed here, not while the interpreter ends
    except HeadwaterError as error:
        say(f"headwater: {error.detail}")
        for candidate in error.candidates if isinstance(error, Ambiguous) else ():
            say(f"  {candidate}")
        return WRONG_USE if isinstance(error, Ambiguous | BadRequest | WrongSettings) else FAILED
    except BrokenPipeError:
        # the reader of a pipe has seen enough; the interpreter must not fail again while it closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        say(f"headwater: {error}")
        return FAILED
    except KeyboardInterrupt:
        say("headwater: stopped")
        return 130
    return code


def settings_of(arguments: argparse.Namespace, *, default_home: Path = DEFAULT_HOME, begins: bool = False) -> Settings:
    """The settings of a command, and one line on standard error that says which home, or which bundle, it uses.

    Args:
        arguments: of the command line.
        default_home: where neither a flag nor the environment nor a file names one.
        begins: whether it may be the first command of a home, or looks itself. Others need one that something was written to.

    Raises:
        WrongSettings: a setting is not one that may be, role `sidecar` has no bundle, or there is no such home.

    """
    flags = {name: getattr(arguments, name, None) for name in ("home", "host", "port", "workers", "bundle")}
    settings = load_settings(flags, config=arguments.config, default_home=default_home)
    logs.configure("warning" if arguments.command != "serve" else settings.log_level, settings.log_format)
    is_sidecar = getattr(arguments, "role", None) == "sidecar"
    if is_sidecar and settings.bundle is None:
        raise WrongSettings(NO_BUNDLE)
    if not begins:
        require_home(settings)
    where = f"home: {settings.home}{' (nothing in it yet)' if _is_new(settings) else ''}"
    # a sidecar answers from its bundle and has no home
    say(f"bundle: {settings.bundle}" if is_sidecar else where)
    return settings


def require_home(settings: Settings) -> None:
    """See to it that something was written to a home: what only reads must not make one of a name that was mistyped.

    Raises:
        WrongSettings: there is no such folder, or nothing is in it yet; the line says how to name or make one.

    """
    if not _is_new(settings):
        return
    home = settings.home
    what = f"nothing is in the home {home} yet" if home.is_dir() else f"there is no home {home}"
    sample = home.parent / DEMO_HOME
    known = f" (the sample warehouse is in {sample})" if sample != home and _has_databases(sample) else ""
    raise WrongSettings(
        f"{what}: name another with --home or HEADWATER_HOME{known}, or make it with `headwater crawl` or `headwater demo`"
    )


def _is_new(settings: Settings) -> bool:
    """Whether nothing was written yet; what stands on PostgreSQL needs no home to be read."""
    return settings.database_url is None and not _has_databases(settings.home)


def _has_databases(home: Path) -> bool:
    return home.is_dir() and any(home.glob("*.db"))


def say(line: str) -> None:
    """A line for people, on standard error, behind what was printed before it: both may go to one file."""
    with suppress(BrokenPipeError):  # whoever reads no more still gets what went wrong
        sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar with rate and time left on a terminal, a plain line every few seconds elsewhere."""
    if sys.stderr.isatty():
        with _bar(label) as update:
            yield update
    else:
        yield _plain_lines(label)


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=None, rate="")

        def update(done: int, total: int | None) -> None:
            speed = shown.tasks[task].speed
            shown.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield update


def _plain_lines(label: str) -> Callable[[int, int | None], None]:
    import time

    begun = time.monotonic()
    told = begun

    def update(done: int, total: int | None) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < 5 or not done:
            return
        told = now
        rate = done / max(now - begun, 1e-6)
        left = f", {(total - done) / rate:,.0f} s left" if total else ""
        say(f"{label}: {done:,}{f' of {total:,}' if total else ''}, {rate:,.0f}/s{left}")

    return update


def prefer_utf8() -> None:
    """Let names in any script be printed, whatever the terminal's locale says."""
    os.environ.setdefault("PYTHONIOENCODING", "utf-8")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
