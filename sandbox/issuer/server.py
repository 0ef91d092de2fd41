"""The OpenID provider of the sandbox city, which authenticates callers of the hub (`docs/agencies/issuer.md`).

Written by hand on Starlette and joserfc. Authlib's server side is made for Flask and Django, and its maintainers do not
offer one for asynchronous frameworks (https://github.com/authlib/authlib/pull/278). What it would implement, the
grants, is in `sandbox/issuer/token_endpoint.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.agency import LOOPBACK, AgencySpec
from sandbox.agency_server import serve
from sandbox.control import REFUSED, AgencyControl, AgencyMode, Latency
from sandbox.issuer.clients import CLIENTS
from sandbox.issuer.form_seal import FormSeal
from sandbox.issuer.grants import Grants, Lifetimes
from sandbox.issuer.oauth_errors import OAuthError
from sandbox.issuer.parameters import Parameters, read_form
from sandbox.issuer.sign_in import ProviderPages
from sandbox.issuer.sign_in_page import STYLE
from sandbox.issuer.signing_keys import ALGORITHM, SigningKeys
from sandbox.issuer.token_endpoint import GRANTS, ProviderTokenEndpoint, TokenResponse
from sandbox.issuer.tokens import ACR_LEVELS, CLAIMS, ProviderTokens

TYPICAL_LATENCY = Latency(20, 80)
_CACHE_BRIEFLY = {"Cache-Control": "public, max-age=300"}
_CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
_NO_STORE = {"Cache-Control": "no-store"}

Endpoint = Callable[[Request], Awaitable[Response]]


def run(spec: AgencySpec) -> None:
    """Serve the provider until a stop signal."""
    keys = SigningKeys(spec.state / "keys.json")
    lifetimes = Lifetimes()
    issuer = f"http://{LOOPBACK}:{spec.port}"
    tokens = ProviderTokens(issuer=issuer, secret=spec.secret, keys=keys, lifetimes=lifetimes)
    control = AgencyControl(
        spec.name,
        TYPICAL_LATENCY if spec.latency else Latency(0, 0),
        {"issuer": issuer},
        _build_control_routes(keys, lifetimes),
    )
    serve(spec, control, OpenIdProvider(control, tokens, Grants(lifetimes), spec.secret).build_app())


class OpenIdProvider:
    """The OpenID Connect endpoints over the people and applications of the city."""

    def __init__(self, control: AgencyControl, tokens: ProviderTokens, grants: Grants, secret: str) -> None:
        self._control = control
        self._tokens = tokens
        self._pages = ProviderPages(tokens, grants, FormSeal())
        self._desk = ProviderTokenEndpoint(tokens, grants, secret)

    def build_app(self) -> Starlette:
        """The application of the provider's port: pages for people, and endpoints for programs of any origin."""
        any_origin = Middleware(
            CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["Authorization"]
        )
        for_programs = [
            self._route("/.well-known/openid-configuration", self._discovery, "GET"),
            self._route("/jwks", self._jwks, "GET"),
            self._route("/token", self._token, "POST"),
            self._route("/revoke", self._revoke, "POST"),
            self._route("/userinfo", self._userinfo, "GET", "POST"),
        ]
        return Starlette(
            routes=[
                self._route("/authorize", self._pages.authorize, "GET", "POST"),
                self._route("/sign-in", self._pages.sign_in, "POST"),
                self._route("/end-session", self._pages.end_session, "GET", "POST"),
                Route("/sign-in.css", _style),
                Mount("/", routes=for_programs, middleware=[any_origin]),
            ],
            # Otherwise another site's name that resolves to this server (DNS rebinding) could use its pages.
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"], www_redirect=False)],
        )

    def _route(self, path: str, answer: Endpoint, *methods: str) -> Route:
        """One endpoint: count and apply the mode, then call `answer`."""

        async def endpoint(request: Request) -> Response:
            await self._control.begin_call(f"{request.method} {path}")
            if self._control.mode is AgencyMode.ERROR:
                return _error_response(OAuthError("server_error", "The provider has an internal error.", status=500))
            if self._control.mode is AgencyMode.RUBBISH:
                return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
            return await answer(request)

        return Route(path, endpoint, methods=list(methods))

    async def _discovery(self, _: Request) -> Response:
        return JSONResponse(build_discovery(self._tokens.issuer), headers=_CACHE_BRIEFLY)

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse(self._tokens.keys.build_key_set(), headers=_CACHE_BRIEFLY)

    async def _token(self, request: Request) -> Response:
        return await self._answer_client(request, self._desk.issue_tokens)

    async def _revoke(self, request: Request) -> Response:
        return await self._answer_client(request, self._desk.revoke)

    async def _answer_client(
        self, request: Request, answer: Callable[[Parameters, str | None], TokenResponse]
    ) -> Response:
        """The token endpoint's answer to the form of a client."""
        try:
            self._refuse_in_refuse_mode()
            return JSONResponse(
                answer(await read_form(request), request.headers.get("authorization")), headers=_NO_STORE
            )
        except OAuthError as refusal:
            if refusal.error == "invalid_client":
                self._control.count_call(REFUSED)
            return _error_response(refusal)

    def _refuse_in_refuse_mode(self) -> None:
        if self._control.mode is AgencyMode.REFUSE:
            raise OAuthError("invalid_client", "No client is known.", status=401)

    async def _userinfo(self, request: Request) -> Response:
        """The profile of the access token's owner (OpenID Connect Core 1.0, section 5.3; errors as in RFC 6750)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        claims = None if self._control.mode is AgencyMode.REFUSE else self._tokens.check_access_token(token.strip())
        if claims is None:
            self._control.count_call(REFUSED)
            return _bearer_error(OAuthError("invalid_token", "The access token is not ours or too old.", status=401))
        scopes = claims["scope"].split()
        person = self._tokens.find_person(claims)
        if "openid" not in scopes or person is None:
            return _bearer_error(OAuthError("insufficient_scope", "The access token has no scope openid.", status=403))
        return JSONResponse(self._tokens.build_profile_claims(person, scopes), headers=_NO_STORE)


def build_discovery(issuer: str) -> dict[str, Any]:
    """The metadata of the provider (OpenID Connect Discovery 1.0, section 3)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "revocation_endpoint": f"{issuer}/revoke",
        "end_session_endpoint": f"{issuer}/end-session",
        "scopes_supported": sorted({scope for client in CLIENTS.values() for scope in client.scopes}),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "acr_values_supported": list(ACR_LEVELS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": _CLIENT_AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": _CLIENT_AUTH_METHODS,
        "claims_supported": list(CLAIMS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _build_control_routes(keys: SigningKeys, lifetimes: Lifetimes) -> list[Route]:
    """Control endpoints of the provider: rotate keys, and shorten lifetimes so that tests need not wait."""

    async def rotate(_: Request) -> Response:
        return JSONResponse({"kid": keys.rotate(), "published": [key["kid"] for key in keys.build_key_set()["keys"]]})

    async def set_lifetimes(request: Request) -> Response:
        if request.method == "PUT":
            values = await _read_numbers(request)
            if values is None or set(values) - set(asdict(lifetimes)):
                message = f"lifetimes are whole seconds from 0 on, by name: {', '.join(asdict(lifetimes))}."
                return JSONResponse({"error": message}, status_code=400)
            for name, value in values.items():
                setattr(lifetimes, name, value)
        return JSONResponse(asdict(lifetimes))

    return [Route("/rotate", rotate, methods=["POST"]), Route("/lifetimes", set_lifetimes, methods=["GET", "PUT"])]


async def _read_numbers(request: Request) -> dict[str, int] | None:
    """A JSON object of whole numbers from 0 on; None for anything else."""
    try:
        body = await request.json()
    except ValueError:
        return None
    good = isinstance(body, dict) and all(type(value) is int and value >= 0 for value in body.values())
    return body if good else None


def _error_response(refusal: OAuthError) -> Response:
    """An error in the format of RFC 6749, section 5.2."""
    challenge = {"WWW-Authenticate": 'Basic realm="token"'} if refusal.error == "invalid_client" else {}
    body = {"error": refusal.error, "error_description": refusal.description}
    return JSONResponse(body, status_code=refusal.status, headers={**_NO_STORE, **challenge})


def _bearer_error(refusal: OAuthError) -> Response:
    challenge = f'Bearer error="{refusal.error}", error_description="{refusal.description}"'
    return Response(status_code=refusal.status, headers={"WWW-Authenticate": challenge})


async def _style(_: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers=_CACHE_BRIEFLY)
