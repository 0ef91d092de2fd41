"""What a family of drivers gives: its tables of a manifest, its driver, and the reads that it compiles."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from connectors.batching.row_check import RowCheck
from connectors.declared.column_syntax import FLAT_COLUMNS, ColumnSyntax
from connectors.declared.domain_reads import DomainRead
from connectors.declared.read_records import FacetRead, Read
from connectors.declared.record_readers import RecordReaders
from connectors.declared.row_observation import RowObserver
from connectors.declared.snapshot.loader import OpenedRows, OpenRows
from connectors.declared.snapshot.protection import CopyProtection
from connectors.declared.tables import (
    CommandTable,
    ManifestTable,
    NotDeclarableError,
    ReadTable,
    RecordTable,
    RowsTable,
    WireTable,
)
from connectors.declared.trouble import NoResultCodes, ResultCodes
from connectors.drivers.long_work import LongWork
from connectors.readers.rows import Row
from connectors.resilience.call_counters import CallCounters
from connectors.resilience.gate import Gate
from records.calls.call import Call


class Driver(Protocol):
    """Calls one agency."""

    @property
    def counts(self) -> CallCounters:
        """The counters of the agency's gate."""

    async def close(self) -> None:
        """Close its connections."""


@runtime_checkable
class ExpiringDriver(Protocol):
    """A driver whose credential can expire."""

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""


D = TypeVar("D", bound=Driver)
D_co = TypeVar("D_co", bound=Driver, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverParts:
    """What the hub gives a driver."""

    gate: Gate
    work: LongWork
    city: Path
    """The folder of the city, which also holds WSDLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """The limits of calls that the terms of an agency set."""

    max_batch_size: int | None = None
    """Maximum number of keys in one call; None for no limit."""
    max_concurrency: int = 64
    """Maximum number of calls under way."""


NO_CALL_LIMITS: Final = CallLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class HubValues:
    """What the hub gives declared reads, beside the driver."""

    snapshot_folder: Path | None = None
    """Where the files of all snapshots are."""
    copy_protection: CopyProtection | None = None
    """For snapshots of personal data."""
    for_functions: Mapping[type[Any], Any] = field(default_factory=dict)
    """What functions of a manifest can ask for by type, in parameters that have only a name."""
    observe_row: RowObserver | None = None
    """Gets each row that is read, for people who try a manifest."""


NO_HUB_VALUES: Final = HubValues()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[D_co]):
    """What all reads of one agency use."""

    agency: str
    driver: D_co
    check: RowCheck
    records: RecordReaders
    columns: ColumnSyntax
    """How tables name columns."""
    codes: ResultCodes | NoResultCodes
    """The meaning of result codes in replies."""
    limits: CallLimits
    hub: HubValues = NO_HUB_VALUES


RowSource = Callable[[Call], AsyncGenerator[Sequence[Row]]]
"""Gives all rows of a list, batch by batch. Raises `AgencyFailure`. Close it (`aclosing`) if it is not read to the end.

The call's deadline and reply budget hold for all batches together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The reads that a family compiles. `build` and `check_probe` raise `NotDeclarableError`."""

    table: type[ReadTable]
    build: Callable[[Source[Any], DomainRead, Any], Read | FacetRead]
    """Compile one read from its table."""
    check_probe: Callable[[DomainRead, Any, Any], None] = lambda *_: None
    """Check that the read can be asked for the key of the probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRows:
    """How a family gives all rows of a source, for snapshots."""

    table: type[RowsTable]
    """Says where the rows come from."""
    build: Callable[[Source[Any], str, Any, frozenset[str]], OpenRows]
    """From the table, its place in the manifest and the wanted columns. Raises `NotDeclarableError`."""


def open_batches(
    rows_of: Callable[[Source[Any], str, Any, frozenset[str]], RowSource],
) -> Callable[[Source[Any], str, Any, frozenset[str]], OpenRows]:
    """The rows of a family that fetches them batch by batch, and knows no date of the source."""

    def build(source: Source[Any], place: str, table: RowsTable, columns: frozenset[str]) -> OpenRows:
        stream = rows_of(source, place, table, columns)

        @asynccontextmanager
        async def open_rows(call: Call) -> AsyncIterator[OpenedRows]:
            async with aclosing(stream(call)) as batches:
                yield OpenedRows(name=place, dated=None, identity=None, rows=batches)

        return open_rows

    return build


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainReads:
    """The reads of a protocol that is made for one domain: a manifest declares none."""

    domain: str
    build: Callable[[Any, Mapping[str, RecordTable]], Any]
    """Build the connector from its `ConnectorParts` and the records of the manifest. Raises `NotDeclarableError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFamily:
    """Agencies that are called in one way."""

    wire: type[WireTable]
    driver: type[Driver]
    build_driver: Callable[[Any, DriverParts], Driver]
    """Build the driver from the table `[wire]`. Opens nothing. Raises `ValueError` for an address that is not safe, and
    `NotDeclarableError` for anything else."""
    reads: Reads | None = None
    """None if only connectors in Python, snapshots, or the protocol itself call such agencies."""
    domain_reads: DomainReads | None = None
    """None if the protocol is made for no domain."""
    all_rows: AllRows | None = None
    """None if such agencies cannot give all rows."""
    columns: ColumnSyntax = FLAT_COLUMNS
    """How tables of records name columns."""
    command_table: type[CommandTable] = CommandTable
    """Says how a command is sent."""
    own_commands: frozenset[str] = frozenset()
    """Commands that the protocol itself says how to send."""

    def find_command_table(self, name: str) -> type[CommandTable]:
        """The table of a command."""
        return CommandTable if name in self.own_commands else self.command_table

    def list_tables(self) -> Sequence[type[ManifestTable]]:
        """The tables of a manifest that are those of the family."""
        reads = () if self.reads is None else (self.reads.table,)
        all_rows = () if self.all_rows is None else (self.all_rows.table,)
        commands = () if self.command_table is CommandTable else (self.command_table,)
        return (self.wire, *reads, *all_rows, *commands)

    def require_reads(self) -> Reads:
        """The reads of the family. Raises `NotDeclarableError`."""
        if self.reads is None:
            raise NotDeclarableError(
                "reads", "this driver cannot be asked for keys: load a snapshot, or name a connector"
            )
        return self.reads
