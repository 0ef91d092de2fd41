"""Family cards as households: valid cards, and cards that prove no family."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date

import pytest

from connectors.declared.connector import DeclaredConnector
from connectors.drivers.sql.driver import SqlDriver
from connectors.population import MOST_MEMBERS
from connectors.resilience.call_counters import CallCounters
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import Nik
from records.population import Household, Relationship
from tests.connectors.city_agencies import build_dukcapil
from tests.connectors.drivers.rows_database import RowsDatabase
from tests.connectors.failures import assert_reveals_nothing, make_call
from tests.connectors.readers.family_card_placeholders import PLACEHOLDERS
from tests.family_cards import Entry, insert_family_cards
from tests.sandbox_agencies import RunningAgency

SITI, BUDI, DEWI = Nik("3171014506909001"), Nik("3171021708889002"), Nik("3174055203559003")
NADIA, RIZKY = Nik("3171014904159001"), Nik("3171012311189001")
ELDER, HELP = Nik("3171014101609001"), Nik("3171014101909001")
CARD, OTHER_CARD = "3171010203149001", "3174051406119001"
ROW: Mapping[str, object] = {
    "nik": SITI,
    "no_kk": CARD,
    "nama_lgkp": "SITI RAHMAWATI",
    "tgl_lhr": date(1990, 6, 5),
    "jenis_klmin": "PEREMPUAN",
    "stat_hbkel": "ISTRI",
    "nik_kepala": BUDI,
}


def rows_of(*changes: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [{**ROW, **change} for change in changes]


def read(rows: list[Mapping[str, object]], *asked: Nik, counts: CallCounters | None = None) -> Answers[Nik, Household]:
    niks = asked or tuple(dict.fromkeys(Nik(str(row["nik"])) for row in rows))
    database = RowsDatabase(rows)

    async def ask() -> Answers[Nik, Household]:
        found: Answers[Nik, Household] = await build_dukcapil(database).households(niks, make_call())
        return found

    try:
        return asyncio.run(ask())
    finally:
        if counts is not None:
            counts.mismatches += database.counts.mismatches


def household_of(rows: list[Mapping[str, object]], nik: Nik = SITI) -> Household:
    household = read(rows)[nik]
    assert isinstance(household, Household), household
    return household


HEAD: Mapping[str, object] = {"nik": BUDI, "stat_hbkel": "KEPALA KELUARGA"}
CHILD: Mapping[str, object] = {"nik": NADIA, "stat_hbkel": "ANAK", "tgl_lhr": date(2015, 4, 9)}


def test_members_are_ordered_head_spouse_children_from_the_oldest() -> None:
    household = household_of(
        rows_of(
            {"nik": RIZKY, "stat_hbkel": "ANAK", "tgl_lhr": date(2018, 11, 23)},
            {"nik": HELP, "stat_hbkel": "PEMBANTU"},
            CHILD,
            {"nik": ELDER, "stat_hbkel": "ORANGTUA"},
            {"nik": SITI, "stat_hbkel": "ISTERI"},
            HEAD,
        )
    )
    assert household.family_card_number == CARD
    assert household.head_nik == BUDI
    assert [(member.nik, member.relationship) for member in household.members] == [
        (BUDI, Relationship.HEAD),
        (SITI, Relationship.WIFE),
        (NADIA, Relationship.CHILD),
        (RIZKY, Relationship.CHILD),
        (ELDER, Relationship.PARENT),
        (HELP, Relationship.HOUSEHOLD_HELP),
    ]
    everybody = tuple(sorted((BUDI, SITI, NADIA, RIZKY, ELDER, HELP)))
    assert household.on_the_card == everybody
    assert {member.on_the_card for member in household.members} == {everybody}


@pytest.mark.parametrize(
    ("written", "relationship"),
    [
        ("SUAMI", Relationship.HUSBAND),
        ("MENANTU", Relationship.CHILD_IN_LAW),
        ("CUCU", Relationship.GRANDCHILD),
        ("ORANG TUA", Relationship.PARENT),
        ("MERTUA", Relationship.PARENT_IN_LAW),
        ("FAMILI LAIN", Relationship.RELATIVE),
        ("LAINNYA", Relationship.OTHER),
        ("-", Relationship.OTHER),
        (None, Relationship.OTHER),
    ],
)
def test_every_relationship_of_the_register_is_mapped(written: object, relationship: Relationship) -> None:
    assert household_of(rows_of({"stat_hbkel": written})).members[0].relationship is relationship


def test_a_card_without_a_named_head_uses_the_members_relationship() -> None:
    household = household_of(rows_of({"nik_kepala": None}, {**HEAD, "nik_kepala": None}))
    assert household.head_nik == BUDI


def test_two_cards_are_two_households() -> None:
    households = read(rows_of({}, {"nik": DEWI, "no_kk": OTHER_CARD, "nik_kepala": DEWI}))
    assert {nik: each.on_the_card for nik, each in households.items() if isinstance(each, Household)} == {
        SITI: (SITI,),
        DEWI: (DEWI,),
    }


def test_a_person_without_a_card_has_no_household() -> None:
    assert read(rows_of({"no_kk": "-"}, {"nik": BUDI, "no_kk": ""})) == {}


def test_an_unreadable_member_fails_only_its_card() -> None:
    rows = rows_of({}, {"nik": BUDI, "tgl_lhr": "31/02/1990"}, {"nik": DEWI, "no_kk": OTHER_CARD, "nik_kepala": DEWI})
    assert {nik: type(answer) for nik, answer in read(rows).items()} == {
        SITI: AgencyMalformed,
        BUDI: AgencyMalformed,
        DEWI: Household,
    }


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_people_with_the_same_placeholder_are_not_a_household(placeholder: str) -> None:
    rows = rows_of({**HEAD, "no_kk": placeholder}, {**CHILD, "no_kk": placeholder})
    answers = read(rows)
    assert not [each for each in answers.values() if isinstance(each, Household)]
    for each in answers.values():
        assert isinstance(each, AgencyMalformed)
        assert each.detail == "not readable as the number of a family card"


MALFORMED: Mapping[str, tuple[list[Mapping[str, object]], str]] = {
    "two members call themselves head": (
        rows_of({**HEAD, "nik_kepala": None}, {**HEAD, "nik": DEWI, "nik_kepala": None}, CHILD),
        "it has two heads",
    ),
    "the list of cards names another head than the members": (
        rows_of({**HEAD, "nik_kepala": DEWI}, {**CHILD, "nik_kepala": DEWI}),
        "it has two heads",
    ),
    "the list of cards names two heads": (
        rows_of({**CHILD, "nik_kepala": BUDI}, {**CHILD, "nik_kepala": DEWI}),
        "a person is on it twice, or it has two heads",
    ),
    "the same head is listed twice": (rows_of(HEAD, HEAD, CHILD), "a person is on it twice, or it has two heads"),
    "a head who is a child as well": (
        rows_of({**HEAD, "nik": NADIA}, CHILD),
        "a person is on it twice, or it has two heads",
    ),
    "a member without an identity number": (rows_of(HEAD, {**CHILD, "nik": "-"}), "a NIK (CardMember.nik)"),
    "a member whose number has a blank": (rows_of(HEAD, {**CHILD, "nik": f"{NADIA} "}), "a NIK (CardMember.nik)"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_an_impossible_family_card_is_malformed_for_all_members(kind: str) -> None:
    rows, detail = MALFORMED[kind]
    answers = read(rows)
    assert set(answers) == {Nik(str(row["nik"])) for row in rows}
    for each in answers.values():
        assert isinstance(each, AgencyMalformed)
        assert each.detail.endswith(detail)
        assert_reveals_nothing(each)


@pytest.mark.parametrize(("members", "kind"), [(MOST_MEMBERS, Household), (MOST_MEMBERS + 1, AgencyMalformed)])
def test_more_members_than_a_family_has_are_malformed(members: int, kind: type) -> None:
    others = ({"nik": f"31710145069090{number:02}", "stat_hbkel": "ANAK"} for number in range(members - 1))
    assert isinstance(read(rows_of(HEAD, *others), BUDI)[BUDI], kind)


def test_a_person_on_two_cards_is_malformed() -> None:
    counts = CallCounters()
    rows = rows_of({}, {"no_kk": OTHER_CARD, "nik_kepala": DEWI}, HEAD)
    answers = read(rows, SITI, BUDI, counts=counts)
    assert isinstance(answers[SITI], AgencyMalformed)
    assert isinstance(answers[BUDI], Household)
    assert counts.mismatches == 1


def test_an_unrequested_card_rejects_the_answer_and_is_counted() -> None:
    counts = CallCounters()
    with pytest.raises(AgencyMalformed):
        read(rows_of({}, HEAD, {"nik": DEWI, "no_kk": OTHER_CARD, "nik_kepala": DEWI}), SITI, counts=counts)
    assert counts.mismatches == 1


class TestRegisteredHouseholds:
    """A real PostgreSQL, into which hostile cards are entered."""

    @pytest.fixture
    async def register(self, dukcapil: RunningAgency) -> AsyncIterator[DeclaredConnector]:
        url = f"postgresql://{dukcapil.user}:{dukcapil.secret}@127.0.0.1:{dukcapil.port}/siak"
        sql = SqlDriver("dukcapil", url, deadline=10, pool_size=2)
        yield build_dukcapil(sql)
        await sql.close()
        dukcapil.reset_calls()

    async def test_no_placeholder_becomes_a_household_and_each_takes_one_statement(
        self, dukcapil: RunningAgency, register: DeclaredConnector
    ) -> None:
        fitting = [each for each in PLACEHOLDERS if len(each) <= 16 and "\0" not in each]
        entries = [
            Entry(nik=f"317101450690{number:02}{role:02}", card=card, relation=relation, born=date(year, 1, 1))
            for number, card in enumerate(fitting)
            for role, (relation, year) in enumerate((("KEPALA KELUARGA", 1980), ("ANAK", 2015)))
        ]
        async with insert_family_cards(dukcapil, entries, [(card, "3171014506909999") for card in fitting]):
            found = await register.households([Nik(each.nik) for each in entries], make_call())
            assert dukcapil.count_calls() == {"select biodata_wni": 1}
        malformed = {nik for nik, each in found.items() if isinstance(each, AgencyFailure)}
        assert set(found) == malformed
        assert len(malformed) == 2 * len([each for each in fitting if each.strip()])

    async def test_a_card_with_a_thousand_strangers_is_malformed_and_not_read_completely(
        self, dukcapil: RunningAgency, register: DeclaredConnector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = 0
        ask = SqlDriver.rows

        async def counted(*given: object, **options: object) -> object:
            nonlocal rows
            found = await ask(*given, **options)  # type: ignore[arg-type]  # handed on as they came
            rows += len(found)
            return found

        monkeypatch.setattr(SqlDriver, "rows", counted)
        entries = [
            Entry(nik=f"317101450690{number:04}", card="3171010101019001", relation="ANAK", born=date(2015, 1, 1))
            for number in range(1_000)
        ]
        async with insert_family_cards(dukcapil, entries, [("3171010101019001", entries[0].nik)]):
            found = await register.households([Nik(entries[7].nik), SITI], make_call())
        strangers, family = found[Nik(entries[7].nik)], found[SITI]
        assert isinstance(strangers, AgencyMalformed)
        assert isinstance(family, Household)
        assert rows == 1 + (MOST_MEMBERS + 1) + len(family.members)

    async def test_a_card_from_an_unknown_district_is_used_and_logged_once(
        self, dukcapil: RunningAgency, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = f"postgresql://{dukcapil.user}:{dukcapil.secret}@127.0.0.1:{dukcapil.port}/siak"
        sql = SqlDriver("dukcapil", url, deadline=10, pool_size=1)
        register = build_dukcapil(sql, knows_region={"31.71.01"}.__contains__)
        agus = Nik("3672010101009004")
        for _ in range(2):
            assert isinstance((await register.households([SITI, agus], make_call()))[agus], Household)
        await sql.close()
        told = [record.getMessage() for record in caplog.records if record.name == "simpul.agencies"]
        assert told == ["The number of a family card names the unknown district 36.72.01. The card is used"]
