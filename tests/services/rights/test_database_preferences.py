"""Data preferences with the case that a caller states: of a data request here, else of an agency's register."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.caller import Caller, CallerKind
from auth.crypto.sealed_people import SealedPeople
from records.calls.call import Call
from records.calls.failures import AgencyTimeout
from records.identifiers import Nik
from records.purposes import Purpose
from resolvers.hub.data_preferences import PreferencesUnavailable
from services.rights.case_register import StatedCase
from services.rights.database_preferences import DatabasePreferences
from store.consents.data_preferences import DataPreferenceTable
from tests.fakes.small_records import BUDI, CALL, SITI

SECRET = b"a secret of thirty-two bytes...."
STRANGER = Nik("3171010101800009")


class TaxCases:
    """The register of the tax office: case 7 is about Siti and about a person who was not requested."""

    def __init__(self) -> None:
        self.asked: list[tuple[StatedCase, tuple[Nik, ...]]] = []

    async def people_in(self, case: StatedCase, people: Sequence[Nik], call: Call) -> frozenset[Nik] | None:
        assert call is CALL
        self.asked.append((case, tuple(people)))
        if case.agency != "pbb":
            return None
        if case.number == "silent":
            raise AgencyTimeout("pbb", "no answer")
        return frozenset({SITI, STRANGER}) if case.number == "7" else frozenset()


def build_official(*, agency: str = "pbb", purpose: Purpose = Purpose.TAX_ASSESSMENT, case: str | None) -> Caller:
    return Caller(kind=CallerKind.OFFICIAL, agency=agency, purpose=purpose.name, case=case)


def build_preferences(migrated: AsyncEngine, register: TaxCases) -> DatabasePreferences:
    return DatabasePreferences(DataPreferenceTable(migrated, timeout=30), SealedPeople(SECRET), register)


async def find_people_in_case(
    migrated: AsyncEngine, register: TaxCases, caller: Caller
) -> dict[Nik, frozenset[Nik] | None]:
    loaded = await build_preferences(migrated, register).load_preferences([SITI, BUDI], caller, CALL)
    return {nik: each.people_in_case for nik, each in loaded.items()}


async def test_a_register_says_which_of_the_people_its_case_is_about(migrated: AsyncEngine) -> None:
    register = TaxCases()
    official = build_official(case="7")
    assert await find_people_in_case(migrated, register, official) == {SITI: frozenset({SITI}), BUDI: frozenset()}
    assert register.asked == [(StatedCase("pbb", "TAX_ASSESSMENT", "7"), (SITI, BUDI))]


async def test_a_case_that_is_not_open_is_about_nobody(migrated: AsyncEngine) -> None:
    official = build_official(case="closed")
    assert await find_people_in_case(migrated, TaxCases(), official) == {SITI: frozenset(), BUDI: frozenset()}


async def test_a_case_of_another_agency_stays_unchecked(migrated: AsyncEngine) -> None:
    official = build_official(agency="dinkes", case="7")
    assert await find_people_in_case(migrated, TaxCases(), official) == {SITI: None, BUDI: None}


async def test_a_register_that_does_not_answer_allows_no_read(migrated: AsyncEngine) -> None:
    preferences = build_preferences(migrated, TaxCases())
    with pytest.raises(PreferencesUnavailable):
        await preferences.load_preferences([SITI], build_official(case="silent"), CALL)


async def test_a_data_request_is_looked_up_here_and_in_no_register(migrated: AsyncEngine) -> None:
    register = TaxCases()
    official = build_official(purpose=Purpose.SUBJECT_REQUEST, case="HAK-2026-7K3QX9RD")
    assert await find_people_in_case(migrated, register, official) == {SITI: frozenset(), BUDI: frozenset()}
    assert register.asked == []


async def test_without_a_case_no_register_is_asked(migrated: AsyncEngine) -> None:
    register = TaxCases()
    assert await find_people_in_case(migrated, register, build_official(case=None)) == {SITI: None, BUDI: None}
    assert register.asked == []
