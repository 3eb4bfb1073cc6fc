"""Who asked or ran what, as keyed hashes: equal for equal people and texts, and nothing else can be told from them.

Journeys 2 and 3. The key lies in the home, outside the database: who has a copy of the database cannot try names, questions
or literals out. A person has one stand-in, as a caller of the API and as a user in a query log.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from services.common.errors import WrongSettings
from services.common.runtime.once import kept_once

FILE = "search.key"
KEY_BYTES = 32
_HEX_CHARS = 24


class Pseudonyms:
    """Hashes under one key.

    Args:
        key: `KEY_BYTES` that nobody else knows.

    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def principal(self, name: str) -> str:
        """The stand-in of a caller, or of a user in a query log: 24 hexadecimal digits."""
        return self._digest("principal", name)

    def words(self, text: str) -> str:
        """A question's stand-in, 24 hexadecimal digits."""
        return self._digest("words", text)

    def _digest(self, what: str, text: str) -> str:
        told = f"{what}\n{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, told, hashlib.sha256).hexdigest()[:_HEX_CHARS]


def home_key(home: Path) -> bytes:
    """The key of a home, made when first asked for; homes that share a database need a copy of one to share the log.

    Raises:
        WrongSettings: the file that holds it is damaged.

    """
    path = home / FILE
    known = kept_once(path, lambda: secrets.token_hex(KEY_BYTES), lambda text: len(text.strip()) == 2 * KEY_BYTES)
    if known is None:
        raise WrongSettings(
            f"{path} is damaged: remove it, and people get new stand-ins in the logs of searches and of queries"
        )
    return bytes.fromhex(known.strip())
