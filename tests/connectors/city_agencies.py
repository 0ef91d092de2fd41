"""Connectors of the sandbox city that its manifests declare."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from connectors.declared.column_syntax import FLAT_COLUMNS
from connectors.declared.connector import DeclaredConnector, DeclaredTables, build_declared_connector
from connectors.declared.driver_family import CallLimits, HubValues
from connectors.declared.record_readers import RecordReader, RecordReaders
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.sql.driver import SqlDriver
from connectors.regions import UnknownDistricts
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from settings.city.folder import DEFAULT_CITY
from settings.city.manifest import AgencyManifest, ManifestFile


@cache
def load_manifest(agency: str) -> AgencyManifest:
    """The manifest of an agency of the sandbox city."""
    return ManifestFile.load(DEFAULT_CITY / "agencies" / f"{agency}.toml").manifest


def load_tables(agency: str) -> DeclaredTables:
    """The declared reads of an agency of the sandbox city."""
    tables = load_manifest(agency).declared_tables
    assert tables is not None
    return tables


def build_jakpreneur(sql: SqlDriver, *, max_batch_size: int | None = None) -> DeclaredConnector:
    """The connector of the JakPreneur programme."""
    return build_declared_connector(
        Msmes, load_tables("jakpreneur"), sql, agency="jakpreneur", limits=CallLimits(max_batch_size=max_batch_size)
    )


def build_dukcapil(
    sql: SqlDriver, *, max_batch_size: int | None = None, knows_region: Callable[[str], bool] = lambda _: True
) -> DeclaredConnector:
    """The connector of the population register."""
    return build_declared_connector(
        Population,
        load_tables("dukcapil"),
        sql,
        agency="dukcapil",
        limits=CallLimits(max_batch_size=max_batch_size),
        hub=HubValues(for_functions={UnknownDistricts: UnknownDistricts(knows_region)}),
    )


def build_pangan(http: HttpDriver) -> DeclaredConnector:
    """The connector of the food price service."""
    return build_declared_connector(Prices, load_tables("pangan"), http, agency="pangan")


def build_reader(agency: str, record: type[Any]) -> RecordReader[Any]:
    """The reader of a record, as the manifest declares it."""
    records = RecordReaders(load_manifest(agency).records, columns=FLAT_COLUMNS)
    return records.build("a test", record)
