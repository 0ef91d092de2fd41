"""Callers who ask a hub at a steady pace, whatever becomes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from math import inf
from random import Random
from time import monotonic
from typing import Any, Final

import aiohttp
import orjson

from tests.faults.answers import FaultAnswer, judge_answer
from tests.faults.questions import QUESTIONS, FaultQuestion, find_wrong_field
from tests.faults.truth import Truth

TIMEOUT_S: Final = 25.0
"""Longer than the hub works on any request: who gives up before would hide what it answers."""
_FAVOUR: Final = 12
_OFTEN: Final = 60
"""The number of frequent citizens: half of all queries come from them."""


class QuestionLoad:
    """A seeded stream of questions to one hub, `rate` of them a second; `answers` grows while it runs."""

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        truth: Truth,
        tokens: Callable[[str | None], str],
        *,
        seed: int,
    ) -> None:
        """`tokens` gives the proof of a citizen by NIK; of an official for None."""
        self.url = url
        self.answers: list[FaultAnswer] = []
        self._session = session
        self._truth = truth
        self._tokens = tokens
        self.rate = 0.0
        self._chance = Random(seed)  # noqa: S311 - the same questions in every run
        self._citizens: Sequence[str] = self._chance.sample(truth.adults, len(truth.adults))
        self.favoured: FaultQuestion | None = None
        """What is asked more often than its share says, because it is looked at."""
        self._under_way: dict[asyncio.Task[FaultAnswer], float] = {}

    @property
    def oldest(self) -> float:
        """When the oldest question was asked that is not answered yet; infinite where there is none."""
        return min(self._under_way.values(), default=inf)

    async def ask_many(self, number: int, *, concurrency: int) -> list[FaultAnswer]:
        """Collect this number of answers to concurrent queries, as fast as possible."""
        left = iter(range(number))

        async def ask_some() -> list[FaultAnswer]:
            return [await self.ask(self._draw_question()) for _ in left]

        return [each for some in await asyncio.gather(*(ask_some() for _ in range(concurrency))) for each in some]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for the length of the block; what is under way at its end is waited for."""
        task = asyncio.create_task(self._ask_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, *self._under_way, return_exceptions=True)

    def between(self, begin: float, end: float) -> list[FaultAnswer]:
        """The answers to what was asked in a time."""
        return [each for each in self.answers if begin <= each.sent < end]

    async def ask(self, question: FaultQuestion) -> FaultAnswer:
        """Ask once, as somebody drawn; the answer is judged, and is not among `answers`."""
        niks = self._draw_niks(question)
        variables = question.variables(self._chance, niks)
        sent, status, body = monotonic(), 0, None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, body = await self._send(question, niks, variables)
        except (aiohttp.ClientError, OSError, TimeoutError):
            status, body = 0, None
        wrong = find_wrong_field(question, niks, body.get("data") if isinstance(body, dict) else None, self._truth)
        return judge_answer(
            question, sent=sent, seconds=monotonic() - sent, status=status, body=body, wrong_field=wrong
        )

    async def _send(self, question: FaultQuestion, niks: list[str], variables: dict[str, Any]) -> tuple[int, Any]:
        if not question.document:
            async with self._session.get(f"{self.url}{question.path}") as response:
                return response.status, orjson.loads(await response.read())
        headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
        if question.caller != "anonymous":
            headers["Authorization"] = f"Bearer {self._tokens(niks[0] if question.caller == 'citizen' else None)}"
        body = orjson.dumps({"query": question.document, "variables": variables})
        async with self._session.post(f"{self.url}/graphql", data=body, headers=headers) as response:
            return response.status, orjson.loads(await response.read())

    async def _ask_on(self) -> None:
        due = monotonic()
        while True:
            task = asyncio.create_task(self.ask(self._draw_question()))
            self._under_way[task] = monotonic()
            task.add_done_callback(self._record_answer)
            due += self._chance.uniform(0.5, 1.5) / self.rate
            await asyncio.sleep(max(0.0, due - monotonic()))

    def _record_answer(self, task: asyncio.Task[FaultAnswer]) -> None:
        del self._under_way[task]
        if not task.cancelled():
            self.answers.append(task.result())

    def _draw_question(self) -> FaultQuestion:
        shares = [each.share + _FAVOUR * (each is self.favoured) for each in QUESTIONS]
        [question] = self._chance.choices(QUESTIONS, shares)
        return question

    def _draw_niks(self, question: FaultQuestion) -> list[str]:
        return list(dict.fromkeys(self._draw_citizen() for _ in range(max(1, question.people))))

    def _draw_citizen(self) -> str:
        often = self._chance.random() < 0.5
        return self._chance.choice(self._citizens[:_OFTEN] if often else self._citizens)
