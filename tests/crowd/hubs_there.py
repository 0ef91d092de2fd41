"""Hubs of the crowd in processes of their own, asked over HTTP."""

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
from auth.development import DevelopmentIssuer
from auth.pseudonyms import Pseudonyms
from engine.reads import Read
from records.identifiers import Nik
from store.database import database
from tests.city import HOST, ROOT, free_port
from tests.crowd.agencies import KINDS, Weather
from tests.crowd.judge import Judge
from tests.crowd.marks import Mark
from tests.crowd.people import Change, People
from tests.crowd.questions import SECRET, Question


@dataclass(frozen=True, slots=True)
class Process:
    """A hub that runs, and what it is told."""

    url: str
    process: asyncio.subprocess.Process
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tell(self, told: Mapping[str, Any]) -> None:
        """Returns when it is so."""
        reads, writes = self.process.stdout, self.process.stdin
        assert reads is not None
        assert writes is not None
        async with self.turn:
            writes.write(orjson.dumps(told) + b"\n")
            assert await reads.readline() == b"done\n"


class HubThere:
    """One of them, as the crowd asks it."""

    def __init__(self, process: Process, http: aiohttp.ClientSession, issuer: DevelopmentIssuer) -> None:
        self.process = process
        self._http = http
        self._issuer = issuer
        self._tokens: dict[Caller, str] = {}

    async def ask(self, caller: Caller, question: Question, request_id: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's data; None where there is none."""
        headers = {"X-Request-Id": request_id}
        if caller.kind is not CallerKind.ANONYMOUS:
            token = self._tokens.get(caller) or self._issuer.token(caller, subject=f"somebody {len(self._tokens)}")
            self._tokens[caller] = token
            headers["Authorization"] = f"Bearer {token}"
        async with self._http.post(f"{self.process.url}/graphql", json=question.body, headers=headers) as response:
            body = await response.json(content_type=None)
        assert response.status in (200, 403), (response.status, body)
        return body.get("data")

    async def forget(self, nik: Nik | None) -> None:
        """Something about a person is different, or about everybody."""
        await self.process.tell({"forget": nik})


class LedgerThere:
    """What stands in the ledger's database of some requests; looked at when all are answered."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._asked: dict[str, tuple[Caller, Question, Sequence[Mark]]] = {}

    def look(self, request_id: str) -> None:
        """Look at this one."""

    def forget(self, request_id: str) -> None:
        """Nobody knows what became of it."""

    def looked(self, request_id: str, caller: Caller, question: Question, marks: Sequence[Mark], _judge: Judge) -> bool:
        """It was answered."""
        self._asked[request_id] = (caller, question, marks)
        return bool(marks)

    async def check(self, people: People, judge: Judge) -> int:
        """How many stand there, each as it should."""
        known = {Pseudonyms(SECRET).of_person(nik): nik for nik in people.everybody}
        engine = database(self._state)
        try:
            async with engine.connect() as connection:
                statement = text("SELECT request_id, caller_kind, subject FROM access_entries")
                rows = (await connection.execute(statement)).all()
        finally:
            await engine.dispose()
        reads: dict[str, list[Read]] = {}
        for request_id, kind, subject in rows:
            if request_id in self._asked:
                assert kind == self._asked[request_id][0].kind.value
                reads.setdefault(request_id, []).append(
                    Read(None if subject is None else known[bytes(subject)], (), ())
                )
        for request_id, (_, question, marks) in self._asked.items():
            judge.recorded(marks, reads.get(request_id, ()), question)
        return len(reads)


@asynccontextmanager
async def hubs_there(
    folder: Path, seed: int, *, redis: str, state: str, count: int = 2
) -> AsyncIterator[list[HubThere]]:
    """Processes that share a Redis and a database."""
    issuer = DevelopmentIssuer(folder / "issuer.json")
    issuer.write_public_keys(folder / "keys.json")
    async with AsyncExitStack() as stack:
        running = [_running(folder / "keys.json", seed, redis, state) for _ in range(count)]
        processes = [await stack.enter_async_context(each) for each in running]  # the first makes the tables
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield [HubThere(each, http, issuer) for each in processes]


@asynccontextmanager
async def _running(keys: Path, seed: int, redis: str, state: str) -> AsyncIterator[Process]:
    port = free_port()
    words = [str(port), "--keys", str(keys), "--redis", redis, "--state", state, "--seed", str(seed)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tests.crowd.process",
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
        yield Process(url, process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def tell_all(hubs: Sequence[HubThere], told: Mapping[str, Any]) -> None:
    """Tell every process."""
    await asyncio.gather(*(each.process.tell(told) for each in hubs))


async def change_all(hubs: Sequence[HubThere], people: People, change: Change) -> None:
    """Let something change everywhere."""
    people.apply(change)
    await tell_all(hubs, {"change": list(change)})


async def weather_all(hubs: Sequence[HubThere], agency: str, weather: Weather) -> None:
    """Let an agency be otherwise everywhere."""
    await tell_all(hubs, {"weather": {agency: KINDS.index(weather)}})
