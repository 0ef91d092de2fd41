"""The connector of an agency whose reads are declared: it answers a domain protocol from the tables of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from connectors.batching.row_check import RowCheck
from connectors.declared.domain_reads import DomainRead, list_reads
from connectors.declared.http_reads import build_http_read
from connectors.declared.http_requests import KEY, build_http_request, list_key_parts
from connectors.declared.http_rows import HttpSource
from connectors.declared.read_records import Read
from connectors.declared.record_readers import RecordReaders, write_json_path, write_sql_column
from connectors.declared.sql_reads import SqlSource, build_sql_read
from connectors.declared.tables import (
    AnyReadTable,
    HttpReadTable,
    ManifestTable,
    NotDeclarableError,
    RecordTable,
    SqlReadTable,
)
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.sql.driver import SqlDriver
from records.calls.call import Call
from records.calls.failures import AgencyFailure

MAX_CONCURRENT_CALLS: Final = 4
"""Calls of one read for different keys under way at a time, by default."""


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
        for answer in (await read([self._probe.key], call)).values():
            if isinstance(answer, AgencyFailure):
                raise answer


class DeclaredTables(ManifestTable):
    """The declared reads and records of one agency."""

    reads: Mapping[str, AnyReadTable]
    records: Mapping[str, RecordTable]
    probe: ProbeTable


def build_declared_connector(
    domain: type[Any],
    tables: DeclaredTables,
    driver: SqlDriver | HttpDriver,
    *,
    agency: str,
    max_batch_size: int | None = None,
    max_concurrency: int = MAX_CONCURRENT_CALLS,
) -> DeclaredConnector:
    """Compile the declared reads of a domain. Opens nothing.

    `max_batch_size` limits the keys of one statement, `max_concurrency` the calls for different keys under way.

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
    check = RowCheck(agency, driver.counts)
    build: Callable[[DomainRead], Read]
    if isinstance(driver, SqlDriver):
        records = RecordReaders(tables.records, write_column=write_sql_column)
        sql = SqlSource(
            agency=agency,
            sql=driver,
            scheme=driver.scheme,
            check=check,
            records=records,
            max_batch_size=max_batch_size,
        )
        build = partial(_build_over_sql, sql, tables)
    else:
        records = RecordReaders(tables.records, write_column=write_json_path)
        http = HttpSource(agency=agency, http=driver, check=check, records=records, max_concurrency=max_concurrency)
        build = partial(_build_over_http, http, tables)
    reads = {name: build(each) for name, each in wanted.items()}
    records.require_all_used()
    return DeclaredConnector(agency, reads, tables.probe)


def _build_over_sql(source: SqlSource, tables: DeclaredTables, domain_read: DomainRead) -> Read:
    table = tables.reads[domain_read.name]
    if not isinstance(table, SqlReadTable):
        raise NotDeclarableError(f"reads.{domain_read.name}", "the agency has a database: give a `statement`")
    return build_sql_read(source, domain_read, table)


def _build_over_http(source: HttpSource, tables: DeclaredTables, domain_read: DomainRead) -> Read:
    table = tables.reads[domain_read.name]
    if not isinstance(table, HttpReadTable):
        raise NotDeclarableError(f"reads.{domain_read.name}", "the agency is called over HTTP: give a `path`")
    if domain_read.name == tables.probe.read:
        if list_key_parts(domain_read.key).keys() != {KEY}:
            raise NotDeclarableError("probe.read", f"{domain_read.name} takes more than a key; name another read")
        if not build_http_request(domain_read, table).is_known_form(tables.probe.key):
            raise NotDeclarableError("probe.key", f"the read {domain_read.name} would not send it; see its key_pattern")
    return build_http_read(source, domain_read, table)
