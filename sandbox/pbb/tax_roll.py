"""Tax objects, bills (SPPT) and payments of the sandbox's property tax agency, generated from the residents.

They move with the city's day by whole years, because tax years and due days are fixed in the calendar. One bill of Siti
moves by days, so that it can always be paid without a fine.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

from sandbox.clock import DATA_DAY, count_years_moved
from sandbox.population.city_population import SAMPLES, CityPopulation, Resident, SandboxHousehold
from sandbox.population.regions import SandboxRegion, load_regions
from sandbox.population.seeded_random import seeded_random

TAX_YEARS = range(2021, 2027)
"""The years with bills where the data is not moved."""

NJOPTKP = 15_000_000
"""The tax-free part of the sale value, in Rupiah."""

RATES = ((200_000_000, 1), (2_000_000_000, 10), (10_000_000_000, 20), (math.inf, 30))
"""Tax rates in hundredths of a per cent, each below the given value (NJOP, Rupiah)."""

BPS_CITY = {"31.71": "73", "31.72": "75", "31.73": "74", "31.74": "71", "31.75": "72", "31.01": "01"}
"""City part of a NOP by Kemendagri code: the agency uses the codes of the statistics office (BPS); 71 is Selatan."""

STREETS = (
    "JL. CAFÉ",
    "JL. SÃO TOMÉ",
    "GANG RENÉ",
    "JL. MELATI",
    "JL. KENANGA",
    "JL. H. SAABUN",
    "JL. PETA",
    "JL. ANGGREK",
)
HOUSEHOLDS_WITH_OBJECTS = 0.45
LATE_SHARE, UNPAID_SHARE, REDUCED_SHARE, EXEMPT_SHARE, CANCELLED_SHARE = 0.2, 0.12, 0.08, 0.05, 0.05
NAME_WIDTH = 30
"""Width of the column NM_WP_SPPT in letters; longer names are cut."""
MONTH_DAYS = 30
MAX_FINE_MONTHS = 24
LOWER_FINES_FROM = 2024
"""Bills due from this year on have fines under UU 1/2022: 1 % a month instead of 2 %."""


@dataclass(frozen=True, slots=True)
class NopParts:
    """The key of a tax object in its seven columns: BPS's city, and the agency's own numbers."""

    province: str
    city: str
    district: str
    village: str
    block: str
    number: str
    special: str

    def __str__(self) -> str:
        """All eighteen digits without separators."""
        return f"{self.province}{self.city}{self.district}{self.village}{self.block}{self.number}{self.special}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PbbPayment:
    """One payment on a bill; `amount` includes the fine. A cancelled one has neither day nor receipt."""

    sequence: int
    fine: int | None
    amount: int
    paid_on: date | None
    receipt: str | None
    cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PbbBill:
    """The SPPT of one object and tax year; areas in square metres, money in Rupiah."""

    nop: NopParts
    year: int
    taxpayer: str
    land_area: int
    building_area: int
    land_value: int
    building_value: int | None
    tax: int
    reduction: int | None
    paid: bool
    issued_on: date | None
    due_on: date
    payments: tuple[PbbPayment, ...]

    @property
    def value(self) -> int:
        """The NJOP of land and building together."""
        return self.land_value + (self.building_value or 0)

    @property
    def payable(self) -> int:
        """The amount due: the tax minus its reduction, without a fine."""
        return self.tax - (self.reduction or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PbbTaxObject:
    """One taxed piece of land with its building, and its bills, oldest first."""

    nop: NopParts
    owner_nik: str
    street: str
    rt: str | None
    rw: str | None
    village: SandboxRegion
    bills: tuple[PbbBill, ...]


@dataclass(frozen=True, slots=True)
class TaxRoll:
    """All tax objects of the city, by owner and by NOP (eighteen digits)."""

    by_nik: Mapping[str, tuple[PbbTaxObject, ...]]
    by_nop: Mapping[str, PbbTaxObject]


def build_tax_roll(people: CityPopulation, today: date = DATA_DAY) -> TaxRoll:
    """The tax roll of a city whose day is `today`.

    It has fixed objects of the sample people, and random objects for about 45 % of other households.
    """
    samples = {sample.nik for sample in SAMPLES.values()}
    found = [*_build_sample_objects(people, today)]
    for household in people.households:
        if samples.isdisjoint(household.member_niks):
            found.extend(_draw_objects(household, people, today))
    by_nik: defaultdict[str, list[PbbTaxObject]] = defaultdict(list)
    for tax_object in found:
        by_nik[tax_object.owner_nik].append(tax_object)
    return TaxRoll(
        by_nik={nik: tuple(objects) for nik, objects in by_nik.items()},
        by_nop={str(tax_object.nop): tax_object for tax_object in found},
    )


class AgencyNumbers(NamedTuple):
    """The parts of a NOP that identify its place."""

    city: str
    district: str
    village: str


@cache
def load_agency_numbers() -> Mapping[str, AgencyNumbers]:
    """City, district and kelurahan part of a NOP, by the dotted code of the kelurahan.

    The agency numbers districts and kelurahan itself, in the order of their names: the numbers match no other code.
    """
    tables = load_regions()
    numbers: dict[str, AgencyNumbers] = {}
    for city, bps in BPS_CITY.items():
        districts = sorted((d for d in tables.districts.values() if d.parent == city), key=lambda region: region.name)
        for place, district in enumerate(districts, start=1):
            villages = sorted((v for v in tables.villages.values() if v.parent == district.code), key=lambda v: v.name)
            for count, village in enumerate(villages, start=1):
                numbers[village.code] = AgencyNumbers(bps, f"{place * 10:03}", f"{count:03}")
    return numbers


def _build_sample_objects(people: CityPopulation, today: date) -> Iterator[PbbTaxObject]:
    siti, dewi = (people.by_nik[SAMPLES[name].nik] for name in ("siti", "dewi"))
    home = _ObjectPlan(
        today=today,
        owner=siti,
        village=siti.kelurahan,
        street=siti.address,
        rt=siti.rt,
        rw=siti.rw,
        area=90,
        building=72,
    )
    yield home.build_tax_object(seeded_random("pbb", "siti", 1), block=3, number=41, unpaid=(2026,), due_late=True)
    shop = _ObjectPlan(
        today=today,
        owner=siti,
        village="31.75.02.1005",
        street="JL. CAFÉ NO. 8",
        rt=None,
        rw=7,
        area=60,
        building=None,
    )
    yield shop.build_tax_object(seeded_random("pbb", "siti", 2), block=11, number=207, unpaid=(2025,))
    widow = _ObjectPlan(
        today=today,
        owner=dewi,
        village=dewi.kelurahan,
        street=dewi.address,
        rt=dewi.rt,
        rw=dewi.rw,
        area=120,
        building=85,
    )
    yield widow.build_tax_object(seeded_random("pbb", "dewi", 1), block=6, number=15)


def _draw_objects(household: SandboxHousehold, people: CityPopulation, today: date) -> Iterator[PbbTaxObject]:
    rng = seeded_random("pbb", household.no_kk)
    if rng.random() >= HOUSEHOLDS_WITH_OBJECTS:
        return
    adults = [people.by_nik[nik] for nik in household.member_niks if people.by_nik[nik].ektp]
    owners = adults or [people.by_nik[household.head_nik]]
    villages = sorted(load_agency_numbers())
    for place in range(rng.choices((1, 2, 3), weights=(75, 20, 5))[0]):
        at_home = place == 0
        owner = owners[0] if at_home else rng.choice(owners)
        plan = _ObjectPlan(
            today=today,
            owner=owner,
            village=household.kelurahan if at_home else rng.choice(villages),
            street=household.address if at_home else f"{rng.choice(STREETS)} NO. {rng.randint(1, 180)}",
            rt=household.rt if at_home else None,
            rw=household.rw if at_home else rng.randint(1, 15),
            area=rng.randrange(36, 400, 4),
            building=rng.choice((None, 36, 45, 60, 72, 90, 120, 150)),
        )
        unpaid = tuple(year for year in TAX_YEARS if rng.random() < UNPAID_SHARE)
        yield plan.build_tax_object(
            rng, block=rng.randint(1, 999), number=rng.randint(1, 999) * 10 + place, unpaid=unpaid
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ObjectPlan:
    """An object's properties, drawn before its bills. `building` None means bare land; `today` is the city's day."""

    today: date
    owner: Resident
    village: str
    street: str
    rt: int | None
    rw: int
    area: int
    building: int | None

    def build_tax_object(
        self, rng: Random, *, block: int, number: int, unpaid: tuple[int, ...] = (), due_late: bool = False
    ) -> PbbTaxObject:
        city, district, village = load_agency_numbers()[self.village]
        nop = NopParts("31", city, district, village, f"{block:03}", f"{number:04}", rng.choice("0000000007"))
        land_price, building_price = (
            rng.randrange(1_500_000, 18_000_000, 5_000),
            rng.randrange(900_000, 3_500_000, 5_000),
        )
        bills = tuple(
            self._build_bill(
                rng,
                nop,
                year,
                prices=(_price_in_year(land_price, year), _price_in_year(building_price, year)),
                paid=year not in unpaid,
                due_late=due_late and year == TAX_YEARS[-1],
            )
            for year in TAX_YEARS
        )
        return PbbTaxObject(
            nop=nop,
            owner_nik=self.owner.nik,
            street=self.street,
            rt=None if self.rt is None else f"{self.rt:03}",
            rw=f"{self.rw:03}",
            village=load_regions().villages[self.village],
            bills=bills,
        )

    def _build_bill(
        self, rng: Random, nop: NopParts, drawn_year: int, *, prices: tuple[int, int], paid: bool, due_late: bool
    ) -> PbbBill:
        """The bill of a year of `TAX_YEARS`, moved to the city's day."""
        year = drawn_year + count_years_moved(self.today)
        land = self.area * prices[0]
        building = None if self.building is None else self.building * prices[1]
        value = land + (building or 0)
        tax = compute_tax(value)
        reduction = _draw_reduction(rng, tax, sample=due_late or not paid)
        if due_late:
            issued, due = (date(drawn_year, *day) + (self.today - DATA_DAY) for day in ((7, 1), (12, 31)))
        else:
            issued, due = date(year, 1, rng.randint(9, 13)), date(year, 9, 30)
        payable = tax - (reduction or 0)
        receipt = f"{nop.city}{year}{rng.randrange(10**8):08}" if paid else ""
        last_day = DATA_DAY.replace(year=year + TAX_YEARS[-1] - drawn_year)
        payments = _draw_payments(rng, payable, due, receipt=receipt, last_day=last_day) if paid else ()
        return PbbBill(
            nop=nop,
            year=year,
            taxpayer=self.owner.name[:NAME_WIDTH],
            land_area=self.area,
            building_area=self.building or 0,
            land_value=land,
            building_value=building,
            tax=tax,
            reduction=reduction,
            paid=paid,
            # An older system printed the bills of the first years and lost the day.
            issued_on=None if drawn_year == TAX_YEARS[0] else issued,
            due_on=due,
            payments=payments,
        )


def compute_tax(value: int) -> int:
    """The tax of one year in whole Rupiah on an object worth `value` Rupiah, before any reduction."""
    rate = next(rate for limit, rate in RATES if value < limit)
    return max(0, value - NJOPTKP) * rate // 10_000


def compute_fine(payable: int, due: date, paid: date) -> int:
    """The fine for late payment per month begun: 2 % for bills before 2024, 1 % from then on, at most 24 months."""
    late = (paid - due).days
    if late <= 0:
        return 0
    months = min(math.ceil(late / MONTH_DAYS), MAX_FINE_MONTHS)
    return payable * months * (1 if due.year >= LOWER_FINES_FROM else 2) // 100


def _price_in_year(price: int, year: int) -> int:
    """The price per square metre in a tax year: 3 % more each year than in the first, in whole thousands."""
    return price * (100 + 3 * (year - TAX_YEARS[0])) // 100 // 1000 * 1000


def _draw_reduction(rng: Random, tax: int, *, sample: bool) -> int | None:
    """The reduction of a bill; None if there is none, the whole tax if the object is exempt."""
    draw = rng.random()
    if sample or draw >= REDUCED_SHARE + EXEMPT_SHARE:
        return None
    return tax if draw < EXEMPT_SHARE else tax // 4


def _draw_payments(rng: Random, payable: int, due: date, *, receipt: str, last_day: date) -> tuple[PbbPayment, ...]:
    """The payments of a bill up to `last_day`: usually one, sometimes after a cancelled one; none if it is exempt."""
    if payable == 0:
        return ()
    late = rng.random() < LATE_SHARE
    paid_on = due + timedelta(days=rng.randint(1, 400)) if late else due - timedelta(days=rng.randint(1, 200))
    if paid_on > last_day:
        paid_on = min(due, last_day)
    fine = compute_fine(payable, due, paid_on)
    cancelled: tuple[PbbPayment, ...] = ()
    if rng.random() < CANCELLED_SHARE:
        cancelled = (PbbPayment(sequence=1, fine=None, amount=payable, paid_on=None, receipt=None, cancelled=True),)
    return (
        *cancelled,
        PbbPayment(
            sequence=len(cancelled) + 1,
            fine=fine,
            amount=payable + fine,
            paid_on=paid_on,
            receipt=receipt,
            cancelled=False,
        ),
    )
