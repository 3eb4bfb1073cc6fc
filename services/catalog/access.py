"""Who asks: a token or a loopback address becomes a principal, with a role and the scope that every read takes.

Journey 2, step 1, and the first step of every other request.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping

from services.common.errors import Forbidden, Unauthenticated, WrongSettings
from services.common.model.access import FULL_SCOPE, Principal, Role
from services.common.runtime.settings import TokenSettings

LOCAL = Principal("local", Role.ADMIN, FULL_SCOPE)
"""Who calls over loopback where no token is configured."""
MAX_TOKEN_CHARS = 4_096
_RANK = {Role.READER: 1, Role.EDITOR: 2, Role.ADMIN: 3}


class Access:
    """Turns callers into principals.

    Args:
        tokens: the configured callers by name; with none, loopback callers are `LOCAL` and nobody else is anybody.

    """

    def __init__(self, tokens: Mapping[str, TokenSettings]) -> None:
        self._known = [
            (bytes.fromhex(token.sha256), Principal(name, token.role, token.scope)) for name, token in tokens.items()
        ]

    def principal(self, authorization: str | None, client_host: str | None) -> Principal:
        """Who sent a request.

        Raises:
            Unauthenticated: tokens are configured and none or a wrong one was sent, or none is and the caller is remote.

        """
        if not self._known:
            if is_loopback(client_host):
                return LOCAL
            raise Unauthenticated("only callers on this machine are served while no token is configured")
        scheme, _, sent = (authorization or "").partition(" ")
        token = sent.strip()  # before it is asked for: settings may hold the digest of nothing, made from an unset variable
        if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated("send a token: Authorization: Bearer TOKEN")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = None
        for known, principal in self._known:  # all are compared, so that the time says nothing about which one fits
            if hmac.compare_digest(known, digest):
                found = principal
        if found is None:
            raise Unauthenticated("nobody has this token")
        return found


def require(principal: Principal, role: Role) -> None:
    """Let a caller through who has a role or one above it; a producer only sends events and may read nothing.

    Raises:
        Forbidden: the role may not do this.

    """
    if _RANK.get(principal.role, 0) < _RANK[role]:
        raise Forbidden(f"{principal.name} is {principal.role.value}; this needs {role.value}")


def is_loopback(host: str | None) -> bool:
    """Whether an address is this machine's own."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def check_exposure(host: str, tokens: Mapping[str, TokenSettings]) -> None:
    """Refuse to serve strangers without tokens, before anything is bound.

    Raises:
        WrongSettings: the address is not loopback and no token is configured.

    """
    if not tokens and not is_loopback(host):
        raise WrongSettings(
            f"{host} can be reached from other machines, and no token is configured: "
            "add [tokens.NAME] to headwater.toml, or serve on 127.0.0.1"
        )
