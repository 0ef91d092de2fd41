"""The parameters of an HTTP driver: an agency's service, the limits of its use, and one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from connectors.drivers.http.address import Parameters
from connectors.drivers.http.credentials.http_credential import NO_CREDENTIAL, HttpCredential
from connectors.drivers.http.form_files import FormFile
from connectors.drivers.http.sealed.body_seal import NO_SEAL, BodyOpener


@dataclass(frozen=True, slots=True)
class HttpService:
    """The HTTP service of an agency."""

    agency: str
    url: str
    """The base address; paths of requests are relative to it."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers of every request, such as `Accept`."""
    credential: HttpCredential = NO_CREDENTIAL
    addresses: Sequence[str] = ()
    """IP addresses to connect to. If there are any, the host is not resolved; the `Host` header and the certificate are
    still those of the host."""
    seal: BodyOpener = NO_SEAL
    """Opens the sealed part of replies to `ask_value`."""


async def _allow_replay(_timeout: float) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """The limits of calls to a service."""

    deadline: float
    """Seconds for one call, from waiting for a free connection to the last byte."""
    connections: int
    """Maximum number of concurrent calls."""
    max_bytes: int
    """Maximum size of a reply's body, after decompression."""
    take_replay: Callable[[float], Awaitable[bool]] = _allow_replay
    """Whether a call may be sent once more, with another token, within these seconds; counts it if so."""


class HttpRequest(Struct, frozen=True):
    """One request to a service. A struct: one is built for each call, and a tuple takes 0.2 us longer."""

    method: str
    path: str
    """Plain text below the base address; empty for the base address itself. Reserved characters are escaped; `..`
    raises `ValueError`."""
    query: Parameters | None = None
    form: Parameters | None = None
    """Sent as `application/x-www-form-urlencoded`; give this or `body`."""
    body: bytes | None = None
    """Sent unchanged."""
    headers: Mapping[str, str] | None = None
    accept_status: Collection[int] = ()
    """Statuses that are returned as replies although they would count as failures."""
    repeatable: bool = False
    """Whether a request with an unsafe method (a POST that only reads) may be sent again if a reused connection turns
    out to be dead. GET and HEAD always may."""
    files: Sequence[FormFile] = ()
    """Sent with the form as `multipart/form-data`."""
    parse_status: Collection[int] = ()
    """Statuses from 400 whose body is parsed (`HttpDriver.ask_value`)."""
    answer_type: str = ""
    """Media type whose body is parsed for every status that is returned as a reply (`HttpDriver.ask_value`)."""
