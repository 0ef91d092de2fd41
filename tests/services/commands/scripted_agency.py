"""An agency in memory that carries commands out, and fails in the ways that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.calls.outgoing_commands import (
    CommandAmbiguous,
    CommandAnswer,
    CommandDone,
    CommandRefused,
    OutgoingCommand,
)
from records.hub.commands import CommandKind, LookupClass
from records.record import record
from services.commands.command_agency import AgencyCommand, CommandAgency
from services.commands.delivery_rules import CommandTiming
from services.commands.record_form import RecordForm


@record
class Wish:
    """The payload of the sample commands."""

    text: str


SUBMIT = CommandKind(name="submitComplaint", version=1, agency="crm", lookup=LookupClass.REFERENCE)
COMMENT = CommandKind(name="commentComplaint", version=1, agency="crm", lookup=LookupClass.REFERENCE)
SEARCHED = CommandKind(name="commentComplaint", version=1, agency="crm", lookup=LookupClass.SEARCH)
BLIND = CommandKind(name="submitComplaint", version=1, agency="crm", lookup=LookupClass.NONE)


@dataclass(kw_only=True)
class ScriptedAgency:
    """An agency. What it carried out is in `done`, by the hub's reference."""

    before: list[Exception] = field(default_factory=list)
    """Failures of the next calls, which arrive nowhere."""
    after: list[Exception] = field(default_factory=list)
    """Failures of the next calls, after the agency acted."""
    lookup_failures: list[Exception] = field(default_factory=list)
    is_down: bool = False
    refused: set[str] = field(default_factory=set)
    """Texts that the agency refuses."""
    done: dict[str, list[OutgoingCommand[Wish]]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    takes_files: bool = False
    acted: asyncio.Event = field(default_factory=asyncio.Event)
    probes: int = 0
    lookups: int = 0
    looked_up: list[OutgoingCommand[Any]] = field(default_factory=list)
    is_ambiguous: bool = False

    async def send(self, commands: Sequence[OutgoingCommand[Any]], call: Call) -> Answers[Any, CommandAnswer]:
        assert call.remaining() > 0
        if self.is_down:
            raise AgencyUnavailable("crm", "down", sent=False)
        return {each: self._act(each) for each in commands}

    def _act(self, command: OutgoingCommand[Wish]) -> CommandAnswer | AgencyFailure:
        if self.before:
            failure = self.before.pop(0)
            if isinstance(failure, AgencyFailure):
                return failure
            raise failure
        if command.payload.text in self.refused:
            return CommandRefused(code="INVALID", field="text")
        self.done.setdefault(command.number, []).append(command)
        self.order.append(command.payload.text)
        self.acted.set()
        if self.after:
            failure = self.after.pop(0)
            if isinstance(failure, AgencyFailure):
                return failure
            raise failure
        return CommandDone(agency_id=self.get_id(command.number))

    async def look_up(self, commands: Sequence[OutgoingCommand[Any]], call: Call) -> Answers[Any, CommandAnswer]:
        assert call.remaining() > 0
        self.lookups += 1
        self.looked_up += commands
        if self.is_ambiguous:
            return dict.fromkeys(commands, CommandAmbiguous())
        if self.lookup_failures:
            raise self.lookup_failures.pop(0)
        return {
            each: CommandDone(agency_id=self.get_id(each.number), copies=len(self.done[each.number]))
            for each in commands
            if each.number in self.done
        }

    async def probe(self, call: Call) -> None:
        assert call.remaining() > 0
        self.probes += 1
        if self.is_down:
            raise AgencyUnavailable("crm", "down", sent=False)

    def get_id(self, number: str) -> str:
        return f"agency-{list(self.done).index(number) + 1}"

    def build(self, timing: CommandTiming, *kinds: CommandKind) -> CommandAgency:
        commands = {
            (kind.name, kind.version): AgencyCommand(
                kind=kind,
                form=RecordForm(Wish),
                send=self.send,
                look_up=self.look_up,
                takes_files=self.takes_files,
            )
            for kind in kinds or (SUBMIT, COMMENT)
        }
        return CommandAgency(code="crm", commands=commands, probe=self.probe, timing=timing)
