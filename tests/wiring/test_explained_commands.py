"""`explain` shows what a mutation accepts: the agencies that take it, their lookup class, and what it invalidates."""

from __future__ import annotations

from typing import Any

import pytest

from engine.command import Command, FormerPayload
from records.complaints import NewComplaint
from resolvers.complaints import Complaints
from tests.fakes.city import build_city
from wiring.schema_tools import explain_operation

SUBMIT = """
mutation {
  submitComplaint(complaint: { categoryCode: "1202", description: "Lampu mati." }, key: "1") {
    ... on CommandReceipt { number }
  }
}
"""
STRICT = {"driver": "open311", "url": "https://crm.example/v2", "visibility": "private"}


@pytest.mark.parametrize(("changes", "lookup"), [({}, "reference"), ({"crm": {"wire": STRICT, "records": {}}}, "none")])
def test_a_mutation_names_agency_lookup_class_and_what_it_invalidates(changes: Any, lookup: str) -> None:  # noqa: ANN401 - tables
    city = build_city(changes=changes)
    plan, _ = explain_operation(SUBMIT, city=city, operation_name=None, variables={})
    assert (
        f"submitComplaint  <- submit_complaints  the hub itself: accepts submit_complaint for crm (lookup {lookup}), "
        "invalidates answers about the person"
    ) in plan


def test_a_former_form_must_be_of_an_earlier_version() -> None:
    former = {1: FormerPayload(record=NewComplaint, upgrade=lambda record: record)}
    with pytest.raises(ValueError, match="has version 1, so former forms must have lower ones"):
        Command(name="submit_complaint", domain=Complaints, payload=NewComplaint, former=former)
