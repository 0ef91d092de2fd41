"""People's restrictions and consents (data preferences), read from the hub's own tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auth.caller import Caller
from auth.crypto.sealed_people import SealedPeople
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.purposes import Purpose
from resolvers.hub.data_preferences import PreferencesUnavailable
from services.rights.case_register import CaseRegister, NoCaseRegister, StatedCase
from store.consents.data_preferences import DataPreferenceTable, SealedPerson
from store.database_timeout import StateUnavailable

_log = logging.getLogger("simpul.preferences")


class DatabasePreferences:
    """Looks up data preferences by NIK, and checks the caller's case in the case register."""

    def __init__(self, table: DataPreferenceTable, people: SealedPeople, register: CaseRegister | None = None) -> None:
        """The tables store sealed people only; `register` holds the cases that are not data requests."""
        self._table = table
        self._people = people
        self._register = register or NoCaseRegister()

    async def load_preferences(
        self, people: Sequence[Nik], caller: Caller | None, call: Call
    ) -> Mapping[Nik, DataPreferences]:
        """The preferences of each person, and whether the case is about them; raises `PreferencesUnavailable`."""
        client = None if caller is None else caller.client
        request = None if caller is None or caller.purpose != Purpose.SUBJECT_REQUEST.name else caller.case
        try:
            preferences = await self._table.load_preferences(
                [SealedPerson(nik, self._people.seal(nik)) for nik in people], client, request
            )
        except StateUnavailable as failure:
            _log.error("Data preferences of people cannot be read: %s", failure)
            raise PreferencesUnavailable from None
        if request is None and caller is not None and caller.purpose is not None and caller.case is not None:
            case = StatedCase(caller.agency, caller.purpose, caller.case)
            return await self._add_case(case, preferences, call)
        return preferences

    async def _add_case(
        self, case: StatedCase, preferences: Mapping[Nik, DataPreferences], call: Call
    ) -> Mapping[Nik, DataPreferences]:
        """The same preferences, with the people of a case from an agency's register."""
        try:
            people_in_case = await self._register.people_in(case, tuple(preferences), call)
        except AgencyFailure as failure:
            _log.error("The case register of agency %s does not answer: %s", failure.agency, failure.code)
            raise PreferencesUnavailable from None
        if people_in_case is None:
            return preferences
        return {nik: replace(each, people_in_case=people_in_case & {nik}) for nik, each in preferences.items()}
