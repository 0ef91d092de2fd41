from datetime import date

import pytest

from connectors.drivers.soap.replies import SoapFault, SoapReply
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.identifiers import Rupiah
from records.tax import BillStatus, TaxBill, TaxObject, TaxPayment
from tests.connectors.pbb_answers import DEWI, RECORDED, SITI, load_recorded, map_reply, tax_objects


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
    found = tax_objects(SoapReply(content={"kode": "00", "objek": (object_row(**changed),)}))  # type: ignore[dict-item]  # rows here hold what an agency might send, well typed or not
    assert found is not None
    return found[0]


def one_bill(**changed: object) -> TaxBill:
    return one_object(SPPT=(bill_row(**changed),)).bills[0]


def one_payment(**changed: object) -> TaxPayment:
    return one_bill(PEMBAYARAN=(payment_row(**changed),)).payments[0]


class TestRecordedAnswers:
    def test_sitis_home_and_shop(self) -> None:
        found = map_reply(load_recorded("siti"))
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

    def test_a_cancelled_payment_has_no_date_receipt_or_fine(self) -> None:
        found = map_reply(load_recorded("dewi"), owner=DEWI)
        assert found is not None
        taken_back = found[0].bills[4].payments[0]
        assert taken_back == TaxPayment(
            owner=DEWI, sequence=1, amount=Rupiah(1712510), fine=Rupiah(0), paid_on=None, receipt=None, cancelled=True
        )
        assert [payment.cancelled for payment in found[0].bills[4].payments] == [True, False]

    @pytest.mark.parametrize("name", ["unknown_nik", "invalid_nik"])
    def test_an_unknown_or_invalid_nik_is_unknown(self, name: str) -> None:
        assert map_reply(load_recorded(name)) is None

    def test_closing_hours_are_a_refusal(self) -> None:
        with pytest.raises(AgencyRefused) as caught:
            map_reply(load_recorded("closed"))
        assert caught.value.detail == "kode 68"

    def test_a_truncated_answer_is_malformed(self) -> None:
        with pytest.raises(AgencyMalformed):
            map_reply(load_recorded("rubbish"))

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
            map_reply((RECORDED / f"pbb_fault_{name}.xml").read_bytes(), status=500)
        assert caught.value.detail == detail


class TestCodes:
    """What `kode` means inside an answer with HTTP 200."""

    @pytest.mark.parametrize("kode", ["00", "0", " 00 "])
    def test_success_without_objects_is_an_empty_list(self, kode: str) -> None:
        assert tax_objects(SoapReply(content={"kode": kode, "objek": ()})) == ()

    @pytest.mark.parametrize("kode", ["05", "68", "30", "401"])
    def test_a_refusal_code_is_a_refusal(self, kode: str) -> None:
        with pytest.raises(AgencyRefused) as caught:
            tax_objects(SoapReply(content={"kode": kode}, retry_after=90))
        assert (caught.value.detail, caught.value.retry_after) == (f"kode {kode}", 90)

    @pytest.mark.parametrize("kode", ["91", "96", "99", "500"])
    def test_an_internal_error_of_the_agency_is_unavailable(self, kode: str) -> None:
        with pytest.raises(AgencyUnavailable) as caught:
            tax_objects(SoapReply(content={"kode": kode}))
        assert caught.value.detail == f"kode {kode}"

    @pytest.mark.parametrize("kode", [None, "", "OK", SITI])
    def test_without_a_code_the_answer_is_malformed(self, kode: str | None) -> None:
        with pytest.raises(AgencyMalformed) as caught:
            tax_objects(SoapReply(content={"kode": kode}))
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
    def test_a_fault_of_the_caller_is_a_refusal_and_of_the_agency_a_failure(
        self, code: str, kind: type[AgencyFailure]
    ) -> None:
        fault = SoapFault(code=code, detail={"kode": SITI, "keterangan": f"NIK {SITI}"})
        with pytest.raises(kind) as caught:
            tax_objects(SoapReply(content=fault, retry_after=5))
        assert type(caught.value) is kind
        assert (caught.value.detail, caught.value.retry_after) == (f"SOAP fault {code}", 5)


class TestQuirks:
    """The quirks of PBB systems."""

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

    def test_bills_and_payments_are_sorted_in_any_agency_order(self) -> None:
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

    def test_an_object_without_bills_has_no_taxpayer_and_areas(self) -> None:
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

    def test_a_dash_as_receipt_is_read_as_none(self) -> None:
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
    def test_an_unreadable_value_is_malformed_and_not_echoed(self, changed: dict[str, object]) -> None:
        with pytest.raises(AgencyMalformed) as caught:
            one_object(**changed)
        assert caught.value.detail.startswith("not readable as ")
        for value in ("00041", "dua ribu", "banyak", "31-02-2025", "DKI", "luas"):
            assert value not in f"{caught.value} {caught.value!r} {caught.value.detail}"
