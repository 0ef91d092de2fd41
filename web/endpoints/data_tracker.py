"""`/v2/findUsage`, `/v2/usagePeriod`, `/v2/heartbeat`: the Estonian Data Tracker asks who used a person's data.

The interface is RIA's "Andmejälgija kasutusteabe teenus", OpenAPI 2.1.0 (MIT licence). It does not define how a caller
authenticates: here by the token of the one client that the operator named.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.caller import Caller, CallerKind
from records.calls.call import Call
from records.hub.clients import ClientId
from records.hub.usages import Usage, UsagePage, UsageQuery
from records.identifiers import Nik
from web.authentication import RequestAuthenticator
from web.http_errors import HttpError, HttpErrorCode, build_bad_request
from web.middleware.request_identity import get_call

_log = logging.getLogger("simpul.data_tracker")

MAX_USAGES = 1000
"""Usages in one answer; the interface's default."""
_MAX_NUMBER = 2**31 - 1
_USER_CODE = re.compile(r"(?:ID)?([0-9]{16})")
"""A NIK, with or without the country before it, as the interface writes codes (`EE12345678901`)."""
_APPLICATIONS = frozenset({CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM})
"""Kinds of caller that can be the client: the token of a person who signed in by its application names it, too."""


class UsageFinder(Protocol):
    """Reads usages."""

    async def find_usages(self, query: UsageQuery, caller: Caller, call: Call) -> UsagePage:
        """The usages of a person's data."""

    async def get_start(self) -> datetime | None:
        """The time of the first recorded usages."""


class DataTracker:
    """The three endpoints, for one client."""

    def __init__(
        self,
        usages: UsageFinder,
        *,
        client: ClientId,
        authenticator: RequestAuthenticator,
    ) -> None:
        self._usages = usages
        self._client = client
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v2/findUsage", self.find_usage),
            Route("/v2/usagePeriod", self.usage_period),
            Route("/v2/heartbeat", self.heartbeat),
        ]

    async def find_usage(self, request: Request) -> Response:
        """The usages of a person's data, newest first."""
        caller = await self._authenticate_client(request)
        if not request.headers.get("x-road-userid", "").strip():
            raise build_bad_request(
                "The header X-Road-UserId is missing. It names the user, such as 'ID3171014506900001'."
            )
        page = await self._usages.find_usages(_parse_query(request), caller, get_call(request.scope))
        return _build_response({"totalUsages": page.total, "usages": [_usage_to_json(each) for each in page.usages]})

    async def usage_period(self, request: Request) -> Response:
        """The start of the recorded period. It has no end."""
        await self._authenticate_client(request)
        return _build_response({"periodStart": _format_time(await self._usages.get_start() or datetime.now(UTC))})

    async def heartbeat(self, request: Request) -> Response:
        """Whether usages can be read."""
        await self._authenticate_client(request)
        try:
            await self._usages.get_start()
        except Exception as failure:  # noqa: BLE001 - any failure means that usages cannot be read
            _log.warning("The access ledger cannot be read: %s", type(failure).__name__)
            return _build_response({"status": "FAIL", "message": "The access ledger cannot be read."})
        return _build_response({"status": "OK", "message": "The access ledger can be read."})

    async def _authenticate_client(self, request: Request) -> Caller:
        caller = await self._authenticator.authenticate_and_charge(request.scope)
        if caller.client is None:
            raise HttpError(
                HttpErrorCode.UNAUTHENTICATED,
                "Only one client can read usages. Send its token as 'Authorization: Bearer ...', once.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if caller.client != self._client or caller.kind not in _APPLICATIONS:
            raise HttpError(
                HttpErrorCode.FORBIDDEN, "Only another client can read usages. The operators of the hub configure it."
            )
        return caller


def _parse_query(request: Request) -> UsageQuery:
    parameters: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in parameters:
            raise build_bad_request("A parameter is repeated. Send each once.")
        parameters[name] = value
    code = _USER_CODE.fullmatch(parameters.get("userCode", ""))
    if code is None:
        raise build_bad_request("The parameter userCode is not a NIK: send 16 digits, or 'ID' and 16 digits.")
    return UsageQuery(
        subject=Nik(code[1]),
        start=_parse_time(parameters, "periodStart"),
        end=_parse_time(parameters, "periodEnd"),
        offset=_parse_number(parameters, "offset", 0),
        limit=min(_parse_number(parameters, "limit", MAX_USAGES), MAX_USAGES),
    )


def _parse_time(parameters: Mapping[str, str], name: str) -> datetime | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise build_bad_request(f"The parameter {name} is not a time with a zone, such as 2026-11-24T10:20:30Z.")


def _parse_number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > _MAX_NUMBER:
        raise build_bad_request(f"The parameter {name} is not a whole number from 0 to {_MAX_NUMBER}.")
    return int(text)


def _usage_to_json(usage: Usage) -> dict[str, str]:
    return {
        "logtime": _format_time(usage.at),
        "action": usage.action,
        "receiverCode": usage.receiver_code,
        "receiverName": usage.receiver_name,
        "receiverSystem": usage.receiver_system,
    }


def _format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _build_response(body: Any) -> Response:  # noqa: ANN401 - JSON
    return Response(orjson.dumps(body), headers={"Content-Type": "application/json", "Cache-Control": "no-store"})
