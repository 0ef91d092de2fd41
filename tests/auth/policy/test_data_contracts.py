"""Data contracts with agencies: their syntax, and the faults of agencies whose data they do not cover."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from auth.policy.access_policy import DEFAULT_POLICY, AccessPolicy, parse_purposes
from auth.policy.data_contracts import (
    REVIEW_WARNING_PERIOD,
    ContractReview,
    DataContract,
    MissingAssessment,
    load_contracts,
    require_assessments,
    review_contracts,
)
from auth.policy.rules import Classification
from records.purposes import Purpose
from schema.tools.holdings import get_held_classes
from tests.sandbox_agencies import ROOT
from tests.schema.requests import build_engine

TODAY = date(2026, 11, 25)
PERSONAL, FINANCE, HEALTH = Classification.PERSONAL, Classification.FINANCE, Classification.HEALTH
HELD = {"pbb": frozenset({PERSONAL, FINANCE})}
WHOLE = {
    "agency": "pbb",
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


def write_contracts(folder: Path, *contracts: Any, name: str = "contracts.json") -> Path:  # noqa: ANN401 - JSON
    path = folder / name
    path.write_text(json.dumps({"contract": contracts}))
    return path


def contract_with_assessment(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - any member
    return {**WHOLE, "assessment": {**WHOLE["assessment"], **given}}  # type: ignore[dict-item]  # a table


def contract(folder: Path, **given: Any) -> tuple[DataContract, ...]:  # noqa: ANN401 - any member
    return load_contracts(write_contracts(folder, contract_with_assessment(**given)))


def get_single_review(found: Any) -> ContractReview:  # noqa: ANN401 - what was judged
    (judgement,) = found
    assert isinstance(judgement, ContractReview)
    return judgement


def test_a_contract_is_loaded_with_all_its_values(tmp_path: Path) -> None:
    (read,) = load_contracts(write_contracts(tmp_path, WHOLE))
    assert (read.agency, read.steward, read.purposes) == ("pbb", "Bapenda", (Purpose.TAX_ASSESSMENT,))
    assert (read.assessment.review_by, read.assessment.classes) == (date(2027, 9, 13), (PERSONAL, FINANCE))


def test_a_folder_may_hold_a_file_for_each_agency(tmp_path: Path) -> None:
    write_contracts(tmp_path, {**WHOLE, "agency": "crm"}, name="b.json")
    write_contracts(tmp_path, WHOLE, name="a.json")
    (tmp_path / "readme.md").write_text("no contract")
    assert [each.agency for each in load_contracts(tmp_path)] == ["pbb", "crm"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"agency": ""}, "contract 1, agency"),
        ({"steward": 5}, "contract 1, steward"),
        ({"purposes": ["CURIOSITY"]}, "contract 1, purposes, 1"),
        ({"purposes": []}, "contract 1, purposes"),
        ({"colour": "blue"}, "contract 1, colour"),
        (
            contract_with_assessment(classes=["PUBLIC"]),
            "'PUBLIC' is not a class of personal data; choose one of PERSONAL, HEALTH",
        ),
        (contract_with_assessment(classes=[]), "contract 1, assessment, classes"),
        (contract_with_assessment(residual_risk="none"), "contract 1, assessment, residual_risk"),
        (contract_with_assessment(review_by="2026-09-14"), "review_by: it must be later than decided_on"),
        (contract_with_assessment(decided_on="soon"), "contract 1, assessment, decided_on"),
    ],
)
def test_a_fault_is_reported_with_its_place(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match="the data contracts") as refusal:
        load_contracts(write_contracts(tmp_path, {**WHOLE, **given}))
    assert expected in str(refusal.value)


def test_a_file_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("contract = ")
    for path, expected in (
        (tmp_path / "none.toml", "cannot be read: No such file"),
        (tmp_path / "broken.toml", "invalid TOML"),
        (write_contracts(tmp_path, WHOLE, WHOLE), "the agency 'pbb' occurs 2 times"),
        (write_contracts(tmp_path, name="nothing.json"), "contract"),
    ):
        with pytest.raises(ValueError, match="data contracts") as refusal:
            load_contracts(path)
        assert expected in str(refusal.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no \.toml or \.json file"):
        load_contracts(tmp_path / "empty")


def test_an_assessment_that_covers_the_agencys_data_is_accepted(tmp_path: Path) -> None:
    found = get_single_review(review_contracts(contract(tmp_path), HELD, DEFAULT_POLICY, TODAY))
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
def test_an_invalid_assessment_is_a_fault(tmp_path: Path, given: dict[str, Any], fault: str) -> None:
    found = review_contracts(contract(tmp_path, **given), HELD, DEFAULT_POLICY, TODAY)
    assert get_single_review(found).fault == fault
    with pytest.raises(MissingAssessment, match="article 34"):
        require_assessments(found)


def test_every_fault_is_reported_together() -> None:
    held = {**HELD, "dukcapil": frozenset({PERSONAL, HEALTH})}
    with pytest.raises(MissingAssessment) as refusal:
        require_assessments(review_contracts((), held, DEFAULT_POLICY, TODAY))
    assert str(refusal.value).startswith(
        "the agency 'dukcapil' has no data contract, but the graph has PERSONAL, HEALTH data of it; "
        "the agency 'pbb' has no data contract, but the graph has PERSONAL, FINANCE data of it. "
    )


def test_an_assessment_is_valid_on_its_last_day_and_warns_a_month_before(tmp_path: Path) -> None:
    for left, expected in (
        (timedelta(0), True),
        (REVIEW_WARNING_PERIOD, True),
        (REVIEW_WARNING_PERIOD + timedelta(days=1), False),
    ):
        found = get_single_review(
            review_contracts(contract(tmp_path, review_by=str(TODAY + left)), HELD, DEFAULT_POLICY, TODAY)
        )
        assert found.fault is None
        assert bool(found.warnings) is expected


def test_public_data_needs_no_contract_and_an_unneeded_contract_is_a_warning(tmp_path: Path) -> None:
    assert review_contracts((), {}, DEFAULT_POLICY, TODAY) == []
    found = get_single_review(review_contracts(contract(tmp_path), {}, DEFAULT_POLICY, TODAY))
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
def test_purposes_missing_in_the_contract_are_warnings_but_no_faults(
    tmp_path: Path, lines: tuple[str, ...], more: str | None
) -> None:
    found = get_single_review(
        review_contracts(contract(tmp_path), HELD, AccessPolicy(purposes=parse_purposes(lines)), TODAY)
    )
    expected = f"SIMPUL_PURPOSES allows officials of 'pbb' to state {more}, which its data contract does not name"
    assert (found.fault, found.warnings) == (None, () if more is None else (expected,))
    require_assessments([found])


def test_the_contracts_of_the_sandbox_cover_its_graph_and_no_more() -> None:
    held = get_held_classes(build_engine().schema)
    assert sorted(held) == ["crm", "dukcapil", "jakpreneur", "pbb"]
    found = review_contracts(load_contracts(ROOT / "sandbox" / "contracts.toml"), held, DEFAULT_POLICY, TODAY)
    assert [(each.agency, each.fault, each.warnings) for each in found] == [(each, None, ()) for each in sorted(held)]
    for each in found:
        assert each.contract is not None
        assert set(each.contract.assessment.classes) == held[each.agency]
