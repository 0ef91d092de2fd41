"""The values of a taxed object that need Python: three come from its newest bill, and the address is put together.

Columns are those of SISMIOP, the tax offices' system. A manifest declares everything else.
"""

from __future__ import annotations

from connectors.readers.names import person_name, to_ordinary_case
from connectors.readers.numbers import whole_number
from connectors.readers.rows import Row
from connectors.readers.texts import text


def read_taxpayer_name(bills: object) -> str | None:
    """The taxpayer on the newest bill. Raises `UnreadableError`."""
    name = text(_find_newest(bills).get("NM_WP_SPPT"))
    return name and person_name(name)


def read_land_area(bills: object) -> int | None:
    """Square metres of land on the newest bill; None for 0. Raises `UnreadableError`."""
    return whole_number(_find_newest(bills).get("LUAS_BUMI_SPPT")) or None


def read_building_area(bills: object) -> int | None:
    """Square metres of the building on the newest bill; None for 0, or no building. Raises `UnreadableError`."""
    return whole_number(_find_newest(bills).get("LUAS_BNG_SPPT")) or None


def read_address(street: object, unit: object, community: object, village: object) -> str | None:
    """An address from street, RT, RW and kelurahan: `Jl. Melati No. 5, RT 003/RW 007, Gambir`."""
    block = "/".join(
        f"{kind} {number}"
        for kind, raw in (("RT", unit), ("RW", community))
        if (number := text(raw)) and number.strip("0")
    )
    named = [to_ordinary_case(each) if (each := text(raw)) else "" for raw in (street, village)]
    return ", ".join(part for part in (named[0], block, named[1]) if part) or None


def _find_newest(bills: object) -> Row:
    """The bill of the last year, whatever their order; an empty one without bills."""
    listed = [each for each in bills if isinstance(each, dict)] if isinstance(bills, tuple | list) else []
    return max(listed, key=lambda each: str(each.get("THN_PAJAK_SPPT") or "").strip(), default={})
