"""Checks the declared statements of all agencies against their databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Final

from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts, HubValues
from connectors.declared.sql.explain import explain_statements
from connectors.drivers.long_work import LongWork
from connectors.drivers.sql.driver import SqlDriver
from connectors.regions import UnknownDistricts
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from resolvers.domains import find_domains
from settings import Settings
from settings.city.manifest import ManifestFile
from settings.city.problems import CityProblem

_TIMEOUT: Final = 60.0
"""Seconds for all statements of one agency; each has the deadline of its terms."""


@dataclass(frozen=True, slots=True)
class CheckedStatement:
    """A problem of a statement beside its database, with file and line."""

    problem: CityProblem
    is_error: bool
    """Whether the read fails; else it is slow."""


async def explain_agencies(settings: Settings) -> AsyncIterator[CheckedStatement]:
    """Let the databases of all live agencies plan the declared statements. Nothing of them is run."""
    for code, file in settings.city.agencies.items():
        if file.manifest.wire.driver == "sql" and file.manifest.declared_tables is not None:
            async for checked in explain_agency(file, settings.build_terms(code), settings.city.path):
                yield checked


async def explain_agency(file: ManifestFile, terms: AgencyTerms, city: Path) -> AsyncIterator[CheckedStatement]:
    """Let the database of one agency plan its declared statements, in one session."""
    manifest = file.manifest
    # Refused statements say nothing about the database, so they must not open a breaker.
    gate = Gate(file.code, terms.model_copy(update={"max_concurrency": 1, "retries": 0, "breaker": None}))
    driver = DRIVER_FAMILIES["sql"].build_driver(manifest.wire, DriverParts(gate=gate, work=LongWork(), city=city))
    call = Call(deadline=monotonic() + _TIMEOUT, request_id=f"explain-{token_hex(4)}")
    hub = HubValues(for_functions={UnknownDistricts: UnknownDistricts(lambda _: True)})
    if not isinstance(driver, SqlDriver) or manifest.declared_tables is None:
        return
    try:
        async for each in explain_statements(
            driver, manifest.declared_tables, find_domains()[manifest.domain], hub, call
        ):
            yield CheckedStatement(file.locate(each.place, each.problem), each.is_error)
    except AgencyFailure as failure:
        text = f"its statements cannot be planned: {failure.code} ({failure.detail})"
        yield CheckedStatement(file.locate("wire.url", text), is_error=False)
    finally:
        await gate.close()
        await driver.close()
