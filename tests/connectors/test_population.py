"""The population register's rows as records, and the register itself as the sandbox city runs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date

import pytest

from connectors.declared.connector import DeclaredConnector
from connectors.drivers.sql.driver import SqlDriver
from records.calls.failures import (
    AgencyFailure,
    AgencyMalformed,
    AgencyTimeout,
)
from records.identifiers import Nik, RegionCode
from records.population import (
    BloodType,
    Citizen,
    CivilStatus,
    Household,
    HouseholdMember,
    Identity,
    MaritalStatus,
    Parentage,
    PersonFacet,
    Relationship,
    Residence,
    Sex,
)
from sandbox.population.city_population import SAMPLES, build_population
from sandbox.population.residents import Resident
from tests.connectors.city_agencies import build_dukcapil
from tests.connectors.drivers.rows_database import RowsDatabase
from tests.connectors.failures import assert_reveals_nothing, make_call
from tests.sandbox_agencies import RunningAgency

SITI, BUDI, DEWI, AGUS = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi", "agus"))
NADIA, RIZKY = Nik("3171014904159001"), Nik("3171012311189001")
NOBODY = Nik("3171014506909999")
EVERY_FACET: frozenset[type[PersonFacet]] = frozenset({Identity, Residence, CivilStatus, Parentage})

ROW = {
    "nik": SITI,
    "no_kk": "3171010203149001",
    "nama_lgkp": "DRG. HJ. SITI RAHMAWATI, S.SOS",
    "tmpt_lhr": "JAKARTA",
    "tgl_lhr": date(1990, 6, 5),
    "jenis_klmin": "PEREMPUAN",
    "gol_darah": "B",
    "agama": "ISLAM",
    "status_kawin": "KAWIN",
    "pddk_akh": "DIPLOMA IV/STRATA I",
    "jenis_pkrjn": "KARYAWAN SWASTA",
    "stat_hbkel": "ISTRI",
    "nama_lgkp_ibu": "NUR AINI",
    "nama_lgkp_ayah": "RAHMAT HIDAYAT",
    "no_prop": 31,
    "no_kab": 71,
    "no_kec": 1,
    "no_kel": 1001,
    "no_rt": 4,
    "no_rw": 2,
    "alamat": "JL. KENANGA NO. 12",
    "nik_kepala": BUDI,
}
"""A row as the register gives it: upper case, unpadded numbers."""


async def read_facets(
    row: Mapping[str, object], wanted: frozenset[type[PersonFacet]]
) -> Mapping[type[PersonFacet], PersonFacet] | AgencyFailure:
    """The wanted facets of one row, as the manifest declares them."""
    register = build_dukcapil(RowsDatabase([row]))
    found: Mapping[type[PersonFacet], PersonFacet] | AgencyFailure = (
        await register.load_facets([SITI], wanted, make_call())
    )[SITI]
    return found


async def read(wanted: type[PersonFacet], **values: object) -> PersonFacet:
    found = await read_facets({**ROW, **values}, frozenset({wanted}))
    assert not isinstance(found, AgencyFailure), found.detail
    assert list(found) == [wanted]
    return found[wanted]


async def ask_for(wanted: set[type[PersonFacet]]) -> str:
    """The statement that asks for these facets."""
    database = RowsDatabase([ROW])
    await build_dukcapil(database).load_facets([SITI], frozenset(wanted), make_call())
    return database.statements[0]


class TestAskedColumns:
    @pytest.mark.parametrize(
        ("wanted", "columns"),
        [
            ({Identity}, "nik, nama_lgkp, jenis_klmin, tmpt_lhr, tgl_lhr"),
            ({Residence}, "nik, alamat, no_rt, no_rw, no_prop, no_kab, no_kec, no_kel"),
            ({CivilStatus}, "nik, agama, status_kawin, pddk_akh, jenis_pkrjn, gol_darah"),
            ({Parentage}, "nik, nama_lgkp_ibu, nama_lgkp_ayah"),
            ({Parentage, Identity}, "nik, nama_lgkp, jenis_klmin, tmpt_lhr, tgl_lhr, nama_lgkp_ibu, nama_lgkp_ayah"),
        ],
    )
    async def test_only_columns_of_the_wanted_facets_are_queried(
        self, wanted: set[type[PersonFacet]], columns: str
    ) -> None:
        asked, _, rest = (await ask_for(wanted)).removeprefix("SELECT ").partition(" FROM ")
        assert (asked, rest) == (columns, "biodata_wni WHERE nik = ANY(:keys)")

    @pytest.mark.parametrize("facet", [Identity, Residence, CivilStatus, Parentage])
    async def test_a_row_of_just_those_columns_is_enough(self, facet: type[PersonFacet]) -> None:
        columns = (await ask_for({facet})).removeprefix("SELECT ").partition(" FROM")[0].split(", ")
        found = await read_facets({column: ROW[column] for column in columns}, frozenset({facet}))
        assert not isinstance(found, AgencyFailure)


class TestFacets:
    async def test_a_person_in_upper_case_is_shown_in_ordinary_capitalisation(self) -> None:
        assert await read_facets(ROW, EVERY_FACET) == {
            Identity: Identity(
                nik=SITI,
                name="Drg. Hj. Siti Rahmawati, S.Sos",
                sex=Sex.FEMALE,
                birth_place="Jakarta",
                birth_date=date(1990, 6, 5),
            ),
            Residence: Residence(
                nik=SITI,
                address="Jl. Kenanga No. 12",
                neighbourhood_unit=4,
                community_unit=2,
                region_code=RegionCode("31.71.01.1001"),
            ),
            CivilStatus: CivilStatus(
                nik=SITI,
                religion="Islam",
                marital_status=MaritalStatus.MARRIED,
                education="Diploma IV/Strata I",
                occupation="Karyawan Swasta",
                blood_type=BloodType.B,
            ),
            Parentage: Parentage(nik=SITI, mother_name="Nur Aini", father_name="Rahmat Hidayat"),
        }

    @pytest.mark.parametrize("absent", [None, "", "-", "---", "TIDAK TAHU"])
    async def test_every_placeholder_is_read_as_none(self, absent: object) -> None:
        row = {column: absent for column in ROW if column not in {"nik", "nama_lgkp"}} | {
            "nik": SITI,
            "nama_lgkp": "SITI",
        }
        assert await read_facets(row, EVERY_FACET) == {
            Identity: Identity(nik=SITI, name="Siti", sex=None, birth_place=None, birth_date=None),
            Residence: Residence(
                nik=SITI, address=None, neighbourhood_unit=None, community_unit=None, region_code=None
            ),
            CivilStatus: CivilStatus(
                nik=SITI, religion=None, marital_status=None, education=None, occupation=None, blood_type=None
            ),
            Parentage: Parentage(nik=SITI, mother_name=None, father_name=None),
        }

    @pytest.mark.parametrize(
        ("written", "sex"),
        [
            ("LAKI-LAKI", Sex.MALE),
            ("Laki - laki", Sex.MALE),
            ("1", Sex.MALE),
            (1, Sex.MALE),
            ("PEREMPUAN", Sex.FEMALE),
            ("2", Sex.FEMALE),
            (2, Sex.FEMALE),
            ("3", None),
        ],
    )
    async def test_sex_is_a_word_or_a_digit(self, written: object, sex: Sex | None) -> None:
        identity = await read(Identity, jenis_klmin=written)
        assert isinstance(identity, Identity)
        assert identity.sex is sex

    @pytest.mark.parametrize(
        ("written", "day"),
        [
            (date(1900, 1, 1), None),
            ("01/01/1900", None),
            ("05/06/1990", date(1990, 6, 5)),
            ("05-06-1990", date(1990, 6, 5)),
        ],
    )
    async def test_a_day_of_birth_may_be_a_sentinel_or_a_text(self, written: object, day: date | None) -> None:
        identity = await read(Identity, tgl_lhr=written)
        assert isinstance(identity, Identity)
        assert identity.birth_date == day

    @pytest.mark.parametrize(
        ("numbers", "code"),
        [
            ((31, 71, 1, 1001), "31.71.01.1001"),
            (("31", "1", "2", "1003"), "31.01.02.1003"),
            ((36, 3, 12, 2005), "36.03.12.2005"),
            ((31, 71, 1, 0), None),
            ((31, None, 1, 1001), None),
        ],
    )
    async def test_unpadded_region_numbers_are_joined_to_a_code(
        self, numbers: tuple[object, ...], code: str | None
    ) -> None:
        named = dict(zip(("no_prop", "no_kab", "no_kec", "no_kel"), numbers, strict=True))
        residence = await read(Residence, **named)
        assert isinstance(residence, Residence)
        assert residence.region_code == code

    async def test_neighbourhood_units_lose_their_zeros_and_0_is_read_as_none(self) -> None:
        residence = await read(Residence, no_rt="004", no_rw=0)
        assert isinstance(residence, Residence)
        assert (residence.neighbourhood_unit, residence.community_unit) == (4, None)

    @pytest.mark.parametrize(
        ("written", "status"),
        [
            ("BELUM KAWIN", MaritalStatus.SINGLE),
            ("KAWIN", MaritalStatus.MARRIED),
            ("KAWIN TERCATAT", MaritalStatus.MARRIED),
            ("KAWIN BELUM TERCATAT", MaritalStatus.MARRIED),
            ("CERAI HIDUP", MaritalStatus.DIVORCED),
            ("CERAI MATI", MaritalStatus.WIDOWED),
            ("LAINNYA", None),
        ],
    )
    async def test_marital_status_is_read_with_or_without_its_registration(
        self, written: str, status: MaritalStatus | None
    ) -> None:
        civil_status = await read(CivilStatus, status_kawin=written)
        assert isinstance(civil_status, CivilStatus)
        assert civil_status.marital_status is status

    @pytest.mark.parametrize(
        ("written", "group"),
        [("A", BloodType.A), ("AB", BloodType.AB), ("O+", BloodType.O), ("B-", BloodType.B), ("C", None)],
    )
    async def test_a_blood_group_is_read_without_its_rhesus_factor(self, written: str, group: BloodType | None) -> None:
        civil_status = await read(CivilStatus, gol_darah=written)
        assert isinstance(civil_status, CivilStatus)
        assert civil_status.blood_type is group

    @pytest.mark.parametrize(
        ("values", "detail"),
        [
            ({"tgl_lhr": "31/02/1990"}, "not readable as a day (Identity.birth_date)"),
            ({"nama_lgkp": "-"}, "not readable as a name (Identity.name)"),
            ({"no_kec": 3171010001}, "not readable as a Kemendagri region code (Residence.region_code)"),
            ({"no_rt": "RT4"}, "not readable as a whole number (Residence.neighbourhood_unit)"),
        ],
    )
    async def test_an_unreadable_value_is_malformed_without_repeating_it(
        self, values: Mapping[str, object], detail: str
    ) -> None:
        answer = await read_facets({**ROW, **values}, EVERY_FACET)
        assert isinstance(answer, AgencyMalformed)
        assert answer.detail == detail
        assert_reveals_nothing(answer, *(str(value) for value in values.values() if value != "-"))

    async def test_an_unreadable_value_of_an_unwanted_facet_is_ignored(self) -> None:
        answer = await read_facets({**ROW, "tgl_lhr": "31/02/1990"}, frozenset({Parentage}))
        assert not isinstance(answer, AgencyFailure)


@asynccontextmanager
async def register_of(
    agency: RunningAgency, *, secret: str | None = None, deadline: float = 10
) -> AsyncIterator[DeclaredConnector]:
    url = f"postgresql://{agency.user}:{secret or agency.secret}@127.0.0.1:{agency.port}/siak"
    sql = SqlDriver("dukcapil", url, deadline=deadline, pool_size=2)
    try:
        yield build_dukcapil(sql)
    finally:
        await sql.close()


@pytest.fixture
async def register(dukcapil: RunningAgency) -> AsyncIterator[DeclaredConnector]:
    async with register_of(dukcapil) as register:
        yield register
        dukcapil.reset_calls()


def expected_sex(resident: Resident) -> Sex:
    return Sex.FEMALE if resident.sex == "P" else Sex.MALE


class TestTheRegister:
    async def test_unknown_people_are_absent(self, register: DeclaredConnector) -> None:
        assert await register.load_known([SITI, NOBODY, AGUS], make_call()) == {
            SITI: Citizen(nik=SITI),
            AGUS: Citizen(nik=AGUS),
        }

    async def test_siti_is_complete(self, register: DeclaredConnector) -> None:
        assert await register.load_facets([SITI, NOBODY], EVERY_FACET, make_call()) == {
            SITI: {
                Identity: Identity(
                    nik=SITI,
                    name="Siti Rahmawati",
                    sex=Sex.FEMALE,
                    birth_place="Jakarta",
                    birth_date=date(1990, 6, 5),
                ),
                Residence: Residence(
                    nik=SITI,
                    address="Jl. Kenanga No. 12",
                    neighbourhood_unit=4,
                    community_unit=2,
                    region_code=RegionCode("31.71.01.1001"),
                ),
                CivilStatus: CivilStatus(
                    nik=SITI,
                    religion="Islam",
                    marital_status=MaritalStatus.MARRIED,
                    education="Diploma IV/Strata I",
                    occupation="Karyawan Swasta",
                    blood_type=BloodType.B,
                ),
                Parentage: Parentage(nik=SITI, mother_name="Nur Aini", father_name="Rahmat Hidayat"),
            }
        }

    async def test_unknown_values_of_dewi_and_agus_are_none(self, register: DeclaredConnector) -> None:
        answers = await register.load_facets([DEWI, AGUS], frozenset({CivilStatus, Parentage}), make_call())
        dewi, agus = answers[DEWI], answers[AGUS]
        assert not isinstance(dewi, AgencyFailure)
        assert not isinstance(agus, AgencyFailure)
        assert dewi[Parentage] == Parentage(nik=DEWI, mother_name="Sumarni", father_name=None)
        assert agus[CivilStatus] == CivilStatus(
            nik=AGUS,
            religion="Islam",
            marital_status=MaritalStatus.SINGLE,
            education="SLTA/Sederajat",
            occupation="Karyawan Swasta",
            blood_type=None,
        )

    async def test_the_household_of_siti_is_budis(self, register: DeclaredConnector) -> None:
        answers = await register.households([SITI, NOBODY], make_call())
        household = answers[SITI]
        assert list(answers) == [SITI]
        assert isinstance(household, Household)
        assert household.family_card_number == "3171010203149001"
        assert household.head_nik == BUDI
        everybody = (RIZKY, SITI, BUDI, NADIA)
        assert household.on_the_card == tuple(sorted(everybody))
        assert household.members[1] == HouseholdMember(
            nik=SITI,
            name="Siti Rahmawati",
            sex=Sex.FEMALE,
            birth_date=date(1990, 6, 5),
            relationship=Relationship.WIFE,
            on_the_card=household.on_the_card,
        )
        assert [member.name for member in household.members] == [
            "Budi Santoso",
            "Siti Rahmawati",
            "Nadia Putri Santoso",
            "Rizky Santoso",
        ]

    async def test_everybody_in_the_register_can_be_read(self, register: DeclaredConnector) -> None:
        city = build_population()
        niks = [Nik(nik) for nik in city.by_nik]
        facets = await register.load_facets(niks, EVERY_FACET, make_call(30))
        households = await register.households(niks, make_call(30))
        assert len(facets) == len(households) == len(city.residents)
        for resident in city.residents:
            answer, household = facets[Nik(resident.nik)], households[Nik(resident.nik)]
            assert not isinstance(answer, AgencyFailure)
            assert isinstance(household, Household)
            identity, residence = answer[Identity], answer[Residence]
            assert isinstance(identity, Identity)
            assert isinstance(residence, Residence)
            assert identity.name.upper() == resident.name
            assert identity.name != resident.name
            assert identity.sex is expected_sex(resident)
            assert identity.birth_date == resident.birth_date
            assert residence.region_code == resident.kelurahan
            assert (residence.neighbourhood_unit, residence.community_unit) == (resident.rt, resident.rw)
            assert household.family_card_number == resident.no_kk
            assert household.head_nik == household.members[0].nik
        for known in city.households:
            household = households[Nik(known.head_nik)]
            assert isinstance(household, Household)
            assert set(household.on_the_card) == set(known.member_niks)

    @pytest.mark.parametrize("count", [1, 10, 50])
    async def test_any_number_of_people_takes_one_call_per_read(
        self, dukcapil: RunningAgency, register: DeclaredConnector, count: int
    ) -> None:
        niks = [Nik(resident.nik) for resident in build_population().residents[:count]]
        await register.probe(make_call())
        dukcapil.reset_calls()
        assert len(await register.load_known(niks, make_call())) == count
        assert dukcapil.count_calls() == {"select biodata_wni": 1}
        assert len(await register.load_facets(niks, EVERY_FACET, make_call())) == count
        assert dukcapil.count_calls() == {"select biodata_wni": 2}
        assert len(await register.households(niks, make_call())) == count
        assert dukcapil.count_calls() == {"select biodata_wni": 3}

    async def test_no_people_make_no_call(self, dukcapil: RunningAgency, register: DeclaredConnector) -> None:
        dukcapil.reset_calls()
        assert await register.load_known([], make_call()) == {}
        assert await register.load_facets([], EVERY_FACET, make_call()) == {}
        assert await register.load_facets([SITI], frozenset(), make_call()) == {}
        assert await register.households([], make_call()) == {}
        assert dukcapil.count_calls() == {}


class TestTheRegisterInTrouble:
    async def test_a_slow_answer_ends_at_the_deadline_and_leaves_the_register_usable(
        self, dukcapil: RunningAgency, register: DeclaredConnector
    ) -> None:
        with dukcapil.in_mode("slow"):
            started_at = time.monotonic()
            slow = (register.load_known([SITI], make_call(0.3)) for _ in range(4))
            failures = await asyncio.gather(*slow, return_exceptions=True)
            assert time.monotonic() - started_at < 1.5
        assert {type(failure) for failure in failures} == {AgencyTimeout}
        assert await register.load_known([SITI], make_call()) == {SITI: Citizen(nik=SITI)}
