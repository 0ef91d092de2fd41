"""The crowd: many callers send requests concurrently, some disconnect, and everything changes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from auth.caller import Caller, CallerKind
from records.identifiers import Nik
from tests.crowd.agencies import FAILURE_PROFILES, NAMES, FailureRates
from tests.crowd.callers import build_callers, with_other_token
from tests.crowd.in_process_hubs import CrowdHub, LedgerProbe
from tests.crowd.judge import Judge
from tests.crowd.people import CrowdChange, CrowdPeople
from tests.crowd.questions import CrowdQuestion, CrowdQuestions

_MAX_CONCURRENCY = 48
_LEAVES = 0.02
_OFTEN = 60
"""The number of frequent callers, who send half of all requests: equal concurrent requests share a run."""
_SAMPLE = 0.05
"""The share of answers whose ledger entries are checked."""


@dataclass
class Crowd:
    """A thousand callers of some hubs."""

    people: CrowdPeople
    hubs: Sequence[CrowdHub]
    random: Random
    ledger: LedgerProbe
    apply_change: Callable[[CrowdChange], Awaitable[None]]
    """Applies a change in every process."""
    set_failure_rates: Callable[[str, FailureRates], Awaitable[None]]
    """Sets an agency's failures in every process."""
    answers_per_change: int = 10
    """Answers between two changes. Not seconds: a fast machine would test fewer changes than a slow one."""
    answers: int = 0
    left_count: int = 0
    recorded: int = 0

    def __post_init__(self) -> None:
        """Create the callers."""
        self.judge = Judge(self.people)
        self.questions = CrowdQuestions(self.people, self.random)
        self.callers = build_callers(self.people, self.random)
        self._numbers = count()
        self._change_due = asyncio.Event()
        self._citizens = [place for place, each in enumerate(self.callers) if each.kind is CallerKind.CITIZEN]
        self._often = self.random.sample(range(len(self.callers)), _OFTEN)
        self._often_asking = [nik for place in self._often if (nik := self.callers[place].nik) is not None]

    async def ask(self, answers: int) -> None:
        """Send requests until this many were answered; raises the first error that was found."""
        changing = asyncio.create_task(self._change_things())
        workers = [asyncio.create_task(self._run_worker(answers)) for _ in range(_MAX_CONCURRENCY)]
        try:
            working = asyncio.gather(*workers)
            waited: list[asyncio.Future[Any]] = [changing, working]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for each in waited:
                if each.done():
                    each.result()
        finally:
            for task in (changing, *workers):
                task.cancel()
            await asyncio.gather(changing, *workers, return_exceptions=True)

    async def _run_worker(self, answers: int) -> None:
        while self.answers < answers:
            asking = [self._ask_one(hub, caller, question) for hub, caller, question in self._draw_requests()]
            for each in await asyncio.gather(*asking, return_exceptions=True):
                if isinstance(each, BaseException):
                    raise each

    def _draw_requests(self) -> list[tuple[CrowdHub, Caller, CrowdQuestion]]:
        """The callers of one moment: mostly one, otherwise several with the same document at the same hub."""
        random = self.random
        hub, caller = random.choice(self.hubs), self._draw_caller()
        if random.random() < 0.7:
            return [(hub, caller, self.questions.draw(caller))]
        if random.random() < 0.5:  # each about their own data
            citizens = [self.callers[random.choice(self._citizens)] for _ in range(3)]
            own = self.questions.draw_own(citizens[0])
            requests = [(each, self.questions.build_own(own.text, each)) for each in (*citizens, citizens[0])]
            return [(hub, each, question) for each, question in requests]
        question = self.questions.draw(caller)
        if "me" in question.subjects:
            return [(hub, caller, question)] * 2
        return [(hub, each, question) for each in (caller, caller, self._draw_caller(), self._draw_caller())]

    def _draw_caller(self) -> Caller:
        random = self.random
        place = random.choice(self._often) if random.random() < 0.5 else random.randrange(len(self.callers))
        return self.callers[place]

    async def _ask_one(self, hub: CrowdHub, caller: Caller, question: CrowdQuestion) -> None:
        request_id, since = f"crowd-{next(self._numbers):09}", self.people.moment
        looked = self.random.random() < _SAMPLE
        if looked:
            self.ledger.watch(request_id)
        pending = asyncio.ensure_future(hub.ask(caller, question, request_id))
        if self.random.random() < _LEAVES:
            await asyncio.wait([pending], timeout=self.random.choice((0, 0, 0.002)))
            pending.cancel()
            self.left_count += 1
            with suppress(asyncio.CancelledError):
                await pending
            self.ledger.forget(request_id)
            return
        data = await pending
        self.answers += 1
        if self.answers % self.answers_per_change == 0:
            self._change_due.set()
        marks = self.judge.check_answer(caller, question, data, since)
        if looked:
            self.recorded += self.ledger.check_answer(request_id, caller, question, marks, self.judge)

    async def _change_things(self) -> None:
        """Change failures, consents, cards, restrictions and tokens, and send agencies' invalidations."""
        random = self.random
        while True:
            await self._change_due.wait()
            self._change_due.clear()
            await self.set_failure_rates(random.choice(NAMES), random.choice(FAILURE_PROFILES))
            change = self.people.draw_change(random, self._often_asking)
            self.people.mark_changing(change)
            await self.apply_change(change)
            self.people.mark_changing(change)
            place = random.randrange(len(self.callers))
            self.callers[place] = with_other_token(self.callers[place], random)
            if random.random() < 0.5:
                nik: Nik | None = random.choice(self.people.niks) if random.random() < 0.95 else None
                await random.choice(self.hubs).forget(nik)
