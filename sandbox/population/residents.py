"""The residents and households of the sandbox city."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sandbox.clock import DATA_DAY

AS_OF = DATA_DAY
"""The day on which ages are counted. Dates of birth do not move: identity numbers contain them."""

ADULT_AGE = 17
"""Age in years from which a resident has an identity card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One resident as in the population register; texts in its upper-case vocabulary.

    `sex` is L (man) or P (woman); `relation` is the role in the household (`KEPALA KELUARGA`, `ISTRI`, `ANAK`, ...). A
    parent outside the register has no NIK here; an unknown parent has an empty name, too. `kelurahan` is the dotted
    code of the home, while the NIK contains the district of first issue.
    """

    nik: str
    no_kk: str
    name: str
    sex: str
    birth_place: str
    birth_date: date
    blood_type: str
    religion: str
    marital_status: str
    education: str
    occupation: str
    relation: str
    mother_nik: str | None
    father_nik: str | None
    mother_name: str
    father_name: str
    kelurahan: str
    address: str
    rt: int
    rw: int
    ektp: bool

    @property
    def age(self) -> int:
        """The age in whole years on `AS_OF`."""
        had_birthday = (AS_OF.month, AS_OF.day) >= (self.birth_date.month, self.birth_date.day)
        return AS_OF.year - self.birth_date.year - (not had_birthday)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxHousehold:
    """One family card: its number, its head, all its members (head first) and its home."""

    no_kk: str
    head_nik: str
    member_niks: tuple[str, ...]
    kelurahan: str
    address: str
    rt: int
    rw: int


@dataclass(frozen=True, slots=True)
class CityPopulation:
    """All residents of the sandbox city, household by household; `by_nik` finds a resident."""

    residents: tuple[Resident, ...]
    households: tuple[SandboxHousehold, ...]
    by_nik: Mapping[str, Resident]


@dataclass(frozen=True, slots=True)
class SampleResident:
    """A resident with a short name in documentation, tests and development tokens."""

    name: str
    nik: str
    description: str
