"""Data contracts between the city and its agencies, with the impact assessments that personal data needs.

Joining data sets and processing specific data require an assessment beforehand (UU PDP 27/2022, article 34). A
contract is the table `[contract]` of an agency's manifest (`docs/operators/data-contracts.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from auth.policy.access_policy import AccessPolicy
from auth.policy.rules import Classification
from records.purposes import Purpose

REVIEW_WARNING_PERIOD = timedelta(days=30)
"""The time before its review date at which a warning about an assessment begins."""
_CLASSES = {each.name: each for each in Classification if each is not Classification.PUBLIC}


def _parse_class(value: object) -> object:
    if isinstance(value, str):
        if value not in _CLASSES:
            raise ValueError(f"'{value}' is not a class of personal data; choose one of {', '.join(_CLASSES)}")
        return _CLASSES[value]
    return value


def _parse_purpose(value: object) -> object:
    return Purpose[value] if isinstance(value, str) and value in Purpose.__members__ else value


NamedPurpose = Annotated[Purpose, BeforeValidator(_parse_purpose)]
"""A purpose, written by its name."""
ContractText = Annotated[str, Field(min_length=1, max_length=500)]
PersonalDataClass = Annotated[
    Classification, BeforeValidator(_parse_class), WithJsonSchema({"type": "string", "enum": list(_CLASSES)})
]


class _ContractModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Assessment(_ContractModel):
    """A data protection impact assessment (penilaian dampak pelindungan data pribadi, UU PDP 27/2022, article 34)."""

    id: ContractText = Field(description="number of the document")
    decided_on: date = Field(description="date of the decision")
    decided_by: ContractText = Field(description="office and person that decided it")
    review_by: date = Field(description="last day of validity; a new decision is due by then")
    residual_risk: Literal["low", "medium", "high"] = Field(
        description="`low`, `medium` or `high`: the risk for people after all measures"
    )
    classes: tuple[PersonalDataClass, ...] = Field(
        min_length=1, description="covered classes of data: `PERSONAL`, `HEALTH`, `CHILD`, `FINANCE`"
    )

    @model_validator(mode="after")
    def _check_review_date(self) -> Self:
        if self.review_by <= self.decided_on:
            raise ValueError("review_by: it must be later than decided_on")
        return self


class DataContract(_ContractModel):
    """The agreement with one agency."""

    steward: ContractText = Field(description="who is responsible for the data there (walidata)")
    purposes: tuple[NamedPurpose, ...] = Field(
        min_length=1,
        description="allowed [purposes](settings.md#purposes). The city's purposes are checked against this",
    )
    retention: ContractText = Field(description="a sentence about retention")
    assessment: Assessment = Field(description="table: the impact assessment")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReview:
    """The review of one agency."""

    agency: str
    classes: tuple[Classification, ...]
    """The classes of the agency's personal data in the graph."""
    contract: DataContract | None = None
    fault: str | None = None
    """The reason why its data must not be read, if there is one."""
    warnings: tuple[str, ...] = ()
    """Future faults, and contradictions with the settings."""


class MissingAssessment(Exception):  # noqa: N818 - reads as what it is
    """An agency's data would be read without a valid assessment. The text names each such agency, and the fix."""


def review_contracts(
    contracts: Mapping[str, DataContract],
    classes_by_agency: Mapping[str, frozenset[Classification]],
    policy: AccessPolicy,
    today: date,
) -> Sequence[ContractReview]:
    """Review each agency that holds personal data or has a contract, in the order of their codes.

    `classes_by_agency` are the data classes of each agency in the graph. Public data needs no contract. `policy` holds
    the purposes that an agency's officials may state.
    """
    return [
        _review_contract(
            agency,
            contracts.get(agency),
            classes_by_agency.get(agency, frozenset()),
            policy.get_agency_purposes(agency),
            today,
        )
        for agency in sorted({*classes_by_agency, *contracts})
    ]


def _review_contract(
    agency: str,
    contract: DataContract | None,
    held_classes: frozenset[Classification],
    stated_purposes: frozenset[Purpose],
    today: date,
) -> ContractReview:
    classes = tuple(each for each in _CLASSES.values() if each in held_classes)
    fault = _find_fault(agency, contract, classes, today)
    found = [] if contract is None else [_find_unagreed_purposes(agency, contract, stated_purposes)]
    if contract is not None and fault is None:
        found.insert(0, _find_warning(agency, contract, classes, today))
    return ContractReview(
        agency=agency,
        classes=classes,
        contract=contract,
        fault=fault,
        warnings=tuple(each for each in found if each is not None),
    )


def _find_fault(
    agency: str, contract: DataContract | None, classes: Sequence[Classification], today: date
) -> str | None:
    if not classes:
        return None
    if contract is None:
        return f"the agency '{agency}' has no data contract, but the graph has {_join_names(classes)} data of it"
    assessment = contract.assessment
    if assessment.decided_on > today:
        return f"the impact assessment {assessment.id} of '{agency}' is dated {assessment.decided_on}, in the future"
    if assessment.review_by < today:
        return f"the impact assessment {assessment.id} of '{agency}' expired on {assessment.review_by}"
    missing = [each for each in classes if each not in assessment.classes]
    if missing:
        return f"the impact assessment {assessment.id} of '{agency}' does not cover {_join_names(missing)} data"
    return None


def _find_warning(agency: str, contract: DataContract, classes: Sequence[Classification], today: date) -> str | None:
    assessment = contract.assessment
    if not classes:
        return f"the agency '{agency}' has a data contract, but the graph has no personal data of it"
    left = assessment.review_by - today
    if left <= REVIEW_WARNING_PERIOD:
        return f"the impact assessment {assessment.id} of '{agency}' expires on {assessment.review_by}"
    return None


def _find_unagreed_purposes(agency: str, contract: DataContract, stated_purposes: frozenset[Purpose]) -> str | None:
    more = [each.name for each in Purpose if each in stated_purposes and each not in contract.purposes]
    if not more:
        return None
    return (
        f"the city's purposes allow officials of '{agency}' to state {', '.join(more)}, which its data contract"
        " does not name"
    )


def _join_names(classes: Sequence[Classification]) -> str:
    return ", ".join(each.name for each in classes)


def require_assessments(found: Sequence[ContractReview]) -> None:
    """Raise `MissingAssessment` with all faults."""
    faults = [each.fault for each in found if each.fault is not None]
    if faults:
        raise MissingAssessment(
            f"{'; '.join(faults)}. Personal data needs a valid impact assessment that covers it (UU PDP 27/2022,"
            " article 34): write [contract] in the agency's manifest, and check it with `simpul data-contracts check`"
        )
