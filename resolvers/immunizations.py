"""Immunizations: the domain protocol and its batches.

A health register knows people by its own numbers. So the number of each person is looked up first, and cached; what the
register has under that number is about that person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from engine.batch import batch, forward, load_answers
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.immunizations import Immunization, Patient, VaccinationAppointment, VaccinationSlot, VaccinationSlotQuery
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_PERSON, PUBLIC


class Immunizations(Protocol):
    """The domain of immunizations. A manifest binds an agency to it."""

    async def patients(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Patient]:
        """The number of each person in the health register."""

    async def immunizations_of(self, patients: Sequence[str], call: Call) -> Answers[str, Sequence[Immunization]]:
        """The vaccinations of each patient."""

    async def appointments_of(
        self, patients: Sequence[str], call: Call
    ) -> Answers[str, Sequence[VaccinationAppointment]]:
        """The appointments of each patient for vaccinations."""

    async def vaccination_slots(self, ids: Sequence[str], call: Call) -> Answers[str, VaccinationSlot]:
        """Open slots by identifier."""

    async def vaccination_slot_lists(
        self, queries: Sequence[VaccinationSlotQuery], call: Call
    ) -> Answers[VaccinationSlotQuery, Sequence[VaccinationSlot]]:
        """Pages of open slots, by place and day."""


patients = forward(Immunizations, Immunizations.patients, caching=ABOUT_PERSON)
vaccination_slots = forward(Immunizations, Immunizations.vaccination_slots, caching=PUBLIC)
vaccination_slot_lists = forward(Immunizations, Immunizations.vaccination_slot_lists, absent=(), caching=PUBLIC)


@batch(domain=Immunizations, absent=(), caching=ABOUT_PERSON, reads=(patients,))
async def immunizations_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Sequence[Immunization]]:
    """The vaccinations of each person, the newest first."""
    found = await _load_of_people(niks, context, context.agencies[Immunizations].immunizations_of)
    return {nik: _sort(each, "given_on") for nik, each in found.items()}


@batch(domain=Immunizations, read="appointments_of", absent=(), caching=ABOUT_PERSON, reads=(patients,))
async def vaccination_appointments_of(
    niks: Sequence[Nik], context: HubBatchContext
) -> Answers[Nik, Sequence[VaccinationAppointment]]:
    """The appointments of each person for vaccinations, the newest first."""
    found = await _load_of_people(niks, context, context.agencies[Immunizations].appointments_of)
    return {nik: _sort(each, "starts_at") for nik, each in found.items()}


async def _load_of_people(
    niks: Sequence[Nik],
    context: HubBatchContext,
    read: Callable[[Sequence[str], Call], Awaitable[Answers[str, Sequence[Any]]]],
) -> dict[Nik, Any]:
    """What the register has about each person, with the person in it. A failed link is the failure of its person."""
    links = await load_answers(patients, niks, context, context.recorder)
    numbers = {nik: link.id for nik, link in links.items() if isinstance(link, Patient)}
    answers: dict[Nik, Any] = {nik: link for nik, link in links.items() if isinstance(link, AgencyFailure)}
    found = await read(list(dict.fromkeys(numbers.values())), context.call) if numbers else {}
    for nik, number in numbers.items():
        listed = found.get(number, ())
        if not isinstance(listed, AgencyFailure):
            listed = tuple(replace(each, patient_nik=nik) for each in listed)
        answers[nik] = listed
    return answers


def _sort(listed: Any, field: str) -> Any:  # noqa: ANN401 - the records of a person, or a failure
    """The newest first; those without a date last."""
    if isinstance(listed, AgencyFailure):
        return listed
    dated = sorted((each for each in listed if getattr(each, field) is not None), key=lambda each: getattr(each, field))
    return (*reversed(dated), *(each for each in listed if getattr(each, field) is None))
