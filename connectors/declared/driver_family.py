"""What a family of drivers gives: its tables of a manifest, its driver, and the reads that it compiles."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from connectors.batching.row_check import RowCheck
from connectors.declared.column_syntax import ColumnSyntax
from connectors.declared.domain_reads import DomainRead
from connectors.declared.read_records import Read
from connectors.declared.record_readers import RecordReaders
from connectors.declared.tables import ManifestTable, NotDeclarableError, ReadTable, RowsTable, WireTable
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
    max_batch_size: int | None
    """Maximum number of keys in one call; None for no limit."""
    max_concurrency: int
    """Maximum number of calls under way."""


RowSource = Callable[[Call], AsyncGenerator[Sequence[Row]]]
"""Gives all rows of a list, batch by batch. Raises `AgencyFailure`. Close it (`aclosing`) if it is not read to the end.

The call's deadline and reply budget hold for all batches together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The reads that a family compiles. `build`, `check_probe` and `rows_of` raise `NotDeclarableError`."""

    table: type[ReadTable]
    columns: ColumnSyntax
    """How tables of records name columns."""
    build: Callable[[Source[Any], DomainRead, Any], Read]
    """Compile one read from its table."""
    check_probe: Callable[[DomainRead, Any, str], None] = lambda *_: None
    """Check that the read can be asked for the key of the probe."""
    rows: type[RowsTable] | None = None
    """The table that says where all rows of a list come from; None if the family gives no whole lists."""
    rows_of: Callable[[Source[Any], str, Any], RowSource] | None = None
    """Compile such a table, whose place in the manifest is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFamily:
    """Agencies that are called in one way."""

    wire: type[WireTable]
    driver: type[Driver]
    build_driver: Callable[[Any, DriverParts], Driver]
    """Build the driver from the table `[wire]`. Opens nothing. Raises `ValueError` for an address that is not safe, and
    `NotDeclarableError` for anything else."""
    reads: Reads | None = None
    """None if only connectors in Python call such agencies."""

    def list_tables(self) -> Sequence[type[ManifestTable]]:
        """The tables of a manifest that are those of the family."""
        return (self.wire,) if self.reads is None else (self.wire, self.reads.table)

    def require_reads(self) -> Reads:
        """The reads of the family. Raises `NotDeclarableError`."""
        if self.reads is None:
            raise NotDeclarableError("reads", "they cannot be declared for this driver; name a connector")
        return self.reads
