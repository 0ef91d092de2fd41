"""Headers that the parser accepts, but that other programs, such as a proxy, could read as another request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

HOSTLESS_TARGETS: Final = (b"/", b"*")
"""The start of targets that name no host (RFC 9112, section 3.2)."""


class HeaderRefusal(NamedTuple):
    """Why a header is refused: status line and text."""

    status: bytes
    text: str


def find_header_refusal(
    target: bytes, headers: Iterable[tuple[bytes, bytes]], *, upgrade: bool
) -> HeaderRefusal | None:
    """Why a header is refused although the parser accepts it; None if it is not refused.

    Without an upgrade and `Transfer-Encoding`, no header with a target of `HOSTLESS_TARGETS` is refused.
    """
    # Several headers of one name form one list (RFC 9110, section 5.3), but the parser reads only the last one.
    codings = [each.strip() for name, value in headers if name == b"transfer-encoding" for each in value.split(b",")]
    if len(codings) > 1 and codings[-1].lower() == b"chunked":  # RFC 9112, section 6.1
        text = "This hub supports only the transfer coding 'chunked'. Send the body without another."
        return HeaderRefusal(b"501 Not Implemented", text)
    text = _find_ambiguity(target, headers, upgrade=upgrade)
    return HeaderRefusal(b"400 Bad Request", text) if text else None


def _find_ambiguity(target: bytes, headers: Iterable[tuple[bytes, bytes]], *, upgrade: bool) -> str:
    """Why another program, such as a proxy, could read a different request in this header; empty if it could not."""
    if upgrade and any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
    ):
        # The parser reads the body as bytes of the other protocol, and uvicorn would read it later as a request.
        return "This hub speaks HTTP/1.1 and nothing else: send a request with a body without 'Upgrade'."
    if not target.startswith(HOSTLESS_TARGETS):  # RFC 9112, section 3.2.2: the host in the target overrides `Host`
        authority = target.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        if any(name == b"host" and value.lower() != authority.lower() for name, value in headers):
            return "The request's target and its Host header name two hosts (RFC 9112, section 3.2.2)."
    return ""
