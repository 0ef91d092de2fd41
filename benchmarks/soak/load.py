"""Callers that come and go: some send one request, some many, some leave during a request, some stay silent."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from secrets import token_hex

import aiohttp

from auth.crypto.webhook_signatures import AgencyHookSecrets, sign
from benchmarks.layout import HOST
from benchmarks.micro.hub_time import DOCUMENT

_MAX_CONCURRENCY = 24
_OWN = (
    DOCUMENT.read_text(),
    "{ me { name residence { address region { name } } parentage { motherName } } }",
    "{ me { taxObjects { nop bills { year amount payments { amount } } } } }",
    "{ me { complaints { number events { note } } msmes { name products { name } } } }",
    "{ me { household { members { name citizen { name } } } } }",
)
_PUBLIC = (
    "{ complaints(first: 20) { edges { node { number description region { name } } } } }",
    "{ markets(first: 3) { name prices { price commodity { name } } } }",
    "{ regions(first: 50) { code name } }",
    "{ nothing }",
    "{ __schema { types { name } } }",
)
_SEVERAL = "query Several($niks: [NIK!]!) { citizens(niks: $niks) { name residence { address } taxObjects { nop } } }"


@dataclass
class SoakCallers:
    """All callers of the soak."""

    port: int
    random: Random
    citizens: Sequence[tuple[str, str]]
    """NIK and token."""
    official: str
    """A token."""
    hooks: AgencyHookSecrets
    agencies: Sequence[str]
    """Agencies that send changes."""
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        """The address of the hub."""
        return f"http://{HOST}:{self.port}"

    async def ask_for_every_citizen(self) -> None:
        """Let every citizen send every query once, so that data about all people is in memory."""
        async with aiohttp.ClientSession(self.url, connector=aiohttp.TCPConnector(limit=_MAX_CONCURRENCY)) as http:
            questions = [({"query": text}, token) for text in _OWN for _, token in self.citizens]
            await asyncio.gather(*(self._read_answer(http, body, token) for body, token in questions))

    async def ask(self, seconds: float) -> None:
        """Come and go for this number of seconds."""
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(self._one_after_another(until) for _ in range(_MAX_CONCURRENCY)), self._send_agency_changes(until)
        )

    async def _one_after_another(self, until: float) -> None:
        while time.monotonic() < until:
            drawn = self.random.random()
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                await (self._visit(until) if drawn < 0.95 else self._hold_silent_connection())  # noqa: PLR2004 - one in twenty

    async def _visit(self, until: float) -> None:
        """Open a connection, send some queries, and leave."""
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(self.url, timeout=timeout) as http:
            for _ in range(self.random.choice((1, 2, 5, 20))):
                if time.monotonic() > until:
                    return
                body, token = self._draw_question()
                pending = asyncio.ensure_future(self._read_answer(http, body, token))
                if self.random.random() < 0.03:  # noqa: PLR2004 - one in thirty leaves early
                    await asyncio.sleep(self.random.uniform(0, 0.03))
                    pending.cancel()
                    self.statuses["left"] += 1
                    with suppress(asyncio.CancelledError):
                        await pending
                    return
                await pending

    async def _read_answer(self, http: aiohttp.ClientSession, body: object, token: str | None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with http.post("/graphql", json=body, headers=headers) as response:
            text = await response.read()
        whole = response.status != 200 or b'"errors"' not in text[:2_000]  # noqa: PLR2004 - OK
        self.statuses[f"{response.status}" if whole else "200 in part"] += 1

    def _draw_question(self) -> tuple[object, str | None]:
        random, drawn = self.random, self.random.random()
        if drawn < 0.6:  # noqa: PLR2004 - most
            return {"query": random.choice(_OWN)}, random.choice(self.citizens)[1]
        if drawn < 0.8:  # noqa: PLR2004 - some
            return {"query": random.choice(_PUBLIC)}, None
        if drawn < 0.95:  # noqa: PLR2004 - some
            niks = [nik for nik, _ in random.choices(self.citizens, k=random.randint(1, 10))]
            return {"query": _SEVERAL, "variables": {"niks": niks}}, self.official
        return {"query": f"{{ markets(first: {random.randint(1, 100)}) {{ name }} }}"}, "an invalid token"

    async def _hold_silent_connection(self) -> None:
        """Open a connection, and send half a request or nothing."""
        _, writes = await asyncio.open_connection(HOST, self.port)
        if self.random.random() < 0.5:  # noqa: PLR2004 - half of them
            writes.write(b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
        await asyncio.sleep(self.random.uniform(0, 1))
        writes.close()

    async def _send_agency_changes(self, until: float) -> None:
        """Sometimes send an agency's invalidation."""
        async with aiohttp.ClientSession(self.url) as http:
            while time.monotonic() < until:
                await asyncio.sleep(0.5)
                agency = self.random.choice(self.agencies)
                change = {"people": [self.random.choice(self.citizens)[0]]}
                with suppress(aiohttp.ClientError, TimeoutError):
                    await self._send_hook(http, agency, change if self.random.random() < 0.95 else {"everything": True})  # noqa: PLR2004 - nearly always

    async def _send_hook(self, http: aiohttp.ClientSession, agency: str, change: object) -> None:
        body, call, moment = json.dumps(change).encode(), token_hex(8), str(int(time.time()))
        headers = {
            "webhook-id": call,
            "webhook-timestamp": moment,
            "webhook-signature": sign(self.hooks.derive_secret(agency), call, moment, body),
        }
        async with http.post(f"/hooks/{agency}", data=body, headers=headers) as response:
            self.statuses[f"hook {response.status}"] += 1
