"""A consent request is opened by one person and answered once, also with concurrent calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.consents import ConsentState
from records.hub.operations import ClientContract, OperationField, OperationMode, RegisteredOperation
from records.hub.partner_consents import ConsentRequestAnswer
from records.purposes import Purpose, Scope
from store.consents import consent_requests as module
from store.consents.consent_events import ConsentEvents
from store.consents.consent_requests import (
    ConsentAlreadyAnswered,
    ConsentRequestTable,
    ScopeNotRequested,
    TooManyConsentRequests,
    UnknownConsentRequest,
    WrongConsentSubject,
)
from store.consents.data_preferences import SealedPerson
from store.consents.webhook_outbox import WebhookOutbox
from store.database import create_database_engine
from store.database_timeout import StateUnavailable
from store.operations.operation_registry import OperationRegistry
from store.tables import consent_requests, consents
from tests.fakes.clients import build_client
from tests.fakes.small_records import AYU
from tests.sandbox_agencies import HOST, free_port
from tests.store.consents.consent_steps import (
    BUDI,
    HOUR,
    PEOPLE,
    REDIRECT_URI,
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

BOTH = (Scope.TAX, Scope.MSMES)


@pytest.fixture
async def table(migrated: AsyncEngine) -> ConsentRequestTable:
    return ConsentRequestTable(migrated, timeout=30)


async def events(engine: AsyncEngine, id_: str) -> list[tuple[str, str, str | None]]:
    return [(each.event, each.by, each.request_id) for each in await ConsentEvents(engine).list_events(id_)]


async def counted(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(consents))).scalar_one()


async def test_a_request_waits_for_its_answer_and_is_visible_to_its_client(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    kept = await table.create(
        build_client("bank"), "Bank Betawi", build_request(), answer_within=HOUR, request_id="r-0"
    )
    assert (kept.client, kept.partner, kept.scopes, kept.purpose) == (
        "development/bank",
        "Bank Betawi",
        BOTH,
        Purpose.CREDIT_ASSESSMENT,
    )
    assert (kept.days, kept.redirect_uri, kept.state, kept.answer) == (
        30,
        REDIRECT_URI,
        "s-1",
        ConsentRequestAnswer.WAITING,
    )
    assert kept.answer_by - kept.asked_at == HOUR
    outcome = await table.load_outcome(build_client("bank"), kept.id)
    assert outcome is not None
    assert (outcome.request, outcome.consent) == (kept, None)
    assert await table.load_outcome(build_client("shop"), kept.id) is None
    assert await table.load_outcome(build_client("bank"), "0" * 32) is None
    assert await events(migrated, kept.id) == [("asked", "partner", "r-0")]


async def test_a_request_belongs_to_the_first_person_who_opens_it(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_ = await create_request(table)
    assert await open_request(table, SEALED_SITI, id_)
    assert await open_request(table, SEALED_SITI, id_)
    assert not await open_request(table, SEALED_BUDI, id_)
    for person in (SEALED_BUDI,):
        with pytest.raises(UnknownConsentRequest):
            await table.grant(person, id_, BOTH, build_evidence)
        with pytest.raises(UnknownConsentRequest):
            await table.refuse(person, id_, request_id="r-2")
    assert await events(migrated, id_) == [("asked", "partner", "r-0"), ("opened", "person", "r-1")]


async def test_of_two_concurrent_openers_only_one_may_answer(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    for _ in range(20):
        id_ = await create_request(table)
        found = await asyncio.gather(
            *(open_request(table, person, id_) for person in (SEALED_SITI, SEALED_BUDI, SEALED_SITI, SEALED_BUDI))
        )
        assert sorted(found) == [False, False, True, True]
        assert (found[0], found[1]) == (found[2], found[3])
        assert [event for event, _, _ in await events(migrated, id_)] == ["asked", "opened"]


async def test_an_unopened_request_cannot_be_answered(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    id_ = await create_request(table)
    with pytest.raises(UnknownConsentRequest):
        await table.grant(SEALED_SITI, id_, BOTH, build_evidence)
    assert await counted(migrated) == 0


async def test_a_grant_creates_a_consent_with_evidence_an_event_and_a_webhook(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_ = await create_request(table)
    await open_request(table, SEALED_SITI, id_)
    request, consent = await table.grant(SEALED_SITI, id_, {Scope.TAX}, build_evidence)
    assert (request.id, request.state) == (id_, "s-1")
    assert (consent.subject, consent.scopes, consent.state) == (SITI, (Scope.TAX,), ConsentState.GRANTED)
    assert consent.expires_at - consent.granted_at == timedelta(days=30)
    assert [each.text for each in consent.texts] == ["Saya", "I"]
    async with migrated.connect() as connection:
        row = (await connection.execute(select(consents))).mappings().one()
    kept = {name: row[name] for name in ("request", "assurance", "text_version", "text_hash", "answered_in")}
    assert kept == {
        "request": id_,
        "assurance": "substantial",
        "text_version": "1",
        "text_hash": b"h" * 32,
        "answered_in": "r-2",
    }
    assert SITI.encode() not in row["subject"]
    assert (await events(migrated, id_))[-1] == ("granted", "person", "r-2")
    [call] = await WebhookOutbox(migrated).list_calls()
    assert (call.client, call.type, call.request, call.consent) == (
        "development/bank",
        "consent.granted",
        id_,
        consent.id,
    )
    outcome = await table.load_outcome(build_client("bank"), id_)
    assert outcome is not None
    assert outcome.request.answer is ConsentRequestAnswer.GRANTED
    assert outcome.consent is not None
    assert (outcome.consent.id, outcome.consent.scopes) == (consent.id, (Scope.TAX,))


async def test_repeating_an_answer_changes_nothing_and_another_answer_is_refused(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    yes = await create_request(table)
    await open_request(table, SEALED_SITI, yes)
    first = await table.grant(SEALED_SITI, yes, {Scope.TAX}, build_evidence)
    assert (await table.grant(SEALED_SITI, yes, {Scope.TAX}, build_evidence))[1] == first[1]
    for other in ({Scope.MSMES}, set(BOTH)):
        with pytest.raises(ConsentAlreadyAnswered):
            await table.grant(SEALED_SITI, yes, other, build_evidence)
    with pytest.raises(ConsentAlreadyAnswered):
        await table.refuse(SEALED_SITI, yes, request_id="r-2")
    no = await create_request(table)
    await open_request(table, SEALED_SITI, no)
    for _ in range(2):
        assert (await table.refuse(SEALED_SITI, no, request_id="r-2")).id == no
    with pytest.raises(ConsentAlreadyAnswered):
        await table.grant(SEALED_SITI, no, {Scope.TAX}, build_evidence)
    assert await counted(migrated) == 1
    assert [each.type for each in await WebhookOutbox(migrated).list_calls()] == ["consent.refused", "consent.granted"]


@pytest.mark.parametrize(
    "scopes", [set(), {Scope.IDENTITY}, {Scope.TAX, Scope.IDENTITY}], ids=["none", "another", "more"]
)
async def test_only_requested_scopes_and_at_least_one_can_be_granted(
    table: ConsentRequestTable, migrated: AsyncEngine, scopes: set[Scope]
) -> None:
    id_ = await create_request(table)
    await open_request(table, SEALED_SITI, id_)
    with pytest.raises(ScopeNotRequested):
        await table.grant(SEALED_SITI, id_, scopes, build_evidence)
    assert await counted(migrated) == 0
    assert await open_request(table, SEALED_SITI, id_)


async def test_many_concurrent_answers_are_one_answer(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    for round_ in range(10):
        id_ = await create_request(table)
        await open_request(table, SEALED_SITI, id_)

        async def yes(id_: str = id_) -> str:
            try:
                return (await table.grant(SEALED_SITI, id_, {Scope.TAX}, build_evidence))[1].id
            except ConsentAlreadyAnswered:
                return "late"

        async def no(id_: str = id_) -> str:
            try:
                await table.refuse(SEALED_SITI, id_, request_id="r-2")
            except ConsentAlreadyAnswered:
                return "late"
            return "refused"

        said = await asyncio.gather(*(each() for each in ((yes, no, yes, no) if round_ % 2 else (no, yes, no, yes))))
        outcome = await table.load_outcome(build_client("bank"), id_)
        assert outcome is not None
        if outcome.consent is None:
            assert sorted(said) == ["late", "late", "refused", "refused"]
        else:
            assert sorted(said) == sorted([outcome.consent.id] * 2 + ["late"] * 2)
        assert len([each for each in await events(migrated, id_) if each[0] in {"granted", "refused"}]) == 1
        assert len([each for each in await WebhookOutbox(migrated).list_calls() if each.request == id_]) == 1


async def test_an_expired_request_cannot_be_opened_or_answered(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    unopened, id_ = await create_request(table), await create_request(table)
    await open_request(table, SEALED_SITI, id_)
    for each in (unopened, id_):
        await expire(migrated, request=each)
        assert not await open_request(table, SEALED_SITI, each)
        with pytest.raises(UnknownConsentRequest):
            await table.grant(SEALED_SITI, each, BOTH, build_evidence)
        with pytest.raises(UnknownConsentRequest):
            await table.refuse(SEALED_SITI, each, request_id="r-2")
    assert await counted(migrated) == 0


async def test_a_request_includes_the_fields_of_the_partners_operations(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    registry = OperationRegistry(migrated)
    operation = RegisteredOperation(
        client=build_client("bank"),
        id="1",
        name="Land",
        text="query Land { __typename }",
        reads=[OperationField(field="TaxObject.address", data_class="personal", rule="partner")],
    )
    id_ = await create_request(table)

    async def reads() -> frozenset[str] | None:
        [found] = await table.open(SEALED_SITI, [id_], request_id="r-1")
        return found.readable_fields

    assert await reads() == frozenset()
    await registry.publish(ClientContract(client=build_client("bank")), [operation], by="tests")
    assert await reads() == frozenset({"TaxObject.address"})
    await registry.publish(ClientContract(client=build_client("bank"), mode=OperationMode.OFF), [], by="tests")
    assert await reads() is None
    await registry.publish(ClientContract(client=build_client("bank")), [], by="tests")
    await registry.retire(build_client("bank"), ["1"], by="tests")
    assert await reads() == frozenset()


async def test_the_waiting_requests_of_a_client_are_limited(
    table: ConsentRequestTable, migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    first = await create_request(table)
    await create_request(table)
    with pytest.raises(TooManyConsentRequests):
        await create_request(table)
    await create_request(table, client="shop")
    await expire(migrated, request=first)
    await create_request(table)


async def test_a_request_has_at_most_one_consent(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    """The database itself refuses a second one."""
    consent = await grant_consent(table)
    async with migrated.connect() as connection:
        row = dict((await connection.execute(select(consents))).mappings().one())
        with pytest.raises(Exception, match="uq_consents_request"):
            await connection.execute(insert(consents).values({**row, "id": "another"}))
    assert consent.subject == SITI != BUDI


async def test_a_database_that_does_not_answer_raises_state_unavailable() -> None:
    nowhere = create_database_engine(f"postgresql://nobody@{HOST}:{free_port()}/none")
    table = ConsentRequestTable(nowhere)
    try:
        with pytest.raises(StateUnavailable):
            await create_request(table)
        with pytest.raises(StateUnavailable):
            await table.grant(SEALED_SITI, "0" * 32, BOTH, build_evidence)
    finally:
        await nowhere.dispose()


async def test_a_failed_transaction_leaves_no_part_of_a_request(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_ = await create_request(table)
    await open_request(table, SEALED_SITI, id_)

    def broken(_asked: object) -> None:
        raise RuntimeError("no evidence")

    with pytest.raises(RuntimeError):
        await table.grant(SEALED_SITI, id_, BOTH, broken)  # type: ignore[arg-type]  # it makes nothing
    assert await counted(migrated) == 0
    async with migrated.connect() as connection:
        assert (await connection.execute(select(consent_requests.c.answer))).scalar_one() is None
    assert await WebhookOutbox(migrated).list_calls() == []


async def test_a_guardian_consents_for_a_child_until_it_comes_of_age(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    birthday = datetime.now(UTC) + timedelta(days=3)
    id_ = await create_request(table, is_about_child=True)
    await open_request(table, SEALED_SITI, id_)
    with pytest.raises(WrongConsentSubject):
        await table.grant(SEALED_SITI, id_, BOTH, build_evidence)
    for _ in range(2):  # a repeat changes nothing
        _, consent = await table.grant(
            SEALED_SITI, id_, BOTH, lambda asked: replace(build_evidence(asked), until=birthday), child=SEALED_BUDI
        )
        assert (consent.subject, consent.by_guardian, consent.expires_at) == (BUDI, True, birthday)
    with pytest.raises(ConsentAlreadyAnswered):
        await table.grant(SEALED_SITI, id_, BOTH, build_evidence, child=SealedPerson(AYU, PEOPLE.seal(AYU)))
    async with migrated.connect() as connection:
        row = (await connection.execute(select(consents))).mappings().one()
    assert (row["subject"], row["guardian"]) == (SEALED_BUDI.seal, SEALED_SITI.seal)


async def test_no_consent_about_a_child_answers_a_request_about_the_person(table: ConsentRequestTable) -> None:
    id_ = await create_request(table)
    await open_request(table, SEALED_SITI, id_)
    with pytest.raises(WrongConsentSubject):
        await table.grant(SEALED_SITI, id_, BOTH, build_evidence, child=SEALED_BUDI)
