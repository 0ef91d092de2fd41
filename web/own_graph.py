"""The hub's own pages as a client of the graph: as whoever signed in, under every rule, recorded like anybody."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.requests import Request

from auth.session import Session
from engine.encoding import encode
from engine.request import GraphQLRequest
from web.allowances import Allowances
from web.graphql_endpoint import Execute
from web.pages import Problem
from web.refusals import Code, Refusal
from web.request_identity import call_of

_LEDGER: Final = "LEDGER_UNAVAILABLE"

Answer = Mapping[str, Any]
"""A response map (GraphQL specification, section 7.1)."""


class OwnGraph:
    """Runs the documents of pages."""

    def __init__(self, execute: Execute, allowances: Allowances | None = None) -> None:
        """Take who runs them, as the hub's own, to which no client is held; and what each person may ask for."""
        self._execute = execute
        self._allowances = allowances

    async def ask(
        self, request: Request, session: Session, document: str, variables: Mapping[str, Any] | None = None
    ) -> Answer:
        """The response map to a document, errors and all, within the request's time.

        Raises `Problem` where the access ledger does not answer, since then there is nothing to be shown; and where the
        person asks too often: it is paid for as if they asked the graph themselves.
        """
        asked, caller = GraphQLRequest(query=document, variables=variables), session.caller
        allowance = None if self._allowances is None else self._allowances.of(caller, request.scope, request.headers)
        try:
            if allowance is not None and (entering := allowance.enter()) is not None:
                await entering
            response = await self._execute(asked, caller, call_of(request.scope), allowance)
        except Refusal as refusal:
            if refusal.code is not Code.RATE_LIMITED:
                raise
            raise Problem("too_often", HTTPStatus.TOO_MANY_REQUESTS, headers=refusal.headers) from None
        answer: Answer = orjson.loads(encode(response))
        if _LEDGER in codes_of(answer):
            raise Problem("ledger_down", HTTPStatus.SERVICE_UNAVAILABLE)
        return answer


def codes_of(answer: Answer) -> list[str]:
    """The code of each error."""
    return [(each.get("extensions") or {}).get("code", "") for each in answer.get("errors", ())]
