"""Parses an application's authorization request (RFC 6749, 4.1.1; OpenID Connect Core 1.0, 3.1.2.1).

Only the code flow is supported, and only with an S256 challenge (RFC 7636).
"""

import re
from dataclasses import dataclass

from sandbox.issuer.clients import CLIENTS, RegisteredClient
from sandbox.issuer.oauth_errors import OAuthError, UnregisteredRedirect
from sandbox.issuer.parameters import Parameters

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A valid request, with the application that gets the answer."""

    client: RegisteredClient
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None
    nonce: str | None
    login_hint: str | None
    acr_values: tuple[str, ...]


def find_redirect(parameters: Parameters) -> tuple[RegisteredClient, str]:
    """The application and its redirect address. Raises `UnregisteredRedirect`."""
    client = CLIENTS.get(parameters.get("client_id", ""))
    if client is None or not client.redirect_uris:
        raise UnregisteredRedirect("No application with this client_id signs people in here.")
    redirect_uri = parameters.get("redirect_uri", "")
    if not client.may_redirect_to(redirect_uri):
        raise UnregisteredRedirect(f"This redirect_uri is not registered for {client.name}.")
    return client, redirect_uri


def parse_authorization_request(parameters: Parameters) -> AuthorizationRequest:
    """Parse the request from the parameters. Raises `UnregisteredRedirect`, or `OAuthError` for the application."""
    client, redirect_uri = find_redirect(parameters)
    for name, error in _UNSUPPORTED.items():
        if name in parameters:
            raise OAuthError(error, f"The parameter {name} is not supported.")
    if "response_type" not in parameters:
        raise OAuthError("invalid_request", "response_type is missing; it must be code.")
    if parameters["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code.")
    if parameters.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "response_mode must be query, or left out.")
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        parameters.get("code_challenge", "")
    ):
        raise OAuthError(
            "invalid_request", "A code_challenge of 43 characters with code_challenge_method S256 is needed."
        )
    _refuse_prompt_none(parameters.get("prompt", ""))
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scopes=parse_scopes(parameters, client, default=()),
        challenge=parameters["code_challenge"],
        state=parameters.get("state"),
        nonce=parameters.get("nonce"),
        login_hint=parameters.get("login_hint"),
        acr_values=tuple(parameters.get("acr_values", "").split()),
    )


def parse_scopes(parameters: Parameters, client: RegisteredClient, *, default: tuple[str, ...]) -> tuple[str, ...]:
    """The requested scopes without duplicates; `default` if none. Raises `OAuthError` for a scope the client lacks."""
    scopes = tuple(dict.fromkeys(parameters.get("scope", "").split())) or default
    if not scopes:
        raise OAuthError("invalid_scope", f"scope is missing; {client.id} can have {' '.join(client.scopes)}.")
    if set(scopes) - set(client.scopes):
        raise OAuthError("invalid_scope", f"{client.id} can have {' '.join(client.scopes)}, and no other scope.")
    return scopes


def _refuse_prompt_none(prompt: str) -> None:
    """There are no sessions, so `prompt=none` cannot sign a person in."""
    values = prompt.split()
    if "none" not in values:
        return
    if len(values) > 1:
        raise OAuthError("invalid_request", "prompt none cannot be combined.")
    raise OAuthError("login_required", "There is no session: this provider asks every time.")
