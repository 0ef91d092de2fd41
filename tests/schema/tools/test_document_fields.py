"""The fields of a document, from the graph."""

from __future__ import annotations

import pytest

from schema.tools.document_fields import DocumentField, list_document_fields
from tests.fakes.small_hub import build_city_schema


def test_fields_are_listed_by_path_in_document_order() -> None:
    shown = list_document_fields(
        build_city_schema(), "query A { me { mine: taxObjects { nop bills { paid status } } nik } }"
    )
    assert list(shown.items()) == [
        (("me",), DocumentField("Query.me", "Citizen", is_leaf=False)),
        (("me", "mine"), DocumentField("Citizen.taxObjects", "TaxObject", is_leaf=False)),
        (("me", "mine", "nop"), DocumentField("TaxObject.nop", "NOP", is_leaf=True)),
        (("me", "mine", "bills"), DocumentField("TaxObject.bills", "TaxBill", is_leaf=False)),
        (("me", "mine", "bills", "paid"), DocumentField("TaxBill.paid", "Rupiah", is_leaf=True)),
        (("me", "mine", "bills", "status"), DocumentField("TaxBill.status", "BillStatus", is_leaf=True)),
        (("me", "nik"), DocumentField("Citizen.nik", "NIK", is_leaf=True)),
    ]


def test_a_document_that_does_not_match_the_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="does not match"):
        list_document_fields(build_city_schema(), "{ me { nothing } }")
