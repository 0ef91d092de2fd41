"""Everybody who lives in the sandbox city: about 2,000 residents in 700 households, the same for the same seed."""

import hashlib
from collections.abc import Iterable
from functools import cache

from sandbox.families import Families
from sandbox.nik import Mint
from sandbox.regions import regions
from sandbox.residents import ADULT, AS_OF, Household, People, Resident, Sample
from sandbox.samples import SAMPLES, sample_families

__all__ = ["ADULT", "AS_OF", "SAMPLES", "SEED", "Household", "People", "Resident", "Sample", "fingerprint", "people"]

SEED = 20260101
HOUSEHOLDS = 700


@cache
def people(seed: int = SEED) -> People:
    """Everybody of the city made from a seed; the same value on every Python version, sample people included."""
    planted = sample_families()
    taken = frozenset(number for family in planted for member in family for number in (member.nik, member.no_kk))
    families = Families(seed, regions(), Mint(taken))
    return _gathered((*planted, *(families.family() for _ in range(HOUSEHOLDS - len(planted)))))


def fingerprint(city: People) -> str:
    """A short text that changes when anything about anybody does: data written for another city is told by it."""
    return hashlib.sha256(repr(city.residents).encode()).hexdigest()[:16]


def _gathered(families: Iterable[tuple[Resident, ...]]) -> People:
    households = []
    residents: list[Resident] = []
    for family in families:
        head = family[0]
        residents.extend(family)
        households.append(
            Household(
                no_kk=head.no_kk,
                head_nik=head.nik,
                member_niks=tuple(member.nik for member in family),
                kelurahan=head.kelurahan,
                address=head.address,
                rt=head.rt,
                rw=head.rw,
            )
        )
    return People(tuple(residents), tuple(households), {resident.nik: resident for resident in residents})
