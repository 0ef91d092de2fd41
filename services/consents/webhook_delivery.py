"""Delivers webhooks about requests and consents to partners, with retries.

A failed call is retried after 10 seconds, then after growing pauses of at most 6 hours. After three days it is given
up. It stays in the outbox, and the partner can still query the outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import uniform
from time import time
from typing import Protocol

from auth.crypto.webhook_signatures import WebhookSignatures
from connectors.webhooks import WebhookSender
from records.hub.clients import ClientId
from records.hub.operations import ClientContract
from records.hub.partner_addresses import is_development_address
from records.hub.webhooks import WebhookCall
from store.consents.webhook_outbox import WebhookOutbox

BATCH_SIZE = 20
"""Calls that run concurrently."""
LEASE = timedelta(minutes=1)
"""Lease of a claimed call, longer than a partner's answer may take."""
FIRST_PAUSE, MAX_PAUSE, PAUSE_FACTOR = timedelta(seconds=10), timedelta(hours=6), 4
GIVEN_UP_AFTER = timedelta(days=3)


class Contracts(Protocol):
    """Looks up the contracts of clients."""

    async def load_contract(self, client: ClientId) -> ClientContract | None:
        """The current contract of one client."""


class WebhookDelivery:
    """Delivers the calls in the outbox."""

    def __init__(
        self,
        outbox: WebhookOutbox,
        contracts: Contracts,
        signatures: WebhookSignatures,
        sender: WebhookSender,
        *,
        development: bool,
    ) -> None:
        """Loopback addresses are called in `development` only."""
        self._outbox = outbox
        self._contracts = contracts
        self._signatures = signatures
        self._sender = sender
        self._development = development

    async def wait(self, seconds: float) -> None:
        """Wait until a call is announced, at most for some seconds."""
        await self._outbox.wait(seconds)

    async def deliver(self) -> int:
        """Make the calls that are due; returns how many."""
        due = await self._outbox.claim(BATCH_SIZE, lease=LEASE)
        await asyncio.gather(*(self._deliver(call) for call in due))
        return len(due)

    async def _deliver(self, call: WebhookCall) -> None:
        contract = await self._contracts.load_contract(call.client)
        terms = None if contract is None else contract.consent
        if terms is None or terms.webhook is None:
            await self._outbox.mark_failed(call, "the contract names no webhook", retry_in=None)
            return
        if is_development_address(terms.webhook) and not self._development:
            await self._outbox.mark_failed(call, "the webhook leads to this machine, in production", retry_in=None)
            return
        body = call.body.encode()
        headers = self._signatures.build_headers(
            call.client, terms.webhook_secret, id_=call.id, timestamp=int(time()), body=body
        )
        failure = await self._send(terms.webhook, body, headers)
        if failure is None:
            await self._outbox.mark_delivered(call)
            return
        pause = None if self._sender.is_final(failure) else compute_pause(call, datetime.now(UTC))
        await self._outbox.mark_failed(call, failure, retry_in=pause)

    async def _send(self, address: str, body: bytes, headers: Mapping[str, str]) -> str | None:
        """The failure, or None if delivered. A call that cannot be made counts as failed, so it is given up later."""
        try:
            return await self._sender.send(address, body, headers)
        except Exception as fault:  # noqa: BLE001 - any failure must not block other partners' calls
            return f"the call cannot be made: {type(fault).__name__}"


def compute_pause(call: WebhookCall, now: datetime) -> timedelta | None:
    """The pause before the next attempt, with 20 % jitter; None if the call is given up."""
    pause = FIRST_PAUSE * PAUSE_FACTOR ** min(call.attempts - 1, 16)
    pause = min(pause, MAX_PAUSE) * uniform(0.8, 1.2)  # noqa: S311 - spreads retries of calls that failed together
    return None if now + pause > call.created_at + GIVEN_UP_AFTER else pause
