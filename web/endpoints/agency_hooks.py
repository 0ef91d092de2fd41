"""`POST /hooks/{agency}`: an agency says that something changed, and what is kept of it goes away.

The body is JSON: `{"people": ["NIK", ...]}` for what is about these people, or `{"everything": true}` for all that the
agency said. Who is told twice does the same again, which costs a question and changes nothing; so a call that is sent
again within the tolerance is answered and does nothing.
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
    """Lets what is kept go away; False where other processes could not be told."""

    async def invalidate_people(self, people: Sequence[Nik]) -> bool:
        """What is about these people, whoever said it."""

    async def invalidate_agency(self, agency: str) -> bool:
        """All that an agency said."""


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
        """`agencies` are those that are heard; `now` gives seconds since 1970-01-01 UTC."""
        self._invalidator = invalidator
        self._secrets = secrets
        self._agencies = frozenset(agencies)
        self._now = now
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def routes(self) -> list[Route]:
        """Where it is served."""
        return [Route("/hooks/{agency}", self.handle_change, methods=["POST"])]

    async def handle_change(self, request: Request) -> Response:
        """Let go of what changed."""
        agency = request.path_params["agency"]
        body = await request.body()
        if agency not in self._agencies:
            raise HttpError(HttpErrorCode.UNAUTHENTICATED, "No agency of this name is heard here.")
        try:
            call = self._secrets.verify(agency, request.headers, body, now=self._now())
        except InvalidHookSignature as fault:
            raise HttpError(HttpErrorCode.UNAUTHENTICATED, str(fault)) from fault
        change = _parse_change(body)
        if not self._is_repeated(agency, call) and not await self._invalidate(agency, change):
            del self._seen[agency, call]
            raise HttpError(
                HttpErrorCode.HUB_UNAVAILABLE,
                "Not every process of the hub could be told. Send the call again.",
                headers={"Retry-After": "5"},
            )
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _invalidate(self, agency: str, change: Mapping[str, Any]) -> bool:
        if change.get("everything"):
            return await self._invalidator.invalidate_agency(agency)
        return await self._invalidator.invalidate_people([Nik(each) for each in change["people"]])

    def _is_repeated(self, agency: str, call: str) -> bool:
        """Whether the call was heard before; from now on it was."""
        now = self._now()
        while self._seen and (
            len(self._seen) >= _MAX_SEEN or next(iter(self._seen.values())) < now - 2 * CLOCK_TOLERANCE
        ):
            self._seen.popitem(last=False)
        is_repeated = (agency, call) in self._seen
        self._seen.setdefault((agency, call), now)
        return is_repeated


def _parse_change(body: bytes) -> Mapping[str, Any]:
    """What a body says; raises BAD_REQUEST, and never repeats a number."""
    try:
        change = parse_json_object(body, max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
    except ValueError:
        raise build_bad_request("The body is no JSON object, or has a member twice.") from None
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
        raise build_bad_request("The member 'people' holds something that is no NIK: 16 digits, as text.")
    return change
