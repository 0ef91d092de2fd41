"""Files of commands: stored with their command or not at all, within one bound, and removed at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from records.command_state import CommandState
from store.commands.command_files import FileStoreFull
from store.commands.command_outbox import CommandKeyReused, CommandOutbox, CommandResult
from store.commands.command_rows import StoredCommand
from store.tables import commands
from tests.store.commands.sample_commands import KINDS, build_command

FILES = (b"first", b"second")
KILOBYTE = bytes(1_000)


@pytest.fixture
async def outbox(migrated: AsyncEngine) -> CommandOutbox:
    return CommandOutbox(migrated, timeout=30, max_file_bytes=5_000)


async def claim_one(outbox: CommandOutbox) -> StoredCommand:
    [claimed] = await outbox.claim("crm", KINDS, limit=1, lease=timedelta(minutes=1))
    return claimed


async def count_kilobytes(outbox: CommandOutbox, numbers: Sequence[str]) -> int:
    return sum([sum(map(len, await outbox.load_files(number))) for number in numbers]) // len(KILOBYTE)


async def test_files_keep_their_order_and_bytes(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(files=FILES))
    assert await outbox.load_files("TT-1") == list(FILES)
    assert [await outbox.load_file("TT-1", position) for position in range(3)] == [*FILES, None]
    assert await outbox.load_files("TT-2") == []


async def test_a_repetition_stores_no_second_copy(outbox: CommandOutbox) -> None:
    for _ in range(3):
        await outbox.accept(build_command(files=FILES))
    assert await outbox.load_files("TT-1") == list(FILES)


async def test_beyond_the_bound_neither_the_command_nor_a_file_is_stored(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(files=[KILOBYTE] * 4))
    with pytest.raises(FileStoreFull):
        await outbox.accept(build_command("TT-2", files=[KILOBYTE] * 2))
    assert await outbox.find("TT-2") is None
    assert await outbox.load_files("TT-2") == []
    await outbox.accept(build_command("TT-3", files=[KILOBYTE]))
    await outbox.accept(build_command("TT-4"))  # without files, it is still accepted


async def test_a_repetition_is_answered_and_a_reused_key_refused_while_the_store_is_full(
    migrated: AsyncEngine, outbox: CommandOutbox
) -> None:
    await outbox.accept(build_command(files=[KILOBYTE] * 5))
    full = CommandOutbox(migrated, timeout=30, max_file_bytes=0)
    assert (await full.accept(build_command(files=[KILOBYTE] * 5))).number == "TT-1"
    with pytest.raises(CommandKeyReused):
        await full.accept(build_command(files=[KILOBYTE], digest=b"d" * 32))


async def test_hubs_that_accept_at_the_same_moment_keep_the_bound_together(migrated: AsyncEngine) -> None:
    hubs = [CommandOutbox(migrated, timeout=30, max_file_bytes=5_000) for _ in range(4)]
    numbers = [f"TT-{number}" for number in range(20)]
    results = await asyncio.gather(
        *(
            hubs[place % 4].accept(build_command(number, files=[KILOBYTE], subject=number.encode().ljust(32)))
            for place, number in enumerate(numbers)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, FileStoreFull) for each in results) == 15
    assert await count_kilobytes(hubs[0], numbers) == 5


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (CommandState.DONE, []),
        (CommandState.REJECTED, []),
        (CommandState.RETRY_WAIT, list(FILES)),
        (CommandState.UNKNOWN, list(FILES)),
        (CommandState.PARKED, list(FILES)),
    ],
)
async def test_files_are_removed_when_the_outcome_is_certain(
    outbox: CommandOutbox, state: CommandState, left: list[bytes]
) -> None:
    await outbox.accept(build_command(files=FILES))
    assert await outbox.end_claim(await claim_one(outbox), CommandResult(state=state))
    assert await outbox.load_files("TT-1") == left


async def test_an_outcome_that_comes_after_the_lease_removes_nothing(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(files=FILES))
    [claimed] = await outbox.claim("crm", KINDS, limit=1, lease=timedelta())
    await outbox.release_expired("crm", settle=timedelta())
    assert not await outbox.end_claim(claimed, CommandResult(state=CommandState.DONE))
    assert await outbox.load_files("TT-1") == list(FILES)


async def test_a_person_who_ends_a_command_removes_its_files(outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(files=FILES))
    await outbox.park("TT-1", by="the test", reason="to end it")
    await outbox.decide("TT-1", CommandResult(state=CommandState.REJECTED), by="the test", reason="no photo")
    assert await outbox.load_files("TT-1") == []


async def test_files_go_with_their_command(migrated: AsyncEngine, outbox: CommandOutbox) -> None:
    await outbox.accept(build_command(files=FILES))
    async with migrated.begin() as connection:
        await connection.execute(delete(commands))
    assert await outbox.load_files("TT-1") == []
