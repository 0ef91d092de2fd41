"""A restriction is obeyed by every request that begins after it was answered, in whichever hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, time

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.caller import Assurance, Caller, CallerKind
from auth.policy import Policy
from engine.document import DocumentRules
from engine.limits import Limits
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from records.call import Call
from store.database import database
from tests.schema.asking import IDS, engine
from tests.small_city import SmallCity
from tests.small_hub import settings_of
from tests.small_records import SITI
from web.graphql_endpoint import Execute
from wiring.answering import executor
from wiring.own_state import own_state

HUBS = 3
ASKING = 4
"""Officials who ask each hub without a pause."""
ROUNDS = 4
PERSON = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.SUBSTANTIAL)
OFFICIAL = Caller(kind=CallerKind.OFFICIAL, agency="pbb", purpose="TAX_ASSESSMENT", case="PBB/1")
HER_LAND = f'{{ citizen(nik: "{SITI}") {{ nik taxObjects {{ nop }} }} }}'


class OneHub:
    """A hub of several on one database: engine, rules and own state as in production; the agencies are the city."""

    def __init__(self, state: AsyncEngine) -> None:
        self.city = SmallCity()
        own = own_state(settings_of((), issuer_keys=Path("none")), state, engine().schema)
        rules = DocumentRules(limits=Limits(), introspection=False, suggestions=False)
        self._execute: Execute = executor(
            Engine(engine().schema, rules, coalescing=True), self.city.agencies(own.domains()), IDS, Policy()
        )

    async def ask(self, query: str, caller: Caller) -> GraphQLResponse:
        call = Call(deadline=monotonic() + 30, request_id="race")
        if caller.kind is CallerKind.CITIZEN:
            caller = replace(caller, authenticated_at=time())
        return await self._execute(GraphQLRequest(query=query), caller, call, None)


@pytest.fixture
async def hubs(migrated: AsyncEngine) -> AsyncIterator[list[OneHub]]:
    async with AsyncExitStack() as stack:
        states = [database(migrated.url.render_as_string(hide_password=False)) for _ in range(HUBS)]
        for each in states:
            stack.push_async_callback(each.dispose)
        yield [OneHub(each) for each in states]


def seen(response: GraphQLResponse) -> bool:
    """Whether the answer holds anything of the person."""
    return bool((response.data or {}).get("citizen"))


async def test_no_request_that_began_after_the_answer_has_data_and_no_agency_is_asked(hubs: list[OneHub]) -> None:
    began: list[tuple[float, bool]] = []
    over = asyncio.Event()

    async def asking(hub: OneHub) -> None:
        while not over.is_set():
            moment = monotonic()
            began.append((moment, seen(await hub.ask(HER_LAND, OFFICIAL))))

    officials = [asyncio.create_task(asking(hub)) for hub in hubs for _ in range(ASKING)]
    obeyed: list[tuple[float, float]] = []
    for n in range(ROUNDS):
        await _until(lambda: any(data for _, data in began[-HUBS * ASKING :]))
        restricted = await hubs[n % HUBS].ask(
            f'mutation {{ restrictProcessing(purposes: [TAX_ASSESSMENT], key: "{n}") {{ number state }} }}', PERSON
        )
        assert restricted.errors == []
        answered, count = monotonic(), len(began)
        await _until(partial(_longer, began, count + 3 * HUBS * ASKING))
        number = (restricted.data or {})["restrictProcessing"]["number"]
        obeyed.append((answered, monotonic()))
        ended = await hubs[(n + 1) % HUBS].ask(f'mutation {{ endRestriction(number: "{number}") {{ state }} }}', PERSON)
        assert ended.data == {"endRestriction": {"state": "WITHDRAWN"}}
    await _until(lambda: any(data for _, data in began[-HUBS * ASKING :]))
    over.set()
    await asyncio.gather(*officials)
    within = [data for moment, data in began for start, end in obeyed if start <= moment < end]
    assert len(within) >= ROUNDS * HUBS * ASKING
    assert not any(within)
    assert any(data for _, data in began)


def _longer(began: list[tuple[float, bool]], count: int) -> bool:
    return len(began) > count


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - officials go on meanwhile
            await asyncio.sleep(0.01)


async def test_while_it_is_obeyed_the_agency_is_asked_nothing(hubs: list[OneHub]) -> None:
    await hubs[0].ask('mutation { restrictProcessing(key: "a") { number } }', PERSON)
    for hub in hubs:
        response = await hub.ask(HER_LAND, OFFICIAL)
        assert [each["extensions"]["reason"] for each in response.errors] == ["RESTRICTED"]
        assert hub.city.asked == []


async def test_many_at_once_by_the_same_key_are_one_restriction_that_ends_once(hubs: list[OneHub]) -> None:
    wish = 'mutation { restrictProcessing(key: "once") { number } }'
    answers = await asyncio.gather(*(hub.ask(wish, PERSON) for hub in hubs for _ in range(3)))
    (number,) = {(each.data or {})["restrictProcessing"]["number"] for each in answers}
    end = f'mutation {{ endRestriction(number: "{number}") {{ state events {{ state }} }} }}'
    ended = await asyncio.gather(*(hub.ask(end, PERSON) for hub in hubs for _ in range(3)))
    expected = {"state": "WITHDRAWN", "events": [{"state": "IN_PROGRESS"}, {"state": "WITHDRAWN"}]}
    assert [(each.data or {})["endRestriction"] for each in ended] == [expected] * 9
    assert all([seen(await hub.ask(HER_LAND, OFFICIAL)) for hub in hubs])
