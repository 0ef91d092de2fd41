"""Agencies that fail, asked under terms: nobody waits for them, and they come back by themselves."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.journeys.breakers import BROKEN_AFTER, QUESTIONS, WITHIN_S, wait_for_breaker
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.journeys.outages import ABOUT_ME, FIELDS_OF, kill_agency, value_at
from tests.sandbox_agencies import RunningAgency


class HubsUnderTerms:
    """Makes hubs with terms of their own in front of the city."""

    def __init__(self, city: RunningCity, state_url: str, issuer: DevelopmentIssuer, folder: Path) -> None:
        self._given: tuple[RunningCity, str, DevelopmentIssuer, Path] = (city, state_url, issuer, folder)

    def under(self, terms: str) -> Any:  # noqa: ANN401 - a context manager that gives a hub
        city, state_url, issuer, folder = self._given
        settings = build_settings(city, state_url=state_url, issuer=issuer, folder=folder, terms=tomllib.loads(terms))
        return running_hub(settings, issuer)


@pytest.fixture
def hubs(city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path) -> HubsUnderTerms:
    return HubsUnderTerms(city, state_url, issuer, tmp_path)


@pytest.fixture
async def hub_with_breakers(hubs: HubsUnderTerms, agency: str, way: str) -> AsyncIterator[HubClient]:
    """A hub that waits half a second for the slow agency, and long for the others."""
    deadlines = dict.fromkeys(QUESTIONS, 20.0) | ({agency: 0.5} if way == "slow" else {})
    terms = [
        f"[{name}]{BROKEN_AFTER.format(agency=name, deadline=seconds)}" for name, seconds in sorted(deadlines.items())
    ]
    async with hubs.under("".join(terms)) as hub:
        yield hub


async def get_report(hub: HubClient, agency: str) -> Mapping[str, Any]:
    """The agency's line in the report of readiness."""
    [line] = [each for each in (await hub.get("/health/ready")).body["agencies"] if each["name"] == agency]
    found: Mapping[str, Any] = line
    return found


async def wait_until_whole(hub: HubClient) -> None:
    """Wait for an answer of all agencies."""
    async with asyncio.timeout(WITHIN_S):
        while "errors" in (await hub.ask(ABOUT_ME, caller="siti")).body:  # noqa: ASYNC110 - the hub sets no event
            await asyncio.sleep(0.05)


def break_agency(agency: RunningAgency, way: str, city: RunningCity) -> Any:  # noqa: ANN401 - a context manager
    return kill_agency(city, agency.name) if way == "killed" else agency.in_mode(way)


@pytest.mark.parametrize("way", ["killed", "error", "slow"])
@pytest.mark.parametrize("agency", sorted(QUESTIONS))
async def test_a_failing_agency_is_left_alone_and_comes_back_without_a_restart_of_the_hub(
    agency: str, way: str, hub_with_breakers: HubClient, city: RunningCity
) -> None:
    if agency == "jakpreneur" and way != "killed" and not city.counts_msmes:
        pytest.skip("a file of SQLite has no modes")
    hub, failing = hub_with_breakers, city.agencies[agency]
    with break_agency(failing, way, city):
        refused = await wait_for_breaker(hub, agency, is_open=True)
        if way != "killed":
            asked = failing.count_calls()
            again = await hub.ask(ABOUT_ME, caller="siti")
            assert sum(failing.count_calls().values()) - sum(asked.values()) <= 1, "the probe at most"
            assert {path for path, _ in again.errors} == FIELDS_OF[agency]
        [error, *_] = refused.body["errors"]
        assert error["extensions"] == {"code": "AGENCY_UNAVAILABLE", "agency": agency, "retryAfter": 1.0}
        assert (await get_report(hub, agency))["breaker"] in {"open", "half-open"}

    await wait_until_whole(hub)
    assert (await get_report(hub, agency))["breaker"] == "closed"


async def test_a_slow_agency_with_a_full_bulkhead_does_not_hold_up_the_fields_of_others(
    hubs: HubsUnderTerms, city: RunningCity
) -> None:
    pbb = city.agencies["pbb"]
    async with hubs.under("[pbb]\nmax_concurrency = 1\nwaiting = 0\ndeadline = 30.0\n") as hub:
        with pbb.in_mode("slow"):
            pbb.reset_calls()
            hanging = asyncio.create_task(hub.ask(QUESTIONS["pbb"], caller="siti"))
            async with asyncio.timeout(WITHIN_S):
                while not pbb.count_calls():  # noqa: ASYNC110 - another process sets no event
                    await asyncio.sleep(0.02)

            answer = await hub.ask(ABOUT_ME, caller="siti")

            assert not hanging.done(), "the whole answer was there before the one that waits for the agency"
            assert answer.errors == [("me.taxObjects", "AGENCY_UNAVAILABLE")]
            assert answer.body["errors"][0]["extensions"]["retryAfter"] == 1.0
            others = set().union(*FIELDS_OF.values()) - FIELDS_OF["pbb"]
            assert [path for path in others if value_at(answer.data, path) is None] == []
            assert sum(pbb.count_calls().values()) == 1
            line = await get_report(hub, "pbb")
            assert (line["inFlight"], line["waiting"]) == (1, 0)
        assert "errors" not in (await hanging).body


async def test_a_closed_agency_costs_its_fields_and_is_not_asked(hubs: HubsUnderTerms, city: RunningCity) -> None:
    days = "[[crm.closed]]\nfirst_day = '01-01'\nlast_day = '12-31'\n"
    async with hubs.under(days) as hub:
        city.reset_calls()
        answer = await hub.ask(ABOUT_ME, caller="siti")
        line = await get_report(hub, "crm")

    assert answer.errors == [("me.complaints", "AGENCY_CLOSED")]
    assert answer.body["errors"][0]["extensions"]["retryAfter"] > 0
    assert "crm" not in city.calls()
    assert (line["state"], line["detail"]) == ("down", "AGENCY_CLOSED")


async def test_a_spent_quota_costs_the_fields_until_midnight_and_shows_in_readiness(
    hubs: HubsUnderTerms, city: RunningCity
) -> None:
    async with hubs.under("[crm]\ndaily_quota = 2\n") as hub:
        city.reset_calls()
        answers = [await hub.ask(QUESTIONS["crm"], caller="siti") for _ in range(3)]
        line = await get_report(hub, "crm")

    assert [answer.errors for answer in answers] == [[], [], [("me.complaints", "AGENCY_REFUSED")]]
    error = answers[2].body["errors"][0]
    assert error["message"] == (
        "The hub may not call the agency 'crm' at the moment: the agency limits its calls. Everything else still"
        " answers; try again later."
    )
    assert 0 < error["extensions"]["retryAfter"] <= 86_400
    assert city.calls()["crm"] == 2
    assert line["quotaLeft"] == 0


async def test_a_read_that_fails_once_is_repeated_and_nobody_notices(hubs: HubsUnderTerms, city: RunningCity) -> None:
    """The agency fails until it has been asked once, which is seen at its counter."""
    crm = city.agencies["crm"]
    async with hubs.under("[crm]\nretries = 5\nretry_share = 1.0\n") as hub:
        for _ in range(10):  # saves up for more than one retry
            await hub.ask(QUESTIONS["crm"], caller="siti")
        with crm.in_mode("error"):
            crm.reset_calls()
            asking = asyncio.create_task(hub.ask(QUESTIONS["crm"], caller="siti"))
            async with asyncio.timeout(WITHIN_S):
                while not crm.count_calls():  # noqa: ASYNC110 - another process sets no event
                    await asyncio.sleep(0)
        answer = await asking

    assert "errors" not in answer.body
    assert sum(crm.count_calls().values()) > 1
    assert len(answer.data["me"]["complaints"]) == 3


async def test_a_batch_beyond_the_agencys_bound_goes_in_several_calls(hubs: HubsUnderTerms, city: RunningCity) -> None:
    niks = ["3171014506909001", "3171010101809002", "3171015203859003"]
    query = "query Many($niks: [NIK!]!) { citizens(niks: $niks) { nik name } }"
    async with hubs.under("[dukcapil]\nmax_batch_size = 2\n") as hub:
        city.reset_calls()
        answer = await hub.ask(query, {"niks": niks}, caller="official")
        bounded = city.calls()["dukcapil"]
    async with hubs.under("") as hub:
        city.reset_calls()
        assert (await hub.ask(query, {"niks": niks}, caller="official")).body == answer.body
        whole = city.calls()["dukcapil"]

    assert "errors" not in answer.body
    assert bounded > whole
