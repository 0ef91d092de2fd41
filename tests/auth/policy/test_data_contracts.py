"""Data contracts with agencies: their syntax, and the faults of agencies whose data they do not cover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from auth.policy.access_policy import AccessPolicy, parse_purposes
from auth.policy.data_contracts import (
    REVIEW_WARNING_PERIOD,
    ContractReview,
    DataContract,
    MissingAssessment,
    require_assessments,
    review_contracts,
)
from auth.policy.rules import Classification
from records.purposes import Purpose
from schema.tools.holdings import get_held_classes
from settings.city.folder import DEFAULT_CITY, load_city
from tests.fakes.city import build_policy
from tests.schema.requests import build_engine

TODAY = date(2026, 11, 25)
PERSONAL, FINANCE, HEALTH = Classification.PERSONAL, Classification.FINANCE, Classification.HEALTH
POLICY = build_policy()
HELD = {"pbb": frozenset({PERSONAL, FINANCE})}
WHOLE = {
    "steward": "Bapenda",
    "purposes": ["TAX_ASSESSMENT"],
    "retention": "Nothing is kept.",
    "assessment": {
        "id": "DPIA-1",
        "decided_on": "2026-09-14",
        "decided_by": "DPO",
        "review_by": "2027-09-13",
        "residual_risk": "low",
        "classes": ["PERSONAL", "FINANCE"],
    },
}


def contract_with_assessment(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - any member
    return {**WHOLE, "assessment": {**WHOLE["assessment"], **given}}  # type: ignore[dict-item]  # a table


def contract(**given: Any) -> Mapping[str, DataContract]:  # noqa: ANN401 - any member
    return {"pbb": DataContract.model_validate(contract_with_assessment(**given))}


def get_single_review(found: Any) -> ContractReview:  # noqa: ANN401 - what was judged
    (judgement,) = found
    assert isinstance(judgement, ContractReview)
    return judgement


def test_a_contract_is_loaded_with_all_its_values() -> None:
    read = DataContract.model_validate(WHOLE)
    assert (read.steward, read.purposes) == ("Bapenda", (Purpose.TAX_ASSESSMENT,))
    assert (read.assessment.review_by, read.assessment.classes) == (date(2027, 9, 13), (PERSONAL, FINANCE))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"agency": "pbb"}, "agency\n"),
        ({"steward": 5}, "steward"),
        ({"purposes": ["CURIOSITY"]}, "purposes.0"),
        ({"purposes": []}, "purposes"),
        ({"colour": "blue"}, "colour"),
        (
            contract_with_assessment(classes=["PUBLIC"]),
            "'PUBLIC' is not a class of personal data; choose one of PERSONAL, HEALTH",
        ),
        (contract_with_assessment(classes=[]), "assessment.classes"),
        (contract_with_assessment(residual_risk="none"), "assessment.residual_risk"),
        (contract_with_assessment(review_by="2026-09-14"), "review_by: it must be later than decided_on"),
        (contract_with_assessment(decided_on="soon"), "assessment.decided_on"),
    ],
)
def test_a_fault_is_reported_with_its_place(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        DataContract.model_validate({**WHOLE, **given})
    assert expected in str(refusal.value)


def test_an_assessment_that_covers_the_agencys_data_is_accepted() -> None:
    found = get_single_review(review_contracts(contract(), HELD, POLICY, TODAY))
    assert (found.agency, found.classes, found.fault, found.warnings) == ("pbb", (PERSONAL, FINANCE), None, ())
    require_assessments([found])


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"review_by": "2026-11-24"}, "the impact assessment DPIA-1 of 'pbb' expired on 2026-11-24"),
        ({"decided_on": "2026-11-26"}, "the impact assessment DPIA-1 of 'pbb' is dated 2026-11-26, in the future"),
        ({"classes": ["PERSONAL", "HEALTH"]}, "the impact assessment DPIA-1 of 'pbb' does not cover FINANCE data"),
        ({"classes": ["HEALTH"]}, "the impact assessment DPIA-1 of 'pbb' does not cover PERSONAL, FINANCE data"),
    ],
)
def test_an_invalid_assessment_is_a_fault(given: dict[str, Any], fault: str) -> None:
    found = review_contracts(contract(**given), HELD, POLICY, TODAY)
    assert get_single_review(found).fault == fault
    with pytest.raises(MissingAssessment, match="article 34"):
        require_assessments(found)


def test_every_fault_is_reported_together() -> None:
    held = {**HELD, "dukcapil": frozenset({PERSONAL, HEALTH})}
    with pytest.raises(MissingAssessment) as refusal:
        require_assessments(review_contracts({}, held, POLICY, TODAY))
    assert str(refusal.value).startswith(
        "the agency 'dukcapil' has no data contract, but the graph has PERSONAL, HEALTH data of it; "
        "the agency 'pbb' has no data contract, but the graph has PERSONAL, FINANCE data of it. "
    )


def test_an_assessment_is_valid_on_its_last_day_and_warns_a_month_before() -> None:
    for left, expected in (
        (timedelta(0), True),
        (REVIEW_WARNING_PERIOD, True),
        (REVIEW_WARNING_PERIOD + timedelta(days=1), False),
    ):
        found = get_single_review(review_contracts(contract(review_by=str(TODAY + left)), HELD, POLICY, TODAY))
        assert found.fault is None
        assert bool(found.warnings) is expected


def test_public_data_needs_no_contract_and_an_unneeded_contract_is_a_warning() -> None:
    assert review_contracts({}, {}, POLICY, TODAY) == []
    found = get_single_review(review_contracts(contract(), {}, POLICY, TODAY))
    assert found.fault is None
    assert found.warnings == ("the agency 'pbb' has a data contract, but the graph has no personal data of it",)


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        (("pbb:TAX_ASSESSMENT",), None),
        (("pbb/kasir:TAX_ASSESSMENT", "crm:HEALTHCARE", "pbbx:HEALTHCARE", "partners:PAYMENT"), None),
        (("pbb:TAX_ASSESSMENT,PAYMENT",), "PAYMENT"),
        (("pbb:TAX_ASSESSMENT", "pbb/kasir:PAYMENT", "pbb/loket:SUBJECT_REQUEST"), "SUBJECT_REQUEST, PAYMENT"),
    ],
    ids=["as agreed", "others state more", "the agency", "roles of it"],
)
def test_purposes_missing_in_the_contract_are_warnings_but_no_faults(lines: tuple[str, ...], more: str | None) -> None:
    found = get_single_review(review_contracts(contract(), HELD, AccessPolicy(purposes=parse_purposes(lines)), TODAY))
    expected = f"the city's purposes allow officials of 'pbb' to state {more}, which its data contract does not name"
    assert (found.fault, found.warnings) == (None, () if more is None else (expected,))
    require_assessments([found])


def test_the_contracts_of_the_sandbox_cover_its_graph_and_no_more() -> None:
    held = get_held_classes(build_engine().schema)
    assert sorted(held) == sorted(load_city(DEFAULT_CITY).contracts)
    found = review_contracts(load_city(DEFAULT_CITY).contracts, held, POLICY, TODAY)
    assert [(each.agency, each.fault, each.warnings) for each in found] == [(each, None, ()) for each in sorted(held)]
    for each in found:
        assert each.contract is not None
        assert set(each.contract.assessment.classes) == held[each.agency]
