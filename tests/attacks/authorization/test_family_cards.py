"""A placeholder or an impossible family card in the register makes no person a parent.

The tests write the cards below into the running population register. In each, a stranger seems to be a child's parent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date

import pytest

from auth.caller import Assurance, Caller, CallerKind
from records.identifiers import Nik
from tests.family_cards import Entry, insert_family_cards
from tests.journeys.hub import HubClient, RunningCity

GROWN, YOUNG = date(1980, 3, 2), date(2015, 4, 9)
HEAD, WIFE, CHILD = "KEPALA KELUARGA", "ISTRI", "ANAK"
SHARED = "3171010203189{:03}"
"""Valid card numbers that the register does not use."""
CHILDS_FIELDS = """
query ($nik: NIK!) { citizen(nik: $nik) {
  nik name birthDate
  residence { address }
  civilStatus { religion bloodType }
  parentage { motherName }
  household { members { name birthDate } }
  taxObjects { nop } msmes { name } complaints { number }
} }
"""
OWN_FIELDS = "{ me { name residence { address } household { familyCardNumber members { nik name } } } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyCard:
    """The people on one card; the first is the attacker and the last is the child."""

    card: str
    relations: tuple[tuple[str, date], ...]
    head: str | int | None = None
    """The person in the register's list of cards: a number, or the index of a member."""
    household_of_attacker: str | None = "AGENCY_MALFORMED"
    """The error code of the attacker's own household; None without a household, or if it is shown."""


STRANGER_AND_CHILD = ((HEAD, GROWN), (CHILD, YOUNG))
FAMILIES: Mapping[str, FamilyCard] = {
    "zeros": FamilyCard(card="0000000000000000", relations=STRANGER_AND_CHILD),
    "nines": FamilyCard(card="9999999999999999", relations=STRANGER_AND_CHILD),
    "dashes": FamilyCard(card="----------------", relations=STRANGER_AND_CHILD),
    "words": FamilyCard(card="TIDAK DIKETAHUI.", relations=STRANGER_AND_CHILD),
    "letters": FamilyCard(card="XXXXXXXXXXXXXXXX", relations=STRANGER_AND_CHILD),
    "full-width digits": FamilyCard(card="３１７１０１０２０３１４９００１", relations=STRANGER_AND_CHILD),  # noqa: RUF001 - as some systems write
    "a superscript digit": FamilyCard(card="31710102031490²1", relations=STRANGER_AND_CHILD),
    "blanks at the end": FamilyCard(card="317101020314900 ", relations=STRANGER_AND_CHILD),
    "an impossible date": FamilyCard(card="3171013002149001", relations=STRANGER_AND_CHILD),
    "serial number 0": FamilyCard(card="3171010203140000", relations=STRANGER_AND_CHILD),
    "a dash": FamilyCard(card="-", relations=STRANGER_AND_CHILD, household_of_attacker=None),
    "nothing": FamilyCard(card="", relations=STRANGER_AND_CHILD, household_of_attacker=None),
    "only blanks": FamilyCard(card="                ", relations=STRANGER_AND_CHILD, household_of_attacker=None),
    "two heads": FamilyCard(card=SHARED.format(1), relations=((HEAD, GROWN), (HEAD, GROWN), (CHILD, YOUNG)), head=1),
    "a spouse of two heads": FamilyCard(
        card=SHARED.format(2), relations=((WIFE, GROWN), (HEAD, GROWN), (HEAD, GROWN), (CHILD, YOUNG)), head=1
    ),
    "the head of another card": FamilyCard(
        card=SHARED.format(3), relations=STRANGER_AND_CHILD, head="3171021708889002"
    ),
    "forty strangers": FamilyCard(card=SHARED.format(4), relations=((HEAD, GROWN), *((CHILD, YOUNG),) * 39), head=0),
    "the wife of a child": FamilyCard(
        card=SHARED.format(5),
        relations=((WIFE, GROWN), (HEAD, YOUNG), (CHILD, YOUNG)),
        head=1,
        household_of_attacker=None,
    ),
    "a wife without a husband": FamilyCard(
        card=SHARED.format(6), relations=((WIFE, GROWN), (CHILD, YOUNG)), household_of_attacker=None
    ),
    "a child as the parent": FamilyCard(
        card=SHARED.format(7), relations=((HEAD, date(2012, 1, 1)), (CHILD, YOUNG)), head=0, household_of_attacker=None
    ),
}
ORDER = {kind: number for number, kind in enumerate(FAMILIES)}


def build_people(kind: str) -> list[Entry]:
    family = FAMILIES[kind]
    return [
        Entry(nik=f"31710102{born:%m%y}{ORDER[kind]:02}{place:02}", card=family.card, relation=relation, born=born)
        for place, (relation, born) in enumerate(family.relations)
    ]


def citizen(nik: str) -> Caller:
    return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik(nik), assurance=Assurance.HIGH)


@pytest.fixture(scope="module")
async def hostile(city: RunningCity) -> AsyncIterator[None]:
    """All these people in the register."""
    heads = {}
    for kind, family in FAMILIES.items():
        if family.head is not None:
            heads[family.card] = family.head if isinstance(family.head, str) else build_people(kind)[family.head].nik
    everybody = [each for kind in FAMILIES for each in build_people(kind)]
    async with insert_family_cards(city.agencies["dukcapil"], everybody, list(heads.items())):
        yield


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("kind", FAMILIES)
class TestAStrangerOnTheCardOfAChild:
    async def test_reads_nothing_about_the_child_and_only_their_own_card_is_loaded(
        self, wired: HubClient, city: RunningCity, kind: str
    ) -> None:
        people = build_people(kind)
        city.reset_calls()
        answer = await wired.ask(CHILDS_FIELDS, {"nik": people[-1].nik}, caller=citizen(people[0].nik))
        assert answer.data in (None, {"citizen": None})
        assert {code for _, code in answer.errors} <= {"FORBIDDEN", "AGENCY_MALFORMED"}
        assert answer.errors
        assert "RAHASIA" not in str(answer.body).upper()
        assert city.calls() == {"dukcapil": 1}

    async def test_reads_nothing_about_the_child_even_if_the_childs_data_is_cached(
        self, wired: HubClient, city: RunningCity, kind: str
    ) -> None:
        people = build_people(kind)
        kept = await wired.ask("{ me { name residence { address } } }", caller=citizen(people[-1].nik))
        assert kept.data["me"]["name"] == "Orang Rahasia"
        city.reset_calls()
        answer = await wired.ask(CHILDS_FIELDS, {"nik": people[-1].nik}, caller=citizen(people[0].nik))
        assert answer.data in (None, {"citizen": None})
        assert "RAHASIA" not in str(answer.body).upper()
        assert city.calls() == {"dukcapil": 1}

    async def test_still_reads_their_own_fields_and_sees_that_the_card_is_malformed(
        self, wired: HubClient, kind: str
    ) -> None:
        people, expected = build_people(kind), FAMILIES[kind].household_of_attacker
        answer = await wired.ask(OWN_FIELDS, caller=citizen(people[0].nik))
        me = answer.data["me"]
        assert (me["name"], me["residence"]) == ("Orang Rahasia", {"address": "Jl. Rahasia No. 1"})
        assert answer.errors == ([("me.household", expected)] if expected else [])
        assert me["household"] is None or FAMILIES[kind].card.startswith("317101020318")
