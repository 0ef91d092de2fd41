"""`POST /hooks/{agency}`: an agency reports that its data changed, and the hub drops cached answers.

The body is JSON: `{"people": ["NIK", ...]}` for answers about these people, or `{"everything": true}` for all answers
of the agency. Dropping answers twice is harmless, but costs another call to the agency. A repeated call within the
clock tolerance is accepted and ignored.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from time import time
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.crypto.webhook_signatures import CLOCK_TOLERANCE, AgencyHookSecrets, InvalidHookSignature
from auth.tokens.strict_json import parse_json_object
from records.identifiers import Nik
from web.http_errors import HttpError, HttpErrorCode, build_bad_request

MAX_PEOPLE = 1_000
_MAX_SEEN = 10_000
_MAX_DEPTH = 2
_MAX_BRACKETS = 2 * MAX_PEOPLE
_NIK = re.compile(r"[0-9]{16}")


class CacheInvalidator(Protocol):
    """Drops cached answers; returns False if other processes could not be reached."""

    async def invalidate_people(self, people: Sequence[Nik]) -> bool:
        """Drop answers about these people, of any agency."""

    async def invalidate_agency(self, agency: str) -> bool:
        """Drop all answers of an agency."""


class AgencyHooks:
    """The endpoint."""

    def __init__(
        self,
        invalidator: CacheInvalidator,
        secrets: AgencyHookSecrets,
        agencies: Collection[str],
        *,
        now: Callable[[], float] = time,
    ) -> None:
        """`agencies` are those that may send changes; `now` returns seconds since 1970-01-01 UTC."""
        self._invalidator = invalidator
        self._secrets = secrets
        self._agencies = frozenset(agencies)
        self._now = now
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route("/hooks/{agency}", self.handle_change, methods=["POST"])]

    async def handle_change(self, request: Request) -> Response:
        """Drop the answers that changed."""
        agency = request.path_params["agency"]
        body = await request.body()
        if agency not in self._agencies:
            raise HttpError(HttpErrorCode.UNAUTHENTICATED, "This hub accepts no changes from an agency of this name.")
        try:
            call = self._secrets.verify(agency, request.headers, body, now=self._now())
        except InvalidHookSignature as fault:
            raise HttpError(HttpErrorCode.UNAUTHENTICATED, str(fault)) from fault
        change = _parse_change(body)
        if not self._is_repeated(agency, call) and not await self._invalidate(agency, change):
            del self._seen[agency, call]
            raise HttpError(
                HttpErrorCode.HUB_UNAVAILABLE,
                "The change did not reach all processes of the hub. Send the call again.",
                headers={"Retry-After": "5"},
            )
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _invalidate(self, agency: str, change: Mapping[str, Any]) -> bool:
        if change.get("everything"):
            return await self._invalidator.invalidate_agency(agency)
        return await self._invalidator.invalidate_people([Nik(each) for each in change["people"]])

    def _is_repeated(self, agency: str, call: str) -> bool:
        """Whether the call was received before. Records it."""
        now = self._now()
        while self._seen and (
            len(self._seen) >= _MAX_SEEN or next(iter(self._seen.values())) < now - 2 * CLOCK_TOLERANCE
        ):
            self._seen.popitem(last=False)
        is_repeated = (agency, call) in self._seen
        self._seen.setdefault((agency, call), now)
        return is_repeated


def _parse_change(body: bytes) -> Mapping[str, Any]:
    """The change in a body. Raises `HttpError` (BAD_REQUEST), without the NIK in its message."""
    try:
        change = parse_json_object(body, max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
    except ValueError:
        raise build_bad_request("The body is not a JSON object, or has a duplicate member.") from None
    if len(change) != 1 or not set(change) <= {"people", "everything"}:
        raise build_bad_request("The body must hold one member: 'people', a list of NIKs, or 'everything': true.")
    people = change.get("people")
    if people is None:
        if change["everything"] is not True:
            raise build_bad_request("The member 'everything' can only be true.")
        return change
    if not isinstance(people, list) or not 0 < len(people) <= MAX_PEOPLE:
        raise build_bad_request(f"The member 'people' must be a list of 1 to {MAX_PEOPLE} NIKs.")
    if not all(isinstance(each, str) and _NIK.fullmatch(each) for each in people):
        raise build_bad_request("The member 'people' contains an invalid NIK: send strings of 16 digits.")
    return change
