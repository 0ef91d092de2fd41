"""Answers requests for public data without the endpoint's stages, if equal ones came before.

An app sends the same request for a public page from each device, so most such requests find an answer that is kept
(`engine/sharing/kept_answers.py`) or pending (`engine/sharing/single_flight.py`), and wait for it without a task.
Otherwise a task runs the operation. Limits, counters and the log line are all that is left to do besides, and none of
that waits. The stages of the endpoint, with their task, future and watch of the client, take twice as many calls.

Requests that get one answer in one turn of the event loop are sent, counted and logged together, after a common check.
One by one, that took 21 calls of Python functions for each of them; together, it takes 5.

Everything else is served by the endpoint: requests with a token, under overload, with limits in a shared store, with
traces, and the first ones of their kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from math import inf
from operator import attrgetter
from time import monotonic
from typing import Final, NamedTuple

from starlette.types import Scope

from auth.caller import ANONYMOUS
from engine.cost_budgets import NO_BUDGET
from engine.document.limits import TooLarge
from engine.event_loop import start_task
from engine.execution.response_building import build_too_large_response
from engine.plan.operation_cache import SharedOperation
from engine.request import GraphQLRequest, GraphQLResponse
from engine.sharing.shared_answers import SharedAnswers, check_impersonal
from engine.sharing.single_flight import SharedRun
from records.calls.call import Call
from telemetry.current_request import enter_request
from web.graphql.known_bodies import KnownBodies
from web.graphql.known_headers import READ_HEADERS, KnownHeader, KnownHeaders
from web.graphql.media_types import MediaType
from web.graphql.responses import EndpointResponse, ResponseBuilder, build_refused_response
from web.graphql.served_requests import ServedRequests
from web.http_errors import HttpError
from web.middleware.incidents import report_incident
from web.middleware.request_identity import choose_request_id, generate_request_ids
from web.middleware.request_log import EndedRequest
from web.middleware.request_spans import NoRequestSpans
from web.rate_limits.caller_limiter import CallerLimits
from web.request_headers import RequestHeaders
from web.server.client_disconnect import ClientDisconnected, WorkTimedOut
from web.server.single_write_response import WholeExchange
from web.web_parts import WebParts

PATH: Final = "/graphql"
_IMPERSONAL_HEADERS: Final = READ_HEADERS | {"accept-encoding", "connection", "content-length", "user-agent"}
"""Headers that contain no token and nothing about a person, and that a client repeats."""
_NO_HEADERS: Final = RequestHeaders({"type": "http", "headers": []})
"""For the response to requests whose headers decide nothing but its media type."""


class RequestKnowledge(NamedTuple):
    """What is known of the head of an anonymous request that passed the checks."""

    headers: RequestHeaders
    known: KnownHeader
    offered_id: str | None
    """The id that the client gave to its request."""


class RepeatedRequests:
    """The requests of one hub that are served without the endpoint."""

    def __init__(
        self,
        parts: WebParts,
        served_requests: ServedRequests,
        known_headers: KnownHeaders,
        known_bodies: KnownBodies,
        responses: ResponseBuilder,
    ) -> None:
        """Shares with the endpoint what is known, counted and logged."""
        settings = parts.settings
        is_traced = not isinstance(parts.request_spans, NoRequestSpans)
        self.answers = SharedAnswers.without_engine() if is_traced else parts.shared_answers
        self.responses = responses
        self.served_requests = served_requests
        self.with_messages = settings.development
        self._known_headers = known_headers
        self._known_bodies = known_bodies
        self._execute = parts.execute
        self._runs: set[asyncio.Task[None]] = set()
        """Referred to until they end, because the event loop does not."""
        self._load_shedder = parts.load_shedder
        self._caller_limiter = parts.caller_limiter
        self._overrun_grace = settings.overrun_grace
        # With any of these headers, the endpoint serves a request.
        self._endpoint_headers = ("authorization", settings.certificate_header or "authorization") + (
            ("origin",) if settings.origins else ()  # CORS headers are added by a middleware
        )
        self._latest: tuple[GraphQLResponse | None, EndpointResponse | None] = None, None
        """The answer that was sent last, and its response."""
        self._ready: dict[int, list[_WaitingRequest]] = {}
        """Requests of this turn of the event loop whose answer was kept, by the identity of the answer."""
        self.waiting: dict[_WaitingRequest, float] = {}
        """Requests that wait for an answer, with their last moments on the clock of `time.monotonic`."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._new_ids = generate_request_ids()

    def answer(self, scope: Scope, body: bytes, exchange: WholeExchange) -> bool:
        """Answer the request now or later; False, with no effect, if the endpoint has to serve it."""
        # 1. What came before: body, head and operation.
        request = self._known_bodies.find(body)
        if request is None:
            return False
        knowledge = exchange.knowledge
        if not isinstance(knowledge, RequestKnowledge):
            knowledge = self._learn(scope, exchange)
        operation = None if knowledge is None else self.answers.find_operation(request)
        if knowledge is None or operation is None:
            return False
        # 2. An answer that is kept or pending.
        began = monotonic()
        last_moment = began + knowledge.known.timeout
        answer = self.answers.find(operation, last_moment)
        # 3. Limits and capacity, if neither has to wait.
        limiter, key = self._caller_limiter, exchange.memory
        if not isinstance(key, str):
            exchange.memory = key = limiter.find_address_key(scope, knowledge.headers)
        caller_limits = limiter.for_address_key(key)
        if not caller_limits.is_local:
            return False
        if not self._load_shedder.enter(began):
            self._load_shedder.leave(was_admitted=False)  # the endpoint asks admission control
            return False
        # 4. From here on, the request is served here.
        self.served_requests.begin()
        waiting = _WaitingRequest(self, exchange, knowledge, caller_limits, operation, began=began)
        if caller_limits.pay(operation.points) or waiting.pay_each():
            if answer is None:
                self._start_run(waiting, request, last_moment)
            elif isinstance(answer, SharedRun):
                self._let_wait(waiting, answer, last_moment + self._overrun_grace)
            else:
                self._answer_at_end_of_turn(waiting, answer)
        return True

    def _answer_at_end_of_turn(self, waiting: _WaitingRequest, answer: GraphQLResponse) -> None:
        """Send the answer with those of other requests of this turn. All of them leave at its end in any case."""
        waiting.limit_lines = waiting.caller_limits.build_header_lines()  # before the next one pays
        requests = self._ready.get(id(answer))
        if requests is None:
            requests = self._ready[id(answer)] = []
            asyncio.get_running_loop().call_soon(self._answer_ready, answer, requests)
        requests.append(waiting)

    def _answer_ready(self, answer: GraphQLResponse, requests: Sequence[_WaitingRequest]) -> None:
        del self._ready[id(answer)]
        self.answers.record_kept(len(requests))
        self.answer_all(requests, requests[0].operation, answer)

    def answer_all(
        self, requests: Iterable[_WaitingRequest], operation: SharedOperation, answer: GraphQLResponse
    ) -> None:
        """Send an answer to all requests for it. What is equal for them is done once, and they are counted together."""
        for media_type, group in groupby(requests, attrgetter("knowledge.known.media_type")):
            self._answer_group(group, operation, answer, media_type)

    def _answer_group(
        self,
        requests: Iterable[_WaitingRequest],
        operation: SharedOperation,
        answer: GraphQLResponse,
        media_type: MediaType,
    ) -> None:
        try:
            check_impersonal(answer)
            response = self._build_response(answer, media_type)
        except Exception as error:  # noqa: BLE001 - the handler of all unexpected errors
            for each in requests:
                each.report_incident(error)
        else:
            self.answers.report(operation, answer, self.send_to_all(requests, response))

    def send_to_all(
        self, requests: Iterable[_WaitingRequest], response: EndpointResponse, *, with_limits: bool = True
    ) -> Sequence[float]:
        """Send a response to requests, count them out, and log them.

        Returns:
            Their durations in seconds. They end together: what a turn of the event loop writes leaves at its end.

        """
        responses = self.responses
        limits: CallerLimits | None = None
        ended: list[EndedRequest] = []
        for each in requests:
            exchange = each.exchange
            each.is_ended = True
            if each.leave is not None:
                each.leave = exchange.on_disconnect = None
                self.waiting.pop(each, None)
            if with_limits and each.limit_lines:
                response.rate_limit_lines = each.limit_lines
            elif with_limits and each.caller_limits is not limits:  # nobody pays until the end of this loop
                limits = each.caller_limits
                response.rate_limit_lines = limits.build_header_lines()
            if (request_id := each.request_id) is None:
                offered_id = each.knowledge.offered_id
                request_id = next(self._new_ids) if offered_id is None else choose_request_id(offered_id)
            if not responses.write(response, request_id, exchange):
                exchange.send_in_pieces(partial(responses.send, replace(response), request_id))
            ended.append((request_id, each.began))
        return self.served_requests.end(ended, method="POST", status=response.status)

    def _build_response(self, answer: GraphQLResponse, media_type: MediaType) -> EndpointResponse:
        """The response to one request, but for its limits and id. The next request with this answer gets it, too."""
        built_for, response = self._latest
        if response is None or built_for is not answer or response.media_type is not media_type:
            response = self.responses.build(answer, ANONYMOUS, _NO_HEADERS, media_type, by_get=False)
            self._latest = answer, response
        return response

    def _learn(self, scope: Scope, exchange: WholeExchange) -> RequestKnowledge | None:
        """What is known of a head; None if the request may not be anonymous, or if its checks are not known to pass."""
        headers = RequestHeaders(scope)
        if scope["path"] != PATH or any(each in headers for each in self._endpoint_headers):
            return None
        known = self._known_headers.find(scope)
        if known is None or known.max_age < inf:
            return None
        knowledge = RequestKnowledge(headers, known, headers.get("x-request-id"))
        is_impersonal = all(name.decode("latin-1") in _IMPERSONAL_HEADERS for name, _ in scope["headers"])
        if is_impersonal and not scope["query_string"]:  # a query string could hold a token
            exchange.knowledge = knowledge
        return knowledge

    def _let_wait(self, waiting: _WaitingRequest, pending: SharedRun[GraphQLResponse], last_moment: float) -> None:
        """Let it wait for an answer, until its client disconnects or its last moment has come."""
        waiting.leave = partial(self.answers.pending.leave, pending, waiting)
        self.answers.pending.wait(pending, waiting)
        if not waiting.is_ended:
            self._watch(waiting, last_moment)

    def _watch(self, waiting: _WaitingRequest, last_moment: float) -> None:
        """Notice when its client disconnects, or its last moment has come.

        One timer serves all, and is not set again while it is early enough.
        """
        waiting.exchange.on_disconnect = waiting.disconnect
        self.waiting[waiting] = last_moment
        if last_moment < self._timer_at:
            self._set_timer(last_moment)

    def _start_run(self, waiting: _WaitingRequest, request: GraphQLRequest, deadline: float) -> None:
        """Run the operation for this request. Equal requests join it, if runs are shared."""
        knowledge = waiting.knowledge
        waiting.request_id = request_id = choose_request_id(knowledge.offered_id)
        call = Call(deadline=deadline, request_id=request_id, language=knowledge.known.language)
        work = self._run(waiting, request, call)
        # To start it within the read costs a tenth more with 64 connections, because parser and application then take
        # turns. It pays if others can join it in this turn.
        can_be_joined = waiting.operation.key is not None
        task = start_task(work) if can_be_joined else asyncio.get_running_loop().create_task(work)
        if not task.done():
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
            waiting.leave = task.cancel
            self._watch(waiting, deadline + self._overrun_grace)

    async def _run(self, waiting: _WaitingRequest, request: GraphQLRequest, call: Call) -> None:
        media_type = waiting.knowledge.known.media_type
        current_request = enter_request(call)
        try:
            try:
                answer = await self._execute(request, ANONYMOUS, call, NO_BUDGET)
                finish = partial(waiting.finish, self._build_response(answer, media_type))
            except HttpError as refusal:
                finish = partial(waiting.finish, build_refused_response(refusal, media_type))
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the handler of all unexpected errors
                finish = partial(waiting.fail, error)
            if not waiting.is_ended:  # its time was not over, and its client is there
                finish()
        finally:
            current_request.end()

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later(max(at - monotonic(), 0), self._time_out)

    def _time_out(self) -> None:
        self._timer, self._timer_at = None, inf
        now = monotonic()
        for waiting in [each for each, last_moment in self.waiting.items() if last_moment <= now]:
            waiting.time_out()
        if self.waiting:
            self._set_timer(min(self.waiting.values()))


class _WaitingRequest:
    """One request from its admission to its response: it receives the shared answer."""

    __slots__ = (
        "_owner",
        "began",
        "caller_limits",
        "exchange",
        "is_ended",
        "knowledge",
        "leave",
        "limit_lines",
        "operation",
        "request_id",
    )

    def __init__(
        self,
        owner: RepeatedRequests,
        exchange: WholeExchange,
        knowledge: RequestKnowledge,
        caller_limits: CallerLimits,
        operation: SharedOperation,
        *,
        began: float,
    ) -> None:
        self._owner = owner
        self.exchange = exchange
        self.knowledge = knowledge
        self.caller_limits = caller_limits
        self.operation = operation
        self.began = began
        self.request_id: str | None = None
        """Chosen with its response, or with the number of an incident."""
        self.limit_lines = b""
        """The header lines with its caller's limits, if they are not those of the moment of its response."""
        self.leave: Callable[[], object] | None = None
        """Ends its wait; None before it waits, and once it is answered."""
        self.is_ended = False
        """Whether its response was sent: its exchange may serve the next request already."""

    def pay_each(self) -> bool:
        """Count the request and its cost one by one; False if it exceeds a limit of its caller, and was refused."""
        try:
            self.caller_limits.take_request()
            self.caller_limits.spend(self.operation.points)
        except HttpError as refusal:
            self.finish(build_refused_response(refusal, self.knowledge.known.media_type))
        except TooLarge as refusal:
            self.receive(build_too_large_response(refusal))
        except Exception as error:  # noqa: BLE001 - the handler of all unexpected errors
            self.fail(error)
        else:
            return True
        return False

    def receive(self, answer: GraphQLResponse) -> None:
        """Send an answer to this request alone."""
        self._owner.answer_all((self,), self.operation, answer)

    def receive_all(self, receivers: Iterable[_WaitingRequest], answer: GraphQLResponse) -> None:
        """Send the answer to these requests, which wait for it."""
        self._owner.answer_all(receivers, self.operation, answer)

    def fail(self, failure: BaseException) -> None:
        """Send the number of an incident: the run failed unexpectedly, or was cancelled by the end of the hub."""
        error = failure if isinstance(failure, Exception) else RuntimeError("The shared run was cancelled.")
        self.report_incident(error)

    def report_incident(self, error: Exception) -> None:
        """Log it, and send its number, without the limits as after any unexpected error."""
        self.request_id = choose_request_id(self.knowledge.offered_id)
        refusal = report_incident(error, self.request_id, has_started=False, with_messages=self._owner.with_messages)
        self.finish(build_refused_response(refusal, MediaType.JSON), with_limits=False)

    def time_out(self) -> None:
        """Answer that the time is over."""
        self._leave(WorkTimedOut())

    def disconnect(self) -> None:
        """Stop waiting, because the client has gone."""
        self._leave(ClientDisconnected())

    def _leave(self, end: WorkTimedOut | ClientDisconnected) -> None:
        if self.leave is not None:
            self.leave()
        knowledge = self.knowledge
        self.finish(self._owner.responses.build_ended(end, knowledge.headers, knowledge.known.media_type))

    def finish(self, response: EndpointResponse, *, with_limits: bool = True) -> None:
        self._owner.send_to_all((self,), response, with_limits=with_limits)
