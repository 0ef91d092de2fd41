"""The reply of an agency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct, field

_MAX_RETRY_AFTER_DIGITS: Final = 9
"""Maximum number of digits of `Retry-After` in seconds that is accepted (some 31 years)."""


class HttpReply(Struct, frozen=True, kw_only=True):
    """The reply of an agency. A Struct for type checkers, too, because `structs.replace` needs one."""

    status: int
    headers: Mapping[str, str]
    """By case-insensitive name (`reply.headers["content-type"]`)."""
    body: bytes
    """The whole body, decoded."""
    encoding: str = ""
    """The `Content-Encoding` of the body; empty after decoding."""
    signed: Mapping[str, str] = field(default_factory=dict)
    """The parts of the signature of the attempt that it answers, if it was signed."""

    def __repr__(self) -> str:
        """Only the status, because the rest may be personal."""
        return f"HttpReply(status={self.status})"


def parse_media_type(reply: HttpReply) -> str:
    """The media type of a reply, without parameters."""
    return reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def parse_retry_after(reply: HttpReply) -> float | None:
    """Seconds until the agency accepts the next request (RFC 9110, section 10.2.3), if its header is valid."""
    text = reply.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= _MAX_RETRY_AFTER_DIGITS else None
    moment = _parse_date(text)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


def measure_clock_skew(reply: HttpReply, now: datetime) -> float:
    """Seconds by which the agency's clock is ahead of the hub's, from the header `Date`; 0 without a valid one."""
    moment = _parse_date(reply.headers.get("Date", "").strip())
    return 0.0 if moment is None else (moment - now).total_seconds()


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
