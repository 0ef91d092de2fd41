"""What the hub shows a service as its credential. Nothing of it is in a `repr`, a log or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from connectors.drivers.http.credentials.client_certificate import ClientCertificate
from connectors.drivers.http.credentials.request_signature import RequestSignature


class TokenSource(Protocol):
    """Gives the access tokens for calls to one agency."""

    async def get_token(self, deadline: float) -> str:
        """A usable token. Raises `AgencyUnavailable`, and `AgencyTimeout` at the deadline."""

    def replace_token(self, token: str) -> bool:
        """Discard a token that the agency refused. Returns whether the call may be sent again, with another."""

    async def close(self) -> None:
        """End a running fetch, and close the connections."""


class NoTokens:
    """Gives no token."""

    async def get_token(self, deadline: float) -> str:  # noqa: ARG002 - like a source of tokens
        """Return an empty text: no token is sent."""
        return ""

    def replace_token(self, token: str) -> bool:  # noqa: ARG002 - like a source of tokens
        """Return False: a refusal stands."""
        return False

    async def close(self) -> None:
        """Do nothing."""


NO_TOKENS: Final = NoTokens()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCredential:
    """The credential of the hub at one service; its parts can be combined."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Parameters of every query."""
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Fields of every form."""
    body: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Members of every JSON body."""
    tokens: TokenSource = field(default=NO_TOKENS, repr=False)
    signature: RequestSignature | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = field(default=None, repr=False)
    expires_at: float | None = None
    """When the fixed parts expire, in seconds since 1970, if an operator declared it."""

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for every attempt."""
        return self.signature is None and self.tokens is NO_TOKENS

    @property
    def expiries(self) -> Mapping[str, float]:
        """When its parts expire, in seconds since 1970: `certificate`, and `secret` for the declared date."""
        found = {} if self.expires_at is None else {"secret": self.expires_at}
        return found if self.certificate is None else {**found, "certificate": self.certificate.expires_at}


NO_CREDENTIAL: Final = HttpCredential()
