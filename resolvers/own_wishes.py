"""What people said, out of the hub's own tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auth.caller import Caller
from auth.sealed_people import SealedPeople
from records.call import Call
from records.failures import AgencyFailure
from records.identifiers import Nik
from records.purposes import Purpose
from records.wishes import Wishes
from resolvers.case_register import CaseRegister, NoCaseRegister, StatedCase
from resolvers.wishes import WishesUnknown
from store.unavailable import StateUnavailable
from store.wishes import Sealed, WishTable

_log = logging.getLogger("simpul.wishes")


class OwnWishes:
    """The hub's tables, asked by NIK; and the register of the caller's case."""

    def __init__(self, table: WishTable, people: SealedPeople, register: CaseRegister | None = None) -> None:
        """The tables know sealed people only; `register` holds cases that are no data requests."""
        self._table = table
        self._people = people
        self._register = register or NoCaseRegister()

    async def wishes(self, people: Sequence[Nik], caller: Caller | None, call: Call) -> Mapping[Nik, Wishes]:
        """What each of the people said, and whether the caller's case is about them; raises `WishesUnknown`."""
        client = None if caller is None else caller.client
        request = None if caller is None or caller.purpose != Purpose.SUBJECT_REQUEST.name else caller.case
        try:
            said = await self._table.said([Sealed(nik, self._people.seal(nik)) for nik in people], client, request)
        except StateUnavailable as failure:
            _log.error("What people said about the use of their data cannot be read: %s", failure)
            raise WishesUnknown from None
        if request is None and caller is not None and caller.purpose is not None and caller.case is not None:
            case = StatedCase(caller.agency, caller.purpose, caller.case)
            return await self._within(case, said, call)
        return said

    async def _within(self, case: StatedCase, said: Mapping[Nik, Wishes], call: Call) -> Mapping[Nik, Wishes]:
        """The same, with the people of a case in an agency's register."""
        try:
            about = await self._register.people_in(case, tuple(said), call)
        except AgencyFailure as failure:
            _log.error("The case register of agency %s does not answer: %s", failure.agency, failure.code)
            raise WishesUnknown from None
        if about is None:
            return said
        return {nik: replace(wishes, in_case=about & {nik}) for nik, wishes in said.items()}
