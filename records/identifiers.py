"""Plain types of records: numbers and codes that identify people, land and businesses, money, partial dates."""

from __future__ import annotations

from typing import NewType

Nik = NewType("Nik", str)
"""Nomor Induk Kependudukan, 16 digits: the number of a resident, for life (UU 24/2013, article 13)."""

FamilyCardNumber = NewType("FamilyCardNumber", str)
"""Nomor Kartu Keluarga, 16 digits: the number of a family card, and so of a household."""

Nop = NewType("Nop", str)
"""Nomor Objek Pajak, 18 digits without separators: the number of a taxed piece of land (PER-12/PJ/2010)."""

Nib = NewType("Nib", str)
"""Nomor Induk Berusaha, 13 digits: the number of a registered business."""

RegionCode = NewType("RegionCode", str)
"""Dotted Kemendagri code: `31`, `31.71`, `31.71.01` or `31.71.01.1001`. Never a BPS or PBB code."""

Rupiah = NewType("Rupiah", int)
"""An amount of money in whole Rupiah."""

PartialDate = NewType("PartialDate", str)
"""A year, a month or a day (ISO 8601 with reduced precision): `2019`, `2019-06` or `2019-06-05`."""
