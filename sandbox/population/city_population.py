"""The population of the sandbox city: about 2,000 residents in 700 households, deterministic by seed."""

import hashlib
from collections.abc import Iterable
from functools import cache

from sandbox.population.household_generator import HouseholdGenerator
from sandbox.population.nik import NikIssuer
from sandbox.population.regions import load_regions
from sandbox.population.residents import ADULT_AGE, AS_OF, CityPopulation, Resident, SampleResident, SandboxHousehold
from sandbox.population.samples import SAMPLES, sample_families

__all__ = [
    "ADULT_AGE",
    "AS_OF",
    "SAMPLES",
    "SEED",
    "CityPopulation",
    "Resident",
    "SampleResident",
    "SandboxHousehold",
    "build_population",
    "fingerprint",
]

SEED = 20260101
HOUSEHOLDS = 700


@cache
def build_population(seed: int = SEED) -> CityPopulation:
    """Generate the city's population from a seed, with the sample people; the same on every Python version."""
    planted = sample_families()
    taken = frozenset(number for family in planted for member in family for number in (member.nik, member.no_kk))
    families = HouseholdGenerator(seed, load_regions(), NikIssuer(taken))
    return _assemble((*planted, *(families.generate_household() for _ in range(HOUSEHOLDS - len(planted)))))


def fingerprint(city: CityPopulation) -> str:
    """A short text that changes with any resident's data; it detects data that was written for another city."""
    return hashlib.sha256(repr(city.residents).encode()).hexdigest()[:16]


def _assemble(families: Iterable[tuple[Resident, ...]]) -> CityPopulation:
    households = []
    residents: list[Resident] = []
    for family in families:
        head = family[0]
        residents.extend(family)
        households.append(
            SandboxHousehold(
                no_kk=head.no_kk,
                head_nik=head.nik,
                member_niks=tuple(member.nik for member in family),
                kelurahan=head.kelurahan,
                address=head.address,
                rt=head.rt,
                rw=head.rw,
            )
        )
    return CityPopulation(tuple(residents), tuple(households), {resident.nik: resident for resident in residents})
