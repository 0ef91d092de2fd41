"""The stages of Q3 and Q4, each measured from outside by its public function, in this process.

The upstream is another process, whose time does not count. `request` is everything, from the bytes of a request to the
bytes of its answer on a loopback connection, with the small client.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import server
from auth.tokens.token_verifier import TokenVerifier
from benchmarks.blog.application import build_blog_parts, build_blog_settings
from benchmarks.blog.batches import ALL, Blog, CallerData
from benchmarks.comparison import callers, dataset
from benchmarks.comparison.callers import BenchmarkCaller
from benchmarks.comparison.questions import Q3, Q4
from benchmarks.comparison.upstream import Upstream
from benchmarks.micro.calibration import StageTime, measure_stage
from benchmarks.micro.hub_time import log_to
from benchmarks.micro.in_memory import build_blog_hub
from benchmarks.micro.loopback_hub import connect_to_hub, render_request, serve_hub
from benchmarks.processes import ProgramNotStarted
from records.calls.call import Call
from records.identifiers import Nik
from settings import Settings
from wiring.agencies import build_answer_cache
from wiring.hub_parts import HubParts
from wiring.token_issuers import build_issuer_keys

_CALLERS = 16
_TOGETHER = 64
_WHOLE = b"HTTP/1.1 200"
Stages = dict[str, StageTime]


async def measure_request_stages(within: float) -> Stages:
    """All stages, each within the given seconds. Raises `RuntimeError` if that is impossible here."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="simpul-benchmarks-")))
        keys, signed_in = await asyncio.to_thread(callers.issue_tokens, folder)
        try:
            upstream = await asyncio.to_thread(Upstream, folder)
        except ProgramNotStarted as problem:
            raise RuntimeError(f"the upstream did not start: {problem}") from problem
        stack.callback(upstream.stop)
        stack.callback(logging.getLogger().handlers.clear)
        log_to(stack.enter_context(closing((folder / "access.log").open("w"))))
        settings = build_blog_settings(keys)
        found = await _measure_alone(settings, upstream.url, signed_in[:_CALLERS], within)
        for name, parts in _build_variants(settings, upstream.url).items():
            found |= await _measure_requests(name, settings, parts, signed_in[:_CALLERS], within)
        return dict(sorted(found.items()))


def _build_variants(settings: Settings, upstream: str) -> dict[str, HubParts]:
    def build() -> HubParts:
        return replace(build_blog_parts(upstream), coalescing=False)

    return {
        "request": build(),
        "joined": replace(build(), coalescing=True),
        "warm": replace(build(), answer_cache=build_answer_cache(settings)),
        "verified": replace(build(), cache_tokens=False),
    }


async def _measure_alone(
    settings: Settings, upstream: str, signed_in: Sequence[BenchmarkCaller], within: float
) -> Stages:
    """The engine with records in memory, the agencies' calls with their records, and the proof of a token."""
    hub = build_blog_hub(dataset.POSTS, dataset.USERS)
    agencies = build_blog_parts(upstream).agencies
    blog, own = agencies[Blog], agencies[CallerData]
    tokens = TokenVerifier(build_issuer_keys(settings))
    headers = cycle([f"Bearer {each.token}" for each in signed_in])
    owners = cycle([(Nik(dataset.build_caller_id(each.number)),) for each in signed_in])
    users = tuple(range(1, dataset.USERS + 1))

    def call() -> Call:
        return Call(deadline=monotonic() + 600, request_id="micro")

    async def read_posts() -> None:
        await blog.post_lists((ALL,), call())
        await blog.users(users, call())

    async def read_own() -> None:
        owner = next(owners)
        await asyncio.gather(own.accounts(owner, call()), own.orders(owner, call()), own.messages(owner, call()))

    async def verify() -> None:
        caller = tokens.verify(next(headers))
        if inspect.isawaitable(caller):
            await caller

    stages: dict[str, Callable[[], Awaitable[Any]]] = {
        "q3.engine": hub.answer,
        "q3.agencies": read_posts,
        "q4.agencies": read_own,
        "q4.token": verify,
    }
    return {name: await measure_stage(run, within=within) for name, run in stages.items()}


async def _measure_requests(
    name: str, settings: Settings, parts: HubParts, signed_in: Sequence[BenchmarkCaller], within: float
) -> Stages:
    """Whole requests to one hub: Q3, Q4, or Q3 by many callers at the same moment."""
    app = server.compose(settings, parts)
    async with serve_hub(app, settings.web) as port, connect_to_hub(port, _TOGETHER) as connections:
        q3 = render_request(port, Q3.document)
        q4 = cycle([render_request(port, Q4.document, Q4.variables(each.number), each.token) for each in signed_in])

        async def ask_q3() -> None:
            _check(await connections[0].ask(q3))

        async def ask_q4() -> None:
            _check(await connections[0].ask(next(q4)))

        async def ask_together() -> None:
            for answer in await asyncio.gather(*(each.ask(q3) for each in connections)):
                _check(answer)

        if name == "joined":
            return {"q3.joined": await measure_stage(ask_together, within=within, requests=_TOGETHER)}
        found = {} if name == "verified" else {f"q3.{name}": await measure_stage(ask_q3, within=within)}
        return found if name == "warm" else found | {f"q4.{name}": await measure_stage(ask_q4, within=within)}


def _check(answer: bytes) -> None:
    if not answer.startswith(_WHOLE) or b'"errors"' in answer:
        raise RuntimeError(f"The hub answers with errors: {answer[:300].decode()}")
