"""The line to an agency breaks in every way there is: it costs the agency's fields, briefly anybody's time, and heals.

A small part of `make test-faults`, which does this under load, for every agency, and measures.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.fault_proxy import FaultKind, FaultProxy, WireFault, run_fault_proxy
from tests.journeys.breakers import QUESTIONS
from tests.journeys.hub import HubClient, HubResponse, RunningCity, build_settings, running_hub
from tests.journeys.outages import ABOUT_ME, FIELDS_OF, value_at
from tests.sandbox_agencies import free_port

DEADLINE_S = 1.0
TERMS = """
deadline = {deadline}
[{agency}.breaker]
failures = 3
unanswered = 0.5
pause = 0.3
longest_pause = 0.6
"""
WITHIN_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyConnection:
    """A hub, and the relay between it and one agency."""

    hub: HubClient
    proxy: FaultProxy
    agency: str

    async def read_whole(self) -> HubResponse:
        """Return the first answer without errors."""
        return await self._ask_until(ABOUT_ME, lambda errors: not errors)

    async def read_while_open(self) -> HubResponse:
        """Return the first answer for which the open breaker refused all calls: its errors say when to come back."""

        def is_refused(error: Any) -> bool:  # noqa: ANN401 - JSON
            return "retryAfter" in error["extensions"]

        await self._ask_until(QUESTIONS[self.agency], lambda errors: any(map(is_refused, errors)))
        return await self._ask_until(ABOUT_ME, lambda errors: bool(errors) and all(map(is_refused, errors)))

    async def _ask_until(self, query: str, is_wanted: Callable[[Sequence[Any]], bool]) -> HubResponse:
        async with asyncio.timeout(WITHIN_S):
            while True:
                answer = await self.hub.ask(query, caller="siti")
                errors = answer.body.get("errors", ())
                assert answer.status == 200
                assert {each["extensions"]["agency"] for each in errors} <= {self.agency}
                if is_wanted(errors):
                    return answer
                await asyncio.sleep(0.02)


Wire = Callable[..., AbstractAsyncContextManager[FaultyConnection]]


@pytest.fixture
def wired(city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path) -> Wire:
    """A hub with a relay between it and an agency."""
    return partial(relayed, city=city, state_url=state_url, issuer=issuer, folder=tmp_path)


@asynccontextmanager
async def relayed(
    agency: str,
    *,
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    folder: Path,
    deadline: float = DEADLINE_S,
) -> AsyncIterator[FaultyConnection]:
    if agency == "jakpreneur" and not city.counts_msmes:
        pytest.skip("a file of SQLite has no line that could break")
    one = city.agencies[agency]
    async with run_fault_proxy(port=free_port(), to=one.port) as proxy:
        behind = replace(city, agencies={**city.agencies, agency: replace(one, port=proxy.port)})
        terms = tomllib.loads(f"[{agency}]{TERMS.format(agency=agency, deadline=deadline)}")
        settings = build_settings(behind, state_url=state_url, issuer=issuer, folder=folder, terms=terms)
        async with running_hub(settings, issuer) as hub:
            yield FaultyConnection(hub=hub, proxy=proxy, agency=agency)


@pytest.mark.parametrize(
    ("agency", "kind"),
    [
        ("dukcapil", FaultKind.HALF_OPEN),
        ("dukcapil", FaultKind.TRUNCATED),
        ("jakpreneur", FaultKind.HALF_OPEN),
        ("pbb", FaultKind.HALF_OPEN),
        ("pbb", FaultKind.RESET),
        ("crm", FaultKind.HALF_OPEN),
        ("crm", FaultKind.ERROR),
        ("pangan", FaultKind.DRIP),
        ("pangan", FaultKind.REFUSE),
    ],
)
async def test_an_agency_whose_line_breaks_is_left_alone_costs_its_own_fields_and_is_found_again(
    agency: str, kind: FaultKind, wired: Wire
) -> None:
    async with wired(agency) as wire:
        whole = await wire.read_whole()

        await wire.proxy.inject(WireFault(kind=kind, seconds=0.05))
        answer = await wire.read_while_open()
        assert {path for path, _ in answer.errors} == FIELDS_OF[agency]
        others = set().union(*FIELDS_OF.values()) - FIELDS_OF[agency]
        assert all(value_at(answer.data, path) == value_at(whole.data, path) for path in others)

        await wire.proxy.clear()
        assert (await wire.read_whole()).body == whole.body


@pytest.mark.parametrize(
    ("agency", "kind", "code"),
    [
        ("dukcapil", FaultKind.GARBAGE, None),
        ("pbb", FaultKind.GARBAGE_BODY, "AGENCY_MALFORMED"),
        ("crm", FaultKind.GARBAGE, "AGENCY_MALFORMED"),
        ("pangan", FaultKind.THROTTLED, "AGENCY_REFUSED"),
    ],
)
async def test_an_agency_that_talks_rubbish_or_wants_rest_costs_its_own_fields_and_is_found_again(
    agency: str, kind: FaultKind, code: str | None, wired: Wire
) -> None:
    async with wired(agency) as wire:
        whole = await wire.read_whole()
        await wire.proxy.inject(WireFault(kind=kind, seconds=1))
        answer = await wire.hub.ask(ABOUT_ME, caller="siti")
        assert {path for path, _ in answer.errors} == FIELDS_OF[agency]
        assert code is None or {each for _, each in answer.errors} == {code}

        await wire.proxy.clear()
        assert (await wire.read_whole()).body == whole.body


async def test_answers_that_come_late_but_in_time_are_whole(wired: Wire) -> None:
    async with wired("crm", deadline=30.0) as wire:
        await wire.proxy.inject(WireFault(kind=FaultKind.LATENCY, seconds=0.2))
        began = monotonic()
        assert (await wire.hub.ask(ABOUT_ME, caller="siti")).errors == []
        assert monotonic() - began >= 0.2
