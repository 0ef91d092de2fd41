"""Tables of manifests for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.batching.row_check import RowCheck
from connectors.declared.connector import DeclaredTables
from connectors.declared.driver_families import DRIVER_FAMILIES, parse_reads
from connectors.declared.driver_family import NO_CALL_LIMITS, D, Source
from connectors.declared.record_readers import RecordReaders
from connectors.declared.trouble import NoResultCodes


def parse_tables(driver: str, given: Mapping[str, Any]) -> DeclaredTables:
    """The declared tables of a manifest with this driver."""
    return DeclaredTables.model_validate({**given, "driver": driver, "reads": parse_reads(driver, given["reads"])})


def build_source(word: str, driver: D) -> Source[D]:
    """The source of an agency without records, with this driver."""
    columns = DRIVER_FAMILIES[word].columns
    return Source(
        agency="kios",
        driver=driver,
        check=RowCheck("kios", driver.counts),
        records=RecordReaders({}, columns=columns),
        columns=columns,
        codes=NoResultCodes(),
        limits=NO_CALL_LIMITS,
    )
