"""`/consent/requests` and `/consents/{id}`: partners ask people for consent, and give consents back.

Asking is like a pushed authorization request (RFC 9126): the partner's server posts what it wants, under its own token,
and sends the person's browser to the address it gets. Nothing of the request stands in that address but an id.
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
from auth.strict_json import read_object
from records.asked_consents import AskedConsent, GivenConsent, WantedConsent
from records.clients import ClientId
from records.purposes import Purpose, Scope
from resolvers.partner_consents import NotAgreed, PartnerConsents
from store.consent_requests import MOST_WAITING, TooManyWaiting
from store.unavailable import StateUnavailable
from web.allowances import Allowances
from web.media_types import MediaType
from web.refusals import Code, Refusal
from web.request_headers import RequestHeaders
from web.request_identity import call_of
from web.who_asks import WhoAsks

REQUESTS: Final = "/consent/requests"
_MEMBERS: Final = {"scopes", "purpose", "lasts", "redirect_uri", "state"}
_DEEPEST: Final = 2
_MOST_BRACKETS: Final = 100
_SCOPES: Final = {each.value: each for each in Scope}
_STATE: Final = re.compile(r"[\x20-\x7e]{0,500}")
"""RFC 6749, appendix A.5, of a length that an address can hold."""
_RETRY_AFTER: Final = "60"


class ConsentEndpoints:
    """What partners' servers call."""

    def __init__(
        self, partners: PartnerConsents, *, who_asks: WhoAsks, public_url: str, allowances: Allowances | None = None
    ) -> None:
        """`public_url` is the address by which people's browsers reach the hub; `allowances` say how often who asks."""
        self._partners = partners
        self._who_asks = who_asks
        self._public_url = public_url.rstrip("/")
        self._allowances = allowances

    def routes(self) -> list[Route]:
        """Where they are served."""
        return [
            Route(REQUESTS, self.ask, methods=["POST"]),
            Route(f"{REQUESTS}/{{id}}", self.look, methods=["GET"]),
            Route("/consents/{id}", self.give_back, methods=["DELETE"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask somebody for consent, whoever opens the address that is answered."""
        caller, client = await self._partner(request)
        wanted = _wanted(await _json(request))
        try:
            asked = await self._partners.ask(client, caller, wanted, call_of(request.scope))
        except NotAgreed as refusal:
            raise Refusal(Code.CONSENT_NOT_AGREED, str(refusal)) from None
        except TooManyWaiting:
            message = f"{MOST_WAITING} requests of this client wait for an answer. Ask when people have answered."
            raise Refusal(Code.TOO_MANY_WAITING, message, headers={"Retry-After": _RETRY_AFTER}) from None
        except StateUnavailable:
            raise _unavailable() from None
        body = {"id": asked.id, "url": f"{self._public_url}/consent/{asked.id}", "answer_by": _moment(asked.answer_by)}
        return _answer(body, 201, {"Location": f"{REQUESTS}/{asked.id}"})

    async def look(self, request: Request) -> Response:
        """What became of a request of one's own."""
        _, client = await self._partner(request)
        try:
            outcome = await self._partners.outcome(client, request.path_params["id"])
        except StateUnavailable:
            raise _unavailable() from None
        if outcome is None:
            raise Refusal(Code.NOT_FOUND, "This client made no request of that id.")
        consent = None if outcome.consent is None else _consent(outcome.consent)
        return _answer({**_request(outcome.request), "consent": consent})

    async def give_back(self, request: Request) -> Response:
        """Give a consent back that is no longer needed. Doing it again changes nothing."""
        _, client = await self._partner(request)
        try:
            consent = await self._partners.give_back(client, request.path_params["id"], call_of(request.scope))
        except StateUnavailable:
            raise _unavailable() from None
        if consent is None:
            raise Refusal(Code.NOT_FOUND, "Nobody gave this client a consent of that id.")
        return _answer(_consent(consent))

    async def _partner(self, request: Request) -> tuple[Caller, ClientId]:
        headers = RequestHeaders(request.scope)
        caller = self._who_asks(request.scope, headers)
        if not isinstance(caller, Caller):
            caller = await caller
        allowance = None if self._allowances is None else self._allowances.of(caller, request.scope, headers)
        if allowance is not None and (entering := allowance.enter()) is not None:
            await entering
        if caller.kind is CallerKind.ANONYMOUS:
            raise Refusal(
                Code.UNAUTHENTICATED,
                "Partners alone ask for consent. Send the partner's token as 'Authorization: Bearer ...', once.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if caller.kind is not CallerKind.PARTNER or caller.client is None:
            raise Refusal(Code.FORBIDDEN, "Partners alone ask for consent, with a token of their own application.")
        return caller, caller.client


async def _json(request: Request) -> Mapping[str, Any]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE, "The body must be JSON. Send 'Content-Type: application/json'.")
    try:
        told = read_object(await request.body(), depth=_DEEPEST, brackets=_MOST_BRACKETS)
    except ValueError:
        raise _bad("The body is no JSON object, or has a member twice.") from None
    unknown = sorted(set(told) - _MEMBERS)
    if unknown:
        raise _bad(f"The body has a member that means nothing here. Known are {', '.join(sorted(_MEMBERS))}.")
    return told


def _wanted(told: Mapping[str, Any]) -> WantedConsent:
    scopes, purpose, lasts = told.get("scopes"), told.get("purpose"), told.get("lasts")
    address, state = told.get("redirect_uri"), told.get("state")
    if not isinstance(scopes, list) or not scopes or not all(isinstance(each, str) for each in scopes):
        raise _bad(f"'scopes' must be a list of {', '.join(_SCOPES)}.")
    if len(set(scopes)) != len(scopes) or not set(scopes) <= set(_SCOPES):
        raise _bad(f"'scopes' holds what is no scope of consent, or one twice. Choose of {', '.join(_SCOPES)}.")
    if not isinstance(purpose, str) or purpose not in Purpose.__members__:
        raise _bad(f"'purpose' must be one of {', '.join(Purpose.__members__)}.")
    if isinstance(lasts, bool) or not isinstance(lasts, int) or lasts < 1:
        raise _bad("'lasts' must be how many days the consent is wanted for, a whole number from 1 on.")
    if not isinstance(address, str):
        raise _bad("'redirect_uri' must be one of the contract's addresses.")
    if state is not None and not (isinstance(state, str) and _STATE.fullmatch(state)):
        raise _bad("'state' must be at most 500 printable ASCII characters.")
    return WantedConsent(
        scopes=tuple(each for each in Scope if each.value in scopes),
        purpose=Purpose[purpose],
        days=lasts,
        redirect_uri=address,
        state=state,
    )


def _request(asked: AskedConsent) -> dict[str, Any]:
    return {
        "id": asked.id,
        "answer": asked.answer.value,
        "scopes": [each.value for each in asked.scopes],
        "purpose": asked.purpose.name,
        "asked_at": _moment(asked.asked_at),
        "answer_by": _moment(asked.answer_by),
    }


def _consent(consent: GivenConsent) -> dict[str, Any]:
    return {
        "id": consent.id,
        "state": consent.state.name.lower(),
        "scopes": [each.value for each in consent.scopes],
        "purpose": consent.purpose.name,
        "granted_at": _moment(consent.granted_at),
        "expires_at": _moment(consent.expires_at),
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _bad(message: str) -> Refusal:
    return Refusal(Code.BAD_REQUEST, message)


def _unavailable() -> Refusal:
    return Refusal(Code.CONSENTS_UNAVAILABLE, "Consents cannot be read or changed at the moment. Try again later.")


def _answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - JSON
    always = {"Content-Type": MediaType.JSON.content_type, "Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status, {**always, **(headers or {})})
