"""Files of a command: sealed at rest, the same bytes at every attempt, and only where the agency takes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import inf

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.calls.call import Call
from records.calls.failures import AgencyRefused, AgencyTimeout
from records.complaint_photos import StoredPhoto
from records.hub.commands import CommandProblem, CommandProblemCode, CommandReceipt, NewCommand
from records.identifiers import Nik
from records.uploads import CommandFile
from services.commands.command_delivery import CommandDelivery
from services.commands.command_seals import CommandSeals, SealedFiles
from services.commands.database_commands import DatabaseCommands
from services.commands.delivery_rules import CommandTiming
from store.commands.command_outbox import CommandOutbox
from tests.services.commands.scripted_agency import SUBMIT, ScriptedAgency, Wish

SECRET, NEWER = b"a secret of thirty-two bytes....", b"a newer secret of 32 bytes......"
SITI = Nik("3171014506900001")
NO_CALL = Call(deadline=inf, request_id="test")
PHOTOS = (CommandFile(content=b"the first photo"), CommandFile(content=b"the second photo"))


class PhotoHub:
    """A hub in front of an agency."""

    def __init__(self, engine: AsyncEngine, agency: ScriptedAgency, *, secrets: Sequence[bytes] = (SECRET,)) -> None:
        self.outbox = CommandOutbox(engine, timeout=30, max_file_bytes=1_000)
        built, seals = agency.build(CommandTiming(settle=timedelta()), SUBMIT), CommandSeals(secrets)
        self.delivery = CommandDelivery(self.outbox, built, seals)
        self.desk = DatabaseCommands(self.outbox, {"crm": built}, seals, on_accepted=self.wake)

    async def submit(self, *files: CommandFile, key: str = "1") -> CommandReceipt | CommandProblem:
        wanted = NewCommand(subject=SITI, key=key, name=SUBMIT.name, payload=Wish(text="a lamp"), files=files)
        [answer] = (await self.desk.accept([wanted], NO_CALL)).values()
        return answer

    async def accept(self) -> str:
        receipt = await self.submit(*PHOTOS)
        assert isinstance(receipt, CommandReceipt)
        return receipt.number

    async def wake(self, subject: Nik, agency: str) -> None:
        assert (subject, agency) == (SITI, "crm")


async def test_the_agency_gets_the_files_in_their_order(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(takes_files=True)
    hub = PhotoHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    [sent] = agency.done[number]
    assert sent.files == PHOTOS


async def test_every_attempt_sends_the_same_bytes(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(takes_files=True, after=[AgencyRefused("crm", "HTTP 429", retry_after=0.0)])
    hub = PhotoHub(migrated, agency)
    number = await hub.accept()
    await hub.delivery.deliver()
    async with migrated.begin() as connection:
        await connection.exec_driver_sql("UPDATE commands SET next_at = now()")
    await hub.delivery.deliver()
    assert [each.files for each in agency.done[number]] == [PHOTOS, PHOTOS]


async def test_a_lookup_loads_no_files(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(takes_files=True, after=[AgencyTimeout("crm", "no answer")])
    hub = PhotoHub(migrated, agency)
    number = await hub.accept()
    for _ in range(2):
        await hub.delivery.deliver()
    assert (agency.lookups, len(agency.done[number])) == (1, 1)
    assert await hub.outbox.load_files(number) == []


async def test_the_database_holds_no_photo_that_can_be_read(migrated: AsyncEngine) -> None:
    hub = PhotoHub(migrated, ScriptedAgency(takes_files=True))
    number = await hub.accept()
    stored = await hub.outbox.load_files(number)
    assert all(b"photo" not in each for each in stored)
    assert await hub.desk.load_file(StoredPhoto(number, 1)) == b"the second photo"
    assert await hub.desk.load_file(StoredPhoto(number, 2)) is None


def test_a_file_opens_only_at_its_place_in_its_command() -> None:
    files = SealedFiles(SECRET)
    first, second = files.seal("TT-1", PHOTOS)
    assert files.open("TT-1", [first, second]) == PHOTOS
    changed = first[:-1] + bytes([first[-1] ^ 1])
    for number, sealed in (("TT-2", [first, second]), ("TT-1", [second, first]), ("TT-1", [changed, second])):
        with pytest.raises(ValueError, match=r"changed|sealed"):
            files.open(number, sealed)


async def test_files_of_an_earlier_secret_are_delivered(migrated: AsyncEngine) -> None:
    agency = ScriptedAgency(takes_files=True)
    number = await PhotoHub(migrated, agency).accept()
    await PhotoHub(migrated, agency, secrets=(NEWER, SECRET)).delivery.deliver()
    assert [each.files for each in agency.done[number]] == [PHOTOS]


async def test_an_agency_that_takes_no_files_is_a_problem_before_anything_is_stored(migrated: AsyncEngine) -> None:
    hub = PhotoHub(migrated, ScriptedAgency())
    refused = await hub.submit(*PHOTOS)
    assert refused == CommandProblem(code=CommandProblemCode.FILES_REFUSED, field="photos")
    assert isinstance(await hub.submit(), CommandReceipt)


async def test_a_full_store_is_a_problem_and_a_complaint_without_photos_is_accepted(migrated: AsyncEngine) -> None:
    hub = PhotoHub(migrated, ScriptedAgency(takes_files=True))
    refused = await hub.submit(CommandFile(content=bytes(1_001)))
    assert refused == CommandProblem(code=CommandProblemCode.STORE_FULL, field="photos")
    assert isinstance(await hub.submit(), CommandReceipt)
