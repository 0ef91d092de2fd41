"""`/v2/findUsage`, `/v2/usagePeriod`, `/v2/heartbeat`: the Estonian Data Tracker asks who used a person's data.

The interface is RIA's "Andmejälgija kasutusteabe teenus", OpenAPI 2.1.0 (MIT licence). It leaves open how a caller
proves itself: here by the token of the one client that the operator named.
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
from records.call import Call
from records.clients import ClientId
from records.identifiers import Nik
from records.usages import Usage, UsagePage, UsageQuery
from web.allowances import Allowances
from web.refusals import Code, Refusal
from web.request_headers import RequestHeaders
from web.request_identity import call_of
from web.who_asks import WhoAsks

_log = logging.getLogger("simpul.data_tracker")

MOST = 1000
"""Usages in one answer; the interface's own default."""
_LARGEST = 2**31 - 1
_USER_CODE = re.compile(r"(?:ID)?([0-9]{16})")
"""A NIK, with or without the country before it, as the interface writes codes (`EE12345678901`)."""
_APPLICATIONS = frozenset({CallerKind.PARTNER, CallerKind.AGENCY_SYSTEM})
"""Who can be the client itself: the token of a person who signed in by its application names it, too."""


class FindsUsages(Protocol):
    """Who knows the usages."""

    async def find(self, query: UsageQuery, caller: Caller, call: Call) -> UsagePage:
        """Who used a person's data."""

    async def since(self) -> datetime | None:
        """Since when usages are kept."""


class DataTracker:
    """The three endpoints, for one client."""

    def __init__(
        self, usages: FindsUsages, *, client: ClientId, who_asks: WhoAsks, allowances: Allowances | None = None
    ) -> None:
        self._usages = usages
        self._client = client
        self._who_asks = who_asks
        self._allowances = allowances

    def routes(self) -> list[Route]:
        """Where they are served."""
        return [
            Route("/v2/findUsage", self.find_usage),
            Route("/v2/usagePeriod", self.usage_period),
            Route("/v2/heartbeat", self.heartbeat),
        ]

    async def find_usage(self, request: Request) -> Response:
        """Who used a person's data, newest first."""
        caller = await self._checked(request)
        if not request.headers.get("x-road-userid", "").strip():
            raise _bad("The header X-Road-UserId is missing. It names who looks, such as 'ID3171014506900001'.")
        page = await self._usages.find(_query_of(request), caller, call_of(request.scope))
        return _answer({"totalUsages": page.total, "usages": [_usage(each) for each in page.usages]})

    async def usage_period(self, request: Request) -> Response:
        """Since when usages are kept. There is no end: it goes on until now."""
        await self._checked(request)
        return _answer({"periodStart": _moment(await self._usages.since() or datetime.now(UTC))})

    async def heartbeat(self, request: Request) -> Response:
        """Whether usages can be asked for."""
        await self._checked(request)
        try:
            await self._usages.since()
        except Exception as failure:  # noqa: BLE001 - whatever it is, the answer is that it does not work
            _log.warning("The access ledger cannot be read: %s", type(failure).__name__)
            return _answer({"status": "FAIL", "message": "The access ledger cannot be read."})
        return _answer({"status": "OK", "message": "The access ledger can be read."})

    async def _checked(self, request: Request) -> Caller:
        headers = RequestHeaders(request.scope)
        caller = self._who_asks(request.scope, headers)
        if not isinstance(caller, Caller):
            caller = await caller
        allowance = None if self._allowances is None else self._allowances.of(caller, request.scope, headers)
        if allowance is not None and (entering := allowance.enter()) is not None:
            await entering
        if caller.client is None:
            raise Refusal(
                Code.UNAUTHENTICATED,
                "Usages are told to one client only. Send its token as 'Authorization: Bearer ...', once.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if caller.client != self._client or caller.kind not in _APPLICATIONS:
            raise Refusal(Code.FORBIDDEN, "Usages are told to another client. The operators of the hub name it.")
        return caller


def _query_of(request: Request) -> UsageQuery:
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise _bad("A parameter comes more than once. Send each once.")
        given[name] = value
    code = _USER_CODE.fullmatch(given.get("userCode", ""))
    if code is None:
        raise _bad("The parameter userCode is no NIK: 16 digits, or 'ID' and 16 digits.")
    return UsageQuery(
        subject=Nik(code[1]),
        start=_time(given, "periodStart"),
        end=_time(given, "periodEnd"),
        offset=_number(given, "offset", 0),
        limit=min(_number(given, "limit", MOST), MOST),
    )


def _time(given: Mapping[str, str], name: str) -> datetime | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _bad(f"The parameter {name} is no moment with its zone, such as 2026-11-24T10:20:30Z.")


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > _LARGEST:
        raise _bad(f"The parameter {name} is no whole number from 0 to {_LARGEST}.")
    return int(text)


def _usage(usage: Usage) -> dict[str, str]:
    return {
        "logtime": _moment(usage.at),
        "action": usage.action,
        "receiverCode": usage.receiver_code,
        "receiverName": usage.receiver_name,
        "receiverSystem": usage.receiver_system,
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _bad(message: str) -> Refusal:
    return Refusal(Code.BAD_REQUEST, message)


def _answer(body: Any) -> Response:  # noqa: ANN401 - JSON
    return Response(orjson.dumps(body), headers={"Content-Type": "application/json", "Cache-Control": "no-store"})
