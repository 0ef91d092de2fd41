"""What the city agreed with each agency about its data, and the impact assessment without which nothing is read.

Joining data sets, and specific data, take an assessment before they are processed (UU PDP 27/2022, article 34). The
contracts stand in files that the operator writes, TOML or JSON of the same shape (`docs/operators/data-contracts.md`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from auth.policy.access_policy import AccessPolicy
from auth.policy.rules import Classification
from records.config_file import read_config_file
from records.purposes import Purpose

REVIEW_WARNING_PERIOD = timedelta(days=30)
"""So long before its review an assessment is told to run out."""
_CLASSES = {each.name: each for each in Classification if each is not Classification.PUBLIC}


def _parse_class(value: object) -> object:
    if isinstance(value, str):
        if value not in _CLASSES:
            raise ValueError(f"'{value}' is no class of personal data; choose of {', '.join(_CLASSES)}")
        return _CLASSES[value]
    return value


def _parse_purpose(value: object) -> object:
    return Purpose[value] if isinstance(value, str) and value in Purpose.__members__ else value


ContractText = Annotated[str, Field(min_length=1, max_length=500)]
PersonalDataClass = Annotated[Classification, BeforeValidator(_parse_class)]


class _ContractModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Assessment(_ContractModel):
    """A data protection impact assessment (penilaian dampak pelindungan data pribadi, UU PDP 27/2022, article 34)."""

    id: ContractText
    """The number of the document."""
    decided_on: date
    """When it was decided."""
    decided_by: ContractText
    """Who decided it: an office, and a person."""
    review_by: date
    """The last day on which it holds; by then it is decided anew."""
    residual_risk: Literal["low", "medium", "high"]
    """What risk is left for people, with everything done against it."""
    classes: Annotated[tuple[PersonalDataClass, ...], Field(min_length=1)]
    """The classes of data that it covers: PERSONAL, HEALTH, CHILD, FINANCE."""

    @model_validator(mode="after")
    def _check_review_date(self) -> Self:
        if self.review_by <= self.decided_on:
            raise ValueError("review_by: it has to lie after decided_on")
        return self


class DataContract(_ContractModel):
    """What was agreed with one agency."""

    agency: ContractText
    """Its code, such as `dukcapil`."""
    steward: ContractText
    """Who answers for the data at the agency (walidata)."""
    purposes: Annotated[tuple[Annotated[Purpose, BeforeValidator(_parse_purpose)], ...], Field(min_length=1)]
    """What the data is read for."""
    retention: ContractText
    """What becomes of it, in a sentence."""
    assessment: Assessment


class _ContractsFile(_ContractModel):
    contract: Annotated[tuple[DataContract, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReview:
    """What is to be said of one agency."""

    agency: str
    classes: tuple[Classification, ...]
    """Which personal data the graph has of it."""
    contract: DataContract | None = None
    fault: str | None = None
    """Why its data may not be read."""
    warnings: tuple[str, ...] = ()
    """What will be a fault soon, or is odd."""


class MissingAssessment(Exception):  # noqa: N818 - reads as what it is
    """An agency's data would be read without an assessment that covers it; the text names each, and the mend."""


def load_contracts(path: Path) -> tuple[DataContract, ...]:
    """The contracts of a file, or of every `.toml` and `.json` file of a folder, in the order of names.

    Raises `ValueError` that names the file and what is wrong with it.
    """
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix in {".toml", ".json"})
        if not files:
            raise ValueError(f"the folder of data contracts '{path}' holds no .toml or .json file")
    else:
        files = [path]
    contracts = tuple(contract for file in files for contract in _load_file(file))
    for agency, count in Counter(each.agency for each in contracts).items():
        if count > 1:
            raise ValueError(f"the data contracts '{path}': the agency '{agency}' stands {count} times; write it once")
    return contracts


def _load_file(path: Path) -> tuple[DataContract, ...]:
    document = read_config_file(path, "the data contracts")
    try:
        return _ContractsFile.model_validate(document).contract
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = "; ".join(
            f"{_format_location(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in found
        )
        raise ValueError(f"the data contracts '{path}': {problems}") from None


def _format_location(parts: tuple[int | str, ...]) -> str:
    """Where in the file: `contract 2, assessment, date: `; entries count from 1, as people do."""
    words = [f"{part + 1}" if isinstance(part, int) else part for part in parts]
    if len(words) > 1 and words[0] == "contract":
        words[:2] = [f"contract {words[1]}"]
    return f"{', '.join(words)}: " if words else ""


def review_contracts(
    contracts: Sequence[DataContract],
    classes_by_agency: Mapping[str, frozenset[Classification]],
    policy: AccessPolicy,
    today: date,
) -> Sequence[ContractReview]:
    """What is to be said of each agency that holds personal data, and of each that has a contract, in their order.

    `classes_by_agency` are the classes of data that the graph has of each agency. Public data takes no contract.
    `policy` says which purposes an agency's officials may state.
    """
    known = {each.agency: each for each in contracts}
    return [
        _review_contract(
            agency,
            known.get(agency),
            classes_by_agency.get(agency, frozenset()),
            policy.get_agency_purposes(agency),
            today,
        )
        for agency in sorted({*classes_by_agency, *known})
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
    found = [] if contract is None else [_find_unagreed_purposes(contract, stated_purposes)]
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
        return f"the agency '{agency}' has no data contract; {_join_names(classes)} data would be read of it"
    assessment = contract.assessment
    if assessment.decided_on > today:
        return f"the impact assessment {assessment.id} of '{agency}' is of {assessment.decided_on}, which is to come"
    if assessment.review_by < today:
        return f"the impact assessment {assessment.id} of '{agency}' ran out on {assessment.review_by}"
    missing = [each for each in classes if each not in assessment.classes]
    if missing:
        return f"the impact assessment {assessment.id} of '{agency}' does not cover {_join_names(missing)} data"
    return None


def _find_warning(agency: str, contract: DataContract, classes: Sequence[Classification], today: date) -> str | None:
    assessment = contract.assessment
    if not classes:
        return f"the agency '{agency}' has a data contract, and the graph has no personal data of it"
    left = assessment.review_by - today
    if left <= REVIEW_WARNING_PERIOD:
        return f"the impact assessment {assessment.id} of '{agency}' runs out on {assessment.review_by}"
    return None


def _find_unagreed_purposes(contract: DataContract, stated_purposes: frozenset[Purpose]) -> str | None:
    more = [each.name for each in Purpose if each in stated_purposes and each not in contract.purposes]
    if not more:
        return None
    return (
        f"officials of '{contract.agency}' may state {', '.join(more)} by SIMPUL_PURPOSES, which its data contract does"
        " not name"
    )


def _join_names(classes: Sequence[Classification]) -> str:
    return ", ".join(each.name for each in classes)


def require_assessments(found: Sequence[ContractReview]) -> None:
    """Raise `MissingAssessment` with every fault at once."""
    faults = [each.fault for each in found if each.fault is not None]
    if faults:
        raise MissingAssessment(
            f"{'; '.join(faults)}. Personal data is read under an impact assessment that covers it (UU PDP 27/2022,"
            " article 34): name the contracts with SIMPUL_CONTRACTS, and try them with `simpul data-contracts check`"
        )
