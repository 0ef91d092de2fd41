from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.readers.names import person_name, to_ordinary_case
from connectors.readers.unreadable import UnreadableError


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("SITI RAHMAWATI", "Siti Rahmawati"),
        ("siti rahmawati", "Siti Rahmawati"),
        ("Siti rahmawati", "Siti rahmawati"),
        ("SUHARTO", "Suharto"),
        ("DRG. H. ANDI WIJAYA, S.SOS", "Drg. H. Andi Wijaya, S.Sos"),
        ("PROF. DR. IR. RATNA DEWI, M.KOM, PH.D", "Prof. Dr. Ir. Ratna Dewi, M.Kom, Ph.D"),
        ("DR. MADE SUKERTI, SP.OG", "Dr. Made Sukerti, Sp.OG"),
        ("HJ. NUR'AINI, S.PD.I", "Hj. Nur'aini, S.Pd.I"),
        ("BUDI SANTOSO, SH, MM", "Budi Santoso, SH, MM"),
        ("BUDI SANTOSO,SE", "Budi Santoso,SE"),
        ("DIAN PERMATA, SPD, PHD", "Dian Permata, SPd, PhD"),
        ("KH. AHMAD BIN ABDULLAH", "KH. Ahmad bin Abdullah"),
        ("FATIMAH BINTI UMAR", "Fatimah binti Umar"),
        ("BIN AHMAD", "Bin Ahmad"),
        ("JAN VAN DER BERG", "Jan van der Berg"),
        ("UMAR AL-FARUQ", "Umar Al-Faruq"),
        ("MARIA D'COSTA", "Maria D'Costa"),
        ("M. YUSUF", "M. Yusuf"),
        ("R.A. KARTINI", "R.A. Kartini"),
        ("I GUSTI NGURAH RAI", "I Gusti Ngurah Rai"),
        ("PAKU ALAM VIII", "Paku Alam VIII"),
        ("VIVI", "Vivi"),
        ("", ""),
    ],
)
def test_a_persons_name_is_written_as_on_a_letter(raw: str, expected: str) -> None:
    assert person_name(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("JAKARTA", "Jakarta"),
        ("KEPULAUAN SERIBU", "Kepulauan Seribu"),
        ("DKI JAKARTA", "DKI Jakarta"),
        ("JL. KENANGA NO. 12", "Jl. Kenanga No. 12"),
        ("JL.KENANGA NO.12A BLOK C-4", "Jl.Kenanga No.12A Blok C-4"),
        ("GANG MELATI II", "Gang Melati II"),
        ("KOMPLEK BTN (BLOK A)", "Komplek BTN (Blok A)"),
        ("SLTA/SEDERAJAT", "SLTA/Sederajat"),
        ("DIPLOMA IV/STRATA I", "Diploma IV/Strata I"),
        ("TIDAK/BELUM SEKOLAH", "Tidak/Belum Sekolah"),
        ("TENTARA NASIONAL INDONESIA (TNI)", "Tentara Nasional Indonesia (TNI)"),
        ("KARYAWAN BUMN", "Karyawan BUMN"),
        ("BERAS 5 KG DAN GULA", "Beras 5 kg dan Gula"),
        ("GANG X/XIV", "Gang X/XIV"),
        ("CAFÉ 10M² TOKO²", "Café 10M² TOKO²"),
        ("TOKO D'COSTA NUR'AINI", "Toko D'Costa Nur'aini"),
        ("BERAS 5 KG", "Beras 5 kg"),
        ("KAFÉ SUSU GULA AREN", "Kafé Susu Gula Aren"),
        ("CV MAJU JAYA", "CV Maju Jaya"),
        ("WARUNG KOPI DAN ROTI IBU SITI", "Warung Kopi dan Roti Ibu Siti"),
        ("Warung KOPI", "Warung KOPI"),
        ("", ""),
    ],
)
def test_a_place_or_term_is_written_in_ordinary_capitalisation(raw: str, expected: str) -> None:
    assert to_ordinary_case(raw) == expected


@pytest.mark.parametrize("read", [person_name, to_ordinary_case])
@pytest.mark.parametrize("raw", ["A " * 251, "/A" * 251, "A" * 501, "Aa" * 251])
def test_a_text_too_long_for_a_name_is_unreadable(read: Callable[[str], str], raw: str) -> None:
    assert read("A" * 500) == "A" + "a" * 499
    with pytest.raises(UnreadableError, match=r"^not readable as a name or address of at most 500 characters$"):
        read(raw)
