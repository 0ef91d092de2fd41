"""Telling partners what became of their requests and consents, until they took it.

A call that fails is sent again after 10 seconds, then after ever longer, at last every 6 hours; after three days it is
given up. What is given up stays in the outbox, and the partner can still ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import uniform
from time import time
from typing import Protocol

from auth.crypto.partner_webhook_signatures import WebhookSignatures
from connectors.webhooks import WebhookSender
from records.hub.clients import ClientId
from records.hub.operations import ClientContract
from records.hub.partner_addresses import is_development_address
from records.hub.webhooks import WebhookCall
from store.consents.webhook_outbox import WebhookOutbox

BATCH_SIZE = 20
"""Calls side by side."""
LEASE = timedelta(minutes=1)
"""For how long a call that was taken is nobody else's: longer than a partner may take."""
FIRST_PAUSE, MAX_PAUSE, PAUSE_FACTOR = timedelta(seconds=10), timedelta(hours=6), 4
GIVEN_UP_AFTER = timedelta(days=3)


class Contracts(Protocol):
    """Who knows what was agreed with a client."""

    async def load_contract(self, client: ClientId) -> ClientContract | None:
        """The contract of one client, as it stands at this moment."""


class WebhookDelivery:
    """Empties the outbox."""

    def __init__(
        self,
        outbox: WebhookOutbox,
        contracts: Contracts,
        signatures: WebhookSignatures,
        sender: WebhookSender,
        *,
        development: bool,
    ) -> None:
        """Addresses on this machine itself are called in `development` alone."""
        self._outbox = outbox
        self._contracts = contracts
        self._signatures = signatures
        self._sender = sender
        self._development = development

    async def deliver(self) -> int:
        """Make the calls that are due; how many there were."""
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
        """As the sender says it. A call that cannot even be made has failed: else it would never be given up."""
        try:
            return await self._sender.send(address, body, headers)
        except Exception as fault:  # noqa: BLE001 - whatever it was, it must not hold up other partners' calls
            return f"the call cannot be made: {type(fault).__name__}"


def compute_pause(call: WebhookCall, now: datetime) -> timedelta | None:
    """How long to wait before the next attempt, a fifth more or less; None where the call is given up."""
    pause = FIRST_PAUSE * PAUSE_FACTOR ** min(call.attempts - 1, 16)
    pause = min(pause, MAX_PAUSE) * uniform(0.8, 1.2)  # noqa: S311 - so that calls that failed together do not come back together
    return None if now + pause > call.created_at + GIVEN_UP_AFTER else pause
