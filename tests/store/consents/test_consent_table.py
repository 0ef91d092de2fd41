"""A person's list of consents, and the end of a consent: once, and effective immediately."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import SealedPeople
from records.hub.clients import ClientId
from records.hub.consents import Consent, ConsentPosition, ConsentState
from records.hub.partner_consents import ConsentRequestAnswer
from records.identifiers import Nik
from services.consents.consent_purge import ConsentPurger
from store.consents.consent_events import ConsentEvents
from store.consents.consent_maintenance import ConsentMaintenance
from store.consents.consent_requests import ConsentRequestTable, UnknownConsentRequest
from store.consents.consent_table import ConsentTable
from store.consents.data_preferences import DataPreferenceTable
from store.consents.verification_tries import MAX_TRIES_PER_DAY, VerificationTries
from store.consents.webhook_outbox import WebhookOutbox
from store.operations.operation_registry import OperationRegistry
from tests.fakes.clients import build_client
from tests.store.consents.consent_steps import (
    PEOPLE,
    SEALED_BUDI,
    SEALED_SITI,
    SITI,
    build_evidence,
    build_request,
    create_request,
    expire,
    grant_consent,
    open_request,
)


@pytest.fixture
async def requests(migrated: AsyncEngine) -> ConsentRequestTable:
    return ConsentRequestTable(migrated, timeout=30)


@pytest.fixture
def consents(migrated: AsyncEngine, requests: ConsentRequestTable) -> ConsentTable:  # noqa: ARG001 - which makes the tables
    return ConsentTable(migrated, timeout=30)


async def events(engine: AsyncEngine, id_: str) -> list[str]:
    return [each.event for each in await ConsentEvents(engine).list_events(id_)]


async def calls(engine: AsyncEngine) -> list[str]:
    return sorted(each.type for each in await WebhookOutbox(engine).list_calls())


async def test_a_person_sees_their_own_consents_newest_first(
    requests: ConsentRequestTable, consents: ConsentTable
) -> None:
    made = [await grant_consent(requests) for _ in range(3)]
    his = await grant_consent(requests, SEALED_BUDI)
    first = await consents.load_page(SEALED_SITI, 2, None)
    assert [each.id for each in first.consents] == [made[2].id, made[1].id]
    assert first.has_more
    last = first.consents[-1]
    rest = await consents.load_page(SEALED_SITI, 2, ConsentPosition(at=last.granted_at, id=last.id))
    assert ([each.id for each in rest.consents], rest.has_more) == ([made[0].id], False)
    assert [each.id for each in (await consents.load_page(SEALED_BUDI, 2, None)).consents] == [his.id]


async def test_each_end_has_its_state(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    kept, revoked, returned, expired = [await grant_consent(requests) for _ in range(4)]
    await consents.revoke(SEALED_SITI, revoked.id, request_id="r-3")
    await consents.give_back(build_client("bank"), returned.id, request_id="r-4")
    await expire(migrated, consent=expired.id)
    states = {each.id: each.state for each in (await consents.load_page(SEALED_SITI, 10, None)).consents}
    assert states == {
        kept.id: ConsentState.GRANTED,
        revoked.id: ConsentState.REVOKED,
        returned.id: ConsentState.RETURNED,
        expired.id: ConsentState.EXPIRED,
    }


async def test_a_revoked_consent_opens_nothing_to_the_next_caller(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    consent, preferences = await grant_consent(requests), DataPreferenceTable(migrated, timeout=30)
    found = await preferences.load_consenting_people([consent.id], build_client("bank"), PEOPLE.open)
    assert found[consent.id].subject == SITI
    assert found[consent.id].preferences.consents == (consent,)
    assert await preferences.load_consenting_people([consent.id], build_client("shop"), PEOPLE.open) == {}
    ended = await consents.revoke(SEALED_SITI, consent.id, request_id="r-3")
    assert ended is not None
    assert (ended[0].state, ended[1]) == (ConsentState.REVOKED, True)
    assert await preferences.load_consenting_people([consent.id], build_client("bank"), PEOPLE.open) == {}
    assert (await preferences.load_preferences([SEALED_SITI], build_client("bank")))[SITI].consents == ()


async def test_a_read_by_consent_loads_all_preferences_for_that_partner(
    requests: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    one, other = await grant_consent(requests), await grant_consent(requests)
    await grant_consent(requests, client="shop")
    found = await DataPreferenceTable(migrated, timeout=30).load_consenting_people(
        [one.id, other.id, "0" * 32], build_client("bank"), PEOPLE.open
    )
    assert set(found) == {one.id, other.id}
    assert found[one.id].preferences == found[other.id].preferences
    assert [each.id for each in found[one.id].preferences.consents] == [one.id, other.id]


async def test_concurrent_and_repeated_revocations_end_a_consent_once(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    consent = await grant_consent(requests)
    ended = await asyncio.gather(
        *(consents.revoke(SEALED_SITI, consent.id, request_id=f"r-{number}") for number in range(4)),
        *(consents.give_back(build_client("bank"), consent.id, request_id=f"p-{number}") for number in range(4)),
    )
    assert sorted(each is not None and each[1] for each in ended) == [False] * 7 + [True]
    assert len({each[0].state for each in ended if each}) == 1
    assert len([each for each in await events(migrated, consent.id) if each in {"revoked", "returned"}]) == 1


async def test_a_foreign_or_expired_consent_cannot_be_ended(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    consent = await grant_consent(requests)
    assert await consents.revoke(SEALED_BUDI, consent.id, request_id="r-3") is None
    assert await consents.give_back(build_client("shop"), consent.id, request_id="r-3") is None
    assert await consents.revoke(SEALED_SITI, "0" * 32, request_id="r-3") is None
    await expire(migrated, consent=consent.id)
    ended = await consents.revoke(SEALED_SITI, consent.id, request_id="r-3")
    assert ended is not None
    assert (ended[0].state, ended[0].revoked_at, ended[1]) == (ConsentState.EXPIRED, None, False)
    assert await events(migrated, consent.id) == ["granted"]


async def test_a_revocation_notifies_the_partner_and_a_return_does_not(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    await consents.revoke(SEALED_SITI, (await grant_consent(requests)).id, request_id="r-3")
    await consents.give_back(build_client("bank"), (await grant_consent(requests)).id, request_id="r-3")
    assert await calls(migrated) == ["consent.granted", "consent.granted", "consent.revoked"]


async def test_an_expired_consent_is_recorded_and_notified_once_by_one_of_several_hubs(
    requests: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    old, new = await grant_consent(requests), await grant_consent(requests)
    await expire(migrated, consent=old.id)
    done = await asyncio.gather(*(ConsentMaintenance(migrated).expire_consents() for _ in range(4)))
    assert sorted(done) == [0, 0, 0, 1]
    assert await ConsentMaintenance(migrated).expire_consents() == 0
    assert await events(migrated, old.id) == ["granted", "expired"]
    assert await events(migrated, new.id) == ["granted"]
    assert await calls(migrated) == ["consent.expired", "consent.granted", "consent.granted"]


async def test_an_unanswered_request_is_recorded_notified_and_loses_its_person(
    requests: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_, waiting, upkeep = await create_request(requests), await create_request(requests), ConsentMaintenance(migrated)
    await open_request(requests, SEALED_SITI, id_)
    await expire(migrated, request=id_)
    done = await asyncio.gather(*(upkeep.expire_requests() for _ in range(4)))
    assert sorted(done) == [0, 0, 0, 1]
    assert await upkeep.close_requests() == 1
    outcome = await requests.load_outcome(build_client("bank"), id_)
    assert outcome is not None
    assert (outcome.request.answer, outcome.request.state) == (ConsentRequestAnswer.EXPIRED, None)
    assert await events(migrated, id_) == ["asked", "opened", "unanswered"]
    assert await calls(migrated) == ["consent.unanswered"]
    async with migrated.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT id FROM consent_requests WHERE subject IS NOT NULL")).all()
    assert rows == []
    assert await open_request(requests, SEALED_BUDI, waiting)


async def test_an_answered_request_is_closed_at_its_expiry_and_cannot_be_answered_again(
    requests: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    yes, no, upkeep = await create_request(requests), await create_request(requests), ConsentMaintenance(migrated)
    for id_ in (yes, no):
        await open_request(requests, SEALED_SITI, id_)
    scopes = (await requests.grant(SEALED_SITI, yes, set(build_request().scopes), build_evidence))[1].scopes
    await requests.refuse(SEALED_SITI, no, request_id="r-2")
    assert await upkeep.close_requests() == 0
    for id_ in (yes, no):
        await expire(migrated, request=id_)
    assert await upkeep.close_requests() == 2
    assert await upkeep.close_requests() == 0
    with pytest.raises(UnknownConsentRequest):
        await requests.grant(SEALED_SITI, yes, scopes, build_evidence)
    async with migrated.connect() as connection:
        found = await connection.exec_driver_sql("SELECT id FROM consent_requests WHERE subject IS NOT NULL")
        assert [row.id for row in found] == [yes]


class FailingPurge:
    """Stores data under consents; fails the given number of times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.purged: list[str] = []

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("not now")
        self.purged.append(consent.id)
        return {"answers": 3}


async def test_data_of_a_consent_is_purged_at_its_end_and_the_purge_is_recorded(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    tries, kept, upkeep = VerificationTries(migrated), FailingPurge(), ConsentMaintenance(migrated)
    purging = ConsentPurger(upkeep, (tries, kept), PEOPLE)
    consent, other = await grant_consent(requests), await grant_consent(requests)
    assert set(await tries.count({consent.id: 1, other.id: 1})) == {consent.id, other.id}
    ended = await consents.revoke(SEALED_SITI, consent.id, request_id="r-3")
    assert ended is not None
    assert await purging.purge(ended[0])
    assert await purging.purge(ended[0])
    assert kept.purged == [consent.id] * 2
    [event] = [each for each in await ConsentEvents(migrated).list_events(consent.id) if each.event == "purged"]
    assert event.detail == {"verification_tries": 1, "answers": 3}
    assert await upkeep.list_unpurged(PEOPLE.open) == []


async def test_a_failed_purge_is_repeated_until_it_succeeds(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    kept, upkeep = FailingPurge(failures=2), ConsentMaintenance(migrated)
    purging = ConsentPurger(upkeep, (kept,), PEOPLE)
    revoked, expired = await grant_consent(requests), await grant_consent(requests)
    await consents.revoke(SEALED_SITI, revoked.id, request_id="r-3")
    await expire(migrated, consent=expired.id)
    await upkeep.expire_consents()
    await purging.purge_ended()
    assert kept.purged == []
    await purging.purge_ended()
    assert sorted(kept.purged) == sorted([revoked.id, expired.id])
    assert await upkeep.list_unpurged(PEOPLE.open) == []
    assert "purged" in await events(migrated, revoked.id)


async def test_a_person_whose_seal_cannot_be_opened_is_not_purged(
    requests: ConsentRequestTable, consents: ConsentTable, migrated: AsyncEngine
) -> None:
    consent = await grant_consent(requests)
    await consents.revoke(SEALED_SITI, consent.id, request_id="r-3")
    with pytest.raises(ValueError, match="sealed with another secret"):
        await ConsentMaintenance(migrated).list_unpurged(SealedPeople(b"another secret of thirty-two....").open)


@pytest.mark.usefixtures("requests")
async def test_verifications_are_counted_over_all_hubs_up_to_the_limit(migrated: AsyncEngine) -> None:
    tries = VerificationTries(migrated)
    asked_ = [tries.count({"one": 1, "two": 1}) for _ in range(MAX_TRIES_PER_DAY + 5)]
    found = await asyncio.gather(*asked_)
    assert sum("one" in each for each in found) == sum("two" in each for each in found) == MAX_TRIES_PER_DAY
    assert set(await tries.count({"one": 1, "three": 3})) == {"three"}
    assert set(await tries.count({"three": MAX_TRIES_PER_DAY})) == set()
    assert set(await tries.count({"three": MAX_TRIES_PER_DAY - 3})) == {"three"}
    assert set(await tries.count({"four": MAX_TRIES_PER_DAY + 1})) == set()


async def test_tables_hold_only_the_seal_of_a_person(requests: ConsentRequestTable, migrated: AsyncEngine) -> None:
    await grant_consent(requests)
    async with migrated.connect() as connection:
        for name in ("consents", "consent_requests", "consent_events", "webhook_calls"):
            rows = (await connection.exec_driver_sql(f"SELECT t::text FROM {name} t")).scalars().all()  # noqa: S608 - names of tables
            assert rows
            assert not [row for row in rows if Nik(SITI) in row or SITI.encode().hex() in row]


async def test_a_client_of_another_issuer_with_the_same_name_finds_nothing(
    consents: ConsentTable, requests: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    consent = await grant_consent(requests)
    same_name = ClientId("elsewhere", "bank")
    assert (
        await DataPreferenceTable(migrated, timeout=30).load_consenting_people([consent.id], same_name, PEOPLE.open)
        == {}
    )
    assert (await DataPreferenceTable(migrated, timeout=30).load_preferences([SEALED_SITI], same_name))[
        SITI
    ].consents == ()
    assert await consents.give_back(same_name, consent.id, request_id="r-9") is None
    async with migrated.connect() as connection:
        request = (await connection.execute(text("SELECT id FROM consent_requests"))).scalar_one()
    assert await requests.load_outcome(same_name, request) is None
    assert await requests.load_outcome(build_client("bank"), request) is not None
    assert await WebhookOutbox(migrated).list_calls(client=same_name) == []
    assert await OperationRegistry(migrated).load_contract(same_name) is None
