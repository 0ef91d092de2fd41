"""Access tokens by OAuth 2.0 client credentials (RFC 6749, section 4.4) for calls to one agency.

Written here, because the libraries for it (Authlib, requests-oauthlib) bring an HTTP client in place of the hub's
bounded one, and do not share one fetch between callers that wait.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from math import ceil
from secrets import token_hex
from time import monotonic
from typing import Final, Literal
from urllib.parse import quote_plus

from yarl import URL

from connectors.drivers.http.body_format import UnparsableBody
from connectors.drivers.http.credentials.http_credential import HttpCredential
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.json_body import JSON_HEADERS, parse_json, write_json
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyClockSkew, AgencyFailure, AgencyTimeout, AgencyUnavailable

ClientAuthentication = Literal["client_secret_basic", "client_secret_post", "tls_client_auth", "signature"]

_MAX_BYTES: Final = 64 * 1024
_OK: Final = 200
_REFUSED: Final = frozenset({400, 401, 403})
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,8000}=*", re.ASCII)
"""RFC 6750, section 2.1; a server takes headers of some 8 KiB."""
_BEARER: Final = frozenset({"bearer", "bearertoken"})
"""The second is the word of Apigee, which Indonesia's health platform uses."""
_ERRORS: Final = frozenset(
    {"invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target", "unauthorized_client"}
    | {"unsupported_grant_type"}
)
"""Codes of RFC 6749, section 5.2, and RFC 8707; other texts of the server are not repeated."""
_DEFAULT_LIFETIME: Final = 300.0
"""Seconds for which a token is used whose server does not say how long it lives."""
_MAX_LIFETIME: Final = 86_400.0
_MAX_EARLY: Final = 60.0
"""Seconds before its end at which a token is renewed, at most; else a fifth of its life."""
_PAUSE: Final = 1.0
"""Seconds without a fetch after the token endpoint failed ..."""
_PAUSE_AFTER_REFUSAL: Final = 30.0
"""... and after it refused the client: servers lock clients that repeat a wrong secret."""
_MAX_PAUSE: Final = 300.0
_REPLACE_INTERVAL: Final = 1.0
"""Seconds between two tokens that are discarded because the agency refused them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oauth2Client:
    """The hub as a client of a token endpoint."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    authentication: ClientAuthentication = "client_secret_basic"
    scope: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Further fields of the form, such as `audience` or `resource`."""
    body: Mapping[str, object] | None = None
    """A JSON object in place of the form."""
    timeout: float = 5.0
    """Seconds for one fetch."""

    @property
    def form(self) -> Mapping[str, str]:
        """The form of a fetch."""
        form = {"grant_type": "client_credentials", **self.parameters}
        if self.scope:
            form["scope"] = self.scope
        if self.authentication in {"client_secret_post", "tls_client_auth"}:
            form["client_id"] = self.client_id
        if self.authentication == "client_secret_post":
            form["client_secret"] = self.client_secret
        return form

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a fetch."""
        if self.authentication != "client_secret_basic":
            return {"Accept": "application/json"}
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"  # RFC 6749, section 2.3.1
        return {"Accept": "application/json", "Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float
    usable_until: float


class ClientTokens:
    """The current token. All callers that wait share one fetch, which outlives them, with its own timeout.

    A token is renewed before its end, while it is still used. A failed fetch counts as the agency being unavailable,
    and the next one waits: a token endpoint that fails is called once a second at most.
    """

    def __init__(
        self,
        agency: str,
        client: Oauth2Client,
        credential: HttpCredential,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`credential` holds the client certificate or the signature, if the token endpoint needs one.

        Raises ValueError for an invalid address.
        """
        self._agency = agency
        self._client = client
        self._clock = clock
        url = URL(client.token_url)
        self._query = dict(url.query)
        # A parameter must not be sent twice (RFC 6749, section 3.2).
        self._form = {name: value for name, value in client.form.items() if name not in self._query}
        self._driver = HttpDriver(
            HttpService(agency, str(url.with_query(None)), headers=client.headers, credential=credential),
            HttpLimits(deadline=client.timeout, connections=1, max_bytes=_MAX_BYTES),
        )
        self._token: _Token | None = None
        self._fetching: asyncio.Task[_Token | AgencyFailure] | None = None
        self._paused_until = 0.0
        self._replaced_at = float("-inf")

    def __repr__(self) -> str:
        return f"<ClientTokens {self._agency} {'has a token' if self._token else 'has none'}>"

    async def get_token(self, deadline: float) -> str:
        """A usable token. Raises `AgencyUnavailable`, `AgencyClockSkew`, and `AgencyTimeout` at the deadline."""
        token, now = self._token, self._clock()
        if token is not None and now < token.usable_until:
            if now >= token.renew_at and now >= self._paused_until:
                self._fetch_once()
            return token.text
        if self._fetching is None and now < self._paused_until:
            wait = float(ceil(self._paused_until - now))
            raise AgencyUnavailable(self._agency, "not called: the token endpoint failed", retry_after=wait, sent=False)
        fetch = self._fetch_once()
        await asyncio.wait({fetch}, timeout=max(0.0, deadline - monotonic()))
        if not fetch.done():
            raise AgencyTimeout(self._agency, "no access token before the deadline", sent=False)
        found = fetch.result()
        if isinstance(found, AgencyFailure):
            # A new one for each caller: an exception that several raise collects their tracebacks.
            raise type(found)(self._agency, found.detail, retry_after=found.retry_after, sent=False)
        return found.text

    def replace_token(self, token: str) -> bool:
        """Discard a token that the agency refused. Returns whether the call may be sent again, with another."""
        current, now = self._token, self._clock()
        if current is None or current.text != token:
            return True
        if now - self._replaced_at < _REPLACE_INTERVAL:
            return False
        self._token, self._replaced_at = None, now
        return True

    async def close(self) -> None:
        """End a running fetch, and close the connections."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self._driver.close()

    def _fetch_once(self) -> asyncio.Task[_Token | AgencyFailure]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(), context=Context())  # of no single request
            self._fetching.add_done_callback(self._fetch_ended)
        return self._fetching

    def _fetch_ended(self, _task: object) -> None:
        self._fetching = None

    async def _fetch(self) -> _Token | AgencyFailure:
        """Fetch a token, and keep it. A failure is returned, and begins a pause."""
        began = self._clock()
        call = Call(deadline=monotonic() + self._client.timeout, request_id=f"token-{token_hex(4)}")
        client = self._client
        kind: type[AgencyFailure] = AgencyUnavailable
        request = HttpRequest(
            "POST",
            "",
            query=self._query or None,
            form=self._form if client.body is None else None,
            body=None if client.body is None else write_json(client.body),
            headers=None if client.body is None else JSON_HEADERS,
            accept_status=_REFUSED,
            repeatable=True,
        )
        pause, retry_after = _PAUSE, None
        try:
            reply = await self._driver.send(request, call)
            if reply.status == _OK:
                self._token = token = _read_token(reply.body, began)
                return token
            pause, problem = _PAUSE_AFTER_REFUSAL, _describe_refusal(reply)
            self._driver.require_same_time(reply, problem)
        except AgencyClockSkew as failure:
            kind, problem = AgencyClockSkew, failure.detail
        except AgencyFailure as failure:
            problem, retry_after = failure.detail, failure.retry_after
        except UnparsableBody as error:
            problem = f"the reply {error}"
        self._paused_until = self._clock() + min(max(pause, retry_after or 0.0), _MAX_PAUSE)
        return kind(self._agency, f"token endpoint: {problem}", retry_after=retry_after)


def _read_token(body: bytes, began: float) -> _Token:
    """Read a reply (RFC 6749, section 5.1). Raises `UnparsableBody` with the reason, without the content.

    The names may also be in camel case, as Indonesia's payment standard (SNAP) writes them.
    """
    reply = parse_json(body)
    if not isinstance(reply, dict):
        raise UnparsableBody("is not a JSON object")
    reply = {"".join(f"_{each.lower()}" if each.isupper() else each for each in name): reply[name] for name in reply}
    text, kind = reply.get("access_token"), reply.get("token_type", "bearer")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise UnparsableBody("holds no access_token that a header can hold")
    if not isinstance(kind, str) or kind.lower() not in _BEARER:
        raise UnparsableBody("holds a token of another type than bearer")
    lifetime = _read_lifetime(reply.get("expires_in"))
    early = min(_MAX_EARLY, lifetime / 5)
    return _Token(text, renew_at=began + lifetime - early, usable_until=began + lifetime - early / 5)


def _read_lifetime(given: object) -> float:
    """Seconds; some servers write them as a text."""
    if given is None:
        return _DEFAULT_LIFETIME
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= len("9999999999"):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
        raise UnparsableBody("holds an expires_in that is not a positive number")
    return float(min(given, _MAX_LIFETIME))


def _describe_refusal(reply: HttpReply) -> str:
    try:
        found = parse_json(reply.body)
    except UnparsableBody:
        found = None
    code = found.get("error") if isinstance(found, dict) else None
    known = isinstance(code, str) and code in _ERRORS
    return f"HTTP {reply.status} {code}" if known else f"HTTP {reply.status}"
