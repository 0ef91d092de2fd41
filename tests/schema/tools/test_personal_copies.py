"""Records that may not be copied into a snapshot in plain text."""

from __future__ import annotations

import pytest

from connectors.declared.snapshot.personal_records import is_personal
from records.complaints import ComplaintCategory
from records.msmes import Msme
from records.prices import Commodity, Market
from records.tax import TaxBill
from schema.builder import build_schema, get_graphql_schema
from schema.tools.personal_copies import UnsealedCopyError, list_personal_records, refuse_unsealed_copies

SCHEMA = get_graphql_schema(build_schema())


def test_public_records_may_be_copied_in_plain_text() -> None:
    refuse_unsealed_copies({"a": Market, "b": Commodity, "c": ComplaintCategory}, SCHEMA)


@pytest.mark.parametrize(("record", "field"), [(Msme, "Msme."), (TaxBill, "TaxBill.")])
def test_a_record_in_plain_text_with_a_field_that_is_not_public_is_refused(record: type, field: str) -> None:
    with pytest.raises(UnsealedCopyError) as refused:
        refuse_unsealed_copies({"market": Market, "agencies/x.toml: snapshots.people": record}, SCHEMA)
    assert str(refused.value).startswith(f"agencies/x.toml: snapshots.people: {field}")


def test_every_record_of_an_agency_with_a_field_that_is_not_public_says_itself_that_it_is_personal() -> None:
    of_agencies = [each for each in list_personal_records(SCHEMA) if not each.__module__.startswith("records.hub")]
    assert len(of_agencies) > 10
    assert [each.__name__ for each in of_agencies if not is_personal(each)] == []
