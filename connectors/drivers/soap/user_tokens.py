"""WS-Security: the user of the hub in the header of each SOAP message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree
from zeep.wsse import utils
from zeep.wsse.username import UsernameToken

_ZEEP: Final[Any] = utils
_ZEEP_TOKEN: Final[Any] = UsernameToken
"""zeep has only partial types, which mypy refuses to call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserToken:
    """A user and password, sent with every attempt (`UsernameToken` profile 1.1)."""

    user: str
    password: str = field(repr=False)
    is_digest: bool = True
    """Whether the password is sent as a digest with a nonce and the time, so that each message has another one."""
    seconds: int | None = None
    """Seconds for which a message is valid (`Timestamp`); None to state no time."""

    def build_header(self, envelope: str) -> bytes:
        """The header `Security` of one attempt; `envelope` is the namespace of the envelope."""
        holder = etree.Element(f"{{{envelope}}}Envelope")
        token = _ZEEP_TOKEN(
            self.user, self.password, use_digest=self.is_digest, timestamp_token=self._build_time(), zulu_timestamp=True
        )
        token.apply(holder, {})
        security = _ZEEP.get_security_header(holder)
        security.set(f"{{{envelope}}}mustUnderstand", "1")
        written: bytes = etree.tostring(security, encoding="utf-8")
        return written

    def _build_time(self) -> etree._Element | None:
        if self.seconds is None:
            return None
        now = datetime.now(UTC)
        moments = (_ZEEP.WSU.Created, now), (_ZEEP.WSU.Expires, now + timedelta(seconds=self.seconds))
        found: etree._Element = _ZEEP.WSU.Timestamp(
            *(make(_ZEEP.get_timestamp(each, zulu_timestamp=True)) for make, each in moments)
        )
        return found


@dataclass(frozen=True, slots=True)
class NoUserToken:
    """An agency without WS-Security."""

    def build_header(self, _envelope: str) -> bytes:
        """No header."""
        return b""
