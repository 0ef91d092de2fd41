"""A request for consent is opened by one person and answered once, however many come at the same moment."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.asked_consents import Answer
from records.consents import ConsentState
from records.operations import ClientContract, OperationMode, OperationReading, RegisteredOperation
from records.purposes import Purpose, Scope
from store import consent_requests as module
from store.consent_events import ConsentEvents
from store.consent_requests import (
    AnsweredOtherwise,
    ConsentRequestTable,
    NoSuchRequest,
    NotAskedFor,
    TooManyWaiting,
)
from store.database import database
from store.operations import OperationRegistry
from store.outbox import Outbox
from store.tables import consent_requests, consents
from store.unavailable import StateUnavailable
from tests.city import HOST, free_port
from tests.clients import client_named
from tests.store.consents import BUDI, HER, HIM, HOUR, RETURNS, SITI, asked, evidence, granted, made_old, opened, wanted

BOTH = (Scope.TAX, Scope.MSMES)


@pytest.fixture
async def table(migrated: AsyncEngine) -> ConsentRequestTable:
    return ConsentRequestTable(migrated)


async def events(engine: AsyncEngine, id_: str) -> list[tuple[str, str, str | None]]:
    return [(each.event, each.by, each.request_id) for each in await ConsentEvents(engine).of(id_)]


async def counted(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(consents))).scalar_one()


async def test_a_request_waits_for_its_answer_and_is_told_to_the_client_that_asked(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    kept = await table.ask(client_named("bank"), "Bank Betawi", wanted(), answer_within=HOUR, request_id="r-0")
    assert (kept.client, kept.partner, kept.scopes, kept.purpose) == (
        "development/bank",
        "Bank Betawi",
        BOTH,
        Purpose.CREDIT_ASSESSMENT,
    )
    assert (kept.days, kept.redirect_uri, kept.state, kept.answer) == (30, RETURNS, "s-1", Answer.WAITING)
    assert kept.answer_by - kept.asked_at == HOUR
    outcome = await table.outcome(client_named("bank"), kept.id)
    assert outcome is not None
    assert (outcome.request, outcome.consent) == (kept, None)
    assert await table.outcome(client_named("shop"), kept.id) is None
    assert await table.outcome(client_named("bank"), "0" * 32) is None
    assert await events(migrated, kept.id) == [("asked", "partner", "r-0")]


async def test_who_opens_it_first_is_whom_it_is_about(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    id_ = await asked(table)
    assert await opened(table, HER, id_)
    assert await opened(table, HER, id_)
    assert not await opened(table, HIM, id_)
    for person in (HIM,):
        with pytest.raises(NoSuchRequest):
            await table.grant(person, id_, BOTH, evidence)
        with pytest.raises(NoSuchRequest):
            await table.refuse(person, id_, request_id="r-2")
    assert await events(migrated, id_) == [("asked", "partner", "r-0"), ("opened", "person", "r-1")]


async def test_two_who_open_it_at_once_are_one_who_may_and_one_who_may_not(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    for _ in range(20):
        id_ = await asked(table)
        found = await asyncio.gather(*(opened(table, person, id_) for person in (HER, HIM, HER, HIM)))
        assert sorted(found) == [False, False, True, True]
        assert (found[0], found[1]) == (found[2], found[3])
        assert [event for event, _, _ in await events(migrated, id_)] == ["asked", "opened"]


async def test_a_request_that_nobody_opened_cannot_be_answered(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_ = await asked(table)
    with pytest.raises(NoSuchRequest):
        await table.grant(HER, id_, BOTH, evidence)
    assert await counted(migrated) == 0


async def test_a_yes_makes_a_consent_with_its_evidence_an_event_and_a_call_to_the_partner(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_ = await asked(table)
    await opened(table, HER, id_)
    request, consent = await table.grant(HER, id_, {Scope.TAX}, evidence)
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
    [call] = await Outbox(migrated).calls()
    assert (call.client, call.type, call.request, call.consent) == (
        "development/bank",
        "consent.granted",
        id_,
        consent.id,
    )
    outcome = await table.outcome(client_named("bank"), id_)
    assert outcome is not None
    assert outcome.request.answer is Answer.GRANTED
    assert outcome.consent is not None
    assert (outcome.consent.id, outcome.consent.scopes) == (consent.id, (Scope.TAX,))


async def test_to_say_the_same_again_changes_nothing_and_something_else_is_refused(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    yes = await asked(table)
    await opened(table, HER, yes)
    first = await table.grant(HER, yes, {Scope.TAX}, evidence)
    assert (await table.grant(HER, yes, {Scope.TAX}, evidence))[1] == first[1]
    for other in ({Scope.MSMES}, set(BOTH)):
        with pytest.raises(AnsweredOtherwise):
            await table.grant(HER, yes, other, evidence)
    with pytest.raises(AnsweredOtherwise):
        await table.refuse(HER, yes, request_id="r-2")
    no = await asked(table)
    await opened(table, HER, no)
    for _ in range(2):
        assert (await table.refuse(HER, no, request_id="r-2")).id == no
    with pytest.raises(AnsweredOtherwise):
        await table.grant(HER, no, {Scope.TAX}, evidence)
    assert await counted(migrated) == 1
    assert [each.type for each in await Outbox(migrated).calls()] == ["consent.refused", "consent.granted"]


@pytest.mark.parametrize(
    "scopes", [set(), {Scope.IDENTITY}, {Scope.TAX, Scope.IDENTITY}], ids=["none", "another", "more"]
)
async def test_no_more_than_was_asked_for_and_no_less_than_something_can_be_granted(
    table: ConsentRequestTable, migrated: AsyncEngine, scopes: set[Scope]
) -> None:
    id_ = await asked(table)
    await opened(table, HER, id_)
    with pytest.raises(NotAskedFor):
        await table.grant(HER, id_, scopes, evidence)
    assert await counted(migrated) == 0
    assert await opened(table, HER, id_)


async def test_many_answers_at_once_are_one_answer(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    for round_ in range(10):
        id_ = await asked(table)
        await opened(table, HER, id_)

        async def yes(id_: str = id_) -> str:
            try:
                return (await table.grant(HER, id_, {Scope.TAX}, evidence))[1].id
            except AnsweredOtherwise:
                return "late"

        async def no(id_: str = id_) -> str:
            try:
                await table.refuse(HER, id_, request_id="r-2")
            except AnsweredOtherwise:
                return "late"
            return "refused"

        said = await asyncio.gather(*(each() for each in ((yes, no, yes, no) if round_ % 2 else (no, yes, no, yes))))
        outcome = await table.outcome(client_named("bank"), id_)
        assert outcome is not None
        if outcome.consent is None:
            assert sorted(said) == ["late", "late", "refused", "refused"]
        else:
            assert sorted(said) == sorted([outcome.consent.id] * 2 + ["late"] * 2)
        assert len([each for each in await events(migrated, id_) if each[0] in {"granted", "refused"}]) == 1
        assert len([each for each in await Outbox(migrated).calls() if each.request == id_]) == 1


async def test_after_its_time_nobody_opens_it_and_nobody_answers_it(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    unopened, id_ = await asked(table), await asked(table)
    await opened(table, HER, id_)
    for each in (unopened, id_):
        await made_old(migrated, request=each)
        assert not await opened(table, HER, each)
        with pytest.raises(NoSuchRequest):
            await table.grant(HER, each, BOTH, evidence)
        with pytest.raises(NoSuchRequest):
            await table.refuse(HER, each, request_id="r-2")
    assert await counted(migrated) == 0


async def test_what_the_partners_operations_read_comes_with_the_request(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    registry = OperationRegistry(migrated)
    operation = RegisteredOperation(
        client=client_named("bank"),
        id="1",
        name="Land",
        text="query Land { __typename }",
        reads=[OperationReading(field="TaxObject.address", data_class="personal", rule="partner")],
    )
    id_ = await asked(table)

    async def reads() -> frozenset[str] | None:
        [found] = await table.open(HER, [id_], request_id="r-1")
        return found.reads

    assert await reads() == frozenset()
    await registry.publish(ClientContract(client=client_named("bank")), [operation], by="tests")
    assert await reads() == frozenset({"TaxObject.address"})
    await registry.publish(ClientContract(client=client_named("bank"), mode=OperationMode.OFF), [], by="tests")
    assert await reads() is None
    await registry.publish(ClientContract(client=client_named("bank")), [], by="tests")
    await registry.retire(client_named("bank"), ["1"], by="tests")
    assert await reads() == frozenset()


async def test_a_client_has_a_bounded_number_of_requests_waiting(
    table: ConsentRequestTable, migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    first = await asked(table)
    await asked(table)
    with pytest.raises(TooManyWaiting):
        await asked(table)
    await asked(table, client="shop")
    await made_old(migrated, request=first)
    await asked(table)


async def test_a_consent_is_the_answer_to_one_request(table: ConsentRequestTable, migrated: AsyncEngine) -> None:
    """The database itself refuses a second one."""
    consent = await granted(table)
    async with migrated.connect() as connection:
        row = dict((await connection.execute(select(consents))).mappings().one())
        with pytest.raises(Exception, match="uq_consents_request"):
            await connection.execute(insert(consents).values({**row, "id": "another"}))
    assert consent.subject == SITI != BUDI


async def test_a_database_that_does_not_answer_is_no_answer() -> None:
    nowhere = database(f"postgresql://nobody@{HOST}:{free_port()}/none")
    table = ConsentRequestTable(nowhere)
    try:
        with pytest.raises(StateUnavailable):
            await asked(table)
        with pytest.raises(StateUnavailable):
            await table.grant(HER, "0" * 32, BOTH, evidence)
    finally:
        await nowhere.dispose()


async def test_nothing_of_a_request_is_left_of_a_transaction_that_failed(
    table: ConsentRequestTable, migrated: AsyncEngine
) -> None:
    id_ = await asked(table)
    await opened(table, HER, id_)

    def broken(_asked: object) -> None:
        raise RuntimeError("no evidence")

    with pytest.raises(RuntimeError):
        await table.grant(HER, id_, BOTH, broken)  # type: ignore[arg-type]  # it makes nothing
    assert await counted(migrated) == 0
    async with migrated.connect() as connection:
        assert (await connection.execute(select(consent_requests.c.answer))).scalar_one() is None
    assert await Outbox(migrated).calls() == []
