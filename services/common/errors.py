"""Every error that Headwater raises on purpose: one tree, leaves by what the caller can do, a stable code each.

No HTTP in here: `runtime/http.py` has the one table from codes to statuses, `services/cli` the one to exit codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class HeadwaterError(Exception):
    """The root. `str(error)` is one line for a person: what is wrong and what to do. It never holds a secret."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, errors: tuple[Mapping[str, str | int], ...] = ()) -> None:
        """`detail` is the line for a person; `errors` points at parts of the input.

        Each has `pointer` and `detail`; `start` and `end`, in code points, where the part is inside of a text.
        """
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class BadRequest(HeadwaterError):
    """The input cannot be understood; the same input will never work."""

    code = "bad_request"
    title = "The request cannot be understood"


class Unauthenticated(HeadwaterError):
    """No token, or one that nobody issued."""

    code = "unauthenticated"
    title = "A valid token is needed"


class WrongHost(HeadwaterError):
    """The Host header names another machine; a rebound name must not reach a service on loopback."""

    code = "wrong_host"
    title = "This is not the host that was asked for"


class Forbidden(HeadwaterError):
    """The caller is known and its role may not do this."""

    code = "forbidden"
    title = "Your role may not do this"


class ReadOnly(HeadwaterError):
    """A copy for reading was asked for what it does not do or hold: ask the catalog that it was exported from."""

    code = "read_only"
    title = "This is a copy for reading"


class NotFound(HeadwaterError):
    """It does not exist, or the caller may not know that it does: the two are never told apart."""

    code = "not_found"
    title = "There is no such thing, or you may not see it"


class Renamed(HeadwaterError):
    """What was asked for has got another name, and with it another id; ask for that one.

    Attributes:
        old, now: the ids.

    """

    code = "renamed"
    title = "It has another name now"

    def __init__(
        self, detail: str, *, old: str = "", now: str = "", errors: tuple[Mapping[str, str | int], ...] = ()
    ) -> None:
        super().__init__(detail, errors=errors)
        self.old = old
        self.now = now


class Ambiguous(HeadwaterError):
    """A name fits several assets; `candidates` are their namespaces and qualified names."""

    code = "ambiguous_name"
    title = "The name fits several assets"

    def __init__(self, detail: str, candidates: tuple[str, ...] = ()) -> None:
        """`candidates` are printed for the caller to choose from, inside its scope."""
        super().__init__(detail)
        self.candidates = candidates


class Conflict(HeadwaterError):
    """Something else is in the way: another crawl, another source with the same namespace, another server."""

    code = "conflict"
    title = "Something else is in the way"


class PreconditionRequired(HeadwaterError):
    """A write came without `If-Match`; read the asset and send its `ETag`."""

    code = "precondition_required"
    title = "The write must name the version it changes"


class PreconditionFailed(HeadwaterError):
    """The asset changed since it was read; read it again."""

    code = "precondition_failed"
    title = "It was changed in the meantime"


class TooLarge(HeadwaterError):
    """The request's body is over the limit."""

    code = "too_large"
    title = "The request is too large"


class TooMany(HeadwaterError):
    """The caller sends more than is taken in a while; the same request will be taken later."""

    code = "too_many"
    title = "Too many requests"


class SourceFailed(HeadwaterError):
    """A warehouse could not be reached or read; trying again may help."""

    code = "source_failed"
    title = "The source could not be read"


class WrongSettings(HeadwaterError):
    """The settings contradict themselves or name something that does not exist; nothing was started."""

    code = "wrong_settings"
    title = "The settings are wrong"


class StoreOutdated(HeadwaterError):
    """The database's schema is not the one this version works on; run `headwater db upgrade` or another version."""

    code = "store_outdated"
    title = "The database has another version"


class ModelUnavailable(HeadwaterError):
    """The encoder's model is missing, damaged or unknown; search answers by words until it is there."""

    code = "model_unavailable"
    title = "The model is not available"


class IndexDamaged(HeadwaterError):
    """A file of a generation is not what its manifest says; it is not served and will be rebuilt."""

    code = "index_damaged"
    title = "The index is damaged"


class ServiceUnavailable(HeadwaterError):
    """A service that the answer needs does not answer; trying again helps."""

    code = "service_unavailable"
    title = "A service is not available"
