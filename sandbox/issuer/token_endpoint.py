"""The `token` and `revoke` endpoints of the city's OpenID provider."""

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

from sandbox.issuer.authorization_request import parse_scopes
from sandbox.issuer.clients import CLIENTS, RegisteredClient, derive_client_secret
from sandbox.issuer.grants import Grants, ProviderSignIn
from sandbox.issuer.oauth_errors import OAuthError
from sandbox.issuer.parameters import Parameters
from sandbox.issuer.tokens import ACCESS_TYPE, ProviderTokens

GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)

TokenResponse = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ProviderTokenEndpoint:
    """Answers requests for tokens (RFC 6749, sections 4.1.3, 4.4.2 and 6; OpenID Connect Core 1.0, 3.1.3)."""

    tokens: ProviderTokens
    grants: Grants
    secret: str = field(repr=False)

    def issue_tokens(self, parameters: Parameters, authorization: str | None) -> TokenResponse:
        """Issue the tokens of a request. Raises `OAuthError`."""
        client = self._authenticate_client(parameters, authorization)
        handlers: Mapping[str, Callable[[RegisteredClient, Parameters], TokenResponse]] = {
            "authorization_code": self._grant_by_code,
            "refresh_token": self._grant_by_refresh_token,
            "client_credentials": self._grant_client_credentials,
        }
        if "grant_type" not in parameters:
            raise OAuthError("invalid_request", f"grant_type is missing; it is one of {', '.join(GRANTS)}.")
        grant = parameters["grant_type"]
        if grant not in handlers:
            raise OAuthError("unsupported_grant_type", f"grant_type is one of {', '.join(GRANTS)}.")
        if grant not in client.grants:
            raise OAuthError("unauthorized_client", f"{client.id} gets tokens by {' and '.join(client.grants)} only.")
        return handlers[grant](client, parameters)

    def revoke(self, parameters: Parameters, authorization: str | None) -> TokenResponse:
        """End the sign-in of a refresh token (RFC 7009); does nothing for an invalid token.

        Raises `OAuthError`, also for an access token: those are short-lived and verified without this provider.
        """
        client = self._authenticate_client(parameters, authorization)
        if "token" not in parameters:
            raise OAuthError("invalid_request", "token is missing; it is a refresh token.")
        if self.tokens.keys.read_claims(parameters["token"], typ=ACCESS_TYPE) is not None:
            raise OAuthError("unsupported_token_type", "Access tokens cannot be revoked; they expire.")
        sign_in = self.grants.find_sign_in(parameters["token"], client.id)
        if sign_in is not None:
            self.grants.end_sign_in(sign_in.sid)
        return {}

    def _authenticate_client(self, parameters: Parameters, authorization: str | None) -> RegisteredClient:
        """The client, authenticated by its secret if it has one (RFC 6749, section 2.3)."""
        name, secret = (
            _parse_basic(authorization) if authorization is not None else (parameters.get("client_id", ""), None)
        )
        if authorization is not None and ("client_secret" in parameters or parameters.get("client_id", name) != name):
            raise OAuthError("invalid_request", "Send the client's id and secret in one way only.")
        shown = parameters.get("client_secret") if secret is None else secret
        client = CLIENTS.get(name)
        if client is None:
            raise _invalid_client()
        if client.public:
            if shown is not None:
                raise _invalid_client()
            return client
        if not secrets.compare_digest((shown or "").encode(), derive_client_secret(client.id, self.secret).encode()):
            raise _invalid_client()
        return client

    def _grant_by_code(self, client: RegisteredClient, parameters: Parameters) -> TokenResponse:
        verifier = parameters.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier):
            raise OAuthError("invalid_request", "code_verifier is missing or not 43 to 128 characters of RFC 7636.")
        code = self.grants.redeem_code(parameters.get("code", ""))
        if code is None or code.sign_in.client_id != client.id:
            raise OAuthError("invalid_grant", "The code is not known, was used before, or is too old. Sign in again.")
        if parameters.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is not the one that the code was sent to. Sign in again.")
        if not hmac.compare_digest(_compute_challenge(verifier), code.challenge):
            raise OAuthError("invalid_grant", "code_verifier does not fit the challenge. Sign in again.")
        sign_in = code.sign_in
        stays = "offline_access" in sign_in.scopes
        return self._build_person_response(
            sign_in, sign_in.scopes, self.grants.issue_refresh_token(sign_in) if stays else None
        )

    def _grant_by_refresh_token(self, client: RegisteredClient, parameters: Parameters) -> TokenResponse:
        sign_in = self.grants.find_sign_in(parameters.get("refresh_token", ""), client.id)
        if sign_in is None:
            raise OAuthError("invalid_grant", "The refresh token is not known, was used before, or is too old.")
        scopes = parse_scopes(parameters, client, default=sign_in.scopes)
        if set(scopes) - set(sign_in.scopes):
            raise OAuthError("invalid_scope", "A refresh token gets no more scopes than were granted first.")
        return self._build_person_response(sign_in, scopes, self.grants.rotate_refresh_token(sign_in))

    def _grant_client_credentials(self, client: RegisteredClient, parameters: Parameters) -> TokenResponse:
        scopes = parse_scopes(parameters, client, default=client.scopes)
        return self._build_response(self.tokens.issue_to_client(client, scopes), scopes)

    def _build_person_response(
        self, sign_in: ProviderSignIn, scopes: tuple[str, ...], refresh_token: str | None
    ) -> TokenResponse:
        answer = self._build_response(self.tokens.issue_to_person(sign_in, scopes), scopes)
        if refresh_token is not None:
            answer["refresh_token"] = refresh_token
        if "openid" in scopes:
            answer["id_token"] = self.tokens.issue_id_token(sign_in)
        return answer

    def _build_response(self, access_token: str, scopes: tuple[str, ...]) -> TokenResponse:
        lifetime = self.tokens.lifetimes.access_s
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": " ".join(scopes),
        }


def _parse_basic(authorization: str) -> tuple[str, str]:
    """Id and secret of a Basic header, each form-encoded (RFC 6749, section 2.3.1)."""
    scheme, _, rest = authorization.partition(" ")
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, mark, secret = text.partition(":")
    if not mark:
        raise _invalid_client()
    return unquote_plus(name), unquote_plus(secret)


def _compute_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _invalid_client() -> OAuthError:
    return OAuthError("invalid_client", "The client is not known, or did not prove itself by its secret.", status=401)
