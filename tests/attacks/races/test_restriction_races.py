"""A restriction holds for every request that begins after its response, at every hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, time

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.caller import Assurance, Caller, CallerKind
from engine.cost_budgets import NO_BUDGET
from engine.document.limits import Limits
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse
from records.calls.call import Call
from store.database import create_database_engine
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_hub import build_settings
from tests.fakes.small_records import SITI
from tests.fakes.waiting import wait_until
from tests.schema.requests import IDS, build_engine
from web.graphql.execute import Execute
from wiring.execution import RequestResources, build_execute
from wiring.hub_domains import build_hub_domains

HUBS = 3
ASKING = 4
"""Officials who send requests to each hub without a pause."""
ROUNDS = 4
PERSON = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.SUBSTANTIAL)
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="pbb", purpose="TAX_ASSESSMENT", case="PBB/1")
HER_LAND = f'{{ citizen(nik: "{SITI}") {{ nik taxObjects {{ nop }} }} }}'


class OneHub:
    """One of several hubs on one database, with production's engine, rules and state and the sandbox's agencies."""

    def __init__(self, state: AsyncEngine) -> None:
        self.city = SmallCity()
        own = build_hub_domains(build_settings((), issuer_keys=Path("none")), state, build_engine().schema)
        rules = DocumentRules(limits=Limits(), allow_introspection=False, allow_suggestions=False)
        self._execute: Execute = build_execute(
            Engine(build_engine().schema, rules, share_runs=True),
            RequestResources(agencies=self.city.agencies(own.build_domains()), node_ids=IDS, policy=build_policy()),
        )

    async def ask(self, query: str, caller: Caller) -> GraphQLResponse:
        call = Call(deadline=monotonic() + 30, request_id="race")
        if caller.kind is CallerKind.CITIZEN:
            caller = replace(caller, authenticated_at=time())
        return await self._execute(GraphQLRequest(query=query), caller, call, NO_BUDGET)


@pytest.fixture
async def hubs(migrated: AsyncEngine) -> AsyncIterator[list[OneHub]]:
    async with AsyncExitStack() as stack:
        states = [create_database_engine(migrated.url.render_as_string(hide_password=False)) for _ in range(HUBS)]
        for each in states:
            stack.push_async_callback(each.dispose)
        yield [OneHub(each) for each in states]


def has_personal_data(response: GraphQLResponse) -> bool:
    """Whether the answer holds data of the person."""
    return bool((response.data or {}).get("citizen"))


async def test_no_request_after_the_restriction_has_data_or_calls_an_agency(hubs: list[OneHub]) -> None:
    began: list[tuple[float, bool]] = []
    over = asyncio.Event()

    async def asking(hub: OneHub) -> None:
        while not over.is_set():
            moment = monotonic()
            began.append((moment, has_personal_data(await hub.ask(HER_LAND, OFFICIAL))))

    officials = [asyncio.create_task(asking(hub)) for hub in hubs for _ in range(ASKING)]
    obeyed: list[tuple[float, float]] = []
    for n in range(ROUNDS):
        await wait_until(lambda: any(data for _, data in began[-HUBS * ASKING :]), timeout=60)
        restricted = await hubs[n % HUBS].ask(
            f'mutation {{ restrictProcessing(purposes: [TAX_ASSESSMENT], key: "{n}") {{ number state }} }}', PERSON
        )
        assert restricted.errors == []
        answered, count = monotonic(), len(began)
        await wait_until(partial(_wait_for_more, began, count + 3 * HUBS * ASKING), timeout=60)
        number = (restricted.data or {})["restrictProcessing"]["number"]
        obeyed.append((answered, monotonic()))
        ended = await hubs[(n + 1) % HUBS].ask(f'mutation {{ endRestriction(number: "{number}") {{ state }} }}', PERSON)
        assert ended.data == {"endRestriction": {"state": "WITHDRAWN"}}
    await wait_until(lambda: any(data for _, data in began[-HUBS * ASKING :]), timeout=60)
    over.set()
    await asyncio.gather(*officials)
    within = [data for moment, data in began for start, end in obeyed if start <= moment < end]
    assert len(within) >= ROUNDS * HUBS * ASKING
    assert not any(within)
    assert any(data for _, data in began)


def _wait_for_more(began: list[tuple[float, bool]], count: int) -> bool:
    return len(began) > count


async def test_while_the_restriction_holds_no_agency_is_called(hubs: list[OneHub]) -> None:
    await hubs[0].ask('mutation { restrictProcessing(key: "a") { number } }', PERSON)
    for hub in hubs:
        response = await hub.ask(HER_LAND, OFFICIAL)
        assert [each["extensions"]["reason"] for each in response.errors] == ["RESTRICTED"]
        assert hub.city.calls == []


async def test_concurrent_requests_with_one_key_make_one_restriction_that_ends_once(hubs: list[OneHub]) -> None:
    wish = 'mutation { restrictProcessing(key: "once") { number } }'
    answers = await asyncio.gather(*(hub.ask(wish, PERSON) for hub in hubs for _ in range(3)))
    (number,) = {(each.data or {})["restrictProcessing"]["number"] for each in answers}
    end = f'mutation {{ endRestriction(number: "{number}") {{ state events {{ state }} }} }}'
    ended = await asyncio.gather(*(hub.ask(end, PERSON) for hub in hubs for _ in range(3)))
    expected = {"state": "WITHDRAWN", "events": [{"state": "IN_PROGRESS"}, {"state": "WITHDRAWN"}]}
    assert [(each.data or {})["endRestriction"] for each in ended] == [expected] * 9
    assert all([has_personal_data(await hub.ask(HER_LAND, OFFICIAL)) for hub in hubs])
