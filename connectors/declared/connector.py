"""The connector of an agency whose reads are declared: it answers a domain protocol from the tables of a manifest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import msgspec
from pydantic import Field, SerializeAsAny

from connectors.batching.row_check import RowCheck
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts, list_reads
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import (
    NO_CALL_LIMITS,
    NO_HUB_VALUES,
    CallLimits,
    Driver,
    DriverFamily,
    HubValues,
    Source,
)
from connectors.declared.http.commands import CommandForm, SentCommand, build_http_command
from connectors.declared.read_records import FacetRead, Read
from connectors.declared.record_readers import RecordReaders
from connectors.declared.snapshot.loader import SnapshotSource
from connectors.declared.snapshot.reads import build_snapshot_read
from connectors.declared.snapshot.tables import SnapshotReadTable, SnapshotTable
from connectors.declared.snapshot_sources import build_snapshot_sources
from connectors.declared.tables import (
    CommandTable,
    Duration,
    ManifestTable,
    NotDeclarableError,
    ReadTable,
    RecordTable,
    TroubleTable,
)
from connectors.declared.trouble import build_result_codes
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyNotOffered, AgencyUnavailable


class ProbeTable(ManifestTable):
    """The read that shows whether the agency answers."""

    read: str = Field(description="name of a declared read")
    key: str = Field(
        description="key that it is asked for; choose one that identifies no person. For a query, its fields as JSON:"
        " `'{\"year\": 2026}'`"
    )
    every: Duration = Field(
        default=0.0, description='time for which a good answer counts, such as `"1 h"`, for agencies with a daily quota'
    )

    def parse_key(self, domain_read: DomainRead) -> Any:  # noqa: ANN401 - any key of a domain
        """The key as the domain's type. Raises `NotDeclarableError`."""
        if list_key_parts(domain_read.key).keys() == {KEY}:
            return self.key
        try:
            return msgspec.json.decode(self.key, type=domain_read.key)
        except msgspec.DecodeError:
            names = ", ".join(list_key_parts(domain_read.key))
            raise NotDeclarableError("probe.key", f"the read takes a query: write JSON with {names}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProbe:
    """The read that is asked, its key, and the seconds for which a good answer counts."""

    read: str
    key: Any
    every: float


@dataclass(frozen=True, slots=True)
class DeclaredCommands:
    """Builds the commands of an agency."""

    source: Source[Any]

    def build(self, form: CommandForm, table: CommandTable) -> SentCommand:
        """One command. Raises `NotDeclarableError`."""
        return build_http_command(self.source, form, table)


class DeclaredConnector:
    """Answers the reads of a domain; each read is an attribute, as the protocol names it."""

    def __init__(
        self,
        agency: str,
        reads: Mapping[str, Read | FacetRead],
        probe: ReadProbe | None,
        snapshots: Sequence[SnapshotSource],
        commands: DeclaredCommands,
    ) -> None:
        """Take the compiled reads, that of the probe with its key, the snapshots, and the commands."""
        self.agency = agency
        self.commands = commands
        self.snapshots = snapshots
        self._probe = probe
        self._probed_at = float("-inf")
        self.__dict__.update(reads)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """Only types need it: compiled reads are found before."""
        raise AttributeError(f"The connector of '{self.agency}' has no read '{name}'.")

    async def probe(self, call: Call) -> None:
        """Make sure that the agency answers, and that no snapshot is overdue. Raises `AgencyFailure`."""
        for each in self.snapshots:
            if each.snapshot.get_status().is_overdue:
                raise AgencyUnavailable(self.agency, f"the snapshot '{each.snapshot.name}' is overdue")
        if self._probe is None:
            return
        if monotonic() - self._probed_at < self._probe.every:
            return
        read: Read = getattr(self, self._probe.read)
        for answer in (await read([self._probe.key], call)).values():
            if isinstance(answer, AgencyFailure):
                raise answer
        self._probed_at = monotonic()


class DeclaredTables(ManifestTable):
    """The declared reads and records of one agency."""

    driver: str
    """The word of the driver."""
    reads: Mapping[str, ReadTable]
    lacks: Sequence[str] = ()
    """Reads of the domain that the agency does not have."""
    records: Mapping[str, RecordTable]
    probe: ProbeTable | None = None
    """None if snapshots answer all reads."""
    trouble: TroubleTable | None = None
    snapshots: Mapping[str, SerializeAsAny[SnapshotTable]] = {}


def build_declared_connector(
    domain: type[Any],
    tables: DeclaredTables,
    driver: Driver,
    *,
    agency: str,
    limits: CallLimits = NO_CALL_LIMITS,
    hub: HubValues = NO_HUB_VALUES,
) -> DeclaredConnector:
    """Compile the declared reads of a domain. Opens nothing.

    Raises:
        NotDeclarableError: A read is missing, unknown, or not answered as the domain asks.

    """
    wanted = _list_answered_reads(domain, tables)
    family = DRIVER_FAMILIES[tables.driver]
    keyed = {name: each for name in wanted if not isinstance(each := tables.reads[name], SnapshotReadTable)}
    if limits.max_batch_size is not None and not any(each.takes_batches for each in keyed.values()):
        raise NotDeclarableError("terms.max_batch_size", "the agency takes one key per call; remove this line")
    if faceted := [name for name, each in wanted.items() if each.facets and not tables.reads[name].takes_facets]:
        raise NotDeclarableError(f"reads.{faceted[0]}", "this driver cannot select facets; answer it in Python")
    probe = _find_probe(wanted, tables, family)
    columns = family.columns
    records = RecordReaders(tables.records, columns=columns, observe=hub.observe_row)
    source = Source(
        agency=agency,
        driver=driver,
        check=RowCheck(agency, driver.counts),
        records=records,
        columns=columns,
        codes=build_result_codes(agency, tables.trouble, columns),
        limits=limits,
        hub=hub,
    )
    snapshots = build_snapshot_sources(wanted, tables, family.all_rows, source, hub)
    reads: dict[str, Read | FacetRead] = {}
    for name, domain_read in wanted.items():
        table = tables.reads[name]
        if isinstance(table, SnapshotReadTable):
            reads[name] = build_snapshot_read(snapshots[table.snapshot].snapshot, domain_read, table)
        else:
            reads[name] = family.require_reads().build(source, domain_read, table)
    records.require_all_used()
    reads |= {name: partial(_refuse, agency) for name in tables.lacks}
    return DeclaredConnector(agency, reads, probe, tuple(snapshots.values()), DeclaredCommands(source))


def _list_answered_reads(domain: type[Any], tables: DeclaredTables) -> Mapping[str, DomainRead]:
    """The reads of the domain that the agency has, each of them declared. Raises `NotDeclarableError`."""
    every, lacks = list_reads(domain), set(tables.lacks)
    has = f"the domain has no such read; it has {', '.join(sorted(every))}"
    if unknown := sorted(tables.reads.keys() - every.keys()):
        raise NotDeclarableError(f"reads.{unknown[0]}", has)
    if unknown := sorted(lacks - every.keys()):
        raise NotDeclarableError("lacks", f"'{unknown[0]}': {has}")
    if doubled := sorted(lacks & tables.reads.keys()):
        raise NotDeclarableError("lacks", f"'{doubled[0]}' is declared below; remove one of them")
    if missing := sorted(every.keys() - tables.reads.keys() - lacks):
        fix = ", ".join(f'"{each}"' for each in sorted({*missing, *lacks}))
        problem = f"the domain has this read: declare it, or write lacks = [{fix}] if the agency has no such data"
        raise NotDeclarableError(f"reads.{missing[0]}", problem)
    return {name: each for name, each in every.items() if name not in lacks}


async def _refuse(agency: str, *_: object) -> Any:  # noqa: ANN401 - it never answers
    """A read that the agency does not have: only a record or an id of this agency leads to it."""
    raise AgencyNotOffered(agency)


def _find_probe(wanted: Mapping[str, DomainRead], tables: DeclaredTables, family: DriverFamily) -> ReadProbe | None:
    """The read of the probe, and its key. Raises `NotDeclarableError`."""
    probe = tables.probe
    if probe is None:
        if any(not isinstance(each, SnapshotReadTable) for each in tables.reads.values()):
            raise NotDeclarableError("probe", "name the read that shows whether the agency answers, and its key")
        return None
    if probe.read not in wanted:
        raise NotDeclarableError("probe.read", f"'{probe.read}' is no declared read")
    if wanted[probe.read].facets:
        raise NotDeclarableError("probe.read", f"'{probe.read}' answers facets; name a read that takes keys only")
    table, key = tables.reads[probe.read], probe.parse_key(wanted[probe.read])
    if not isinstance(table, SnapshotReadTable):
        family.require_reads().check_probe(wanted[probe.read], table, key)
    return ReadProbe(read=probe.read, key=key, every=probe.every)
