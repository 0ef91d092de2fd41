"""The connector of an agency whose reads are declared: it answers a domain protocol from the tables of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.batching.row_check import RowCheck
from connectors.declared.domain_reads import list_reads
from connectors.declared.field_readers import NotDeclarableError
from connectors.declared.record_readers import RecordReader, build_record_reader
from connectors.declared.sql_reads import Read, SqlSource, build_sql_read
from connectors.declared.tables import ManifestTable, RecordTable, SqlReadTable
from connectors.drivers.sql.driver import SqlDriver
from records.calls.call import Call


class ProbeTable(ManifestTable):
    """The read that shows whether the agency answers."""

    read: str
    key: str


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
        await read([self._probe.key], call)


class SqlTables(ManifestTable):
    """The declared reads and records of one agency with a database."""

    reads: Mapping[str, SqlReadTable]
    records: Mapping[str, RecordTable]
    probe: ProbeTable


def build_sql_connector(
    domain: type[Any], tables: SqlTables, sql: SqlDriver, *, agency: str, max_batch_size: int | None = None
) -> DeclaredConnector:
    """Compile the declared reads of a domain. Opens nothing.

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
    if tables.probe.read not in wanted:
        raise NotDeclarableError("probe.read", f"'{tables.probe.read}' is no declared read")
    readers: dict[Any, RecordReader[Any]] = {}
    for each in wanted.values():
        name = each.record.__name__
        if name not in tables.records:
            raise NotDeclarableError(f"records.{name}", f"the read {each.name} gives it, and none is declared")
        readers.setdefault(each.record, build_record_reader(each.record, tables.records[name]))
    used = sorted(each.__name__ for each in readers)
    if unknown := sorted(tables.records.keys() - set(used)):
        raise NotDeclarableError(f"records.{unknown[0]}", f"no read gives this record; they give {', '.join(used)}")
    source = SqlSource(
        agency=agency, sql=sql, scheme=sql.scheme, check=RowCheck(agency, sql.counts), max_batch_size=max_batch_size
    )
    reads = {
        name: build_sql_read(source, each, tables.reads[name], readers[each.record]) for name, each in wanted.items()
    }
    return DeclaredConnector(agency, reads, tables.probe)
