import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from lxml import etree

from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import Nik
from records.tax import BillStatus, TaxObject
from sandbox.pbb import tax_roll
from sandbox.population.city_population import build_population
from tests.connectors.drivers.byte_server import ReceivedRequest, Script, reply, serve_bytes
from tests.connectors.pbb_answers import AGUS, BUDI, DEWI, SITI, WSDL, TaxConnector, connect, load_recorded, map_reply
from tests.sandbox_agencies import HOST, RunningAgency

NOBODY = Nik("3171010101019999")
RICH = Nik("3171020101709998")


def call(seconds: float = 10) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


def address(agency: RunningAgency) -> str:
    return f"http://{HOST}:{agency.port}/services/pbb"


class TestFanOut:
    async def test_one_call_per_person_within_the_limit_and_a_broken_answer_affects_one_person(self) -> None:
        under_way, most, three = 0, 0, asyncio.Barrier(3)

        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await three.wait()  # six calls, three at a time
            for _ in range(20):  # a fourth would begin now
                await asyncio.sleep(0)
            under_way -= 1
            known = load_recorded("siti") if RICH.encode() in asked.body else load_recorded("unknown_nik")
            writer.write(reply(200, b"<html>" if DEWI.encode() in asked.body else known))

        async with served(script, max_concurrency=3) as tax:
            niks = [SITI, BUDI, DEWI, AGUS, NOBODY, RICH]
            answers = await tax.objects_of(niks, call())

        assert most == 3
        assert list(answers) == [DEWI, RICH]
        assert {nik for nik, answer in answers.items() if isinstance(answer, AgencyMalformed)} == {DEWI}
        found = answers[RICH]
        assert not isinstance(found, AgencyFailure)
        assert [held.owner for held in found] == [RICH, RICH]


@pytest.fixture
async def tax(pbb: RunningAgency) -> AsyncIterator[TaxConnector]:
    """The connector to the running agency, whose counters are at 0."""
    connector = connect(address(pbb))
    pbb.reset_calls()
    yield connector
    await connector.close()


class TestRealAgency:
    async def test_sample_people(self, tax: TaxConnector, pbb: RunningAgency) -> None:
        answers = await tax.objects_of([SITI, BUDI, DEWI, AGUS, NOBODY], call())

        assert answers == {SITI: map_reply(load_recorded("siti")), DEWI: map_reply(load_recorded("dewi"), owner=DEWI)}
        assert pbb.count_calls() == {"GetObjekByNik": 5}

    async def test_fifty_people_get_their_objects_of_the_tax_roll(self, tax: TaxConnector, pbb: RunningAgency) -> None:
        roll = tax_roll.build_tax_roll(build_population())
        owners = sorted(roll.by_nik)[:35]
        others = sorted(nik for nik in build_population().by_nik if nik not in roll.by_nik)[:15]
        answers = await tax.objects_of([Nik(nik) for nik in (*owners, *others)], call())

        assert list(answers) == owners
        assert pbb.count_calls() == {"GetObjekByNik": 50}
        for nik, found in answers.items():
            assert not isinstance(found, AgencyFailure)
            assert [to_expected_form(held) for held in found] == [expected(held) for held in roll.by_nik[nik]]

    async def test_no_keys_make_no_call(self, tax: TaxConnector, pbb: RunningAgency) -> None:
        assert await tax.objects_of([], call()) == {}
        assert pbb.count_calls() == {}

    async def test_the_probe_makes_one_call_about_no_person(self, tax: TaxConnector, pbb: RunningAgency) -> None:
        await tax.probe(call())
        assert pbb.count_calls() == {"GetObjekByNik": 1}

    def test_the_checked_in_wsdl_matches_the_published_one(self, pbb: RunningAgency) -> None:
        with urllib.request.urlopen(f"{address(pbb)}?wsdl") as published:  # noqa: S310 - the sandbox on loopback
            assert canonical(published.read()) == canonical(WSDL.read_bytes())


@asynccontextmanager
async def served(script: Script, *, max_concurrency: int) -> AsyncIterator[TaxConnector]:
    async with serve_bytes(script) as server:
        connector = connect(server.url, max_concurrency=max_concurrency)
        try:
            yield connector
        finally:
            await connector.close()


def to_expected_form(held: TaxObject) -> object:
    return (
        held.nop,
        held.region_code,
        held.land_area,
        held.building_area,
        [
            (bill.nop, bill.year, bill.land_value, bill.building_value, bill.assessed_value, bill.tax, bill.reduction,
             bill.amount, bill.status is BillStatus.PAID, bill.issued_on, bill.due_on,
             [(paid.sequence, paid.amount, paid.fine, paid.paid_on, paid.receipt, paid.cancelled)
              for paid in bill.payments])
            for bill in held.bills
        ],
    )  # fmt: skip


def expected(held: tax_roll.PbbTaxObject) -> object:
    return (
        str(held.nop),
        held.village.code,
        held.bills[-1].land_area,
        held.bills[-1].building_area or None,
        [
            (str(bill.nop), bill.year, bill.land_value, bill.building_value or 0, bill.value, bill.tax,
             bill.reduction or 0, bill.payable, bill.paid, bill.issued_on, bill.due_on,
             [(paid.sequence, paid.amount, paid.fine or 0, paid.paid_on, paid.receipt, paid.cancelled)
              for paid in bill.payments])
            for bill in reversed(held.bills)
        ],
    )  # fmt: skip


def assert_tells_nothing(failure: object, agency: RunningAgency) -> None:
    assert isinstance(failure, AgencyFailure)
    told = f"{failure} {failure!r} {failure.detail} {failure.__cause__!r} {failure.__context__!r}"
    for hidden in (SITI, DEWI, HOST, str(agency.port), agency.secret, agency.user + ":"):
        assert hidden not in told


def canonical(wsdl: bytes) -> str:
    """A WSDL without the address of the server, as that is each server's own."""
    root = etree.fromstring(wsdl)
    for address in root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address"):
        address.set("location", "")
    return etree.tostring(root, method="c14n").decode()
