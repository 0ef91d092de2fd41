"""Attacks on consents by races, guesses and pretence: one outcome in the database, and no data after the end.

They run on the real hub with real agencies and its real database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.purposes import Scope
from store.consents.consent_events import ConsentEvents
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.journeys.hub import HubClient, RunningCity
from tests.journeys.partner import (
    CONSENTING_QUERY,
    GRANT,
    LAND,
    REFUSE,
    REVOKE,
    call,
    contract,
    grant,
    open_request,
    parse_return_address,
    partner,
    register_operations,
    request_consent,
    retire_operations,
    wait_for_code,
    wanted,
)

BANK, SHOP = partner(), partner("shop")
PARTNERS = ("bank", "shop")


@pytest.fixture
async def state(state_url: str, hub: HubClient) -> AsyncIterator[AsyncEngine]:
    """The hub's own database."""
    assert hub.url
    engine = create_database_engine(state_url)
    yield engine
    await engine.dispose()


@pytest.fixture(autouse=True)
async def agreed(hub: HubClient, state: AsyncEngine) -> AsyncIterator[None]:
    """Two partners that may request consents."""
    registry = OperationRegistry(state)
    for client in PARTNERS:
        terms = contract(client)
        await registry.publish(terms, register_operations(terms, LAND, CONSENTING_QUERY), by="tests")
        await wait_for_code(
            hub, {"documentId": "Land-1", "variables": {"consent": "none"}}, partner(client), "FORBIDDEN"
        )
    yield
    for client in PARTNERS:
        await retire_operations(hub, registry, build_client(client), ["Land-1", "Who-1"])


async def read_land(hub: HubClient, consent: str, caller: Any = BANK) -> Any:  # noqa: ANN401 - an answer
    return await hub.post({"documentId": "Land-1", "variables": {"consent": consent}}, caller=caller)


async def events(state: AsyncEngine, id_: str) -> list[str]:
    return [each.event for each in await ConsentEvents(state).list_events(id_)]


async def test_no_request_after_the_revocation_of_a_consent_gets_data(hub: HubClient) -> None:
    for _ in range(3):
        consent = (await grant(hub, await request_consent(hub)))["consent"]["id"]
        over = [float("inf")]
        seen: list[tuple[float, bool]] = []

        async def reading(
            consent: str = consent, over: list[float] = over, seen: list[tuple[float, bool]] = seen
        ) -> None:
            while True:
                began = monotonic()
                answer = await read_land(hub, consent)
                seen.append((began, bool(answer.data["consented"])))
                if began > over[0]:
                    return

        readers = [asyncio.create_task(reading()) for _ in range(8)]
        while sum(with_data for _, with_data in seen) < 8:  # noqa: ASYNC110 - what is waited for happens in the hub
            await asyncio.sleep(0.005)
        revoked = await hub.ask(REVOKE, {"consent": consent}, caller="siti")
        over[0] = monotonic()
        assert revoked.data["revokeConsent"]["state"] == "REVOKED"
        await asyncio.gather(*readers)
        begun_after = [with_data for began, with_data in seen if began > over[0]]
        assert len(begun_after) >= 8
        assert not any(begun_after)


async def test_only_one_of_two_people_who_open_a_request_may_answer_it(hub: HubClient, state: AsyncEngine) -> None:
    for _ in range(5):
        request = await request_consent(hub)
        found = await asyncio.gather(*(open_request(hub, request, caller=who) for who in ("siti", "budi") * 4))
        hers, his = [each is not None for each in found[::2]], [each is not None for each in found[1::2]]
        assert {all(hers), all(his)} == {True, False}
        assert (any(hers), any(his)) == (all(hers), all(his))
        loser = "budi" if all(hers) else "siti"
        for query, variables in ((GRANT, {"request": request, "scopes": ["TAX"]}), (REFUSE, {"request": request})):
            late = await hub.ask(query, variables, caller=loser)
            assert [code for _, code in late.errors] == ["CONSENT_UNKNOWN"]
        assert await events(state, request) == ["asked", "opened"]


async def test_of_concurrent_grant_and_denial_exactly_one_counts(hub: HubClient, state: AsyncEngine) -> None:
    for _ in range(5):
        request = await request_consent(hub)
        await open_request(hub, request)
        answers = await asyncio.gather(
            *(hub.ask(GRANT, {"request": request, "scopes": ["TAX"]}, caller="siti") for _ in range(3)),
            *(hub.ask(REFUSE, {"request": request}, caller="siti") for _ in range(3)),
        )
        yes, no = [not each.errors for each in answers[:3]], [not each.errors for each in answers[3:]]
        assert {all(yes), all(no)} == {True, False}
        assert (any(yes), any(no)) == (all(yes), all(no))
        assert {code for each in answers for _, code in each.errors} == {"CONSENT_ANSWERED"}
        assert len([each for each in await events(state, request) if each in {"granted", "refused"}]) == 1
        outcome = (await call(hub, "GET", f"/consent/requests/{request}", caller=BANK)).body
        assert outcome["answer"] == ("granted" if all(yes) else "refused")


async def test_an_answered_request_cannot_be_answered_again_or_restore_a_consent(hub: HubClient) -> None:
    request = await request_consent(hub)
    first = await grant(hub, request, "TAX")
    await hub.ask(REVOKE, {"consent": first["consent"]["id"]}, caller="siti")
    again = await hub.ask(GRANT, {"request": request, "scopes": ["TAX"]}, caller="siti")
    assert again.data["grantConsent"]["consent"]["id"] == first["consent"]["id"]
    assert again.data["grantConsent"]["consent"]["state"] == "REVOKED"
    assert (await read_land(hub, first["consent"]["id"])).errors == [("consented", "FORBIDDEN")]
    assert await open_request(hub, request) is None
    more = await hub.ask(GRANT, {"request": request, "scopes": ["TAX", "IDENTITY"]}, caller="siti")
    assert more.errors == [("grantConsent", "CONSENT_ANSWERED")]


async def test_a_consent_is_unknown_to_another_partner(hub: HubClient, city: RunningCity) -> None:
    request = await request_consent(hub)
    consent = (await grant(hub, request))["consent"]["id"]
    city.reset_calls()
    stolen, made_up = await read_land(hub, consent, SHOP), await read_land(hub, "0" * 32, SHOP)
    assert stolen.body == made_up.body
    assert stolen.data == {"consented": None}
    for other in (consent, "0" * 32):
        assert (await call(hub, "DELETE", f"/consents/{other}", caller=SHOP)).status == 404
    for other in (request, "0" * 32):
        assert (await call(hub, "GET", f"/consent/requests/{other}", caller=SHOP)).status == 404
    assert city.calls() == {}
    assert (await read_land(hub, consent)).errors == []


async def test_ids_cannot_be_guessed_from_each_other(hub: HubClient) -> None:
    ids = [await request_consent(hub) for _ in range(20)]
    assert len({each[:6] for each in ids}) == 20
    for guess in ("1", "null", ids[0][:-1], ids[0] + "0", ids[0].upper() + "\u0001", "' or 1=1 --", "../" + ids[0]):
        assert await open_request(hub, guess) is None
        looked = await call(hub, "GET", f"/consent/requests/{guess.encode().hex()}", caller=BANK)
        assert looked.status == 404
        answer = await read_land(hub, guess)
        assert (answer.data, answer.errors) == ({"consented": None}, [("consented", "FORBIDDEN")])


async def test_no_consent_is_wider_than_its_request(
    hub: HubClient,
) -> None:
    request = await request_consent(hub, scopes=["identity"])
    await open_request(hub, request)
    for scopes in (["TAX"], ["IDENTITY", "TAX"], []):
        answer = await hub.ask(GRANT, {"request": request, "scopes": scopes}, caller="siti")
        assert answer.errors == [("grantConsent", "BAD_USER_INPUT")]
    consent = (await grant(hub, request, "IDENTITY"))["consent"]["id"]
    answer = await read_land(hub, consent)
    assert answer.data["consented"]["taxObjects"] is None
    assert answer.errors == [("consented.taxObjects", "FORBIDDEN")]


async def test_a_token_with_every_scope_and_another_persons_number_reads_nothing_without_consent(
    hub: HubClient, city: RunningCity
) -> None:
    every = replace(BANK, scopes=frozenset(each.value for each in Scope))
    city.reset_calls()
    assert (await read_land(hub, "0" * 32, every)).data == {"consented": None}
    assert (await hub.post({"query": '{ citizen(nik: "3171014506909001") { name } }'}, caller=every)).data is None
    assert city.calls() == {}


@pytest.mark.parametrize(
    "state_",
    ["a&consent=fake&error=x", "https://evil.example/?a=b#c", "%0d%0aSet-Cookie: a=b", "'\"><script>", "x" * 500],
)
async def test_a_partners_state_is_returned_unchanged(hub: HubClient, state_: str) -> None:
    answer = await grant(hub, await request_consent(hub, state=state_))
    back = answer["returnTo"]
    assert back.startswith("https://bank.example/back?from=simpul&consent=")
    assert back.isprintable()
    assert back.isascii()
    assert "#" not in back
    assert parse_return_address(back) == {"from": "simpul", "consent": answer["consent"]["id"], "state": state_}


async def test_a_state_with_line_breaks_or_a_foreign_address_creates_no_request(hub: HubClient) -> None:
    for given in (
        {"state": "a\r\nLocation: https://evil.example"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "https://bank.example/back?from=simpul&next=https://evil.example"},
        {"redirect_uri": "https://bank.example/back?from=simpul\t"},
        {"redirect_uri": "https://bank.example/./back?from=simpul"},
    ):
        answer = await call(hub, "POST", "/consent/requests", caller=BANK, body=wanted(**given))
        assert answer.code in {"BAD_REQUEST", "CONSENT_NOT_AGREED"}
        assert "evil" not in str(answer.body)


async def test_concurrent_comparisons_are_counted_like_sequential_ones(hub: HubClient) -> None:
    consent = (await grant(hub, await request_consent(hub)))["consent"]["id"]

    async def compare(day: int) -> bool:
        variables = {"consent": consent, "birthDate": f"1990-{day % 12 + 1:02}-01"}
        return (await hub.post({"documentId": "Who-1", "variables": variables}, caller=BANK)).errors == []

    assert sum(await asyncio.gather(*(compare(day) for day in range(30)))) == 10


async def test_a_person_with_low_assurance_or_an_assistant_cannot_consent(hub: HubClient, state: AsyncEngine) -> None:
    request = await request_consent(hub)
    await open_request(hub, request)
    for caller in ("rina", "budi"):
        answer = await hub.ask(GRANT, {"request": request, "scopes": ["TAX"]}, caller=caller)
        assert not (answer.data or {}).get("grantConsent")
    assert await events(state, request) == ["asked", "opened"]
