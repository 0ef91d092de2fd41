"""A connector for each agency, behind its gate, and the domain that each answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.rate_keys import RateKeys
from cache.agency_counts import AgencyCounts
from cache.shared import SharedCounts
from connectors.attendance import Attendance
from connectors.complaints import CityComplaints
from connectors.drivers.http import HttpDriver
from connectors.drivers.sql import SqlDriver
from connectors.long_work import LongWork
from connectors.msmes import JakPreneur
from connectors.policies.gate import Gate
from connectors.population import PopulationRegister
from connectors.prices import FoodPrices
from connectors.regions import RegionTables
from connectors.tax import PropertyTax
from engine.batch import Agencies
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from settings import AT_ONCE, Settings
from store.complaint_links import ComplaintLinkTable

_DATA = Path(__file__).parents[1] / "data"
_SIDE_BY_SIDE = 4
_MOST_BYTES = 4 * 1024 * 1024
"""Of one JSON reply, unpacked. Parsing it takes 15 ms at most (`connectors/drivers/json_body.py`)."""

D = TypeVar("D")


class Closable(Protocol):
    """Something that holds connections."""

    async def close(self) -> None:
        """Close them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors:
    """One connector for each domain."""

    population: PopulationRegister
    msmes: JakPreneur
    tax: PropertyTax
    complaints: CityComplaints
    prices: FoodPrices
    regions: RegionTables
    to_close: Sequence[Closable]
    """What holds connections to agencies."""
    gates: Mapping[str, Gate]
    """What every call to an agency passes, by agency."""

    def agencies(self, own: Mapping[type[Any], Any]) -> Agencies:
        """The connectors, and what the hub's own state answers, by domain; the types prove that each connector fits."""
        bound = dict(own)

        def bind(domain: type[D], connector: D) -> None:
            bound[domain] = connector

        bind(Population, self.population)
        bind(Msmes, self.msmes)
        bind(Tax, self.tax)
        bind(Complaints, self.complaints)
        bind(Prices, self.prices)
        bind(Regions, self.regions)
        return Agencies(bound)

    def attendance(self) -> Attendance:
        """Who tells whether each agency answers."""
        return Attendance(
            {
                "dukcapil": self.population,
                "jakpreneur": self.msmes,
                "pbb": self.tax,
                "crm": self.complaints,
                "pangan": self.prices,
            }
        )

    async def close(self) -> None:
        """Close every connection to an agency."""
        for gate in self.gates.values():
            await gate.close()
        for each in self.to_close:
            await each.close()


def connect(settings: Settings, state: AsyncEngine) -> Connectors:
    """A connector for each agency; nothing is asked yet, so a dead agency does not stop the hub."""
    gates = {agency: Gate(agency, settings.terms(agency)) for agency in AT_ONCE}
    work = LongWork()
    dukcapil = _sql(gates["dukcapil"], settings.dukcapil_url, work)
    jakpreneur = _sql(gates["jakpreneur"], settings.jakpreneur_url, work)
    crm = _http(gates["crm"], settings.crm_url, {"X-Api-Key": settings.crm_key}, work)
    pangan = _http(gates["pangan"], settings.pangan_url, {"app-client-id": settings.pangan_key}, work)
    tax = PropertyTax.connect(
        settings.pbb_url,
        user=settings.pbb_user,
        password=settings.pbb_password.get_secret_value(),
        deadline=gates["pbb"].deadline,
        at_once=min(settings.pbb_at_once, gates["pbb"].at_once),
        connections=gates["pbb"].at_once,
        gate=gates["pbb"],
        work=work,
    )
    regions = RegionTables(_DATA)
    links = None if settings.crm_reporter_extension else ComplaintLinkTable(state, settings.secret_bytes)
    return Connectors(
        population=PopulationRegister(
            dukcapil, keys_a_call=gates["dukcapil"].terms.keys_a_call, knows_region=regions.knows
        ),
        msmes=JakPreneur(jakpreneur, keys_a_call=gates["jakpreneur"].terms.keys_a_call),
        tax=tax,
        complaints=CityComplaints(
            crm,
            links=links,
            reporter_extension=settings.crm_reporter_extension,
            side_by_side=min(_SIDE_BY_SIDE, gates["crm"].at_once),
            keys_a_call=gates["crm"].terms.keys_a_call,
        ),
        prices=FoodPrices(pangan, side_by_side=min(_SIDE_BY_SIDE, gates["pangan"].at_once)),
        regions=regions,
        to_close=(dukcapil, jakpreneur, crm, pangan, tax),
        gates=gates,
    )


def count_together(gates: Mapping[str, Gate], shared: SharedCounts | None, secret: bytes) -> None:
    """Let all processes share what agencies allow, where they share a Redis."""
    if shared is None:
        return
    together = AgencyCounts(shared, keyed=partial(RateKeys(secret), "agency"))
    for gate in gates.values():
        gate.count_together(together)


def _sql(gate: Gate, url: SecretStr, work: LongWork) -> SqlDriver:
    return SqlDriver(
        gate.agency, url.get_secret_value(), deadline=gate.deadline, pool_size=gate.at_once, gate=gate, work=work
    )


def _http(gate: Gate, url: str, headers: Mapping[str, SecretStr], work: LongWork) -> HttpDriver:
    return HttpDriver(
        gate.agency,
        url,
        headers={name: value.get_secret_value() for name, value in headers.items()},
        deadline=gate.deadline,
        connections=gate.at_once,
        max_bytes=_MOST_BYTES,
        gate=gate,
        work=work,
    )
