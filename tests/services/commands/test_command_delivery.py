"""Commands reach their agency once and in order, or wait visibly, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from math import inf

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from records.calls.call import Call
from records.calls.failures import (
    AgencyClosed,
    AgencyFailure,
    AgencyMalformed,
    AgencyRefused,
    AgencyTimeout,
    AgencyUnavailable,
)
from records.calls.outgoing_commands import OutgoingCommand
from records.command_state import CommandState
from records.hub.commands import CommandKind, CommandProblem, CommandProblemCode, CommandReceipt, NewCommand
from records.identifiers import Nik
from services.commands import delivery_rules
from services.commands.command_delivery import IDLE_INTERVAL, CommandDelivery
from services.commands.command_seals import CommandSeals
from services.commands.database_commands import DatabaseCommands
from services.commands.delivery_rules import GIVEN_UP_AFTER, CommandTiming
from store.commands.command_outbox import CommandOutbox
from store.commands.command_rows import StoredCommand
from store.tables import commands
from tests.services.commands.scripted_agency import BLIND, COMMENT, SEARCHED, SUBMIT, ScriptedAgency, Wish

SECRET = b"a secret of thirty-two bytes...."
NEWER_SECRET = b"a newer secret of 32 bytes......"
SITI = Nik("3171014506900001")
NO_CALL = Call(deadline=inf, request_id="test")
QUICK = CommandTiming(settle=timedelta())
ACCEPTED, SENDING, RETRY_WAIT = CommandState.ACCEPTED, CommandState.SENDING, CommandState.RETRY_WAIT
UNKNOWN, PARKED = CommandState.UNKNOWN, CommandState.PARKED
DONE, REJECTED = CommandState.DONE, CommandState.REJECTED


class CommandHub:
    """One hub: its outbox, its delivery to the agency, and what it accepts."""

    def __init__(
        self,
        engine: AsyncEngine,
        agency: ScriptedAgency,
        *kinds: CommandKind,
        timing: CommandTiming = QUICK,
        secrets: Sequence[bytes] = (SECRET,),
    ) -> None:
        self.engine = engine
        self.outbox = CommandOutbox(engine, timeout=30)
        built = agency.build(timing, *kinds)
        seals = CommandSeals(secrets)
        self.delivery = CommandDelivery(self.outbox, built, seals)
        self.desk = DatabaseCommands(self.outbox, {"crm": built}, seals, on_accepted=self.wake)

    async def accept(
        self,
        text: str = "a broken lamp",
        kind: CommandKind = SUBMIT,
        *,
        key: str | None = None,
        case: str | None = None,
    ) -> str:
        receipt = await self.submit(text, kind, key=key or text, case=case)
        assert isinstance(receipt, CommandReceipt)
        return receipt.number

    async def submit(
        self, text: str, kind: CommandKind = SUBMIT, *, key: str, case: str | None = None
    ) -> CommandReceipt | CommandProblem:
        wanted = NewCommand(subject=SITI, key=key, name=kind.name, payload=Wish(text=text), case=case)
        (answer,) = (await self.desk.accept([wanted], NO_CALL)).values()
        return answer

    async def wake(self, subject: Nik, agency: str) -> None:
        assert (subject, agency) == (SITI, "crm")
        self.delivery.wake()

    async def load(self, number: str) -> StoredCommand:
        found = await self.outbox.find(number)
        assert found is not None
        return found

    async def make_due(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(update(commands).values(next_at=commands.c.accepted_at))

    async def age(self, by: timedelta) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(update(commands).values(accepted_at=commands.c.accepted_at - by))


async def test_a_command_is_done_with_the_identifier_of_the_agency(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    assert await hub.delivery.deliver() == IDLE_INTERVAL
    kept = await hub.load(number)
    assert (kept.state, kept.agency_id, kept.failure) == (DONE, "agency-1", None)
    (sent,) = agency.done[number]
    assert (sent.subject, sent.payload, sent.case_id) == (SITI, Wish(text="a broken lamp"), None)


async def test_the_database_holds_no_person_and_no_text(migrated: AsyncEngine) -> None:
    hub = CommandHub(migrated, ScriptedAgency())
    await hub.accept()
    async with migrated.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT to_jsonb(commands)::text FROM commands")
        row = str(rows.scalar_one())
    assert SITI not in row
    assert SITI.encode().hex() not in row
    assert b"broken lamp".hex() not in row


async def test_a_double_tap_is_one_command_and_one_receipt(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    numbers = await asyncio.gather(*(hub.accept(key="tap") for _ in range(6)))
    assert len(set(numbers)) == 1
    await hub.delivery.deliver()
    assert [*agency.done] == [numbers[0]]
    assert await hub.accept(key="tap") == numbers[0]


async def test_the_same_key_with_other_text_is_a_problem_and_sends_nothing(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    await hub.accept(key="tap")
    assert await hub.submit("another lamp", key="tap") == CommandProblem(
        code=CommandProblemCode.KEY_REUSED, field="key"
    )
    await hub.delivery.deliver()
    assert agency.order == ["a broken lamp"]


async def test_a_refused_command_is_rejected_with_the_code_of_the_agency(migrated: AsyncEngine) -> None:
    hub = CommandHub(migrated, ScriptedAgency(refused={"a broken lamp"}))
    number = await hub.accept()
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.failure, kept.agency_id) == (REJECTED, "INVALID text", None)
    [receipt] = (await hub.desk.receipts_of([SITI], NO_CALL))[SITI]
    assert (receipt.problem, receipt.problem_field) == ("INVALID", "text")


@pytest.mark.parametrize(
    "failure",
    [
        AgencyTimeout("crm"),
        AgencyUnavailable("crm"),
        AgencyMalformed("crm"),
        ValueError("a bug"),
    ],
)
async def test_a_command_that_arrived_without_an_answer_is_found_and_not_sent_again(
    migrated: AsyncEngine, failure: Exception
) -> None:
    agency = ScriptedAgency(after=[failure])
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    assert (await hub.load(number)).state is UNKNOWN
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.agency_id, kept.attempts) == (DONE, "agency-1", 1)
    assert len(agency.done[number]) == 1


async def test_a_command_that_never_arrived_is_sent_again_after_the_lookup(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(before=[AgencyTimeout("crm")])
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    await hub.delivery.deliver()
    assert (await hub.load(number)).failure == "NOT_FOUND"
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.attempts, len(agency.done[number]), agency.lookups) == (DONE, 2, 1, 1)


async def test_the_lookup_waits_until_absence_proves_something(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(after=[AgencyTimeout("crm")])
    hub = CommandHub(migrated, agency, timing=CommandTiming(settle=timedelta(minutes=5)))
    number = await hub.accept()
    await hub.delivery.deliver()
    await hub.delivery.deliver()
    assert ((await hub.load(number)).state, agency.lookups) == (UNKNOWN, 0)
    await hub.make_due()
    await hub.delivery.deliver()
    assert ((await hub.load(number)).state, agency.lookups) == (DONE, 1)


async def test_a_failed_lookup_decides_nothing(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(
        after=[AgencyTimeout("crm")], lookup_failures=[AgencyUnavailable("crm"), AgencyMalformed("crm")]
    )
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    for _ in range(3):
        await hub.delivery.deliver()
        assert (await hub.load(number)).state is UNKNOWN
        await hub.make_due()
    await hub.delivery.deliver()
    assert ((await hub.load(number)).state, len(agency.done[number])) == (DONE, 1)


async def test_a_lookup_that_cannot_reach_the_agency_is_due_again_as_soon_as_it_is_back(migrated: AsyncEngine) -> None:
    down = AgencyUnavailable("crm", sent=False)
    agency = ScriptedAgency(after=[AgencyTimeout("crm")], lookup_failures=[down] * 9)
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    for _ in range(9):
        await hub.delivery.deliver()
        kept = await hub.load(number)
        assert (kept.state, kept.next_at - kept.read_at <= timedelta(seconds=5)) == (UNKNOWN, True)
        await hub.make_due()
    await hub.delivery.deliver()
    assert (await hub.load(number)).state is DONE


@pytest.mark.parametrize("failure", [AgencyTimeout("crm"), AgencyUnavailable("crm"), AgencyMalformed("crm")])
async def test_without_a_way_to_look_it_up_what_may_have_arrived_is_parked(
    migrated: AsyncEngine, failure: AgencyFailure
) -> None:
    agency = ScriptedAgency(after=[failure])
    hub = CommandHub(migrated, agency, BLIND)
    number = await hub.accept(kind=BLIND)
    await hub.delivery.deliver()
    await hub.make_due()
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.failure, len(agency.done[number]), agency.lookups) == (PARKED, failure.code, 1, 0)


@pytest.mark.parametrize("kind", [SUBMIT, BLIND])
@pytest.mark.parametrize(
    "failure", [AgencyUnavailable("crm", sent=False), AgencyRefused("crm"), AgencyClosed("crm", sent=False)]
)
async def test_a_command_that_certainly_was_not_carried_out_is_sent_again_without_a_lookup(
    migrated: AsyncEngine, kind: CommandKind, failure: AgencyFailure
) -> None:
    agency = ScriptedAgency(before=[failure])
    hub = CommandHub(migrated, agency, kind)
    number = await hub.accept(kind=kind)
    await hub.delivery.deliver()
    assert (await hub.load(number)).state is RETRY_WAIT
    await hub.make_due()
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.attempts, len(agency.done[number]), agency.lookups) == (DONE, 2, 1, 0)


async def test_an_outage_costs_no_attempts_and_keeps_the_order(
    migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_rules, "FIRST_PAUSE", timedelta(seconds=5))  # hubs of journeys wait for less
    agency = ScriptedAgency(is_down=True)
    hub = CommandHub(migrated, agency)
    texts = [f"wish {n}" for n in range(20)]
    numbers = [await hub.accept(text) for text in texts]
    pauses = [await hub.delivery.deliver() for _ in range(8)]
    assert pauses == [5.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 30.0]
    assert agency.probes == 7
    assert sum([(await hub.load(each)).attempts for each in numbers]) == 8
    agency.is_down = False
    await hub.make_due()
    while await hub.delivery.deliver() == 0:
        pass
    assert agency.order == texts


async def test_a_command_that_its_agency_refuses_for_three_days_waits_for_a_person(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(before=[AgencyRefused("crm"), AgencyRefused("crm")])
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    await hub.age(GIVEN_UP_AFTER)
    await hub.make_due()
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.failure) == (PARKED, "AGENCY_REFUSED")


async def test_a_closed_agency_is_waited_for_however_long(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(before=[AgencyClosed("crm", retry_after=9_000, sent=False)])
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    await hub.age(GIVEN_UP_AFTER * 4)
    assert await hub.delivery.deliver() == 30
    assert (await hub.load(number)).state is RETRY_WAIT


async def test_a_follow_up_names_the_identifier_of_its_case(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    case = await hub.accept()
    comment = await hub.accept("still broken", COMMENT, case=case)
    elsewhere = await hub.accept("me too", COMMENT, case="10000017")
    await hub.delivery.deliver()
    assert (await hub.load(comment)).waits_for is None
    await hub.delivery.deliver()
    assert agency.done[comment][0].case_id == "agency-1"
    assert agency.done[elsewhere][0].case_id == "10000017"


async def test_a_follow_up_of_a_rejected_command_is_rejected(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(refused={"a broken lamp"})
    hub = CommandHub(migrated, agency)
    case = await hub.accept()
    comment = await hub.accept("still broken", COMMENT, case=case)
    await hub.delivery.deliver()
    await hub.delivery.deliver()
    kept = await hub.load(comment)
    assert (kept.state, kept.failure, agency.order) == (REJECTED, "CASE_REJECTED", [])


async def test_a_follow_up_of_a_parked_command_waits_and_says_for_what(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(after=[AgencyTimeout("crm")])
    hub = CommandHub(migrated, agency, BLIND, COMMENT)
    case = await hub.accept(kind=BLIND)
    await hub.accept("still broken", COMMENT, case=case)
    await hub.delivery.deliver()
    await hub.delivery.deliver()
    receipts = {each.kind: each for each in (await hub.desk.receipts_of([SITI], NO_CALL))[SITI]}
    assert (receipts["submitComplaint"].state, receipts["commentComplaint"].state) == (PARKED, ACCEPTED)
    assert receipts["commentComplaint"].waits_for == case
    assert receipts["commentComplaint"].payload == Wish(text="still broken")


async def test_a_hub_that_dies_while_it_sends_leaves_one_command_at_the_agency(migrated: AsyncEngine) -> None:
    """The hub dies before, or after, the agency acted; its lease ends, and another hub looks the command up."""
    for dies_after in (False, True):
        agency = ScriptedAgency()
        dead, other = CommandHub(migrated, agency), CommandHub(migrated, agency)
        number = await dead.accept(f"dies after: {dies_after}")
        await dead.outbox.claim("crm", [("submitComplaint", 1)], limit=1, lease=timedelta())
        if dies_after:
            sent = OutgoingCommand(number=number, subject=SITI, payload=Wish(text="a broken lamp"))
            await agency.send([sent], NO_CALL)
        while (await other.load(number)).state is not DONE:
            await other.delivery.deliver()
        assert len(agency.done[number]) == 1


async def test_a_payload_that_cannot_be_opened_is_parked_and_stops_no_other(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    broken, sound = await hub.accept(), await hub.accept("a sound one")
    async with migrated.begin() as connection:
        await connection.execute(update(commands).where(commands.c.number == broken).values(payload=b"x" * 40))
    await hub.delivery.deliver()
    kept = await hub.load(broken)
    assert (kept.state, kept.failure) == (PARKED, "UNREADABLE")
    assert (await hub.load(sound)).state is DONE


async def test_a_command_of_an_unknown_secret_is_parked_and_stops_no_other(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    former, hub = CommandHub(migrated, agency), CommandHub(migrated, agency, secrets=[NEWER_SECRET])
    closed, sound = await former.accept(), await hub.accept("a sound one")
    await hub.delivery.deliver()
    kept = await hub.load(closed)
    assert (kept.state, kept.failure) == (PARKED, "UNREADABLE")
    assert ((await hub.load(sound)).state, agency.order) == (DONE, ["a sound one"])
    assert [each.number for each in (await hub.desk.receipts_of([SITI], NO_CALL))[SITI]] == [sound]
    assert [*await hub.desk.find_submitted("crm", "submitComplaint", [closed, sound])] == [sound]


async def test_after_a_change_of_the_secret_open_commands_are_delivered_and_keys_keep_their_meaning(
    migrated: AsyncEngine,
) -> None:
    agency = ScriptedAgency()
    number = await CommandHub(migrated, agency).accept(key="tap")
    hub = CommandHub(migrated, agency, secrets=[NEWER_SECRET, SECRET])
    assert await hub.accept(key="tap") == number
    assert await hub.submit("another lamp", key="tap") == CommandProblem(
        code=CommandProblemCode.KEY_REUSED, field="key"
    )
    newer = await hub.accept("after the change")
    await hub.delivery.deliver()
    assert agency.order == ["a broken lamp", "after the change"]
    assert agency.done[number][0].subject == SITI
    receipts = (await hub.desk.receipts_of([SITI], NO_CALL))[SITI]
    assert [(each.number, each.state) for each in receipts] == [(newer, DONE), (number, DONE)]
    submitted = (await hub.desk.list_submitted("crm", "submitComplaint", [SITI], asked_at=inf))[SITI]
    assert {each.number: each.payload for each in submitted} == {
        number: Wish(text="a broken lamp"),
        newer: Wish(text="after the change"),
    }


async def test_a_stopping_hub_finishes_what_it_sends(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    started, goes_on = asyncio.Event(), asyncio.Event()
    send = agency.send

    async def send_slowly(*given: object) -> object:
        started.set()
        await goes_on.wait()
        return await send(*given)  # type: ignore[arg-type]  # forwarded

    agency.send = send_slowly  # type: ignore[method-assign,assignment]  # slower
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    running = hub.delivery.running()
    await running.__aenter__()
    await started.wait()
    stopping = asyncio.ensure_future(running.__aexit__(None, None, None))
    await asyncio.sleep(0)
    goes_on.set()
    await stopping
    assert ((await hub.load(number)).state, len(agency.done[number])) == (DONE, 1)


async def test_an_accepted_command_wakes_an_idle_hub(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    async with hub.delivery.running():
        number = await hub.accept()
        async with asyncio.timeout(IDLE_INTERVAL * 4):
            await agency.acted.wait()
    assert (await hub.load(number)).state is DONE


async def test_a_lookup_that_finds_a_double_is_done_and_reported(
    migrated: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    agency = ScriptedAgency(after=[AgencyTimeout("crm")])
    hub = CommandHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    agency.done[number] *= 2
    await hub.delivery.deliver()
    assert (await hub.load(number)).state is DONE
    assert f"Command {number} was carried out 2 times by 'crm'." in caplog.text


async def test_a_search_gets_what_tells_the_command_from_others(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency, SUBMIT, SEARCHED)
    case = await hub.accept()
    first = await hub.accept("first", SEARCHED, case=case)
    for _ in range(3):
        await hub.delivery.deliver()
    agency.before = [AgencyTimeout("crm"), AgencyTimeout("crm")]
    number = await hub.accept("second", SEARCHED, case=case)
    for _ in range(5):
        await hub.make_due()
        await hub.delivery.deliver()
    kept, accepted = await hub.load(number), await hub.load(first)
    assert (kept.state, kept.agency_id) == (DONE, "agency-3")
    once, twice = (each for each in agency.looked_up if each.number == number)
    assert (once.attempts, twice.attempts) == (1, 2)
    assert once.other_ids == twice.other_ids == {accepted.agency_id}
    assert once.accepted_at == kept.accepted_at
    assert [each.other_ids for each in agency.done[number]] == [frozenset()]


async def test_an_ambiguous_search_is_parked_for_a_person(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(before=[AgencyTimeout("crm")], is_ambiguous=True)
    hub = CommandHub(migrated, agency, SEARCHED)
    number = await hub.accept("once", SEARCHED)
    await hub.delivery.deliver()
    await hub.make_due()
    await hub.delivery.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.failure) == (PARKED, "AMBIGUOUS")


async def test_a_follow_up_of_a_complaint_without_a_number_waits_and_costs_no_other_command(
    migrated: AsyncEngine,
) -> None:
    agency = ScriptedAgency()
    hub = CommandHub(migrated, agency)
    case = await hub.accept()
    await hub.delivery.deliver()
    async with migrated.begin() as connection:
        await connection.execute(update(commands).values(agency_id=None))
    comment, other = await hub.accept("comment", COMMENT, case=case), await hub.accept("other")
    await hub.delivery.deliver()
    kept = await hub.load(comment)
    assert (kept.state, kept.failure, (await hub.load(other)).state) == (RETRY_WAIT, "CASE_UNNUMBERED", DONE)
    async with migrated.begin() as connection:
        await connection.execute(update(commands).where(commands.c.number == case).values(agency_id="late"))
    await hub.make_due()
    await hub.delivery.deliver()
    assert [each.case_id for each in agency.done[comment]] == ["late"]


async def test_a_command_for_an_agency_that_does_not_offer_it_is_a_problem(migrated: AsyncEngine) -> None:
    hub = CommandHub(migrated, ScriptedAgency(), SUBMIT)
    wanted = NewCommand(subject=SITI, key="1", name=COMMENT.name, payload=Wish(text="x"), case="17", agency="crm")
    for answers in (await hub.desk.accept([wanted], NO_CALL), await hub.desk.find_repeated([wanted], NO_CALL)):
        assert answers == {wanted: CommandProblem(code=CommandProblemCode.NOT_OFFERED)}


async def test_a_repetition_is_found_before_anything_is_checked(migrated: AsyncEngine) -> None:
    hub = CommandHub(migrated, ScriptedAgency())
    wanted = NewCommand(subject=SITI, key="1", name=COMMENT.name, payload=Wish(text="x"), case="17")
    assert await hub.desk.find_repeated([wanted], NO_CALL) == {}
    accepted = (await hub.desk.accept([wanted], NO_CALL))[wanted]
    found = (await hub.desk.find_repeated([wanted], NO_CALL))[wanted]
    assert isinstance(accepted, CommandReceipt)
    assert isinstance(found, CommandReceipt)
    assert (found.number, found.case) == (accepted.number, "17")
    other = NewCommand(subject=SITI, key="1", name=COMMENT.name, payload=Wish(text="y"), case="17")
    problem = (await hub.desk.find_repeated([other], NO_CALL))[other]
    assert problem == CommandProblem(code=CommandProblemCode.KEY_REUSED, field="key")
