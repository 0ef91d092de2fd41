"""The hub's own pages as a client of the graph: as the signed-in person, under every rule, and recorded like any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.requests import Request

from auth.oidc.page_session import SignedInSession
from engine.request import GraphQLRequest
from engine.response_encoding import encode
from web.graphql.execute import Execute
from web.http_errors import HttpError, HttpErrorCode
from web.languages import get_page_language
from web.middleware.request_identity import get_call
from web.pages.page_renderer import PageProblem
from web.rate_limits.caller_limiter import NO_LIMITER, CallerLimiter, charge_request

_LEDGER_UNAVAILABLE: Final = "LEDGER_UNAVAILABLE"

ResponseMap = Mapping[str, Any]
"""A response map (GraphQL specification, section 7.1)."""


class InternalClient:
    """Runs the documents of pages."""

    def __init__(self, execute: Execute, caller_limiter: CallerLimiter = NO_LIMITER) -> None:
        """Takes the executor of the hub's own documents, to which no contract applies, and each person's limits."""
        self._execute = execute
        self._caller_limiter = caller_limiter

    async def execute(
        self, request: Request, session: SignedInSession, document: str, variables: Mapping[str, Any] | None = None
    ) -> ResponseMap:
        """Run a document; returns its response map, including errors, within the request's time.

        Raises `PageProblem` if the access ledger does not answer, because nothing may be shown then; and if the person
        exceeds their limits: a page costs as much as the same query to the graph.
        """
        graphql_request, caller = GraphQLRequest(query=document, variables=variables), session.caller
        caller_limits = self._caller_limiter.for_caller(caller, request.scope, request.headers)
        try:
            await charge_request(caller_limits)
            call = replace(get_call(request.scope), language=get_page_language(request))
            response = await self._execute(graphql_request, caller, call, caller_limits)
        except HttpError as refusal:
            if refusal.code is not HttpErrorCode.RATE_LIMITED:
                raise
            raise PageProblem("too_often", HTTPStatus.TOO_MANY_REQUESTS, headers=refusal.headers) from None
        answer: ResponseMap = orjson.loads(encode(response))
        if _LEDGER_UNAVAILABLE in get_error_codes(answer):
            raise PageProblem("ledger_down", HTTPStatus.SERVICE_UNAVAILABLE)
        return answer


def get_error_codes(answer: ResponseMap) -> list[str]:
    """The code of each error."""
    return [(each.get("extensions") or {}).get("code", "") for each in answer.get("errors", ())]
