"""Generates the households of the sandbox city: their members and the register's data about each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from sandbox.population.nik import NikIssuer, build_stem
from sandbox.population.regions import RegionData
from sandbox.population.residents import ADULT_AGE, AS_OF, Resident

_SHAPES = (
    ("single", 12),
    ("couple", 12),
    ("family", 58),
    ("mother alone", 10),
    ("father alone", 2),
    ("three generations", 6),
)
_CHILDREN = ((1, 40), (2, 42), (3, 15), (4, 3))
_RELIGION_WEIGHTS = (
    ("ISLAM", 830),
    ("KRISTEN", 85),
    ("KATHOLIK", 40),
    ("BUDHA", 35),
    ("HINDU", 6),
    ("KONGHUCU", 3),
    ("KEPERCAYAAN", 1),
)
_BLOOD_TYPES = (("TIDAK TAHU", 45), ("O", 20), ("B", 16), ("A", 14), ("AB", 5))
_EDUCATIONS = (
    ("TAMAT SD/SEDERAJAT", 12),
    ("SLTP/SEDERAJAT", 15),
    ("SLTA/SEDERAJAT", 45),
    ("AKADEMI/DIPLOMA III/S. MUDA", 7),
    ("DIPLOMA IV/STRATA I", 18),
    ("STRATA II", 3),
)
_OCCUPATIONS = (
    ("KARYAWAN SWASTA", 40),
    ("WIRASWASTA", 20),
    ("BURUH HARIAN LEPAS", 9),
    ("PEDAGANG", 8),
    ("PEGAWAI NEGERI SIPIL", 6),
    ("GURU", 5),
    ("SOPIR", 4),
    ("PERAWAT", 3),
    ("BELUM/TIDAK BEKERJA", 5),
)
_SINGLE_STATUSES = (("BELUM KAWIN", 3), ("CERAI HIDUP", 3), ("CERAI MATI", 4))
_STREETS = ("MAWAR", "MELATI", "KENANGA", "CEMPAKA", "FLAMBOYAN", "DAHLIA", "ANGGREK", "TERATAI", "BOUGENVIL", "SERUNI")
_ELSEWHERE = (
    "BANDUNG",
    "BOGOR",
    "CIREBON",
    "MEDAN",
    "PADANG",
    "PALEMBANG",
    "SEMARANG",
    "SURABAYA",
    "SURAKARTA",
    "TEGAL",
)
_VANISHED_DISTRICT = "36.72.01"
"""A district of issue that the region tables do not know: such numbers exist and must be accepted."""

_Choice = TypeVar("_Choice", str, int)

_PENSION_AGE = 60
_SCHOOL_AGE = 7
_SECONDARY_AGE = 13
_MARRIAGE_AGE = 19
_MARRIED_BY = 40


@dataclass(frozen=True, slots=True)
class _HouseholdHome:
    """The data that the members of one household share."""

    no_kk: str
    kelurahan: str
    address: str
    rt: int
    rw: int
    religion: str


class HouseholdGenerator:
    """Generates households from one random stream, so that a seed always makes the same city."""

    def __init__(self, seed: int, regions: RegionData, nik_issuer: NikIssuer) -> None:
        self._chance = Random(seed)  # noqa: S311 - the city must be repeatable, not unguessable
        from faker import Faker  # noqa: PLC0415 - slow, and needed only to generate a city

        self._faker = Faker("id_ID")
        self._faker.seed_instance(seed)
        self._mint = nik_issuer
        self._kelurahan = tuple(regions.population)
        self._weights = tuple(regions.population.values())
        self._districts = tuple(regions.districts)
        self._jakarta = tuple(code for code in regions.districts if code.startswith("31."))

    def generate_household(self) -> tuple[Resident, ...]:
        """The next household, its head first."""
        home = self._draw_home()
        shape = self._pick(_SHAPES)
        if shape == "single":
            head = self._build_adult(home, sex=self._chance.choice("LP"), age=self._chance.randint(20, 78))
            return (replace(head, relation="KEPALA KELUARGA", marital_status=self._draw_single_status(head.age)),)
        if shape in {"mother alone", "father alone"}:
            return self._build_one_parent(home, sex="P" if shape == "mother alone" else "L")
        return self._build_two_parents(home, children=shape != "couple", grandparent=shape == "three generations")

    def _build_one_parent(self, home: _HouseholdHome, *, sex: str) -> tuple[Resident, ...]:
        head = self._build_adult(home, sex=sex, age=self._chance.randint(26, 62))
        head = replace(
            head, relation="KEPALA KELUARGA", marital_status=self._chance.choice(("CERAI HIDUP", "CERAI MATI"))
        )
        # The register has the absent parent's name, or nothing.
        absent = self._draw_name("P" if sex == "L" else "L") if self._happens(70) else ""
        mother, father = (head, None) if sex == "P" else (None, head)
        return (
            head,
            *(self._build_child(home, age, mother, father, absent) for age in self._draw_child_ages(head.age)),
        )

    def _build_two_parents(self, home: _HouseholdHome, *, children: bool, grandparent: bool) -> tuple[Resident, ...]:
        wife = self._build_adult(home, sex="P", age=self._chance.randint(22, 70))
        husband = self._build_adult(home, sex="L", age=max(22, wife.age + self._chance.randint(-2, 7)))
        wife = replace(wife, relation="ISTRI", marital_status="KAWIN")
        husband = replace(husband, relation="KEPALA KELUARGA", marital_status="KAWIN")
        elder: tuple[Resident, ...] = ()
        if grandparent:
            mother = self._build_adult(home, sex="P", age=min(95, husband.age + self._chance.randint(20, 30)))
            elder = (replace(mother, relation="ORANG TUA", marital_status="CERAI MATI"),)
            husband = replace(husband, mother_nik=mother.nik, mother_name=mother.name)
        ages = self._draw_child_ages(wife.age) if children else ()
        return (husband, wife, *(self._build_child(home, age, wife, husband, "") for age in ages), *elder)

    def _draw_child_ages(self, parent: int) -> Sequence[int]:
        """Ages of the children at home, eldest first; empty if the parent's age allows none."""
        eldest = min(parent - _MARRIAGE_AGE - 1, 24)
        youngest = max(0, parent - 42)
        if youngest > eldest:
            return ()
        ages = {self._chance.randint(youngest, eldest) for _ in range(self._pick(_CHILDREN))}
        return sorted(ages, reverse=True)

    def _build_child(
        self, home: _HouseholdHome, age: int, mother: Resident | None, father: Resident | None, absent: str
    ) -> Resident:
        child = self._build_person(home, sex=self._chance.choice("LP"), age=age, born_here=self._happens(90))
        return replace(
            child,
            relation="ANAK",
            mother_nik=mother.nik if mother else None,
            father_nik=father.nik if father else None,
            mother_name=mother.name if mother else absent,
            father_name=father.name if father else absent,
        )

    def _build_adult(self, home: _HouseholdHome, *, sex: str, age: int) -> Resident:
        return self._build_person(home, sex=sex, age=age, born_here=self._happens(65))

    def _build_person(self, home: _HouseholdHome, *, sex: str, age: int, born_here: bool) -> Resident:
        born = _years_before(AS_OF, age) - timedelta(days=self._chance.randint(0, 364))
        issued = home.kelurahan[:8] if born_here else self._draw_other_district()
        schooling, work = self._draw_education_and_occupation(age, sex)
        return Resident(
            nik=self._mint.issue(build_stem(issued, born, woman=sex == "P")),
            no_kk=home.no_kk,
            name=self._draw_name(sex),
            sex=sex,
            birth_place="JAKARTA" if issued in self._jakarta else self._chance.choice(_ELSEWHERE),
            birth_date=born,
            blood_type=self._pick(_BLOOD_TYPES),
            religion=home.religion,
            marital_status="BELUM KAWIN",
            education=schooling,
            occupation=work,
            relation="",
            mother_nik=None,
            father_nik=None,
            mother_name=self._draw_name("P") if self._happens(97) else "",
            father_name=self._draw_name("L") if self._happens(95) else "",
            kelurahan=home.kelurahan,
            address=home.address,
            rt=home.rt,
            rw=home.rw,
            ektp=age >= ADULT_AGE and self._happens(97),
        )

    def _draw_education_and_occupation(self, age: int, sex: str) -> tuple[str, str]:
        """Education and occupation that fit an age, in the register's vocabulary."""
        if age < _SCHOOL_AGE:
            return "TIDAK/BELUM SEKOLAH", "BELUM/TIDAK BEKERJA"
        if age < _SECONDARY_AGE:
            return "BELUM TAMAT SD/SEDERAJAT", "PELAJAR/MAHASISWA"
        if age < ADULT_AGE:
            return "TAMAT SD/SEDERAJAT", "PELAJAR/MAHASISWA"
        schooling = self._pick(_EDUCATIONS)
        if age >= _PENSION_AGE:
            return schooling, "PENSIUNAN"
        if sex == "P" and self._happens(40):
            return schooling, "MENGURUS RUMAH TANGGA"
        return schooling, self._pick(_OCCUPATIONS)

    def _draw_home(self) -> _HouseholdHome:
        kelurahan = self._chance.choices(self._kelurahan, self._weights)[0]
        issued = _years_before(AS_OF, 1) - timedelta(days=self._chance.randint(0, 5000))
        return _HouseholdHome(
            no_kk=self._mint.issue(build_stem(kelurahan[:8], issued, woman=False)),
            kelurahan=kelurahan,
            address=f"{self._chance.choice(('JL.', 'JL.', 'GANG'))} {self._chance.choice(_STREETS)} NO. "
            f"{self._chance.randint(1, 120)}",
            rt=self._chance.randint(1, 15),
            rw=self._chance.randint(1, 12),
            religion=self._pick(_RELIGION_WEIGHTS),
        )

    def _draw_other_district(self) -> str:
        if self._happens(2):
            return _VANISHED_DISTRICT
        return self._chance.choice(self._jakarta if self._happens(60) else self._districts)

    def _draw_single_status(self, age: int) -> str:
        return "BELUM KAWIN" if age < _MARRIED_BY else self._pick(_SINGLE_STATUSES)

    def _draw_name(self, sex: str) -> str:
        first = self._faker.first_name_female() if sex == "P" else self._faker.first_name_male()
        return f"{first} {self._faker.last_name()}".upper()

    def _happens(self, percent: int) -> bool:
        return self._chance.random() * 100 < percent

    def _pick(self, choices: Sequence[tuple[_Choice, int]]) -> _Choice:
        return self._chance.choices([choice for choice, _ in choices], [weight for _, weight in choices])[0]


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years)
