"""The families of drivers that a manifest can name: `[wire] driver`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final

from pydantic import Field, TypeAdapter, create_model
from pydantic.fields import FieldInfo

from connectors.declared.ckan.reads import build_ckan_read, check_ckan_probe, ckan_rows_of
from connectors.declared.ckan.tables import CkanReadTable, CkanRowsTable, CkanWire
from connectors.declared.column_syntax import JSON_PATHS
from connectors.declared.driver_family import AllRows, DomainReads, DriverFamily, DriverParts, Reads, open_batches
from connectors.declared.fhir.client import MEDIA_TYPE, FhirClient
from connectors.declared.fhir.paths import FHIR_PATHS
from connectors.declared.fhir.reads import build_fhir_read, check_fhir_probe, fhir_rows_of
from connectors.declared.fhir.tables import FhirReadTable, FhirRowsTable, FhirWire
from connectors.declared.files.rows import build_file_rows
from connectors.declared.files.tables import FileRowsTable, FilesWire
from connectors.declared.graphql.lists import graphql_rows_of
from connectors.declared.graphql.reads import build_graphql_read, check_graphql_probe
from connectors.declared.graphql.replies import ACCEPT
from connectors.declared.graphql.tables import GraphqlReadTable, GraphqlRowsTable, GraphqlWire
from connectors.declared.gtfs.client import GtfsClient
from connectors.declared.gtfs.tables import GtfsWire
from connectors.declared.gtfs.transit import build_gtfs_transit
from connectors.declared.http.command_tables import HttpCommandTable
from connectors.declared.http.reads import build_http_read, rows_of
from connectors.declared.http.requests import check_http_probe
from connectors.declared.http.tables import HttpReadTable, HttpRowsTable, HttpWire, SealedTable
from connectors.declared.open311.client import Open311Client
from connectors.declared.open311.complaints import build_open311_complaints
from connectors.declared.open311.tables import Open311Wire
from connectors.declared.service.credentials import build_service
from connectors.declared.service.wire import CredentialTable
from connectors.declared.snapshot.tables import SnapshotReadTable, SnapshotTable
from connectors.declared.soap.reads import build_soap_read
from connectors.declared.soap.requests import check_soap_probe
from connectors.declared.soap.tables import SoapReadTable, SoapWire
from connectors.declared.soap.wire import build_soap_driver
from connectors.declared.sql.reads import build_sql_read
from connectors.declared.sql.rows import stream_sql_rows
from connectors.declared.sql.tables import SqlReadTable, SqlRowsTable, SqlWire
from connectors.declared.tables import CommandTable, ManifestTable, NotDeclarableError, PythonReadTable, RowsTable
from connectors.declared.xml.paths import XML_PATHS, XML_REPLIES
from connectors.declared.xml.tables import XmlWire
from connectors.drivers.files.driver import FilesDriver
from connectors.drivers.gtfs.realtime_messages import MAX_FEED_BYTES, REALTIME_FEED
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.json_body import JSON_BODY, LOWER_CASE_JSON_BODY
from connectors.drivers.http.sealed.body_seal import BodySeal
from connectors.drivers.http.service import HttpLimits
from connectors.drivers.http.xml_body import MAX_XML_BYTES, build_xml_format
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.sql.driver import SqlDriver

_MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Of one decompressed reply: parsing takes 15 ms at most (`connectors/drivers/http/json_body.py`)."""
_MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""Of one file over HTTP, which is held in memory until it is written down."""


Wire = SqlWire | HttpWire | XmlWire | CkanWire | GraphqlWire | SoapWire | FilesWire | Open311Wire | FhirWire | GtfsWire


def parse_reads(driver: str, given: object, defaults: Mapping[str, Any] | None = None) -> Mapping[str, PythonReadTable]:
    """The tables of reads for the driver, each with the defaults that it does not replace.

    Raises pydantic's `ValidationError`, and `ValueError`.
    """
    family = DRIVER_FAMILIES[driver]
    given = (
        {name: _add_defaults(each, defaults or {}) for name, each in given.items()}
        if isinstance(given, Mapping)
        else given
    )
    named = given if isinstance(given, Mapping) else {}
    if family.domain_reads is not None:
        return TypeAdapter(Mapping[str, PythonReadTable]).validate_python(given)
    local = {name: each for name, each in named.items() if isinstance(each, Mapping) and "snapshot" in each}
    asked = {name: each for name, each in named.items() if name not in local} if named else given
    tables: dict[str, PythonReadTable] = {**TypeAdapter(Mapping[str, SnapshotReadTable]).validate_python(local)}
    if family.reads is not None:
        table: Any = Mapping[str, family.reads.table]  # type: ignore[name-defined] # by the driver
        tables |= TypeAdapter[Mapping[str, PythonReadTable]](table).validate_python(asked)
    elif asked:
        fix = "load a snapshot, and name it in each read" if family.all_rows is not None else "name a connector"
        raise ValueError(f"they cannot be declared over {driver}; {fix}")
    return {name: tables[name] for name in named if name in tables}


def _add_defaults(read: object, defaults: Mapping[str, Any]) -> object:
    """A read with the defaults; one that a snapshot answers calls no agency, and has none."""
    return {**defaults, **read} if isinstance(read, Mapping) and "snapshot" not in read else read


def find_read_table(driver: str, *, is_python: bool = False) -> type[PythonReadTable]:
    """The table of a read that calls an agency: `is_python` says whether a connector in Python does."""
    reads = DRIVER_FAMILIES[driver].reads
    return PythonReadTable if reads is None or is_python else reads.table


@cache
def build_defaults_table(read: type[PythonReadTable]) -> type[ManifestTable]:
    """The table of keys for all reads: those of a read, of which none is required."""
    fields: dict[str, Any] = {}
    for name, each in read.model_fields.items():
        kind: Any = each.annotation
        fields[name] = (kind | None, FieldInfo.merge_field_infos(each, default=None, annotation=kind | None))
    return create_model(f"{read.__name__}Defaults", __base__=ManifestTable, **fields)


def parse_snapshots(driver: str, given: object) -> Mapping[str, SnapshotTable]:
    """The tables of snapshots for the driver. Raises pydantic's `ValidationError`, and `ValueError`."""
    all_rows = DRIVER_FAMILIES[driver].all_rows
    if all_rows is None:
        if given:
            raise ValueError(f"{driver} cannot give all rows of a source; remove this table")
        return {}
    table = _build_snapshot_table(all_rows.table)
    return TypeAdapter[Mapping[str, SnapshotTable]](Mapping[str, table]).validate_python(given)  # type: ignore[valid-type] # by the driver


@cache
def _build_snapshot_table(rows: type[RowsTable]) -> type[SnapshotTable]:
    """The table of a snapshot whose rows come from this driver."""
    described = Field(description=SnapshotTable.model_fields["rows"].description)
    return create_model("SnapshotTable", __base__=SnapshotTable, rows=(rows, described))


def parse_commands(driver: str, given: object) -> Mapping[str, CommandTable]:
    """The tables of commands for the driver. Raises pydantic's `ValidationError`."""
    if not isinstance(given, Mapping):
        return TypeAdapter(Mapping[str, CommandTable]).validate_python(given)
    family, found = DRIVER_FAMILIES[driver], dict[str, CommandTable]()
    for table in (CommandTable, family.command_table):
        some = {name: each for name, each in given.items() if family.find_command_table(name) is table}
        kind: Any = Mapping[str, table]  # type: ignore[valid-type] # by the driver
        found |= TypeAdapter[Mapping[str, CommandTable]](kind).validate_python(some)
    return {name: found[name] for name in given}


def _build_sql_driver(wire: SqlWire, parts: DriverParts) -> SqlDriver:
    gate, url = parts.gate, wire.url.get_secret_value()
    return SqlDriver(
        gate.agency, url, deadline=gate.deadline, pool_size=gate.max_concurrency, gate=gate, work=parts.work
    )


def _build_http_driver(wire: HttpWire | CkanWire, parts: DriverParts) -> HttpDriver:
    service = build_service(wire, parts.gate.agency)
    if isinstance(wire, HttpWire) and wire.sealed is not None:
        service = replace(service, seal=_build_seal(wire.sealed))
    body_format = LOWER_CASE_JSON_BODY if isinstance(wire, HttpWire) and wire.ignore_case else JSON_BODY
    limits = _build_limits(parts, _MAX_JSON_BYTES)
    return HttpDriver(service, limits, body_format=body_format, gate=parts.gate, work=parts.work)


def _build_seal(table: SealedTable) -> BodySeal:
    at, key = tuple(table.at.split(".")), table.key.get_secret_value()
    try:
        return BodySeal(at=at, key=key, iv=table.iv, compression=table.compression, max_bytes=_MAX_JSON_BYTES)
    except ValueError as error:
        raise NotDeclarableError("wire.sealed.key", str(error).partition(": ")[2]) from None


def _build_graphql_driver(wire: GraphqlWire, parts: DriverParts) -> HttpDriver:
    service = build_service(wire, parts.gate.agency, accept=ACCEPT)
    return HttpDriver(service, _build_limits(parts, _MAX_JSON_BYTES), gate=parts.gate, work=parts.work)


def _build_soap_driver(wire: SoapWire, parts: DriverParts) -> SoapDriver:
    accept = "text/xml" if wire.version == "1.1" else "application/soap+xml, text/xml"
    service = build_service(wire, parts.gate.agency, accept=accept)
    return build_soap_driver(wire, HttpDriver(service, _build_limits(parts, MAX_XML_BYTES), work=parts.work), parts)


def _build_xml_driver(wire: XmlWire, parts: DriverParts) -> HttpDriver:
    service = build_service(wire, parts.gate.agency, accept="application/xml, text/xml")
    limits, body_format = _build_limits(parts, MAX_XML_BYTES), build_xml_format(wire.namespaces)
    return HttpDriver(service, limits, body_format=body_format, gate=parts.gate, work=parts.work)


def _build_open311_client(wire: Open311Wire, parts: DriverParts) -> Open311Client:
    service = build_service(wire, parts.gate.agency)
    is_xml = wire.format == "xml"
    limits = _build_limits(parts, MAX_XML_BYTES if is_xml else _MAX_JSON_BYTES)
    body_format = build_xml_format({}) if is_xml else JSON_BODY
    http = HttpDriver(service, limits, body_format=body_format, gate=parts.gate, work=parts.work)
    return Open311Client(http=http, wire=wire)


def _build_fhir_client(wire: FhirWire, parts: DriverParts) -> FhirClient:
    service = build_service(wire, parts.gate.agency, accept=f"{MEDIA_TYPE}, application/json;q=0.9")
    http = HttpDriver(service, _build_limits(parts, _MAX_JSON_BYTES), gate=parts.gate, work=parts.work)
    return FhirClient.build(http, wire)


def _build_files_driver(wire: FilesWire, parts: DriverParts) -> FilesDriver:
    folder = wire.folder
    if folder is not None:
        if wire.credential != CredentialTable():
            raise NotDeclarableError("wire.credential", "a folder takes no credential; remove this table")
        return FilesDriver(folder, None, gate=parts.gate)
    service = build_service(wire, parts.gate.agency)
    return FilesDriver(
        None, HttpDriver(service, _build_limits(parts, _MAX_FILE_BYTES), work=parts.work), gate=parts.gate
    )


def _build_gtfs_client(wire: GtfsWire, parts: DriverParts) -> GtfsClient:
    agency, gate, work = parts.gate.agency, parts.gate, parts.work
    limits = _build_limits(parts, wire.schedule.max_bytes)
    schedule = HttpDriver(build_service(wire, agency), limits, gate=gate, work=work)
    limits, service = _build_limits(parts, MAX_FEED_BYTES), build_service(wire.realtime_service, agency)
    return GtfsClient(schedule, HttpDriver(service, limits, body_format=REALTIME_FEED, gate=gate, work=work), wire)


def _build_limits(parts: DriverParts, max_bytes: int) -> HttpLimits:
    gate = parts.gate
    return HttpLimits(
        deadline=gate.deadline, connections=gate.max_concurrency, max_bytes=max_bytes, take_replay=gate.take_replay
    )


DRIVER_FAMILIES: Final[Mapping[str, DriverFamily]] = {
    "sql": DriverFamily(
        wire=SqlWire,
        driver=SqlDriver,
        build_driver=_build_sql_driver,
        reads=Reads(table=SqlReadTable, build=build_sql_read),
        all_rows=AllRows(table=SqlRowsTable, build=open_batches(stream_sql_rows)),
    ),
    "http": DriverFamily(
        wire=HttpWire,
        driver=HttpDriver,
        build_driver=_build_http_driver,
        reads=Reads(table=HttpReadTable, build=build_http_read, check_probe=check_http_probe),
        all_rows=AllRows(table=HttpRowsTable, build=open_batches(rows_of)),
        columns=JSON_PATHS,
        command_table=HttpCommandTable,
    ),
    "xml": DriverFamily(
        wire=XmlWire,
        driver=HttpDriver,
        build_driver=_build_xml_driver,
        reads=Reads(
            table=HttpReadTable, build=partial(build_http_read, replies=XML_REPLIES), check_probe=check_http_probe
        ),
        all_rows=AllRows(table=HttpRowsTable, build=open_batches(partial(rows_of, replies=XML_REPLIES))),
        columns=XML_PATHS,
    ),
    "ckan": DriverFamily(
        wire=CkanWire,
        driver=HttpDriver,
        build_driver=_build_http_driver,
        reads=Reads(table=CkanReadTable, build=build_ckan_read, check_probe=check_ckan_probe),
        all_rows=AllRows(table=CkanRowsTable, build=open_batches(ckan_rows_of)),
    ),
    "graphql": DriverFamily(
        wire=GraphqlWire,
        driver=HttpDriver,
        build_driver=_build_graphql_driver,
        reads=Reads(table=GraphqlReadTable, build=build_graphql_read, check_probe=check_graphql_probe),
        all_rows=AllRows(table=GraphqlRowsTable, build=open_batches(graphql_rows_of)),
        columns=JSON_PATHS,
    ),
    "soap": DriverFamily(
        wire=SoapWire,
        driver=SoapDriver,
        build_driver=_build_soap_driver,
        reads=Reads(table=SoapReadTable, build=build_soap_read, check_probe=check_soap_probe),
        columns=JSON_PATHS,
    ),
    "open311": DriverFamily(
        wire=Open311Wire,
        driver=Open311Client,
        build_driver=_build_open311_client,
        domain_reads=DomainReads(domain="complaints", build=build_open311_complaints),
        command_table=HttpCommandTable,
        own_commands=frozenset({"submit_complaint"}),
    ),
    "fhir": DriverFamily(
        wire=FhirWire,
        driver=FhirClient,
        build_driver=_build_fhir_client,
        reads=Reads(table=FhirReadTable, build=build_fhir_read, check_probe=check_fhir_probe),
        all_rows=AllRows(table=FhirRowsTable, build=open_batches(fhir_rows_of)),
        columns=FHIR_PATHS,
    ),
    "files": DriverFamily(
        wire=FilesWire,
        driver=FilesDriver,
        build_driver=_build_files_driver,
        all_rows=AllRows(table=FileRowsTable, build=build_file_rows),
    ),
    "gtfs": DriverFamily(
        wire=GtfsWire,
        driver=GtfsClient,
        build_driver=_build_gtfs_client,
        domain_reads=DomainReads(domain="transit", build=build_gtfs_transit),
    ),
}
"""By the word of the driver."""
