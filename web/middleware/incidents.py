"""What happens when the hub itself fails: the caller gets a number, the log gets the rest."""

from __future__ import annotations

import logging
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.safe_traceback import safe_traceback
from web.http_error_responses import build_error_response
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.request_identity import get_call

_log = logging.getLogger("simpul.incidents")


class BrokenResponseError(Exception):
    """An answer that ended half way; the server closes its connection."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The answer broke off; see incident {number}.")


def report_incident(error: Exception, request_id: str, *, has_started: bool, with_messages: bool) -> HttpError:
    """Log a fault of the hub under a number, and give the answer that tells the caller that number.

    Args:
        error: What nobody expected.
        request_id: Which request it ended.
        answering: Whether an answer is on its way already.
        with_messages: Whether the log gets the texts of exceptions, which may hold personal data.

    Raises:
        BrokenResponseError: Half an answer is on its way: only a broken connection can say that it is not whole.

    """
    number = log_incident(error, request_id, with_messages=with_messages)
    if has_started:
        raise BrokenResponseError(number) from None
    return HttpError(
        HttpErrorCode.INTERNAL, f"The hub failed at this request. Report incident {number} to those who run it."
    )


def log_incident(error: Exception, request_id: str, *, with_messages: bool) -> str:
    """Log a fault of the hub; the number that it is logged under. Arguments as for `report_incident`."""
    number = secrets.token_hex(6)
    # Not `exception`: the text of an exception may hold personal data, and `safe_traceback` leaves it out.
    traceback_text, extra = (
        safe_traceback(error, with_messages=with_messages),
        {"request_id": request_id, "incident": number},
    )
    _log.error("Incident %s in request %s: %s", number, request_id, traceback_text, extra=extra)
    return number


class Incidents:
    """ASGI middleware: an unexpected exception is logged under a number and answered with 500 and that number."""

    def __init__(self, app: ASGIApp, *, with_messages: bool) -> None:
        self._app = app
        self._with_messages = with_messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, whatever happens inside."""
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
        except Exception as error:  # noqa: BLE001 - the place where every fault of the hub ends
            request_id = get_call(scope).request_id
            refusal = report_incident(error, request_id, has_started=started, with_messages=self._with_messages)
            await build_error_response(refusal)(scope, receive, send)
