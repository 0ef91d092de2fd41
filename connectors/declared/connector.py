"""The connector of an agency whose reads are declared: it answers a domain protocol from the tables of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from connectors.batching.row_check import RowCheck
from connectors.declared.domain_reads import list_reads
from connectors.declared.driver_families import find_family
from connectors.declared.driver_family import Driver, Source
from connectors.declared.read_records import Read
from connectors.declared.record_readers import RecordReaders
from connectors.declared.tables import ManifestTable, NotDeclarableError, ReadTable, RecordTable, TroubleTable
from connectors.declared.trouble import build_result_codes
from records.calls.call import Call
from records.calls.failures import AgencyFailure


class ProbeTable(ManifestTable):
    """The read that shows whether the agency answers."""

    read: str = Field(description="name of a declared read")
    key: str = Field(description="key that it is asked for; choose one that identifies no person")


class DeclaredConnector:
    """Answers the reads of a domain; each read is an attribute, as the protocol names it."""

    def __init__(self, agency: str, reads: Mapping[str, Read], probe: ProbeTable) -> None:
        """Take the compiled reads."""
        self.agency = agency
        self._probe = probe
        self.__dict__.update(reads)

    def __getattr__(self, name: str) -> Read:
        """Only types need it: compiled reads are found before."""
        raise AttributeError(f"The connector of '{self.agency}' has no read '{name}'.")

    async def probe(self, call: Call) -> None:
        """Make sure that the agency answers. Raises `AgencyFailure`."""
        read: Read = getattr(self, self._probe.read)
        for answer in (await read([self._probe.key], call)).values():
            if isinstance(answer, AgencyFailure):
                raise answer


class DeclaredTables(ManifestTable):
    """The declared reads and records of one agency."""

    reads: Mapping[str, ReadTable]
    records: Mapping[str, RecordTable]
    probe: ProbeTable
    trouble: TroubleTable | None = None


def build_declared_connector(
    domain: type[Any],
    tables: DeclaredTables,
    driver: Driver,
    *,
    agency: str,
    max_batch_size: int | None = None,
    max_concurrency: int = 64,
) -> DeclaredConnector:
    """Compile the declared reads of a domain. Opens nothing.

    `max_batch_size` limits the keys of one call, `max_concurrency` the calls under way.

    Raises:
        NotDeclarableError: A read is missing, unknown, or not answered as the domain asks.

    """
    wanted = list_reads(domain)
    if unknown := sorted(tables.reads.keys() - wanted.keys()):
        raise NotDeclarableError(
            f"reads.{unknown[0]}", f"the domain has no such read; it has {', '.join(sorted(wanted))}"
        )
    if missing := sorted(wanted.keys() - tables.reads.keys()):
        raise NotDeclarableError(f"reads.{missing[0]}", "the domain asks for this read, and none is declared")
    probe = tables.probe
    if probe.read not in wanted:
        raise NotDeclarableError("probe.read", f"'{probe.read}' is no declared read")
    family = find_family(driver).require_reads()
    if max_batch_size is not None and not any(each.takes_batches for each in tables.reads.values()):
        raise NotDeclarableError("terms.max_batch_size", "the agency takes one key per call; remove this line")
    family.check_probe(wanted[probe.read], tables.reads[probe.read], probe.key)
    records = RecordReaders(tables.records, columns=family.columns)
    source = Source(
        agency=agency,
        driver=driver,
        check=RowCheck(agency, driver.counts),
        records=records,
        columns=family.columns,
        codes=build_result_codes(agency, tables.trouble, family.columns),
        max_batch_size=max_batch_size,
        max_concurrency=max_concurrency,
    )
    reads = {name: family.build(source, each, tables.reads[name]) for name, each in wanted.items()}
    records.require_all_used()
    return DeclaredConnector(agency, reads, probe)
