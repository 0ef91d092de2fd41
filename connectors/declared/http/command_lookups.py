"""Finds commands that may have arrived: by the hub's number, or by their attributes within a bound of time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

from connectors.declared.column_syntax import JSON_PATHS
from connectors.declared.http.command_parts import NUMBER, SUBJECT, CommandParts, check_address, check_case_id
from connectors.declared.http.command_tables import HttpCommandTable, HttpFindTable
from connectors.declared.http.requests import compile_request, list_placeholders_of_pages
from connectors.declared.http.row_paths import RowForm
from connectors.declared.http.rows import JSON_REPLIES, HttpRowCalls, HttpSource, ReplyRules, list_statuses
from connectors.declared.tables import NotDeclarableError
from connectors.declared.templates import EXPRESSION_NAMES, TemplateWriter
from connectors.readers.dates import moment
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.calls.outgoing_commands import (
    CommandAmbiguous,
    CommandAnswer,
    CommandDone,
    CommandRefused,
    OutgoingCommand,
)
from records.hub.commands import LookupClass

_MAX_TEXT_LENGTH: Final = 20_000
"""Of a text that a person wrote, in a row."""


class LookUp(Protocol):
    """Looks one command up."""

    def __call__(self, command: OutgoingCommand[Any], /, *, call: Call) -> Awaitable[CommandAnswer | None]:
        """The answer; None if the agency certainly has no such command. Raises `AgencyFailure`."""


FindHits = Callable[[OutgoingCommand[Any], Any, Sequence[Row]], Sequence[Row]]
"""The rows that are the command, from its values and all rows. Raises `UnreadableError`."""


def build_lookup(source: HttpSource, place: str, parts: CommandParts, table: HttpCommandTable) -> LookUp:
    """Compile the lookup of a declared command. Raises `NotDeclarableError`."""
    if table.find is None:

        async def refuse(_: OutgoingCommand[Any], *, call: Call) -> CommandAnswer | None:  # noqa: ARG001 - of the protocol
            raise AgencyMalformed(source.agency, "its manifest has no way to look a command up")

        return refuse
    find, place = table.find, f"{place}.find"
    writer = TemplateWriter(
        parts.types,
        parts.patterns,
        page=(page := list_placeholders_of_pages(place, find)),
        sends_numbers=False,
        optional=parts.optional,
    )
    check_address(place, find, parts)
    build = compile_request(place, find, writer, list_statuses(source.codes), page)
    form = RowForm(max_rows=find.max_rows, may_be_row=False)
    rules = ReplyRules(paths=JSON_REPLIES, form=form, may_be_missing=find.missing_is_none)
    calls = HttpRowCalls(place, source, find, build, rules)
    is_search = table.lookup is LookupClass.SEARCH
    if is_search:
        find_hits = _build_search(place, find, writer)
    else:
        find_hits = _build_reference_search(place, find, is_filtered=NUMBER in writer.used)
    read_id = None if find.id is None else JSON_PATHS.compile(f"{place}.id", find.id)

    async def look_up(command: OutgoingCommand[Any], *, call: Call) -> CommandAnswer | None:
        if not check_case_id(command):
            return CommandRefused(code="UNKNOWN_CASE")
        values = parts.read(command)
        listed = await calls.ask(values, call) or ()
        try:
            _require_whole(listed, find.cut_at)
            hits = find_hits(command, values, listed)
            ids = [None if read_id is None else _require_text(read_id(each)) for each in hits]
        except UnreadableError as error:
            raise AgencyMalformed(source.agency, str(error)) from None
        if is_search:
            ids = [each for each in ids if each not in command.other_ids]
            if len(ids) > command.attempts:
                return CommandAmbiguous()
        return CommandDone(agency_id=ids[0], copies=len(ids)) if ids else None

    return look_up


def _build_reference_search(place: str, find: HttpFindTable, *, is_filtered: bool) -> FindHits:
    """By the hub's number. A list that ignores the number in its request would hide ours on another page."""
    read_reference = JSON_PATHS.compile(f"{place}.reference", find.reference or "")

    def find_hits(command: OutgoingCommand[Any], _: Any, listed: Sequence[Row]) -> Sequence[Row]:  # noqa: ANN401 - values
        hits = [each for each in listed if _read_text(read_reference(each)) == command.number]
        if is_filtered and len(hits) < len(listed):
            raise UnreadableError("rows with the requested reference alone")
        return hits

    return find_hits


def _build_search(place: str, find: HttpFindTable, writer: TemplateWriter) -> FindHits:
    """By attributes and time. Raises `NotDeclarableError` if rows of other people could match."""
    expression = writer.write_parameters(f"{place}.match", find.match)
    if SUBJECT not in writer.used:
        raise NotDeclarableError(f"{place}.match", "rows of other people would match: compare a column with {subject}")
    build_wanted = eval(f"lambda key, page: {expression}", dict(EXPRESSION_NAMES))  # noqa: S307 - made of field names, and of quoted texts
    read_at = JSON_PATHS.compile(f"{place}.at", find.at or "")
    readers = {name: JSON_PATHS.compile(f"{place}.match", name) for name in find.match}
    margin = timedelta(seconds=find.within or 0.0)

    def find_hits(command: OutgoingCommand[Any], values: Any, listed: Sequence[Row]) -> Sequence[Row]:  # noqa: ANN401 - values
        wanted: Mapping[str, str] = build_wanted(values, None)
        if command.accepted_at is None or command.sent_at is None:
            raise UnreadableError("a command that was sent")
        earliest, latest = command.accepted_at - margin, command.sent_at + margin
        hits = []
        for row in listed:
            if all(_read_text(readers[name](row)) == _read_text(value) for name, value in wanted.items()):
                at = moment(read_at(row))
                if at is None:
                    raise UnreadableError("the time of a row")
                if earliest <= at <= latest:
                    hits.append(row)
        return hits

    return find_hits


def _require_whole(listed: Sequence[Row], cut_at: int | None) -> None:
    if cut_at is not None and len(listed) >= cut_at:
        raise UnreadableError(f"a list of less than {cut_at} rows, because a longer one is cut")


def _read_text(raw: object) -> str | None:
    return text(raw, max_length=_MAX_TEXT_LENGTH)


def _require_text(raw: object) -> str:
    found = _read_text(raw)
    if found is None:
        raise UnreadableError("the identifier of a row")
    return found
