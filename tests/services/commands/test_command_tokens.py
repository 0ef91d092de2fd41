"""A command whose agency gives a token stays open until the token has an identifier, and is never sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyTimeout, AgencyUnavailable
from records.calls.outgoing_commands import CommandAnswer, CommandDone, CommandPending, OutgoingCommand
from records.command_state import CommandState
from records.hub.commands import CommandKind, CommandReceipt, NewCommand
from records.identifiers import Nik
from services.commands.command_delivery import CommandDelivery
from services.commands.command_seals import CommandSeals
from services.commands.database_commands import DatabaseCommands
from services.commands.delivery_rules import GIVEN_UP_AFTER, MAX_PAUSE, CommandTiming
from store.commands.command_outbox import CommandOutbox
from store.commands.command_rows import StoredCommand
from store.tables import commands
from tests.services.commands.scripted_agency import BLIND, SUBMIT, ScriptedAgency, Wish

SITI = Nik("3171014506900001")
NO_CALL = Call(deadline=inf, request_id="test")


@dataclass(kw_only=True)
class TokenAgency(ScriptedAgency):
    """An agency that gives tokens. `ids` are the identifiers of those that have one."""

    ids: dict[str, str] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)

    def _act(self, command: OutgoingCommand[Wish]) -> CommandAnswer | AgencyFailure:
        answer = super()._act(command)
        return CommandPending(token=f"token-{command.payload.text}") if isinstance(answer, CommandDone) else answer

    async def look_up(self, given: Sequence[OutgoingCommand[Any]], call: Call) -> Answers[Any, CommandAnswer]:
        assert call.remaining() > 0
        if self.lookup_failures:
            raise self.lookup_failures.pop(0)
        self.asked += [each.token for each in given]
        return {each: self._find(each.token or "") for each in given}

    def _find(self, token: str) -> CommandAnswer:
        return CommandDone(agency_id=self.ids[token]) if token in self.ids else CommandPending(token=token)


class TokenHub:
    """One hub in front of that agency."""

    def __init__(self, engine: AsyncEngine, agency: TokenAgency, kind: CommandKind) -> None:
        self._engine, self._kind = engine, kind
        self.outbox = CommandOutbox(engine, timeout=30)
        seals = CommandSeals((b"a secret of thirty-two bytes....",))
        built = agency.build(CommandTiming(settle=timedelta()), kind)
        self._delivery = CommandDelivery(self.outbox, built, seals)
        self._desk = DatabaseCommands(self.outbox, {"crm": built}, seals, on_accepted=self._ignore)

    async def accept(self, text: str = "lamp", case: str | None = None) -> str:
        wanted = NewCommand(subject=SITI, key=text, name=self._kind.name, payload=Wish(text=text), case=case)
        (receipt,) = (await self._desk.accept([wanted], NO_CALL)).values()
        assert isinstance(receipt, CommandReceipt)
        return receipt.number

    async def deliver(self, *, age: timedelta = timedelta()) -> None:
        """Deliver what is open, as if its pause were over and it were so much older."""
        async with self._engine.begin() as connection:
            older = commands.c.accepted_at - age
            await connection.execute(update(commands).values(next_at=older, accepted_at=older))
        await self._delivery.deliver()

    async def load(self, number: str) -> StoredCommand:
        found = await self.outbox.find(number)
        assert found is not None
        return found

    async def _ignore(self, subject: Nik, agency: str) -> None:
        """Nothing runs in the background."""


@pytest.mark.parametrize("kind", [BLIND, SUBMIT])
async def test_a_token_is_asked_until_it_has_an_identifier(migrated: AsyncEngine, kind: CommandKind) -> None:
    agency = TokenAgency()
    hub = TokenHub(migrated, agency, kind)
    number = await hub.accept()
    for asked in (0, 1, 2):
        await hub.deliver()
        kept = await hub.load(number)
        assert (kept.state, kept.failure, len(agency.asked)) == (CommandState.UNKNOWN, "NUMBER_PENDING", asked)
    agency.ids["token-lamp"] = "00007"
    await hub.deliver()
    kept = await hub.load(number)
    assert (kept.state, kept.agency_id, kept.attempts) == (CommandState.DONE, "00007", 1)
    assert (agency.asked, len(agency.done[number])) == (["token-lamp"] * 3, 1)


async def test_the_pauses_grow_and_end(migrated: AsyncEngine) -> None:
    hub = TokenHub(migrated, TokenAgency(), BLIND)
    number = await hub.accept()
    pauses = []
    for _ in range(14):
        await hub.deliver()
        kept = await hub.load(number)
        pauses.append((kept.next_at - kept.read_at).total_seconds())
    assert pauses[0] < 7
    assert all(late > early for early, late in pairwise(pauses[:8]))
    assert max(pauses) <= MAX_PAUSE.total_seconds() * 1.2


async def test_a_token_that_never_has_an_identifier_waits_for_a_person(migrated: AsyncEngine) -> None:
    agency = TokenAgency()
    hub = TokenHub(migrated, agency, BLIND)
    number = await hub.accept()
    await hub.deliver()
    await hub.deliver(age=GIVEN_UP_AFTER)
    kept = await hub.load(number)
    assert (kept.state, kept.failure, len(agency.done[number])) == (CommandState.PARKED, "NUMBER_PENDING", 1)


@pytest.mark.parametrize(
    "failure", [AgencyTimeout("crm"), AgencyUnavailable("crm"), AgencyUnavailable("crm", sent=False)]
)
async def test_a_failed_question_decides_nothing(migrated: AsyncEngine, failure: AgencyFailure) -> None:
    agency = TokenAgency(lookup_failures=[failure])
    hub = TokenHub(migrated, agency, BLIND)
    number = await hub.accept()
    await hub.deliver()
    await hub.deliver()
    assert ((await hub.load(number)).state, agency.lookup_failures) == (CommandState.UNKNOWN, [])
    agency.ids["token-lamp"] = "00007"
    await hub.deliver()
    assert ((await hub.load(number)).agency_id, len(agency.done[number])) == ("00007", 1)


async def test_only_later_commands_of_the_same_matter_wait(migrated: AsyncEngine) -> None:
    agency = TokenAgency()
    hub = TokenHub(migrated, agency, BLIND)
    first = await hub.accept()
    await hub.deliver()
    later, other = await hub.accept("later", case=first), await hub.accept("other")
    await hub.deliver()
    assert agency.order == ["lamp", "other"]
    agency.ids |= {"token-lamp": "00007", "token-other": "00008"}
    await hub.deliver()
    await hub.deliver()
    assert agency.order == ["lamp", "other", "later"]
    assert agency.done[later][0].case_id == "00007"
    assert (await hub.load(other)).state is CommandState.DONE


async def test_the_token_is_sealed(migrated: AsyncEngine) -> None:
    hub = TokenHub(migrated, TokenAgency(), BLIND)
    await hub.accept()
    await hub.deliver()
    async with migrated.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT to_jsonb(commands)::text FROM commands")
        row = str(rows.scalar_one())
    assert "token-lamp" not in row
    assert b"token-lamp".hex() not in row
