"""What an application asks when it sends somebody to sign in (RFC 6749, 4.1.1; OpenID Connect Core 1.0, 3.1.2.1).

Only the code flow is known, and only with a challenge by S256 (RFC 7636).
"""

import re
from dataclasses import dataclass

from sandbox.issuer_clients import CLIENTS, Client
from sandbox.issuer_parameters import Parameters
from sandbox.issuer_refusal import Misdirected, Refusal

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_NOT_KNOWN = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A request that can be answered, and to whom the answer goes."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    state: str | None
    nonce: str | None
    login_hint: str | None
    acr_values: tuple[str, ...]


def way_back(given: Parameters) -> tuple[Client, str]:
    """The application and the address that the answer goes to. Raises `Misdirected`."""
    client = CLIENTS.get(given.get("client_id", ""))
    if client is None or not client.redirect_uris:
        raise Misdirected("No application with this client_id signs people in here.")
    redirect_uri = given.get("redirect_uri", "")
    if not client.may_return_to(redirect_uri):
        raise Misdirected(f"This redirect_uri is not registered for {client.name}.")
    return client, redirect_uri


def authorization_request(given: Parameters) -> AuthorizationRequest:
    """The request in the parameters. Raises `Misdirected`, else `Refusal`, which the application is to be told."""
    client, redirect_uri = way_back(given)
    for name, error in _NOT_KNOWN.items():
        if name in given:
            raise Refusal(error, f"The parameter {name} is not supported.")
    if "response_type" not in given:
        raise Refusal("invalid_request", "response_type is missing; it must be code.")
    if given["response_type"] != "code":
        raise Refusal("unsupported_response_type", "response_type must be code.")
    if given.get("response_mode", "query") != "query":
        raise Refusal("invalid_request", "response_mode must be query, or left out.")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(given.get("code_challenge", "")):
        raise Refusal("invalid_request", "A code_challenge of 43 characters with code_challenge_method S256 is needed.")
    _refuse_silence(given.get("prompt", ""))
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        scopes=scopes_of(given, client, default=()),
        challenge=given["code_challenge"],
        state=given.get("state"),
        nonce=given.get("nonce"),
        login_hint=given.get("login_hint"),
        acr_values=tuple(given.get("acr_values", "").split()),
    )


def scopes_of(given: Parameters, client: Client, *, default: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes asked for, each once; `default` where none is. Raises `Refusal` for one that is not the client's."""
    asked = tuple(dict.fromkeys(given.get("scope", "").split())) or default
    if not asked:
        raise Refusal("invalid_scope", f"scope is missing; {client.id} can have {' '.join(client.scopes)}.")
    if set(asked) - set(client.scopes):
        raise Refusal("invalid_scope", f"{client.id} can have {' '.join(client.scopes)}, and no other scope.")
    return asked


def _refuse_silence(prompt: str) -> None:
    """No session is kept, so whoever must not be asked is not signed in."""
    wishes = prompt.split()
    if "none" not in wishes:
        return
    if len(wishes) > 1:
        raise Refusal("invalid_request", "prompt none stands alone.")
    raise Refusal("login_required", "Nobody is signed in: this provider asks every time.")
