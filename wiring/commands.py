"""Builds the acceptance and the delivery of commands, for the agencies whose manifests offer some."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.declared.http.commands import CommandForm, SentCommand
from connectors.declared.tables import CommandTable, NotDeclarableError
from engine.command import Command
from records.hub.commands import CommandKind
from records.identifiers import Nik
from resolvers.cached_batches import CachedBatchReader
from resolvers.complaints import Complaints
from resolvers.domains import find_commands, find_domains
from resolvers.hub.commands import Commands
from resolvers.hub.confirmations import Confirmations
from resolvers.hub.photo_checks import PhotoChecks
from services.commands.command_agency import AgencyCommand, CommandAgency
from services.commands.command_delivery import CommandDelivery
from services.commands.command_seals import CommandSeals
from services.commands.complaint_photos import ComplaintPhotoFiles
from services.commands.confirmations import SignedConfirmations
from services.commands.database_commands import DatabaseCommands
from services.commands.delivery_rules import CLAIM_SIZE, CommandTiming
from services.commands.record_form import RecordForm
from services.commands.submitted_complaints import SubmittedComplaints
from services.photos.photo_checks import IsolatedPhotoChecks
from settings import Settings
from settings.city.manifest import ManifestFile
from settings.city.problems import ManifestError
from store.commands.command_outbox import CommandOutbox, OpenCommands
from store.complaint_links import ComplaintLinkTable
from wiring.agencies import BoundAgency, Connectors


class CommandConnector(Protocol):
    """The part of a connector that sends commands."""

    def build(self, form: CommandForm, table: CommandTable) -> SentCommand:
        """How a command is sent and found. Raises `NotDeclarableError` if the manifest does not suit it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandServices:
    """The commands of a hub."""

    desk: DatabaseCommands
    """Answers the graph."""
    deliveries: Mapping[str, CommandDelivery]
    """By the code of the agency."""
    photos: ComplaintPhotoFiles
    confirmations: SignedConfirmations

    def build_domains(self) -> Mapping[type[Any], Any]:
        """The domains that they answer."""
        return {Commands: self.desk, Confirmations: self.confirmations, PhotoChecks: IsolatedPhotoChecks()}

    def extend(self, code: str, bound: BoundAgency) -> Any:  # noqa: ANN401 - a connector of the domain
        """The connector of an agency, with what people submitted through the hub."""
        if code in self.deliveries and find_domains()[bound.domain] is Complaints:
            connector: Any = bound.connector
            return SubmittedComplaints(connector, code, self.desk)
        return bound.connector

    def get_open_commands(self) -> Sequence[OpenCommands]:
        """The open commands of each agency, as this process counted them last."""
        return [each.open_commands for each in self.deliveries.values()]

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Deliver commands until the block ends."""
        async with AsyncExitStack() as stack:
            for each in self.deliveries.values():
                await stack.enter_async_context(each.running())
            yield


class _HubListener:
    """Acts on what became of commands: links reporters, and drops cached answers about them."""

    def __init__(self, links: Mapping[str, ComplaintLinkTable], readers: Sequence[CachedBatchReader]) -> None:
        self._links = links
        self._readers = readers

    async def prepare_done(self, agency: str, subject: Nik, agency_id: str) -> None:
        """Link the reporter, for servers that do not name them."""
        if agency in self._links:
            await self._links[agency].link(subject, [agency_id])

    async def announce_change(self, agency: str, subject: Nik) -> None:  # noqa: ARG002 - of the protocol
        """Drop cached answers about the person, in every process."""
        for each in self._readers:
            await each.invalidate_people([subject])


def build_command_services(
    settings: Settings, state: AsyncEngine, connectors: Connectors, readers: Sequence[CachedBatchReader]
) -> CommandServices:
    """Build the commands of all live agencies. Raises `ManifestError`."""
    outbox = CommandOutbox(state, max_file_bytes=settings.photo_store_megabytes * 1024**2)
    seals = CommandSeals((settings.secret_bytes, *settings.former_secrets_bytes))
    agencies = {
        code: _build_agency(file, connectors.agencies[code])
        for code, file in settings.city.agencies.items()
        if file.manifest.commands
    }
    takes_complaints = [each for each in agencies if find_domains()[connectors.agencies[each].domain] is Complaints]
    listener = _HubListener({each: connectors.complaint_links[each] for each in takes_complaints}, readers)
    deliveries = {code: CommandDelivery(outbox, each, seals, listener) for code, each in agencies.items()}

    async def on_accepted(subject: Nik, agency: str) -> None:
        await listener.announce_change(agency, subject)
        deliveries[agency].wake()

    desk = DatabaseCommands(outbox, agencies, seals, on_accepted=on_accepted)
    linked = {
        code: photos
        for code, bound in connectors.agencies.items()
        if (photos := getattr(bound.connector, "photos", None)) is not None
    }
    return CommandServices(
        desk=desk,
        deliveries=deliveries,
        photos=ComplaintPhotoFiles(desk, linked),
        confirmations=SignedConfirmations(settings.secret_bytes),
    )


def _build_agency(file: ManifestFile, bound: BoundAgency) -> CommandAgency:
    """The commands of one agency. Raises `ManifestError`."""
    commands: dict[tuple[str, int], AgencyCommand] = {}
    for name, table in file.manifest.commands.items():
        try:
            built = _build_versions(find_commands().get(name), name, table, bound)
        except NotDeclarableError as error:
            raise ManifestError([file.explain(error)]) from None
        commands |= {(name, each.kind.version): each for each in built}
    return CommandAgency(
        code=file.code,
        commands=commands,
        probe=bound.connector.probe,
        serves=bound.serves,
        timing=_build_timing(list(file.manifest.commands.values()), bound.gate.terms.rate),
    )


def _build_timing(tables: Sequence[CommandTable], rate: float | None) -> CommandTiming:
    timeout, settle = max(each.timeout for each in tables), max(each.settle for each in tables)
    in_time = CLAIM_SIZE if rate is None else int(rate * timeout / 2)
    return CommandTiming(
        timeout=timeout,
        lease=timedelta(seconds=3 * timeout),
        settle=timedelta(seconds=settle),
        claim_size=max(1, min(CLAIM_SIZE, in_time)),
    )


def _build_versions(
    command: Command[Any] | None, name: str, table: CommandTable, bound: BoundAgency
) -> Sequence[AgencyCommand]:
    """The command at one agency, in each form of its payload. Raises `NotDeclarableError`."""
    place, domain = f"commands.{name}", find_domains()[bound.domain]
    if command is None or command.domain is not domain:
        known = ", ".join(sorted(each.name for each in find_commands().values() if each.domain is domain))
        raise NotDeclarableError(place, f"the domain has no such command; it has {known or 'none'}")
    sender: CommandConnector | None = getattr(bound.connector, "commands", None)
    if sender is None:
        raise NotDeclarableError(place, "the connector of this agency does not send it; remove this table")
    form = CommandForm(name=command.name, payload=command.payload, has_case=command.has_case)
    sent = sender.build(form, table)
    kind = CommandKind(name=command.name, version=command.version, agency=bound.gate.agency, lookup=sent.lookup)
    newest = AgencyCommand(
        kind=kind,
        form=RecordForm(command.payload),
        send=sent.send,
        look_up=sent.look_up,
        takes_files=sent.takes_files,
    )
    former = [
        replace(newest, kind=replace(kind, version=version), form=RecordForm(each.record, each.upgrade))
        for version, each in command.former.items()
    ]
    return [newest, *former]
