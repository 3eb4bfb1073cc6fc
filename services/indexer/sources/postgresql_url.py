"""A PostgreSQL URL becomes connection parameters, with nothing in it that could loosen how Headwater reads.

Journey 1, step 1; used by `postgresql` alone.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from services.common.errors import WrongSettings
from services.common.model.platforms import platform_named

CONNECT_S = 10
"""How long to wait for a server that does not answer, where the URL does not say."""
ALLOWED = (
    "application_name",
    "channel_binding",
    "connect_timeout",
    "gssencmode",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)
"""What may stand behind the question mark. Others could lead elsewhere (`host`, `service`) or undo settings (`options`)."""
# a connection that a firewall forgot is noticed after about a minute instead of never
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_UNESCAPED = "signs such as / # ? @ in user or password are written as %2F %23 %3F %40"


def connection_parameters(url: str) -> dict[str, Any]:
    """What libpq is given for `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETERS`; never log it.

    Raises:
        WrongSettings: no host or database, or a parameter that is not in `ALLOWED`; the text repeats no value.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or platform_named("postgres").port
    except ValueError:
        raise WrongSettings(f"the PostgreSQL URL cannot be split: {_UNESCAPED}") from None
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment or parts.fragment:
        # a password cut in two would otherwise become a host or a database, and be shown in an error
        raise WrongSettings(f"the PostgreSQL URL has an @ or # in the wrong place: {_UNESCAPED}")
    database = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not database:
        raise WrongSettings("the PostgreSQL URL must name host and database: postgresql://USER@HOST:PORT/DATABASE")
    if "," in parts.hostname:
        raise WrongSettings("the PostgreSQL URL names several hosts: name one, and the others as `aliases`")
    parameters: dict[str, Any] = {
        "host": unquote(parts.hostname),
        "port": port,
        "dbname": database,
        "application_name": "headwater",
        "connect_timeout": CONNECT_S,
        "client_encoding": "UTF8",
        **_KEEPALIVE,
        **_query_parameters(parts.query),
    }
    if parts.username:
        parameters["user"] = unquote(parts.username)
    if parts.password:
        parameters["password"] = unquote(parts.password)
    return parameters


def _query_parameters(query: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    refused = sorted(set(given) - set(ALLOWED))
    if refused:
        raise WrongSettings(
            f"the PostgreSQL URL has parameters that are not allowed: {', '.join(refused)}; allowed are {', '.join(ALLOWED)}"
        )
    return given
