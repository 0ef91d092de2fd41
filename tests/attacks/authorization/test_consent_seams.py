"""Consents in combination with restrictions, other consents, node ids and the ledger.

They run on the real hub with real agencies and its real database. The partner may run any document, so that only the
rules protect the data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.operations import OperationMode
from records.purposes import Purpose
from store.database import create_database_engine
from store.operations.operation_registry import OperationRegistry
from store.tables import access_entries, consents, verification_tries
from tests.journeys.hub import HubClient, HubResponse, RunningCity
from tests.journeys.partner import (
    CONSENTING_QUERY,
    GRANT,
    LAND,
    REVOKE,
    contract,
    grant,
    open_request,
    partner,
    request_consent,
    wait_for_code,
)

LOOSE = partner("loose")
RESTRICT = "mutation R($key: String!) { restrictProcessing(key: $key) { number state } }"
END = "mutation E($number: String!) { endRestriction(number: $number) { state } }"


@pytest.fixture
async def state(state_url: str, hub: HubClient) -> AsyncIterator[AsyncEngine]:
    """The hub's own database."""
    assert hub.url
    engine = create_database_engine(state_url)
    yield engine
    await engine.dispose()


@pytest.fixture(autouse=True)
async def agreed(hub: HubClient, state: AsyncEngine) -> AsyncIterator[None]:
    """A partner without registered operations. Its consents end with each test."""
    await OperationRegistry(state).publish(replace(contract("loose"), mode=OperationMode.OFF), [], by="tests")
    await wait_for_code(hub, {"query": LAND, "variables": {"consent": "none"}}, LOOSE, "FORBIDDEN")
    yield
    async with state.begin() as connection:
        left = update(consents).where(consents.c.client == str(LOOSE.client), consents.c.revoked_at.is_(None))
        await connection.execute(left.values(revoked_at=func.clock_timestamp(), revoked_by="partner"))


async def read(hub: HubClient, query: str, caller: Any = LOOSE, **variables: Any) -> HubResponse:  # noqa: ANN401 - JSON
    return await hub.post({"query": query, "variables": variables}, caller=caller)


async def entries(state: AsyncEngine) -> int:
    async with state.connect() as connection:
        wanted = select(func.count()).select_from(access_entries).where(access_entries.c.client == str(LOOSE.client))
        return int((await connection.execute(wanted)).scalar_one())


async def grant_consent(hub: HubClient, *scopes: str, **wanted: Any) -> str:  # noqa: ANN401 - JSON
    id_: str = (await grant(hub, await request_consent(hub, LOOSE, **wanted), *scopes))["consent"]["id"]
    return id_


async def test_a_restriction_overrides_a_consent_and_a_new_consent_does_not_lift_it(
    hub: HubClient, state: AsyncEngine, city: RunningCity
) -> None:
    consent = await grant_consent(hub)
    assert (await read(hub, LAND, consent=consent)).data["consented"]["taxObjects"]
    made = (await hub.ask(RESTRICT, {"key": f"seams {consent}"}, caller="siti")).data["restrictProcessing"]
    try:
        later = await grant_consent(hub)
        before = await entries(state)
        city.reset_calls()
        for each in (consent, later):
            for query, more in ((LAND, {}), (CONSENTING_QUERY, {"name": "Siti"})):
                answer = await read(hub, query, consent=each, **more)
                assert answer.errors == [("consented", "FORBIDDEN")]
                assert answer.data == {"consented": None}
                assert answer.body["errors"][0]["extensions"]["reason"] == "RESTRICTED"
        assert city.calls() == {}
        assert await entries(state) == before
        async with state.connect() as connection:
            tries = select(func.count()).select_from(verification_tries)
            counted = await connection.execute(tries.where(verification_tries.c.consent.in_((consent, later))))
            assert counted.scalar_one() == 0
    finally:
        ended = await hub.ask(END, {"number": made["number"]}, caller="siti")
    assert ended.errors == []
    assert (await read(hub, LAND, consent=consent)).data["consented"]["taxObjects"]


async def test_a_read_by_consent_is_recorded_as_such_with_its_data_classes(hub: HubClient, state: AsyncEngine) -> None:
    consent = await grant_consent(hub)
    before = await entries(state)
    await read(hub, LAND, consent=consent)
    await read(hub, CONSENTING_QUERY, consent=consent, name="Nobody")
    async with state.connect() as connection:
        columns = access_entries.c
        rows = await connection.execute(
            select(columns.legal_basis, columns.purpose, columns.classification, columns.fields, columns.agencies)
            .where(columns.client == str(LOOSE.client))
            .order_by(columns.at.desc())
            .limit(2)
        )
        who, land = rows.all()
    assert await entries(state) == before + 2
    assert (land.legal_basis, who.legal_basis) == ("consent", "consent")
    assert (land.purpose, who.purpose) == ("CREDIT_ASSESSMENT", "CREDIT_ASSESSMENT")
    assert "SPECIFIC:FINANCE" in land.classification
    assert "Verification.name" in who.fields
    assert (land.agencies, who.agencies) == ("pbb", "dukcapil")


async def test_one_consent_does_not_widen_another(hub: HubClient, city: RunningCity) -> None:
    tax, identity = await grant_consent(hub, "TAX"), await grant_consent(hub, "IDENTITY")
    city.reset_calls()
    for consent, query, field, more in (
        (identity, LAND, "consented.taxObjects", {}),
        (tax, CONSENTING_QUERY, "consented.verify", {"name": "Siti"}),
    ):
        assert (await read(hub, query, consent=consent, **more)).errors == [(field, "FORBIDDEN")]
    assert city.calls() == {}


async def test_a_consent_for_one_purpose_does_not_count_for_another(hub: HubClient, city: RunningCity) -> None:
    consent = await grant_consent(hub, "TAX", purpose="PAYMENT", scopes=["tax"])
    city.reset_calls()
    assert (await read(hub, LAND, consent=consent)).errors == [("consented", "FORBIDDEN")]
    assert city.calls() == {}
    paying = partner("loose", purpose=Purpose.PAYMENT.name)
    assert (await read(hub, LAND, paying, consent=consent)).data["consented"] is not None


async def test_a_node_id_from_a_consent_is_useless_after_its_end(hub: HubClient, city: RunningCity) -> None:
    consent = await grant_consent(hub)
    ids = "query I($consent: ID!) { consented(consent: $consent) { taxObjects { id } } }"
    node = "query N($id: ID!) { node(id: $id) { id ... on TaxObject { nop address } } }"
    found = (await read(hub, ids, consent=consent)).data["consented"]["taxObjects"][0]["id"]
    await hub.ask(REVOKE, {"consent": consent}, caller="siti")
    city.reset_calls()
    again = await read(hub, node, id=found)
    assert [code for _, code in again.errors] == ["FORBIDDEN"]
    assert (again.data, city.calls()) == ({"node": None}, {})


async def test_a_consent_expires_on_time_without_any_maintenance(
    hub: HubClient, state: AsyncEngine, city: RunningCity
) -> None:
    consent = await grant_consent(hub)
    async with state.begin() as connection:
        over = update(consents).where(consents.c.id == consent)
        await connection.execute(over.values(expires_at=func.clock_timestamp()))
    city.reset_calls()
    assert (await read(hub, LAND, consent=consent)).errors == [("consented", "FORBIDDEN")]
    assert city.calls() == {}


async def test_a_partner_changes_nothing_even_with_any_document(hub: HubClient) -> None:
    request = await request_consent(hub, LOOSE)
    assert await open_request(hub, request) is not None
    for query, variables in ((GRANT, {"request": request, "scopes": ["TAX"]}), (RESTRICT, {"key": "a partner's"})):
        answer = await hub.post({"query": query, "variables": variables}, caller=LOOSE)
        assert (answer.data, [code for _, code in answer.errors]) == (None, ["FORBIDDEN"])
