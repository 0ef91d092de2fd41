"""Circuit breakers of agencies: terms by which they open soon, and a query of each agency that shows their state."""

from __future__ import annotations

import asyncio

from tests.journeys.hub import HubClient, HubResponse

BROKEN_AFTER = """
deadline = {deadline}
[{agency}.breaker]
failures = 2
share = 0.1
pause = 1.0
longest_pause = 1.0
"""
QUESTIONS = {
    "dukcapil": "{ me { name } }",
    "jakpreneur": "{ me { msmes { name } } }",
    "pbb": "{ me { taxObjects { nop } } }",
    "crm": "{ me { complaints { number } } }",
    "pangan": '{ markets(search: "senen", first: 1) { name } }',
}
WITHIN_S = 60


async def wait_for_breaker(hub: HubClient, agency: str, *, is_open: bool) -> HubResponse:
    """The first answer with the breaker of the agency open, or with the agency answering again."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = await hub.ask(QUESTIONS[agency], caller="siti")
            errors = answer.body.get("errors", ())
            if is_open and any("retryAfter" in each["extensions"] for each in errors):
                return answer
            if not is_open and not errors:
                return answer
            await asyncio.sleep(0.05)
