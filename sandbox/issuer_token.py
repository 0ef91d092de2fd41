"""`token` and `revoke` of the city's OpenID provider: from a code, a refresh token or a secret to tokens, and back."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from sandbox.issuer_claims import ACCESS_TYPE, Tokens
from sandbox.issuer_clients import CLIENTS, Client, client_secret
from sandbox.issuer_grants import Grants, SignIn
from sandbox.issuer_parameters import Parameters
from sandbox.issuer_refusal import Refusal
from sandbox.issuer_request import scopes_of

GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Answers requests for tokens (RFC 6749, sections 4.1.3, 4.4.2 and 6; OpenID Connect Core 1.0, 3.1.3)."""

    tokens: Tokens
    grants: Grants
    secret: str = field(repr=False)

    def answer(self, given: Parameters, authorization: str | None) -> Answer:
        """The tokens that a request gets. Raises `Refusal`."""
        client = self._client(given, authorization)
        ways: Mapping[str, Callable[[Client, Parameters], Answer]] = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            "client_credentials": self._by_itself,
        }
        if "grant_type" not in given:
            raise Refusal("invalid_request", f"grant_type is missing; it is one of {', '.join(GRANTS)}.")
        grant = given["grant_type"]
        if grant not in ways:
            raise Refusal("unsupported_grant_type", f"grant_type is one of {', '.join(GRANTS)}.")
        if grant not in client.grants:
            raise Refusal("unauthorized_client", f"{client.id} gets tokens by {' and '.join(client.grants)} only.")
        return ways[grant](client, given)

    def revoke(self, given: Parameters, authorization: str | None) -> Answer:
        """Ends the sign-in behind a refresh token (RFC 7009); nothing happens for one that is not good any more.

        Raises `Refusal`, for an access token too: those are short-lived and checked without asking here.
        """
        client = self._client(given, authorization)
        if "token" not in given:
            raise Refusal("invalid_request", "token is missing; it is a refresh token.")
        if self.tokens.keys.claims(given["token"], typ=ACCESS_TYPE) is not None:
            raise Refusal("unsupported_token_type", "Access tokens cannot be revoked; they end by themselves.")
        sign_in = self.grants.behind(given["token"], client.id)
        if sign_in is not None:
            self.grants.end(sign_in.sid)
        return {}

    def _client(self, given: Parameters, authorization: str | None) -> Client:
        """Who asks, proven by its secret where it has one (RFC 6749, section 2.3)."""
        name, secret = _basic(authorization) if authorization is not None else (given.get("client_id", ""), None)
        if authorization is not None and ("client_secret" in given or given.get("client_id", name) != name):
            raise Refusal("invalid_request", "Send the client's id and secret in one way only.")
        shown = given.get("client_secret") if secret is None else secret
        client = CLIENTS.get(name)
        if client is None:
            raise _not_proven()
        if client.public:
            if shown is not None:
                raise _not_proven()
            return client
        if not secrets.compare_digest((shown or "").encode(), client_secret(client.id, self.secret).encode()):
            raise _not_proven()
        return client

    def _by_code(self, client: Client, given: Parameters) -> Answer:
        verifier = given.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier):
            raise Refusal("invalid_request", "code_verifier is missing or not 43 to 128 characters of RFC 7636.")
        code = self.grants.taken(given.get("code", ""))
        if code is None or code.sign_in.client_id != client.id:
            raise Refusal("invalid_grant", "The code is not known, was used before, or is too old. Sign in again.")
        if given.get("redirect_uri") != code.redirect_uri:
            raise Refusal("invalid_grant", "redirect_uri is not the one that the code was sent to. Sign in again.")
        if not hmac.compare_digest(_challenge(verifier), code.challenge):
            raise Refusal("invalid_grant", "code_verifier does not fit the challenge. Sign in again.")
        sign_in = code.sign_in
        stays = "offline_access" in sign_in.scopes
        return self._for_person(sign_in, sign_in.scopes, self.grants.refresh_token(sign_in) if stays else None)

    def _by_refresh_token(self, client: Client, given: Parameters) -> Answer:
        sign_in = self.grants.behind(given.get("refresh_token", ""), client.id)
        if sign_in is None:
            raise Refusal("invalid_grant", "The refresh token is not known, was used before, or is too old.")
        scopes = scopes_of(given, client, default=sign_in.scopes)
        if set(scopes) - set(sign_in.scopes):
            raise Refusal("invalid_scope", "A refresh token gets no more scopes than were granted first.")
        return self._for_person(sign_in, scopes, self.grants.next_refresh_token(sign_in))

    def _by_itself(self, client: Client, given: Parameters) -> Answer:
        scopes = scopes_of(given, client, default=client.scopes)
        return self._answer(self.tokens.of_client(client, scopes), scopes)

    def _for_person(self, sign_in: SignIn, scopes: tuple[str, ...], refresh_token: str | None) -> Answer:
        answer = self._answer(self.tokens.of_person(sign_in, scopes), scopes)
        if refresh_token is not None:
            answer["refresh_token"] = refresh_token
        if "openid" in scopes:
            answer["id_token"] = self.tokens.identity(sign_in)
        return answer

    def _answer(self, access_token: str, scopes: tuple[str, ...]) -> Answer:
        lifetime = self.tokens.lifetimes.access_s
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": " ".join(scopes),
        }


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret of a Basic header, each encoded as in a form (RFC 6749, section 2.3.1)."""
    scheme, _, rest = authorization.partition(" ")
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, mark, secret = text.partition(":")
    if not mark:
        raise _not_proven()
    return unquote_plus(name), unquote_plus(secret)


def _challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _not_proven() -> Refusal:
    return Refusal("invalid_client", "The client is not known, or did not prove itself by its secret.", status=401)
