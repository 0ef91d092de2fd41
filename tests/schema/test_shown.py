"""What a document shows, read off the graph."""

from __future__ import annotations

import pytest

from schema.shown import ShownField, shown_fields
from tests.small_hub import city_schema


def test_every_field_is_known_by_its_way_in_the_documents_order() -> None:
    shown = shown_fields(city_schema(), "query A { me { mine: taxObjects { nop bills { paid status } } nik } }")
    assert list(shown.items()) == [
        (("me",), ShownField("Query.me", "Citizen", is_leaf=False)),
        (("me", "mine"), ShownField("Citizen.taxObjects", "TaxObject", is_leaf=False)),
        (("me", "mine", "nop"), ShownField("TaxObject.nop", "NOP", is_leaf=True)),
        (("me", "mine", "bills"), ShownField("TaxObject.bills", "TaxBill", is_leaf=False)),
        (("me", "mine", "bills", "paid"), ShownField("TaxBill.paid", "Rupiah", is_leaf=True)),
        (("me", "mine", "bills", "status"), ShownField("TaxBill.status", "BillStatus", is_leaf=True)),
        (("me", "nik"), ShownField("Citizen.nik", "NIK", is_leaf=True)),
    ]


def test_a_document_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        shown_fields(city_schema(), "{ me { nothing } }")
