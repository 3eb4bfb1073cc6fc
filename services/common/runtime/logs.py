"""Structured logs: one line an event, JSON in production and readable on a terminal, with the request's id.

Every process calls `configure` once. Nothing from a query, a row or a URL with a password is ever logged.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, cast

_IMPORTED_RICH = "rich" in sys.modules
if not _IMPORTED_RICH:
    sys.modules["rich"] = None  # type: ignore[assignment]  # structlog would import all of it, for tracebacks that are never shown
import structlog  # noqa: E402

if not _IMPORTED_RICH:
    del sys.modules["rich"]


def configure(level: str = "info", style: Literal["auto", "json", "console"] = "auto") -> None:
    """Send every log line to standard error, below `level` none. `auto` is readable on a terminal, JSON elsewhere."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(sort_keys=True)
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, final],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # what it is when the line is written
        cache_logger_on_first_use=False,
    )
    _configure_libraries(shared, final)


def _configure_libraries(shared: list[structlog.typing.Processor], final: structlog.typing.Processor) -> None:
    """Libraries that use the standard logger say only what matters, never a statement, and in the same form."""
    handler = _StandardError()
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        final,
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=[_name_component, *shared], processors=last))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _StandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for noisy in ("sqlglot", "alembic", "sqlalchemy", "httpx", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


class _StandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            structlog.PrintLogger(sys.stderr).msg(self.format(record))
        except (OSError, TypeError, ValueError):  # a closed stream, or arguments that do not fit the message
            self.handleError(record)


def _name_component(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["component"] = event["_record"].name
    return event


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that stamps `name` on its lines."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(component=name))
