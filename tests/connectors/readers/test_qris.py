"""QRIS codes: only a whole code with the right checksum is one."""

from __future__ import annotations

import pytest

from connectors.readers.qris import qris
from connectors.readers.unreadable import UnreadableError

# Of a property tax bill; npm's and PyPI's readers of QRIS accept it.
CODE = (
    "00020101021226700017ID.CO.BANKDKI.WWW0119936001110000000001102150000000000000010303UKE51440014ID.CO.QRIS.WWW"
    "0215ID10200000000010303UKE520493115303360540712345675802ID5919BAPENDA DKI JAKARTA6013JAKARTA PUSAT6105101106"
    "2290125PBB202531720100010010001063040779"
)


def test_a_whole_code_is_read() -> None:
    assert qris(CODE) == CODE
    assert qris("") is None
    assert qris(None) is None


@pytest.mark.parametrize(
    "code",
    [
        CODE.replace("1234567", "1234568"),
        CODE.replace("BAPENDA", "BAPENDX"),
        CODE[:-1],
        CODE + "0",
        CODE[6:],
        CODE.replace("5802ID", "5802SG"),
        "000201",
        "https://pay.example",
        "00020163040000",
    ],
    ids=["amount", "merchant", "cut", "longer", "no start", "another country", "start only", "address", "checksum"],
)
def test_a_damaged_or_another_code_is_not(code: str) -> None:
    with pytest.raises(UnreadableError, match="a QRIS code"):
        qris(code)
