"""A small city with a health register that knows Siti and her child Ayu, but not Budi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik, PartialDate
from records.immunizations import Immunization, ImmunizationStatus, Patient
from tests.fakes.sample_records import build_sample
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, SITI

IHS = {SITI: "P01", AYU: "P02"}


def vaccination(id_: str, given_on: str | None, *, nik: Nik | None = None) -> Immunization:
    sample: Immunization = build_sample(Immunization)
    date = None if given_on is None else PartialDate(given_on)
    return replace(sample, id=id_, given_on=date, status=ImmunizationStatus.COMPLETED, patient_nik=nik)


class HealthCity(SmallCity):
    """The small city with its health register."""

    async def patients(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Patient]:
        return self._answers("satusehat", "patients", niks, {nik: Patient(id=ihs, nik=nik) for nik, ihs in IHS.items()})

    async def immunizations_of(self, patients: Sequence[str], _call: Call) -> Answers[str, Sequence[Immunization]]:
        dates = {"P01": ("2019", None, "2023-02"), "P02": ("2012-08-01", "2013")}
        known = {
            ihs: tuple(vaccination(f"{ihs}-{number}", each) for number, each in enumerate(given))
            for ihs, given in dates.items()
        }
        return self._answers("satusehat", "immunizations_of", patients, known)
