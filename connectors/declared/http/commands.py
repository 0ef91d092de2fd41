"""Declared commands over HTTP: each is sent once by one call, and found again as its manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from connectors.batching.fan_out import fan_out
from connectors.declared.column_syntax import dig
from connectors.declared.http.command_lookups import build_lookup
from connectors.declared.http.command_parts import (
    NUMBER,
    SUBJECT,
    CommandParts,
    check_address,
    check_case_id,
    list_command_parts,
)
from connectors.declared.http.command_tables import HttpCommandTable
from connectors.declared.http.requests import StatusUse, compile_request
from connectors.declared.http.rows import HttpSource
from connectors.declared.tables import CommandTable, NotDeclarableError
from connectors.declared.templates import TemplateWriter
from connectors.drivers.http.reply import HttpReply, parse_retry_after
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused
from records.calls.outgoing_commands import CommandAnswer, CommandDone, CommandRefused, OutgoingCommand, SendCommands
from records.hub.commands import LookupClass

_FIRST_ERROR: Final = 400
_MAX_CONCURRENCY: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandForm:
    """What the hub's command is, whatever agency takes it."""

    name: str
    payload: type[Any]
    has_case: bool
    """Whether it is about a matter that the agency knows already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCommand:
    """How commands of one kind are sent and found."""

    lookup: LookupClass
    send: SendCommands
    look_up: SendCommands
    takes_files: bool = False
    """Whether the files of commands are sent, too."""


def build_http_command(source: HttpSource, form: CommandForm, table: CommandTable) -> SentCommand:
    """Compile a declared command.

    Raises:
        NotDeclarableError: The request would lose a part of the command, or cannot be found as declared.

    """
    place = f"commands.{form.name}"
    if not isinstance(table, HttpCommandTable):
        raise NotDeclarableError(place, "this driver sends no declared commands; remove this table")
    parts = list_command_parts(place, form.payload, has_case=form.has_case)
    sender = _CommandSender(source, place, parts, table)
    lookup = build_lookup(source, place, parts, table)
    limit = min(_MAX_CONCURRENCY, source.limits.max_concurrency)

    async def send(commands: Sequence[OutgoingCommand[Any]], call: Call) -> Answers[Any, CommandAnswer]:
        return await fan_out(commands, partial(sender.send, call=call), limit=limit)

    async def look_up(commands: Sequence[OutgoingCommand[Any]], call: Call) -> Answers[Any, CommandAnswer]:
        return await fan_out(commands, partial(lookup, call=call), limit=limit)

    return SentCommand(lookup=table.lookup, send=send, look_up=look_up)


class _CommandSender:
    """Sends the commands of one kind."""

    def __init__(self, source: HttpSource, place: str, parts: CommandParts, table: HttpCommandTable) -> None:
        """Raises `NotDeclarableError`."""
        self._source, self._table, self._parts = source, table, parts
        writer = TemplateWriter(parts.types, parts.patterns, page={}, sends_numbers=False, optional=parts.optional)
        check_address(place, table, parts)
        parsed = [int(each) for each in table.refused.status] if table.refused.at is not None else []
        self._build = compile_request(place, table, writer, StatusUse(parsed=parsed), {}, repeatable=False)
        if lost := sorted(parts.types.keys() - {SUBJECT, NUMBER} - writer.used):
            fix = f"send {{{lost[0]}}}"
            raise NotDeclarableError(place, f"the agency would not get '{lost[0]}' of the command: {fix}")
        if table.lookup is LookupClass.REFERENCE and NUMBER not in writer.used:
            raise NotDeclarableError(f"{place}.lookup", "the agency cannot store a reference that it does not get")

    async def send(self, command: OutgoingCommand[Any], call: Call) -> CommandAnswer:
        """Send a command once. Raises `AgencyFailure`."""
        if not check_case_id(command):
            return CommandRefused(code="UNKNOWN_CASE")
        request, driver = self._build(self._parts.read(command), None), self._source.driver
        if self._table.reads_replies:
            return await driver.ask_value(request, call, self._read, writes=True)
        return self._read_status(await driver.send(request, call)) or CommandDone()

    def _read_status(self, reply: HttpReply) -> CommandRefused | None:
        """The refusal of a status; None for success. Raises `AgencyRefused`."""
        if reply.status < _FIRST_ERROR:
            return None
        code = self._table.refused.status.get(str(reply.status))
        if code is None:
            raise AgencyRefused(self._source.agency, f"HTTP {reply.status}")
        return CommandRefused(code=code)

    def _read(self, reply: HttpReply, value: object) -> CommandAnswer:
        """The answer in a reply. Raises `AgencyFailure`: what cannot be read may have been carried out."""
        try:
            return self._find_refusal(reply, value) or self._read_done(reply, value)
        except UnreadableError as error:
            raise AgencyMalformed(self._source.agency, str(error)) from None

    def _find_refusal(self, reply: HttpReply, value: object) -> CommandRefused | None:
        """The refusal by a value, or else by the status."""
        by_status, refused = self._read_status(reply), self._table.refused
        code = None if refused.at is None else refused.values.get(_read_text(value, refused.at) or "")
        return by_status if code is None else CommandRefused(code=code)

    def _read_done(self, reply: HttpReply, value: object) -> CommandDone:
        table = self._table
        if not self._source.codes.require(value, parse_retry_after(reply)):
            raise UnreadableError("a result code of a command")
        if table.done is not None and _read_text(value, table.done.at) not in table.done.values:
            raise UnreadableError("a value that means done")
        if table.id is None:
            return CommandDone()
        agency_id = _read_text(value, table.id)
        if agency_id is None:
            raise UnreadableError("the identifier of what it made")
        return CommandDone(agency_id=agency_id)


def _read_text(value: object, path: str) -> str | None:
    return text(dig(value, *path.split(".")))
