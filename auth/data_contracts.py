"""What the city agreed with each agency about its data, and the impact assessment without which nothing is read.

Joining data sets, and specific data, take an assessment before they are processed (UU PDP 27/2022, article 34). The
contracts stand in files that the operator writes, TOML or JSON of the same shape (`docs/operators/contracts.md`).
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from auth.policy import Policy
from auth.rules import Classification
from records.purposes import Purpose

SOON = timedelta(days=30)
"""So long before its review an assessment is told to run out."""
_LARGEST_FILE = 1024 * 1024
_CLASSES = {each.name: each for each in Classification if each is not Classification.PUBLIC}


def _class(value: object) -> object:
    if isinstance(value, str):
        if value not in _CLASSES:
            raise ValueError(f"'{value}' is no class of personal data; choose of {', '.join(_CLASSES)}")
        return _CLASSES[value]
    return value


def _purpose(value: object) -> object:
    return Purpose[value] if isinstance(value, str) and value in Purpose.__members__ else value


Text = Annotated[str, Field(min_length=1, max_length=500)]
DataClass = Annotated[Classification, BeforeValidator(_class)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Assessment(_Entry):
    """A data protection impact assessment (penilaian dampak pelindungan data pribadi, UU PDP 27/2022, article 34)."""

    id: Text
    """The number of the document."""
    decided_on: date
    """When it was decided."""
    decided_by: Text
    """Who decided it: an office, and a person."""
    review_by: date
    """The last day on which it holds; by then it is decided anew."""
    residual_risk: Literal["low", "medium", "high"]
    """What risk is left for people, with everything done against it."""
    classes: Annotated[tuple[DataClass, ...], Field(min_length=1)]
    """The classes of data that it covers: PERSONAL, HEALTH, CHILD, FINANCE."""

    @model_validator(mode="after")
    def _holds_for_a_time(self) -> Self:
        if self.review_by <= self.decided_on:
            raise ValueError("review_by: it has to lie after decided_on")
        return self


class DataContract(_Entry):
    """What was agreed with one agency."""

    agency: Text
    """Its code, such as `dukcapil`."""
    steward: Text
    """Who answers for the data at the agency (walidata)."""
    purposes: Annotated[tuple[Annotated[Purpose, BeforeValidator(_purpose)], ...], Field(min_length=1)]
    """What the data is read for."""
    retention: Text
    """What becomes of it, in a sentence."""
    assessment: Assessment


class _File(_Entry):
    contract: Annotated[tuple[DataContract, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is to be said of one agency."""

    agency: str
    classes: tuple[Classification, ...]
    """Which personal data the graph has of it."""
    contract: DataContract | None = None
    fault: str | None = None
    """Why its data may not be read."""
    warnings: tuple[str, ...] = ()
    """What will be a fault soon, or is odd."""


class Unassessed(Exception):  # noqa: N818 - reads as what it is
    """An agency's data would be read without an assessment that covers it; the text names each, and the mend."""


def contracts_of(path: Path) -> tuple[DataContract, ...]:
    """The contracts of a file, or of every `.toml` and `.json` file of a folder, in the order of names.

    Raises `ValueError` that names the file and what is wrong with it.
    """
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix in {".toml", ".json"})
        if not files:
            raise ValueError(f"the folder of data contracts '{path}' holds no .toml or .json file")
    else:
        files = [path]
    contracts = tuple(contract for file in files for contract in _read(file))
    for agency, count in Counter(each.agency for each in contracts).items():
        if count > 1:
            raise ValueError(f"the data contracts '{path}': the agency '{agency}' stands {count} times; write it once")
    return contracts


def _read(path: Path) -> tuple[DataContract, ...]:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ValueError(f"the data contracts '{path}' cannot be read: {error.strerror}") from None
    if len(raw) > _LARGEST_FILE:
        raise ValueError(f"the data contracts '{path}' are larger than {_LARGEST_FILE} bytes")
    try:
        text = raw.decode("utf-8")
        given: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise ValueError(f"the data contracts '{path}' are no {path.suffix[1:].upper() or 'TOML'}: {error}") from None
    try:
        return _File.model_validate(given).contract
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        told = "; ".join(f"{_place(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in found)
        raise ValueError(f"the data contracts '{path}': {told}") from None


def _place(parts: tuple[int | str, ...]) -> str:
    """Where in the file: `contract 2, assessment, date: `; entries count from 1, as people do."""
    words = [f"{part + 1}" if isinstance(part, int) else part for part in parts]
    if len(words) > 1 and words[0] == "contract":
        words[:2] = [f"contract {words[1]}"]
    return f"{', '.join(words)}: " if words else ""


def judged(
    contracts: Sequence[DataContract], held: Mapping[str, frozenset[Classification]], policy: Policy, today: date
) -> Sequence[Judged]:
    """What is to be said of each agency that holds personal data, and of each that has a contract, in their order.

    `held` are the classes of data that the graph has of each agency. Public data takes no contract. `policy` says which
    purposes an agency's officials may state.
    """
    known = {each.agency: each for each in contracts}
    return [
        _judged(agency, known.get(agency), held.get(agency, frozenset()), policy.stated_at(agency), today)
        for agency in sorted({*held, *known})
    ]


def _judged(
    agency: str,
    contract: DataContract | None,
    held: frozenset[Classification],
    stated: frozenset[Purpose],
    today: date,
) -> Judged:
    classes = tuple(each for each in _CLASSES.values() if each in held)
    fault = _fault(agency, contract, classes, today)
    found = [] if contract is None else [_unagreed(contract, stated)]
    if contract is not None and fault is None:
        found.insert(0, _warning(agency, contract, classes, today))
    return Judged(
        agency=agency,
        classes=classes,
        contract=contract,
        fault=fault,
        warnings=tuple(each for each in found if each is not None),
    )


def _fault(agency: str, contract: DataContract | None, classes: Sequence[Classification], today: date) -> str | None:
    if not classes:
        return None
    if contract is None:
        return f"the agency '{agency}' has no data contract; {_names(classes)} data would be read of it"
    assessment = contract.assessment
    if assessment.decided_on > today:
        return f"the impact assessment {assessment.id} of '{agency}' is of {assessment.decided_on}, which is to come"
    if assessment.review_by < today:
        return f"the impact assessment {assessment.id} of '{agency}' ran out on {assessment.review_by}"
    missing = [each for each in classes if each not in assessment.classes]
    if missing:
        return f"the impact assessment {assessment.id} of '{agency}' does not cover {_names(missing)} data"
    return None


def _warning(agency: str, contract: DataContract, classes: Sequence[Classification], today: date) -> str | None:
    assessment = contract.assessment
    if not classes:
        return f"the agency '{agency}' has a data contract, and the graph has no personal data of it"
    left = assessment.review_by - today
    if left <= SOON:
        return f"the impact assessment {assessment.id} of '{agency}' runs out on {assessment.review_by}"
    return None


def _unagreed(contract: DataContract, stated: frozenset[Purpose]) -> str | None:
    more = [each.name for each in Purpose if each in stated and each not in contract.purposes]
    if not more:
        return None
    return (
        f"officials of '{contract.agency}' may state {', '.join(more)} by SIMPUL_PURPOSES, which its data contract does"
        " not name"
    )


def _names(classes: Sequence[Classification]) -> str:
    return ", ".join(each.name for each in classes)


def refuse_unassessed(found: Sequence[Judged]) -> None:
    """Raise `Unassessed` with every fault at once."""
    faults = [each.fault for each in found if each.fault is not None]
    if faults:
        raise Unassessed(
            f"{'; '.join(faults)}. Personal data is read under an impact assessment that covers it (UU PDP 27/2022,"
            " article 34): name the contracts with SIMPUL_CONTRACTS, and try them with `simpul contracts check`"
        )
