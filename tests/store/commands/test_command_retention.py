"""Retention of commands: never purges an open one, or one that an open one is about."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from records.command_state import CommandState
from store.commands.command_outbox import CommandOutbox, CommandResult
from tests.store.commands.sample_commands import COMMENT, KINDS, build_command
from tests.store.retention.aging import age_rows, close_breaches, count_rows, open_breach, purge

DONE, REJECTED = CommandState.DONE, CommandState.REJECTED


async def deliver(outbox: CommandOutbox, state: CommandState) -> None:
    for claimed in await outbox.claim("crm", KINDS, limit=1, lease=timedelta(minutes=1)):
        assert await outbox.end_claim(claimed, CommandResult(state=state))


async def test_closed_commands_are_purged_a_year_later_with_their_steps(migrated: AsyncEngine) -> None:
    outbox = CommandOutbox(migrated, timeout=30)
    for number in ("done", "refused", "open"):
        await outbox.accept(build_command(number))
    await deliver(outbox, DONE)
    await deliver(outbox, REJECTED)
    await age_rows(migrated, 364)
    assert await purge(migrated) == {}
    await age_rows(migrated, 2)
    receipt = (await purge(migrated))["commands"]
    assert (receipt.removed, receipt.kept_days) == ("rows=2 command_steps=4", "365")
    assert await count_rows(migrated, "commands", "command_steps") == {"commands": 1, "command_steps": 1}


async def test_a_command_is_kept_while_another_of_its_case_is_open(migrated: AsyncEngine) -> None:
    outbox = CommandOutbox(migrated, timeout=30)
    await outbox.accept(build_command())
    await outbox.accept(build_command("TT-2", COMMENT, case="TT-1"))
    await deliver(outbox, DONE)
    await age_rows(migrated, 400)
    assert await purge(migrated) == {}
    await deliver(outbox, DONE)
    await age_rows(migrated, 400)
    assert (await purge(migrated))["commands"].removed == "rows=2 command_steps=4"
    assert (await outbox.accept(build_command("TT-3", COMMENT, case="TT-1"))).sequence == 1


async def test_an_open_breach_keeps_the_commands_of_its_window(migrated: AsyncEngine) -> None:
    outbox = CommandOutbox(migrated, timeout=30)
    await outbox.accept(build_command())
    await deliver(outbox, DONE)
    await age_rows(migrated, 400)
    await open_breach(migrated, since=410, until=390)
    assert await purge(migrated) == {}
    await close_breaches(migrated)
    assert (await purge(migrated))["commands"].removed == "rows=1 command_steps=2"
