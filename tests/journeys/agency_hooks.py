"""Webhooks of agencies: an agency tells the hub that its data changed."""

from __future__ import annotations

import json
import time
from secrets import token_hex

import aiohttp

from auth.crypto.webhook_signatures import AgencyHookSecrets, sign
from tests.journeys.hub import HubClient


async def send_change_hook(hub: HubClient, change: object, *, agency: str = "pbb") -> int:
    """Say as an agency that something changed."""
    body, call, moment = json.dumps(change).encode(), token_hex(8), str(int(time.time()))
    headers = {
        "webhook-id": call,
        "webhook-timestamp": moment,
        "webhook-signature": sign(AgencyHookSecrets(b"j" * 32).derive_secret(agency), call, moment, body),
    }
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{hub.url}/hooks/{agency}", data=body, headers=headers) as response,
    ):
        return response.status
