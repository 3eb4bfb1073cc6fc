"""A MySQL or MariaDB URL becomes connection parameters, with nothing in it that could loosen how Headwater reads.

Journey 1, step 1; used by `mysql` alone.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from services.common.errors import WrongSettings
from services.common.model.platforms import platform_named

CONNECT_S = 10
"""How long to wait for a server that does not answer, where the URL does not say."""
ALLOWED = ("connect_timeout", "ssl_ca", "ssl_disabled", "ssl_verify_cert", "ssl_verify_identity")
"""What may stand behind the question mark. Others could run statements (`init_command`) or hand over files (`local_infile`)."""
_LONGEST_CONNECT_S = 3600
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_UNESCAPED = "signs such as / # ? @ in user or password are written as %2F %23 %3F %40"


def connection_parameters(url: str) -> dict[str, Any]:
    """What the driver is given for `mysql://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETERS`; never log it.

    `database` is None where the URL names none. The password is bytes: the driver would encode text as Latin-1.

    Raises:
        WrongSettings: no host, or a parameter that is not in `ALLOWED` or has a wrong value; the text repeats no value.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or platform_named("mysql").port
    except ValueError:
        raise WrongSettings(f"the MySQL URL cannot be split: {_UNESCAPED}") from None
    if "@" in parts.path or "@" in parts.query or "@" in parts.fragment or parts.fragment:
        # a password cut in two would otherwise become a host or a database, and be shown in an error
        raise WrongSettings(f"the MySQL URL has an @ or # in the wrong place: {_UNESCAPED}")
    if not parts.hostname:
        raise WrongSettings("the MySQL URL must name a host: mysql://USER@HOST:PORT/DATABASE")
    if "," in parts.hostname:
        raise WrongSettings("the MySQL URL names several hosts: name one, and the others as `aliases`")
    return {
        "host": unquote(parts.hostname),
        "port": port,
        "database": unquote(parts.path.removeprefix("/")) or None,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password).encode() if parts.password else b"",
        "connect_timeout": CONNECT_S,
        **_query_parameters(parts.query),
    }


def _query_parameters(query: str) -> dict[str, Any]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    refused = sorted(set(given) - set(ALLOWED))
    if refused:
        raise WrongSettings(
            f"the MySQL URL has parameters that are not allowed: {', '.join(refused)}; allowed are {', '.join(ALLOWED)}"
        )
    parsed = {name: _value(name, text) for name, text in given.items()}
    if parsed.get("ssl_disabled") and len(parsed.keys() & {"ssl_ca", "ssl_verify_cert", "ssl_verify_identity"}) > 0:
        raise WrongSettings("the MySQL URL says both ssl_disabled and how to use TLS")
    return parsed


def _value(name: str, text: str) -> str | bool | int:
    if name == "ssl_ca":
        if not text:
            raise WrongSettings("ssl_ca in the MySQL URL must name a file")
        return text
    if name == "connect_timeout":
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _LONGEST_CONNECT_S:
            raise WrongSettings(f"connect_timeout in the MySQL URL must be whole seconds, 1 to {_LONGEST_CONNECT_S}")
        return int(text)
    if text.lower() not in _BOOLEANS:
        raise WrongSettings(f"{name} in the MySQL URL must be true or false")
    return _BOOLEANS[text.lower()]
