"""`/consent/requests` and `/consents/{id}`: partners request consents of people, and give consents back.

A request works like a pushed authorization request (RFC 9126): the partner's server posts it with its own token, and
sends the person's browser to the address in the response. That address contains an id and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.caller import Caller, CallerKind
from auth.tokens.strict_json import parse_json_object
from records.hub.clients import ClientId
from records.hub.partner_consents import NewConsentRequest, PartnerConsent, PartnerConsentRequest
from records.purposes import Purpose, Scope
from services.consents.partner_consents import NotInContract, PartnerConsents
from store.consents.consent_requests import MAX_WAITING, TooManyConsentRequests
from store.database_timeout import StateUnavailable
from web.authentication import RequestAuthenticator
from web.graphql.media_types import MediaType
from web.http_errors import HttpError, HttpErrorCode, build_bad_request
from web.middleware.request_identity import get_call

REQUESTS_PATH: Final = "/consent/requests"
_MEMBERS: Final = {"about", "scopes", "purpose", "lasts", "redirect_uri", "state"}
_ABOUT: Final = {"self": False, "child": True}
_MAX_DEPTH: Final = 2
_MAX_BRACKETS: Final = 100
_SCOPES: Final = {each.value: each for each in Scope}
_STATE: Final = re.compile(r"[\x20-\x7e]{0,500}")
"""RFC 6749, appendix A.5, with a length that fits into an address."""
_RETRY_AFTER: Final = "60"


class ConsentEndpoints:
    """The endpoints for partners' servers."""

    def __init__(
        self,
        partners: PartnerConsents,
        *,
        authenticator: RequestAuthenticator,
        public_url: str,
    ) -> None:
        """`public_url` is the hub's address for people's browsers."""
        self._partners = partners
        self._authenticator = authenticator
        self._public_url = public_url.rstrip("/")

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route(REQUESTS_PATH, self.create_request, methods=["POST"]),
            Route(f"{REQUESTS_PATH}/{{id}}", self.get_request, methods=["GET"]),
            Route("/consents/{id}", self.return_consent, methods=["DELETE"]),
        ]

    async def create_request(self, request: Request) -> Response:
        """Request consent from the person who opens the address in the response."""
        caller, client = await self._authenticate_partner(request)
        wanted = _parse_wanted_consent(await _read_json(request))
        try:
            consent_request = await self._partners.request_consent(client, caller, wanted, get_call(request.scope))
        except NotInContract as refusal:
            raise HttpError(HttpErrorCode.CONSENT_NOT_AGREED, str(refusal)) from None
        except TooManyConsentRequests:
            message = f"{MAX_WAITING} requests of this client wait for an answer. Try again when people have answered."
            raise HttpError(HttpErrorCode.TOO_MANY_WAITING, message, headers={"Retry-After": _RETRY_AFTER}) from None
        except StateUnavailable:
            raise _build_unavailable_error() from None
        body = {
            "id": consent_request.id,
            "url": f"{self._public_url}/consent/{consent_request.id}",
            "answer_by": _format_time(consent_request.answer_by),
        }
        return _build_response(body, 201, {"Location": f"{REQUESTS_PATH}/{consent_request.id}"})

    async def get_request(self, request: Request) -> Response:
        """The state of one of the client's own requests."""
        _, client = await self._authenticate_partner(request)
        try:
            outcome = await self._partners.get_outcome(client, request.path_params["id"])
        except StateUnavailable:
            raise _build_unavailable_error() from None
        if outcome is None:
            raise HttpError(HttpErrorCode.NOT_FOUND, "This client has no request with this id.")
        consent = None if outcome.consent is None else _consent_to_json(outcome.consent)
        return _build_response({**_request_to_json(outcome.request), "consent": consent})

    async def return_consent(self, request: Request) -> Response:
        """Give back a consent that is no longer needed. Can be repeated."""
        _, client = await self._authenticate_partner(request)
        try:
            consent = await self._partners.give_back(client, request.path_params["id"], get_call(request.scope))
        except StateUnavailable:
            raise _build_unavailable_error() from None
        if consent is None:
            raise HttpError(HttpErrorCode.NOT_FOUND, "This client has no consent with this id.")
        return _build_response(_consent_to_json(consent))

    async def _authenticate_partner(self, request: Request) -> tuple[Caller, ClientId]:
        caller = await self._authenticator.authenticate_and_charge(request.scope)
        if caller.kind is CallerKind.ANONYMOUS:
            raise HttpError(
                HttpErrorCode.UNAUTHENTICATED,
                "Only partners can request consent. Send the partner's token as 'Authorization: Bearer ...', once.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if caller.kind is not CallerKind.PARTNER or caller.client is None:
            raise HttpError(
                HttpErrorCode.FORBIDDEN, "Only partners can request consent, with a token of their own application."
            )
        return caller, caller.client


async def _read_json(request: Request) -> Mapping[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise HttpError(
            HttpErrorCode.UNSUPPORTED_MEDIA_TYPE, "The body must be JSON. Send 'Content-Type: application/json'."
        )
    try:
        body = parse_json_object(await request.body(), max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
    except ValueError:
        raise build_bad_request("The body is not a JSON object, or has a duplicate member.") from None
    unknown = sorted(set(body) - _MEMBERS)
    if unknown:
        raise build_bad_request(f"The body has an unknown member. Known members are {', '.join(sorted(_MEMBERS))}.")
    return body


def _parse_wanted_consent(body: Mapping[str, Any]) -> NewConsentRequest:
    scopes, purpose, lasts = body.get("scopes"), body.get("purpose"), body.get("lasts")
    address, state = body.get("redirect_uri"), body.get("state")
    if not isinstance(scopes, list) or not scopes or not all(isinstance(each, str) for each in scopes):
        raise build_bad_request(f"'scopes' must be a list of {', '.join(_SCOPES)}.")
    if len(set(scopes)) != len(scopes) or not set(scopes) <= set(_SCOPES):
        raise build_bad_request(f"'scopes' contains an unknown or duplicate scope. Choose from {', '.join(_SCOPES)}.")
    if not isinstance(purpose, str) or purpose not in Purpose.__members__:
        raise build_bad_request(f"'purpose' must be one of {', '.join(Purpose.__members__)}.")
    if isinstance(lasts, bool) or not isinstance(lasts, int) or lasts < 1:
        raise build_bad_request("'lasts' must be the duration of the consent in days, a whole number of at least 1.")
    if not isinstance(address, str):
        raise build_bad_request("'redirect_uri' must be one of the contract's addresses.")
    if state is not None and not (isinstance(state, str) and _STATE.fullmatch(state)):
        raise build_bad_request("'state' must be at most 500 printable ASCII characters.")
    about = body.get("about", "self")
    if not isinstance(about, str) or about not in _ABOUT:
        raise build_bad_request("'about' must be 'self' or 'child': whose data the person would open.")
    return NewConsentRequest(
        is_about_child=_ABOUT[about],
        scopes=tuple(each for each in Scope if each.value in scopes),
        purpose=Purpose[purpose],
        days=lasts,
        redirect_uri=address,
        state=state,
    )


def _request_to_json(consent_request: PartnerConsentRequest) -> dict[str, Any]:
    return {
        "id": consent_request.id,
        "answer": consent_request.answer.value,
        "about": "child" if consent_request.is_about_child else "self",
        "scopes": [each.value for each in consent_request.scopes],
        "purpose": consent_request.purpose.name,
        "asked_at": _format_time(consent_request.asked_at),
        "answer_by": _format_time(consent_request.answer_by),
    }


def _consent_to_json(consent: PartnerConsent) -> dict[str, Any]:
    return {
        "id": consent.id,
        "state": consent.state.name.lower(),
        "scopes": [each.value for each in consent.scopes],
        "purpose": consent.purpose.name,
        "granted_at": _format_time(consent.granted_at),
        "expires_at": _format_time(consent.expires_at),
    }


def _format_time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _build_unavailable_error() -> HttpError:
    return HttpError(
        HttpErrorCode.CONSENTS_UNAVAILABLE, "Consents cannot be read or changed at the moment. Try again later."
    )


def _build_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - JSON
    always = {"Content-Type": MediaType.JSON.content_type, "Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status, {**always, **(headers or {})})
