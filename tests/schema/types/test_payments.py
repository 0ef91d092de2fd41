"""Digital payments in the graph: the payer's, those of a bill, and a clock that the payment service does not heed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from records.calls.answers import Answers
from records.calls.call import Call
from records.coverages import Coverage
from records.identifiers import Nik
from records.payments import PaymentIntent, PaymentStatus
from tests.fakes.sample_records import build_sample
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, SITI, identity, tax_object
from tests.schema.requests import get_codes, run

NOP = tax_object().nop
IN_AN_HOUR = timedelta(hours=1)


def intent(number: str, left: timedelta | None, **more: Any) -> PaymentIntent:  # noqa: ANN401 - fields of the record
    expires = None if left is None else datetime.now(UTC) + left
    sample: PaymentIntent = replace(build_sample(PaymentIntent), payer=SITI, number=number, status=PaymentStatus.OPEN)
    return replace(sample, expires_at=expires, bill_reference=f"PBB2026{NOP}", **more)


class PayingCity(SmallCity):
    """A city with these payments."""

    def hold(self, *held: PaymentIntent) -> PayingCity:
        self.held = held
        return self

    async def payments_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[PaymentIntent]]:
        found = {nik: tuple(each for each in self.held if each.payer == nik) for nik in niks}
        return self._answers("pembayaran", "payments_of", niks, found)

    async def payments(self, numbers: Sequence[str], _call: Call) -> Answers[str, PaymentIntent]:
        return self._answers("pembayaran", "payments", numbers, {each.number: each for each in self.held})


async def test_an_open_payment_expires_by_the_clock_whatever_the_service_says() -> None:
    city = PayingCity().hold(
        intent("P-1", IN_AN_HOUR),
        intent("P-2", -IN_AN_HOUR),
        intent("P-3", None),
        replace(intent("P-4", -IN_AN_HOUR), status=PaymentStatus.PAID),
    )
    response = await run("{ me { payments { number status secondsLeft } } }", city=city, caller="the person")
    assert response.errors == []
    first, *others = (response.data or {})["me"]["payments"]
    assert 3_500 < first.pop("secondsLeft") <= 3_600
    assert [first, *others] == [
        {"number": "P-1", "status": "OPEN"},
        {"number": "P-2", "status": "EXPIRED", "secondsLeft": None},
        {"number": "P-3", "status": "OPEN", "secondsLeft": None},
        {"number": "P-4", "status": "PAID", "secondsLeft": None},
    ]


async def test_a_payment_is_found_by_its_payer_only() -> None:
    city = PayingCity().hold(intent("P-1", IN_AN_HOUR), replace(intent("P-2", IN_AN_HOUR), payer=BUDI))
    query = '{ mine: payment(number: "P-1") { number } his: payment(number: "P-2") { number } }'
    response = await run(query, city=city, caller="the person")
    assert (response.data, response.errors) == ({"mine": {"number": "P-1"}, "his": None}, [])


async def test_the_payments_of_a_bill_are_found_by_its_reference() -> None:
    other = replace(intent("P-2", IN_AN_HOUR), bill_reference=f"PBB2025{NOP}")
    city = PayingCity().hold(intent("P-1", IN_AN_HOUR), other, replace(other, number="P-3", bill_reference=None))
    query = "{ me { taxObjects { bills { year paymentIntents { number } } } } }"
    response = await run(query, city=city, caller="the person")
    assert response.errors == []
    assert (response.data or {})["me"]["taxObjects"][0]["bills"] == [
        {"year": 2026, "paymentIntents": [{"number": "P-1"}]},
        {"year": 2025, "paymentIntents": [{"number": "P-2"}]},
    ]
    assert [keys for agency, _, keys in city.calls if agency == "pembayaran"] == [(SITI,)]


async def test_without_the_payment_service_bills_still_answer() -> None:
    city = PayingCity(failing_agencies={"pembayaran"}).hold()
    query = "{ me { taxObjects { bills(year: 2026) { year paymentIntents { number } } } } }"
    response = await run(query, city=city, caller="the person")
    assert (response.data or {})["me"]["taxObjects"][0]["bills"] == [{"year": 2026, "paymentIntents": None}]
    assert get_codes(response) == [("me.taxObjects.0.bills.0.paymentIntents", "AGENCY_UNAVAILABLE")]


class InsuredCity(SmallCity):
    """A city where everybody is insured."""

    async def coverages_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Coverage]:
        sample = replace(build_sample(Coverage), name=None, birth_date=identity(SITI).birth_date)
        return self._answers("bpjs", "coverages_of", niks, {nik: replace(sample, participant=nik) for nik in niks})


INSURANCE = "{ me { coverage { status linkConfidence } } }"


async def test_the_link_to_an_insurance_is_compared_with_the_population_register() -> None:
    city = InsuredCity()
    response = await run(INSURANCE, city=city, caller="the person")
    assert response.data == {"me": {"coverage": {"status": "ACTIVE", "linkConfidence": "LIKELY"}}}
    await run("{ me { coverage { status } } }", city=(unasked := InsuredCity()), caller="the person")
    assert [agency for agency, _, _ in unasked.calls] == ["bpjs"]


async def test_without_the_population_register_only_the_confidence_is_missing() -> None:
    city = InsuredCity(failing_agencies={"dukcapil"})
    response = await run(INSURANCE, city=city, caller="the person")
    assert response.data == {"me": {"coverage": {"status": "ACTIVE", "linkConfidence": None}}}
    assert get_codes(response) == [("me.coverage.linkConfidence", "AGENCY_UNAVAILABLE")]
