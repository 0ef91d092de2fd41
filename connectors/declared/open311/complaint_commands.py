"""Submits complaints to an Open311 server (POST Service Request), and finds them again.

They are found by the token that the server gave in place of an id, or by the hub's number.

The standard has no reference of the client, so a server without an extension for it cannot be asked whether a request
arrived. See https://wiki.open311.org/GeoReport_v2/#post-service-request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from connectors.batching.fan_out import fan_out
from connectors.declared.http.command_tables import HttpCommandTable
from connectors.declared.http.commands import CommandForm, SentCommand, build_http_command
from connectors.declared.http.rows import HttpSource
from connectors.declared.open311.client import BAD_REQUEST, NOT_FOUND, Open311Client
from connectors.declared.open311.refusals import find_refusal, read_refusal
from connectors.declared.tables import CommandTable, NotDeclarableError
from connectors.drivers.http.address import Parameters
from connectors.drivers.http.form_files import FormFile
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.calls.outgoing_commands import CommandAnswer, CommandDone, CommandPending, OutgoingCommand
from records.complaints import NewComplaint
from records.uploads import PHOTO_TYPE

_MAX_CONCURRENCY: Final = 4
_UNPROCESSABLE: Final = 422
_REFUSALS: Final = {
    **dict.fromkeys(range(BAD_REQUEST, 500), find_refusal),
    **dict.fromkeys((BAD_REQUEST, _UNPROCESSABLE), read_refusal),
}
"""Statuses that say the request is wrong, some with an error of the standard only: HTTP 404 of a proxy says nothing of
the request. The driver reports those about the hub's credential and rate."""

_PUBLICATION: Final = "publish_complaint"
_CONFIRMED: Final = frozenset({"description", "address", "coordinates", "photos"})
"""What `ComplaintPublication` shows to the person."""

Submission = OutgoingCommand[NewComplaint]
FindRequestIds = Callable[[Sequence[str], Call], Awaitable[Answers[str, str]]]


class Open311Commands:
    """The commands of one server."""

    def __init__(self, client: Open311Client, source: HttpSource, find_request_ids: FindRequestIds) -> None:
        """`source` is for declared commands; `find_request_ids` asks for the ids of tokens. Opens nothing."""
        self._client = client
        self._source = source
        self._find_request_ids = find_request_ids

    def build(self, form: CommandForm, table: CommandTable) -> SentCommand:
        """The submission of the standard, or a declared command.

        Raises `NotDeclarableError`, also if a new request would not be private.
        """
        place, wire = f"commands.{form.name}", self._client.wire
        if isinstance(table, HttpCommandTable):
            if wire.format != "json":
                raise NotDeclarableError(place, 'declared commands read JSON: write wire.format = "json"')
            if form.name == _PUBLICATION:
                self._check_publication(place)
            return build_http_command(self._source, form, table)
        if wire.visibility != "private" and not wire.extensions.private:
            problem = "new requests would be public: name the parameters that keep one private in extensions.private"
            raise NotDeclarableError(place, problem)
        return SentCommand(
            lookup=wire.own_lookup,
            send=self.submit_complaints,
            look_up=self.find_submitted_complaints,
            takes_files=wire.extensions.photos is not None,
        )

    def _check_publication(self, place: str) -> None:
        """Raise `NotDeclarableError` if a public request would show something else than the person confirmed."""
        wire = self._client.wire
        missing = sorted(_CONFIRMED - (wire.public_fields or frozenset()))
        if wire.visibility != "by_request":
            raise NotDeclarableError(
                place, 'each request must say whether it is public: wire.visibility = "by_request"'
            )
        if missing:
            raise NotDeclarableError(
                place, f"people confirm what everybody will see: add '{missing[0]}' to public_fields"
            )

    async def submit_complaints(self, commands: Sequence[Submission], call: Call) -> Answers[Submission, CommandAnswer]:
        """Submit each complaint by one call."""
        return await fan_out(commands, partial(self._submit, call=call), limit=_MAX_CONCURRENCY)

    async def find_submitted_complaints(
        self, commands: Sequence[Submission], call: Call
    ) -> Answers[Submission, CommandAnswer]:
        """Find each complaint by the hub's number, which the server stores."""
        return await fan_out(commands, partial(self._find, call=call), limit=_MAX_CONCURRENCY)

    async def _submit(self, command: Submission, call: Call) -> CommandAnswer:
        form = self._build_form(command)
        files = self._build_files(command)
        return await self._client.submit(form, call, self._read_submitted, _REFUSALS, files=files)

    def _build_files(self, command: Submission) -> Sequence[FormFile]:
        """The photos as files of the form. Raises `ValueError` if some of them are lost."""
        name, photos = self._client.wire.extensions.photos, command.payload.photos
        if len(photos) != len(command.files):
            raise ValueError(f"A command names {len(photos)} photos and has {len(command.files)} files.")
        return [
            FormFile(name or "", f"{command.number}-{number}.jpg", PHOTO_TYPE, each.content)
            for number, each in enumerate(command.files, start=1)
        ]

    def _build_form(self, command: Submission) -> Parameters:
        """The form of the standard, with the extensions of this server."""
        complaint, extensions = command.payload, self._client.wire.extensions
        form: dict[str, str | Sequence[str]] = {
            **extensions.private,
            "service_code": complaint.category_code,
            "description": complaint.description,
        }
        if complaint.coordinates is not None:
            form |= {"lat": f"{complaint.coordinates.latitude:.6f}", "long": f"{complaint.coordinates.longitude:.6f}"}
        if complaint.address:
            form["address_string"] = complaint.address
        if complaint.region_code and extensions.region:
            form[extensions.region] = complaint.region_code
        if extensions.reporter:
            form[extensions.reporter] = command.subject
        if extensions.reference:
            form[extensions.reference] = command.number
        if extensions.photo_texts and complaint.photos:
            form[extensions.photo_texts] = [each.alternative_text for each in complaint.photos]
        for each in complaint.answers:
            if len(each.values) == 1:
                form[f"attribute[{each.code}]"] = each.values[0]
            else:
                form[f"attribute[{each.code}][]"] = each.values
        return form

    def _read_submitted(self, listed: Sequence[Row]) -> CommandAnswer:
        """A new request has an id, or a token while the server numbers it."""
        for row in listed:
            if found := _read_text(row, "service_request_id"):
                return CommandDone(agency_id=found)
            if token := _read_text(row, "token"):
                return CommandPending(token=token)
        raise AgencyMalformed(self._client.http.agency, "a new request has neither an id nor a token")

    async def _find(self, command: Submission, call: Call) -> CommandAnswer | None:
        if command.token is not None:
            return await self._find_by_token(command.token, call)
        name = self._client.wire.extensions.reference
        if name is None:
            raise AgencyMalformed(self._client.http.agency, "the server stores no reference to search by")

        def read(listed: Sequence[Row]) -> CommandAnswer | None:
            found = [row for row in listed if _read_reference(row, name) == command.number]
            if len(found) < len(listed):
                raise AgencyMalformed(self._client.http.agency, "a search by reference lists requests of others")
            ids = [_read_text(row, "service_request_id") for row in found]
            return CommandDone(agency_id=ids[0], copies=len(ids)) if ids else None

        form = {**self._client.wire.extensions.constant, name: command.number}
        return await self._client.ask("requests/search", call, read, form=form, none_at=(NOT_FOUND,))

    async def _find_by_token(self, token: str, call: Call) -> CommandAnswer:
        """The request of a token, or the token again while the server has not numbered it."""
        found = (await self._find_request_ids([token], call)).get(token)
        if isinstance(found, AgencyFailure):
            raise found
        return CommandPending(token=token) if found is None else CommandDone(agency_id=found)


def _read_text(row: Row, name: str) -> str | None:
    try:
        return text(row.get(name))
    except UnreadableError:
        return None


def _read_reference(row: Row, name: str) -> str | None:
    extended = row.get("extended_attributes")
    return _read_text(extended, name) if isinstance(extended, Mapping) else None
