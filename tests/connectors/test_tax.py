import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from time import monotonic

import pytest
from lxml import etree

from connectors.drivers.http import HttpReply
from connectors.drivers.soap import SoapFault, SoapReply
from connectors.tax import WSDL, PropertyTax, failure_of_fault, tax_objects
from records.call import Call
from records.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from records.identifiers import Nik, Rupiah
from records.tax import BillStatus, TaxBill, TaxObject, TaxPayment
from sandbox import pbb_data
from sandbox.people import SAMPLES, people
from tests.city import HOST, RunningAgency, started
from tests.connectors.drivers.wire import Asked, Script, reply, wire

RECORDED = Path(__file__).parent / "recorded"
SITI, BUDI, DEWI, AGUS = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi", "agus"))
NOBODY = Nik("3171010101019999")
RICH = Nik("3171020101709998")


def call(seconds: float = 10) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


def connected(url: str, *, secret: str = "rahasia-uji", deadline: float = 5, at_once: int = 8) -> PropertyTax:
    return PropertyTax.connect(url, user="simpul", password=secret, deadline=deadline, at_once=at_once)


def address(agency: RunningAgency) -> str:
    return f"http://{HOST}:{agency.port}/services/pbb"


def mapped(body: bytes, *, status: int = 200, owner: Nik = SITI) -> tuple[TaxObject, ...] | None:
    """What the connector makes of an answer of the agency to `GetObjekByNik`, byte by byte."""
    soap = connected("http://pbb.invalid")._soap
    return tax_objects(soap.read("GetObjekByNik", HttpReply(status=status, headers={}, body=body)), owner)


def recorded(name: str) -> bytes:
    return (RECORDED / f"pbb_objects_{name}.xml").read_bytes()


def object_row(**changed: object) -> dict[str, object]:
    """An object without bills, in the agency's columns."""
    row: dict[str, object] = {
        "KD_PROPINSI": "31",
        "KD_DATI2": "73",
        "KD_KECAMATAN": "020",
        "KD_KELURAHAN": "003",
        "KD_BLOK": "003",
        "NO_URUT": "0041",
        "KD_JNS_OP": "0",
        "JALAN_OP": "JL. MELATI NO. 5",
        "RT_OP": "003",
        "RW_OP": "007",
        "NM_KELURAHAN_OP": "GAMBIR",
        "KD_KEMENDAGRI": "31.71.01.1001",
        "SPPT": (),
    }
    return row | changed


def bill_row(**changed: object) -> dict[str, object]:
    row = {column: value for column, value in object_row().items() if column.startswith(("KD_", "NO_"))}
    row |= {
        "THN_PAJAK_SPPT": "2025",
        "NM_WP_SPPT": "SITI RAHMAWATI",
        "LUAS_BUMI_SPPT": "90",
        "LUAS_BNG_SPPT": "72",
        "NJOP_BUMI_SPPT": "1000000",
        "NJOP_BNG_SPPT": "500000",
        "NJOP_SPPT": "1500000",
        "NJOPTKP_SPPT": "15000000",
        "PBB_TERHUTANG_SPPT": "1500",
        "FAKTOR_PENGURANG_SPPT": "0",
        "PBB_YG_HARUS_DIBAYAR_SPPT": "1500",
        "STATUS_PEMBAYARAN_SPPT": "0",
        "TGL_TERBIT_SPPT": "10-01-2025",
        "TGL_JATUH_TEMPO_SPPT": "30-09-2025",
        "PEMBAYARAN": (),
    }
    return row | changed


def payment_row(**changed: object) -> dict[str, object]:
    return {
        "PEMBAYARAN_SPPT_KE": "1",
        "DENDA_SPPT": "0",
        "JML_SPPT_YG_DIBAYAR": "1500",
        "TGL_PEMBAYARAN_SPPT": "01-09-2025",
        "NO_BUKTI": "7320251",
        "DIBATALKAN": "0",
    } | changed


def one_object(**changed: object) -> TaxObject:
    found = tax_objects(SoapReply(content={"kode": "00", "objek": (object_row(**changed),)}), SITI)  # type: ignore[dict-item]  # rows here hold what an agency might send, well typed or not
    assert found is not None
    return found[0]


def one_bill(**changed: object) -> TaxBill:
    return one_object(SPPT=(bill_row(**changed),)).bills[0]


def one_payment(**changed: object) -> TaxPayment:
    return one_bill(PEMBAYARAN=(payment_row(**changed),)).payments[0]


class TestRecordedAnswers:
    def test_sitis_home_and_shop(self) -> None:
        found = mapped(recorded("siti"))
        assert found is not None
        home, shop = found
        assert (home.nop, home.owner, home.taxpayer_name) == ("317302000300300410", SITI, "Siti Rahmawati")
        assert (home.address, home.region_code) == ("Jl. Kenanga No. 12, RT 004/RW 002, Gambir", "31.71.01.1001")
        assert (home.land_area, home.building_area) == (90, 72)
        assert [bill.year for bill in home.bills] == [2026, 2025, 2024, 2023, 2022, 2021]
        assert home.bills[0] == TaxBill(
            nop=home.nop,
            owner=SITI,
            year=2026,
            land_value=Rupiah(1857240000),
            building_value=Rupiah(115920000),
            assessed_value=Rupiah(1973160000),
            exempt_value=Rupiah(15000000),
            tax=Rupiah(1958160),
            reduction=Rupiah(0),
            amount=Rupiah(1958160),
            status=BillStatus.UNPAID,
            issued_on=date(2026, 7, 1),
            due_on=date(2026, 12, 31),
            payments=(),
        )
        assert home.bills[5].issued_on is None  # 01-01-1900
        assert home.bills[5].payments == (
            TaxPayment(
                owner=SITI,
                sequence=1,
                amount=Rupiah(2109054),
                fine=Rupiah(408204),
                paid_on=date(2022, 9, 6),
                receipt="73202146957367",
                cancelled=False,
            ),
        )

        assert shop.address == "Jl. Café No. 8, RW 007, Rawamangun"  # ISO-8859-1, and RT is nil
        assert (shop.building_area, shop.bills[0].building_value) == (None, 0)  # bare land: 0 and nil
        assert [bill.year for bill in shop.bills if bill.status is BillStatus.UNPAID] == [2025]

    def test_a_payment_taken_back_has_neither_day_nor_receipt_nor_fine(self) -> None:
        found = mapped(recorded("dewi"), owner=DEWI)
        assert found is not None
        taken_back = found[0].bills[4].payments[0]
        assert taken_back == TaxPayment(
            owner=DEWI, sequence=1, amount=Rupiah(1712510), fine=Rupiah(0), paid_on=None, receipt=None, cancelled=True
        )
        assert [payment.cancelled for payment in found[0].bills[4].payments] == [True, False]

    @pytest.mark.parametrize("name", ["unknown_nik", "invalid_nik"])
    def test_unknown_or_not_taken_for_a_nik_is_unknown(self, name: str) -> None:
        assert mapped(recorded(name)) is None

    def test_closed_for_the_night_is_a_no(self) -> None:
        with pytest.raises(AgencyRefused) as caught:
            mapped(recorded("closed"))
        assert caught.value.detail == "kode 68"

    def test_half_an_answer_is_malformed(self) -> None:
        with pytest.raises(AgencyMalformed):
            mapped(recorded("rubbish"))

    @pytest.mark.parametrize(
        ("name", "kind", "detail"),
        [
            ("refused", AgencyRefused, "SOAP fault Client, kode 401"),
            ("server", AgencyUnavailable, "SOAP fault Server, kode 500"),
            ("soap12_shape", AgencyRefused, "SOAP fault Client"),
        ],
    )
    def test_faults(self, name: str, kind: type[AgencyFailure], detail: str) -> None:
        with pytest.raises(kind) as caught:
            mapped((RECORDED / f"pbb_fault_{name}.xml").read_bytes(), status=500)
        assert caught.value.detail == detail


class TestCodes:
    """What `kode` means inside an answer with HTTP 200."""

    @pytest.mark.parametrize("kode", ["00", "0", " 00 "])
    def test_success_without_objects_is_an_empty_list(self, kode: str) -> None:
        assert tax_objects(SoapReply(content={"kode": kode, "objek": ()}), SITI) == ()

    @pytest.mark.parametrize("kode", ["05", "68", "30", "401"])
    def test_a_no_is_refused(self, kode: str) -> None:
        with pytest.raises(AgencyRefused) as caught:
            tax_objects(SoapReply(content={"kode": kode}, retry_after=90), SITI)
        assert (caught.value.detail, caught.value.retry_after) == (f"kode {kode}", 90)

    @pytest.mark.parametrize("kode", ["91", "96", "99", "500"])
    def test_trouble_of_its_own_is_unavailable(self, kode: str) -> None:
        with pytest.raises(AgencyUnavailable) as caught:
            tax_objects(SoapReply(content={"kode": kode}), SITI)
        assert caught.value.detail == f"kode {kode}"

    @pytest.mark.parametrize("kode", [None, "", "OK", SITI])
    def test_without_a_code_the_answer_is_malformed(self, kode: str | None) -> None:
        with pytest.raises(AgencyMalformed) as caught:
            tax_objects(SoapReply(content={"kode": kode}), SITI)
        assert caught.value.detail == "the answer has no kode"

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("Client", AgencyRefused),
            ("Client.Authentication", AgencyRefused),
            ("Server", AgencyUnavailable),
            ("Server.Database", AgencyUnavailable),
            ("MustUnderstand", AgencyUnavailable),
            ("unreadable", AgencyUnavailable),
        ],
    )
    def test_a_fault_says_whose_side_it_is_on(self, code: str, kind: type[AgencyFailure]) -> None:
        seen = failure_of_fault(SoapFault(code=code, detail={"kode": SITI, "keterangan": f"NIK {SITI}"}), 5)
        assert type(seen) is kind
        assert (seen.detail, seen.retry_after) == (f"SOAP fault {code}", 5)


class TestQuirks:
    """AGENCIES.md, quirk sheet: how PBB systems write things."""

    @pytest.mark.parametrize("money", ["1234567", "1.234.567", "1234567.00", "Rp1.234.567", " 1,234,567 "])
    def test_money(self, money: str) -> None:
        assert one_bill(PBB_YG_HARUS_DIBAYAR_SPPT=money).amount == 1234567

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("30-09-2025", date(2025, 9, 30)), ("01-01-1900", None), ("", None), ("-", None), (None, None)],
    )
    def test_days(self, written: str | None, meant: date | None) -> None:
        assert one_bill(TGL_JATUH_TEMPO_SPPT=written).due_on == meant

    @pytest.mark.parametrize("nothing", [None, "", "-", "0"])
    def test_amounts_that_may_be_missing_are_zero(self, nothing: str | None) -> None:
        bill = one_bill(
            NJOP_BNG_SPPT=nothing, FAKTOR_PENGURANG_SPPT=nothing, PEMBAYARAN=(payment_row(DENDA_SPPT=nothing),)
        )
        assert (bill.building_value, bill.reduction, bill.payments[0].fine) == (0, 0, 0)

    def test_a_number_whose_leading_zeros_were_lost_is_padded_again(self) -> None:
        lost = {"KD_KECAMATAN": "20", "KD_KELURAHAN": "3", "KD_BLOK": "3", "NO_URUT": "41"}
        assert one_object(**lost).nop == one_bill(**lost).nop == "317302000300300410"

    def test_bills_come_newest_first_and_payments_in_order_whatever_the_agencys_order(self) -> None:
        found = one_object(
            SPPT=(
                bill_row(THN_PAJAK_SPPT="2024", NM_WP_SPPT="LAMA", LUAS_BNG_SPPT="10"),
                bill_row(
                    PEMBAYARAN=tuple(payment_row(PEMBAYARAN_SPPT_KE=number) for number in ("10", "2", "1")),
                ),
                bill_row(THN_PAJAK_SPPT="1999"),
            )
        )
        assert [bill.year for bill in found.bills] == [2025, 2024, 1999]
        assert [payment.sequence for payment in found.bills[0].payments] == [1, 2, 10]
        assert (found.taxpayer_name, found.building_area) == ("Siti Rahmawati", 72)

    def test_an_object_without_bills_knows_neither_taxpayer_nor_areas(self) -> None:
        bare = one_object()
        assert (bare.taxpayer_name, bare.land_area, bare.building_area, bare.bills) == (None, None, None, ())

    @pytest.mark.parametrize(
        ("changed", "address"),
        [
            ({}, "Jl. Melati No. 5, RT 003/RW 007, Gambir"),
            ({"RT_OP": None}, "Jl. Melati No. 5, RW 007, Gambir"),
            ({"RT_OP": "000", "RW_OP": "-"}, "Jl. Melati No. 5, Gambir"),
            ({"JALAN_OP": "-", "RT_OP": "", "RW_OP": "", "NM_KELURAHAN_OP": None}, None),
            ({"JALAN_OP": "GANG  RENÉ"}, "Gang René, RT 003/RW 007, Gambir"),
        ],
    )
    def test_addresses(self, changed: dict[str, object], address: str | None) -> None:
        assert one_object(**changed).address == address

    @pytest.mark.parametrize(
        ("code", "meant"),
        [("31.71.01.1001", "31.71.01.1001"), ("3171011001", "31.71.01.1001"), (None, None), ("-", None)],
    )
    def test_the_region_is_the_kemendagri_code_and_never_derived_from_the_nop(
        self, code: str | None, meant: str | None
    ) -> None:
        assert one_object(KD_KEMENDAGRI=code).region_code == meant

    def test_a_receipt_that_is_a_dash_is_none(self) -> None:
        assert one_payment(NO_BUKTI="-").receipt is None

    @pytest.mark.parametrize(
        "changed",
        [
            {"NO_URUT": "00041"},
            {"KD_BLOK": None},
            {"KD_BLOK": "A01"},
            {"KD_KEMENDAGRI": "DKI"},
            {"SPPT": (bill_row(THN_PAJAK_SPPT="dua ribu"),)},
            {"SPPT": (bill_row(NJOP_SPPT=None),)},
            {"SPPT": (bill_row(NJOP_SPPT="banyak"),)},
            {"SPPT": (bill_row(STATUS_PEMBAYARAN_SPPT="9"),)},
            {"SPPT": (bill_row(STATUS_PEMBAYARAN_SPPT=None),)},
            {"SPPT": (bill_row(TGL_TERBIT_SPPT="31-02-2025"),)},
            {"SPPT": (bill_row(LUAS_BUMI_SPPT="luas"),)},
            {"SPPT": (bill_row(NM_WP_SPPT=("a", "b")),)},
            {"SPPT": (bill_row(PEMBAYARAN=(payment_row(DIBATALKAN="Y"),)),)},
            {"SPPT": (bill_row(PEMBAYARAN=(payment_row(JML_SPPT_YG_DIBAYAR=""),)),)},
        ],
    )
    def test_what_cannot_be_read_is_malformed_and_not_echoed(self, changed: dict[str, object]) -> None:
        with pytest.raises(AgencyMalformed) as caught:
            one_object(**changed)
        assert caught.value.detail.startswith("GetObjekByNik: a value is not readable as a")
        for value in ("00041", "dua ribu", "banyak", "31-02-2025", "DKI", "luas"):
            assert value not in f"{caught.value} {caught.value!r} {caught.value.detail}"


class TestFanOut:
    async def test_one_call_a_person_at_most_so_many_at_once_and_one_broken_answer_costs_that_person_only(self) -> None:
        under_way, most = 0, 0

        async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            writer.write(reply(200, b"<html>" if DEWI.encode() in asked.body else recorded("siti")))

        async with served(script, at_once=3) as tax:
            niks = [SITI, BUDI, DEWI, AGUS, NOBODY, RICH]
            answers = await tax.objects_of(niks, call())

        assert most == 3
        assert list(answers) == niks
        assert {nik for nik, answer in answers.items() if isinstance(answer, AgencyMalformed)} == {DEWI}
        found = answers[RICH]
        assert not isinstance(found, AgencyFailure)
        assert [held.owner for held in found] == [RICH, RICH]


@pytest.fixture
async def tax(pbb: RunningAgency) -> AsyncIterator[PropertyTax]:
    """The connector to the running agency, whose counters are at 0."""
    connector = connected(address(pbb))
    pbb.reset_calls()
    yield connector
    await connector.close()


class TestRealAgency:
    async def test_sample_people(self, tax: PropertyTax, pbb: RunningAgency) -> None:
        answers = await tax.objects_of([SITI, BUDI, DEWI, AGUS, NOBODY], call())

        assert answers == {SITI: mapped(recorded("siti")), DEWI: mapped(recorded("dewi"), owner=DEWI)}
        assert pbb.calls() == {"GetObjekByNik": 5}

    async def test_fifty_people_get_what_the_tax_roll_says(self, tax: PropertyTax, pbb: RunningAgency) -> None:
        roll = pbb_data.tax_roll(people())
        owners = sorted(roll.by_nik)[:35]
        others = sorted(nik for nik in people().by_nik if nik not in roll.by_nik)[:15]
        answers = await tax.objects_of([Nik(nik) for nik in (*owners, *others)], call())

        assert list(answers) == owners
        assert pbb.calls() == {"GetObjekByNik": 50}
        for nik, found in answers.items():
            assert not isinstance(found, AgencyFailure)
            assert [told(held) for held in found] == [expected(held) for held in roll.by_nik[nik]]

    async def test_no_keys_ask_nothing(self, tax: PropertyTax, pbb: RunningAgency) -> None:
        assert await tax.objects_of([], call()) == {}
        assert pbb.calls() == {}

    async def test_the_probe_asks_once_and_for_nobody(self, tax: PropertyTax, pbb: RunningAgency) -> None:
        await tax.probe(call())
        assert pbb.calls() == {"GetObjekByNik": 1}

    @pytest.mark.parametrize(
        ("mode", "kind"),
        [("error", AgencyUnavailable), ("rubbish", AgencyMalformed), ("refuse", AgencyRefused)],
    )
    async def test_an_agency_in_trouble(
        self, tax: PropertyTax, pbb: RunningAgency, mode: str, kind: type[AgencyFailure]
    ) -> None:
        with pbb.in_mode(mode):
            answers = await tax.objects_of([SITI, DEWI], call())
            with pytest.raises(kind):
                await tax.probe(call())

        assert list(answers) == [SITI, DEWI]
        for failure in answers.values():
            assert type(failure) is kind
            assert_tells_nothing(failure, pbb)
        assert isinstance((await tax.objects_of([SITI], call()))[SITI], tuple)

    async def test_a_slow_agency_is_a_timeout_within_the_deadline(self, tax: PropertyTax, pbb: RunningAgency) -> None:
        began = monotonic()
        with pbb.in_mode("slow"):
            answers = await tax.objects_of([SITI, DEWI], call(0.3))
        assert monotonic() - began < 2
        assert [type(failure) for failure in answers.values()] == [AgencyTimeout, AgencyTimeout]

    async def test_wrong_credentials_are_refused(self, pbb: RunningAgency) -> None:
        connector = connected(address(pbb), secret="salah-sekali")
        answers = await connector.objects_of([SITI], call())
        await connector.close()
        assert type(answers[SITI]) is AgencyRefused
        assert_tells_nothing(answers[SITI], pbb)
        assert "salah-sekali" not in repr(answers[SITI])

    async def test_the_same_connector_serves_again_after_the_agency_was_down(self, tmp_path: Path) -> None:
        with started("pbb", tmp_path) as agency:
            connector = connected(address(agency))
            before = await connector.objects_of([SITI], call())
            agency.stop()
            down = await connector.objects_of([SITI], call())
            agency.start_again()
            after = await connector.objects_of([SITI], call())
            await connector.close()

        assert type(down[SITI]) is AgencyUnavailable
        assert_tells_nothing(down[SITI], agency)
        assert after == before == {SITI: mapped(recorded("siti"))}

    def test_our_copy_of_the_wsdl_is_the_one_the_agency_publishes(self, pbb: RunningAgency) -> None:
        with urllib.request.urlopen(f"{address(pbb)}?wsdl") as published:  # noqa: S310 - the sandbox on loopback
            assert canonical(published.read()) == canonical(WSDL.read_bytes())


@asynccontextmanager
async def served(script: Script, *, at_once: int) -> AsyncIterator[PropertyTax]:
    async with wire(script) as server:
        connector = connected(server.url, at_once=at_once)
        try:
            yield connector
        finally:
            await connector.close()


def told(held: TaxObject) -> object:
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


def expected(held: pbb_data.TaxObject) -> object:
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
