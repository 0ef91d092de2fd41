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

from auth.hook_signatures import TOLERANCE, HookSecrets, Unsigned
from auth.strict_json import read_object
from records.identifiers import Nik
from web.refusals import Code, Refusal

MOST_PEOPLE = 1_000
_MOST_SEEN = 10_000
_DEEPEST = 2
_MOST_BRACKETS = 2 * MOST_PEOPLE
_NIK = re.compile(r"[0-9]{16}")


class Forgets(Protocol):
    """Lets what is kept go away; False where other processes could not be told."""

    async def forget_people(self, people: Sequence[Nik]) -> bool:
        """What is about these people, whoever said it."""

    async def forget_agency(self, agency: str) -> bool:
        """All that an agency said."""


class AgencyHooks:
    """The endpoint."""

    def __init__(
        self, forgets: Forgets, secrets: HookSecrets, agencies: Collection[str], *, now: Callable[[], float] = time
    ) -> None:
        """`agencies` are those that are heard; `now` gives seconds since 1970-01-01 UTC."""
        self._forgets = forgets
        self._secrets = secrets
        self._agencies = frozenset(agencies)
        self._now = now
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def routes(self) -> list[Route]:
        """Where it is served."""
        return [Route("/hooks/{agency}", self.changed, methods=["POST"])]

    async def changed(self, request: Request) -> Response:
        """Let go of what changed."""
        agency = request.path_params["agency"]
        body = await request.body()
        if agency not in self._agencies:
            raise Refusal(Code.UNAUTHENTICATED, "No agency of this name is heard here.")
        try:
            call = self._secrets.check(agency, request.headers, body, now=self._now())
        except Unsigned as fault:
            raise Refusal(Code.UNAUTHENTICATED, str(fault)) from fault
        wanted = _wanted(body)
        if not self._is_again(agency, call) and not await self._forget(agency, wanted):
            del self._seen[agency, call]
            raise Refusal(
                Code.HUB_UNAVAILABLE,
                "Not every process of the hub could be told. Send the call again.",
                headers={"Retry-After": "5"},
            )
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _forget(self, agency: str, wanted: Mapping[str, Any]) -> bool:
        if wanted.get("everything"):
            return await self._forgets.forget_agency(agency)
        return await self._forgets.forget_people([Nik(each) for each in wanted["people"]])

    def _is_again(self, agency: str, call: str) -> bool:
        """Whether the call was heard before; from now on it was."""
        now = self._now()
        while self._seen and (len(self._seen) >= _MOST_SEEN or next(iter(self._seen.values())) < now - 2 * TOLERANCE):
            self._seen.popitem(last=False)
        again = (agency, call) in self._seen
        self._seen.setdefault((agency, call), now)
        return again


def _wanted(body: bytes) -> Mapping[str, Any]:
    """What a body says; raises BAD_REQUEST, and never repeats a number."""
    try:
        told = read_object(body, depth=_DEEPEST, brackets=_MOST_BRACKETS)
    except ValueError:
        raise _bad("The body is no JSON object, or has a member twice.") from None
    if len(told) != 1 or not set(told) <= {"people", "everything"}:
        raise _bad("The body must hold one member: 'people', a list of NIKs, or 'everything': true.")
    people = told.get("people")
    if people is None:
        if told["everything"] is not True:
            raise _bad("The member 'everything' can only be true.")
        return told
    if not isinstance(people, list) or not 0 < len(people) <= MOST_PEOPLE:
        raise _bad(f"The member 'people' must be a list of 1 to {MOST_PEOPLE} NIKs.")
    if not all(isinstance(each, str) and _NIK.fullmatch(each) for each in people):
        raise _bad("The member 'people' holds something that is no NIK: 16 digits, as text.")
    return told


def _bad(message: str) -> Refusal:
    return Refusal(Code.BAD_REQUEST, message)
