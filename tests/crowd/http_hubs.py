"""Hubs of the crowd in separate processes, over HTTP."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from sqlalchemy import text

from auth.caller import Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.tokens.development_issuer import DevelopmentIssuer
from records.calls.subject_reads import SubjectRead
from records.identifiers import Nik
from store.database import create_database_engine
from tests.crowd.agencies import FAILURE_PROFILES, FailureRates
from tests.crowd.judge import Judge
from tests.crowd.marks import Watermark
from tests.crowd.people import CrowdChange, CrowdPeople
from tests.crowd.questions import SECRET, CrowdQuestion
from tests.sandbox_agencies import HOST, ROOT, free_port


@dataclass(frozen=True, slots=True)
class HubProcessHandle:
    """A running hub, and the changes that are sent to it."""

    url: str
    process: asyncio.subprocess.Process
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, command: Mapping[str, Any]) -> None:
        """Send a change; returns when the hub applied it."""
        reads, writes = self.process.stdout, self.process.stdin
        assert reads is not None
        assert writes is not None
        async with self.lock:
            writes.write(orjson.dumps(command) + b"\n")
            assert await reads.readline() == b"done\n"


class HttpHub:
    """One hub, as the crowd uses it."""

    def __init__(self, process: HubProcessHandle, http: aiohttp.ClientSession, issuer: DevelopmentIssuer) -> None:
        self.process = process
        self._http = http
        self._issuer = issuer
        self._tokens: dict[Caller, str] = {}

    async def ask(self, caller: Caller, question: CrowdQuestion, request_id: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's data; None if there is none."""
        headers = {"X-Request-Id": request_id}
        if caller.kind is not CallerKind.ANONYMOUS:
            token = self._tokens.get(caller) or self._issuer.sign_token(caller, subject=f"person {len(self._tokens)}")
            self._tokens[caller] = token
            headers["Authorization"] = f"Bearer {token}"
        async with self._http.post(f"{self.process.url}/graphql", json=question.body, headers=headers) as response:
            body = await response.json(content_type=None)
        assert response.status in (200, 403), (response.status, body)
        return body.get("data")

    async def forget(self, nik: Nik | None) -> None:
        """Data of a person changed, or data of all people."""
        await self.process.send({"forget": nik})


class DatabaseLedger:
    """The ledger entries of some requests, checked when all requests are answered."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._asked: dict[str, tuple[Caller, CrowdQuestion, Sequence[Watermark]]] = {}

    def watch(self, request_id: str) -> None:
        """Watch this request."""

    def forget(self, request_id: str) -> None:
        """The caller of the request disconnected, so its outcome is unknown."""

    def check_answer(
        self, request_id: str, caller: Caller, question: CrowdQuestion, marks: Sequence[Watermark], _judge: Judge
    ) -> bool:
        """The request was answered."""
        self._asked[request_id] = (caller, question, marks)
        return bool(marks)

    async def check(self, people: CrowdPeople, judge: Judge) -> int:
        """Check the entries; returns their number."""
        known = {Pseudonyms(SECRET).pseudonymize_person(nik): nik for nik in people.niks}
        engine = create_database_engine(self._state)
        try:
            async with engine.connect() as connection:
                statement = text("SELECT request_id, caller_kind, subject FROM access_entries")
                rows = (await connection.execute(statement)).all()
        finally:
            await engine.dispose()
        reads: dict[str, list[SubjectRead]] = {}
        for request_id, kind, subject in rows:
            if request_id in self._asked:
                assert kind == self._asked[request_id][0].kind.value
                reads.setdefault(request_id, []).append(
                    SubjectRead(None if subject is None else known[bytes(subject)], (), ())
                )
        for request_id, (_, question, marks) in self._asked.items():
            judge.check_recorded(marks, reads.get(request_id, ()), question)
        return len(reads)


@asynccontextmanager
async def run_http_hubs(
    folder: Path, seed: int, *, redis: str, state: str, count: int = 2
) -> AsyncIterator[list[HttpHub]]:
    """Processes that share a Redis and a database."""
    issuer = DevelopmentIssuer(folder / "issuer.json")
    issuer.write_public_keys(folder / "keys.json")
    async with AsyncExitStack() as stack:
        running = [_run_hub(folder / "keys.json", seed, redis, state) for _ in range(count)]
        processes = [await stack.enter_async_context(each) for each in running]  # the first hub creates the tables
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield [HttpHub(each, http, issuer) for each in processes]


@asynccontextmanager
async def _run_hub(keys: Path, seed: int, redis: str, state: str) -> AsyncIterator[HubProcessHandle]:
    port = free_port()
    words = [str(port), "--keys", str(keys), "--redis", redis, "--state", state, "--seed", str(seed)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tests.crowd.hub_process",
        *words,
        stdin=pipe,
        stdout=pipe,
        env={"PYTHONPATH": str(ROOT)},
    )
    try:
        url = f"http://{HOST}:{port}"
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            while True:
                assert process.returncode is None, "the hub ended before it served; it said why on standard error"
                try:
                    async with http.get(f"{url}/health/live"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        yield HubProcessHandle(url, process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def send_to_all(hubs: Sequence[HttpHub], command: Mapping[str, Any]) -> None:
    """Send a line to every process."""
    await asyncio.gather(*(each.process.send(command) for each in hubs))


async def apply_change_to_all(hubs: Sequence[HttpHub], people: CrowdPeople, change: CrowdChange) -> None:
    """Apply a change in every process."""
    people.apply(change)
    await send_to_all(hubs, {"change": list(change)})


async def set_failure_rates_of_all(hubs: Sequence[HttpHub], agency: str, failure_rates: FailureRates) -> None:
    """Set an agency's failures in every process."""
    await send_to_all(hubs, {"weather": {agency: FAILURE_PROFILES.index(failure_rates)}})
