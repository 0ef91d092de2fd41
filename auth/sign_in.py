"""The hub as an OpenID Connect relying party: people sign in to its own pages at an issuer that the operator named.

Authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE by S256 (RFC 7636). What the hub has to
remember until the person comes back travels, sealed, in a cookie of their browser: so a code counts in the browser that
began, once (the cookie goes when it is used), and for some minutes. What holds which attack (RFC 9700, section 4):

| attack | held by |
|---|---|
| a foreign page signs a person in as somebody else (login CSRF) | `state`, compared with the cookie |
| a code that was stolen, or put into another sign-in | the verifier in the cookie; `nonce` in the ID token |
| an answer of another issuer (mix-up) | `iss` of the answer (RFC 9207); one issuer; a callback of its own |
| a token for another application, or of another person | `aud`, `azp` and `sub` of both tokens |
| being sent on to a foreign page | where to go on stands in the sealed cookie, and is a path of the hub |
| a sign-in of yesterday that counts as one of now | `max_age`, held against `auth_time` of the ID token |
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
from time import monotonic, time
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

from auth.authentication_time import authenticated_within, authentication_time
from auth.caller import Assurance, Caller
from auth.discovery import DiscoveryRefused, SignInAddresses, discovery_address, sign_in_addresses
from auth.identity_tokens import IdentityRefused, checked_identity
from auth.issuer_keys import Documents, IssuerKeys
from auth.presented_token import read_token
from auth.sealed_cookies import SealedCookies, TooLong
from auth.session import Session, SessionLimits
from auth.strict_json import read_object
from auth.tokens import TokenReader
from auth.unproven import KeysUnavailable, Unauthenticated
from records.failures import AgencyFailure

PATIENCE: Final = 600.0
"""Seconds for which somebody may be away at the issuer."""
_ADDRESSES_KEPT: Final = 300.0
_AFTER_A_FAILURE: Final = 10.0
"""Seconds between two readings of a discovery document that cannot be had."""
_DEEPEST: Final = 6
_MOST_BRACKETS: Final = 200

_log = logging.getLogger("simpul.sign_in")


class TokenDesk(Protocol):
    """Gives tokens for codes; HTTP, handed in by the composition root."""

    async def redeem(self, url: str, form: Mapping[str, str], *, authorization: str | None) -> bytes | None:
        """The issuer's JSON; None where it refuses what stands in the form. Raises AgencyFailure."""


class SignInFailed(Exception):  # noqa: N818 - names the condition
    """This sign-in came to nothing, and can be begun anew. The text is for the log and holds nothing of it."""


class SignInDenied(Exception):  # noqa: N818 - names the condition
    """The person, or the issuer for them, said no."""


class SignInUnavailable(Exception):  # noqa: N818 - names the condition
    """Nobody can sign in at the moment: the issuer does not answer, or not as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInClient:
    """The hub's pages, as the issuer knows them. Without a secret they are a public client."""

    id: str
    secret: str | None = field(default=None, repr=False)
    redirect_uri: str
    signed_out_uri: str
    """Where the issuer sends people after they signed out there."""
    scopes: tuple[str, ...] = ("openid",)

    @property
    def authorization(self) -> str | None:
        """The header that proves it (`client_secret_basic`): each part encoded as in a form (RFC 6749, 2.3.1)."""
        if self.secret is None:
            return None
        return f"Basic {b64encode(f'{quote_plus(self.id)}:{quote_plus(self.secret)}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: where the browser goes, and what it keeps meanwhile."""

    address: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that succeeded, and where the person wanted to go."""

    session: Session
    target: str
    identity: str = field(repr=False)
    """The ID token, which the issuer wants to see when the session ends."""


class SignIn:
    """Signs people in at one issuer."""

    def __init__(
        self,
        keys: IssuerKeys,
        client: SignInClient,
        *,
        secret: bytes,
        documents: Documents,
        desk: TokenDesk,
        tokens: TokenReader,
        lifetime: float = SessionLimits().lifetime,
        clock: Callable[[], float] = time,
        stopwatch: Callable[[], float] = monotonic,
    ) -> None:
        """Take the issuer, the hub's secret, and who reads documents, redeems codes and proves access tokens.

        `lifetime` is how many seconds a session may go on.
        """
        self._keys = keys
        self._client = client
        self._cookies = SealedCookies(secret, "sign-in")
        self._addresses = _Addresses(keys.issuer.name, keys.issuer.url, documents, stopwatch)
        self._desk = desk
        self._tokens = tokens
        self._lifetime = lifetime
        self._clock = clock

    async def begin(self, target: str, *, language: str, max_age: int | None = None) -> Begun:
        """Begin a sign-in that goes on at `target`, a path of the hub.

        With `max_age`, the person must have authenticated at the issuer within that many seconds, or does so now
        (OpenID Connect Core 1.0, section 3.1.2.1).

        Raises `SignInUnavailable`, and `SignInFailed` for a path that is too long to be kept.
        """
        addresses = await self._addresses.found()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            cookie = self._cookies.seal(
                {"state": state, "nonce": nonce, "verifier": verifier, "target": target, "max_age": max_age},
                until=self._clock() + PATIENCE,
            )
        except TooLong:
            raise SignInFailed("the path to go on to is too long") from None
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": " ".join(self._client.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            "ui_locales": language,
            **({} if max_age is None else {"max_age": str(max_age)}),
            **self._assurance(),
            **self._resource(),
        }
        return Begun(_with_query(addresses.authorization, asked), cookie)

    async def finish(self, cookie: str, answer: Mapping[str, str]) -> SignedIn:
        """End a sign-in by the issuer's answer (RFC 6749, sections 4.1.2 and 4.1.2.1), parameters by name, each once.

        Raises `SignInFailed`, `SignInDenied`, `SignInUnavailable`, and `NotForThemself` for whom these pages are not.
        """
        begun = self._cookies.open(cookie, now=self._clock())
        if begun is None:
            raise SignInFailed("no sign-in was begun in this browser, or it is over")
        if not compare_digest(answer.get("state", "").encode(), begun["state"].encode()):
            raise SignInFailed("the answer is that to another sign-in")
        addresses = await self._addresses.found()
        named = answer.get("iss")
        if (named is None and addresses.names_itself) or named not in {None, self._keys.issuer.url}:
            raise SignInFailed("the answer is not the issuer's")
        if "error" in answer:
            raise SignInDenied
        if not answer.get("code"):
            raise SignInFailed("the answer holds no code")
        tokens = await self._redeemed(addresses.token, answer["code"], begun["verifier"])
        session, identity = await self._session(tokens, begun["nonce"], max_age=begun.get("max_age"))
        return SignedIn(session, begun["target"], identity)

    async def sign_out_address(self, identity: str | None, *, language: str) -> str | None:
        """Where a browser goes to sign out at the issuer, too (OpenID Connect RP-Initiated Logout 1.0, section 2).

        None where the issuer has no such address, or cannot be read.
        """
        try:
            addresses = await self._addresses.found()
        except SignInUnavailable:
            return None
        if addresses.end_session is None:
            return None
        asked = {
            **({} if identity is None else {"id_token_hint": identity}),
            "client_id": self._client.id,
            "post_logout_redirect_uri": self._client.signed_out_uri,
            "ui_locales": language,
        }
        return _with_query(addresses.end_session, asked)

    async def _redeemed(self, address: str, code: str, verifier: str) -> Mapping[str, Any]:
        client = self._client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
            **({} if client.secret else {"client_id": client.id}),
            **self._resource(),
        }
        try:
            body = await self._desk.redeem(address, form, authorization=client.authorization)
            if body is None:
                raise SignInFailed("the issuer refused the code")
            return read_object(body, depth=_DEEPEST, brackets=_MOST_BRACKETS)
        except AgencyFailure as failure:
            reason = failure.detail or failure.code
        except ValueError as error:
            reason = str(error)
        name = self._keys.issuer.name
        _log.warning("The issuer %s gives no tokens to the hub's pages (%s).", name, reason, extra={"issuer": name})
        raise SignInUnavailable

    async def _session(self, tokens: Mapping[str, Any], nonce: str, *, max_age: int | None) -> tuple[Session, str]:
        """The person and the ID token; both tokens must name the same person."""
        access, identity = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str):
            raise SignInFailed("the issuer gave no access token, or no ID token")
        try:
            caller = self._tokens.caller(f"Bearer {access}")
            if not isinstance(caller, Caller):
                caller = await caller
        except KeysUnavailable:
            raise SignInUnavailable from None
        except Unauthenticated as error:
            raise SignInFailed(f"the access token: {error}") from None
        try:
            said = await checked_identity(identity, self._keys, client=self._client.id, nonce=nonce, now=self._clock())
        except IdentityRefused as error:
            raise SignInFailed(f"the ID token: {error}") from None
        claims = read_token(access).claims
        if claims["iss"] != self._keys.issuer.url or claims["sub"] != said["sub"]:
            raise SignInFailed("the two tokens are about different people")
        now, authenticated_at = self._clock(), authentication_time(said)
        if max_age is not None and not authenticated_within(authenticated_at, max_age, now=now):
            raise SignInFailed("the person authenticated too long ago, or the ID token does not say when (auth_time)")
        ends = min(claims["exp"], now + self._lifetime)
        return Session.of(caller, ends=ends, authenticated_at=authenticated_at), identity

    def _assurance(self) -> Mapping[str, str]:
        """How surely people should be identified, in the issuer's words: as what is decided on the pages demands."""
        known = self._keys.issuer.assurance
        words = [word for word in sorted(known, key=lambda each: known[each]) if known[word] >= Assurance.SUBSTANTIAL]
        return {"acr_values": " ".join(words)} if words else {}

    def _resource(self) -> Mapping[str, str]:
        """For whom the access token is to be, where the issuer calls the hub by an address (RFC 8707)."""
        address = next((each for each in self._keys.issuer.audience if "://" in each), None)
        return {} if address is None else {"resource": address}

    def __repr__(self) -> str:
        """Which issuer and client, never the secret."""
        return f"<SignIn at {self._keys.issuer.name} as {self._client.id}>"


class _Addresses:
    """Where people sign in, read from the issuer when somebody first wants to, and kept for some minutes.

    Anybody can begin a sign-in, so an issuer that cannot be read is not asked again at once.
    """

    def __init__(self, name: str, issuer: str, documents: Documents, stopwatch: Callable[[], float]) -> None:
        self._name = name
        self._issuer = issuer
        self._documents = documents
        self._stopwatch = stopwatch
        self._known: SignInAddresses | None = None
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def found(self) -> SignInAddresses:
        """The addresses; raises `SignInUnavailable`."""
        async with self._reading:
            if self._stopwatch() >= self._until:
                self._known = await self._read()
                self._until = self._stopwatch() + (_AFTER_A_FAILURE if self._known is None else _ADDRESSES_KEPT)
            if self._known is None:
                raise SignInUnavailable
            return self._known

    async def _read(self) -> SignInAddresses | None:
        try:
            return sign_in_addresses(await self._documents.read(discovery_address(self._issuer)), self._issuer)
        except AgencyFailure as failure:
            reason = failure.detail or failure.code
        except DiscoveryRefused as refusal:
            reason = str(refusal)
        said = {"issuer": self._name}
        _log.warning("Nobody can sign in to the hub's pages at issuer %s (%s).", self._name, reason, extra=said)
        return None


def _with_query(address: str, parameters: Mapping[str, str]) -> str:
    """The address, which may have a query already, with these parameters."""
    mark = "&" if urlsplit(address).query else "?"
    return f"{address}{mark}{urlencode(parameters)}"


def _challenge(verifier: str) -> str:
    """The S256 challenge (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()
