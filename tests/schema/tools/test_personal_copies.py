"""Records that may not be copied into a snapshot."""

from __future__ import annotations

import pytest

from records.complaints import ComplaintCategory
from records.msmes import Msme
from records.prices import Commodity, Market
from records.tax import TaxBill
from schema.builder import build_schema, get_graphql_schema
from schema.tools.personal_copies import PersonalCopyError, refuse_personal_copies

SCHEMA = get_graphql_schema(build_schema())


def test_public_records_may_be_copied() -> None:
    refuse_personal_copies({"a": Market, "b": Commodity, "c": ComplaintCategory}, SCHEMA)


@pytest.mark.parametrize(("record", "field"), [(Msme, "Msme."), (TaxBill, "TaxBill.")])
def test_a_record_with_a_field_that_is_not_public_is_refused(record: type, field: str) -> None:
    with pytest.raises(PersonalCopyError) as refused:
        refuse_personal_copies({"market": Market, "agencies/x.toml: snapshots.people": record}, SCHEMA)
    assert str(refused.value).startswith(f"agencies/x.toml: snapshots.people: {field}")
