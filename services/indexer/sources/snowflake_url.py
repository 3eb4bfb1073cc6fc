"""A Snowflake URL becomes what the connector is given, with nothing in it that could loosen how Headwater reads.

Journey 1, step 1; used by `snowflake` alone. The form is SQLAlchemy's: `snowflake://USER@ACCOUNT/DATABASE/SCHEMA?…`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from services.common.errors import WrongSettings
from services.common.runtime.source_settings import SourceSettings, read_reference

ALLOWED = ("host", "ocsp_fail_open", "port", "protocol", "role", "warehouse")
"""What may stand behind the question mark. Others could store credentials on disk, switch checks off, or undo settings."""
LOGIN_S = 60
"""How long a login may take at most; a statement may take `timeout_s`."""
_LOOKS = "snowflake://USER@ACCOUNT/DATABASE/SCHEMA?warehouse=W&role=R"
_UNESCAPED = "signs such as / # ? @ in user or password are written as %2F %23 %3F %40"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Location:
    """What a URL asks for, as the server spells it: None where it names no database, or no schema."""

    account: str
    database: str | None
    schema: str | None
    user: str
    role: str | None
    warehouse: str | None


@dataclass(frozen=True, slots=True)
class Login:
    """The connector's arguments, never to be logged, and the secrets among them that no message may repeat."""

    arguments: dict[str, Any]
    secrets: tuple[str, ...]


def location_of(url: str) -> Location:
    """What a URL asks for.

    Raises:
        WrongSettings: no account or user, too many parts, or a parameter that is not in `ALLOWED`; no value is repeated.

    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongSettings(f"the Snowflake URL cannot be split: {_UNESCAPED}") from None
    if port is not None:
        raise WrongSettings("the Snowflake URL names an account, which has no port; write ?host=…&port=… behind it")
    if "@" in parts.path or "@" in parts.query or parts.fragment:
        raise WrongSettings(f"the Snowflake URL has an @ or # in the wrong place: {_UNESCAPED}")
    if not parts.hostname or not parts.username:
        raise WrongSettings(f"the Snowflake URL must name user and account: {_LOOKS}")
    names = [unquote(part) for part in parts.path.split("/") if part]
    if len(names) > 2:
        raise WrongSettings(f"the Snowflake URL has more than a database and a schema: {_LOOKS}")
    given = _query_parameters(parts.query)
    database, schema = [*map(_stored, names), None, None][:2]
    return Location(
        account=parts.hostname,
        database=database,
        schema=schema,
        user=unquote(parts.username),
        role=given.get("role"),
        warehouse=given.get("warehouse"),
    )


def login_of(settings: SourceSettings) -> Login:
    """What the connector is given: autocommit, a query tag, timeouts, no telemetry, no keep-alive, its own OCSP check.

    Raises:
        WrongSettings: as `location_of`; a secret cannot be read; a private key is none.

    """
    url = settings.connection_url()
    location = location_of(url)
    parts = urlsplit(url)
    given = _query_parameters(parts.query)
    seconds = math.ceil(settings.timeout_s)
    arguments: dict[str, Any] = {
        "account": location.account,
        "user": location.user,
        "application": "Headwater",
        "autocommit": True,
        "paramstyle": "qmark",
        "login_timeout": min(seconds, LOGIN_S),
        "network_timeout": seconds,
        "socket_timeout": min(seconds, LOGIN_S),
        "platform_detection_timeout_seconds": 0.0,  # else it asks the cloud's metadata service where it runs
        "client_session_keep_alive": False,
        "client_store_temporary_credential": False,
        "log_imported_packages_in_telemetry": False,
        "session_parameters": {
            "QUERY_TAG": settings.query_tag,
            "STATEMENT_TIMEOUT_IN_SECONDS": seconds,
            "ABORT_DETACHED_QUERY": True,
            "CLIENT_TELEMETRY_ENABLED": False,
            "TIMEZONE": "UTC",
        },
    }
    arguments |= {name: given[name] for name in ("role", "warehouse") if name in given}
    arguments |= _endpoint(given)
    if "ocsp_fail_open" in given:
        arguments["ocsp_fail_open"] = False  # the only value that is let through
    secrets = _credentials(settings, unquote(parts.password or ""))
    return Login(arguments | secrets, tuple(text for text in secrets.values() if isinstance(text, str)))


def _credentials(settings: SourceSettings, password: str) -> dict[str, Any]:
    """A token beats a key, a key beats a password."""
    if settings.oauth_token is not None:
        return {"authenticator": "oauth", "token": read_reference(settings.oauth_token)}
    if settings.private_key is not None:
        phrase = settings.private_key_passphrase
        return {"private_key": _key_bytes(read_reference(settings.private_key), phrase and read_reference(phrase))}
    if not password:
        raise WrongSettings("a Snowflake source needs `password`, `private_key` or `oauth_token`")
    return {"password": password}


def _key_bytes(text: str, passphrase: str | None) -> bytes:
    try:
        key = serialization.load_pem_private_key(text.encode(), passphrase.encode() if passphrase else None)
        return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # the library's own words may hold a piece of the key
        raise WrongSettings("`private_key` leads to no PEM key, or `private_key_passphrase` does not open it") from None


def _endpoint(given: dict[str, str]) -> dict[str, Any]:
    """Another host, port or protocol, for private links and emulators; plain HTTP to this machine alone."""
    endpoint: dict[str, Any] = {name: given[name] for name in ("host", "protocol") if name in given}
    if "port" in given:
        if not given["port"].isascii() or not given["port"].isdigit():
            raise WrongSettings("the port of the Snowflake URL is not a number")
        endpoint["port"] = int(given["port"])
    protocol = given.get("protocol", "https")
    if protocol not in ("http", "https") or (protocol == "http" and given.get("host") not in _LOOPBACK):
        raise WrongSettings("the Snowflake URL may say protocol=http for an emulator on this machine alone")
    return endpoint


def _query_parameters(query: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    refused = sorted(set(given) - set(ALLOWED))
    if refused:
        raise WrongSettings(
            f"the Snowflake URL has parameters that are not allowed: {', '.join(refused)}; allowed are {', '.join(ALLOWED)}"
        )
    if given.get("ocsp_fail_open", "false").lower() != "false":
        raise WrongSettings("ocsp_fail_open may only be false: the check of certificates is never loosened")
    return given


def _stored(identifier: str) -> str:
    """A name as Snowflake stores it: folded to upper case unless it stands in double quotes."""
    if len(identifier) > 1 and identifier.startswith('"') and identifier.endswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier.upper()
