"""What happens when the hub itself fails: the caller gets a number, the log gets the rest."""

from __future__ import annotations

import logging
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.story import story
from web.error_answers import refused
from web.refusals import Code, Refusal
from web.request_identity import call_of

_log = logging.getLogger("simpul.incidents")


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
            number = secrets.token_hex(6)
            # Not `exception`: the text of an exception may hold personal data, and `story` leaves it out.
            _log.error(
                "Incident %s in request %s: %s",
                number,
                call_of(scope).request_id,
                story(error, with_messages=self._with_messages),
            )
            if started:
                # Half an answer is on its way: only a broken connection can say that it is not whole.
                raise _BrokenAnswerError(number) from None
            refusal = Refusal(
                Code.INTERNAL, f"The hub failed at this request. Report incident {number} to those who run it."
            )
            await refused(refusal)(scope, receive, send)


class _BrokenAnswerError(Exception):
    """An answer that ended half way; the server closes its connection."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The answer broke off; see incident {number}.")
