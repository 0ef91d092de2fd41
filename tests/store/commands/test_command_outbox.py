"""The outbox of commands: accepted once, claimed by one hub, in the order of each case, and never sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import inf
from time import monotonic

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.command_state import CommandState
from store.commands import command_outbox as module
from store.commands.command_outbox import (
    CommandKeyReused,
    CommandNotWaiting,
    CommandOutbox,
    CommandResult,
    TooManyCommands,
)
from store.commands.command_rows import StoredCommand
from store.database import create_database_engine
from store.database_timeout import StateUnavailable
from tests.sandbox_agencies import HOST, free_port
from tests.store.commands.sample_commands import BLIND, BUDI, COMMENT, KINDS, SITI, build_command

ACCEPTED, SENDING, RETRY_WAIT = CommandState.ACCEPTED, CommandState.SENDING, CommandState.RETRY_WAIT
UNKNOWN, RECONCILING, PARKED = CommandState.UNKNOWN, CommandState.RECONCILING, CommandState.PARKED
DONE, REJECTED = CommandState.DONE, CommandState.REJECTED
LONG, OVER = timedelta(minutes=1), timedelta()
"""A lease that lasts through a test, and one that is over when it is given."""


@pytest.fixture
async def outbox(migrated: AsyncEngine) -> CommandOutbox:
    return CommandOutbox(migrated, timeout=30)


async def claim(
    outbox: CommandOutbox, agency: str = "crm", *, limit: int = 10, lease: timedelta = LONG
) -> Sequence[StoredCommand]:
    return await outbox.claim(agency, KINDS, limit=limit, lease=lease)


async def load(outbox: CommandOutbox, number: str = "TT-1") -> StoredCommand:
    found = await outbox.find(number)
    assert found is not None
    return found


def list_states(command: StoredCommand) -> list[CommandState]:
    return [step.state for step in command.steps]


async def test_an_accepted_command_is_stored_with_its_first_step(outbox: CommandOutbox) -> None:
    kept = await outbox.accept(build_command())
    assert (kept.number, kept.case, kept.sequence, kept.state) == ("TT-1", "TT-1", 1, ACCEPTED)
    assert (kept.fence, kept.attempts, kept.sent_at, kept.closed_at, kept.waits_for) == (0, 0, None, None, None)
    assert (kept.payload, kept.agency_id, kept.outcome, kept.failure) == (b"sealed", None, None, None)
    assert [(step.state, step.by, step.detail) for step in kept.steps] == [(ACCEPTED, None, None)]
    found = await outbox.list_of_subjects([SITI])
    assert [replace(each, read_at=kept.read_at) for each in found] == [kept]
    assert await outbox.list_of_subjects([BUDI]) == []


async def test_a_double_tap_is_one_command(outbox: CommandOutbox) -> None:
    key = b"k" * 32
    kept = await asyncio.gather(*(outbox.accept(build_command(f"TT-{n}", key=key)) for n in range(12)))
    assert len({each.number for each in kept}) == 1
    assert len(await outbox.list_of_subjects([SITI])) == 1


async def test_the_same_key_with_other_text_is_refused_and_changes_nothing(outbox: CommandOutbox) -> None:
    kept = await outbox.accept(build_command())
    with pytest.raises(CommandKeyReused):
        await outbox.accept(build_command("TT-2", key=build_command().key, digest=b"d" * 32))
    assert [each.number for each in await outbox.list_of_subjects([SITI])] == [kept.number]


async def test_the_same_key_of_another_person_is_another_command(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    other = await outbox.accept(build_command("TT-2", key=build_command().key, subject=BUDI))
    assert other.number == "TT-2"


async def test_a_person_has_a_limit_of_commands_per_day(outbox: CommandOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PER_DAY", 2)
    results = await asyncio.gather(*(outbox.accept(build_command(f"TT-{n}")) for n in range(4)), return_exceptions=True)
    assert sum(isinstance(each, TooManyCommands) for each in results) == 2
    assert (await outbox.accept(build_command("TT-9", subject=BUDI))).number == "TT-9"


async def test_the_newest_commands_of_each_of_many_people_are_listed(outbox: CommandOutbox) -> None:
    for n in range(3):
        await outbox.accept(build_command(f"TT-{n}"))
        await outbox.accept(build_command(f"TT-B{n}", subject=BUDI))
    found = await outbox.list_of_subjects([SITI, BUDI], limit=2)
    assert [each.number for each in found] == ["TT-B2", "TT-2", "TT-B1", "TT-1"]
    assert [each.number for each in await outbox.list_of_subjects([BUDI])] == ["TT-B2", "TT-B1", "TT-B0"]


async def test_submissions_to_an_agency_are_listed_by_person_with_open_changes_and_by_number_without_refused_ones(
    outbox: CommandOutbox,
) -> None:
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2"))
    await outbox.accept(build_command("TT-3", BLIND))
    await outbox.accept(build_command("TT-4", COMMENT, case="TT-1"))
    await outbox.accept(build_command("TT-5", subject=BUDI))
    refused, *_ = await claim(outbox)
    assert await outbox.end_claim(refused, CommandResult(state=REJECTED))

    async def list_numbers(**wanted: Sequence[bytes] | Sequence[str]) -> list[str]:
        found = await outbox.submitted.list_submitted("crm", "submitComplaint", **wanted)  # type: ignore[arg-type]  # of the test
        return sorted(each.number for each in found)

    assert await list_numbers(subjects=[SITI]) == ["TT-2", "TT-4"]
    assert await list_numbers(subjects=[SITI, BUDI]) == ["TT-2", "TT-4", "TT-5"]
    changes = await outbox.submitted.list_changes([SITI, BUDI], asked_at=inf)
    assert [each.number for each in changes] == ["TT-4"]
    assert await list_numbers(numbers=["TT-1", "TT-2", "TT-3", "TT-4", "TT-5"]) == ["TT-2", "TT-5"]
    assert await list_numbers() == []


async def test_a_change_is_listed_until_an_agency_is_asked_that_has_it(outbox: CommandOutbox) -> None:
    asked_before = monotonic()
    await outbox.accept(build_command("TT-4", COMMENT, case="TT-1"))
    await outbox.accept(build_command("TT-5", COMMENT, case="TT-2"))
    done, refused = sorted(await claim(outbox), key=lambda each: each.number)
    assert await outbox.end_claim(done, CommandResult(state=DONE))
    assert await outbox.end_claim(refused, CommandResult(state=REJECTED))

    async def list_numbers(asked_at: float) -> list[list[str]]:
        lists = (
            await outbox.submitted.list_submitted("crm", "submitComplaint", subjects=[SITI], asked_at=asked_at),
            await outbox.submitted.list_changes([SITI], asked_at=asked_at),
        )
        return [[each.number for each in found] for found in lists]

    assert await list_numbers(asked_before) == [["TT-4"], ["TT-4"]]
    assert await list_numbers(inf) == [[], []]


async def test_a_claim_hides_a_command_from_other_hubs(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (claimed,) = await claim(outbox)
    assert (claimed.state, claimed.fence, claimed.attempts) == (SENDING, 1, 1)
    assert claimed.sent_at is not None
    assert await claim(outbox) == []
    assert (await load(outbox)).state is SENDING


async def test_many_hubs_share_commands_without_claiming_one_twice(outbox: CommandOutbox) -> None:
    numbers = [f"TT-{n}" for n in range(30)]
    for number in numbers:
        await outbox.accept(build_command(number, subject=number.encode().ljust(32, b".")))
    claims = await asyncio.gather(*(claim(outbox, limit=3) for _ in range(20)))
    claimed = [each.number for some in claims for each in some]
    assert sorted(claimed) == sorted(numbers)
    assert max(map(len, claims)) == 3


async def test_commands_are_claimed_in_the_order_of_their_acceptance(outbox: CommandOutbox) -> None:
    numbers = [f"TT-{n}" for n in (5, 3, 9, 1)]
    for number in numbers:
        await outbox.accept(build_command(number))
    assert [each.number for each in await claim(outbox, limit=3)] == ["TT-5", "TT-3", "TT-9"]


async def test_commands_of_other_agencies_and_unknown_versions_are_left_alone(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    assert await claim(outbox, "strict") == []
    assert await outbox.claim("crm", [("submitComplaint", 2)], limit=9, lease=LONG) == []
    assert await outbox.claim("crm", [], limit=9, lease=LONG) == []
    assert [each.number for each in await claim(outbox)] == ["TT-1"]


async def test_a_later_command_of_a_case_waits_for_the_earlier_one(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2", COMMENT, case="TT-1"))
    await outbox.accept(build_command("TT-3"))
    claimed = await claim(outbox)
    assert [each.number for each in claimed] == ["TT-1", "TT-3"]
    assert (await load(outbox, "TT-2")).waits_for == "TT-1"
    assert await outbox.end_claim(claimed[0], CommandResult(state=DONE, agency_id="17"))
    assert [each.number for each in await claim(outbox)] == ["TT-2"]
    assert (await load(outbox, "TT-2")).waits_for is None


async def test_a_parked_command_holds_back_its_own_case_only(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2", COMMENT, case="TT-1"))
    (claimed,) = await claim(outbox)
    assert await outbox.end_claim(claimed, CommandResult(state=PARKED, failure="AGENCY_MALFORMED"))
    await outbox.accept(build_command("TT-3", COMMENT, case="TT-3"))
    assert [each.number for each in await claim(outbox)] == ["TT-3"]
    assert (await load(outbox, "TT-2")).waits_for == "TT-1"


async def test_a_command_that_is_done_keeps_the_identifier_of_the_agency(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (claimed,) = await claim(outbox)
    assert await outbox.end_claim(claimed, CommandResult(state=DONE, agency_id="17", outcome=b"sealed answer"))
    kept = await load(outbox)
    assert (kept.state, kept.agency_id, kept.outcome, kept.failure) == (DONE, "17", b"sealed answer", None)
    assert kept.closed_at is not None
    assert list_states(kept) == [ACCEPTED, DONE]
    assert await claim(outbox) == []


async def test_a_command_that_certainly_did_not_arrive_is_sent_again_when_it_is_due(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (claimed,) = await claim(outbox)
    later = CommandResult(state=RETRY_WAIT, failure="AGENCY_UNAVAILABLE", retry_in=LONG)
    assert await outbox.end_claim(claimed, later)
    assert await claim(outbox) == []
    kept = await load(outbox)
    assert (kept.state, kept.failure, kept.closed_at) == (RETRY_WAIT, "AGENCY_UNAVAILABLE", None)
    assert LONG - timedelta(seconds=30) < kept.next_at - kept.read_at <= LONG


async def test_attempts_that_fail_alike_are_one_step(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    for failure in ("AGENCY_CLOSED", "AGENCY_CLOSED", "AGENCY_UNAVAILABLE", "AGENCY_UNAVAILABLE"):
        (claimed,) = await claim(outbox)
        assert await outbox.end_claim(claimed, CommandResult(state=RETRY_WAIT, failure=failure))
    steps = [(step.state, step.detail) for step in (await load(outbox)).steps]
    assert steps == [(ACCEPTED, None), (RETRY_WAIT, "AGENCY_CLOSED"), (RETRY_WAIT, "AGENCY_UNAVAILABLE")]


async def test_a_command_due_again_is_claimed_with_a_new_fence(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (first,) = await claim(outbox)
    assert await outbox.end_claim(first, CommandResult(state=RETRY_WAIT))
    (second,) = await claim(outbox)
    assert (second.state, second.fence, second.attempts) == (SENDING, 2, 2)


async def test_an_uncertain_command_is_looked_up_before_it_is_sent_again(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (claimed,) = await claim(outbox)
    assert await outbox.end_claim(claimed, CommandResult(state=UNKNOWN, failure="AGENCY_TIMEOUT"))
    (looked_up,) = await claim(outbox)
    assert (looked_up.state, looked_up.attempts, looked_up.lookups) == (RECONCILING, 1, 1)
    assert looked_up.sent_at == claimed.sent_at
    assert await outbox.end_claim(looked_up, CommandResult(state=RETRY_WAIT))
    (again,) = await claim(outbox)
    assert (again.state, again.attempts, again.lookups) == (SENDING, 2, 0)


async def test_a_hub_that_lost_its_lease_changes_nothing(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (frozen,) = await claim(outbox, lease=OVER)
    assert await outbox.release_expired("crm", settle=OVER) == 1
    (other,) = await claim(outbox)
    assert (other.state, other.fence) == (RECONCILING, 3)
    assert not await outbox.end_claim(frozen, CommandResult(state=REJECTED, failure="INVALID"))
    assert (await load(outbox)).state is RECONCILING
    assert await outbox.end_claim(other, CommandResult(state=DONE, agency_id="17"))
    assert not await outbox.end_claim(other, CommandResult(state=RETRY_WAIT))
    assert (await load(outbox)).state is DONE


async def test_the_command_of_a_dead_hub_may_have_arrived_and_is_looked_up_after_a_pause(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await claim(outbox, lease=OVER)
    assert await outbox.release_expired("strict", settle=OVER) == 0
    assert await outbox.release_expired("crm", settle=LONG) == 1
    kept = await load(outbox)
    assert (kept.state, kept.failure) == (UNKNOWN, "HUB_STOPPED")
    assert kept.next_at - kept.read_at > timedelta(seconds=30)
    assert await claim(outbox) == []
    assert await outbox.release_expired("crm", settle=LONG) == 0


async def test_a_lookup_that_a_dead_hub_began_is_due_immediately(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    (claimed,) = await claim(outbox)
    assert await outbox.end_claim(claimed, CommandResult(state=UNKNOWN))
    await claim(outbox, lease=OVER)
    assert await outbox.release_expired("crm", settle=LONG) == 1
    (again,) = await claim(outbox)
    assert (again.state, again.lookups) == (RECONCILING, 2)


async def test_without_a_way_to_look_it_up_the_command_of_a_dead_hub_is_parked(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(kind=BLIND))
    await claim(outbox, "strict", lease=OVER)
    assert await outbox.release_expired("strict", settle=OVER) == 1
    kept = await load(outbox)
    assert (kept.state, kept.failure, list_states(kept)) == (PARKED, "HUB_STOPPED", [ACCEPTED, PARKED])
    assert await claim(outbox, "strict") == []


async def test_a_token_of_the_agency_is_a_way_to_look_a_command_up(outbox: CommandOutbox) -> None:
    """Neither a dead hub nor a restore parks it, whatever its kind; what is sent again has no token any more."""
    await outbox.accept(build_command(kind=BLIND))
    (claimed,) = await claim(outbox, "strict")
    assert await outbox.end_claim(claimed, CommandResult(state=UNKNOWN, failure="NUMBER_PENDING", outcome=b"token"))
    (claimed,) = await claim(outbox, "strict", lease=OVER)
    assert (claimed.state, claimed.outcome) == (RECONCILING, b"token")
    assert await outbox.release_expired("strict", settle=OVER) == 1
    assert (await load(outbox)).state is UNKNOWN
    assert not await outbox.end_claim(claimed, CommandResult(state=DONE))
    assert await outbox.doubt_open(by="rina", settle=OVER) == 1
    kept = await load(outbox)
    assert (kept.state, kept.outcome) == (UNKNOWN, b"token")
    (claimed,) = await claim(outbox, "strict")
    assert await outbox.end_claim(claimed, CommandResult(state=PARKED, failure="NUMBER_PENDING"))
    again = await outbox.decide("TT-1", CommandResult(state=RETRY_WAIT), by="rina", reason="not at the agency")
    assert again is not None
    assert again.outcome is None


async def test_a_command_that_waits_for_its_number_has_one_step_for_it(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(kind=BLIND))
    for _ in range(3):
        (claimed,) = await claim(outbox, "strict")
        assert await outbox.end_claim(claimed, CommandResult(state=UNKNOWN, failure="NUMBER_PENDING"))
    assert list_states(await load(outbox)) == [ACCEPTED, UNKNOWN]


async def test_a_claim_within_its_lease_is_not_released(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await claim(outbox)
    assert await outbox.release_expired("crm", settle=OVER) == 0
    assert (await load(outbox)).state is SENDING


@pytest.mark.parametrize("state", [RETRY_WAIT, DONE, REJECTED])
async def test_a_person_decides_about_a_parked_command(outbox: CommandOutbox, state: CommandState) -> None:
    await outbox.accept(build_command(kind=BLIND))
    await claim(outbox, "strict", lease=OVER)
    await outbox.release_expired("strict", settle=OVER)
    kept = await outbox.decide("TT-1", CommandResult(state=state), by="rina", reason="seen at the agency")
    assert kept is not None
    assert (kept.state, kept.closed_at is None) == (state, state is RETRY_WAIT)
    assert (kept.steps[-1].state, kept.steps[-1].by, kept.steps[-1].detail) == (state, "rina", "seen at the agency")


async def test_a_command_that_is_not_parked_leaves_nothing_to_decide(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    with pytest.raises(CommandNotWaiting, match="accepted"):
        await outbox.decide("TT-1", CommandResult(state=DONE), by="rina", reason="")
    assert await outbox.decide("TT-0", CommandResult(state=DONE), by="rina", reason="") is None
    assert (await load(outbox)).state is ACCEPTED


async def test_a_person_parks_a_command_that_no_hub_is_working_on(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2"))
    parked = await outbox.park("TT-1", by="rina", reason="a hoax")
    assert parked is not None
    assert (parked.state, parked.steps[-1].by, parked.steps[-1].detail) == (PARKED, "rina", "a hoax")
    assert [each.number for each in await claim(outbox)] == ["TT-2"]
    with pytest.raises(CommandNotWaiting, match="sending"):
        await outbox.park("TT-2", by="rina", reason="")
    assert await outbox.park("TT-0", by="rina", reason="") is None


async def test_after_a_restore_every_open_command_is_uncertain(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2"))
    await outbox.accept(build_command("TT-3", BLIND))
    (done, claimed) = await claim(outbox)
    assert await outbox.end_claim(done, CommandResult(state=DONE, agency_id="17"))
    assert await outbox.doubt_open(by="rina", settle=LONG) == 2
    assert await claim(outbox) == []
    assert await outbox.doubt_open(by="rina", settle=OVER) == 1
    assert [(await load(outbox, f"TT-{n}")).state for n in (1, 2, 3)] == [DONE, UNKNOWN, PARKED]
    assert not await outbox.end_claim(claimed, CommandResult(state=RETRY_WAIT))
    assert [each.state for each in await claim(outbox)] == [RECONCILING]
    assert (await load(outbox, "TT-3")).failure == "RESTORED"


async def test_open_commands_are_listed_by_state_and_agency(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2", BLIND))
    await claim(outbox)

    async def list_numbers(**wanted: object) -> list[str]:
        return [each.number for each in await outbox.list_open(**wanted)]  # type: ignore[arg-type]  # of the test

    assert await list_numbers() == ["TT-2", "TT-1"]
    assert await list_numbers(agency="strict") == ["TT-2"]
    assert await list_numbers(states=[SENDING]) == ["TT-1"]
    assert await list_numbers(states=[DONE]) == []


async def end_at_random(outbox: CommandOutbox, claimed: StoredCommand) -> bool:
    """Ends a claim in failure, doubt or success; True if it is done."""
    fate = (int(claimed.number[3:]) + claimed.fence) % 4
    if claimed.state is SENDING and fate in {1, 2}:
        await outbox.end_claim(claimed, CommandResult(state=RETRY_WAIT if fate == 1 else UNKNOWN))
        return False
    return await outbox.end_claim(claimed, CommandResult(state=DONE))


async def test_no_command_is_lost_or_ended_twice_when_hubs_die(outbox: CommandOutbox) -> None:
    """Three hubs, of which every third turn ends in death while commands are claimed."""
    numbers = [f"TT-{n}" for n in range(24)]
    for n, number in enumerate(numbers):
        await outbox.accept(build_command(number, subject=f"{n}".encode().ljust(32, b"."), case=f"case-{n % 6}"))
    done: list[str] = []

    async def run_hub(hub: int) -> None:
        for turn in range(400):
            if len(done) == len(numbers):
                return
            dies = (turn + hub) % 3 == 0
            claimed = await claim(outbox, limit=2, lease=OVER if dies else LONG)
            done.extend([each.number for each in claimed if not dies and await end_at_random(outbox, each)])
            await outbox.release_expired("crm", settle=OVER)

    await asyncio.gather(*map(run_hub, range(3)))
    assert sorted(done) == sorted(numbers)
    for case_ in range(6):
        assert [n for n in done if int(n[3:]) % 6 == case_] == [n for n in numbers if int(n[3:]) % 6 == case_]
    assert await outbox.list_open() == []


async def test_without_the_database_nothing_is_accepted() -> None:
    engine = create_database_engine(f"postgresql://simpul@{HOST}:{free_port()}/simpul")
    outbox = CommandOutbox(engine, timeout=2)
    with pytest.raises(StateUnavailable):
        await outbox.accept(build_command())
    with pytest.raises(StateUnavailable):
        await claim(outbox)
    await engine.dispose()
