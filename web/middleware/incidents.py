"""Unexpected errors of the hub: the caller gets the number of the incident, the log gets the traceback."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import create_incident_number
from engine.safe_traceback import safe_traceback
from web.http_error_responses import build_error_response
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.request_identity import get_call

_log = logging.getLogger("simpul.incidents")


class BrokenResponseError(Exception):
    """A response that ended halfway; the server closes its connection."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The response was cut off; see incident {number}.")


def report_incident(error: Exception, request_id: str, *, has_started: bool, with_messages: bool) -> HttpError:
    """Log an unexpected error under a number, and return the error response with that number.

    Args:
        error: The unexpected error.
        request_id: The id of the request.
        has_started: Whether the response has begun.
        with_messages: Whether the log contains the texts of exceptions, which may contain personal data.

    Raises:
        BrokenResponseError: The response has begun, so only a broken connection shows that it is incomplete.

    """
    number = log_incident(error, request_id, with_messages=with_messages)
    if has_started:
        raise BrokenResponseError(number) from None
    return HttpError(
        HttpErrorCode.INTERNAL, f"The hub failed at this request. Report incident {number} to its operators."
    )


def log_incident(error: Exception, request_id: str, *, with_messages: bool) -> str:
    """Log an unexpected error, and return its number. Arguments as for `report_incident`."""
    number = create_incident_number()
    # Not `exception`: the text of an exception may hold personal data, and `safe_traceback` leaves it out.
    traceback_text, extra = (
        safe_traceback(error, with_messages=with_messages),
        {"request_id": request_id, "incident": number},
    )
    _log.error("Incident %s in request %s: %s", number, request_id, traceback_text, extra=extra)
    return number


class Incidents:
    """ASGI middleware: logs an unexpected exception under a number, and answers 500 with that number."""

    def __init__(self, app: ASGIApp, *, with_messages: bool) -> None:
        self._app = app
        self._with_messages = with_messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and handle unexpected errors."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:  # noqa: BLE001 - the handler of all unexpected errors
            request_id = get_call(scope).request_id
            refusal = report_incident(error, request_id, has_started=started, with_messages=self._with_messages)
            await build_error_response(refusal)(scope, receive, send)
