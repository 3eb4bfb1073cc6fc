"""A request's body as text, however it was sent: gzip and deflate are unpacked to a limit, never beyond.

Journey 3, the first step: a few kilobytes may claim to be gigabytes.
"""

from __future__ import annotations

import zlib

from services.common.errors import BadRequest, TooLarge
from services.common.runtime.problems import BODY_TOO_LARGE

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 20


def decoded(body: bytes, encoding: str, limit: int) -> str:
    """The text of a body.

    Args:
        body: as it came.
        encoding: the header `Content-Encoding`, empty where there is none.
        limit: bytes of the text at most.

    Raises:
        BadRequest: the encoding is not known, the data are damaged or cut, or they are no UTF-8.
        TooLarge: the text is longer than `limit`.

    """
    for one in reversed([part.strip().lower() for part in encoding.split(",")]):
        body = _unpacked(body, one, limit)
    if len(body) > limit:
        raise TooLarge(BODY_TOO_LARGE)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place: dict[str, str | int] = {"pointer": "", "start": error.start, "end": error.end, "detail": "is no UTF-8"}
        raise BadRequest(f"the body is no UTF-8 text: byte {error.start}", errors=(place,)) from None


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadRequest(f"the body is sent as {encoding[:40]}; send it as gzip, deflate or as it is")
    out, size, rest = [], 0, body
    while rest:
        reader = zlib.decompressobj(zlib.MAX_WBITS if encoding == "deflate" else _GZIP)
        while not reader.eof:
            try:
                piece = reader.decompress(rest, _PIECE)
            except zlib.error:
                raise BadRequest(f"the body is no {encoding} data, or damaged") from None
            rest = reader.unconsumed_tail or reader.unused_data
            size += len(piece)
            if size > limit:
                raise TooLarge(BODY_TOO_LARGE)
            out.append(piece)
            if not piece and not rest and not reader.eof:
                raise BadRequest(f"the {encoding} data of the body end too soon")
    return b"".join(out)
