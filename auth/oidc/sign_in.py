"""The hub as an OpenID Connect relying party: people sign in to its own pages at an issuer that the operator named.

Authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE by S256 (RFC 7636). A sealed cookie in the
browser holds the state of a pending sign-in. So a code is accepted only in the browser that began the sign-in, once
(the response deletes the cookie), and for some minutes. Attacks and defences (RFC 9700, section 4):

| attack | defence |
|---|---|
| another site signs a person in as a different user (login CSRF) | `state`, compared with the cookie |
| a stolen code, or one injected into another sign-in | the verifier in the cookie; `nonce` in the ID token |
| a response of another issuer (mix-up) | `iss` of the response (RFC 9207); one issuer; a separate callback |
| a token for another application, or of another person | `aud`, `azp` and `sub` of both tokens |
| guessed codes, with which the hub would flood the issuer | refused codes count as failed tokens of their address |
| open redirect | the sealed cookie holds the target, which is a path of the hub |
| a logout in the name of the issuer, or sent again | the signature of the logout token; it ends earlier sessions only |
| an old sign-in that counts as a recent one | `max_age`, compared with `auth_time` of the ID token |
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

from auth.caller import Assurance, Caller, is_authentication_recent, parse_authentication_time
from auth.crypto.sealed_cookies import CookieTooLong, SealedCookies
from auth.oidc.id_tokens import IdTokenRefused, verify_id_token
from auth.oidc.logout_tokens import IssuerLogout, name_sign_in, verify_logout_token
from auth.oidc.page_session import SessionLimits, SignedInSession
from auth.tokens.authentication_errors import KeysUnavailable, Unauthenticated
from auth.tokens.discovery import DiscoveryRefused, SignInEndpoints, build_discovery_url, parse_sign_in_endpoints
from auth.tokens.issuer_keys import DocumentReader, IssuerKeys
from auth.tokens.strict_json import parse_json_object
from auth.tokens.token_parser import parse_token
from auth.tokens.token_verifier import TokenVerifier
from records.calls.failures import AgencyFailure
from records.clocks import Clocks

SIGN_IN_TIMEOUT: Final = 600.0
"""Seconds that a person may spend at the issuer."""
_ENDPOINTS_LIFETIME: Final = 300.0
_RETRY_INTERVAL: Final = 10.0
"""Seconds until an unavailable discovery document is read again."""
_MAX_DEPTH: Final = 6
_MAX_BRACKETS: Final = 200

_log = logging.getLogger("simpul.sign_in")


class TokenClient(Protocol):
    """Exchanges codes for tokens over HTTP; the composition root provides it."""

    async def redeem_code(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> bytes | None:
        """Return the issuer's JSON, or None if it refuses the form. Raises `AgencyFailure`."""


class SignInFailed(Exception):  # noqa: N818 - names the condition
    """This sign-in failed; the person can start a new one. The text is for the log and holds no data of the sign-in."""


class CodeRefused(SignInFailed):
    """The issuer refused the code, which may be a guess."""


class SignInDenied(Exception):  # noqa: N818 - names the condition
    """The person, or the issuer for them, denied the sign-in."""


class SignInUnavailable(Exception):  # noqa: N818 - names the condition
    """Sign-in is unavailable: the issuer does not answer, or its answer is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInClient:
    """The hub's pages as a client of the issuer; without a secret, a public client."""

    id: str
    secret: str | None = field(default=None, repr=False)
    redirect_uri: str
    signed_out_uri: str
    """Where the issuer redirects people after they sign out there."""
    scopes: tuple[str, ...] = ("openid",)

    @property
    def authorization(self) -> str | None:
        """The `client_secret_basic` header, with both parts form-encoded (RFC 6749, section 2.3.1)."""
        if self.secret is None:
            return None
        return f"Basic {b64encode(f'{quote_plus(self.id)}:{quote_plus(self.secret)}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class SignInStart:
    """A pending sign-in: the address for the browser, and the cookie that it keeps."""

    address: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignInResult:
    """A successful sign-in, and the page to which it returns."""

    session: SignedInSession
    target: str
    id_token: str = field(repr=False)
    """The ID token, which the issuer needs when the session ends."""
    sign_in: str | None = field(repr=False)
    """The issuer's name of this sign-in, by which it can end the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInIssuer:
    """The issuer at which people sign in, and the clients that call it."""

    keys: IssuerKeys
    documents: DocumentReader
    """Reads its documents."""
    token_client: TokenClient
    """Redeems its codes."""


class SignInFlow:
    """Signs people in at one issuer."""

    def __init__(
        self,
        issuer: SignInIssuer,
        client: SignInClient,
        *,
        secret: bytes,
        token_verifier: TokenVerifier,
        lifetime: float = SessionLimits().lifetime,
        clocks: Clocks = Clocks(),  # noqa: B008 - frozen
    ) -> None:
        """Takes the issuer, the hub's secret, and the verifier of access tokens.

        `lifetime` is the maximum length of a session, in seconds.
        """
        self._keys = keys = issuer.keys
        self._client = client
        self._cookies = SealedCookies(secret, "sign-in")
        self._endpoints = _EndpointCache(keys.issuer.name, keys.issuer.url, issuer.documents, clocks.monotonic)
        self._token_client = issuer.token_client
        self._token_verifier = token_verifier
        self._lifetime = lifetime
        self._clock = clocks.wall

    async def begin(self, target: str, *, language: str, max_age: int | None = None) -> SignInStart:
        """Begin a sign-in that continues at `target`, a path of the hub.

        With `max_age`, a person whose last authentication at the issuer is older than that many seconds authenticates
        again (OpenID Connect Core 1.0, section 3.1.2.1).

        Raises `SignInUnavailable`, and `SignInFailed` if the path is too long for the cookie.
        """
        endpoints = await self._endpoints.get()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            cookie = self._cookies.seal(
                {"state": state, "nonce": nonce, "verifier": verifier, "target": target, "max_age": max_age},
                until=self._clock() + SIGN_IN_TIMEOUT,
            )
        except CookieTooLong:
            raise SignInFailed("the target path is too long") from None
        parameters = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": " ".join(self._client.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _compute_challenge(verifier),
            "code_challenge_method": "S256",
            "ui_locales": language,
            **({} if max_age is None else {"max_age": str(max_age)}),
            **self._build_acr_values(),
            **self._build_resource(),
        }
        return SignInStart(_add_query(endpoints.authorization, parameters), cookie)

    async def finish(self, cookie: str, callback_parameters: Mapping[str, str]) -> SignInResult:
        """Complete a sign-in with the parameters of the callback (RFC 6749, sections 4.1.2 and 4.1.2.1).

        Raises `SignInFailed`, `SignInDenied`, `SignInUnavailable`, and `CitizenRequired` for other people than
        citizens.
        """
        pending = self._cookies.open(cookie, now=self._clock())
        if pending is None:
            raise SignInFailed("this browser has no pending sign-in, or it expired")
        if not compare_digest(callback_parameters.get("state", "").encode(), pending["state"].encode()):
            raise SignInFailed("the response belongs to another sign-in (state)")
        endpoints = await self._endpoints.get()
        issuer = callback_parameters.get("iss")
        if (issuer is None and endpoints.returns_issuer) or issuer not in {None, self._keys.issuer.url}:
            raise SignInFailed("the response is from another issuer (iss)")
        if "error" in callback_parameters:
            raise SignInDenied
        if not callback_parameters.get("code"):
            raise SignInFailed("the response holds no code")
        tokens = await self._redeem_code(endpoints.token, callback_parameters["code"], pending["verifier"])
        session, id_claims = await self._verify_tokens(tokens, pending["nonce"], max_age=pending.get("max_age"))
        sign_in = name_sign_in(self._keys.issuer.url, id_claims)
        return SignInResult(session, pending["target"], tokens["id_token"], sign_in)

    async def verify_logout(self, token: str) -> IssuerLogout:
        """The logout that the issuer reports (OpenID Connect Back-Channel Logout 1.0). Raises `LogoutTokenRefused`."""
        return await verify_logout_token(token, self._keys, client=self._client.id, now=self._clock())

    async def build_sign_out_url(self, id_token: str | None, *, language: str) -> str | None:
        """The address that signs a browser out at the issuer, too (OpenID Connect RP-Initiated Logout 1.0, section 2).

        None if the issuer has no such address, or cannot be read.
        """
        try:
            endpoints = await self._endpoints.get()
        except SignInUnavailable:
            return None
        if endpoints.end_session is None:
            return None
        parameters = {
            **({} if id_token is None else {"id_token_hint": id_token}),
            "client_id": self._client.id,
            "post_logout_redirect_uri": self._client.signed_out_uri,
            "ui_locales": language,
        }
        return _add_query(endpoints.end_session, parameters)

    async def _redeem_code(self, address: str, code: str, verifier: str) -> Mapping[str, Any]:
        client = self._client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
            **({} if client.secret else {"client_id": client.id}),
            **self._build_resource(),
        }
        try:
            body = await self._token_client.redeem_code(address, form, authorization=client.authorization)
            if body is None:
                raise CodeRefused("the issuer refused the code")
            return parse_json_object(body, max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
        except AgencyFailure as failure:
            reason = failure.detail or failure.code
        except ValueError as error:
            reason = str(error)
        name = self._keys.issuer.name
        _log.warning("Issuer %s sends no tokens to the hub's pages (%s).", name, reason, extra={"issuer": name})
        raise SignInUnavailable

    async def _verify_tokens(
        self, tokens: Mapping[str, Any], nonce: str, *, max_age: int | None
    ) -> tuple[SignedInSession, Mapping[str, Any]]:
        """Verify both tokens, which must name the same person; return the person and the claims of the ID token."""
        access, id_token = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access, str) or not isinstance(id_token, str):
            raise SignInFailed("the issuer sent no access token, or no ID token")
        try:
            caller = self._token_verifier.verify(f"Bearer {access}")
            if not isinstance(caller, Caller):
                caller = await caller
        except KeysUnavailable:
            raise SignInUnavailable from None
        except Unauthenticated as error:
            raise SignInFailed(f"the access token: {error}") from None
        try:
            id_claims = await verify_id_token(
                id_token, self._keys, client=self._client.id, nonce=nonce, now=self._clock()
            )
        except IdTokenRefused as error:
            raise SignInFailed(f"the ID token: {error}") from None
        claims = parse_token(access).claims
        if claims["iss"] != self._keys.issuer.url or claims["sub"] != id_claims["sub"]:
            raise SignInFailed("the two tokens are about different people")
        now, authenticated_at = self._clock(), parse_authentication_time(id_claims)
        if max_age is not None and not is_authentication_recent(authenticated_at, max_age, now=now):
            raise SignInFailed("the person authenticated too long ago, or the ID token does not say when (auth_time)")
        ends_at = min(claims["exp"], now + self._lifetime)
        return SignedInSession.start(caller, ends=ends_at, authenticated_at=authenticated_at), id_claims

    def _build_acr_values(self) -> Mapping[str, str]:
        """The assurance to request, in the issuer's terms: the levels that decisions on the pages require."""
        levels = self._keys.issuer.assurance
        acr_values = [each for each in sorted(levels, key=levels.__getitem__) if levels[each] >= Assurance.SUBSTANTIAL]
        return {"acr_values": " ".join(acr_values)} if acr_values else {}

    def _build_resource(self) -> Mapping[str, str]:
        """The audience of the access token, if the issuer knows the hub by an address (RFC 8707)."""
        address = next((each for each in self._keys.issuer.audience if "://" in each), None)
        return {} if address is None else {"resource": address}

    def __repr__(self) -> str:
        """Issuer and client, never the secret."""
        return f"<SignInFlow at {self._keys.issuer.name} as {self._client.id}>"


class _EndpointCache:
    """The issuer's sign-in addresses, read when a person first needs them, and cached for some minutes.

    Anyone can begin a sign-in, so after a failure the issuer is asked again only after a pause.
    """

    def __init__(self, name: str, issuer: str, documents: DocumentReader, monotonic_clock: Callable[[], float]) -> None:
        self._name = name
        self._issuer = issuer
        self._documents = documents
        self._monotonic_clock = monotonic_clock
        self._endpoints: SignInEndpoints | None = None
        self._expires_at = 0.0
        self._reading = asyncio.Lock()

    async def get(self) -> SignInEndpoints:
        """The addresses; raises `SignInUnavailable`."""
        async with self._reading:
            if self._monotonic_clock() >= self._expires_at:
                self._endpoints = await self._read()
                self._expires_at = self._monotonic_clock() + (
                    _RETRY_INTERVAL if self._endpoints is None else _ENDPOINTS_LIFETIME
                )
            if self._endpoints is None:
                raise SignInUnavailable
            return self._endpoints

    async def _read(self) -> SignInEndpoints | None:
        try:
            return parse_sign_in_endpoints(await self._documents.read(build_discovery_url(self._issuer)), self._issuer)
        except AgencyFailure as failure:
            reason = failure.detail or failure.code
        except DiscoveryRefused as refusal:
            reason = str(refusal)
        extra = {"issuer": self._name}
        _log.warning("Sign-in to the hub's pages is unavailable at issuer %s (%s).", self._name, reason, extra=extra)
        return None


def _add_query(address: str, parameters: Mapping[str, str]) -> str:
    """The address, with these parameters added to its query."""
    mark = "&" if urlsplit(address).query else "?"
    return f"{address}{mark}{urlencode(parameters)}"


def _compute_challenge(verifier: str) -> str:
    """The S256 challenge (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()
