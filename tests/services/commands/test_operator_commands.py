"""What a person decides about a parked command has the effects of a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.sealed_people import InvalidPersonSeal, SealedPeople
from records.command_state import CommandState
from records.identifiers import Nik
from services.commands.operator_commands import OperatorCommands
from store.commands.command_outbox import CommandOutbox, CommandResult
from store.complaint_links import ComplaintLinkTable
from tests.store.commands.sample_commands import COMMENT, build_command

SECRET = b"a secret of thirty-two bytes...."
SITI = Nik("3171014506900001")
DONE = CommandResult(state=CommandState.DONE, agency_id="17")


async def build_desk(engine: AsyncEngine, *kinds: str, secret: bytes = SECRET) -> OperatorCommands:
    """Parked commands of Siti: her complaint TT-1, and what follows it."""
    desk = OperatorCommands(
        CommandOutbox(engine, timeout=30), SealedPeople(secret), {"crm": ComplaintLinkTable(engine, SECRET)}
    )
    subject = SealedPeople(SECRET).seal(SITI)
    await desk.outbox.accept(build_command("TT-1", subject=subject))
    await desk.outbox.park("TT-1", by="rina", reason="a test")
    for number in kinds:
        await desk.outbox.accept(build_command(number, COMMENT, case="TT-1", subject=subject))
        await desk.outbox.park(number, by="rina", reason="a test")
    return desk


async def load_links(engine: AsyncEngine) -> Sequence[str]:
    return (await ComplaintLinkTable(engine, SECRET).requests_of([SITI])).get(SITI, ())


async def test_the_reporter_of_a_complaint_that_a_person_found_is_linked_to_it(migrated: AsyncEngine) -> None:
    desk = await build_desk(migrated)
    decided = await desk.decide("TT-1", DONE, by="rina", reason="seen at the agency")
    assert decided is not None
    assert (decided.state, decided.agency_id) == (CommandState.DONE, "17")
    assert await load_links(migrated) == ["17"]


async def test_a_follow_up_or_a_rejection_links_no_reporter(migrated: AsyncEngine) -> None:
    desk = await build_desk(migrated, "TT-2")
    await desk.decide("TT-1", CommandResult(state=CommandState.REJECTED), by="rina", reason="not there")
    await desk.decide("TT-2", DONE, by="rina", reason="seen at the agency")
    assert await load_links(migrated) == ()


async def test_with_another_secret_nothing_is_decided(migrated: AsyncEngine) -> None:
    desk = await build_desk(migrated, secret=b"another secret of 32 bytes......")
    with pytest.raises(InvalidPersonSeal):
        await desk.decide("TT-1", DONE, by="rina", reason="seen at the agency")
    assert [each.state for each in await desk.outbox.list_open()] == [CommandState.PARKED]


async def test_an_unknown_number_is_no_command(migrated: AsyncEngine) -> None:
    desk = await build_desk(migrated)
    assert await desk.decide("TT-0", DONE, by="rina", reason="") is None
    assert await desk.outbox.claim("crm", [], limit=9, lease=timedelta(minutes=1)) == []
