"""Calls to partners' own addresses, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Final, Protocol

from connectors.drivers.http import HttpDriver
from records.call import Call
from records.failures import AgencyFailure
from records.spans import Span, code_of

_LARGEST: Final = 64 * 1024
"""Bytes of an answer, which nobody reads."""
_SUCCESS: Final = range(200, 300)
_GONE: Final = 410


class Traces(Protocol):
    """Begins what no request waits for."""

    def begin(self, name: str) -> Span | None:
        """A trace of its own, where any are collected."""


class WebhookSender:
    """Sends calls, each over a connection of its own: partners are many, and called seldom."""

    def __init__(self, *, patience: float, traces: Traces | None = None) -> None:
        """`patience` is how many seconds a partner may take; `traces` collects what is told of each call."""
        self._patience = patience
        self._traces = traces

    async def send(self, address: str, body: bytes, headers: Mapping[str, str]) -> str | None:
        """Send one call. What went wrong, in words that name no host; None where the partner took it (2xx).

        No redirect is followed, and nothing of the answer is kept.
        """
        driver = HttpDriver(
            "a partner's webhook",
            address,
            headers={"Content-Type": "application/json", "Accept": "*/*"},
            deadline=self._patience,
            connections=1,
            max_bytes=_LARGEST,
        )
        span = None if self._traces is None else self._traces.begin("tell a partner")
        call = Call(deadline=monotonic() + self._patience, request_id=headers["webhook-id"], span=span)
        code: str | None = "CANCELLED"
        try:
            reply = await driver.send("POST", "", call, body=body, headers=headers)
            code = None if reply.status in _SUCCESS else str(reply.status)
        except AgencyFailure as failure:
            code = code_of(failure)
            return f"{failure.code}: {failure.detail}"
        finally:
            if span is not None:
                span.end(code)
            await driver.close()
        return None if code is None else f"HTTP {code}"

    @staticmethod
    def is_final(failure: str) -> bool:
        """Whether the partner said that it wants no calls any more (410 Gone)."""
        return failure == f"HTTP {_GONE}"
